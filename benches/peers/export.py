"""Writes a prepared checkpoint as ONNX, one file for each input, and what a browser needs to run them.

    python export.py FOLDER

FOLDER/onnx.json lists the files; weights lie in the files themselves, and shapes are fixed.
"""

import json
import pathlib
import sys

import torch
from models import Decoder, Tower, decoder_sizes, prefix, read_weights


def export(module, given, file):
    with torch.no_grad():
        program = torch.onnx.export(
            module, (given,), dynamo=True, input_names=["given"], output_names=["out"], optimize=True, verbose=False
        )
    program.save(str(file), external_data=False)


def main():
    folder = pathlib.Path(sys.argv[1])
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    given = json.loads((folder / "input.json").read_text(encoding="utf-8"))
    tensors = read_weights(folder / "model.safetensors")

    def weight(name, *shape):
        return tensors[name].view(shape)

    files = []

    def add(module, values, tokens, name):
        export(module.eval(), values, folder / name)
        files.append({"file": name, "tokens": tokens, "shape": list(values.shape)})
        print(f"exported {name}", file=sys.stderr, flush=True)

    for ids in given["prompts"]:
        decoder = Decoder(decoder_sizes(config), weight, prefix(tensors), head=True)
        add(decoder, torch.tensor(ids), len(ids), f"{len(ids)}.onnx")
    if given["images"]:
        side = config["vision_config"]["image_size"]
        pixels = torch.tensor(given["images"][0]).view(3, side, side)
        add(Tower(config, weight), pixels, None, "image.onnx")
    described = {"torch": torch.__version__, "files": files}
    (folder / "onnx.json").write_text(json.dumps(described), encoding="utf-8")


main()
