"""How well a score tells one language from all others, at a stated rate of false accepts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import binomtest

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
BINS = 10  # of the calibration error
WORST = 5  # languages named in a report


def share(count: int, of: int) -> dict[str, float | int | None]:
    """A share with its interval of 95 %; null where there is nothing to count.

    >>> share(9, 10)["low"]
    0.5958499732047615

    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
    """
    if not of:
        return {"count": 0, "of": 0, "rate": None, "low": None, "high": None}
    interval = binomtest(int(count), int(of)).proportion_ci(method="wilson")
    low, high = float(interval.low), float(interval.high)
    return {"count": int(count), "of": int(of), "rate": count / of, "low": low, "high": high}


def line(chances: Floats, positive: Mask) -> tuple[float, float]:
    """Slope and intercept on log-odds for which both classes, as if equally many, fit best.

    Source: Platt 1999, Probabilistic outputs for support vector machines
    """
    slope, intercept = fitted(logit(chances)[:, None], positive)
    return float(slope), float(intercept)


def fitted(odds: Floats, positive: Mask) -> Floats:
    """A weight for each column of log-odds and an intercept, both classes as if equally many."""
    start = np.zeros(odds.shape[1] + 1)
    start[0] = 1.0
    if positive.all() or not positive.any():
        return start
    weights = np.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum())
    sign = np.where(positive, 1.0, -1.0)

    def loss(at: Floats) -> tuple[float, Floats]:
        margin = sign * (odds @ at[:-1] + at[-1])
        pull = -weights * sign * expit(-margin)
        return float(weights @ np.logaddexp(0, -margin)), np.append(pull @ odds, pull.sum())

    # rising: the order of scores never changes; no more weight than a model may deserve
    bounds = [(1e-3, 10.0), *[(0.0, 10.0)] * (odds.shape[1] - 1), (-50.0, 50.0)]
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(best.x, dtype=np.float64)


def calibrated(chances: Floats, slope: float, intercept: float) -> Floats:
    """Probabilities put right by a line on their log-odds."""
    return np.asarray(expit(slope * logit(chances) + intercept), dtype=np.float64)


def least_score(negatives: Floats, false_accepts: float) -> float | None:
    """The lowest limit that at most a share of the negatives reaches; null where there are none.

    >>> least_score(np.array([0.1, 0.2, 0.3, 0.4]), 0.25) > 0.3
    True
    """
    if not len(negatives):
        return None
    allowed = int(len(negatives) * false_accepts)
    return float(np.nextafter(np.sort(negatives)[::-1][min(allowed, len(negatives) - 1)], np.inf))


def at_prior(scores: Floats, prior: float) -> Floats:
    """Scores made for as many positives as negatives, put right for a share of positives.

    >>> at_prior(np.array([0.5]), 0.01).round(4)
    array([0.01])

    Source: Saerens et al. 2002, https://doi.org/10.1162/089976602753284446
    """
    safe = np.clip(scores, 1e-12, 1 - 1e-12)
    return np.asarray(expit(logit(safe) + logit(prior)), dtype=np.float64)


def reliability(scores: Floats, positive: Mask, prior: float) -> dict[str, Any] | None:
    """Score beside share of positives in bins, at a share of positives; the mean gap is the error.

    Source: Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602
    """
    if positive.all() or not positive.any():
        return None
    weights = np.where(positive, prior / positive.sum(), (1 - prior) / (~positive).sum())
    shifted = at_prior(scores, prior)
    places = np.minimum((shifted * BINS).astype(int), BINS - 1)
    weight, score, true = (
        np.bincount(places, weights * values, BINS)
        for values in (np.ones(len(scores)), shifted, positive.astype(float))
    )
    filled = weight > 0
    bins = zip(*(x[filled].tolist() for x in (weight, score, true)), strict=True)
    return {
        "share_of_it": prior,
        "calibration_error": float(np.abs(score - true).sum()),
        "bins": [{"weight": w, "score": s / w, "share": t / w} for w, s, t in bins],
    }


def calibration_error(scores: Floats, positive: Mask) -> float | None:
    """Mean distance of score and share of positives, both classes as if equally many."""
    found = reliability(scores, positive, 0.5)
    return None if found is None else float(found["calibration_error"])


def at_limit(accepted: Mask, positive: Mask) -> dict[str, Any]:
    """Recall, precision and false accepts of a decision."""
    right, wrong = int((accepted & positive).sum()), int((accepted & ~positive).sum())
    return {
        "recall": share(right, int(positive.sum())),
        "precision": share(right, right + wrong),
        "false_accepts": share(wrong, int((~positive).sum())),
    }


def transferred(
    chances: Floats, positive: Mask, fold: NDArray[np.int64], clean: Mask, false_accepts: float
) -> tuple[Floats, Mask]:
    """Scores and verdicts of each fold under the line and limit that the other folds chose.

    Args:
        clean: what a line and a limit may be chosen on.
    """
    scores, accepted = np.zeros(len(chances)), np.zeros(len(chances), dtype=bool)
    for number in np.unique(fold):
        here, there = fold == number, (fold != number) & clean
        slope, intercept = line(chances[there], positive[there])
        scores[here] = calibrated(chances[here], slope, intercept)
        least = least_score(chances[there & ~positive], false_accepts)
        accepted[here] = least is not None and chances[here] >= least
    return scores, accepted


def accepted_by_language(accepted: Mask, labels: Sequence[str]) -> list[dict[str, Any]]:
    """How many segments of each language were accepted, most first."""
    names, places = np.unique(np.array(labels, dtype=str), return_inverse=True)
    of, count = np.bincount(places), np.bincount(places, accepted)
    rows = [
        {"language": str(name), **share(int(k), int(n))}
        for name, k, n in zip(names, count, of, strict=True)
    ]
    return sorted(rows, key=lambda row: (-row["count"], row["language"]))
