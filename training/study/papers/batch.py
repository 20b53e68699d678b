"""Batches that a step needs no answer from the device for: where the scored tokens are is known beforehand."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F
from transformers import LlamaForCausalLM

from ...chat import IGNORED, Encoder
from ...loop import device
from ..modeling import FamilyLlava

# Widths and numbers of scored tokens come in multiples of these: on a GPU memory is reused, on a CPU kernels are not
# compiled anew for every step.
ROUND, ROUND_SCORED = 16, 256


@dataclass(frozen=True)
class Batch:
    """Token ids [rows, width], the flat positions whose next token is scored, and those tokens; `count` of
    them, what follows is padding whose loss is 0."""

    ids: torch.Tensor
    at: torch.Tensor
    target: torch.Tensor
    row: torch.Tensor  # which row each scored token is of
    count: int

    def to(self, where: torch.device) -> "Batch":
        move = lambda t: (t.pin_memory() if where.type == "cuda" else t).to(where, non_blocking=True)
        return Batch(*(move(t) for t in (self.ids, self.at, self.target, self.row)), self.count)


def collate(encoder: Encoder, rows: list[tuple[list[int], list[int]]]) -> Batch:
    ids, labels = encoder.batch(rows)
    extra = -ids.shape[1] % ROUND
    ids, labels = F.pad(ids, (0, extra), value=encoder.pad_id), F.pad(labels, (0, extra), value=IGNORED)
    row, column = (labels[:, 1:] != IGNORED).nonzero(as_tuple=True)
    count, filled = len(row), lambda t, value: F.pad(t, (0, -len(t) % ROUND_SCORED), value=value)
    return Batch(ids, filled(row * ids.shape[1] + column, 0), filled(labels[row, column + 1], IGNORED), filled(row, 0), count)


def text_losses(decoder: LlamaForCausalLM, batch: Batch) -> torch.Tensor:
    """Nats of every scored token of texts without pictures."""
    states = decoder.model(input_ids=batch.ids, use_cache=False).last_hidden_state.flatten(0, 1)
    return F.cross_entropy(decoder.lm_head(states.index_select(0, batch.at)).float(), batch.target, ignore_index=IGNORED, reduction="none")


def token_losses(model: FamilyLlava, batch: Batch, image: torch.Tensor | None) -> torch.Tensor:
    """Nats of every scored token, with the image tokens [all, width] in their places."""
    x = model.merge(batch.ids, image)
    states = model.model.language_model(inputs_embeds=x, use_cache=False).last_hidden_state.flatten(0, 1)
    return F.cross_entropy(model.lm_head(states.index_select(0, batch.at)).float(), batch.target, ignore_index=IGNORED, reduction="none")


def sent(batch: Batch) -> Batch:
    return batch.to(device())
