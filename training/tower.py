"""Stage 1: a CLIP-style vision tower, trained on images alone.

The patch tokens of the layer that the connector will read must say what stands in each patch, so
linear heads there predict object class, colour, grid position and background; the class token of
the last layer predicts which objects are present and how many. The heads are thrown away.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPVisionConfig, CLIPVisionModel

from .config import Recipe
from .loop import ahead, device, reseed, train
from .scenes import KINDS, Scene, draw, make_scene, patch_owner
from .sprites import BACKGROUNDS, COLOURS

MEAN = (0.48145466, 0.4578275, 0.40821073)  # the CLIP image processor's own
STD = (0.26862954, 0.26130258, 0.27577711)
COLOUR_NAMES = list(COLOURS)
HEADS = {"kind": len(KINDS) + 1, "colour": len(COLOURS) + 1, "cell": 10, "background": len(BACKGROUNDS)}


def vision_config(recipe: Recipe) -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=recipe.vision_hidden, intermediate_size=recipe.vision_mlp,
        num_hidden_layers=recipe.vision_layers, num_attention_heads=recipe.vision_heads,
        image_size=recipe.image_size, patch_size=recipe.patch_size, hidden_act="quick_gelu",
        projection_dim=recipe.vision_hidden,
    )


def pixels(images: list) -> torch.Tensor:
    """PIL images of the model's own size -> pixel_values [batch, 3, height, width]."""
    x = torch.from_numpy(np.stack([np.asarray(i) for i in images])).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def patch_labels(scene: Scene, recipe: Recipe) -> dict[str, np.ndarray]:
    """Per patch: class, colour and cell of the object there (0: none), and the background."""
    owner = patch_owner(scene, recipe.image_size, recipe.patch_size)
    things = scene.things
    kind = np.array([KINDS.index(t.name) + 1 for t in things] + [0])
    colour = np.array([COLOUR_NAMES.index(t.colour) + 1 if t.colour else 0 for t in things] + [0])
    cell = np.array([t.cell + 1 for t in things] + [0])
    return {"kind": kind[owner], "colour": colour[owner], "cell": cell[owner],
            "background": np.full(len(owner), BACKGROUNDS.index(scene.background))}


class Heads(nn.Module):
    """The linear heads that train the tower."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.patch = nn.ModuleDict({k: nn.Linear(hidden, n) for k, n in HEADS.items()})
        self.present = nn.Linear(hidden, len(KINDS))
        self.count = nn.Linear(hidden, 4)


def patch_features(tower: CLIPVisionModel, recipe: Recipe, pixel_values: torch.Tensor) -> torch.Tensor:
    """What the connector reads: [batch, image_tokens, vision_hidden], class token dropped."""
    return tower(pixel_values, output_hidden_states=True).hidden_states[recipe.vision_feature_layer][:, 1:]


def initialise(tower: CLIPVisionModel) -> None:
    """Weights of size 1/sqrt(inputs), smaller where they add to the residual stream, and position
    embeddings as large as what a patch contributes. CLIP's own initial sizes are meant for wide models;
    in a narrow one they leave attention flat and positions unseen for hundreds of steps."""
    depth = (2 * tower.config.num_hidden_layers) ** -0.5
    for name, p in tower.named_parameters():
        if name.endswith("position_embedding.weight"):
            torch.nn.init.normal_(p, std=0.3)
        elif p.ndim == 2:
            out = name.endswith(("out_proj.weight", "fc2.weight"))
            torch.nn.init.normal_(p, std=p.shape[1] ** -0.5 * (depth if out else 1))


def train_tower(recipe: Recipe) -> CLIPVisionModel:
    reseed(recipe.seed, "tower")
    tower = CLIPVisionModel._from_config(vision_config(recipe), attn_implementation="eager").to(device())
    initialise(tower)
    heads = Heads(recipe.vision_hidden).to(device())
    batch = recipe.tower_batch
    steps = max(1, recipe.tower_images // batch)

    def make(step: int):
        scenes = [make_scene(recipe.seed, "tower", step * batch + i) for i in range(batch)]
        labels = [patch_labels(s, recipe) for s in scenes]
        present = torch.zeros(batch, len(KINDS))
        for row, scene in zip(present, scenes):
            row[[KINDS.index(t.name) for t in scene.things]] = 1
        return (pixels([draw(s, recipe.image_size, recipe.downloads) for s in scenes]),
                {k: torch.from_numpy(np.stack([x[k] for x in labels])) for k in HEADS},
                present, torch.tensor([len(s.things) - 1 for s in scenes]))

    def loss_of(data, step):
        x, labels, present, count = data
        out = tower(x.to(device()), output_hidden_states=True)
        patches = heads.norm(out.hidden_states[recipe.vision_feature_layer][:, 1:])
        values = {}
        object_right = None
        for k, head in heads.patch.items():
            logits = head(patches).float().flatten(0, 1)
            truth = labels[k].to(device()).flatten()
            # a sixth of the patches show an object; both groups count the same, or "nothing" wins
            there = (labels["kind"].to(device()).flatten() > 0).float()
            share = there / there.sum().clamp(min=1) + (1 - there) / (1 - there).sum()
            values[k] = (F.cross_entropy(logits, truth, reduction="none") * share).sum() / 2
            if k == "kind" and step % 20 == 0:
                object_right = (logits.argmax(-1) == truth)[truth > 0].float().mean()
        values["present"] = 4 * F.binary_cross_entropy_with_logits(heads.present(out.pooler_output).float(), present.to(device()))
        values["count"] = 0.2 * F.cross_entropy(heads.count(out.pooler_output).float(), count.to(device()))
        values["loss"] = sum(values.values())
        values["kind_accuracy"] = object_right if object_right is not None else torch.tensor(0.0)
        return values

    train("tower", [*tower.parameters(), *heads.parameters()], ahead(make, steps), steps, loss_of,
          recipe.tower_lr, recipe.cache / "logs" / "tower.csv")
    return tower.eval()


def load_tower(recipe: Recipe) -> CLIPVisionModel:
    """The trained tower of this recipe, trained on first use; frozen."""
    folder = recipe.cache / "tower"
    if not (folder / "config.json").exists():
        train_tower(recipe).save_pretrained(folder)
    return CLIPVisionModel.from_pretrained(folder).to(device()).eval().requires_grad_(False)


@torch.no_grad()
def features_of(tower: CLIPVisionModel, recipe: Recipe, scenes: list[Scene]) -> torch.Tensor:
    """Frozen patch features of many scenes, f16 on the CPU."""
    step = 128

    def make(i: int):
        return pixels([draw(s, recipe.image_size, recipe.downloads) for s in scenes[i * step : (i + 1) * step]])

    parts = [patch_features(tower, recipe, x.to(device())).half().cpu()
             for x in ahead(make, -(-len(scenes) // step))]
    return torch.cat(parts)
