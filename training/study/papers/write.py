"""Writes what is finished: a folder per point with what its pre-training learned, `variants.json`, and all
figures in the table of `table.POINTS`.

A member is the checkpoint *before* tuning, for this is what MIR is measured on; its scores are those
after tuning. So a member is a connector and little else. The shared decoder lies beside them, and the
tower is taken from the demo's file.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.torch import load_file, save_file

from ...config import HERE
from ...decoder import load_decoder
from ...scenes import QUESTION_TYPES
from ...tower import load_tower
from ..build import config_of
from ..features import paint
from ..questions import chance, heldout, questions
from ..write import DTYPE, file_name, in_lines, write_member
from .claims import axes, claims
from .pictures import scenes_of
from .prose import passage
from .run import STAGES, folder_of, stored
from .settings import Papers, Point
from .table import POINTS, correlations, noise, row

SHIPPED = HERE.parent / "assets"


def write_shared(papers: Papers, folder: Path) -> list[Path]:
    """The files that members share: the decoder, and the tower where it is not the demo's."""
    decoder = {file_name(f"model.language_model.{k}"): v.to(DTYPE).cpu() for k, v in load_decoder(papers.recipe).model.state_dict().items()}
    save_file(decoder, folder / "decoder.safetensors", metadata={"format": "pt"})
    if papers.tower is not None:
        return [folder / "decoder.safetensors", papers.tower / "model.safetensors"]
    tower = {file_name(f"model.vision_tower.{k}"): v.to(DTYPE).cpu() for k, v in load_tower(papers.recipe).state_dict().items()}
    save_file(tower, folder / "tower.safetensors", metadata={"format": "pt"})
    return [folder / "decoder.safetensors", folder / "tower.safetensors"]


def write_pairs(papers: Papers, folder: Path) -> None:
    """The held-out pictures, each with a passage of unrelated prose: what MIR is measured on."""
    (folder / "images").mkdir(parents=True)
    lines = []
    for i, scene in enumerate(scenes_of(papers, "heldout", papers.pairs)):
        name, picture = f"images/scene-{i:03}.png", paint(papers, scene)
        there = SHIPPED / "study" / name
        if there.exists() and np.array_equal(np.asarray(Image.open(there).convert("RGB")), np.asarray(picture)):
            name = os.path.relpath(there, folder)  # the other study has the same picture: it ships once
        else:
            picture.save(folder / name, optimize=True)
        lines.append(json.dumps({"image": name, "text": passage(papers.recipe.seed, "measure", i, papers.passage_sentences)}))
    if not any((folder / "images").iterdir()):
        (folder / "images").rmdir()
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")


def entry(papers: Papers, point: Point, found: dict) -> dict:
    """A point's line in variants.json, as the other study has it."""
    captions, measured, scored = (found[s] for s in STAGES)
    return {"name": point.name, "axis": point.axis, "label": point.label, "value": point.value, "seed": point.seed,
            "replicate_of": point.replicate_of, "folder": point.name, **({"left_out": True} if point.left_out else {}), "documents": None,
            "samples": captions["samples"], "seconds": captions["seconds"], "parameters_trained": captions["parameters_trained"],
            "image_tokens": config_of(papers, point).image_seq_length, "note": point.note,
            "scores": {**{k: scored[k] for k in ("choice", "choice_kinds", "choice_swapped")},
                       "caption_loss": measured["caption_loss"], "text_perplexity": measured["text_perplexity"]},
            "mir_reference": round(measured["mir"], 7)}


def write(papers: Papers, every: list[Point], out: Path | None = None) -> str:
    """Everything finished into `out`, by default where it ships once all of it is; says what it has written.

    What mirscope has measured of an earlier writing stays: it knows by itself what has changed since."""
    found = {p: {s: stored(papers, p, s) for s in STAGES} for p in every}
    done = [p for p in every if all(found[p].values())]
    if every[0] not in done:
        return "Nothing is written before the base is finished."
    ships = papers.name == "papers" and len(done) == len(every)
    out = out or (SHIPPED / "papers" if ships else papers.recipe.cache / "export")
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    write_pairs(papers, fresh)
    shared = write_shared(papers, fresh)
    for point in done:
        write_member(papers, point, load_file(folder_of(papers, point) / "learned.safetensors"), fresh / point.name, *shared)
    names = {p.name for p in done}
    some = lambda rows: [{**r, "variants": [n for n in r["variants"] if n in names]} for r in rows]
    whole = lambda rows: [r for r in rows if set(r["variants"]) <= names]
    varied = [a for a in some(axes(every, papers.lr)) if len(a["variants"]) > 1]
    rows = [row(p, found[p]) for p in done]
    data = {"schema": 1, "base": "base", **({"control": "shuffled"} if "shuffled" in names else {}), "pairs": "pairs.jsonl",
            "kinds": QUESTION_TYPES, "chance": chance(questions(papers, heldout(papers))),
            "variants": [entry(papers, p, found[p]) for p in done], "axes": varied, "claims": whole(claims(every, papers.lr))}
    table = {"points": rows, "noise": noise(rows), "correlations": correlations(rows, varied),
             "details": {p.name: {s: {k: v for k, v in found[p][s].items() if k != "key"} for s in STAGES} for p in done}}
    (fresh / "variants.json").write_text(in_lines(data))
    (papers.recipe.cache / "table.json").write_text(json.dumps(table, indent=1) + "\n")
    (fresh / POINTS).write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
    for measured in (out / "figures", *out.glob("results.*")):
        if measured.exists():
            os.replace(measured, fresh / measured.name)
    for path in fresh.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors writes files only the owner can read
    shutil.rmtree(out, ignore_errors=True)
    os.replace(fresh, out)
    return f"{len(done)} of {len(every)} points are in {out}"
