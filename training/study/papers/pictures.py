"""The patch features of the pictures, computed once; kept in pieces, so that little is lost when it is cut off."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ...loop import ahead
from ...scenes import Scene, make_scene
from ..build import seeing
from ..features import paint, patches_of
from .settings import Papers, Point
from .steps import pause, replace_file

PIECE = 2000  # pictures
AT_ONCE = 50


def scenes_of(papers: Papers, split: str, count: int) -> list[Scene]:
    """The scenes of a split: "connector" for pre-training, "tuning", "heldout" for all measures."""
    return [make_scene(papers.recipe.seed, split, i) for i in range(count)]


def pieces(split: str, count: int) -> list[tuple[str, int, int]]:
    """The pieces of a split of `count` pictures: split, first picture, one after its last."""
    return [(split, first, min(count, first + PIECE)) for first in range(0, count, PIECE)]


def lay_piece(papers: Papers, split: str, first: int, end: int) -> None:
    """Makes the features of some pictures where their file is not there yet."""
    file = _file(papers, split, first, end)
    if file.exists():
        return
    print(f"pictures of {split}: {first} to {end}", flush=True)
    scenes, model, parts = scenes_of(papers, split, end)[first:], seeing(papers, Point("base", "seed", "base")), []
    make = lambda i: [paint(papers, s) for s in scenes[i * AT_ONCE : (i + 1) * AT_ONCE]]
    for images in ahead(make, -(-len(scenes) // AT_ONCE)):
        pause()
        parts.append(patches_of(papers, Point("", "", ""), model, images)[:, 0])
    replace_file(file, lambda path: save_file({"patches": torch.cat(parts)}, path))


def features(papers: Papers, split: str, count: int) -> torch.Tensor:
    """[count, patches, vision width], f16 on the CPU."""
    for piece in pieces(split, count):
        lay_piece(papers, *piece)
    return torch.cat([load_file(_file(papers, *piece))["patches"] for piece in pieces(split, count)])


def _file(papers: Papers, split: str, first: int, end: int) -> Path:
    return papers.recipe.cache / "pictures" / f"{split}-{first}-{end}.safetensors"
