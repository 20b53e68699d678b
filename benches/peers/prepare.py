"""Makes what the compared programs read: folders with config.json, model.safetensors in f32 and input.json.

    python prepare.py OUT [--demo FOLDER] [--layers N] [--tokens 256,1024]

OUT/smollm2 is a decoder of the size of SmolLM2-135M with random weights from a seed, OUT/demo the demo's
checkpoint. input.json has the model's `name`, `prompts`, lists of token ids, and `images`, lists of normalised pixels.
"""

import argparse
import json
import pathlib

import torch
from models import Decoder, random_weight, read_weights, write_weights

SEED = 135
SMOLLM2 = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "dtype": "float32",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "hidden_act": "silu",
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-5,
    "rope_theta": 100000.0,
    "tie_word_embeddings": True,
}


def prompt(tokens, vocab):
    return [2 + i * 7919 % (vocab - 2) for i in range(tokens)]


def write(folder, name, config, tensors, prompts, images):
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder / "model.safetensors", tensors)
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    given = {"name": name, "prompts": prompts, "images": images}
    (folder / "input.json").write_text(json.dumps(given), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--demo", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=SMOLLM2["num_hidden_layers"])
    parser.add_argument("--tokens", default="256,1024")
    options = parser.parse_args()
    lengths = [int(tokens) for tokens in options.tokens.split(",")]

    config = SMOLLM2 | {"num_hidden_layers": options.layers}
    made, tensors = random_weight("cpu", torch.Generator().manual_seed(SEED)), {}

    def weight(name, *shape):
        tensors[name] = made(name, *shape)
        return tensors[name]

    Decoder(config, weight)
    prompts = [prompt(tokens, config["vocab_size"]) for tokens in lengths]
    name = "SmolLM2-135M-sized decoder"
    if options.layers != SMOLLM2["num_hidden_layers"]:
        name += f", {options.layers} layers of it"
    write(options.out / "smollm2", name, config, tensors, prompts, [])

    if options.demo:
        config = json.loads((options.demo / "config.json").read_text(encoding="utf-8"))
        config["dtype"] = "float32"
        text, side = config["text_config"], config["vision_config"]["image_size"]
        most = text["max_position_embeddings"]
        prompts = [prompt(tokens, text["vocab_size"]) for tokens in lengths if tokens <= most]
        # A placeholder of an image is no word.
        other = config["image_token_index"] + 1
        prompts = [[other if id == config["image_token_index"] else id for id in ids] for ids in prompts]
        image = torch.randn(3 * side * side, generator=torch.Generator().manual_seed(SEED))
        tensors = read_weights(options.demo / "model.safetensors")
        write(options.out / "demo", "demo", config, tensors, prompts, [image.tolist()])


main()
