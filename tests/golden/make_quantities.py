"""Writes quantities.json: what numpy and scikit-learn make of clouds that tests/it/alignment/quantities.rs makes again.

    python make_quantities.py        (numpy, scikit-learn)

Each value is computed by another way than the program's: the unbiased CKA by U-centered matrices, neighbours and cosines
by scikit-learn.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

LAYERS, PAIRS, WIDTH = 3, 12, 37


def noise(*indices: np.ndarray | int) -> np.ndarray:
    """Numbers from -0.5 to 0.5 out of integers, the same on every machine."""
    h = np.zeros((), dtype=np.uint64)
    for index in indices:
        h = (h * np.uint64(31) + np.asarray(index, dtype=np.uint64) + np.uint64(1)) & np.uint64(0xFFFFFFFF)
        h = (h * np.uint64(0x9E3779B1)) & np.uint64(0xFFFFFFFF)
        h = h ^ (h >> np.uint64(15))
        h = (h * np.uint64(0x85EBCA77)) & np.uint64(0xFFFFFFFF)
        h = h ^ (h >> np.uint64(13))
    return (h >> np.uint64(8)).astype(np.float64) / 2.0**24 - 0.5


def tokens(layer: int, pair: int, side: int) -> np.ndarray:
    """[tokens, WIDTH]: noise, what the pair shares, and an offset of the modality."""
    count = 5 + (pair * 7 + side * 3) % 9
    rows, cols = np.arange(count)[:, None], np.arange(WIDTH)[None, :]
    shared = noise(900, layer, pair, cols) * 0.75
    offset = noise(901, layer, side, cols) * 0.5
    values = (noise(layer, pair, side, rows, cols) + shared + offset) * (1.0 + layer * 40.0)
    return values.astype(np.float32).astype(np.float64)


def u_centered(k: np.ndarray) -> np.ndarray:
    n = len(k)
    k = k - np.diag(np.diag(k))
    rows = k.sum(1, keepdims=True) / (n - 2)
    k = k - rows - rows.T + k.sum() / ((n - 1) * (n - 2))
    return k - np.diag(np.diag(k))


def cka(x: np.ndarray, y: np.ndarray) -> float:
    k, l = u_centered(x @ x.T), u_centered(y @ y.T)
    return float((k * l).sum() / np.sqrt((k * k).sum() * (l * l).sum()))


def mutual(x: np.ndarray, y: np.ndarray, k: int) -> float:
    def nearest(rows):
        found = NearestNeighbors(n_neighbors=k, metric="cosine").fit(rows).kneighbors(return_distance=False)
        return [set(row) for row in found]

    return float(np.mean([len(a & b) / k for a, b in zip(nearest(x), nearest(y))]))


def effective_rank(rows: np.ndarray) -> float:
    """By the singular values of the centered rows, where the program takes the eigenvalues of their products."""
    squares = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    p = squares / squares.sum()
    p = p[p > 0]
    return float(np.exp(-(p * np.log(p)).sum()))


def main() -> None:
    values = {name: [] for name in ("chamfer-cosine", "chamfer-vision-to-text", "chamfer-text-to-vision", "centroid-gap",
                                    "linear-cka", "mutual-knn", "effective-rank-vision", "effective-rank-text",
                                    "effective-rank-vision-of-2", "effective-rank-text-of-2")}
    for layer in range(LAYERS):
        clouds = [[tokens(layer, pair, side) for pair in range(PAIRS)] for side in range(2)]
        cosines = [cosine_similarity(v, t) for v, t in zip(*clouds)]
        to_text = float(np.mean([c.max(1).mean() for c in cosines]))
        to_vision = float(np.mean([c.max(0).mean() for c in cosines]))
        values["chamfer-vision-to-text"].append(to_text)
        values["chamfer-text-to-vision"].append(to_vision)
        values["chamfer-cosine"].append((to_text + to_vision) / 2)
        for name, side in zip(("vision", "text"), clouds):
            values[f"effective-rank-{name}"].append(effective_rank(np.concatenate(side)))
            # Fewer tokens than dimensions.
            values[f"effective-rank-{name}-of-2"].append(effective_rank(np.concatenate(side[:2])))
        units = [np.concatenate(side) for side in clouds]
        units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in units]
        values["centroid-gap"].append(float(np.linalg.norm(units[0].mean(0) - units[1].mean(0))))
        pooled = [np.stack([rows.mean(0) for rows in side]) for side in clouds]
        values["linear-cka"].append(cka(*pooled))
        values["mutual-knn"].append(mutual(*pooled, 5))
    Path(__file__).with_name("quantities.json").write_text(json.dumps(values, indent=1) + "\n")


main()
