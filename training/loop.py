"""The plain training loop the stages share: schedule, clipping, progress bar, CSV log."""

import csv
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def reseed(seed: int, stage: str) -> np.random.Generator:
    """Seeds torch for a stage and returns its numpy generator; stages do not share random numbers."""
    rng = np.random.default_rng([seed, *stage.encode()])
    torch.manual_seed(int(rng.integers(2**62)))
    return rng


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up over 5 % of the steps, then a cosine down to 2 % of the peak."""
    warm = max(1, steps // 20)
    if step < warm:
        return peak * (step + 1) / warm
    t = (step - warm) / max(1, steps - warm)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * t)))


def ahead(make: Callable[[int], object], count: int) -> Iterator:
    """Yields make(0), make(1), ... while a thread prepares the next ones."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, i) for i in range(min(3, count))]
        for i in range(count):
            done = waiting.pop(0)
            if i + 3 < count:
                waiting.append(pool.submit(make, i + 3))
            yield done.result()


def train(
    name: str,
    parameters: Iterable[torch.nn.Parameter],
    batches: Iterator,
    steps: int,
    loss_of: Callable[[object, int], dict[str, torch.Tensor]],
    peak: float,
    log: Path,
    after_step: Callable[[int], None] = lambda step: None,
    gentle: Iterable[torch.nn.Parameter] = (),
    gentle_share: float = 0.25,
) -> None:
    """Runs `steps` AdamW steps; `loss_of(batch, step)` returns named values, "loss" is minimised.
    `gentle` parameters were trained before and learn at `gentle_share` of the rate.

    Matrix products run in bf16 under autocast; parameters and optimiser states stay f32.
    """
    groups = []
    for some, share in ((parameters, 1.0), (gentle, gentle_share)):
        some = [p for p in some if p.requires_grad]
        groups += [{"params": [p for p in some if p.ndim > 1], "share": share, "weight_decay": 0.05},
                   {"params": [p for p in some if p.ndim <= 1], "share": share, "weight_decay": 0.0}]
    parameters = [p for g in groups for p in g["params"]]
    optimiser = torch.optim.AdamW([g for g in groups if g["params"]], lr=peak, betas=(0.9, 0.95))
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", newline="") as file:
        writer = None
        bar = tqdm(total=steps, desc=name, file=sys.stderr, mininterval=2, dynamic_ncols=True)
        for step, batch in zip(range(steps), batches):
            for group in optimiser.param_groups:
                group["lr"] = group["share"] * learning_rate(step, steps, peak)
            with torch.autocast(device().type, dtype=torch.bfloat16):
                values = loss_of(batch, step)
            optimiser.zero_grad(set_to_none=True)
            values["loss"].backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            after_step(step + 1)
            if step % 20 == 0 or step + 1 == steps:
                row = {"step": step + 1, **{k: round(v.detach().item(), 5) for k, v in values.items()}}
                if writer is None:
                    writer = csv.DictWriter(file, fieldnames=list(row))
                    writer.writeheader()
                writer.writerow(row)
                file.flush()
                bar.set_postfix({k: f"{v:.3f}" for k, v in row.items() if k != "step"}, refresh=False)
            bar.update()
        bar.close()
