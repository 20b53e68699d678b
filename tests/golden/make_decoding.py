"""Writes the golden data of image files and image processors: see README.md beside this file.

    python tests/golden/make_decoding.py

Needs pillow, numpy, safetensors and transformers of requirements.txt, simplejpeg for the two
subsamplings that Pillow does not write, and `cjpeg` of libjpeg-turbo's programs for arithmetic
coding; no torch. Seeded, as make_golden.py.
"""

import hashlib
import io
import json
import shutil
import struct
import subprocess
import warnings
import zlib
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image
from safetensors.numpy import save_file
from transformers.image_utils import load_image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

HERE = Path(__file__).parent


def picture(seed, width, height):
    """Smooth color fields with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for _ in range(3):
        a, b, c = rng.uniform(1, 5, 3)
        planes.append(np.sin(a * x / width + c) * np.cos(b * y / height) * 90 + 128)
    noise = rng.normal(0, 14, (height, width, 3))
    return np.clip(np.stack(planes, -1) + noise, 0, 255).astype(np.uint8)


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def write_json(path, data):
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def write_lines(path, data):
    """An object of objects and lists, each entry of these on a line."""
    def lines(entries):
        if isinstance(entries, list):
            return "[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries) + "\n]"
        entries = (f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in entries.items())
        return "{\n" + ",\n".join(entries) + "\n}"

    path.write_text("{\n" + ",\n".join(f'"{key}": {lines(value)}' for key, value in data.items()) + "\n}\n")


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def make_images():
    """Image files of every kind, with hashes of what PIL and the processors make of them."""
    folder = HERE / "images"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rgb = picture(1, 37, 29)
    files = {}

    def png(name, image, **kw):
        image.save(folder / f"{name}.png", **kw)
        files[f"{name}.png"] = {}

    png("odd", Image.fromarray(rgb))
    png("even", Image.fromarray(picture(2, 56, 28)))
    png("tall", Image.fromarray(picture(3, 11, 97)))
    png("wide", Image.fromarray(picture(4, 101, 9)))
    png("strip", Image.fromarray(picture(5, 3, 200)))
    png("pixel", Image.fromarray(picture(6, 1, 1)))
    png("two", Image.fromarray(picture(7, 2, 1)))
    # To 26 x 30, these lie on both sides of where Pillow changes the order of its passes.
    png("rows_20", Image.fromarray(picture(14, 36, 50)))
    png("rows_21", Image.fromarray(picture(15, 36, 51)))
    png("large", Image.fromarray(picture(8, 90, 75)))
    png("gray", Image.fromarray(rgb).convert("L"))
    png("gray_key", Image.fromarray(rgb // 32 * 32).convert("L"), transparency=96)
    alpha = Image.fromarray(picture(9, 37, 29)[..., 0])
    gray_alpha = Image.merge("LA", (Image.fromarray(rgb).convert("L"), alpha))
    png("gray_alpha", gray_alpha)
    rgba = Image.fromarray(rgb).convert("RGBA")
    rgba.putalpha(alpha)
    png("rgba", rgba)
    flat = Image.fromarray(rgb // 64 * 64)
    key = flat.getpixel((5, 5))
    png("rgb_key", flat, transparency=key)
    palette = Image.fromarray(rgb).quantize(16)
    png("palette", palette)
    png("palette_key", palette, transparency=palette.getpixel((5, 5)))
    png("palette_alpha", palette, transparency=bytes(range(0, 160, 10)))
    png("palette_1_bit", Image.fromarray(rgb).quantize(2), bits=1)
    png("black_white", Image.fromarray(rgb).convert("1"))
    for orientation in range(1, 9):
        png(f"exif_{orientation}", Image.fromarray(picture(10, 23, 14)), exif=exif_of(orientation))
    Image.fromarray(rgb).save(folder / "windows.bmp")
    files["windows.bmp"] = {}
    Image.fromarray(rgb).save(folder / "lossless.webp", lossless=True)
    files["lossless.webp"] = {}
    photo = Image.fromarray(picture(12, 83, 59)).resize((83, 59), Image.Resampling.LANCZOS)
    for name, kw in {
        "jpeg_420": dict(quality=88, subsampling=2),
        "jpeg_422": dict(quality=80, subsampling=1),
        "jpeg_444": dict(quality=95, subsampling=0, progressive=True),
        "jpeg_rotated": dict(quality=90, exif=exif_of(6)),
    }.items():
        photo.save(folder / f"{name}.jpg", **kw)
        files[f"{name}.jpg"] = {}
    photo.convert("L").save(folder / "jpeg_gray.jpg", quality=85)
    files["jpeg_gray.jpg"] = {}

    resample = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
    clip_type, siglip_type = "CLIPImageProcessor", "SiglipImageProcessor"
    crop = {"height": 28, "width": 28}
    configs = {}
    for name in ["lanczos", "bilinear", "bicubic"]:
        configs[f"clip_{name}"] = {
            "image_processor_type": clip_type, "size": {"shortest_edge": 28}, "crop_size": crop,
            "resample": resample[name],
        }
    for name, number in resample.items():
        configs[f"siglip_{name}"] = {
            "image_processor_type": siglip_type, "size": {"height": 30, "width": 26}, "resample": number,
        }
    configs["clip_old_style"] = {
        "feature_extractor_type": "CLIPFeatureExtractor", "size": 31, "crop_size": 33, "resample": 3,
        "image_mean": [0.5, 0.25, 0.125], "image_std": [0.1, 0.2, 0.3],
    }
    configs["crop_only"] = {
        "image_processor_type": clip_type, "do_resize": False, "crop_size": {"height": 25, "width": 40},
        "do_normalize": False,
    }
    configs["plain_values"] = {
        "image_processor_type": siglip_type, "size": {"height": 19, "width": 23}, "do_rescale": False,
        "do_convert_rgb": False,
    }
    configs["two_edges"] = {
        "image_processor_type": clip_type, "size": {"shortest_edge": 21, "longest_edge": 40},
        "do_center_crop": False, "rescale_factor": 0.01,
    }
    llava_type = "LlavaImageProcessor"
    configs["llava_square"] = {
        "image_processor_type": llava_type, "do_pad": True, "size": {"shortest_edge": 28}, "crop_size": crop,
    }
    configs["llava_square_values"] = {
        "image_processor_type": llava_type, "do_pad": True, "do_resize": False, "do_center_crop": False,
        "do_rescale": False, "do_normalize": False, "image_mean": [0.999, 0.0, 0.3],
    }
    configs["llava_unpadded"] = {
        "image_processor_type": llava_type, "size": {"shortest_edge": 28}, "crop_size": crop, "pad_size": 40,
    }
    configs["clip_padded"] = {
        "image_processor_type": clip_type, "size": {"shortest_edge": 28}, "crop_size": crop, "do_pad": True,
        "pad_size": {"height": 33, "width": 30},
    }
    configs["clip_padded_to_itself"] = {
        "image_processor_type": clip_type, "size": {"shortest_edge": 20}, "do_center_crop": False, "do_pad": True,
    }
    classes = {siglip_type: SiglipImageProcessorPil, llava_type: LlavaImageProcessorPil}
    makers = {}
    for name, config in configs.items():
        maker = classes.get(config.get("image_processor_type"), CLIPImageProcessorPil)
        makers[name] = maker(**{k: v for k, v in config.items() if not k.endswith("_type")})
    for file, entry in files.items():
        image = load_image(str(folder / file))
        entry["width"], entry["height"] = image.size
        entry["rgb"] = sha(np.asarray(image))
        entry["pixel_values"] = {}
        for name, maker in makers.items():
            values = np.asarray(maker(image)["pixel_values"][0], dtype=np.float32)
            entry["pixel_values"][name] = {"shape": list(values.shape), "sha256": sha(values)}
    # 16 bits: PIL would clip gray values at 255; only that they are read is tested.
    deep = (picture(11, 15, 12)[..., 0].astype(np.uint16) << 8) + 77
    Image.fromarray(deep).save(folder / "deep_gray.png")
    write_lines(folder / "images.json", {"configs": configs, "files": files})


def saved(image, form, **kw):
    buffer = io.BytesIO()
    image.save(buffer, form, **kw)
    return buffer.getvalue()


def jpegs():
    """name -> JPEG file"""
    found = {}
    sizes = [(1, 1), (7, 3), (16, 16), (33, 17)]
    for width, height in sizes:
        rgb = picture(width, width, height)
        image = Image.fromarray(rgb)
        for progressive in (False, True):
            kind = f"{width}x{height}" + ("_progressive" if progressive else "")
            for subsampling in ("444", "422", "420"):
                written = dict(quality=75, subsampling=":".join(subsampling), progressive=progressive)
                found[f"{kind}_{subsampling}"] = saved(image, "JPEG", **written)
        for subsampling in ("440", "411"):
            kw = dict(quality=75, colorspace="RGB", colorsubsampling=subsampling, fastdct=False)
            found[f"{width}x{height}_{subsampling}"] = simplejpeg.encode_jpeg(rgb, **kw)
    for quality in (30, 60, 95):
        for subsampling in ("4:4:4", "4:2:0"):
            name = f"quality_{quality}_{subsampling.replace(':', '')}"
            found[name] = saved(image, "JPEG", quality=quality, subsampling=subsampling)
    found["restarts"] = saved(image, "JPEG", subsampling="4:2:2", restart_marker_blocks=2)
    found["restarts_progressive"] = saved(image, "JPEG", progressive=True, restart_marker_rows=1)
    found["gray"] = saved(image.convert("L"), "JPEG")
    found["gray_progressive"] = saved(image.convert("L"), "JPEG", progressive=True)
    cmyk = saved(image.convert("CMYK"), "JPEG")
    adobe = cmyk.index(b"Adobe")
    found["cmyk"] = cmyk
    found["cmyk_without_adobe"] = cmyk[: adobe - 4] + cmyk[adobe + 12 :]
    # The last byte of Adobe's segment says YCCK.
    found["ycck"] = cmyk[: adobe + 11] + b"\x02" + cmyk[adobe + 12 :]
    ppm = saved(image, "PPM")
    for name, options in {
        "rgb": ["-rgb"],
        "arithmetic": ["-arithmetic"],
        "arithmetic_progressive": ["-arithmetic", "-progressive"],
        "vertical_420": ["-sample", "1x2,1x1,1x1", "-progressive"],
    }.items():
        run = subprocess.run(["cjpeg", *options], input=ppm, stdout=subprocess.PIPE, check=True)
        found[name] = run.stdout
    plain = found["33x17_420"]
    found["data_after"] = plain + b"\xff\xd8\xff\xe0 more"
    found["bytes_between"] = plain[:20] + b"\x12\x34" + plain[20:-2] + b"\x56" + plain[-2:]
    found["fill_between"] = plain[:20] + b"\xff" * 5 + plain[20:]
    return found


def webps():
    """name -> WebP file"""
    found = {}
    for width, height in [(1, 1), (7, 3), (33, 18)]:
        rgb = picture(width + 50, width, height)
        image = Image.fromarray(rgb)
        alpha = image.copy()
        alpha.putalpha(Image.fromarray(picture(width + 60, width, height)[..., 0]))
        found[f"{width}x{height}"] = saved(image, "WEBP", quality=60)
        found[f"{width}x{height}_alpha"] = saved(alpha, "WEBP", quality=80)
        found[f"{width}x{height}_lossless_alpha"] = saved(alpha, "WEBP", lossless=True, exact=True)
    found["animation"] = saved(image, "WEBP", quality=50, save_all=True, append_images=[alpha])

    def chunk(kind, data):
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def u24(number):
        return struct.pack("<I", number)[:3]

    # A first frame smaller than the canvas, before a colored background.
    for name, still in {"lossy": found["7x3_alpha"], "lossless": found["7x3_lossless_alpha"]}.items():
        data = still[30:] if still[12:16] == b"VP8X" else still[12:]
        frame = u24(2) + u24(1) + u24(6) + u24(2) + u24(100) + b"\0" + data
        body = b"WEBP" + chunk(b"VP8X", bytes([0x12, 0, 0, 0]) + u24(13) + u24(8))
        body += chunk(b"ANIM", bytes([200, 100, 50, 255, 0, 0])) + chunk(b"ANMF", frame)
        found[f"animation_{name}_part"] = b"RIFF" + struct.pack("<I", len(body)) + body
    return found


def lzw(indices, bits):
    """A GIF's codes, each as wide as the first: the table is cleared before it grows."""
    codes = []
    for at in range(0, len(indices), 2**bits - 3):
        codes += [1 << bits, *indices[at : at + 2**bits - 3]]
    stream = sum(code << i * (bits + 1) for i, code in enumerate([*codes, (1 << bits) + 1]))
    data = stream.to_bytes((len(codes) + 1) * (bits + 1) // 8 + 1, "little")
    blocks = [data[at : at + 255] for at in range(0, len(data), 255)]
    return bytes([bits]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gifs():
    """name -> GIF file"""
    rng = np.random.default_rng(31)
    colors = rng.integers(0, 256, 24, np.uint8).tobytes()
    others = rng.integers(0, 256, 24, np.uint8).tobytes()
    grays = bytes(shade for shade in range(8) for _ in range(3))
    indices = rng.integers(0, 8, 63).tolist()

    def gif(box=(0, 0, 9, 7), table=colors, local=b"", key=None, interlaced=False, indices=indices):
        head = b"GIF89a" + struct.pack("<HH", 9, 7) + (b"\xf2\x01\0" + table if table else b"\x70\0\0")
        control = b"" if key is None else b"!\xf9\x04\x01\0\0" + bytes([key]) + b"\0"
        flags = (0x82 if local else 0) | (0x40 if interlaced else 0)
        frame = b"," + struct.pack("<HHHHB", *box, flags) + local + lzw(indices, 3)
        second = b"," + struct.pack("<HHHHB", 0, 0, 9, 7, 0) + lzw([1] * 63, 3)
        return head + control + frame + second + b";"

    part = dict(box=(3, 2, 4, 3), indices=indices[:12])
    return {
        "plain": gif(),
        "interlaced": gif(interlaced=True, key=3),
        "key": gif(key=2),
        "part": gif(**part),
        "part_key": gif(**part, key=5),
        "beyond": gif(box=(4, 5, 9, 7), key=1),
        "local": gif(local=others),
        "local_only": gif(table=b"", local=others, key=7),
        "gray": gif(table=grays, key=4),
        "gray_local": gif(local=grays),
        "short_table": gif(table=colors[:12] + colors[:12]),
        "key_beyond_table": gif(key=200, **part),
    }


def bmps():
    """name -> BMP file of 16 bits per pixel, all levels among them"""
    width, height = 64, 3
    values = np.arange(width * height, dtype=np.uint32) * 2731 % 65536
    values[:64] = np.arange(64) << 5
    data = values.astype("<u2").tobytes()

    def bmp(masks=b""):
        start = 54 + len(masks)
        head = struct.pack("<2sIII", b"BM", start + len(data), 0, start)
        sizes = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, 3 if masks else 0, len(data), 0, 0, 0, 0)
        return head + sizes + masks + data

    return {
        "555": bmp(),
        "555_masks": bmp(struct.pack("<III", 0x7C00, 0x3E0, 0x1F)),
        "565": bmp(struct.pack("<III", 0xF800, 0x7E0, 0x1F)),
    }


def metadata():
    """name -> file whose metadata turn it, or do not"""
    image = Image.fromarray(picture(70, 13, 7))
    png, jpeg = saved(image, "PNG"), saved(image, "JPEG", quality=90)
    webp = saved(image, "WEBP", lossless=True)

    def tiff(*entries, order="<", magic=42):
        data = (b"II" if order == "<" else b"MM") + struct.pack(order + "HLH", magic, 8, len(entries))
        more, place = b"", 10 + 12 * len(entries) + 4
        for tag, kind, count, value in entries:
            data += struct.pack(order + "HHL", tag, kind, count)
            data += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "L", place + len(more))
            more += value if len(value) > 4 else b""
        return data + bytes(4) + more

    def png_chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def in_png(*chunks, after=False):
        at = len(png) - 12 if after else 33
        return png[:at] + b"".join(png_chunk(*chunk) for chunk in chunks) + png[at:]

    def in_jpeg(*segments):
        segments = (b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data for data in segments)
        return jpeg[:20] + b"".join(segments) + jpeg[20:]

    def in_webp(exif=b"", xmp=b""):
        flags = (8 if exif else 0) | (4 if xmp else 0)
        body = b"WEBPVP8X" + struct.pack("<II", 10, flags) + b"\x0c\0\0\x06\0\0" + webp[12:]
        for kind, data in ((b"EXIF", exif), (b"XMP ", xmp)):
            body += (kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)) if data else b""
        return b"RIFF" + struct.pack("<I", len(body)) + body

    six = (0x0112, 3, 1, struct.pack("<H", 6))
    turned = tiff(six)
    maker = (0x010F, 2, 12, b"Some maker.\0")
    packet = b'<x:xmpmeta><rdf tiff:Orientation="8"/></x:xmpmeta>'
    xmp = b"http://ns.adobe.com/xap/1.0/\0" + packet
    itxt = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
    packed = (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet))
    raw = b"\nexif\n%8d\n" % (len(turned) + 6) + (b"Exif\0\0" + turned).hex().encode() + b"\n"
    in_exif = {
        "long": tiff((0x0112, 4, 1, struct.pack("<L", 6))),
        "byte": tiff((0x0112, 1, 1, b"\6")),
        "big_endian": tiff((0x0112, 3, 1, b"\0\3"), order=">"),
        "rational": tiff((0x0112, 5, 1, struct.pack("<LL", 10, 2))),
        "two_values": tiff((0x0112, 3, 2, struct.pack("<HH", 2, 3))),
        "twice": tiff(six, (0x0112, 3, 1, struct.pack("<H", 3))),
        "after_others": tiff(maker, six),
        "after_broken": tiff(maker, six)[:-3],
        "no_tiff": tiff(six, magic=77),
        "out_of_range": tiff((0x0112, 3, 1, struct.pack("<H", 9))),
    }
    return {
        **{f"{name}.jpg": in_jpeg(b"Exif\0\0" + data) for name, data in in_exif.items()},
        "split.jpg": in_jpeg(b"Exif\0\0" + turned[:11], b"Exif\0\0" + turned[11:]),
        "named_twice.jpg": in_jpeg(b"Exif\0\0Exif\0\0" + turned),
        "xmp.jpg": in_jpeg(xmp),
        "exif_before_xmp.jpg": in_jpeg(xmp, b"Exif\0\0" + turned),
        "xmp_for_exif_without.jpg": in_jpeg(xmp, b"Exif\0\0" + tiff(maker)),
        "exif.webp": in_webp(turned),
        "exif_named.webp": in_webp(b"Exif\0\0" + turned),
        "xmp.webp": in_webp(xmp=packet),
        "after.png": in_png((b"eXIf", turned), after=True),
        "xmp.png": in_png(itxt),
        "xmp_packed_after.png": in_png(packed, after=True),
        "exif_and_xmp.png": in_png((b"eXIf", turned), itxt),
        "raw.png": in_png((b"tEXt", b"Raw profile type exif\0" + raw)),
        "raw_packed_after.png": in_png((b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)), after=True),
    }


def outcome(file):
    """What PIL makes of a file: size, hash and the color that it names as transparent; none where it is
    refused."""
    try:
        image = load_image(file)
    except OSError:
        return None
    entry = {"width": image.width, "height": image.height, "rgb": sha(np.asarray(image))}
    key = image.info.get("transparency")
    return entry if key is None else {**entry, "transparent": list(key)}


def make_decoding():
    """Small files of every kind that decoders differ in, all in one, and what PIL makes of them."""
    files = {f"{name}.jpg": data for name, data in jpegs().items()}
    files |= {f"{name}.webp": data for name, data in webps().items()}
    files |= {f"{name}.gif": data for name, data in gifs().items()}
    files |= {f"{name}.bmp": data for name, data in bmps().items()}
    files |= {f"metadata/{name}": data for name, data in metadata().items()}
    entries = {}
    for name, data in files.items():
        path = HERE / "tried"
        path.write_bytes(data)
        entries[name] = outcome(str(path))
        assert entries[name] is not None, name
        # In the smallest files PIL's verdict hangs on how far its decoder happens to read ahead.
        small = name.startswith(("1x1_", "7x3_"))
        if name.endswith(".jpg") and "arithmetic" not in name and "/" not in name and not small:
            # The second half of the data zero, as a download that broke off leaves it.
            half = (data.rindex(b"\xff\xda") + len(data)) // 2
            path.write_bytes(data[:half] + bytes(len(data) - half))
            entries[name]["zero_filled"] = outcome(str(path))
        path.unlink()
    arrays = {name: np.frombuffer(data, np.uint8) for name, data in files.items()}
    save_file(arrays, HERE / "images" / "decoding.safetensors")
    write_lines(HERE / "images" / "decoding.json", {"files": entries})


def main():
    warnings.simplefilter("ignore")
    make_images()
    make_decoding()


if __name__ == "__main__":
    main()
