"""Weights of the phrase-based model's parts, tuned on pairs that its phrases were not learned from.

Each round translates those pairs with the weights so far, adds what the decoder offers to what it
offered before, and looks for weights under which the best of each list reach the highest chrF++.
The number of rounds bounds the time: no clock decides, so the same pairs give the same weights.

Source: Och 2003 (minimum error rate training), https://aclanthology.org/P03-1021.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sacrebleu.metrics.chrf import CHRF

from augment.engines.segmentation import join

if TYPE_CHECKING:
    from thot.translation import SmtDecoder

Pieces = Sequence[str]
Opened = Callable[[Sequence[float]], "SmtDecoder"]  # a decoder with those weights
MOST_PAIRS = 200  # translated in each round
LIST = 100  # translations of a pair in a round, as far as the decoder has them
START = (1e-6, 1.0, 1.0, 0.01, 1.0, 1.0, 1e-6, 1.0)  # Thot's own
TINY = 1e-6  # Thot's own smallest weight
STEPS = (-1.0, -0.5, -0.2, -0.1, 0.1, 0.2, 0.5, 1.0, 3.0)  # tried, as shares of a weight
LEAST_STEP = 0.1  # what a smaller weight counts as
MOST_SWEEPS = 10  # over all weights in a round, on lists already made


class Offer(NamedTuple):
    """A translation that the decoder offered."""

    parts: np.ndarray  # (8,): the model's scores before they are weighted
    counts: np.ndarray  # (k,): what chrF++ adds up


def tuned(opened: Opened, pairs: Sequence[tuple[Pieces, Pieces]], rounds: int) -> Sequence[float]:
    """The best of the weights that were tried by translating the pairs; Thot's own among them."""
    some = pairs[:MOST_PAIRS]
    if not some:
        return START
    measure = CHRF(word_order=2, lowercase=True)
    lists: list[dict[str, Offer]] = [{} for _ in some]
    weights, tried = np.array(START), []
    for left in range(rounds, -1, -1):
        decoder = opened(weights.tolist())
        best = []
        for (source, target), known in zip(some, lists, strict=True):
            new = offers(decoder, source, measure, join(target), weights)
            best.append(next(iter(new.values())))
            known |= new
        tried.append((score(measure, best), weights))
        if left:
            weights = searched(measure, lists, weights)
    chosen: list[float] = max(tried, key=lambda pair: pair[0])[1].tolist()
    return chosen


def offers(
    decoder: "SmtDecoder", source: Pieces, measure: CHRF, human: str, weights: np.ndarray
) -> dict[str, Offer]:
    """What the decoder makes of a source, best first."""
    made: dict[str, Offer] = {}
    for found in decoder.translate_n(" ".join(source), LIST):
        text = join(found.target)
        counts = measure._extract_corpus_statistics([text], [[human]])[0]
        parts = np.array(found.score_components) / weights
        made.setdefault(text, Offer(parts, np.array(counts)))
    return made


def score(measure: CHRF, offers: Sequence[Offer]) -> float:
    """Corpus chrF++ of the translations."""
    sums = np.sum([offer.counts for offer in offers], axis=0)
    return float(measure._compute_f_score(sums.tolist()))


def searched(measure: CHRF, lists: Sequence[dict[str, Offer]], start: np.ndarray) -> np.ndarray:
    """Weights under which the best of each list reach the highest score that the search finds.

    One weight after the other takes the best of a few values, until none makes it better.
    """
    several = [list(offers.values()) for offers in lists]
    parts = [np.array([offer.parts for offer in offers]) for offers in several]

    def gain(weights: np.ndarray) -> float:
        places = [int(np.argmax(matrix @ weights)) for matrix in parts]
        return score(measure, [some[i] for some, i in zip(several, places, strict=True)])

    weights, best = start.copy(), gain(start)
    for _ in range(MOST_SWEEPS):
        before = best
        for place, step in product(range(len(weights)), STEPS):
            tried = weights.copy()
            tried[place] = max(TINY, weights[place] + step * max(weights[place], LEAST_STEP))
            if (found := gain(tried)) > best:
                weights, best = tried, found
        if best == before:
            break
    return weights
