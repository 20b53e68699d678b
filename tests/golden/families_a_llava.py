"""Towers and decoders in the llava layout: families/llava/, see README.md."""

import json

import torch
from transformers import (
    AutoProcessor,
    BitImageProcessorPil,
    CLIPImageProcessorPil,
    Dinov2Config,
    Dinov2WithRegistersConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
    SiglipImageProcessorPil,
)
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

import families_a_common as common
import families_a_vlm as vlm
import make_golden as golden

IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
FULL = dict(vision_feature_select_strategy="full", vision_feature_layer=-1)


def dino(cls, **kw):
    base = dict(hidden_size=20, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=7, mlp_ratio=2)
    return cls(**{**base, **kw})


def bit(size, crop):
    return BitImageProcessorPil(size={"shortest_edge": size}, crop_size=crop, **IMAGENET)


def cases():
    """name -> (tokenizer, tower, decoder class and keywords, llava keywords, image processor, positions
    beside the patches, options)"""
    clip_images = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    siglip_images = SiglipImageProcessorPil(size={"height": 28, "width": 28}, resample=2)
    f32, bf16, f16 = torch.float32, torch.bfloat16, torch.float16
    small = dict(hidden_size=20, num_attention_heads=2, num_key_value_heads=1)
    return {
        "mistral_clip": (
            vlm.mistral_tokenizer, vlm.clip(), MistralConfig,
            dict(hidden_size=24, num_attention_heads=4, num_key_value_heads=2, sliding_window=13), {},
            clip_images, 1, dict(dtype=bf16, hub=True),
        ),
        "qwen2_siglip": (
            vlm.qwen_tokenizer, vlm.siglip(), Qwen2Config, dict(**small, tie_word_embeddings=True), FULL,
            siglip_images, 0, dict(dtype=f16, hub=True),
        ),
        "qwen3_siglip": (
            vlm.qwen_tokenizer, vlm.siglip(hidden_size=16, image_size=25, patch_size=5), Qwen3Config,
            dict(hidden_size=18, num_attention_heads=3, num_key_value_heads=1, head_dim=10, tie_word_embeddings=True),
            FULL, SiglipImageProcessorPil(size={"height": 25, "width": 25}), 0, dict(dtype=f32, nested=True),
        ),
        # 4 x 4 positions made 3 x 3, with registers among the image tokens.
        "llama_dinov2_registers": (
            vlm.llama_tokenizer, dino(Dinov2WithRegistersConfig, num_register_tokens=3), LlamaConfig, small, {},
            bit(24, {"height": 21, "width": 21}), 4, dict(dtype=f16),
        ),
        # 4 x 4 positions made 5 x 5, without antialiasing; the class token kept.
        "llama_dinov2": (
            vlm.llama_tokenizer, dino(Dinov2Config), LlamaConfig, small, FULL,
            bit(35, {"height": 35, "width": 35}), 1, dict(dtype=bf16, hub=True),
        ),
        # A gated feed-forward of 32 channels, 3 x 3 positions as they are.
        "llama_dinov2_swiglu": (
            vlm.llama_tokenizer,
            dino(Dinov2WithRegistersConfig, image_size=21, use_swiglu_ffn=True, qkv_bias=False, num_register_tokens=2,
                 hidden_size=24, num_attention_heads=3),
            LlamaConfig, small, {}, bit(21, {"height": 21, "width": 21}), 3, dict(dtype=bf16, hub=True),
        ),
    }


def hub_config(config):
    text, vision = config["text_config"], config["vision_config"]
    if text["model_type"] in ["llama", "mistral"]:
        text.pop("head_dim")
    vision.pop("projection_dim", None)


def processors_of_hub(folder):
    """The files of transformers 4 for the processor and its template."""
    processor = json.loads((folder / "processor_config.json").read_text())
    image = processor.pop("image_processor")
    image["processor_class"] = processor["processor_class"]
    golden.write_json(folder / "preprocessor_config.json", image)
    golden.write_json(folder / "processor_config.json", processor)
    template = folder / "chat_template.jinja"
    golden.write_json(folder / "chat_template.json", {"chat_template": template.read_text()})
    template.unlink()


def nested_names(name):
    name = golden.nested_names(name)
    return name.replace("vision_tower.vision_model.", "vision_tower.")


def make_case(name, seed, spec):
    make_tokenizer, vision, decoder, text_kw, llava_kw, images, beside, options = spec
    folder = common.fresh("llava", name)
    tokenizer = make_tokenizer()
    image_id = tokenizer.convert_tokens_to_ids("<image>")
    base = dict(vocab_size=len(tokenizer) + 3, intermediate_size=36, num_hidden_layers=2, rms_norm_eps=1e-5,
                max_position_embeddings=256, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
                rope_parameters={"rope_type": "default", "rope_theta": 900.0 + seed})
    config = LlavaConfig(vision_config=vision, text_config=decoder(**{**base, **text_kw}),
                         image_token_index=image_id, **llava_kw)
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    common.randomize(model, seed)
    model.to(options["dtype"]).save_pretrained(folder)
    processor = LlavaProcessor(
        image_processor=images, tokenizer=tokenizer, patch_size=vision.patch_size, num_additional_image_tokens=beside,
        vision_feature_select_strategy=config.vision_feature_select_strategy, chat_template=tokenizer.chat_template,
    )
    processor.save_pretrained(folder)
    golden.compact_tokenizer(folder)
    if options.get("hub"):
        common.old_config(folder, hub_config, ["text_config", "vision_config"])
        if "dinov2" not in name:
            common.rename(folder, golden.hub_names)
        processors_of_hub(folder)
    elif options.get("nested"):
        common.rename(folder, nested_names)

    text = golden.SENTENCES[seed % 5][:21] + " 7 caf\u00e9s."
    pictures = vlm.write_pictures(folder, seed, [(53, 37)], [text])
    again = AutoProcessor.from_pretrained(folder, backend="pil")
    assert again.chat_template == processor.chat_template
    model = LlavaForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    assert model.config.text_config.rope_parameters == config.text_config.rope_parameters
    pixel_values = processor.image_processor(pictures, return_tensors="pt")["pixel_values"]
    count = (pixel_values.shape[2] // vision.patch_size) * (pixel_values.shape[3] // vision.patch_size) + beside
    count -= config.vision_feature_select_strategy == "default"
    rendered, specials, tensors = vlm.prompt(processor, [text], [count], image_id)
    inputs = again(text=rendered, images=pictures, return_tensors="pt", add_special_tokens=specials)
    assert torch.equal(inputs["input_ids"][0], tensors["input_ids"])
    assert torch.equal(inputs["pixel_values"], pixel_values)
    inputs = {k: inputs[k] for k in ["input_ids", "attention_mask", "pixel_values"]}
    tensors |= vlm.vision_states(model, inputs, tensors["input_ids"], image_id)
    tensors["pixel_values"] = pixel_values[0]
    common.save_tensors(folder, tensors)
    common.report(folder, f"{count} image tokens of {len(tensors['input_ids'])}")


def make_images():
    """Image processors of such checkpoints over pictures of many shapes."""
    def expand(patch, beside):
        def text(out):
            height, width = out["pixel_values"].shape[-2:]
            return "<image>" * ((height // patch) * (width // patch) + beside)
        return text

    shapes = [*vlm.SHAPES, (97, 96), (255, 256)]
    square = dict(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    entries = [
        vlm.record(CLIPImageProcessorPil(**square), shapes, expand(14, 0)),
        vlm.record(LlavaImageProcessorPil(**square, do_pad=True), shapes, expand(14, 0)),
        vlm.record(SiglipImageProcessorPil(size={"height": 384, "width": 384}), shapes, expand(14, 0)),
        vlm.record(SiglipImageProcessorPil(size={"height": 70, "width": 112}, resample=2), shapes, expand(14, 0)),
        vlm.record(bit(256, {"height": 224, "width": 224}), shapes, expand(14, 0)),
        # A crop that is wider than the picture resized: filled with zeros.
        vlm.record(bit(60, {"height": 56, "width": 84}), shapes, expand(14, 5)),
        vlm.record(Siglip2ImageProcessorPil(), shapes, extra=["spatial_shapes"]),
        vlm.record(Siglip2ImageProcessorPil(max_num_patches=40, patch_size=14), shapes, extra=["spatial_shapes"]),
    ]
    vlm.write_images("llava", entries)


def main(wanted):
    for seed, (name, spec) in enumerate(cases().items(), start=121):
        if wanted(f"llava/{name}"):
            make_case(name, seed, spec)
    if wanted("llava/images"):
        make_images()
