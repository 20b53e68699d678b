"""Golden data of InternVL in the layout of transformers."""

import json

import torch
from tokenizers import Regex, normalizers, pre_tokenizers
from transformers import (
    AutoImageProcessor,
    GotOcr2ImageProcessorPil,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVisionConfig,
    LlamaConfig,
    Qwen2Config,
)

import families_b as base
import make_golden as golden
from families_b_qwen import WORDS

START, END, CONTEXT = "<img>", "</img>", "<IMG_CONTEXT>"
ADDED = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", START, END, CONTEXT, "<quad>", "</quad>", "<ref>", "</ref>",
         "<box>", "</box>", "<video>"]
TEMPLATE = (
    "{% for turn in messages %}{{ '<|im_start|>' ~ turn.role ~ '\n' }}"
    "{% if turn.content is string %}{{ turn.content }}{% else %}{% for part in turn.content %}"
    "{% if part.type == 'image' %}{{ '<IMG_CONTEXT>\n' }}{% elif part.type == 'text' %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])

# name -> dtype, layout, tower, decoder, image processor, picture sizes, top level
CASES = {
    # 2 x 2 tiles, as many as are not twice the picture's area.
    "hub_bf16": (torch.bfloat16, "hub", dict(attention_bias=True), {}, dict(max_patches=5), [(41, 37)], {}),
    # The width's RMS norms on queries and keys, RMS norms elsewhere, a norm at the end; 3 x 1 tiles.
    "qk_norm_f16": (
        torch.float16, "hub", dict(use_qk_norm=True, norm_type="rms_norm", use_mean_pooling=False), {},
        dict(max_patches=4), [(53, 17)], {},
    ),
    # An inner layer of the tower, 6 x 6 positions made 4 x 4; Llama; no tiles.
    "llama_f32": (
        torch.float32, "new", dict(attention_bias=True, num_hidden_layers=3, image_size=24), dict(llama=True),
        dict(max_patches=1),
        [(29, 38)], dict(vision_feature_layer=-2, tie_word_embeddings=True),
    ),
    # One tile, then 1 x 2 and the whole; names as in memory.
    "document_bf16": (
        torch.bfloat16, "nested", dict(attention_bias=True), {}, dict(max_patches=3), [(16, 17), (13, 28)], {},
    ),
}


def make_tokenizer():
    pre = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer = base.byte_bpe([], ADDED, pre, merges=22, normalizer=normalizers.NFC())
    return base.wrap(
        tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=TEMPLATE,
        extra_special_tokens={"start_image_token": START, "end_image_token": END, "context_image_token": CONTEXT,
                              "video_token": "<video>"},
    )


def hub_names(name):
    """As the conversion of the original files wrote them, and transformers still does."""
    assert not name.startswith("model."), name
    return name


def nested_names(name):
    name = name.replace("language_model.model.", "language_model.", 1)
    return "lm_head.weight" if name == "language_model.lm_head.weight" else f"model.{name}"


def hub_config(config):
    base.old_rope(config["text_config"])
    config["text_config"].pop("layer_types", None)
    config["vision_config"].pop("dtype", None)
    config["torch_dtype"] = config.pop("dtype")
    # Left out in published files, whose class then says true; the files have a head of their own.
    config.pop("tie_word_embeddings")


class StillProcessor(InternVLProcessor):
    """Without a video processor, which needs torchvision."""

    def check_argument_for_proper_class(self, name, argument):
        pass


def make_case(name, seed, spec):
    dtype, layout, tower, text, image_kw, sizes, top = spec
    folder = base.new_folder("internvl", name)
    tokenizer = make_tokenizer()
    image_id = tokenizer.convert_tokens_to_ids(CONTEXT)
    vision = dict(hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, image_size=16,
                  patch_size=4, layer_scale_init_value=0.1)
    decoder = dict(
        vocab_size=len(tokenizer) + 3, hidden_size=20, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=300, rms_norm_eps=1e-6, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, rope_parameters={"rope_type": "default", "rope_theta": 300.0},
    )
    config = InternVLConfig(
        vision_config=InternVLVisionConfig(**{**vision, **tower}),
        text_config=LlamaConfig(**decoder) if text else Qwen2Config(**decoder),
        image_token_id=image_id, image_seq_length=4, **{"tie_word_embeddings": False, **top},
    )
    torch.manual_seed(seed)
    model = InternVLForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    golden.randomize(model, seed)
    model.tie_weights()
    base.save_model(model, folder, dtype, nested_names if layout == "nested" else hub_names)
    images = GotOcr2ImageProcessorPil(size={"height": 16, "width": 16}, **image_kw, **IMAGENET)
    write_processor(folder, layout, images, tokenizer)
    if layout != "new":
        base.edit_json(folder / "config.json", hub_config)
    assert isinstance(AutoImageProcessor.from_pretrained(folder), GotOcr2ImageProcessorPil)

    texts = [base.sample_text(seed + i, 22 if len(sizes) < 2 else 8) for i in range(len(sizes))]
    pictures = base.write_document(folder, seed, sizes, texts)
    model = InternVLForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    made = images(images=pictures, crop_to_patches=True, return_tensors="pt")
    expansions = [START + CONTEXT * 4 * int(count) + END for count in made["num_patches"]]
    prompt = base.Prompt(
        tokenizer, base.chat(tokenizer.apply_chat_template), texts, CONTEXT, expansions, image_id,
        tokenizer.convert_tokens_to_ids([START, END]),
    )
    out = StillProcessor(images, tokenizer, image_seq_length=4)(
        text=prompt.rendered, images=pictures, return_tensors="pt")
    assert out["input_ids"][0].tolist() == prompt.ids
    assert torch.equal(out["pixel_values"], made["pixel_values"])

    inner, ids = model.model, torch.tensor(prompt.ids)
    assert not torch.equal(model.lm_head.weight, inner.language_model.embed_tokens.weight) or layout == "new"
    norm = inner.vision_tower.layernorm
    tensors = base.record(
        model, dict(input_ids=ids[None], pixel_values=made["pixel_values"]), inner.language_model,
        inner.vision_tower.encoder.layer, None if isinstance(norm, torch.nn.Identity) else norm,
    )
    with torch.no_grad():
        features = inner.get_image_features(made["pixel_values"], return_dict=True).pooler_output
    tensors["image_features"] = features.flatten(0, 1)
    tensors["num_patches"] = torch.as_tensor(made["num_patches"])
    tensors["pixel_values"] = made["pixel_values"][0] if len(made["pixel_values"]) == 1 else made["pixel_values"]
    base.check_embeds(tensors, inner.language_model.embed_tokens, ids, image_id)
    base.finish(folder, tensors, prompt)


def write_processor(folder, layout, images, tokenizer):
    images.save_pretrained(folder)
    path = folder / "preprocessor_config.json"
    base.save_tokenizer(tokenizer, folder, tokenizer_class="Qwen2Tokenizer", add_prefix_space=False, bos_token=None)
    if layout == "new":
        nested = json.loads(path.read_text())
        path.unlink()
        base.write_json(folder / "processor_config.json", {
            "image_processor": nested, "image_seq_length": 4, "processor_class": "InternVLProcessor"})
        return
    base.edit_json(path, lambda data: data.update(processor_class="InternVLProcessor"))
    base.write_json(folder / "processor_config.json", {"image_seq_length": 4, "processor_class": "InternVLProcessor"})


REAL = dict(size={"height": 448, "width": 448}, **IMAGENET)
SHAPES = [(1, 1), (37, 53), (53, 37), (640, 80), (80, 640), (224, 224), (500, 333), (31, 1000), (1400, 1000)]
IMAGES = [
    (REAL, SHAPES),
    (dict(size={"height": 30, "width": 30}, min_patches=2, max_patches=7, **IMAGENET), [*SHAPES[:8], (300, 200)]),
    # Tiles that are no squares.
    (dict(size={"height": 24, "width": 36}, max_patches=4, **IMAGENET), SHAPES[:8]),
    (dict(size={"height": 28, "width": 28}, max_patches=1, **IMAGENET), SHAPES[1:4]),
    (dict(size={"height": 20, "width": 20}, max_patches=12, **IMAGENET),
     [(20, 20), (28, 29), (29, 29), (40, 60), (35, 35), (49, 49), (21, 63), (1, 3), (3, 1)]),
]


def make_images():
    settings = []
    for keywords, shapes in IMAGES:
        images = GotOcr2ImageProcessorPil(**keywords)
        cases = []
        for width, height in shapes:
            out = images(images=[base.pattern(width, height)], crop_to_patches=True, return_tensors="np")
            values, count = out["pixel_values"], int(out["num_patches"][0])
            text = START + CONTEXT * 256 * count + END
            cases.append(dict(width=width, height=height, shape=list(values.shape), sha256=base.sha(values),
                              num_patches=count, placeholders=256 * count, text=base.short(text, CONTEXT)))
        settings.append(dict(settings=json.loads(images.to_json_string()), crop_to_patches=True, image_seq_length=256,
                             cases=cases))
    base.write_images("internvl", dict(processor="GotOcr2ImageProcessorPil", settings=settings))


def make():
    make_images()
    for seed, (name, spec) in enumerate(CASES.items(), start=141):
        make_case(name, seed, spec)
