"""The score of a point: choosing among answers about held-out pictures, as in the other study."""

import numpy as np
import torch

from ...evaluate import bootstrap
from ...scenes import QUESTION_TYPES
from ..choose import choose
from ..modeling import FamilyLlava
from ..questions import heldout, questions
from .train import Shared


@torch.no_grad()
def choices(shared: Shared, model: FamilyLlava, controls: bool = True) -> dict:
    """Shares of right choices, by type of question too, and with the picture of another scene."""
    papers = shared.papers
    scenes = heldout(papers)
    asked = questions(papers, scenes)
    scene, kinds, right = (np.array([getattr(q, k) for q in asked]) for k in ("scene", "kind", "right"))
    patches = shared.patches["heldout"][papers.pairs : papers.pairs + len(scenes)].float()
    images = model.image_tokens(patches).unflatten(0, (len(scenes), -1))
    shown = [([], q.text, q.answers) for q in asked]

    def share(hits: np.ndarray, at: np.ndarray) -> dict:
        count = lambda w: np.bincount(scene, w * at, len(scenes))
        return bootstrap(count(hits), count(np.ones(len(asked))))

    hits = (choose(model, shared.encoder, shown, images[scene][:, None]) == right).astype(float)
    result = {"choice": share(hits, np.ones(len(asked), bool)),
              "choice_kinds": {k: share(hits, kinds == k) for k in QUESTION_TYPES if (kinds == k).any()}}
    if controls:
        other = choose(model, shared.encoder, shown, images.roll(1, 0)[scene][:, None])
        result["choice_swapped"] = share((other == right).astype(float), np.ones(len(asked), bool))
    return result
