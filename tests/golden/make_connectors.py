"""Writes the golden data of the connectors in connectors/: see README.md beside this file.

    python tests/golden/make_connectors.py [NAME ...]

One tiny checkpoint per type of connector, with the recipe's own model classes, whose states the
engine has to reproduce. Seeded, as make_golden.py.
"""

import shutil
import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import LlavaConfig
from transformers.image_utils import load_image

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

import make_golden as golden  # noqa: E402
from training.study.connectors import tokens_of_picture  # noqa: E402
from training.study.modeling import FamilyLlava  # noqa: E402

FOLDER = HERE / "connectors"
TEXT = "A small red house."


def clip(**kw):
    base = dict(hidden_size=18, num_attention_heads=3, num_hidden_layers=2, intermediate_size=24)
    return golden.clip(**{**base, "image_size": 32, "patch_size": 8, **kw})


def siglip(**kw):
    base = dict(hidden_size=18, num_attention_heads=3, intermediate_size=24, vision_use_head=False)
    return golden.siglip(**{**base, **kw})


# All patches of a SigLIP tower.
FULL = dict(vision_feature_select_strategy="full", vision_feature_layer=-1)


def cases():
    """name -> (vision, keys of config.json, options)"""
    return {
        "linear_moca": (clip(), dict(mm_projector_type="linear", use_moca=True, moca_std=0.02), {}),
        "mlp4x_gelu": (clip(), dict(mm_projector_type="mlp4x_gelu"), {}),
        # A grid of 5 x 5: windows overlap.
        "average_pool": (clip(image_size=40), dict(mm_projector_type="average_pool", mm_projector_tokens=9), {}),
        # 7 queries on 64 patches; the tensor names of newer files.
        "attention_pool_moca_bf16": (
            siglip(image_size=32, patch_size=4),
            dict(mm_projector_type="attention_pool", mm_projector_tokens=7, mm_projector_heads=3, use_moca=True, **FULL),
            dict(dtype=torch.bfloat16, rename=lambda name: name.replace("language_model.model.", "language_model.")),
        ),
        # From 6 x 6 to 4 x 4; other channels than the tower's, so that the first block has a downsample.
        "c_abstractor_bf16": (
            clip(image_size=24, patch_size=4),
            dict(mm_projector_type="c_abstractor", mm_projector_tokens=16, mm_projector_hidden_size=22, mm_projector_depth=2),
            dict(dtype=torch.bfloat16),
        ),
        # The tower's channels and three blocks, as the defaults say.
        "c_abstractor_defaults_f16": (
            siglip(image_size=20, patch_size=5),
            dict(mm_projector_type="c_abstractor", mm_projector_tokens=4, **FULL),
            dict(dtype=torch.float16),
        ),
        "pixel_shuffle": (
            siglip(image_size=24, patch_size=4), dict(mm_projector_type="pixel_shuffle", mm_projector_scale=3, **FULL), {}
        ),
    }


def make_case(name, seed, spec):
    vision, keys, options = spec
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer = golden.TOKENIZERS["byte"]()
    text = golden.llama(
        tokenizer, hidden_size=20, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=True,
    )
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=4, tie_word_embeddings=True, **keys
    )
    tokens = config.image_seq_length = tokens_of_picture(config)
    torch.manual_seed(seed)
    model = FamilyLlava._from_config(config, attn_implementation="eager").eval()
    golden.randomize(model, seed)
    model.tie_weights()
    model.to(options.get("dtype", torch.float32)).save_pretrained(folder)
    processor = golden.make_processor(config, tokenizer, "parts")
    processor.save_pretrained(folder)
    golden.compact_tokenizer(folder)
    # Read back from the files as they are, 16-bit weights as f32.
    model = FamilyLlava.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    if "rename" in options:
        path = folder / "model.safetensors"
        save_file({options["rename"](k): v for k, v in load_file(path).items()}, path, {"format": "pt"})

    Image.fromarray(golden.picture(seed, 29, 23)).save(folder / "image.png")
    (folder / "text.txt").write_text(TEXT)
    rendered, start = golden.render(processor, (True, True), TEXT)
    ids, content = golden.locate(processor.tokenizer, rendered, start, TEXT, tokens, {})
    pixel_values = processor.image_processor(load_image(str(folder / "image.png")), return_tensors="pt")["pixel_values"]
    tensors = golden.golden_states(model, torch.tensor(ids), pixel_values)
    assert len(tensors["image_features"]) == tokens
    tensors["text_content"] = torch.tensor(content, dtype=torch.int64)
    save_file(tensors, folder / "golden.safetensors")
    (folder / "generation_config.json").unlink(missing_ok=True)
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{name}: {tokens} image tokens of {len(ids)}, {size / 1e3:.0f} kB")


def main():
    torch.set_num_threads(1)
    for seed, (name, spec) in enumerate(cases().items(), start=31):
        if name in sys.argv[1:] or not sys.argv[1:]:
            make_case(name, seed, spec)


if __name__ == "__main__":
    main()
