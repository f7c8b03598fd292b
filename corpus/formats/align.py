"""Alignment of the sentences of two texts that say the same: what is long answers what is long.

A dynamic programme finds the cheapest way through both texts in beads of at most two sentences a
side. A bead costs what its lengths in characters differ by from the texts' ratio, and less where
both sides share rare words: numbers, names, what was left untranslated. Texts without a word in
common, such as of two scripts, are aligned by length alone.

Sources: Gale and Church 1993, https://aclanthology.org/J93-1004; shared words after
Simard et al. 1992, https://aclanthology.org/1992.tmi-1.7.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import regex
from scipy.sparse import csr_array
from scipy.special import log_ndtr

from corpus.table import InputError

PRIORS = {  # of a bead with so many sentences a side: Gale and Church's counts but for text that
    (1, 1): 0.89,  # one side lacks, which is rare in parliaments and common elsewhere; it costs
    (1, 0): 0.08,  # the same whatever its length (benchmarks/align.py)
    (0, 1): 0.08,
    (2, 1): 0.0445,
    (1, 2): 0.0445,
    (2, 2): 0.011,
}
VARIANCE = 6.8  # of the length of a translation, per character
SHARED = 6.0  # nats that two sentences save whose rare words are all shared
MOST_CELLS = 50_000_000
WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
Bead = tuple[tuple[int, int], tuple[int, int]]  # first and one past the last, in each text
Floats = np.ndarray


def align(source: Sequence[str], target: Sequence[str]) -> list[Bead]:
    """Beads in order: each sentence of both texts is in exactly one; one side may be empty.

    >>> align(["Agua.", "Fuego y 1531."], ["Ātl.", "Tletl ihuan 1531."])
    [((0, 1), (0, 1)), ((1, 2), (1, 2))]

    Raises:
        InputError: the texts are too long for it.
    """
    if not (source and target):
        alone = [((n, n + 1), (0, 0)) for n in range(len(source))]
        return alone + [((0, 0), (n, n + 1)) for n in range(len(target))]
    if len(source) == len(target) == 1:
        return [((0, 1), (0, 1))]
    if len(source) * len(target) > MOST_CELLS:
        raise InputError(
            f"two texts of {len(source)} and {len(target)} sentences are too long to align; "
            "cut both at the same chapters"
        )
    steps = cheapest(sizes(source), sizes(target), likeness(source, target))
    return traced(steps)


def sizes(text: Sequence[str]) -> Floats:
    """(n + 1,): characters before each sentence, white space aside, and in all."""
    return np.cumsum([0, *(len(sentence.strip()) for sentence in text)])


def likeness(source: Sequence[str], target: Sequence[str]) -> Floats:
    """(n, m): how much of their words two sentences share, 0 to 1; a rare word counts for more."""
    words = [[Counter(WORD.findall(s.casefold())) for s in text] for text in (source, target)]
    spread = [Counter(word for bag in text for word in bag) for text in words]
    both = {word: n for n, word in enumerate(sorted(spread[0].keys() & spread[1].keys()))}
    weight = np.array([1 / (spread[0][w] * spread[1][w]) ** 0.5 for w in both])
    left, right = (
        csr_array(
            (
                np.ones(sum(len(bag.keys() & both.keys()) for bag in text)),
                (
                    [n for n, bag in enumerate(text) for w in sorted(bag) if w in both],
                    [both[w] for bag in text for w in sorted(bag) if w in both],
                ),
            ),
            shape=(len(text), len(both)),
        )
        for text in words
    )
    if not both:
        return np.zeros((len(source), len(target)))
    shared = (left * weight) @ right.T
    whole = np.maximum(left @ weight, 1e-9)[:, None] + np.maximum(right @ weight, 1e-9)[None, :]
    return np.asarray(2 * shared.toarray() / whole)


def cheapest(left: Floats, right: Floats, alike: Floats) -> Floats:
    """(n + 1, m + 1): the number of the last bead on the cheapest way to each cell.

    Cells of one diagonal depend on earlier diagonals only, so each is computed at once.
    """
    n, m = len(left) - 1, len(right) - 1
    ratio = right[-1] / max(left[-1], 1)
    cost = np.full((n + 1, m + 1), np.inf)
    cost[0, 0] = 0
    steps = np.zeros((n + 1, m + 1), dtype=np.int8)
    summed = np.pad(alike, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    for diagonal in range(1, n + m + 1):
        i = np.arange(max(0, diagonal - m), min(n, diagonal) + 1)
        j = diagonal - i
        ways = np.full((len(PRIORS), len(i)), np.inf)
        for number, ((a, b), prior) in enumerate(PRIORS.items()):
            fits = (i >= a) & (j >= b)
            x, y = i[fits], j[fits]
            lengths = left[x] - left[x - a], right[y] - right[y - b]
            block = summed[x, y] - summed[x - a, y] - summed[x, y - b] + summed[x - a, y - b]
            price = mismatch(*lengths, ratio) - SHARED * block / max(a, b, 1)
            ways[number, fits] = cost[x - a, y - b] - np.log(prior) + price
        steps[i, j] = ways.argmin(axis=0)
        cost[i, j] = ways.min(axis=0)
    return steps


def mismatch(source: Floats, target: Floats, ratio: float) -> Floats:
    """Nats of a difference in length at least as great, if the two are translations; 0 for one."""
    mean = np.maximum((source * ratio + target) / 2, 1)
    delta = np.abs(target - source * ratio) / np.sqrt(VARIANCE * mean)
    alone = (source == 0) | (target == 0)
    return np.asarray(np.where(alone, 0, -(np.log(2) + log_ndtr(-delta))))


def traced(steps: Floats) -> list[Bead]:
    """The beads on the way to the last cell."""
    shapes = list(PRIORS)
    beads: list[Bead] = []
    i, j = steps.shape[0] - 1, steps.shape[1] - 1
    while i or j:
        a, b = shapes[steps[i, j]]
        beads.append(((i - a, i), (j - b, j)))
        i, j = i - a, j - b
    return beads[::-1]
