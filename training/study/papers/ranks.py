"""Rank correlations of the score with what might foretell it, and how much of them seeds alone could make.

The noise of a metric is the standard deviation between seeds, pooled over the settings that were
trained from several. A correlation is given as measured; as it varies when every figure is moved by
its noise; and as it is over the pairs of settings alone that differ by more than noise in both.
"""

import numpy as np

DRAWS = 2000
SURE = 2.0  # a difference counts from so many standard deviations of a difference


def ranks(x: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, ties at their mean."""
    below = (x[..., :, None] > x[..., None, :]).sum(-1)
    same = (x[..., :, None] == x[..., None, :]).sum(-1)
    return below + (same - 1) / 2


def spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman's rho along the last axis; nan where one of them does not vary."""
    a, b = (r - r.mean(-1, keepdims=True) for r in (ranks(x), ranks(y)))
    with np.errstate(invalid="ignore"):
        return (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))


def kendall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kendall's tau-b along the last axis; nan where one of them does not vary."""
    a, b = (np.sign(v[..., :, None] - v[..., None, :]) for v in (x, y))
    with np.errstate(invalid="ignore"):
        return (a * b).sum((-2, -1)) / np.sqrt((a * a).sum((-2, -1)) * (b * b).sum((-2, -1)))


def pooled_deviation(groups: list[list[float]]) -> tuple[float, int] | None:
    """Standard deviation within groups and its degrees of freedom; None without two of a kind."""
    groups = [np.array(g) for g in groups if len(g) > 1]
    freedom = sum(len(g) - 1 for g in groups)
    if not freedom:
        return None
    return float(np.sqrt(sum(((g - g.mean()) ** 2).sum() for g in groups) / freedom)), freedom


def correlation(x: list[float], y: list[float], noise_x: float | None, noise_y: float | None) -> dict:
    """Both correlations of x with y over settings, and what the seeds' noise makes of them."""
    a, b = np.array(x, float), np.array(y, float)
    if len(a) < 3:
        return {"n": len(a)}
    number = lambda v: None if np.isnan(v) else round(float(v), 4)
    result = {"n": len(a), "spearman": number(spearman(a, b)), "kendall": number(kendall(a, b))}
    if noise_x is None or noise_y is None:
        return result
    rng = np.random.default_rng(1)
    moved = lambda v, noise: v + noise * rng.standard_normal((DRAWS, len(v)))
    xs, ys = moved(a, noise_x), moved(b, noise_y)
    middle = lambda v: None if np.isnan(v).all() else [number(q) for q in np.nanpercentile(v, [2.5, 97.5])]
    upper = np.triu_indices(len(a), 1)
    dx, dy = ((v[:, None] - v[None, :])[upper] for v in (a, b))
    sure = (np.abs(dx) > SURE * 2**0.5 * noise_x) & (np.abs(dy) > SURE * 2**0.5 * noise_y)
    signs = np.sign(dx[sure]) * np.sign(dy[sure])
    return {**result, "spearman_95": middle(spearman(xs, ys)), "kendall_95": middle(kendall(xs, ys)),
            "pairs": len(dx), "pairs_beyond_noise": int(sure.sum()), "agree": int((signs > 0).sum()), "disagree": int((signs < 0).sum())}
