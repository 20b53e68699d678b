"""The Modality Integration Rate in f64, straight from the definition: a reference, not a product.
Beside it what else the same states tell: MIR with both modalities at one length, ranks, sinks.

Per decoder layer (outputs of blocks 1..L, the last after the final norm) the vision tokens and the
text tokens of all pairs are two clouds. Both are scaled by one factor that gives the text tokens
mean norm 1; tokens whose norm is more than three standard deviations from the median are replaced
by the per-dimension median; F is the Frechet distance between the clouds, and MIR = log10(sum F).
"""

import numpy as np


def lower_median(x: np.ndarray) -> np.ndarray:
    """Median along the first axis; of two middle values the lower one, as torch.median does."""
    return np.sort(x, axis=0)[(len(x) - 1) // 2]


def replace_outliers(x: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(x, axis=1)
    out = np.abs(norms - lower_median(norms)) > 3 * norms.std(ddof=1)
    return np.where(out[:, None], lower_median(x), x)


def frechet(vision: np.ndarray, text: np.ndarray) -> dict[str, float]:
    """Frechet distance of two clouds [n, d] and its three parts, all >= 0."""
    gap = float(np.sum((vision.mean(0) - text.mean(0)) ** 2))
    a = (vision - vision.mean(0)) / np.sqrt(len(vision) - 1)
    b = (text - text.mean(0)) / np.sqrt(len(text) - 1)
    ra, rb = np.linalg.qr(a, mode="r"), np.linalg.qr(b, mode="r")
    root = float(np.linalg.svd(ra @ rb.T, compute_uv=False).sum())  # Tr (S_v S_t)^(1/2)
    tv, tt = float(np.sum(a * a)), float(np.sum(b * b))
    return {"frechet": gap + tv + tt - 2 * root, "location": gap,
            "spread": (tv**0.5 - tt**0.5) ** 2, "shape": 2 * ((tv * tt) ** 0.5 - root)}


def mir(layers: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """MIR of (vision [n_v, d], text [n_t, d]) states per layer, in order 1..L."""
    rows = []
    for k, (vision, text) in enumerate(layers, 1):
        vision, text = vision.astype(np.float64), text.astype(np.float64)
        alpha = 1 / np.linalg.norm(text, axis=1).mean()
        ratio = float(np.linalg.norm(vision, axis=1).mean() * alpha)
        parts = frechet(replace_outliers(alpha * vision), replace_outliers(alpha * text))
        rows.append({"layer": k, **parts, "norm_ratio": ratio, "n_vision": len(vision), "n_text": len(text)})
    return {"mir": float(np.log10(sum(r["frechet"] for r in rows))), "definition": "official-accurate", "layers": rows}


def norm_matched(layers: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """MIR with each modality at mean norm 1 of its own, so that only direction and shape count."""
    at_one = lambda x: x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1).mean()
    gaps = [frechet(replace_outliers(at_one(v)), replace_outliers(at_one(t)))["frechet"] for v, t in layers]
    return {"mir": float(np.log10(sum(gaps))), "layers": gaps}


def effective_rank(x: np.ndarray) -> float:
    """e to the entropy of the shares of variance along the principal axes of a cloud [n, d]."""
    values = np.linalg.svd(np.linalg.qr(x.astype(np.float64) - x.mean(0, dtype=np.float64), mode="r"), compute_uv=False) ** 2
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def sinks(x: np.ndarray, factor: float = 3.0) -> dict:
    """Tokens longer than `factor` times the median: how many, and how long the longest token is, over the median."""
    norms = np.linalg.norm(x.astype(np.float64), axis=1)
    median = float(lower_median(norms))
    return {"count": int((norms > factor * median).sum()), "longest": float(norms.max() / median)}
