"""MIR of a pre-trained point, and beside it what may explain it. Everything in f32 forward, f64 after.

Text is unrelated prose, as in the paper; the same with the pictures' own captions stands beside it.
Layers are outputs of the decoder's blocks, the last one after the final norm; 0 is what goes in.
"""

import random

import numpy as np
import torch
from PIL import Image

from ...evaluate import bootstrap
from ...loop import device
from ...mir import effective_rank, mir, norm_matched, sinks
from ...scenes import CAPTION_PROMPTS, caption, make_scene
from ..features import GREY, patches_of
from ..modeling import FamilyLlava
from .batch import collate, sent, text_losses, token_losses
from .settings import Point
from .start import length, scale
from .steps import pause
from .told import text
from .train import Shared, untrained

States = list[tuple[np.ndarray, np.ndarray]]  # per layer vision [n, d] and text [n, d], from 0
AT_ONCE = 25  # rows


@torch.no_grad()
def states(shared: Shared, model: FamilyLlava, texts: list[str], pictures: range) -> States:
    """States of held-out pictures, each with a text behind it; text is everything after the image."""
    vision: list[list] = []
    words: list[list] = []
    for i in range(0, len(texts), AT_ONCE):
        pause()
        batch = sent(collate(shared.encoder, [shared.encoder.encode([("", t)]) for t in texts[i : i + AT_ONCE]]))
        patches = shared.patches["heldout"][pictures[i] : pictures[i] + len(batch.ids)]
        x = model.merge(batch.ids, model.image_tokens(patches.float()))
        hidden = model.model.language_model(inputs_embeds=x, output_hidden_states=True, use_cache=False).hidden_states
        image = batch.ids == shared.encoder.image_id
        after = (image.cumsum(1) == shared.encoder.image_tokens) & ~image & (batch.ids != shared.encoder.pad_id)
        for k, state in enumerate(hidden):
            if k == len(vision):
                vision.append([]), words.append([])
            vision[k].append(state[image].cpu().numpy())
            words[k].append(state[after].cpu().numpy())
    return [(np.concatenate(v), np.concatenate(t)) for v, t in zip(vision, words)]


def parts(found: dict) -> dict:
    """Sums over layers of the three parts of the Frechet distance, and the distances by layer."""
    return {**{k: round(sum(row[k] for row in found["layers"]), 5) for k in ("location", "spread", "shape")},
            "layers": [round(row["frechet"], 5) for row in found["layers"]]}


def of_layers(every: States, what, layers: list[int]) -> dict:
    return {str(k): what(*every[k]) for k in layers}


@torch.no_grad()
def losses(shared: Shared, model: FamilyLlava, which: str) -> dict:
    """Nats per token of full captions of held-out pictures: with the right picture, with that of another caption
    of the same form, or with a grey one."""
    papers, loss, count = shared.papers, [], []
    scenes = shared.scenes["heldout"][papers.pairs : papers.pairs + papers.loss_scenes]
    patches = shared.patches["heldout"][papers.pairs : papers.pairs + papers.loss_scenes]
    if which == "another":
        patches = patches.roll(2, 0)  # captions take turns in two forms
    if which == "blank":
        grey = Image.new("RGB", (papers.picture_size,) * 2, GREY)
        patches = patches_of(papers, Point("", "", ""), model, [grey])[:, 0].to(device()).expand_as(patches)
    for i in range(0, len(scenes), AT_ONCE):
        pause()
        numbers = range(i, min(i + AT_ONCE, len(scenes)))
        batch = sent(collate(shared.encoder, [shared.encoder.encode([(CAPTION_PROMPTS[j % 2][1], caption(scenes[j], j % 2))]) for j in numbers]))
        each = token_losses(model, batch, model.image_tokens(patches[i : i + AT_ONCE].float()))
        real = torch.arange(len(each), device=each.device) < batch.count
        zeros = torch.zeros(len(numbers), device=each.device)
        loss.append(zeros.index_add(0, batch.row, each)), count.append(zeros.index_add(0, batch.row, real.float()))
    return bootstrap(torch.cat(loss).cpu().numpy(), torch.cat(count).cpu().numpy())


@torch.no_grad()
def text_perplexity(shared: Shared, model: FamilyLlava) -> dict:
    """Of held-out texts of the kinds the decoder was trained on: how much of it is forgotten where it learns on."""
    papers, totals = shared.papers, []
    for i in range(0, papers.loss_scenes, AT_ONCE):
        rows = []
        for j in range(i, min(i + AT_ONCE, papers.loss_scenes)):
            turns, everything = text(papers, make_scene(papers.recipe.seed, "heldout", 100_000 + j), random.Random(f"held-out text {j}"))
            rows.append(shared.encoder.encode(turns, images=0, score_all=everything))
        batch = sent(collate(shared.encoder, rows))
        totals.append([text_losses(model, batch).sum().item(), batch.count])
    found = bootstrap(*np.array(totals).T)
    return {k: round(float(np.exp(v)), 4) for k, v in found.items()}


@torch.no_grad()
def at_the_same_length(shared: Shared, point: Point, trained: FamilyLlava, pictures: range) -> float:
    """MIR of the point's untrained connector, its tokens made as long as the trained one's, before the decoder
    as it is after pre-training: what length alone does."""
    model = untrained(shared, point)
    model.model.language_model.load_state_dict(trained.model.language_model.state_dict())
    patches = shared.patches["heldout"][: len(pictures)].float()
    scale(model, length(trained, patches) / length(model, patches))
    return mir(states(shared, model, shared.prose, pictures)[1:])["mir"]


def measure(shared: Shared, point: Point, model: FamilyLlava) -> dict:
    """All figures of a pre-trained point."""
    papers, pictures = shared.papers, range(shared.papers.pairs)
    every = states(shared, model, shared.prose, pictures)
    last, half = len(every) - 1, papers.pairs // 2
    some = sorted({0, 1, min(3, last), last})
    found, matched = mir(every[1:]), norm_matched(every[1:])
    captions = [caption(shared.scenes["heldout"][i], i % 2) for i in pictures]
    halves = [mir(states(shared, model, shared.prose[p.start : p.stop], p)[1:])["mir"]
              for p in (range(half), range(half, papers.pairs))]
    size = lambda x: float(np.linalg.norm(x, axis=1).mean())
    return {
        "mir": found["mir"], "mir_matched": matched["mir"], "parts": parts(found), "matched_layers": [round(v, 5) for v in matched["layers"]],
        "mir_halves": halves, "mir_captions": mir(states(shared, model, captions, pictures)[1:])["mir"],
        "mir_untrained_same_length": at_the_same_length(shared, point, model, pictures),
        "norm_ratio": of_layers(every, lambda v, t: size(v) / size(t), some),
        "text_length": of_layers(every, lambda v, t: size(t), some),
        "rank_vision": of_layers(every, lambda v, t: effective_rank(v), some),
        "rank_text": of_layers(every, lambda v, t: effective_rank(t), some),
        "sinks_vision": of_layers(every, lambda v, t: sinks(v), list(range(last + 1))),
        "sinks_text": of_layers(every, lambda v, t: sinks(t), list(range(last + 1))),
        "tokens": {"vision": len(every[0][0]), "text": len(every[0][1]), "width": every[0][0].shape[1]},
        **{f"caption_loss{suffix}": losses(shared, model, which) for which, suffix in
           (("right", ""), ("another", "_another"), ("blank", "_blank"))},
        "text_perplexity": text_perplexity(shared, model),
    }
