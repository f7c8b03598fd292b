"""Bootstrap intervals over segments, for measures whose statistics add up: no claim without one.

Source: Koehn 2004, https://aclanthology.org/W04-3250 (paired bootstrap resampling);
Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13 (percentile intervals).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Score = Callable[[np.ndarray], float]  # of the statistics' sums
LEVEL = 0.95
POWER = 1.96 + 0.84  # standard errors that a true difference needs to be seen 80 times in 100


def resampled(statistics: np.ndarray, score: Score, resamples: int, seed: int) -> np.ndarray:
    """(resamples,): the score of test sets drawn, with repetition, from the segments.

    Args:
        statistics: (n, k), a row a segment; their sums are what `score` takes.
    """
    count = len(statistics)
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    sums: np.ndarray = drawn @ statistics
    return np.array([score(row) for row in sums])


def interval(statistics: np.ndarray, score: Score, resamples: int, seed: int) -> dict[str, Any]:
    """The score of all segments with the bounds of its 95 % interval; null without segments."""
    if not len(statistics):
        return {"value": None, "least": None, "most": None}
    tail = (1 - LEVEL) / 2
    values = resampled(statistics, score, resamples, seed)
    least, most = np.quantile(values, (tail, 1 - tail))
    return {
        "value": float(score(statistics.sum(axis=0))),
        "least": float(least),
        "most": float(most),
    }


def compare(
    new: np.ndarray, old: np.ndarray, score: Score, more_is_better: bool, draw: tuple[int, int]
) -> dict[str, Any]:
    """The score of `new` less that of `old` on the same segments, its interval, and a verdict.

    Args:
        new: (n, k) statistics; `old` has the same segments in the same order.
        draw: resamples and seed.

    Returns:
        difference, least, most; shows: the least measured difference that would be sure, half the
        interval's width; detectable: the least true one that segments so many would show 80 times
        in 100; verdict: better, worse or cannot tell.
    """
    width = new.shape[1] if new.ndim == 2 else 0
    both = np.hstack([new, old])
    found = interval(both, lambda sums: score(sums[:width]) - score(sums[width:]), *draw)
    if found["value"] is None:
        return {"difference": None, "verdict": "cannot tell"}
    half = (found["most"] - found["least"]) / 2
    return {
        "difference": found["value"],
        "least": found["least"],
        "most": found["most"],
        "shows": half,
        "detectable": POWER * half / 1.96,
        "verdict": verdict(found["least"], found["most"], more_is_better),
    }


def verdict(least: float, most: float, more_is_better: bool) -> str:
    """What an interval of differences says.

    >>> verdict(0.1, 0.4, True), verdict(0.1, 0.4, False), verdict(-0.1, 0.4, True)
    ('better', 'worse', 'cannot tell')
    """
    if least <= 0 <= most:
        return "cannot tell"
    return "better" if (least > 0) == more_is_better else "worse"
