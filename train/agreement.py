"""What ratings say of systems: means, paired differences, and how far reviewers agree.

All three are of sums over segments, so that a bootstrap over segments gives each its interval.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from train.statistics import compare, interval

MOST = 5  # points
Rated = dict[tuple[str, str], list[int]]  # points, 1 to 5, by segment and system
Draw = tuple[int, int]  # resamples and seed


def judged(ratings: Rated, systems: Sequence[str], draw: Draw) -> dict[str, Any]:
    """Each system's mean, all paired differences and the agreement of one scale."""
    of = {name: means(ratings, name) for name in systems}
    return {
        "means": {name: {"rows": len(some)} | mean(some, draw) for name, some in of.items()},
        "differences": {
            f"{new} over {old}": difference(of[new], of[old], draw)
            for new, old in combinations(systems, 2)
        },
        "agreement": agreement(ratings, draw),
    }


def means(ratings: Rated, system: str) -> dict[str, float]:
    """The mean of the reviewers' points for each segment of a system."""
    return {row: float(np.mean(some)) for (row, name), some in ratings.items() if name == system}


def mean(of: Mapping[str, float], draw: Draw) -> dict[str, Any]:
    """The mean over segments with its interval."""
    return interval(with_ones(list(of.values())), share, *draw)


def difference(new: Mapping[str, float], old: Mapping[str, float], draw: Draw) -> dict[str, Any]:
    """A paired difference, over the segments for which both systems were rated."""
    rows = [row for row in new if row in old]
    one, two = (with_ones([some[row] for row in rows]) for some in (new, old))
    return {"rows": len(rows)} | compare(one, two, share, True, draw)


def with_ones(values: Sequence[float]) -> np.ndarray:
    """(n, 2): the values, and one."""
    return np.column_stack([values, np.ones(len(values))]).astype(float)


def share(sums: np.ndarray) -> float:
    """The mean of summed values beside their number."""
    return float(sums[0] / sums[1])


def agreement(ratings: Rated, draw: Draw) -> dict[str, Any]:
    """Krippendorff's alpha for ordered points, over outputs that two or more people rated.

    One is full agreement, zero what chance would give. Null where there is none to measure, or
    where all points are the same: then nothing tells agreement from habit.
    """
    segments: dict[str, np.ndarray] = {}
    for (row, _), points in ratings.items():
        if len(points) > 1:
            segments[row] = segments.get(row, np.zeros(MOST * MOST)) + coincidences(points)
    table = np.array(list(segments.values())).reshape(-1, MOST * MOST)
    outputs = sum(len(points) > 1 for points in ratings.values())
    if not len(table) or np.isnan(alpha(table.sum(axis=0))):
        return {"outputs": outputs, "value": None, "least": None, "most": None}
    return {"outputs": outputs} | interval(table, alpha, *draw)


def coincidences(points: Sequence[int]) -> np.ndarray:
    """(25,): how often each two points met on an output, each person's rating weighing one."""
    counts = np.bincount(points, minlength=MOST + 1)[1:].astype(float)
    met = np.outer(counts, counts) - np.diag(counts)
    table: np.ndarray = met.ravel() / (len(points) - 1)
    return table


def alpha(sums: np.ndarray) -> float:
    """Alpha of summed coincidences; not a number where only one point was given.

    Source: Krippendorff 2011, https://repository.upenn.edu/asc_papers/43 (ordinal metric)
    """
    met = sums.reshape(MOST, MOST)
    given = met.sum(axis=0)
    until = np.cumsum(given) - given / 2  # ratings below a point, and half of those at it
    apart = (until[:, None] - until[None, :]) ** 2
    by_chance = np.outer(given, given) - np.diag(given)
    expected = (by_chance * apart).sum() / max(given.sum() - 1, 1)
    return 1 - float((met * apart).sum() / expected) if expected else float("nan")
