"""The kit's models, which lie beside this file in the kit itself."""

import pathlib
import sys

kit = pathlib.Path(__file__).parents
sys.path[:0] = [str(kit[1]), str(kit[2] / "kit")]

from torch_models import *  # noqa: E402, F403


def prefix(tensors):
    """What stands before the decoder's names."""
    end = "model.embed_tokens.weight"
    return next(name for name in tensors if name.endswith(end)).removesuffix(end)
