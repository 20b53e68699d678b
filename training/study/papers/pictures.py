"""The patch features of the pictures, computed once; kept in pieces, so that little is lost when it is cut off."""

import torch
from safetensors.torch import load_file, save_file

from ...loop import ahead
from ...scenes import Scene, make_scene
from ..features import paint, patches_of
from ..modeling import FamilyLlava
from .settings import Papers, Point
from .steps import pause, replace_file

PIECE = 2000  # pictures
AT_ONCE = 50


def scenes_of(papers: Papers, split: str, count: int) -> list[Scene]:
    """The scenes of a split: "connector" for pre-training, "tuning", "heldout" for all measures."""
    return [make_scene(papers.recipe.seed, split, i) for i in range(count)]


def features(papers: Papers, model: FamilyLlava, split: str, count: int) -> torch.Tensor:
    """[count, patches, vision width], f16 on the CPU. `model` gives the tower, which all points share."""
    pieces = []
    for piece in range(-(-count // PIECE)):
        scenes = scenes_of(papers, split, min(count, (piece + 1) * PIECE))[piece * PIECE :]
        file = papers.recipe.cache / "pictures" / f"{split}-{piece}-{len(scenes)}.safetensors"
        if not file.exists():
            print(f"pictures of {split}: {piece * PIECE} of {count}", flush=True)
            make = lambda i: [paint(papers, s) for s in scenes[i * AT_ONCE : (i + 1) * AT_ONCE]]
            parts = []
            for images in ahead(make, -(-len(scenes) // AT_ONCE)):
                pause()
                parts.append(patches_of(papers, Point("", "", ""), model, images)[:, 0])
            replace_file(file, lambda path: save_file({"patches": torch.cat(parts)}, path))
        pieces.append(load_file(file)["patches"])
    return torch.cat(pieces)
