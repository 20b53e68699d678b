"""Golden data of PaliGemma and Gemma 3."""

import copy
import json

import torch
from tokenizers import AddedToken, processors
from transformers import (
    AutoImageProcessor,
        Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessorPil,
    Gemma3Processor,
    Gemma3TextConfig,
    GemmaConfig,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
)

import families_b as base
import make_golden as golden

FIRST = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
BOI, SOFT, EOI = "<start_of_image>", "<image_soft_token>", "<end_of_image>"
TEMPLATE = (
    "{{ bos_token }}{% for turn in messages %}"
    "{{ '<start_of_turn>' + ('model' if turn.role == 'assistant' else turn.role) + '\n' }}"
    "{% if turn.content is string %}{{ turn.content | trim }}{% else %}{% for part in turn.content %}"
    "{% if part.type == 'image' %}<start_of_image>{% elif part.type == 'text' %}{{ part.text | trim }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)


def make_tokenizer(gemma3):
    """Gemma's: bos by the post-processor; of Gemma 3's, runs of newlines are tokens of their own."""
    added = ["<start_of_turn>", "<end_of_turn>", BOI, EOI, SOFT] if gemma3 else ["<image>", "<loc0000>", "<seg000>"]
    tokenizer = base.space_bpe(FIRST, added)
    if gemma3:
        tokenizer.add_tokens([AddedToken("\n" * n, normalized=False) for n in (2, 3)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B:1", special_tokens=[("<bos>", 2)]
    )
    names = {"image_token": SOFT, "boi_token": BOI, "eoi_token": EOI} if gemma3 else {"image_token": "<image>"}
    return base.wrap(tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>",
                     extra_special_tokens=names, chat_template=TEMPLATE if gemma3 else None)


def siglip(**keywords):
    kept = dict(hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, vision_use_head=False)
    return SiglipVisionConfig(**{**kept, **keywords})


def randomize(model, seed):
    """Norms that are stored as what is added to one get values around zero."""
    golden.randomize(model, seed)
    with torch.no_grad():
        for module in model.modules():
            if type(module).__name__ in ("GemmaRMSNorm", "Gemma2RMSNorm", "Gemma3RMSNorm"):
                module.weight.sub_(1.0)
    model.tie_weights()


def hub_names(name):
    return name.replace("vision_tower.", "vision_tower.vision_model.", 1)


class Masks:
    """The masks that decoder layers get, as intervals of keys."""

    def __init__(self, decoder):
        self.found, self.types = {}, getattr(decoder.config, "layer_types", None)
        self.hooks = [
            layer.register_forward_pre_hook(self.hook(i), with_kwargs=True) for i, layer in enumerate(decoder.layers)
        ]

    def hook(self, i):
        def take(_, args, kwargs):
            self.found["full_attention" if self.types is None else self.types[i]] = kwargs["attention_mask"][0, 0]
        return take

    def tensors(self):
        for hook in self.hooks:
            hook.remove()
        out = {}
        for kind, mask in self.found.items():
            seen = mask >= 0 if mask.is_floating_point() else mask
            begin = seen.int().argmax(1)
            end = begin + seen.sum(1)
            keys = torch.arange(len(seen))
            assert torch.equal(seen, (keys >= begin[:, None]) & (keys < end[:, None])), "no intervals"
            prefix = {"full_attention": "key", "sliding_attention": "window"}[kind]
            out[f"{prefix}_begin"], out[f"{prefix}_end"] = begin, end
        return out


# name -> dtype, layout, decoder class, decoder keywords, tower keywords, picture size
PALIGEMMA = {
    "hub_bf16": (torch.bfloat16, "hub", GemmaConfig, {}, {}, (53, 37)),
    "new_f32": (torch.float32, "new", GemmaConfig, dict(num_hidden_layers=1, num_key_value_heads=2),
                dict(image_size=20), (31, 31)),
}


def make_paligemma(name, seed, spec):
    dtype, layout, kind, text_kw, tower, size = spec
    folder = base.new_folder("paligemma", name)
    tokenizer = make_tokenizer(False)
    image_id = tokenizer.convert_tokens_to_ids("<image>")
    vision = siglip(**{"image_size": 15, "patch_size": 5, **tower})
    text = kind(**{
        **dict(vocab_size=len(tokenizer) + 3, hidden_size=20, intermediate_size=28, num_hidden_layers=2,
               num_attention_heads=2, num_key_value_heads=1, head_dim=12, max_position_embeddings=200,
               rope_parameters={"rope_type": "default", "rope_theta": 300.0}),
        **text_kw,
    })
    config = PaliGemmaConfig(vision_config=vision, text_config=text, image_token_index=image_id, projection_dim=20,
                             hidden_size=20, vocab_size=text.vocab_size)
    torch.manual_seed(seed)
    model = PaliGemmaForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    randomize(model, seed)
    base.save_model(model, folder, dtype, hub_names if layout == "hub" else lambda n: n)
    count = (vision.image_size // vision.patch_size) ** 2
    images = SiglipImageProcessorPil(size={"height": vision.image_size, "width": vision.image_size},
                                     image_seq_length=count)
    write_processor(folder, layout, images, tokenizer, "PaliGemmaProcessor", {})
    if layout == "hub":
        base.edit_json(folder / "config.json", paligemma_config)
    assert AutoImageProcessor.from_pretrained(folder).image_seq_length == count

    text = base.sample_text(seed)
    pictures = base.write_document(folder, seed, [size], [text])
    model = PaliGemmaForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    pixels = images(images=pictures, return_tensors="pt")["pixel_values"]
    prefix = tokenizer("<image>" * count + "<bos>\n", add_special_tokens=False)["input_ids"]
    suffix = tokenizer(text + "<eos>", add_special_tokens=False)["input_ids"]
    ids = torch.tensor(prefix + suffix)
    types = torch.tensor([0] * len(prefix) + [1] * len(suffix))
    out = PaliGemmaProcessor(images, copy.deepcopy(tokenizer))(
        images=pictures, text="<image>", suffix=text, return_tensors="pt")
    assert torch.equal(out["input_ids"][0], ids) and torch.equal(out["token_type_ids"][0], types)
    assert torch.equal(out["pixel_values"], pixels)

    inner = model.model
    masks = Masks(inner.language_model)
    cap = getattr(model.config.text_config, "final_logit_softcapping", None)
    head = (lambda state: cap * torch.tanh(model.lm_head(state) / cap)) if cap else None
    tensors = base.record(
        model, dict(input_ids=ids[None], token_type_ids=types[None], pixel_values=pixels), inner.language_model,
        inner.vision_tower.encoder.layers, inner.vision_tower.post_layernorm, head,
    )
    tensors.update(masks.tensors())
    with torch.no_grad():
        tensors["image_features"] = inner.get_image_features(pixels, return_dict=True).pooler_output[0]
    tensors["pixel_values"] = pixels[0]
    tensors["input_ids"] = ids
    tensors["text_content"] = torch.arange(len(prefix), len(ids) - 1)
    tensors["text_official"] = torch.arange(count, len(ids))
    base.check_embeds(tensors, inner.language_model.embed_tokens, ids, image_id)
    base.finish(folder, tensors)


def paligemma_config(config):
    """As published: what equals the classes' defaults is left out, but not the head's width."""
    text = config["text_config"]
    base.old_rope(text)
    kept = ["model_type", "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "head_dim",
            "num_key_value_heads", "num_image_tokens", "vocab_size", "rope_theta", "sliding_window",
            "query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping"]
    config["text_config"] = {key: text[key] for key in kept if key in text}
    kept = ["model_type", "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "image_size",
            "patch_size", "projection_dim", "vision_use_head"]
    config["vision_config"] = {key: config["vision_config"][key] for key in kept}
    config["torch_dtype"] = config.pop("dtype")
    config.pop("tie_word_embeddings", None)


def write_processor(folder, layout, images, tokenizer, kind, extra):
    images.save_pretrained(folder)
    path = folder / "preprocessor_config.json"
    base.save_tokenizer(tokenizer, folder, tokenizer_class="GemmaTokenizer")
    if layout == "new":
        nested = json.loads(path.read_text())
        path.unlink()
        base.write_json(folder / "processor_config.json", {"image_processor": nested, **extra, "processor_class": kind})
        return
    base.edit_json(path, lambda data: data.update(processor_class=kind))
    template = folder / "chat_template.jinja"
    if template.exists():
        base.write_json(folder / "processor_config.json", {**extra, "processor_class": kind})
        base.write_json(folder / "chat_template.json", {"chat_template": template.read_text()})
        template.unlink()


# name -> dtype, layout, decoder, tower, tokens an image, picture sizes
GEMMA3 = {
    # A window smaller than an image's block; the local and the global layers' frequencies differ.
    "window_bf16": (
        torch.bfloat16, "hub", dict(sliding_window=6, sliding_window_pattern=2, num_hidden_layers=3), {}, 9, [(53, 37)],
    ),
    # 7 x 7 patches, of which the last row and column are left out; two pictures.
    "document_f16": (
        torch.float16, "hub", dict(sliding_window=12, sliding_window_pattern=2), dict(image_size=21, patch_size=3), 9,
        [(17, 33), (25, 14)],
    ),
    "new_f32": (
        torch.float32, "new", dict(sliding_window=20, layer_types=["full_attention", "sliding_attention"]),
        dict(image_size=16, patch_size=4), 4, [(31, 19)],
    ),
    "text_bf16": (torch.bfloat16, "hub", dict(sliding_window=9, sliding_window_pattern=2), {}, 9, []),
}


def make_gemma3(name, seed, spec):
    dtype, layout, text_kw, tower, count, sizes = spec
    folder = base.new_folder("gemma3", name)
    tokenizer = make_tokenizer(True)
    image_id = tokenizer.convert_tokens_to_ids(SOFT)
    text = Gemma3TextConfig(**{
        **dict(vocab_size=len(tokenizer) + 3, hidden_size=20, intermediate_size=28, num_hidden_layers=2,
               num_attention_heads=2, num_key_value_heads=1, head_dim=12, max_position_embeddings=200,
               query_pre_attn_scalar=9, rope_theta=700.0, rope_local_base_freq=30.0,
               rope_scaling={"rope_type": "linear", "factor": 8.0}),
        **text_kw,
    })
    config = Gemma3Config(
        vision_config=siglip(**{"image_size": 18, "patch_size": 3, **tower}), text_config=text,
        image_token_index=image_id,
        boi_token_index=tokenizer.convert_tokens_to_ids(BOI), eoi_token_index=tokenizer.convert_tokens_to_ids(EOI),
        mm_tokens_per_image=count,
    )
    torch.manual_seed(seed)
    model = Gemma3ForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    randomize(model, seed)
    base.save_model(model, folder, dtype, hub_names if layout == "hub" else lambda n: n)
    size = config.vision_config.image_size
    images = Gemma3ImageProcessorPil(size={"height": size, "width": size})
    write_processor(folder, layout, images, tokenizer, "Gemma3Processor", {"image_seq_length": count})
    if layout == "hub":
        base.edit_json(folder / "config.json", gemma3_config(text_kw))

    texts = [base.sample_text(seed + i, 26 if len(sizes) < 2 else 9) for i in range(max(len(sizes), 1))]
    pictures = base.write_document(folder, seed, sizes, texts)
    model = Gemma3ForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    inner = model.model
    assert inner.language_model.config.layer_types == text.layer_types
    assert inner.language_model.config.rope_parameters == text.rope_parameters
    sequence = f"\n\n{BOI}{SOFT * count}{EOI}\n\n"
    render = base.chat(tokenizer.apply_chat_template)
    prompt = base.Prompt(
        tokenizer, lambda texts: render(texts, images=bool(sizes)), texts, BOI, [sequence] * len(sizes), image_id,
        tokenizer.convert_tokens_to_ids([BOI, EOI]),
    )
    ids = torch.tensor(prompt.ids)
    out = Gemma3Processor(images, tokenizer, image_seq_length=count)(
        text=prompt.rendered, images=pictures or None, return_tensors="pt", add_special_tokens=False)
    assert out["input_ids"][0].tolist() == prompt.ids
    types = (ids == image_id).long()[None]
    assert torch.equal(out["token_type_ids"], types)
    inputs = dict(input_ids=ids[None], token_type_ids=types)
    if pictures:
        inputs["pixel_values"] = images(images=pictures, return_tensors="pt")["pixel_values"]
        assert torch.equal(out["pixel_values"], inputs["pixel_values"])
    masks = Masks(inner.language_model)
    tower = inner.vision_tower
    parts = [tower.encoder.layers, tower.post_layernorm] if pictures else []
    tensors = base.record(model, inputs, inner.language_model, *parts)
    tensors.update(masks.tensors())
    window = text.sliding_window
    assert torch.equal(tensors["window_begin"], (torch.arange(len(ids)) - window + 1).clamp(min=0))
    assert torch.equal(tensors["window_end"], tensors["key_end"]) and window < len(ids)
    if pictures:
        with torch.no_grad():
            features = inner.get_image_features(inputs["pixel_values"], return_dict=True).pooler_output
        tensors["image_features"] = features.flatten(0, 1)
        tensors["pixel_values"] = inputs["pixel_values"][0] if len(pictures) == 1 else inputs["pixel_values"]
    base.check_embeds(tensors, inner.language_model.embed_tokens, ids, image_id)
    base.finish(folder, tensors, prompt)


def gemma3_config(text_kw):
    def change(config):
        text = config["text_config"]
        rope = text.pop("rope_parameters")
        text.pop("layer_types")
        text.pop("dtype", None)
        text.update(rope_theta=rope["full_attention"]["rope_theta"],
                    rope_scaling={"factor": 8.0, "rope_type": "linear"},
                    rope_local_base_freq=rope["sliding_attention"]["rope_theta"],
                    sliding_window_pattern=text_kw["sliding_window_pattern"])
        for key in ["_sliding_window_pattern", "tie_word_embeddings", "use_bidirectional_attention"]:
            text.pop(key, None)
        kept = ["model_type", "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers",
                "image_size", "patch_size", "vision_use_head"]
        config["vision_config"] = {key: config["vision_config"][key] for key in kept}
        config["torch_dtype"] = config.pop("dtype")
        config.pop("tie_word_embeddings", None)
    return change


SHAPES = [(1, 1), (37, 53), (53, 37), (640, 80), (80, 640), (224, 224), (500, 333), (31, 1000)]


def make_images():
    settings = []
    for size, resample in [(224, 3), (448, 3), (35, 3)]:
        images = SiglipImageProcessorPil(size={"height": size, "width": size}, resample=resample,
                                         image_seq_length=(size // 14) ** 2)
        cases = []
        for width, height in SHAPES:
            values = images(images=[base.pattern(width, height)], return_tensors="np")["pixel_values"][0]
            text = "<image>" * images.image_seq_length
            cases.append(dict(width=width, height=height, shape=list(values.shape), sha256=base.sha(values),
                              placeholders=images.image_seq_length, text=base.short(text, "<image>")))
        settings.append(dict(settings=json.loads(images.to_json_string()), cases=cases))
    base.write_images("paligemma", dict(processor="SiglipImageProcessorPil", settings=settings))

    settings = []
    crop = dict(do_pan_and_scan=True, pan_and_scan_min_crop_size=256, pan_and_scan_max_num_crops=4,
                pan_and_scan_min_ratio_to_activate=1.2)
    wide = [(1400, 300), (300, 1400), (1300, 260), (700, 600), (719, 599), (601, 500), (513, 300), (2001, 280),
            (300, 900)]
    small = {**crop, "pan_and_scan_min_crop_size": 20, "pan_and_scan_max_num_crops": 7}
    for size, keywords, shapes in [(896, {}, SHAPES), (56, {}, SHAPES), (63, crop, [*SHAPES[:4], *wide]),
                                   (32, small, SHAPES)]:
        images = Gemma3ImageProcessorPil(size={"height": size, "width": size}, **keywords)
        processor = Gemma3Processor(images, make_tokenizer(True))
        cases = []
        for width, height in shapes:
            out = images(images=[base.pattern(width, height)], return_tensors="np")
            values, crops = out["pixel_values"], int(out["num_crops"][0])
            text = processor.replace_image_token({"num_crops": [crops]}, 0)
            cases.append(dict(width=width, height=height, shape=list(values.shape), sha256=base.sha(values),
                              num_crops=crops, placeholders=text.count(SOFT), text=base.short(text, SOFT)))
        settings.append(dict(settings=json.loads(images.to_json_string()), image_seq_length=256, cases=cases))
    base.write_images("gemma3", dict(processor="Gemma3ImageProcessorPil", settings=settings))


def make():
    make_images()
    for seed, (name, spec) in enumerate(PALIGEMMA.items(), start=151):
        make_paligemma(name, seed, spec)
    for seed, (name, spec) in enumerate(GEMMA3.items(), start=161):
        make_gemma3(name, seed, spec)
