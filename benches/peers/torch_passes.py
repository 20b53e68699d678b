"""Times PyTorch on prepared input: eager, f32, TF32 off, on the first CUDA device or else on the CPU.

    python torch_passes.py FOLDER OUT.json [--cpu]

FOLDER is one of those that prepare.py makes. OUT.json gets times, and the logits of each prompt's last token
(all tokens' logits are computed) or an image's features.
"""

import json
import pathlib
import platform
import sys
import time

import torch
from models import Decoder, Tower, decoder_sizes, prefix, read_weights

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.set_float32_matmul_precision("highest")
torch.set_grad_enabled(False)

# Timed runs at most, seconds of timed ones after which none begins, seconds of work before them.
RUNS, ENOUGH, WARM_UP = 5, 20, 0.4


def device_name(device):
    if device == "cuda":
        return f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"
    return f"{platform.machine()}, {torch.get_num_threads()} threads"


def timed(function, device):
    def run():
        start = time.perf_counter()
        out = function()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start, out

    warm = 0.0
    while warm < WARM_UP:
        warm += run()[0]
    seconds, out = [], None
    while len(seconds) < RUNS and sum(seconds) < ENOUGH:
        taken, out = run()
        seconds.append(taken)
    return seconds, out


def main():
    folder, target = (pathlib.Path(argument) for argument in sys.argv[1:3])
    device = "cuda" if torch.cuda.is_available() and "--cpu" not in sys.argv else "cpu"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    given = json.loads((folder / "input.json").read_text(encoding="utf-8"))
    tensors = read_weights(folder / "model.safetensors")

    def weight(name, *shape):
        return tensors[name].view(shape).to(device)

    passes = []
    if given["prompts"]:
        decoder = Decoder(decoder_sizes(config), weight, prefix(tensors), head=True)
    for ids in given["prompts"]:
        ids = torch.tensor(ids, device=device)
        seconds, logits = timed(lambda: decoder(ids), device)
        passes.append({"tokens": len(ids), "seconds": seconds, "output": logits[-1].tolist()})
        print(f"torch: {len(ids)} tokens, {seconds} s", file=sys.stderr)
    for image in given["images"]:
        tower = Tower(config, weight)
        side = config["vision_config"]["image_size"]
        pixels = torch.tensor(image, device=device).view(3, side, side)
        seconds, features = timed(lambda: tower(pixels), device)
        passes.append({"tokens": None, "seconds": seconds, "output": features.flatten().tolist()})
    result = {"program": "PyTorch", "version": torch.__version__, "device": device_name(device), "passes": passes}
    target.write_text(json.dumps(result), encoding="utf-8")


main()
