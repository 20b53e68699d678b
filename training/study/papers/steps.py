"""Training steps that can be cut off anywhere: they go on from the last saved state.

Beside `training.loop.train` because the protocol asks for LLaVA's schedule (3 % warm-up, cosine down
to 0, no weight decay), because a run must survive being killed, and because on a GPU nothing may
wait for the host: losses stay on the device until they are logged.
"""

import csv
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ...config import CACHE
from ...loop import ahead, device

PAUSE = CACHE / "PAUSE"  # while this file exists, training waits
SAVE_EVERY = 90.0  # seconds
LOG_EVERY = 20  # steps


def replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """Writes a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    write(fresh)
    os.replace(fresh, path)


class Pause:
    """Waits between steps while PAUSE exists; looks for it every two seconds."""

    def __init__(self) -> None:
        self.looked = 0.0

    def __call__(self) -> None:
        if time.monotonic() - self.looked < 2:
            return
        if PAUSE.exists():
            print(f"paused: {PAUSE} exists", flush=True)
            while PAUSE.exists():
                time.sleep(2)
            print("goes on", flush=True)
        self.looked = time.monotonic()


pause = Pause()


def rate(step: int, steps: int) -> float:
    """Share of the peak learning rate: linear warm-up over 3 % of the steps, then a cosine down to 0."""
    warm = max(1, round(0.03 * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


@dataclass
class Group:
    """Parameters with their own share of the learning rate and their own weight decay."""

    parameters: list[torch.nn.Parameter]
    share: float = 1.0
    weight_decay: float = 0.0


def run_steps(name: str, groups: list[Group], steps: int, make: Callable[[int], object],
              loss_of: Callable[[object], dict[str, torch.Tensor]], peak: float, work: Path, log: Path,
              betas: tuple[float, float] = (0.9, 0.999), after_step: Callable[[], None] = lambda: None) -> float:
    """Runs what is left of `steps` AdamW steps and returns the seconds that all of them took.

    `make(step)` prepares a batch on the host, one thread ahead; it depends on its number alone.
    `work` holds the state between two calls and is deleted by the caller, once the result is safe.
    """
    parameters = [p for g in groups for p in g.parameters]
    optimiser = torch.optim.AdamW([{"params": g.parameters, "weight_decay": g.weight_decay} for g in groups if g.parameters],
                                  lr=peak, betas=betas)
    shares = [g.share for g in groups if g.parameters]
    first, rows, before = 0, [], 0.0
    if work.exists():
        state = torch.load(work, map_location=device(), weights_only=True)
        first, rows, before = state["step"], state["rows"], state["seconds"]
        optimiser.load_state_dict(state["optimiser"])
        with torch.no_grad():
            for p, saved in zip(parameters, state["parameters"], strict=True):
                p.copy_(saved)
    started = saved_at = time.monotonic()
    waiting: list[dict[str, torch.Tensor]] = []

    def seconds() -> float:
        return before + time.monotonic() - started

    def flush(step: int) -> None:
        if waiting:
            means = {k: torch.stack([w[k] for w in waiting]).mean() for k in waiting[0]}
            rows.append([step, *(round(v, 5) for v in torch.stack(list(means.values())).tolist())])
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "w", newline="") as file:
                csv.writer(file).writerows([["step", *means], *rows])
            waiting.clear()

    for step, batch in zip(range(first, steps), ahead(lambda i: make(first + i), steps - first)):
        pause()
        for group, share in zip(optimiser.param_groups, shares):
            group["lr"] = share * peak * rate(step, steps)
        with torch.autocast(device().type, dtype=torch.bfloat16):
            values = loss_of(batch)
        optimiser.zero_grad(set_to_none=True)
        values["loss"].backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        after_step()
        waiting.append({k: v.detach().float() for k, v in values.items()})
        if (step + 1) % LOG_EVERY == 0 or step + 1 == steps:
            flush(step + 1)
            if (step + 1) % (25 * LOG_EVERY) == 0:
                print(f"  {name}: step {step + 1} of {steps}, loss {rows[-1][1]:.3f}, {seconds():.0f} s", flush=True)
        if time.monotonic() - saved_at > SAVE_EVERY and step + 1 < steps:
            flush(step + 1)
            state = {"step": step + 1, "rows": rows, "seconds": seconds(), "optimiser": optimiser.state_dict(),
                     "parameters": [p.detach() for p in parameters]}
            replace_file(work, lambda path: torch.save(state, path))
            saved_at = time.monotonic()
    return seconds()
