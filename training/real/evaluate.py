"""Scores of a connector on held-out pictures: loss with the right, another and a blank picture, and choices of five captions."""

import math

import torch
from torch.nn import functional as F

from .prompts import ANSWER, IMAGE


def answer_losses(decoder, past, image: torch.Tensor, ids: torch.Tensor, start: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Nats of each token of the answers [rows, ANSWER], 0 where there is none. The states before the text's
    positions foretell them."""
    x = torch.cat([image, F.embedding(ids, decoder.embedding)], 1)
    h = decoder(x, past)[:, IMAGE - 1 :]
    at = (start[:, None] + torch.arange(ANSWER, device=start.device)).clamp(max=h.shape[1] - 1)
    h = h.gather(1, at[..., None].expand(-1, -1, h.shape[-1]))
    each = F.cross_entropy(decoder.logits(h).float().flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="none")
    return each.view(labels.shape)


def wilson(right: int, of: int) -> list[float]:
    """95 % interval of a share."""
    z, p = 1.96, right / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return [round((middle + s * half) / (1 + z * z / of), 4) for s in (-1, 1)]


class Scores:
    """The held-out sets on the device."""

    def __init__(self, decoder, past, heldout, patches: torch.Tensor, blank: torch.Tensor, rows_at_once: int) -> None:
        self.decoder, self.past, self.heldout, self.patches, self.blank, self.at_once = decoder, past, heldout, patches, blank, rows_at_once
        device = patches.device
        self.rows = {k: torch.from_numpy(v).to(device) for k, v in heldout.rows.items()}
        self.picture = torch.from_numpy(heldout.picture).to(device)

    @torch.no_grad()
    def losses(self, tokens: torch.Tensor, picture: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Nats and number of tokens of captions `rows` before pictures `picture`."""
        nats, count = [], []
        for i in range(0, len(rows), self.at_once):
            r, p = rows[i : i + self.at_once], picture[i : i + self.at_once]
            labels = self.rows["labels"][r]
            nats.append(answer_losses(self.decoder, self.past, tokens[p], self.rows["ids"][r].long(), self.rows["start"][r], labels).sum(1))
            count.append((labels >= 0).sum(1))
        return torch.cat(nats).double().cpu(), torch.cat(count).double().cpu()

    @torch.no_grad()
    def __call__(self, connector) -> dict:
        device, h = self.patches.device, self.heldout
        tokens = connector(torch.cat([self.patches, self.blank]))
        every = torch.arange(len(self.picture), device=device)
        nats, count = self.losses(tokens, self.picture, every)
        mean = nats / count
        right = torch.tensor(h.right, device=device)
        own = torch.arange(len(h.samples), device=device)
        another = own.clone()
        for numbers in h.sets.values():
            another[numbers.start : numbers.stop] = own[numbers.start : numbers.stop].roll(1)
        with_another, with_blank = (self.losses(tokens, p, right) for p in (another, torch.full_like(own, len(h.samples))))
        per_token = lambda pair, r: round((pair[0][r.start : r.stop].sum() / pair[1][r.start : r.stop].sum()).item(), 5)
        found = {}
        chosen = (nats[h.right], count[h.right])
        for name, numbers in h.sets.items():
            found[name] = {"pictures": len(numbers), "loss": per_token(chosen, numbers), "loss_another": per_token(with_another, numbers),
                           "loss_blank": per_token(with_blank, numbers)}
            for which in ("caption", "name"):
                rows = [h.choice[which][i] for i in numbers if h.choice[which][i]]
                if rows:
                    hits = int((mean[torch.tensor(rows)].argmin(1) == 0).sum())
                    found[name][f"choice_{which}"] = {"right": hits, "of": len(rows), "share": round(hits / len(rows), 4), "interval": wilson(hits, len(rows))}
        found["length"] = round(tokens[:-1].norm(dim=-1).mean().item(), 4)
        return found
