"""All figures of all points in one table, and the correlations of the score with each of them."""

from .ranks import correlation, pooled_deviation
from .settings import Point

POINTS = "points.json"  # the file of all rows, one a line

# name -> where it stands in what a point's stages have found; the score comes first
COLUMNS = {
    "score": ("scored", "choice", "value"),
    "score_untuned": ("measured", "before_tuning", "choice", "value"),
    "score_another_picture": ("scored", "choice_swapped", "value"),
    "mir": ("measured", "mir"),
    "mir_matched": ("measured", "mir_matched"),
    "mir_captions": ("measured", "mir_captions"),
    "mir_untrained_same_length": ("measured", "mir_untrained_same_length"),
    "location": ("measured", "parts", "location"),
    "spread": ("measured", "parts", "spread"),
    "shape": ("measured", "parts", "shape"),
    "caption_loss": ("measured", "caption_loss", "value"),
    "caption_loss_another": ("measured", "caption_loss_another", "value"),
    "caption_loss_blank": ("measured", "caption_loss_blank", "value"),
    "text_perplexity": ("measured", "text_perplexity", "value"),
    **{f"{what}_{layer}": ("measured", what, layer) for what in ("norm_ratio", "rank_vision") for layer in ("0", "1", "3", "last")},
    **{f"sinks_{kind}": ("measured", f"sinks_{kind}") for kind in ("vision", "text")},
    **{f"longest_{kind}": ("measured", f"sinks_{kind}") for kind in ("vision", "text")},
}
DIFFERENCES = {  # what a picture is worth, and what is more than length
    "picture_gain": ("caption_loss_another", "caption_loss"),
    "mir_beyond_length": ("mir", "mir_untrained_same_length"),
}
FIGURES = (*COLUMNS, *DIFFERENCES)


def value(found: dict, column: str) -> float:
    """One figure of a finished point. Of sinks: the most tokens, and the longest one, of any layer's output."""
    *path, name = COLUMNS[column]
    place = found
    for key in path:
        place = place[key]
    if name == "last":
        return place[max(place, key=int)]
    if name.startswith("sinks_"):
        what = "count" if column.startswith("sinks_") else "longest"
        return max(layer[what] for k, layer in place[name].items() if k != "0")
    return place.get(name, place[max(place, key=int)]) if name.isdigit() else place[name]


def row(point: Point, found: dict) -> dict:
    figures = {column: value(found, column) for column in COLUMNS}
    figures |= {name: figures[a] - figures[b] for name, (a, b) in DIFFERENCES.items()}
    return {"name": point.name, "axis": point.axis, "label": point.label, "seed": point.seed, "replicate_of": point.replicate_of,
            "samples": found["captions"]["samples"], "seconds": found["captions"]["seconds"] + found["scored"]["seconds"],
            **{k: round(v, 6) for k, v in figures.items()}}


def groups(rows: list[dict]) -> dict[str, list[dict]]:
    """The runs of each setting, the first seed's first."""
    found: dict[str, list[dict]] = {}
    for r in rows:
        found.setdefault(r["replicate_of"] or r["name"], []).append(r)
    return found


def noise(rows: list[dict], columns: tuple[str, ...] = FIGURES) -> dict[str, dict]:
    """Standard deviation between seeds of every figure."""
    found = {c: pooled_deviation([[r[c] for r in g] for g in groups(rows).values()]) for c in columns}
    return {c: {"deviation": round(v[0], 6), "freedom": v[1]} for c, v in found.items() if v}


def correlations(rows: list[dict], axes: list[dict], columns: tuple[str, ...] = FIGURES) -> list[dict]:
    """The score with every other figure, over all settings (one run each) and along each axis."""
    between = noise(rows, columns)
    once = {r["name"]: r for r in rows if r["replicate_of"] is None}
    sets = {"all": list(once), "all but the shuffled control": [n for n in once if n != "shuffled"],
            **{a["name"]: [n for n in a["variants"] if n in once] for a in axes if a["name"] != "seed"}}
    result = []
    for over, names in sets.items():
        for column in columns:
            if column != "score" and len(names) > 2:
                pair = [[once[n][c] for n in names] for c in (column, "score")]
                deviations = [between[c]["deviation"] if c in between else None for c in (column, "score")]
                result.append({"over": over, "of": column, "with": "score", **correlation(*pair, *deviations)})
    return result
