"""Writes families/ for Idefics3, SmolVLM, Qwen-VL, InternVL, PaliGemma, Gemma 3, VILA and nanoVLM.

    python tests/golden/make_families_b.py [module...]

See README.md. Seeded like make_golden.py; without names it makes all of them.
"""

import importlib
import sys

import torch

MODULES = ["idefics", "qwen", "internvl", "gemma", "vila", "nanovlm"]


def main():
    torch.set_num_threads(1)
    for name in sys.argv[1:] or MODULES:
        importlib.import_module(f"families_b_{name}").make()


if __name__ == "__main__":
    main()
