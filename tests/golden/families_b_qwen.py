"""Golden data of Qwen2-VL, Qwen2.5-VL and Qwen3-VL."""

import importlib
import json

import torch
import transformers
from tokenizers import Regex, normalizers, pre_tokenizers
from transformers import AutoImageProcessor, Qwen2VLImageProcessorPil, Qwen2VLProcessor
from transformers.vision_utils import get_vision_window_index

import families_b as base
import make_golden as golden

START, END, PAD = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"
ADDED = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
         "<|box_end|>", START, END, "<|vision_pad|>", PAD, "<|video_pad|>"]
SYSTEM = (
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nAnswer in a few words.<|im_end|>\n' }}{% endif %}"
)
TURNS = (
    "{% for turn in messages %}{{ '<|im_start|>' + turn.role + '\n' }}"
    "{% if turn.content is string %}{{ turn.content }}{% else %}{% for part in turn.content %}"
    "{% if part.type == 'image' or 'image' in part %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part.text }}{% endif %}{% endfor %}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
WORDS = r"\p{N}|[^\r\n\p{L}\p{N}]?\p{L}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def make_tokenizer(template):
    pre = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer = base.byte_bpe([], ADDED, pre, merges=22, normalizer=normalizers.NFC())
    return base.wrap(tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=template)


TOWERS = {
    "qwen2_vl": dict(depth=2, embed_dim=16, hidden_size=20, num_heads=2, mlp_ratio=2, patch_size=3),
    "qwen2_5_vl": dict(depth=3, hidden_size=16, intermediate_size=28, num_heads=2, out_hidden_size=20, patch_size=3,
                       window_size=12, fullatt_block_indexes=[1], tokens_per_second=2),
    # As many positions as a grid of 5 x 5 has.
    "qwen3_vl": dict(depth=2, hidden_size=16, intermediate_size=28, num_heads=2, out_hidden_size=16, patch_size=3,
                     num_position_embeddings=25, deepstack_visual_indexes=[1, 0]),
}
TEXTS = {
    "qwen2_vl": dict(hidden_size=20, num_attention_heads=2, mrope=[1, 2, 2]),
    "qwen2_5_vl": dict(hidden_size=20, num_attention_heads=2, num_key_value_heads=2, mrope=[2, 1, 2]),
    "qwen3_vl": dict(hidden_size=16, num_attention_heads=2, head_dim=12, num_hidden_layers=3, mrope=[3, 2, 1]),
}
CLASSES = {"qwen2_vl": "Qwen2VL", "qwen2_5_vl": "Qwen2_5_VL", "qwen3_vl": "Qwen3VL"}
SMALL = dict(min_pixels=12 * 12, max_pixels=560)
# family, name -> dtype, layout, pixels, picture sizes, tower, text, top level
CASES = {
    ("qwen2_vl", "hub_bf16"): (torch.bfloat16, "hub", SMALL, [(53, 37)], {}, {}, dict(tie_word_embeddings=True)),
    ("qwen2_vl", "new_f32"): (
        torch.float32, "new", dict(size={"shortest_edge": 280, "longest_edge": 400}), [(9, 31)],
        dict(depth=1, num_heads=4), dict(num_hidden_layers=1), dict(tie_word_embeddings=True),
    ),
    ("qwen2_vl", "text_f16"): (torch.float16, "hub", SMALL, [], {}, {}, {}),
    # 3 x 5 merged cells in windows of 2 x 2.
    ("qwen2_5_vl", "windows_bf16"): (torch.bfloat16, "hub", SMALL, [(53, 32)], {}, {}, dict(tie_word_embeddings=True)),
    # 4 x 2 and 2 x 3 cells: windows that need no padding, two pictures.
    ("qwen2_5_vl", "document_f16"): (
        torch.float16, "hub", SMALL, [(13, 25), (19, 11)], {}, {}, dict(tie_word_embeddings=True),
    ),
    ("qwen2_5_vl", "new_f32"): (
        torch.float32, "new", dict(size={"shortest_edge": 280, "longest_edge": 400}), [(31, 19)],
        dict(fullatt_block_indexes=[0], depth=2), {}, dict(tie_word_embeddings=True),
    ),
    ("qwen3_vl", "hub_bf16"): (torch.bfloat16, "hub", SMALL, [(53, 37)], {}, {}, {}),
    # As many features of the tower's depth as the decoder has layers.
    ("qwen3_vl", "all_layers_f32"): (
        torch.float32, "new", SMALL, [(18, 25)], dict(hidden_size=8, num_heads=1, deepstack_visual_indexes=[0, 1]),
        dict(num_hidden_layers=2, attention_bias=True), dict(tie_word_embeddings=True),
    ),
    ("qwen3_vl", "document_f16"): (
        torch.float16, "hub", SMALL, [(13, 25), (19, 11)], dict(hidden_size=12, num_heads=3), {},
        dict(tie_word_embeddings=True),
    ),
}


def hub_config(family):
    """Flat for 2 and 2.5, nested for 3; the tower's keys as published."""

    def change(config):
        vision, text = config["vision_config"], config.pop("text_config")
        for section in [vision, text]:
            section.pop("rope_parameters" if section is vision else "layer_types", None)
            section.pop("dtype", None)
        rope = text.pop("rope_parameters")
        text["rope_theta"] = rope["rope_theta"]
        sections = rope["mrope_section"]
        config["torch_dtype"] = config.pop("dtype")
        vision.pop("model_type")
        if family == "qwen3_vl":
            text["rope_scaling"] = {"mrope_interleaved": True, "mrope_section": sections, "rope_type": "default"}
            vision["model_type"] = family
            config["text_config"] = text
            return config
        text["rope_scaling"] = {"type": "mrope", "mrope_section": sections}
        text["sliding_window"] = 32768
        text.pop("model_type")
        text.pop("tie_word_embeddings", None)
        vision["in_chans"] = vision.pop("in_channels")
        vision["spatial_patch_size"] = vision["patch_size"]
        return {**text, **config}

    return change


def make_model(family, tokenizer, tower, text, top):
    name = CLASSES[family]
    module = importlib.import_module(f"transformers.models.{family}.configuration_{family}")
    vision = getattr(module, f"{name}VisionConfig")(**{**TOWERS[family], **tower})
    text = {"num_key_value_heads": 1, "num_hidden_layers": 2, "intermediate_size": 28, **TEXTS[family], **text}
    sections = text.pop("mrope")
    text = getattr(module, f"{name}TextConfig")(
        vocab_size=len(tokenizer) + 3, max_position_embeddings=300, rms_norm_eps=1e-6, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0, "mrope_section": sections}, **text,
    )
    config = getattr(module, f"{name}Config")(
        vision_config=vision, text_config=text, **top,
        **{f"{key}_token_id": tokenizer.convert_tokens_to_ids(token) for key, token in
           [("image", PAD), ("video", "<|video_pad|>"), ("vision_start", START), ("vision_end", END)]},
    )
    maker = getattr(transformers, f"{name}ForConditionalGeneration")
    return maker, maker._from_config(config, attn_implementation="eager").eval()


def make_case(family, name, seed, spec):
    dtype, layout, pixels, sizes, tower, text, top = spec
    folder = base.new_folder(family, name)
    template = TURNS if family == "qwen3_vl" else SYSTEM + TURNS
    tokenizer = make_tokenizer(template)
    image_id = tokenizer.convert_tokens_to_ids(PAD)
    torch.manual_seed(seed)
    maker, model = make_model(family, tokenizer, tower, text, top)
    golden.randomize(model, seed)
    model.tie_weights()
    base.save_model(model, folder, dtype)
    norm = dict(image_mean=[0.5] * 3, image_std=[0.5] * 3) if family == "qwen3_vl" else {}
    images = Qwen2VLImageProcessorPil(patch_size=3, **pixels, **norm)
    write_processor(folder, family, layout, images, tokenizer, template, pixels)
    if layout == "hub":
        base.edit_json(folder / "config.json", hub_config(family))
    again = AutoImageProcessor.from_pretrained(folder)
    assert isinstance(again, Qwen2VLImageProcessorPil) and again.size == images.size

    texts = [base.sample_text(seed + i, 20 if len(sizes) < 2 else 6) for i in range(max(len(sizes), 1))]
    pictures = base.write_document(folder, seed, sizes, texts)
    model = maker.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tensors, inputs, expansions = {}, {}, []
    if pictures:
        made = images(images=pictures, return_tensors="pt")
        counts = [int(grid.prod()) // 4 for grid in made["image_grid_thw"]]
        expansions = [PAD * count for count in counts]
        inputs = dict(made)
    render = base.chat(tokenizer.apply_chat_template)
    prompt = base.Prompt(
        tokenizer, lambda texts: render(texts, images=bool(sizes)), texts, PAD, expansions, image_id,
        tokenizer.convert_tokens_to_ids([START, END]),
    )
    ids = torch.tensor(prompt.ids)
    check_processor(images, tokenizer, prompt, pictures)
    if pictures:
        inputs["mm_token_type_ids"] = (ids == image_id).long()[None]
    positions = []
    hook = model.model.language_model.rotary_emb.register_forward_pre_hook(
        lambda _, args, kwargs: positions.append(args[1] if len(args) > 1 else kwargs["position_ids"]),
        with_kwargs=True,
    )
    inner = model.model
    tensors = base.record(model, dict(input_ids=ids[None], **inputs), inner.language_model,
                          inner.visual.blocks if pictures else None)
    hook.remove()
    tensors["position_ids"] = positions[0].expand(3, 1, len(ids))[:, 0]
    if pictures:
        with torch.no_grad():
            out = inner.get_image_features(made["pixel_values"], made["image_grid_thw"], return_dict=True)
        tensors["image_features"] = torch.cat(list(out.pooler_output))
        tensors["pixel_values"] = made["pixel_values"]
        tensors["image_grid_thw"] = made["image_grid_thw"]
        check_positions(tensors["position_ids"], ids, image_id, made["image_grid_thw"].tolist())
        if family == "qwen2_5_vl":
            tensors["window_index"] = get_vision_window_index(
                made["image_grid_thw"], 2, model.config.vision_config.window_size, 3)[0]
        if family == "qwen3_vl":
            deepstack(tensors, out.deepstack_features, ids == image_id, model.config.text_config.num_hidden_layers)
    base.check_embeds(tensors, inner.language_model.embed_tokens, ids, image_id)
    base.finish(folder, tensors, prompt)


def deepstack(tensors, features, mask, layers):
    """The features added after the decoder's first layers, and what the next layer gets."""
    for i, feature in enumerate(features):
        tensors[f"deepstack_features.{i}"] = torch.cat(list(feature))
        state = tensors[f"hidden_states.{i + 1}" if i + 1 < layers else f"hidden_states.{layers}.layer"].clone()
        state[mask] += tensors[f"deepstack_features.{i}"]
        tensors[f"hidden_states.{i + 1}.deepstack"] = state
    if len(features) == layers:
        assert torch.equal(tensors[f"hidden_states.{layers}.deepstack"], tensors[f"hidden_states.{layers}.pre_norm"])
        del tensors[f"hidden_states.{layers}.deepstack"]


def check_positions(positions, ids, image_id, grids):
    """The positions by their definition."""
    expected, at, i = [], 0, 0
    while i < len(ids):
        if ids[i] != image_id:
            expected.append((at, at, at))
            at, i = at + 1, i + 1
            continue
        _, height, width = grids.pop(0)
        cells = [(at, at + r, at + c) for r in range(height // 2) for c in range(width // 2)]
        expected += cells
        i += len(cells)
        at += max(height, width) // 2
    assert positions.T.tolist() == [list(p) for p in expected] and not grids


class StillProcessor(Qwen2VLProcessor):
    """Without a video processor, which needs torchvision."""

    def check_argument_for_proper_class(self, name, argument):
        pass


def check_processor(images, tokenizer, prompt, pictures):
    """The family's processor expands the placeholders likewise."""
    out = StillProcessor(images, tokenizer)(
        text=[prompt.rendered], images=pictures or None, return_tensors="pt"
    )
    assert out["input_ids"][0].tolist() == prompt.ids


def write_processor(folder, family, layout, images, tokenizer, template, pixels):
    kind = "Qwen3VLProcessor" if family == "qwen3_vl" else f"{CLASSES[family]}Processor"
    images.save_pretrained(folder)
    path = folder / "preprocessor_config.json"
    if layout == "new":
        nested = json.loads(path.read_text())
        path.unlink()
        base.write_json(folder / "processor_config.json", {"image_processor": nested, "processor_class": kind})
        base.save_tokenizer(tokenizer, folder)
        return

    def change(data):
        data.update(processor_class=kind)
        if family != "qwen3_vl":
            for key in ["size", "do_convert_rgb", "do_normalize", "do_rescale", "do_resize", "resample",
                        "rescale_factor"]:
                data.pop(key)
            data.update(pixels)

    base.edit_json(path, change)
    base.save_tokenizer(tokenizer, folder, tokenizer_class="Qwen2Tokenizer", add_prefix_space=False, bos_token=None,
                        chat_template=template)
    (folder / "chat_template.jinja").unlink()
    base.write_json(folder / "chat_template.json", {"chat_template": template})


REAL = dict(min_pixels=3136, max_pixels=12845056)
SHAPES = [(1, 1), (37, 53), (53, 37), (640, 80), (80, 640), (224, 224), (500, 333), (31, 1000), (7, 1400)]
IMAGES = {
    "qwen2_vl": [
        (REAL, [*SHAPES, (42, 70), (98, 14)]),  # halves go to the even number
        ({}, SHAPES[1:5] + [(1500, 1100), (3000, 410)]),  # the class's own smaller maximum
        (dict(patch_size=4, min_pixels=400, max_pixels=900), [*SHAPES, (4, 4), (12, 12), (20, 28), (200, 1), (5, 900)]),
        (dict(patch_size=3, merge_size=3, temporal_patch_size=1, min_pixels=100, max_pixels=3000), SHAPES),
    ],
    "qwen2_5_vl": [(REAL, SHAPES)],
    "qwen3_vl": [
        (dict(size={"shortest_edge": 65536, "longest_edge": 16777216}, patch_size=16, image_mean=[0.5] * 3,
              image_std=[0.5] * 3), [*SHAPES, (48, 80), (1023, 257)]),
    ],
}


def make_images(family):
    settings = []
    for keywords, shapes in IMAGES[family]:
        images = Qwen2VLImageProcessorPil(**keywords)
        merge = images.merge_size
        cases = []
        for width, height in shapes:
            out = images(images=[base.pattern(width, height)], return_tensors="np")
            values, grid = out["pixel_values"], out["image_grid_thw"][0].tolist()
            count = grid[1] * grid[2] // merge**2
            cases.append(dict(width=width, height=height, shape=list(values.shape), sha256=base.sha(values),
                              grid_thw=grid, placeholders=count, text=base.short(PAD * count, PAD)))
        settings.append(dict(settings=json.loads(images.to_json_string()), cases=cases))
    base.write_images(family, dict(processor="Qwen2VLImageProcessorPil", settings=settings))


def make():
    for family in CLASSES:
        make_images(family)
    for seed, ((family, name), spec) in enumerate(CASES.items(), start=121):
        make_case(family, name, seed, spec)
