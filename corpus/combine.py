"""Whether an identifier off the shelf helps a label, by a choice that the figure does not see.

A logistic regression on the log-odds of both models (stacking: Wolpert 1992,
https://doi.org/10.1016/S0893-6080(05)80023-1) against the line on ours alone. For each fold the
choice is made by cross-fitting within the other folds, and only then measured on that fold.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.confusion import by_document, interval, resampled
from corpus.detection import Floats, Mask, at_limit, fitted, least_score

Folds = NDArray[np.int64]
SURE = 1.96  # standard errors


def judged(odds: Floats, positive: Mask, fold: Folds, false_accepts: float) -> tuple[Floats, Mask]:
    """Log-odds of each fold, and what reaches the limit, both fitted on the other folds."""
    scores, accepted = np.zeros(len(odds)), np.zeros(len(odds), dtype=bool)
    for number in np.unique(fold):
        here, there = fold == number, fold != number
        weights = fitted(odds[there], positive[there])
        least = least_score(odds[there & ~positive] @ weights[:-1] + weights[-1], false_accepts)
        scores[here] = odds[here] @ weights[:-1] + weights[-1]
        accepted[here] = least is not None and scores[here] >= least
    return scores, accepted


def helps(odds: Floats, positive: Mask, fold: Folds, false_accepts: float) -> bool:
    """Whether both models fit surely better than ours alone, and find more at the limit.

    False where there is one fold: nothing is left to choose on. The limit alone is no judge: where
    it falls is chance enough to make a guesser look useful.
    """
    if len(np.unique(fold)) < 2:
        return False
    alone, both = (judged(odds[:, :columns], positive, fold, false_accepts) for columns in (1, 2))
    sign = np.where(positive, 1.0, -1.0)
    weight = np.where(positive, 1 / positive.sum(), 1 / (~positive).sum())
    saved = weight * (np.logaddexp(0, -sign * alone[0]) - np.logaddexp(0, -sign * both[0]))
    sure = float(saved.sum()) > SURE * float(saved.std()) * len(saved) ** 0.5
    return sure and int(both[1][positive].sum()) > int(alone[1][positive].sum())


def combined(
    odds: Floats, positive: Mask, fold: Folds, documents: Sequence[str], false_accepts: float
) -> dict[str, Any] | None:
    """Recall alone and where the choice was to combine; null: nothing to measure on.

    Args:
        odds: (segments, 2) log-odds of the label by this run's models and by the given one.
    """
    if positive.all() or not positive.any():
        return None
    _, alone = judged(odds[:, :1], positive, fold, false_accepts)
    _, both = judged(odds, positive, fold, false_accepts)
    chosen = {
        int(number): helps(odds[fold != number], positive[fold != number],
                           fold[fold != number], false_accepts)
        for number in np.unique(fold)
    }  # fmt: skip
    made = np.where(np.isin(fold, [n for n, yes in chosen.items() if yes]), both, alone)
    return {
        "chosen_in_folds": sum(chosen.values()),
        "folds": len(chosen),
        "alone": at_limit(alone, positive),
        "always_combined": at_limit(both, positive),
        "as_chosen": at_limit(made, positive),
        "gain_in_recall": gained(alone[positive], made[positive], documents, positive),
    }


def gained(before: Mask, after: Mask, documents: Sequence[str], positive: Mask) -> dict[str, float]:
    """The difference of two recalls with its interval over documents, the same for both."""
    names = [documents[n] for n in np.flatnonzero(positive).tolist()]
    change = 1 + after.astype(np.int64) - before.astype(np.int64)  # lost, same, found
    counts = by_document(np.zeros(len(names), dtype=np.int64), change, names, 3)
    many, once = resampled(counts, 0)[:, 0], counts.sum(axis=0)[0]
    return interval((once[2] - once[0]) / once.sum(), (many[:, 2] - many[:, 0]) / many.sum(axis=1))
