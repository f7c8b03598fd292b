"""How much the order of a text's words looks like that of trusted text, and not like chance.

Logistic regression on pairs of neighbouring words tells trusted text from the same text with its
words shuffled. A pair is seen through the words, their first and last letters, and their case and
marks, so that a pair that was never seen has likely parts. Nothing in it is of one language; where
white space does not part words there is little to order, and the measure says little.
"""

import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack
from scipy.special import expit

from corpus.junk import shuffled_words

Floats = npt.NDArray[np.float64]
BUCKETS = 2**18  # weights that the parts of pairs share
MOST_WORDS = 200  # of a text that are looked at
STEPS = 15  # of the optimiser; more change little and cost the same each
REMEMBERED = 10  # moves
ENOUGH = 1e-4  # of the fall that the slope promises (Armijo)
SHORTEST = 1e-9  # stride
PENALTY = 1.0  # of squared weights
KEPT = 2**16  # words and pairs remembered


@lru_cache(KEPT)
def forms(word: str) -> tuple[str, str, str, str, str, str]:
    """A word without its marks, its first and last three and two letters, and how it is marked."""
    letters = "".join(filter(str.isalnum, word.lower()))
    case = "A" if word[:1].isupper() else "a"
    mark = "" if word[-1:].isalnum() else word[-1:]
    return letters, letters[:3], letters[-3:], letters[:2], letters[-2:], case + mark


@lru_cache(KEPT)
def joint(left: str, right: str) -> list[int]:
    """The buckets of what two neighbours show; a text begins and ends with an empty word."""
    whole, _, end, _, last, shape = forms(left)
    next_whole, start, _, first, _, next_shape = forms(right)
    seen = (
        (whole, next_whole), (end, start), (last, first), (whole, first), (last, next_whole),
        (shape, next_shape), (shape, next_whole), (whole, next_shape),
    )  # fmt: skip
    return [
        zlib.crc32(f"{number}\n{one}\n{other}".encode()) % BUCKETS
        for number, (one, other) in enumerate(seen)
    ]


def pairs(texts: Sequence[str]) -> csr_matrix:
    """(texts, buckets) how often each part of a pair stands in each text."""
    found, ends = [], [0]
    for text in texts:
        words = ["", *text.split()[:MOST_WORDS], ""]
        for left, right in pairwise(words):
            found += joint(left, right)
        ends.append(len(found))
    return csr_matrix((np.ones(len(found)), found, ends), shape=(len(texts), BUCKETS))


def orderable(text: str) -> bool:
    """Whether the words of a text can stand in more than one order."""
    return len(set(text.split()[:MOST_WORDS])) > 1


def trained(texts: Sequence[str], seed: int) -> Floats:
    """Weights (buckets) that tell the texts from themselves shuffled; zeros without a text."""
    chance = np.random.default_rng(seed)
    real = [text for text in texts if orderable(text)]
    if not real:
        return np.zeros(BUCKETS)
    words = [" ".join(text.split()[:MOST_WORDS]) for text in real]
    seen = vstack([pairs(real), pairs([shuffled_words(text, chance) for text in words])]).tocsr()
    used, places = np.unique(seen.indices, return_inverse=True)
    seen = csr_matrix((seen.data, places, seen.indptr), shape=(seen.shape[0], len(used)))
    turned = seen.T.tocsr()
    sign = np.repeat([1.0, -1.0], len(real))

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (seen @ weights)
        pull = turned @ (-sign * expit(-margin))
        value = np.logaddexp(0, -margin).sum() + PENALTY / 2 * dot(weights, weights)
        return float(value), pull + PENALTY * weights

    made = np.zeros(BUCKETS)
    made[used] = least_at(loss, len(used))
    return made


def least_at(loss: Callable[[Floats], tuple[float, Floats]], size: int) -> Floats:
    """Where a convex function with its gradient is near its least, from 0 on, by L-BFGS.

    SciPy's own sums with BLAS, whose last bits change with the number of its threads.

    Source: Nocedal 1980, https://doi.org/10.1090/S0025-5718-1980-0572855-7
    """
    at = np.zeros(size)
    value, slope = loss(at)
    moves: list[tuple[Floats, Floats]] = []
    for _ in range(STEPS):
        if dot(slope, slope) < SHORTEST:
            return at
        way = direction(slope, moves)
        fall, stride = dot(slope, way), 1.0
        while (found := loss(at + stride * way))[0] > value + ENOUGH * stride * fall:
            stride /= 2
            if stride < SHORTEST:
                return at
        moves = [*moves[1 - REMEMBERED :], (stride * way, found[1] - slope)]
        at, (value, slope) = at + stride * way, found
    return at


def direction(slope: Floats, moves: list[tuple[Floats, Floats]]) -> Floats:
    """The way down that the last moves and the changes of the slope along them suggest."""
    way, shares = -slope, []
    for move, change in reversed(moves):
        shares.append(dot(move, way) / dot(move, change))
        way = way - shares[-1] * change
    move, change = moves[-1] if moves else (slope, slope * np.sqrt(dot(slope, slope)))
    way = way * (dot(move, change) / max(dot(change, change), SHORTEST))
    for (move, change), share in zip(moves, reversed(shares), strict=True):
        way = way + (share - dot(change, way) / dot(move, change)) * move
    return way


def dot(one: Floats, other: Floats) -> float:
    """The sum of products, in an order that no thread changes."""
    return float(np.sum(one * other))


def word_order(weights: Floats, texts: Sequence[str]) -> Floats:
    """Log-odds that the words stand in order; NaN where there is one order only.

    Short texts are near 0: a few words give little evidence either way.
    """
    odds = np.asarray(pairs(texts) @ weights, dtype=np.float64)
    odds[[not orderable(text) for text in texts]] = np.nan
    return odds
