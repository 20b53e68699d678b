"""Trains a point: captions first, for the connector; then the conversations that all points have."""

import random

import torch

from ...chat import Encoder, load_tokenizer
from ...loop import device
from ...scenes import Scene
from ..build import build, learning
from ..modeling import FamilyLlava
from ..texts import described
from .batch import Batch, collate, sent, token_losses
from .pictures import features, scenes_of
from .prose import passage
from .settings import Papers, Point
from .start import CALIBRATION, as_pytorch, last_layer, length, scale, word_length
from .steps import Group, run_steps


class Shared:
    """What all points read: the encoder, the scenes and features of each split, the passages of the measure."""

    def __init__(self, papers: Papers) -> None:
        self.papers = papers
        self.encoder = Encoder(load_tokenizer(papers.recipe), papers.recipe.image_tokens)
        self.prose = [passage(papers.recipe.seed, "measure", i, papers.passage_sentences) for i in range(papers.pairs)]
        model = build(papers, Point("base", "seed", "base"))
        heldout = papers.pairs + max(papers.eval_scenes, papers.loss_scenes)
        self.scenes, self.patches = {}, {}
        for split, count in (("connector", papers.pictures), ("tuning", papers.tuning_samples), ("heldout", heldout)):
            self.scenes[split] = scenes_of(papers, split, count)
            self.patches[split] = features(papers, model, split, count).to(device())

    def prose_ids(self) -> torch.Tensor:
        return torch.tensor([t for text in self.prose for t in self.encoder.ids(" " + text)], device=device())


def untrained(shared: Shared, point: Point) -> FamilyLlava:
    """The model of a point before its pre-training; nothing learns yet."""
    model = build(shared.papers, point)
    torch.manual_seed(point.seed)
    connector = model.model.multi_modal_projector
    as_pytorch(connector)
    if point.start is not None:
        patches = shared.patches["connector"][:CALIBRATION].float()
        with torch.no_grad():
            scale(model, point.start * word_length(model, shared.prose_ids()) / length(model, patches))
    return model


def batches(shared: Shared, point: Point, split: str, detail: str, order: list[int]):
    """`make(step)` -> (the batch, numbers of its pictures). What is said of a picture depends on the point's
    seed and the picture, not on the batch: the same in all points of a seed."""
    rows, scenes = shared.papers.batch, shared.scenes[split]

    def make(step: int) -> tuple[Batch, torch.Tensor]:
        chosen = order[step * rows : (step + 1) * rows]
        about = chosen[1:] + chosen[:1] if point.shuffled and split == "connector" else chosen
        said = [described(scenes[i], detail, random.Random(f"{point.seed}/{split}/{i}")) for i in about]
        return collate(shared.encoder, [shared.encoder.encode(t) for t in said]), torch.tensor(chosen)

    return make


def loss_through(shared: Shared, model: FamilyLlava, split: str):
    patches, words = shared.patches[split], word_length(model, shared.prose_ids()).detach()

    def loss_of(data: tuple[Batch, torch.Tensor]) -> dict[str, torch.Tensor]:
        batch, chosen = data
        image = model.image_tokens(patches.index_select(0, chosen.to(device(), non_blocking=True)).float())
        return {"loss": token_losses(model, sent(batch), image).sum() / batch.count, "norm_ratio": image.float().norm(dim=-1).mean() / words}

    return loss_of


def pretrain(shared: Shared, point: Point, work: str) -> tuple[FamilyLlava, float]:
    """Caption pre-training: its own whole schedule over as many captions as the point says, each picture once."""
    papers = shared.papers
    model = untrained(shared, point)
    new, old = learning(model, point)
    samples = point.captions(papers)
    order = random.Random(f"{point.seed}/order").sample(range(samples), samples)
    last = last_layer(model.model.multi_modal_projector)
    held = [last.weight, last.bias] if point.hold == "decay" else []
    groups = [Group([p for p in new.values() if not any(p is h for h in held)]), Group(held, weight_decay=papers.decay),
              Group(list(old.values()), share=papers.decoder_share)]
    calibration = shared.patches["connector"][:CALIBRATION].float()
    with torch.no_grad():
        kept = length(model, calibration)

    @torch.no_grad()
    def rescale() -> None:
        scale(model, kept / length(model, calibration))

    cache = papers.recipe.cache
    seconds = run_steps(f"{point.name}, captions", groups, samples // papers.batch,
                        batches(shared, point, "connector", point.texts, order), loss_through(shared, model, "connector"),
                        point.lr or papers.lr, cache / "work" / f"{work}.pt", cache / "logs" / f"{work}.csv",
                        after_step=rescale if point.hold == "rescaled" else lambda: None)
    return model.eval().requires_grad_(False), seconds


def tune(shared: Shared, point: Point, model: FamilyLlava, work: str) -> float:
    """Instruction tuning, the same for all: conversations about other pictures; connector and decoder learn."""
    papers = shared.papers
    new, old = learning(model, Point(point.name, "", "", unfrozen="all"))
    order = random.Random(f"{point.seed}/tuning").sample(range(papers.tuning_samples), papers.tuning_samples)
    cache = papers.recipe.cache
    seconds = run_steps(f"{point.name}, tuning", [Group([*new.values(), *old.values()])], papers.tuning_samples // papers.batch,
                        batches(shared, point, "tuning", "conversation", order), loss_through(shared, model, "tuning"),
                        papers.tuning_lr, cache / "work" / f"{work}.pt", cache / "logs" / f"{work}.csv")
    model.eval().requires_grad_(False)
    return seconds
