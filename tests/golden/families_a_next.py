"""Pictures in tiles: families/llava_next/ and families/llava_onevision/, see README.md."""

import json
import math

import torch
from PIL import Image
from transformers import (
    AutoProcessor,
    LlamaConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextProcessor,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionProcessor,
    MistralConfig,
    Qwen2Config,
)
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil

import families_a_common as common
import families_a_llava as llava
import families_a_vlm as vlm
import make_golden as golden

HALF = dict(image_mean=[0.5] * 3, image_std=[0.5] * 3)
TEXT = dict(intermediate_size=32, num_hidden_layers=2, rms_norm_eps=1e-5, max_position_embeddings=512)


def grid(side, rows, cols):
    """All resolutions of up to so many tiles, as OneVision lists them."""
    return [[side * i, side * j] for i in range(1, rows + 1) for j in range(1, cols + 1)]


def next_cases():
    """name -> (tokenizer, decoder class and keywords, sizes of the images, dtype, how the files are laid out)"""
    small = dict(hidden_size=20, num_attention_heads=2, num_key_value_heads=1)
    return {
        # Three tiles in a row, a column of features cut off on each side.
        "mistral_wide": (vlm.mistral_tokenizer, MistralConfig, dict(**small, sliding_window=None), [(61, 23)],
                         torch.bfloat16, "hub"),
        # Three tiles one above the other.
        "llama_high": (vlm.llama_tokenizer, LlamaConfig, dict(**small, tie_word_embeddings=True), [(23, 61)],
                       torch.float32, "new"),
        # 2 x 2 tiles and 1 x 2 tiles.
        "llama_document": (vlm.llama_tokenizer, LlamaConfig,
                           {**small, "hidden_size": 12}, [(41, 29), (31, 14)], torch.float16, "nested"),
    }


def onevision_cases():
    """name -> (side of the tower's picture, decoder keywords, sizes of the images, dtype, files, how several count)"""
    tied = dict(hidden_size=20, num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True)
    own = dict(hidden_size=24, num_attention_heads=4, num_key_value_heads=2)
    return {
        # 4 x 6 tiles; 8 x 12 features cut to 6 x 12 and made 4 x 8.
        "shrunk": (10, tied, [(57, 33)], torch.bfloat16, "hub", "single"),
        # 3 x 1 tiles, all of their features.
        "whole": (14, tied, [(11, 29)], torch.float32, "new", "single"),
        "document": (10, own, [(53, 37), (19, 31)], torch.float16, "hub", "nested"),
        "document_flat": (14, tied, [(25, 13), (14, 14)], torch.bfloat16, "nested", "flat"),
        "video": (14, own, [(53, 37)] * 3, torch.bfloat16, "hub", "video"),
    }


def rounded(value):
    return int(round(value, 7))


def packed(config, features, sizes, several=False):
    """The tokens of all images from the connector's output, written down once more."""
    side = config.vision_config.image_size
    g = side // config.vision_config.patch_size
    newline, limit = features["newline"], getattr(config, "vision_aspect_ratio", None)
    rest, tokens, counts = features["pictures"], [], []
    for height, width in sizes:
        base, rest = rest[0], rest[1:]
        if several:
            tokens += [base, newline[None]]
            counts.append(len(base) + 1)
            continue
        best = llava_best((height, width), config.image_grid_pinpoints)
        rows, cols = best[0] // side, best[1] // side
        tiles, rest = rest[: rows * cols], rest[rows * cols:]
        whole = tiles.view(rows, cols, g, g, -1).permute(0, 2, 1, 3, 4).reshape(rows * g, cols * g, -1)
        h, w = whole.shape[:2]
        if width / height > w / h:
            cut = (h - rounded(height * (w / width))) // 2
            whole = whole[cut: h - cut]
        else:
            cut = (w - rounded(width * (h / height))) // 2
            whole = whole[:, cut: w - cut]
        h, w = whole.shape[:2]
        if limit is not None:
            ratio = math.sqrt(h * w / (int(limit.removeprefix("anyres_max_")) * g**2))
            if ratio > 1.1:
                whole = shrink(whole, int(h // ratio), int(w // ratio))
        lines = [torch.cat([line, newline[None]]) for line in whole]
        tokens += [base, *lines]
        counts.append(len(base) + sum(len(line) for line in lines))
    assert not len(rest)
    return torch.cat(tokens), counts


def llava_best(size, pinpoints):
    """The resolution that keeps most of the picture, then the smallest."""
    found = None
    for height, width in pinpoints:
        scale = min(width / size[1], height / size[0])
        kept = min(int(size[1] * scale) * int(size[0] * scale), size[0] * size[1])
        if found is None or (-kept, height * width - kept) < found[0]:
            found = ((-kept, height * width - kept), (height, width))
    return found[1]


def shrink(whole, rows, cols):
    """Bilinear between two neighbors on each axis, without smoothing."""
    def taps(size, count):
        at = ((torch.arange(count) + 0.5) * (size / count) - 0.5).clamp(min=0)
        low = at.floor().long()
        return low, (low + 1).clamp(max=size - 1), (at - low)

    top, bottom, down = taps(whole.shape[0], rows)
    left, right, along = taps(whole.shape[1], cols)
    down, along = down[:, None, None], along[None, :, None]
    upper = whole[top][:, left] * (1 - along) + whole[top][:, right] * along
    lower = whole[bottom][:, left] * (1 - along) + whole[bottom][:, right] * along
    return upper * (1 - down) + lower * down


def save_checkpoint(folder, model, processor, dtype, layout):
    model.to(dtype).save_pretrained(folder)
    processor.save_pretrained(folder)
    golden.compact_tokenizer(folder)
    if layout == "hub":
        common.old_config(folder, llava.hub_config, ["text_config", "vision_config"])
        common.rename(folder, golden.hub_names)
        llava.processors_of_hub(folder)
    elif layout == "nested":
        common.rename(folder, lambda name: llava.nested_names(name).replace("image_newline", "model.image_newline"))


def finish(folder, model, inputs, tensors, image_id, several=False, video=False):
    """The states, with the tokens of the images checked against `packed`."""
    config = model.config
    with torch.no_grad():
        # A first pass for the connector's output alone.
        caught = []
        hook = model.model.multi_modal_projector.register_forward_hook(lambda _, args, out: caught.append(out))
        model(**inputs)
        hook.remove()
        pictures = torch.cat(caught)
        features = {"newline": model.model.image_newline, "pictures": pictures}
        if video:
            g = config.vision_config.image_size // config.vision_config.patch_size
            half = math.ceil(g / 2)
            frames = [shrink(frame.view(g, g, -1), half, half).flatten(0, 1) for frame in pictures]
            expected = torch.cat([*frames, features["newline"][None]])
        else:
            expected, counts = packed(config, features, inputs["image_sizes"].tolist(), several)
            assert sum(counts) == int((tensors["input_ids"] == image_id).sum())
        found = model.get_input_embeddings()(torch.where(tensors["input_ids"] == image_id, 0, tensors["input_ids"]))
        found[tensors["input_ids"] == image_id] = expected
    states = vlm.vision_states(model, inputs, tensors["input_ids"], image_id, features=expected)
    tensors |= states
    for name, value in inputs.items():
        if name not in ["input_ids", "attention_mask"]:
            tensors[name] = value[0] if value.shape[0] == 1 and name.startswith("pixel") else value
    common.save_tensors(folder, tensors)
    count = int((tensors["input_ids"] == image_id).sum())
    common.report(folder, f"{count} image tokens of {len(tensors['input_ids'])}, {len(pictures)} pictures")


def texts_of(seed, count):
    return [golden.SENTENCES[(seed + i) % 5][: 15 - 5 * i] + f" {i}\u00e9." for i in range(count)]


def make_next(name, seed, spec):
    make_tokenizer, decoder, keywords, sizes, dtype, layout = spec
    folder = common.fresh("llava_next", name)
    tokenizer = make_tokenizer()
    image_id = tokenizer.convert_tokens_to_ids("<image>")
    vision = vlm.clip(hidden_size=12, num_attention_heads=2, intermediate_size=20, image_size=15, patch_size=5)
    text = decoder(**{**TEXT, "vocab_size": len(tokenizer) + 3, "rope_parameters": {
        "rope_type": "default", "rope_theta": 700.0 + seed}, **keywords})
    pinpoints = [[15, 30], [30, 15], [30, 30], [45, 15], [15, 45]]
    config = LlavaNextConfig(vision_config=vision, text_config=text, image_token_index=image_id,
                             image_grid_pinpoints=pinpoints,
                             tie_word_embeddings=keywords.get("tie_word_embeddings", False))
    torch.manual_seed(seed)
    model = LlavaNextForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    common.randomize(model, seed)
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": 15}, crop_size={"height": 15, "width": 15}, image_grid_pinpoints=pinpoints
    )
    processor = LlavaNextProcessor(
        image_processor=images, tokenizer=tokenizer, patch_size=5, num_additional_image_tokens=1,
        vision_feature_select_strategy="default", chat_template=tokenizer.chat_template,
    )
    save_checkpoint(folder, model, processor, dtype, layout)
    texts = texts_of(seed, len(sizes))
    pictures = vlm.write_pictures(folder, seed, sizes, texts)
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    model = LlavaNextForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    rendered = processor.apply_chat_template(vlm.conversation(texts), tokenize=False)
    specials = not rendered.startswith(tokenizer.bos_token)
    inputs = processor(text=rendered, images=pictures, return_tensors="pt", add_special_tokens=specials)
    counts = [
        processor.replace_image_token({k: inputs[k] for k in ["pixel_values", "image_sizes"]}, i).count("<image>")
        for i in range(len(sizes))
    ]
    _, _, tensors = vlm.prompt(processor, texts, counts, image_id)
    assert torch.equal(inputs["input_ids"][0], tensors["input_ids"])
    inputs = {k: inputs[k] for k in ["input_ids", "attention_mask", "pixel_values", "image_sizes"]}
    finish(folder, model, inputs, tensors, image_id)


def make_onevision(name, seed, spec):
    side, keywords, sizes, dtype, layout, how = spec
    folder = common.fresh("llava_onevision", name)
    tokenizer = vlm.qwen_tokenizer()
    image_id, video_id = tokenizer.convert_tokens_to_ids(["<image>", "<video>"])
    patch = 4  # two pixels are left over on either axis
    vision = vlm.siglip(hidden_size=12, num_attention_heads=2, intermediate_size=20, image_size=side, patch_size=patch)
    text = Qwen2Config(**{**TEXT, "vocab_size": len(tokenizer) + 3, "eos_token_id": tokenizer.eos_token_id,
                          "rope_parameters": {"rope_type": "default", "rope_theta": 800.0 + seed}, **keywords})
    pinpoints = grid(side, 6, 6)
    config = LlavaOnevisionConfig(vision_config=vision, text_config=text, image_token_index=image_id,
                                  video_token_index=video_id, image_grid_pinpoints=pinpoints)
    torch.manual_seed(seed)
    model = LlavaOnevisionForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    common.randomize(model, seed)
    square = {"height": side, "width": side}
    images = LlavaOnevisionImageProcessorPil(size=square, image_grid_pinpoints=pinpoints, **HALF)
    # The checks of the constructor want a video processor, which needs torchvision.
    LlavaOnevisionProcessor.get_attributes = classmethod(lambda cls: ["image_processor", "tokenizer"])
    processor = LlavaOnevisionProcessor(
        image_processor=images, tokenizer=tokenizer, num_image_tokens=(side // patch) ** 2,
        vision_feature_select_strategy="full", chat_template=tokenizer.chat_template,
    )
    save_checkpoint(folder, model, processor, dtype, layout)
    model = LlavaOnevisionForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    if how == "video":
        make_video(folder, seed, model, processor, sizes)
        return
    texts = texts_of(seed, len(sizes))
    pictures = vlm.write_pictures(folder, seed, sizes, texts)
    rendered = processor.apply_chat_template(vlm.conversation(texts), tokenize=False)
    inputs = processor(text=rendered, images=[pictures] if how == "nested" else pictures, return_tensors="pt")
    if how != "flat":
        talk = vlm.conversation(texts)
        for turn, picture in zip(talk[::2], pictures, strict=True):
            turn["content"][0]["image"] = picture
        again = processor.apply_chat_template(talk, tokenize=True, return_dict=True, return_tensors="pt")
        assert torch.equal(again["pixel_values"], inputs["pixel_values"])
        assert torch.equal(again["input_ids"], inputs["input_ids"])
    given = {k: inputs[k] for k in ["pixel_values", "image_sizes", "batch_num_images"]}
    counts = [processor.replace_image_token(given, i).count("<image>") for i in range(len(sizes))]
    _, _, tensors = vlm.prompt(processor, texts, counts, image_id)
    assert torch.equal(inputs["input_ids"][0], tensors["input_ids"])
    given = {**{k: inputs[k] for k in ["input_ids", "attention_mask"]}, **given}
    finish(folder, model, given, tensors, image_id, several=how == "nested")


def make_video(folder, seed, model, processor, sizes):
    """Frames of a video, each prepared as an image without tiles and without padding."""
    text = texts_of(seed, 1)[0]
    frames = []
    for i, size in enumerate(sizes):
        Image.fromarray(golden.picture(100 * seed + i, *size)).save(folder / f"frame-{i}.png")
        frames.append(Image.open(folder / f"frame-{i}.png"))
    line = {"video": [f"frame-{i}.png" for i in range(len(sizes))], "text": text}
    (folder / "document.jsonl").write_text(json.dumps(line, ensure_ascii=False) + "\n")
    side, video_id = model.config.vision_config.image_size, model.config.video_token_id
    plain = llava.SiglipImageProcessorPil(size={"height": side, "width": side}, resample=3)
    values = plain(frames, return_tensors="pt")["pixel_values"][None]
    (expansion,) = [processor.replace_video_token({"pixel_values_videos": values}, 0)]
    _, _, tensors = vlm.prompt(processor, [text], [expansion.count("<video>")], video_id, mark="<video>")
    ids = tensors["input_ids"][None]
    inputs = dict(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values_videos=values)
    finish(folder, model, inputs, tensors, video_id, video=True)


def make_images():
    """Published settings and a small size, over pictures that reach every kind of grid."""
    shapes = [*vlm.SHAPES, (672, 672), (1200, 700), (336, 1009), (335, 337), (1, 40), (1, 2500)]

    def expand(processor):
        def text(out):
            return processor.replace_image_token(out, 0)
        return text

    tokenizer = vlm.llama_tokenizer()
    entries = []
    for settings, patch in [(dict(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}), 14),
                            (dict(size={"shortest_edge": 15}, crop_size={"height": 15, "width": 15},
                                  image_grid_pinpoints=[[15, 30], [30, 15], [30, 30], [45, 15], [15, 45]]), 5)]:
        images = LlavaNextImageProcessorPil(**settings)
        processor = LlavaNextProcessor(images, tokenizer, patch_size=patch, num_additional_image_tokens=1,
                                       vision_feature_select_strategy="default")
        entries.append({"patch_size": patch, **vlm.record(images, shapes, expand(processor), ["image_sizes"])})
    vlm.write_images("llava_next", entries)

    tokenizer = vlm.qwen_tokenizer()
    LlavaOnevisionProcessor.get_attributes = classmethod(lambda cls: ["image_processor", "tokenizer"])
    entries = []
    for side, patch, more in [(384, 14, []), (14, 4, [(53, 37), (500, 480), (90, 45)])]:
        images = LlavaOnevisionImageProcessorPil(
            size={"height": side, "width": side}, **HALF,
            **({} if side == 384 else {"image_grid_pinpoints": grid(side, 6, 6)}),
        )
        processor = LlavaOnevisionProcessor(images, tokenizer, num_image_tokens=(side // patch) ** 2,
                                            vision_feature_select_strategy="full")
        for several in [False, True]:
            def make(pictures, several=several, images=images, **kw):
                return images([pictures * 2] if several else pictures, **kw)
            make.to_dict = images.to_dict
            some = shapes[:7] if several else [*shapes, *more]
            entry = vlm.record(make, some, expand(processor), ["image_sizes"])
            entry["processor"] = type(images).__name__
            entries.append({"patch_size": patch, "several": several, **entry})
    vlm.write_images("llava_onevision", entries)


def main(wanted):
    for seed, (name, spec) in enumerate(next_cases().items(), start=161):
        if wanted(f"llava_next/{name}"):
            make_next(name, seed, spec)
    for seed, (name, spec) in enumerate(onevision_cases().items(), start=171):
        if wanted(f"llava_onevision/{name}"):
            make_onevision(name, seed, spec)
    if wanted("llava_next/images") or wanted("llava_onevision/images"):
        make_images()
