"""Writes quantities.json: what numpy and scikit-learn make of clouds that tests/it/alignment/quantities.rs makes again.

    python make_quantities.py        (numpy, scipy, scikit-learn)

Each value is computed by another way than the program's: the unbiased CKA by U-centered matrices, neighbours and cosines
by scikit-learn.
"""

import json
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cosine
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

LAYERS, PAIRS, WIDTH, VOCAB = 3, 12, 37, 301


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


def head() -> np.ndarray:
    """[VOCAB, WIDTH]"""
    rows, cols = np.arange(VOCAB)[:, None], np.arange(WIDTH)[None, :]
    return (noise(950, rows, cols) * 12.0).astype(np.float32).astype(np.float64)


def lens(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The entropy of each row and its likeliest word; the norm is that to length 1."""
    logits = rows / np.linalg.norm(rows, axis=1, keepdims=True) @ head().T
    p = softmax(logits, axis=1)
    return entropy(p, axis=1), logits.argmax(1)


def is_content(word: np.ndarray, pair: int) -> np.ndarray:
    return (word + pair) % 3 == 0


def without_image(rows: np.ndarray, layer: int, pair: int) -> np.ndarray:
    """Text tokens as they are without the image."""
    at, cols = np.arange(len(rows))[:, None], np.arange(WIDTH)[None, :]
    moved = rows * 0.9 + noise(960, layer, pair, at, cols) * (1.0 + layer * 40.0) * 0.2
    return moved.astype(np.float32).astype(np.float64)


def effective_rank(rows: np.ndarray) -> float:
    """By the singular values of the centered rows, where the program takes the eigenvalues of their products."""
    squares = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    p = squares / squares.sum()
    p = p[p > 0]
    return float(np.exp(-(p * np.log(p)).sum()))


def main() -> None:
    values = {name: [] for name in ("chamfer-cosine", "chamfer-vision-to-text", "chamfer-text-to-vision", "centroid-gap",
                                    "linear-cka", "mutual-knn", "effective-rank-vision", "effective-rank-text",
                                    "effective-rank-vision-of-2", "effective-rank-text-of-2", "logit-lens-entropy",
                                    "logit-lens-content", "image-effect-distance", "image-effect-cosine")}
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
        read = [lens(rows) for rows in clouds[0]]
        values["logit-lens-entropy"].append(float(np.concatenate([h for h, _ in read]).mean()))
        hits = [is_content(words, pair) for pair, (_, words) in enumerate(read)]
        values["logit-lens-content"].append(float(np.concatenate(hits).mean()))
        text = np.concatenate(clouds[1])
        other = np.concatenate([without_image(rows, layer, pair) for pair, rows in enumerate(clouds[1])])
        distances = np.linalg.norm(text - other, axis=1) / np.linalg.norm(text, axis=1)
        values["image-effect-distance"].append(float(distances.mean()))
        values["image-effect-cosine"].append(float(1.0 - np.mean([cosine(*pair) for pair in zip(text, other)])))
        units = [np.concatenate(side) for side in clouds]
        units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in units]
        values["centroid-gap"].append(float(np.linalg.norm(units[0].mean(0) - units[1].mean(0))))
        pooled = [np.stack([rows.mean(0) for rows in side]) for side in clouds]
        values["linear-cka"].append(cka(*pooled))
        values["mutual-knn"].append(mutual(*pooled, 5))
    Path(__file__).with_name("quantities.json").write_text(json.dumps(values, indent=1) + "\n")


main()
