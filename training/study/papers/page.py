"""The page about this protocol, `docs/papers-protocol.md`, from files alone: the points' figures, and the verdicts
of `mirscope study` on them and on the other study. Every figure on it is computed here; none is typed."""

import json
from pathlib import Path

from ...config import HERE
from . import words
from .table import POINTS, correlations, groups, noise

ROOT = HERE.parent
PAGE = ROOT / "docs" / "papers-protocol.md"
OURS, OTHER = (ROOT / "assets" / name for name in ("papers", "study"))
# Claims of this study that the other one has under another name.
ALSO = {"amount-mir": "samples-mir", "amount-both": "samples-score"}
OUTCOMES = ("held", "did-not-hold", "within-noise", "at-chance", "not-measured")  # as mirscope has them
SHARES = {"choice", "choice_blank", "choice_swapped"}


class Stale(Exception):
    """The files do not belong together."""


def number(value: float, places: int = 2, sign: bool = False) -> str:
    return f"{value:{'+' if sign else ''}.{places}f}".replace("-", "\u2212")


def share(value: float) -> str:
    return f"{100 * value:.1f} %"


def spread(values: list[float], form) -> str:
    """One value, or mean and standard deviation of several."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return form(mean)
    deviation = (sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5
    text = form(mean)
    unit = " %" if text.endswith(" %") else ""
    return f"{text.removesuffix(unit)} \u00b1 {form(deviation).removesuffix(unit)}{unit}"


def table(head: list[str], rows: list[list[str]], left: int = 1) -> list[str]:
    """A table in Markdown; the first `left` columns are words, the others numbers."""
    line = lambda cells: "| " + " | ".join(cells) + " |"
    return [line(head), line(["---"] * left + ["---:"] * (len(head) - left)), *map(line, rows), ""]


def interval(c: dict) -> str:
    if c.get("spearman") is None:
        return "-"
    if not c.get("spearman_95"):
        return number(c["spearman"])
    low, high = c["spearman_95"]
    return f"{number(c['spearman'])} ({number(low)} to {number(high)})"


def read(ours: Path = OURS, other: Path = OTHER) -> dict:
    """All that the page is made of."""
    load = lambda path: json.loads(path.read_text())
    found = {"points": load(ours / POINTS), "ours": load(ours / "results.json"), "other": load(other / "results.json")}
    # results.json leaves out what mirscope does not know, so what both have is compared.
    known = {v["name"]: v for v in load(ours / "variants.json")["variants"]}
    same = found["ours"]["study"]["claims"] == load(ours / "variants.json")["claims"] and set(found["ours"]["measured"]) == set(known)
    if not same or any(known[p["name"]]["scores"]["choice"]["value"] != round(p["score"], 6) for p in found["points"]):
        raise Stale("assets/papers/results.json is not of the checkpoints beside it: run `mirscope study assets/papers`")
    for p in found["points"]:
        p["mir_exact"] = found["ours"]["measured"][p["name"]]["mir"]
    found["reference"] = {n: v["mir_reference"] for n, v in known.items()}
    return found


def points_table(points: list[dict], axes: list[dict]) -> list[str]:
    """A row per setting, by axis; several seeds in one row."""
    columns = {"mir": number, "mir_exact": number, "mir_matched": number, "norm_ratio_1": number, "rank_vision_last": lambda v: number(v, 1),
               "caption_loss": number, "caption_loss_another": number, "score_untuned": share, "score": share}
    by_setting, rows, shown = groups(points), [], set()
    for axis in [{"name": "seed", "title": "Base", "variants": ["base"]}, *(a for a in axes if a["name"] != "seed")]:
        for name in axis["variants"]:
            if name not in by_setting or name in shown:
                continue
            shown.add(name)
            runs = by_setting[name]
            label = runs[0]["label"]
            if name == "base":
                label = words.BASE
            elif label.startswith(axis["title"].lower()):
                label = label[0].upper() + label[1:]
            else:
                label = f"{axis['title']}: {label}"
            cells = [spread([r[c] for r in runs], form) for c, form in columns.items()]
            rows.append([label, str(runs[0]["samples"]), str(len(runs)), *cells])
    return table(["setting", "pairs", "seeds", "MIR", "MIR before the final norm", "norm-matched MIR", "norm ratio, layer 1", "effective rank, last layer",
                  "caption loss, right image", "caption loss, another image", "score before tuning", "score after tuning"], rows)


def correlation_tables(found: list[dict], axes: list[dict]) -> list[str]:
    """The score with every quantity: over all settings, and along each axis."""
    at = {(c["over"], c["of"]): c for c in found}
    every, rest = "all", "all but the shuffled control"
    order = sorted(words.QUANTITIES, key=lambda q: -abs(at[every, q].get("spearman") or 0))
    n = at[every, "mir"]["n"]
    pairs = lambda c: f"{c['agree']} / {c['disagree']}" if "agree" in c else "-"
    lines = table(["quantity", f"all {n} settings", "without the shuffled control", "pairs in the same order / in the opposite one"],
                  [[words.QUANTITIES[q], interval(at[every, q]), interval(at[rest, q]), pairs(at[every, q])] for q in order])
    named = [a for a in axes if (a["name"], "mir") in at]
    lines += ["Along each axis:", ""]
    lines += table(["quantity", *(f"{a['title']} (n = {at[a['name'], 'mir']['n']})" for a in named)],
                   [[words.QUANTITIES[q], *(interval(at[a["name"], q]) for a in named)] for q in order])
    return lines


def kendall(c: dict) -> str:
    if c.get("kendall") is None:
        return "-"
    low, high = c.get("kendall_95") or (None, None)
    return number(c["kendall"]) + ("" if low is None else f" ({number(low)} to {number(high)})")


def quantity_table(points: list[dict], ours: dict, other: dict) -> list[str]:
    """The score with every quantity of mirscope's reports, under the same noise as all else; beside it the other study's.

    Over the settings that were measured with all of them; empty where none was."""
    measured = {name: {q["id"]: q for q in m.get("quantities", [])} for name, m in ours["measured"].items()}
    labels = {i: q["label"] for quantities in measured.values() for i, q in quantities.items()}
    rows = [{**p, **{i: q["value"] for i, q in measured[p["name"]].items()}} for p in points if measured[p["name"]]]
    ids = [i for i in labels if all(r.get(i) is not None for r in rows)]
    if len(rows) < 3 or not ids:
        return []
    found = {c["of"]: c for c in correlations(rows, [], (*ids, "score")) if c["over"] == "all"}
    there = {c["x"].removeprefix("quantity_"): c["rank"] for c in other["correlations"]
             if c["over"] == "comparable" and c["x"].startswith("quantity_") and c["y"] == "choice"}
    pairs = lambda c: f"{c['agree']} / {c['disagree']}" if "agree" in c else "-"
    beside = lambda i: f"{number(there[i]['rho'])} (n = {there[i]['n']})" if there.get(i, {}).get("rho") is not None else "-"
    order = sorted(ids, key=lambda i: -abs(found[i].get("spearman") or 0))
    return table(["quantity of a report", f"Spearman, {found[ids[0]]['n']} settings", "Kendall", "pairs in the same order / in the opposite one", "Spearman by the other protocol"],
                 [[labels[i], interval(found[i]), kendall(found[i]), pairs(found[i]), beside(i)] for i in order])


def value(results: dict, metric: str, name: str) -> float | None:
    """A metric of a claim at a checkpoint, by mirscope's own measurement; None where the page needs none."""
    if metric in ("mir", "mir_official", "norm_matched_mir"):
        return results["measured"][name][metric]
    scores = {v["name"]: v["scores"] for v in results["study"]["variants"]}
    return ((scores[name] or {}).get(metric) or {}).get("value")


def of_means(results: dict, claim: dict, verdict: dict) -> str:
    """The change between the claim's ends as means over seeds, where both have two or more."""
    if not verdict.get("ends") or not verdict.get("noise"):
        return "-"
    runs = lambda end: [v["name"] for v in results["study"]["variants"] if end in (v["name"], v.get("replicate_of"))]
    ends = [[value(results, claim["metric"], n) for n in runs(claim["variants"][i])] for i in (0, -1)]
    count = min(map(len, ends))
    if count < 2 or any(v is None for end in ends for v in end):
        return "-"
    first, last = (sum(end) / len(end) for end in ends)
    return f"{difference(claim['metric'], last - first)}, noise {difference(claim['metric'], verdict['noise'] / count**0.5, False)} ({count} seeds)"


def difference(metric: str, size: float, sign: bool = True) -> str:
    points = metric in SHARES or metric.startswith("few_shot")
    return number(100 * size, 1, sign) + " points" if points else number(size, 3, sign)


def verdict_cells(results: dict, name: str | None) -> list[str]:
    """What became of a claim: the outcome, and the figures it rests on."""
    claims = {c["id"]: c for c in results["study"]["claims"]}
    if name not in claims:
        return ["not asked", "-"]
    claim, verdict = claims[name], next(v for v in results["verdicts"] if v["claim"] == name)
    outcome = f"**{verdict['outcome'].replace('-', ' ')}**"
    if verdict.get("ends"):
        change = verdict["ends"][1] - verdict["ends"][0]
        why = f"{difference(claim['metric'], change)}, noise {difference(claim['metric'], verdict['noise'], False)}"
    elif verdict["rank"]["rho"] is not None:
        why = f"rho = {number(verdict['rank']['rho'])} (n = {verdict['rank']['n']})"
    else:
        why = "-"
    return [outcome, "; ".join(filter(None, [why, verdict.get("note")]))]


def verdict_tables(ours: dict, other: dict) -> list[str]:
    """Each claim's outcome in both studies; then those of the other study alone."""
    rows = []
    for claim in ours["study"]["claims"]:
        verdict = next(v for v in ours["verdicts"] if v["claim"] == claim["id"])
        rows.append([claim["statement"], claim["source"] or "own check", *verdict_cells(ours, claim["id"]),
                     of_means(ours, claim, verdict), *verdict_cells(other, ALSO.get(claim["id"], claim["id"]))])
    lines = table(["claim", "source", "this protocol", "change", "change of means over seeds", "other protocol", "change there"], rows, 7)
    asked = {ALSO.get(c["id"], c["id"]) for c in ours["study"]["claims"]}
    rest = [[c["statement"], c["source"] or "own check", *verdict_cells(other, c["id"])]
            for c in other["study"]["claims"] if c["id"] not in asked]
    return [*lines, "Asked by the other study alone:", "", *table(["claim", "source", "other protocol", "change there"], rest, 4)]


def outcomes(results: dict) -> dict[str, int]:
    """How many claims of the papers had each outcome, the controls left out."""
    sources = {c["id"]: c["source"] for c in results["study"]["claims"]}
    judged = [v["outcome"] for v in results["verdicts"] if sources[v["claim"]]]
    return {o.replace("-", " "): judged.count(o) for o in sorted({*judged}, key=OUTCOMES.index)}


def agreement(found: dict) -> float:
    """The largest difference, relative, of mirscope's MIR from that of the training side."""
    return max(abs(found["ours"]["measured"][n]["mir_official"] / v - 1) for n, v in found["reference"].items())


def page(found: dict) -> str:
    """The whole page."""
    axes, points, ours = found["ours"]["study"]["axes"], found["points"], found["ours"]
    columns = (*words.QUANTITIES, "score")
    along = correlations(points, axes, columns)
    of_reports = quantity_table(points, ours, found["other"])
    lines = ["# The papers' own protocol, at small size", "", *words.opening(outcomes(ours), outcomes(found["other"]), groups(points)), "## What the papers claim", "", *words.CLAIMED, "",
             "## What was done", "", *words.done(points, ours, agreement(found)), "## The settings", "", *words.SETTINGS, "",
             *points_table(points, axes), "## What the score goes with", "", *words.CORRELATIONS, "", *correlation_tables(along, axes),
             *([*words.OF_REPORTS, "", *of_reports] if of_reports else []),
             "## What became of each claim", "", *words.VERDICTS, "", *verdict_tables(ours, found["other"]),
             "## What it means", "", *words.meaning(groups(points), noise(points, columns), along, ours), ""]
    return "\n".join(lines)


def write_page(path: Path = PAGE) -> str:
    text = page(read())
    path.write_text(text)
    return f"wrote {path}"
