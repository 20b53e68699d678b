"""One point after the other, stage by stage. What is finished is kept and never made again."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ..build import build, learning
from ..modeling import FamilyLlava
from .measure import measure
from .parts import lay
from .score import choices
from .settings import Papers, Point
from .steps import pause, replace_file
from .train import Shared, pretrain, tune

STAGES = ("captions", "measured", "scored")


def folder_of(papers: Papers, point: Point) -> Path:
    return papers.recipe.cache / "points" / point.name


def key_of(papers: Papers, point: Point) -> str:
    """What a point's results depend on. Amounts are left out: another one added changes no other point."""
    decoder = (papers.recipe.cache / "decoder" / "model.safetensors").read_bytes()
    return hashlib.sha256(repr((replace(papers, amounts=()), replace(point, label="", note=None))).encode() + decoder).hexdigest()[:16]


def stored(papers: Papers, point: Point, stage: str) -> dict | None:
    """What a finished stage has written; None where it is not finished, or of other settings."""
    file = folder_of(papers, point) / f"{stage}.json"
    if not file.exists():
        return None
    found = json.loads(file.read_text())
    return found if found["key"] == key_of(papers, point) else None


def store(papers: Papers, point: Point, stage: str, found: dict) -> dict:
    found = {"key": key_of(papers, point), **found}
    replace_file(folder_of(papers, point) / f"{stage}.json", lambda path: path.write_text(json.dumps(found, indent=1) + "\n"))
    return found


def work_of(papers: Papers, point: Point, stage: str) -> str:
    """The name of a stage's state between two runs; the key in it keeps states of other settings apart."""
    return f"{point.name}-{stage}-{key_of(papers, point)[:6]}"


def pretrained(shared: Shared, point: Point) -> FamilyLlava:
    """The model of a point after its captions, trained on first use."""
    papers, file = shared.papers, folder_of(shared.papers, point) / "learned.safetensors"
    if stored(papers, point, "captions") is None:
        work = work_of(papers, point, "captions")
        model, seconds = pretrain(shared, point, work)
        new, old = learning(model, point)
        tensors = {k: p.detach().half().float().cpu() for k, p in {**new, **old}.items()}  # what is written keeps 16 bits
        replace_file(file, lambda path: save_file(tensors, path))
        samples = point.captions(papers)
        store(papers, point, "captions", {"seconds": round(seconds, 1), "samples": samples, "steps": samples // papers.batch,
                                          "parameters_trained": sum(t.numel() for t in tensors.values())})
        (papers.recipe.cache / "work" / f"{work}.pt").unlink(missing_ok=True)
        model.requires_grad_(False)
    # from the file in any case: a point that was cut off and one that was not are the same
    model = build(papers, point)
    state = model.state_dict()
    for name, tensor in load_file(file).items():
        state[name].copy_(tensor)
    return model


def finish(shared: Shared, point: Point) -> dict:
    """All stages of a point; returns what they have found."""
    papers = shared.papers
    found = {stage: stored(papers, point, stage) for stage in STAGES}
    if not all(found.values()):
        pause()
        model = pretrained(shared, point)
        if found["measured"] is None:
            store(papers, point, "measured", {**measure(shared, point, model), "before_tuning": choices(shared, model, controls=False)})
        if found["scored"] is None:
            work = work_of(papers, point, "tuning")
            seconds = tune(shared, point, model, work)
            store(papers, point, "scored", {"seconds": round(seconds, 1), "samples": papers.tuning_samples, **choices(shared, model)})
            (papers.recipe.cache / "work" / f"{work}.pt").unlink(missing_ok=True)
        del model
        torch.cuda.empty_cache()
        found = {stage: stored(papers, point, stage) for stage in STAGES}
    return found


def line(point: Point, found: dict) -> str:
    """A point in the list: what is finished, and its main figures."""
    show = lambda value, form: format(value, form) if value is not None else "-"
    of = lambda stage, *path: None if found[stage] is None else _down(found[stage], path)
    return (f"{point.name:22} {show(of('captions', 'seconds'), '6.0f'):>7} {show(of('measured', 'caption_loss', 'value'), '.3f'):>7} "
            f"{show(of('measured', 'caption_loss_another', 'value'), '.3f'):>7} {show(of('measured', 'mir'), '.3f'):>7} "
            f"{show(of('measured', 'mir_matched'), '.3f'):>8} {show(of('measured', 'norm_ratio', '1'), '.2f'):>8} "
            f"{show(of('measured', 'before_tuning', 'choice', 'value'), '.1%'):>7} {show(of('scored', 'choice', 'value'), '.1%'):>7}")


HEAD = (f"{'point':22} {'seconds':>7} {'loss':>7} {'another':>7} {'MIR':>7} {'matched':>8} {'ratio 1':>8} {'untuned':>7} {'score':>7}")


def _down(found: dict, path: tuple[str, ...]):
    for key in path:
        found = found[key]
    return found


def status(papers: Papers, every: list[Point]) -> str:
    """What is finished, as lines."""
    laid = all((papers.recipe.cache / part).exists() for part in ("tokenizer", "tower", "decoder"))
    if not laid:
        return "The decoder is not trained yet."
    rows = [line(p, {stage: stored(papers, p, stage) for stage in STAGES}) for p in every]
    done = sum(stored(papers, p, "scored") is not None for p in every)
    return "\n".join([HEAD, *rows, f"{done} of {len(every)} points are finished."])


def study(papers: Papers, chosen: list[Point]) -> None:
    """Everything that is not there yet, in the order of the points."""
    lay(papers)
    shared = Shared(papers)
    print(HEAD, flush=True)
    for point in chosen:
        print(line(point, finish(shared, point)), flush=True)
