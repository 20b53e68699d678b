"""Writes the first part of the golden data in families/: see README.md.

    python tests/golden/make_families_a.py [FAMILY[/CASE] ...]

Seeded, as make_golden.py, with its helpers and those of make_images.py.
"""

import importlib
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

MODULES = ["families_a_decoder", "families_a_llava", "families_a_original", "families_a_next"]


def wanted(name):
    """Whether a case, `family/case`, is asked for."""
    return not sys.argv[1:] or any(name == word or name.startswith(word.rstrip("/") + "/") for word in sys.argv[1:])


def main():
    torch.set_num_threads(1)
    for module in MODULES:
        importlib.import_module(module).main(wanted)


if __name__ == "__main__":
    main()
