"""Logistic regression: a probability from a few measures, and how well it ranks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
FARTHEST = 4.0  # standard deviations that count
Z = 1.96
ROUNDS = 50  # of Newton's method, which takes about ten
ENOUGH = 1e-7  # change of a weight
TINY = 1e-9  # keeps the intercept's curve from being none


@dataclass(frozen=True)
class Logistic:
    """A weight for each measure in standard deviations, and one for its square."""

    middle: Floats
    scale: Floats
    weights: Floats  # the intercept first

    def __call__(self, measures: Floats) -> Floats:
        """(n,) the probability of each row."""
        return np.asarray(expit(weighted(terms(measures, self.middle, self.scale), self.weights)))


def terms(measures: Floats, middle: Floats, scale: Floats) -> Floats:
    """What the weights are for: 1, the measures in standard deviations, their squares."""
    steps = np.clip((measures - middle) / scale, -FARTHEST, FARTHEST)
    return np.hstack([np.ones((len(steps), 1)), steps, steps**2])


def weighted(columns: Floats, weights: Floats) -> Floats:
    """Columns @ weights without BLAS, whose threads change the last digits and wait for others."""
    return np.asarray(np.einsum("nk,k->n", columns, weights))


def fit(measures: Floats, true: Mask, penalty: float) -> Logistic:
    """The model that tells true rows from false ones best, both as if equally many.

    By Newton's method: a library's optimizer would use BLAS.

    Args:
        measures: (n, k), of at least one true and one false row.
        penalty: on the squared weights, against a loss summed over the rows.
    """
    middle, scale = measures.mean(axis=0), measures.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    columns = terms(measures, middle, scale)
    share = len(true) / 2
    importance = np.where(true, share / true.sum(), share / (~true).sum())
    sign = np.where(true, 1.0, -1.0)
    held = np.full(columns.shape[1], penalty)
    held[0] = 0.0

    def loss(weights: Floats) -> float:
        margin = sign * weighted(columns, weights)
        return float(np.sum(importance * np.logaddexp(0, -margin)) + np.sum(held * weights**2) / 2)

    weights = np.zeros(columns.shape[1])
    for _ in range(ROUNDS):
        chance = expit(weighted(columns, weights))
        slope = np.einsum("nk,n->k", columns, importance * (chance - true)) + held * weights
        bent = columns * (importance * chance * (1 - chance))[:, None]
        curve = np.einsum("nk,nl->kl", bent, columns) + np.diag(held + TINY)
        step = np.linalg.solve(curve, slope)
        before = loss(weights)
        while loss(weights - step) > before and np.abs(step).max() > ENOUGH:
            step /= 2
        weights = weights - step
        if np.abs(step).max() <= ENOUGH:
            break
    return Logistic(middle, scale, weights)


def auc(true: Floats, false: Floats) -> dict[str, Any]:
    """The share of (true, false) couples in which the true one scores higher, ties half.

    With its interval of 95 %; null where one of the two is empty.

    >>> auc(np.array([0.9, 0.8]), np.array([0.1, 0.8]))["value"]
    0.875

    Source: DeLong et al. 1988, https://doi.org/10.2307/2531595
    """
    m, n = len(true), len(false)
    if not (m and n):
        return {"value": None, "low": None, "high": None, "true": m, "false": n}
    ranks = rankdata(np.concatenate([true, false]))
    above = (ranks[:m] - rankdata(true)) / n  # share of false below each true
    below = 1 - (ranks[m:] - rankdata(false)) / m
    value = float(above.mean())
    spread = sum(float(part.var(ddof=1)) / len(part) for part in (above, below) if len(part) > 1)
    reach = Z * spread**0.5
    low, high = max(value - reach, 0.0), min(value + reach, 1.0)
    return {"value": value, "low": low, "high": high, "true": m, "false": n}
