"""Macro F1 with an interval by resampling documents, so that differences can be paired.

Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from corpus.detection import Floats

RESAMPLES, SEED = 1000, 1


class Tally(NamedTuple):
    """What is needed of each document for the F1 of each language: (documents, languages)."""

    right: Floats
    said: Floats
    true: Floats


def tally(documents: Sequence[str], truth: Sequence[str], answers: Sequence[str | None]) -> Tally:
    """The counts of all languages in `truth`; an answer that is none of them is only not right.

    Args:
        documents: of each segment.
        truth: its language.
        answers: what was said of it.
    """
    row = {name: number for number, name in enumerate(sorted(set(documents)))}
    codes = sorted(set(truth))
    made = Tally(*(np.zeros((len(row), len(codes))) for _ in Tally._fields))
    column = {code: number for number, code in enumerate(codes)}
    for document, code, answer in zip(documents, truth, answers, strict=True):
        made.true[row[document], column[code]] += 1
        made.right[row[document], column[code]] += code == answer
        if answer in column:
            made.said[row[document], column[answer]] += 1
    return made


def macro_f1(counts: Tally, weights: Floats) -> Floats:
    """Mean F1 over languages, for each row of the weights of documents (resamples, documents)."""
    right, said, true = (weights @ field for field in counts)
    f1 = 2 * right / np.maximum(said + true, 1)
    return np.asarray(f1.sum(axis=1) / (true > 0).sum(axis=1))


def resamples(documents: int) -> Floats:
    """How often each document is drawn; the first row has every one once."""
    chance = np.random.default_rng(SEED)
    drawn = chance.multinomial(documents, [1 / documents] * documents, RESAMPLES)
    return np.concatenate([np.ones((1, documents)), drawn])


def interval(values: Floats) -> str:
    """The first value with the interval of 95 % of the others."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return f"{values[0]:.3f} [{low:.3f}, {high:.3f}]"
