"""The single pictures: from the packages to one file of small WebP pictures with transparency, and what each shows.

    python -m training.real.pictures PACKAGES OUT [--few N]

PACKAGES holds the unpacked packages (README.md lists them). `OUT/bank.bin` holds the pictures one after
another, `OUT/bank.json` of each its offset, style, kind, phrase and, where the package has one, its sentence.
A name that is held out is held out in every style.
"""

import argparse
import html
import io
import json
import random
import re
from collections import Counter
from pathlib import Path

from PIL import Image

from .names import clipart, content_words, head, squeezed, with_article

SIDE = 96  # pixels: the longest side of a single picture
STYLES = ("google", "twitter", "openmoji", "fluent", "clipart", "stamp")
SHARED = ("google", "fluent", "clipart")  # Apache-2.0, MIT, public domain: pictures that may be passed on
LEFT_OUT = re.compile(r"flat-theme|lemon-theme|etiquette|shapes/|gradients|patterns|flags|buttons|flowchart|icons|semaphore|cards/|"
                      r"logos|geography|map_symbols|roadsigns|aiga|stickmen|smilies|folders|led/|special/|callouts|clocks")
DULL = re.compile(r"symbol_signs|road ?signs|clipart|cliparts|iconset|nicu|submission|pieces|^\W*$", re.I)
GENERIC = 14  # a head noun that so many names share is no object of its own: face, hand, man, ...
HELD_OUT = 0.11  # share of head nouns


def trimmed(image: Image.Image) -> Image.Image | None:
    """The visible part at the size of the bank; None where next to nothing is visible."""
    image = image.convert("RGBA")
    box = image.getchannel("A").point(lambda a: 255 if a > 16 else 0).getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < 8:
        return None
    image = image.crop(box)
    scale = SIDE / max(image.size)
    size = tuple(max(1, round(v * scale)) for v in image.size)
    return image.convert("RGBa").resize(size, Image.LANCZOS).convert("RGBA")


def emoji(root: Path):
    """(style, kind, phrase, sentence, what opens the picture) of each emoji in each style."""
    table = json.loads((root / "openmoji/data/openmoji.json").read_text())
    unified = {}
    for style in ("google", "twitter"):
        for entry in json.loads((root / f"emoji-datasource-{style}/emoji.json").read_text()):
            for variant in (entry, *entry.get("skin_variations", {}).values()):
                if variant.get(f"has_img_{style}"):
                    unified[style, variant["unified"]] = root / f"emoji-datasource-{style}/img/{style}/64" / variant["image"]
    fluent = {}
    for file in (root / "lobehub-fluent-emoji-3d/assets").glob("*.webp"):
        fluent[file.stem.upper().replace("-FE0F", "")] = file
    plain = {style: {code.replace("-FE0F", ""): path for (s, code), path in unified.items() if s == style} for style in ("google", "twitter")}
    rng = random.Random("skin tones")
    for entry in table:
        group, code = entry["group"], entry["hexcode"].replace("-FE0F", "")
        if group in ("symbols", "component", "extras-unicode") or entry["subgroups"] in ("brand", "ui-element", "interaction", "symbol-other", "queer-symbols", "family"):
            continue
        if entry["skintone"] and (entry["skintone_combination"] == "multiple" or rng.random() > 0.18):
            continue
        name = squeezed(entry["annotation"].replace("“", "").replace("”", "")).replace("flag: ", "the flag of ")
        name = re.sub(r"^(.*): (.*) skin tone$", r"\1 with \2 skin", name)
        if not name.isascii() or ":" in name or len(name) > 48:
            continue
        phrase = name if name.startswith("the flag") else with_article(name)
        kind = "flag" if group == "flags" else "person" if group == "people-body" else "face" if group == "smileys-emotion" else "thing"
        for style in ("google", "twitter"):
            if path := plain[style].get(code):
                yield style, kind, phrase, None, path
        if path := fluent.get(code):
            yield "fluent", kind, phrase, None, path
        if (path := root / "openmoji/color/svg" / f"{entry['hexcode']}.svg").exists():
            yield "openmoji", kind, phrase, None, path


def cliparts(root: Path):
    base = root / "openclipart-svg/usr/share/openclipart/svg"
    for path in sorted(base.rglob("*.svg")):
        place = str(path.relative_to(base))
        if LEFT_OUT.search(place):
            continue
        text = path.read_text(errors="ignore")
        found = re.search(r"<metadata.*?</metadata>", text, re.S)
        title = re.search(r"<dc:title>(.*?)</dc:title>", found[0], re.S) if found else None
        title = html.unescape(title[1]) if title else ""
        picture = root / "openclipart-png/usr/share/openclipart/png" / place.replace(".svg", ".png")
        if DULL.search(title) or not picture.exists():
            continue
        if phrase := clipart(title, str(root / "wordnet/usr/share/wordnet")):
            yield "clipart", "person" if place.startswith("people") else "thing", phrase, None, picture


def stamps(root: Path):
    base = root / "tuxpaint-stamps-default/usr/share/tuxpaint/stamps"
    for text in sorted(base.rglob("*.txt")):
        place = str(text.relative_to(base))
        if place.startswith("symbols"):
            continue
        sentence = text.read_text(errors="ignore").splitlines()[0].strip().replace("’", "'")
        picture = next((p for end in (".png", ".svg") if (p := text.with_suffix(end)).exists()), None)
        if picture is None or not sentence.isascii() or not 3 < len(sentence) < 90:
            continue
        short = re.fullmatch(r"((?:An?|The|Some) [a-z' -]{3,40})\.", sentence)
        phrase = squeezed(short[1][:1].lower() + short[1][1:]) if short else None
        yield "stamp", "person" if place.startswith("people") else "thing", phrase, None if short else sentence, picture


def opened(path: Path) -> Image.Image:
    if path.suffix == ".svg":
        import cairosvg
        return Image.open(io.BytesIO(cairosvg.svg2png(url=str(path), output_width=2 * SIDE, output_height=2 * SIDE)))
    image = Image.open(path)
    image.draft("RGBA", (2 * SIDE, 2 * SIDE))
    return image


def held_out(items: list[dict]) -> set[str]:
    """The words that are held out, and full names where the word alone is too common (faces, people, flags)."""
    heads = Counter(word for phrase in {i["phrase"] for i in items if i["phrase"]} for word in [head(phrase)])
    chosen = set()
    for item in items:
        if not item["phrase"]:
            continue
        word = head(item["phrase"])
        key = item["phrase"] if heads[word] > GENERIC else word
        if random.Random(f"held out/{key}").random() < HELD_OUT:
            chosen.add(key)
    return chosen


def split_of(item: dict, chosen: set[str]) -> str:
    """`heldout` where the name itself is held out, `none` where only a word of it is, else `train`."""
    phrase = item["phrase"]
    if phrase and (phrase in chosen or head(phrase) in chosen):
        return "heldout"
    words = content_words(f"{phrase or ''} {item['sentence'] or ''}")
    return "none" if any(w in chosen for w in words) else "train"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("packages", type=Path), parser.add_argument("out", type=Path)
    parser.add_argument("--few", type=int)
    args = parser.parse_args()
    found = [*emoji(args.packages), *cliparts(args.packages), *stamps(args.packages)]
    if args.few:
        found = random.Random(1).sample(found, args.few)
    items, data, failed = [], bytearray(), 0
    for style, kind, phrase, sentence, path in found:
        try:
            image = trimmed(opened(path))
        except Exception:  # a picture that its library cannot read is left out and counted
            image = None
        if image is None:
            failed += 1
            continue
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=82, alpha_quality=80, method=2)
        items.append({"at": len(data), "bytes": buffer.tell(), "style": style, "kind": kind, "phrase": phrase, "sentence": sentence})
        data += buffer.getbuffer()
    chosen = held_out(items)
    for item in items:
        item["split"] = split_of(item, chosen)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "bank.bin").write_bytes(data)
    (args.out / "bank.json").write_text(json.dumps({"side": SIDE, "held_out": sorted(chosen), "items": items}))
    count = Counter((i["style"], i["split"]) for i in items)
    print(f"{len(items)} pictures, {len({i['phrase'] for i in items})} names, {len(data) / 1e6:.1f} MB, {failed} unreadable", dict(count))


if __name__ == "__main__":
    main()
