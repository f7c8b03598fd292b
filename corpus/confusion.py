"""Who is taken for whom: F1 over classes of languages, with intervals over documents.

A segment is of the class whose probability is largest, where that of `other` is what is left of 1
after the labels asked and noise: the probabilities of all other languages are summed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.detection import Floats, share

OTHER = "other"
Numbers = NDArray[np.int64]
REPLICATES = 1000
LIMITS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)  # of abstention
WORDS = (1, 3, 6, 11)  # least words of each band of lengths


def grouped(chances: Floats) -> Floats:
    """Chances of the labels and of all other languages together, from those of the labels."""
    return np.column_stack([chances, np.maximum(0.0, 1.0 - chances.sum(axis=1))])


def placed(labels: Sequence[str], classes: Sequence[str]) -> Numbers:
    """The place of each label among the classes, the last of which takes what is none of them."""
    places = {name: number for number, name in enumerate(classes)}
    return np.array([places.get(label, len(classes) - 1) for label in labels], dtype=np.int64)


def by_document(true: Numbers, found: Numbers, document: Sequence[str], size: int) -> Numbers:
    """Confusion matrix of each document and class: (units, size, size)."""
    names = [f"{label}\0{name}" for label, name in zip(true.tolist(), document, strict=True)]
    _, units = np.unique(np.array(names, dtype=str), return_inverse=True)
    counts = np.zeros((int(units.max(initial=-1)) + 1, size, size), dtype=np.int64)
    np.add.at(counts, (units, true, found), 1)
    return counts


def resampled(counts: Numbers, seed: int) -> Numbers:
    """Confusion matrices of samples of as many documents of each class, with replacement.

    Source: Efron 1979, https://doi.org/10.1214/aos/1176344552
    """
    chance = np.random.default_rng(seed)
    size = counts.shape[1]
    made = np.zeros((REPLICATES, size, size), dtype=np.int64)
    for label in range(size):
        rows = counts[counts[:, label].sum(axis=1) > 0, label]
        if len(rows):
            drawn = chance.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), REPLICATES)
            made[:, label] = drawn @ rows
    return made


def rates(matrix: Numbers) -> dict[str, Floats]:
    """Precision, recall and F1 of each class, of one matrix or of many; 0 where none is found."""
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    true, found = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return {
        "precision": right / np.maximum(found, 1),
        "recall": right / np.maximum(true, 1),
        "f1": 2 * right / np.maximum(true + found, 1),
    }


def interval(value: float, replicates: Floats) -> dict[str, float]:
    """A value with the middle 95 % of its replicates."""
    low, high = np.percentile(replicates, [2.5, 97.5])
    return {"value": float(value), "low": float(low), "high": float(high)}


def told(
    classes: Sequence[str], true: Numbers, found: Numbers, document: Sequence[str], seed: int
) -> dict[str, Any]:
    """Macro F1 over the classes that there is text of, figures of each, and the matrix.

    Intervals are over documents: segments of one book are no independent witnesses.
    """
    counts = by_document(true, found, document, len(classes))
    matrix, many = counts.sum(axis=0), resampled(counts, seed)
    some = matrix.sum(axis=1) > 0
    once, often = rates(matrix), rates(many)
    return {
        "macro_f1": interval(once["f1"][some].mean(), often["f1"][:, some].mean(axis=1)),
        "classes": {
            name: {
                "segments": int(matrix[n].sum()),
                "documents": int((counts[:, n].sum(axis=1) > 0).sum()),
                **{key: interval(once[key][n], often[key][:, n]) for key in once},
                "taken_for": {
                    other: int(matrix[n, m]) for m, other in enumerate(classes) if matrix[n, m]
                },
            }
            for n, name in enumerate(classes)
            if some[n]
        },
    }


def abstention(chances: Floats, true: Numbers) -> list[dict[str, Any]]:
    """Share of segments whose best class reaches each limit, and how many of them are right."""
    best, right = chances.max(axis=1), chances.argmax(axis=1) == true
    return [
        {
            "limit": limit,
            "coverage": share(int((best >= limit).sum()), len(best)),
            "accuracy": share(int(right[best >= limit].sum()), int((best >= limit).sum())),
        }
        for limit in LIMITS
    ]


def by_length(
    classes: Sequence[str], true: Numbers, found: Numbers, words: Numbers
) -> list[dict[str, Any]]:
    """Macro F1 of segments by their number of words."""
    made = []
    for least, most in zip(WORDS, (*WORDS[1:], None), strict=True):
        here = (words >= least) & (words < (most or np.inf))
        matrix = np.zeros((len(classes), len(classes)), dtype=np.int64)
        np.add.at(matrix, (true[here], found[here]), 1)
        some = matrix.sum(axis=1) > 0
        value = float(rates(matrix)["f1"][some].mean()) if some.any() else None
        band = {"least_words": least, "most_words": most and most - 1}
        made.append({**band, "segments": int(here.sum()), "macro_f1": value})
    return made
