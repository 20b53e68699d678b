"""Many two-layer MLPs (LLaVA's mlp2x_gelu) trained side by side before one frozen decoder.

The decoder is frozen and the same for all, so samples of all connectors go through it as one batch; no
gradient passes from one connector to another. Parameters, moments and steps are f32, one row a run.
"""

import math

import torch
from torch.nn import functional as F

from .decoder import WIDTH
from .tower import WIDTH as VISION

NAMES = ("0.weight", "0.bias", "2.weight", "2.bias")
BETAS, EPSILON, CLIP, WARM = (0.9, 0.999), 1e-8, 1.0, 0.03


def untrained(seed: int) -> list[torch.Tensor]:
    """First weights as PyTorch gives them."""
    torch.manual_seed(seed)
    layers = torch.nn.Linear(VISION, WIDTH), torch.nn.Linear(WIDTH, WIDTH)
    return [t.detach().clone() for layer in layers for t in (layer.weight, layer.bias)]


def rate(step: int, steps: int) -> float:
    """Share of the peak learning rate: linear warm-up over 3 % of the steps, then a cosine down to 0."""
    warm = max(1, round(WARM * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


class Connectors:
    """The connectors of runs [k], and their AdamW without weight decay; gradients are clipped run by run."""

    def __init__(self, runs: list, device: torch.device, calibration: torch.Tensor) -> None:
        first = [untrained(run.seed) for run in runs]
        self.parameters = [torch.stack([p[i] for p in first]).to(device).requires_grad_() for i in range(4)]
        self.moments = [[torch.zeros_like(p) for p in self.parameters] for _ in range(2)]
        self.lr = torch.tensor([run.lr for run in runs], device=device)
        self.share = torch.zeros((), device=device)  # of the peak rate, at this step
        self.count = torch.zeros((), device=device)
        self.held = torch.tensor([run.held for run in runs], device=device)
        self.calibration = calibration.to(self.parameters[0].dtype).flatten(0, 1)
        with torch.no_grad():
            self.kept = self.length()

    def __call__(self, patches: torch.Tensor) -> torch.Tensor:
        """Image tokens [k, n, 576] of patches [k, n, 384]."""
        w1, b1, w2, b2 = self.parameters
        hidden = F.gelu(torch.baddbmm(b1[:, None], patches, w1.transpose(1, 2)))
        return torch.baddbmm(b2[:, None], hidden, w2.transpose(1, 2))

    def length(self) -> torch.Tensor:
        """Mean length of the calibration pictures' image tokens, run by run."""
        k = len(self.lr)
        return self(self.calibration.expand(k, -1, -1)).norm(dim=-1).mean(-1)

    @torch.no_grad()
    def step(self) -> torch.Tensor:
        """One step along the gradients; their lengths, run by run."""
        grads = [p.grad for p in self.parameters]
        length = sum(g.flatten(1).square().sum(1) for g in grads).sqrt()
        shrink = (CLIP / (length + 1e-6)).clamp(max=1)
        self.count += 1
        for p, g, m, v in zip(self.parameters, grads, *self.moments):
            along = lambda t: t.view(-1, *[1] * (p.ndim - 1))
            g = g * along(shrink)
            m.lerp_(g, 1 - BETAS[0])
            v.lerp_(g * g, 1 - BETAS[1])
            mean, square = m / (1 - BETAS[0] ** self.count), v / (1 - BETAS[1] ** self.count)
            p -= along(self.lr * self.share) * mean / (square.sqrt() + EPSILON)
        if self.rescales:
            factor = torch.where(self.held, self.kept / self.length(), 1.0)
            for p in self.parameters[2:]:
                p *= factor.view(-1, *[1] * (p.ndim - 1))
        return length

    @property
    def rescales(self) -> bool:
        if not hasattr(self, "_rescales"):
            self._rescales = bool(self.held.any())
        return self._rescales

    def of(self, k: int) -> dict[str, torch.Tensor]:
        """Run k's tensors as they ship: f16, under LLaVA's own names."""
        return {f"model.mm_projector.{name}": p[k].detach().half().cpu().clone() for name, p in zip(NAMES, self.parameters)}


def loaded(tensors: dict[str, torch.Tensor], device: torch.device):
    """A function from patches [n, tokens, 384] to image tokens, of tensors as they ship."""
    w1, b1, w2, b2 = (tensors[f"model.mm_projector.{name}"].float().to(device) for name in NAMES)
    return lambda x: F.linear(F.gelu(F.linear(x.float(), w1, b1)), w2, b2)
