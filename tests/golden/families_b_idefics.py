"""Golden data of Idefics3 and SmolVLM."""

import json

import torch
from tokenizers import pre_tokenizers
from transformers import (
    AutoImageProcessor,
    AutoProcessor,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    LlamaConfig,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessorPil,
)
from transformers.models.idefics3.configuration_idefics3 import Idefics3VisionConfig
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

import families_b as base
import make_golden as golden

FAKE, GLOBAL, IMAGE, END = "<fake_token_around_image>", "<global-img>", "<image>", "<end_of_utterance>"
ROWS = [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
ADDED = [GLOBAL, *ROWS, FAKE, IMAGE, "<|reserved_special_token_0|>", END]
TEMPLATE = (
    "{{ '<|im_start|>' }}{% for turn in messages %}"
    "{{ turn.role | capitalize }}:{% if turn.content and turn.content[0].type != 'image' %}{{ ' ' }}{% endif %}"
    "{% for part in turn.content %}"
    "{% if part.type == 'image' %}<image>{% elif part.type == 'text' %}{{ part.text }}{% endif %}"
    "{% endfor %}<end_of_utterance>{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)


def make_tokenizer():
    pre = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    first = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return base.wrap(
        base.byte_bpe(first, ADDED, pre), bos_token="<|im_start|>", eos_token=END, pad_token="<|im_end|>",
        unk_token="<|endoftext|>", chat_template=TEMPLATE,
    )


def expansions(rows, cols, count):
    return [
        get_image_prompt_string(r, c, count, fake_token_around_image=FAKE, image_token=IMAGE, global_image_token=GLOBAL)
        for r, c in zip(rows, cols)
    ]


# family, name -> dtype, layout, tower, scale, image processor, picture sizes, other keywords
CASES = {
    # 2 x 2 tiles and the global picture.
    ("idefics3", "split_bf16"): (torch.bfloat16, "hub", {}, 2, dict(size={"longest_edge": 40}), [(53, 37)], {}),
    # 1 x 2 tiles, a tied head.
    ("idefics3", "row_f32"): (
        torch.float32, "new", dict(hidden_size=15, num_attention_heads=3), 2, dict(size={"longest_edge": 36}),
        [(61, 23)], dict(tie_word_embeddings=True),
    ),
    # 1 x 2 tiles, then 2 x 1.
    ("idefics3", "document_bf16"): (
        torch.bfloat16, "hub", {}, 2, dict(size={"longest_edge": 40}), [(41, 17), (14, 29)], {},
    ),
    ("idefics3", "whole_f16"): (
        torch.float16, "hub", {}, 4, dict(size={"longest_edge": 50}, do_image_splitting=False), [(31, 46)], {},
    ),
    # 4 x 4 patches over 5 x 5 positions: a choice of the table's rows.
    ("idefics3", "stretched_bf16"): (
        torch.bfloat16, "hub", dict(image_size=25), 2, dict(size={"longest_edge": 20}), [(37, 29)], {},
    ),
    # 6 x 6 patches over 5 x 5 positions: rows of the table repeat.
    ("smolvlm", "stretched_f32"): (
        torch.float32, "hub", dict(image_size=25), 3,
        dict(size={"longest_edge": 30}, max_image_size={"longest_edge": 30}), [(29, 37)],
        dict(tie_word_embeddings=True),
    ),
    # Three pictures, none split.
    ("smolvlm", "document_bf16"): (
        torch.bfloat16, "hub", {}, 4, dict(size={"longest_edge": 20}), [(17, 40), (31, 11), (12, 12)], {},
    ),
    # 3 x 1 tiles.
    ("smolvlm", "split_f16"): (torch.float16, "new", {}, 4, dict(size={"longest_edge": 60}), [(13, 45)], {}),
}


def hub_config(config):
    """As published: defaults left out of the tower, keys of other programs left in."""
    vision, text = config["vision_config"], config["text_config"]
    kept = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size"]
    config["vision_config"] = {
        **{key: vision[key] for key in kept}, "max_image_size": {"longest_edge": 20},
        "model_type": config["model_type"], "tie_word_embeddings": False, "use_base_siglip": False,
    }
    base.old_rope(text)
    defaults = LlamaConfig().to_dict()
    text = {k: v for k, v in text.items() if k == "model_type" or defaults.get(k, ()) != v}
    text.update(architectures=["VLlama3ForCausalLM"], is_llama_config=True, pixel_shuffle_factor=4,
                qk_layer_norms=False, rope_interleaved=False, torch_dtype="bfloat16", use_resampler=False)
    config["text_config"] = text
    config["torch_dtype"] = config.pop("dtype")
    config["pad_token_id"] = config.pop("_pad_token_id")
    config["vocab_size"] = text["vocab_size"]


def make_case(family, name, seed, spec):
    dtype, layout, tower, scale, image_kw, sizes, extra = spec
    smol = family == "smolvlm"
    folder = base.new_folder(family, name)
    tokenizer = make_tokenizer()
    vision = dict(hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2,
                  image_size=20, patch_size=5)
    vision = (SmolVLMVisionConfig if smol else Idefics3VisionConfig)(**{**vision, **tower})
    text = LlamaConfig(
        vocab_size=len(tokenizer) + 3, hidden_size=20, intermediate_size=28, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=400, rms_norm_eps=1e-5,
        pad_token_id=2, rope_parameters={"rope_type": "default", "rope_theta": 700.0},
    )
    image_id = tokenizer.convert_tokens_to_ids(IMAGE)
    config = (SmolVLMConfig if smol else Idefics3Config)(
        vision_config=vision, text_config=text, scale_factor=scale, image_token_id=image_id, **extra
    )
    maker = SmolVLMForConditionalGeneration if smol else Idefics3ForConditionalGeneration
    torch.manual_seed(seed)
    model = maker._from_config(config, attn_implementation="eager").eval()
    golden.randomize(model, seed)
    model.tie_weights()
    base.save_model(model, folder, dtype)

    image_kw = {"max_image_size": {"longest_edge": 20}, **image_kw}
    images = (SmolVLMImageProcessorPil if smol else Idefics3ImageProcessorPil)(
        **image_kw, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    count = (image_kw["max_image_size"]["longest_edge"] // 5 // scale) ** 2
    write_processor(folder, layout, smol, images, tokenizer, count)
    if layout == "hub":
        base.edit_json(folder / "config.json", hub_config)

    check_processor(folder, smol, tokenizer, count)
    texts = [base.sample_text(seed + i, 26 if len(sizes) == 1 else 7) for i in range(len(sizes))]
    pictures = base.write_document(folder, seed, sizes, texts)
    model = maker.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    made = images(images=[pictures], return_row_col_info=True, return_tensors="pt")
    prompt = base.Prompt(
        tokenizer, base.chat(tokenizer.apply_chat_template), texts, IMAGE,
        expansions(made["rows"][0], made["cols"][0], count), image_id,
        tokenizer.convert_tokens_to_ids([FAKE, GLOBAL, *ROWS]),
    )
    if not smol:
        out = Idefics3Processor(images, tokenizer, image_seq_len=count)(
            text=prompt.rendered, images=[pictures], return_tensors="pt", add_special_tokens=False
        )
        assert out["input_ids"][0].tolist() == prompt.ids
        assert torch.equal(out["pixel_values"], made["pixel_values"])

    inner = model.model
    inputs = dict(input_ids=torch.tensor([prompt.ids]), pixel_values=made["pixel_values"],
                  pixel_attention_mask=made["pixel_attention_mask"])
    tensors = base.record(model, inputs, inner.text_model, inner.vision_model.encoder.layers,
                          inner.vision_model.post_layernorm)
    with torch.no_grad():
        features = inner.get_image_features(**{k: inputs[k] for k in inputs if k != "input_ids"}, return_dict=True)
    tensors["image_features"] = torch.cat(list(features.pooler_output))
    tensors["pixel_values"] = made["pixel_values"][0]
    assert bool(made["pixel_attention_mask"].all()), "left out, as it is all ones"
    base.check_embeds(tensors, inner.text_model.embed_tokens, torch.tensor(prompt.ids), image_id)
    assert len(tokenizer("\n\n")["input_ids"]) == 1
    base.finish(folder, tensors, prompt)


def check_processor(folder, smol, tokenizer, count):
    if smol:
        assert isinstance(AutoImageProcessor.from_pretrained(folder), SmolVLMImageProcessorPil)
        return
    again = AutoProcessor.from_pretrained(folder)
    assert isinstance(again.image_processor, Idefics3ImageProcessorPil)
    assert again.image_seq_len == count and again.chat_template == TEMPLATE
    assert again.tokenizer.get_vocab() == tokenizer.get_vocab()


def write_processor(folder, layout, smol, images, tokenizer, count):
    kind = "SmolVLMProcessor" if smol else "Idefics3Processor"
    if layout == "new":
        images.save_pretrained(folder)
        nested = json.loads((folder / "preprocessor_config.json").read_text())
        (folder / "preprocessor_config.json").unlink()
        base.write_json(folder / "processor_config.json",
                        {"image_processor": nested, "image_seq_len": count, "processor_class": kind})
        base.save_tokenizer(tokenizer, folder)
        return
    images.save_pretrained(folder)
    base.edit_json(folder / "preprocessor_config.json", lambda data: data.update(processor_class=kind))
    base.write_json(folder / "processor_config.json", {"image_seq_len": count, "processor_class": kind})
    base.save_tokenizer(tokenizer, folder, tokenizer_class="GPT2Tokenizer", add_prefix_space=False)
    (folder / "chat_template.jinja").unlink()
    base.write_json(folder / "chat_template.json", {"chat_template": TEMPLATE})


REAL = dict(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512})
SHAPES = [(1, 1), (37, 53), (53, 37), (640, 80), (80, 640), (224, 224), (500, 333), (31, 1000)]
# settings, shapes
IMAGES = [
    (REAL, [(1, 1), (53, 37), (80, 640), (31, 1000), (500, 333), (3000, 1)]),
    ({**REAL, "do_image_splitting": False}, [(37, 53), (224, 224), (640, 80)]),
    # Idefics3-8B's proportions: the longest edge is no power of two; odd sides are made even.
    (dict(size={"longest_edge": 5 * 36}, max_image_size={"longest_edge": 36}), [*SHAPES, (7, 181), (1000, 9)]),
    # The longest edge is no multiple of the tile's.
    (dict(size={"longest_edge": 100}, max_image_size={"longest_edge": 33}), [*SHAPES, (100, 34), (100, 33)]),
    # One tile: not split.
    (dict(size={"longest_edge": 32}, max_image_size={"longest_edge": 32}), SHAPES),
    # As it comes; larger than the picture, both sides given; more than 4096 on a side.
    (dict(size={"longest_edge": 64}, max_image_size={"longest_edge": 32}, do_resize=False), SHAPES[1:7]),
    (dict(size={"height": 70, "width": 50}, max_image_size={"longest_edge": 32}), SHAPES[:5]),
    (dict(size={"longest_edge": 4100}, max_image_size={"longest_edge": 512}), [(640, 2), (2, 301)]),
    (dict(size={"longest_edge": 64}, max_image_size={"longest_edge": 32}, resample=3), SHAPES[1:6]),
]


def make_images(family):
    maker = SmolVLMImageProcessorPil if family == "smolvlm" else Idefics3ImageProcessorPil
    settings = []
    for i, (keywords, shapes) in enumerate(IMAGES):
        if family == "smolvlm" and i not in (0, 3):
            continue
        images = maker(**keywords, image_mean=[0.5] * 3, image_std=[0.5] * 3)
        cases = []
        for width, height in shapes:
            out = images(images=[[base.pattern(width, height)]], return_row_col_info=True, return_tensors="np")
            values = out["pixel_values"][0]
            assert out["pixel_attention_mask"].all()
            rows, cols = out["rows"][0][0], out["cols"][0][0]
            text = expansions([rows], [cols], 64)[0]
            cases.append(dict(width=width, height=height, shape=list(values.shape), sha256=base.sha(values), rows=rows,
                              cols=cols, placeholders=text.count(IMAGE), text=base.short(text, IMAGE)))
        settings.append(dict(settings=json.loads(images.to_json_string()), image_seq_len=64, cases=cases))
    base.write_images(family, dict(processor=maker.__name__, settings=settings))


def make():
    for family in ["idefics3", "smolvlm"]:
        make_images(family)
    for seed, ((family, name), spec) in enumerate(CASES.items(), start=101):
        make_case(family, name, seed, spec)
