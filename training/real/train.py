"""Trains all runs, scores them, and writes each as mirscope loads it.

    python -m training.real.train GIVEN OUT --budget 240 [--toy]

What is finished in OUT is not made again. Amounts are whole schedules; runs of one amount are trained side by side.
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from . import decoder as smollm
from .connectors import Connectors, loaded, rate, untrained
from .data import Given, Prepared, features
from .evaluate import Scores, answer_losses
from .prompts import IMAGE
from .samples import table
from .settings import STUDY, TOY, Run, Study
from .tower import Tower

START = time.monotonic()
CONFIG = {"mm_projector_type": "mlp2x_gelu", "mm_vision_select_layer": -1, "mm_vision_select_feature": "patch", "mm_hidden_size": 384}
SLACK = 1.15  # what a step may take longer than measured, before the time is up
AFTER = 12.0  # seconds for scores and files of the last runs


def say(text: str) -> None:
    print(f"[{time.monotonic() - START:6.1f} s] {text}", flush=True)


def replace(path: Path, write) -> None:
    """Writes a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name("new-" + path.name)
    write(fresh)
    os.replace(fresh, path)


class Shared:
    """On the device: the frozen parts and all samples."""

    def __init__(self, given: Given, study: Study, count: int, device: torch.device) -> None:
        prepared = Prepared(given, study, count, min(16, os.cpu_count() or 1))
        say(f"{count} samples written, {len(prepared.pictures)} single pictures read; for example {prepared.examples[:3]}")
        self.study, self.device = study, device
        gpu = device.type == "cuda"
        weights = {k: v.float() for k, v in load_file(given.folder / "tower" / "model.safetensors").items()}
        bank = torch.from_numpy(prepared.pictures).to(device)
        for dtype in (torch.float16, torch.float32) if gpu else (torch.float32,):
            tower = Tower(weights, device, dtype)
            self.patches = features(tower, bank, prepared.table)
            if bool(self.patches.isfinite().all()):
                break
            say("the tower overflowed in 16 bits")
        held, pictures = features(tower, bank, table(prepared.heldout.samples), True)
        blank = tower(torch.full((1, 3, 112, 112), 128 / 255, device=device)).half()
        say("tower features computed")
        self.rows = {k: torch.from_numpy(v).to(device) for k, v in prepared.rows.items()}
        weights = smollm.weights(given.folder / "model.gguf", given.json("gguf.json"), device)
        self.decoder = smollm.Decoder(weights, torch.bfloat16 if gpu else torch.float32, study.decoder_layers)
        self.past = self.decoder.remember(torch.tensor(prepared.before, device=device))
        self.heldout, self.pictures = prepared.heldout, pictures
        # Mean length of the prose's word embeddings: image tokens are told by it.
        words = torch.tensor([t for ids in prepared.prose for t in ids], device=device)
        self.words = self.decoder.embedding[words].norm(dim=-1).mean().item()
        self.scores = Scores(self.decoder, self.past, prepared.heldout, held, blank, study.rows)
        say("decoder read")


def write_pairs(shared: Shared, given: Given, out: Path) -> None:
    """The measured pictures, with prose and with their own captions."""
    folder = out / "pairs"
    folder.mkdir(parents=True, exist_ok=True)
    numbers, prose = shared.heldout.pairs(shared.study.pairs), given.json("prose.json")
    lists = {"prose": [], "captions": []}
    for row, i in enumerate(numbers):
        name = f"{row:03}.png"
        Image.fromarray(shared.pictures[i].permute(1, 2, 0).numpy()).save(folder / name)
        lists["prose"].append({"image": name, "text": prose[row % len(prose)]})
        lists["captions"].append({"image": name, "text": shared.heldout.said[shared.heldout.right[i]]})
    for name, lines in lists.items():
        replace(folder / f"{name}.jsonl", lambda p: p.write_text("".join(json.dumps(line) + "\n" for line in lines)))


class Steps:
    """One training step of a group, on a GPU as a graph that is replayed."""

    def __init__(self, shared: Shared, runs: list[Run]) -> None:
        self.shared, self.k = shared, len(runs)
        self.connectors = Connectors(runs, shared.device, shared.patches[: shared.study.calibration])
        shape = (self.k, shared.study.batch)
        self.shown, self.said = (torch.zeros(shape, dtype=torch.long, device=shared.device) for _ in range(2))
        self.loss = torch.zeros(self.k, device=shared.device)
        self.graph = None

    def plainly(self) -> None:
        shared, c = self.shared, self.connectors
        patches = shared.patches[self.shown.flatten()].float().view(self.k, -1, 384)
        image = c(patches).view(-1, IMAGE, 576)
        said = self.said.flatten()
        labels = shared.rows["labels"][said]
        each = answer_losses(shared.decoder, shared.past, image, shared.rows["ids"][said].long(), shared.rows["start"][said], labels)
        by_run = lambda x: x.view(self.k, -1).sum(1)
        loss = by_run(each) / by_run((labels >= 0).float())
        for p in c.parameters:
            p.grad = None
        loss.sum().backward()
        c.step()
        self.loss.copy_(loss.detach())

    def record(self) -> None:
        """Warms up, then records the step; what the warming up learned is forgotten."""
        if self.shared.device.type != "cuda":
            return
        state = [t for some in (self.connectors.parameters, *self.connectors.moments, [self.connectors.count]) for t in some]
        kept = [t.detach().clone() for t in state]
        try:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    self.plainly()
            torch.cuda.current_stream().wait_stream(side)
            for p in self.connectors.parameters:
                p.grad = None
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.plainly()
            self.graph = graph
        finally:
            torch.cuda.synchronize()
            with torch.no_grad():
                for t, k in zip(state, kept):
                    t.copy_(k)

    def __call__(self, shown: torch.Tensor, said: torch.Tensor, share: float) -> None:
        self.shown.copy_(shown, non_blocking=True), self.said.copy_(said, non_blocking=True)
        self.connectors.share.fill_(share)
        self.graph.replay() if self.graph else self.plainly()


def steps_of(shared: Shared, runs: list[Run]) -> Steps:
    """The step, recorded where that works."""
    steps = Steps(shared, runs)
    try:
        steps.record()
    except Exception as error:
        say(f"recording failed ({type(error).__name__}: {str(error)[:300]}); step by step")
        steps = Steps(shared, runs)
    return steps


def timed(shared: Shared, runs: list[Run], count: int = 5) -> float:
    """Seconds of a step of these runs."""
    steps, still = steps_of(shared, runs), lambda: torch.cuda.synchronize() if shared.device.type == "cuda" else None
    index = torch.zeros(len(runs), shared.study.batch, dtype=torch.long)
    steps(index, index, 0.0), still()
    start = time.monotonic()
    for _ in range(count):
        steps(index, index, 0.0)
    still()
    return (time.monotonic() - start) / count


def orders(run: Run, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers of the pictures and of the captions, [steps, batch]; every sample once."""
    order = torch.from_numpy(np.random.default_rng([run.seed, 11]).permutation(run.samples))
    said = order.roll(1) if run.shuffled else order
    return tuple(t[: run.samples // batch * batch].view(-1, batch) for t in (order, said))


class TooSlow(Exception):
    """The runs will not be finished in time."""


def train(shared: Shared, runs: list[Run], until: float) -> tuple[Connectors, np.ndarray, float]:
    """The trained connectors, the losses of the runs by step [steps, k], and the seconds it took. After a tenth it
    gives up where the rest would take too long."""
    steps = steps_of(shared, runs)
    shown, said = (torch.stack(t, 1).to(shared.device) for t in zip(*(orders(run, shared.study.batch) for run in runs)))
    count, losses, start = len(shown), [], time.monotonic()
    every = max(1, count // 64)
    for i in range(count):
        steps(shown[i], said[i], rate(i, count))
        if i % every == 0 or i + 1 == count:
            losses.append(steps.loss.clone())
        if i + 1 == max(1, count // 10):
            steps.loss.tolist()
            end = time.monotonic() + (time.monotonic() - start) / (i + 1) * (count - i - 1)
            if end + AFTER > until:
                raise TooSlow(f"the end would be {end + AFTER - until:.0f} s too late")
        if (i + 1) % max(1, count // 4) == 0:
            say(f"{runs[0].samples} samples: step {i + 1} of {count}, loss {[round(v, 3) for v in steps.loss.tolist()]}")
    found = torch.stack(losses).cpu().numpy()
    return steps.connectors, found, time.monotonic() - start


def finish(shared: Shared, run: Run, tensors: dict[str, torch.Tensor], out: Path, more: dict) -> None:
    """Scores a connector as it ships, and writes it. The connector comes last: once it is there, it may be measured."""
    folder = out / "runs" / run.name
    scores = shared.scores(loaded(tensors, shared.device))
    scores["norm_ratio_0"] = round(scores["length"] / shared.words, 4)
    replace(folder / "config.json", lambda p: p.write_text(json.dumps(CONFIG)))
    replace(folder / "run.json", lambda p: p.write_text(json.dumps({"run": vars(run), **more, "scores": scores})))
    replace(folder / "mm_projector.safetensors", lambda p: save_file(tensors, p, {"format": "pt"}))
    brief = {k: (v["loss"], v["loss_another"], *(v[c]["share"] for c in ("choice_caption", "choice_name") if c in v)) for k, v in scores.items() if isinstance(v, dict)}
    say(f"{run.name}: loss, with another, choice of caption, of name: {brief}; norm ratio {scores['norm_ratio_0']}")


def done(out: Path, run: Run) -> bool:
    return (out / "runs" / run.name / "mm_projector.safetensors").exists()


def trained(shared: Shared, runs: list[Run], out: Path, until: float) -> None:
    runs = [run for run in runs if not done(out, run)]
    if not runs:
        return
    connectors, losses, seconds = train(shared, runs, until)
    say(f"{len(runs)} runs of {runs[0].samples} samples took {seconds:.1f} s")
    for k, run in enumerate(runs):
        finish(shared, run, connectors.of(k), out, {"training_loss": [round(float(v), 4) for v in losses[:, k]], "seconds": round(seconds, 1), "runs_beside": len(runs)})


def attempted(shared: Shared, runs: list[Run], out: Path, until: float) -> bool:
    """Whether the runs are finished; what fails is said, and loses nothing else."""
    try:
        trained(shared, runs, out, until)
        return True
    except Exception as error:
        say(f"{runs[0].name}: {type(error).__name__}: {str(error)[:500]}")
        if shared.device.type == "cuda":
            torch.cuda.empty_cache()
        return False


def fitting(shared: Shared, out: Path, until: float):
    """The largest amounts that fit the time, one after the other; first what an earlier start chose."""
    started = [amount for amount in shared.study.largest if (out / "runs" / f"amount-{amount}").exists()]
    second = 0.0 if started else timed(shared, shared.study.groups(shared.study.largest[0])[-1])
    for amount in started or shared.study.largest:
        needed = SLACK * second * amount / shared.study.batch + AFTER
        say(f"{amount} samples need about {needed:.0f} s at {second * 1e3:.1f} ms a step; {until - time.monotonic():.0f} s are left")
        if time.monotonic() + needed < until:
            yield amount


@torch.no_grad()
def stretched(shared: Shared, out: Path) -> None:
    """The untrained connector with image tokens as long as those of trained ones: what length alone does to MIR."""
    patches = shared.scores.patches
    tensors = load_file(out / "runs" / "untrained" / "mm_projector.safetensors")
    own = loaded(tensors, shared.device)(patches).norm(dim=-1).mean()
    for run in [r for group in shared.study.groups(0) for r in group if r.seed == 1] + [Run(f"amount-{n}", n) for n in shared.study.largest]:
        folder = out / "runs" / f"length-of-{run.name}"
        if not done(out, run) or (folder / "mm_projector.safetensors").exists():
            continue
        trained_one = loaded(load_file(out / "runs" / run.name / "mm_projector.safetensors"), shared.device)
        factor = (trained_one(patches).norm(dim=-1).mean() / own).item()
        longer = {k: (v.float() * factor).half() if ".2." in k else v for k, v in tensors.items()}
        replace(folder / "config.json", lambda p: p.write_text(json.dumps(CONFIG)))
        replace(folder / "run.json", lambda p: p.write_text(json.dumps({"run": {"name": folder.name, "samples": 0, "seed": 1}, "factor": factor})))
        replace(folder / "mm_projector.safetensors", lambda p: save_file(longer, p, {"format": "pt"}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("given", type=Path), parser.add_argument("out", type=Path)
    parser.add_argument("--budget", type=float, default=240, help="seconds from the start, of which the largest amount takes what is left")
    parser.add_argument("--toy", action="store_true")
    args = parser.parse_args()
    study, given = TOY if args.toy else STUDY, Given(args.given)
    until = START + args.budget
    # Processes are forked before CUDA is touched: asking for devices alone does not touch it.
    device = torch.device("cuda" if torch.cuda.device_count() else "cpu")
    torch.set_float32_matmul_precision("high" if device.type == "cuda" else "highest")
    torch.backends.cuda.enable_cudnn_sdp(False)
    shared = Shared(given, study, max(study.largest), device)
    write_pairs(shared, given, args.out)
    start = Run("untrained", 0)
    if not done(args.out, start):
        names = ("0.weight", "0.bias", "2.weight", "2.bias")
        finish(shared, start, {f"model.mm_projector.{n}": t.half() for n, t in zip(names, untrained(1))}, args.out, {})
    groups = study.groups(study.largest[0])
    for group in groups[:-1]:
        attempted(shared, group, args.out, math.inf)
    amount = None
    for amount in fitting(shared, args.out, until):
        if attempted(shared, study.groups(amount)[-1], args.out, until):
            break
    try:
        stretched(shared, args.out)
    except Exception as error:  # beside the runs, not of them
        say(f"lengths of untrained ones: {type(error).__name__}: {str(error)[:300]}")
    replace(args.out / "study.json", lambda p: p.write_text(json.dumps({
        "largest": amount, "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu", "torch": torch.__version__,
        "seconds": round(time.monotonic() - START, 1), "study": vars(study)})))
    say("finished")


if __name__ == "__main__":
    main()
