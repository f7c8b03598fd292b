"""Segments that mix languages: a label for each part of a segment, kept as data.

A window slides over the words of a segment whose language is not clear; the model labels each
position, and the path of fewest switches that fits the labels best cuts the segment into parts.

Source: Viterbi 1967, https://doi.org/10.1109/TIT.1967.1054010; the task: Solorio et al. 2014,
https://aclanthology.org/W14-3907
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from corpus.detection import Floats, share
from corpus.settings import settings

Chances = Callable[[Sequence[str]], Floats]  # of texts: (texts, labels and more columns)
STEP = 2  # words that a window moves
POSITIONS = 100  # of a window in a segment; in a longer segment it moves further
FLOOR = 0.01  # chance of a label in a window: one window proves nothing


@settings
class Mixing:
    """When a segment is looked into, and what makes it mixed."""

    least_words: int  # of a segment that is looked into
    most_clear: float  # a segment whose language is surer than this is of one language
    window: int  # words that the model sees at once
    switch: float  # log-odds that a change of language must be worth
    least_share: float  # of the words, in another language than the most are: mixed
    planted: int  # mixtures made of held-out text in each fold to measure on, and pure segments

    def __post_init__(self) -> None:
        if min(self.least_words, self.window) < 1 or self.planted < 0 or self.switch < 0:
            raise ValueError(f"mixing needs words, windows and a switch above 0, got {self}")
        if not (0 < self.most_clear <= 1 and 0 < self.least_share <= 1):
            raise ValueError(f"mixing's most_clear and least_share must be in 0..1, got {self}")


class Part(NamedTuple):
    """A run of words in one language."""

    language: str
    share: float  # of the segment's words


class Planted(NamedTuple):
    """A segment made to measure on."""

    share: float  # of its words in the language itself; 0 and 1 are pure
    found: list[Part]


def parts(
    texts: Sequence[str], whole: Floats, chances: Chances, labels: Sequence[str], how: Mixing
) -> list[list[Part] | None]:
    """The parts of each text; null where it is too short, or most likely in no language asked.

    Args:
        whole: (texts, labels and more) chances of each text as a whole.
    """
    asked = whole[:, : len(labels)]
    made: list[list[Part] | None] = [None] * len(texts)
    pieces: list[str] = []
    looked: list[tuple[int, int]] = []  # text and positions in it
    for n, text in enumerate(texts):
        words = text.split()
        if len(words) < how.least_words or asked[n].sum() < 0.5:
            continue
        if asked[n].max() > how.most_clear:
            made[n] = [Part(labels[int(asked[n].argmax())], 1.0)]
            continue
        some = windows_of(words, how.window)
        pieces += some
        looked.append((n, len(some)))
    found = chances(pieces)[:, : len(labels)]
    end = 0
    for n, size in looked:
        made[n] = runs(path(found[end : end + size], how.switch), labels)
        end += size
    return made


def windows_of(words: Sequence[str], size: int) -> list[str]:
    """A window around every few words.

    >>> windows_of("in atl in tepetl yancuic".split(), 3)
    ['in atl', 'atl in tepetl', 'tepetl yancuic']
    """
    step = max(STEP, len(words) // POSITIONS)
    before = size // 2
    starts = (place - before for place in range(0, len(words), step))
    return [" ".join(words[max(0, start) : start + size]) for start in starts]


def path(chances: Floats, switch: float) -> list[int]:
    """The label of each position on the best path, each change of label costing `switch`."""
    fit = np.log(np.maximum(chances, FLOOR))
    total, back = fit[0], []
    for step in fit[1:]:
        best = int(total.argmax())
        changed = total[best] - switch > total
        back.append(np.where(changed, best, np.arange(len(total))))
        total = np.where(changed, total[best] - switch, total) + step
    places = [int(total.argmax())]
    for come_from in reversed(back):
        places.append(int(come_from[places[-1]]))
    return places[::-1]


def runs(places: Sequence[int], labels: Sequence[str]) -> list[Part]:
    """Positions of one label in a row as one part."""
    sizes = [(place, len(list(run))) for place, run in groupby(places)]
    return [Part(labels[place], size / len(places)) for place, size in sizes]


def is_mixed(found: Sequence[Part], least_share: float) -> bool:
    """Whether enough of the words are in another language than the most are."""
    shares: defaultdict[str, float] = defaultdict(float)
    for part in found:
        shares[part.language] += part.share
    return 1 - max(shares.values(), default=1.0) >= least_share


def mixtures(sides: Sequence[Sequence[str]], how: Mixing, seed: int) -> list[tuple[str, float]]:
    """Pieces of two sides joined in either order, and as many pure ones; with the first's share."""
    chance = np.random.default_rng(seed)
    pools = [[words for text in side if len(words := text.split()) >= 2] for side in sides]
    made: list[tuple[str, float]] = []
    for number in range(how.planted if all(pools) else 0):
        sizes = chance.integers(max(1, how.least_words // 2), 2 * how.least_words, 2)
        halves = [piece(pool, int(size), chance) for pool, size in zip(pools, sizes, strict=True)]
        share_of_it = len(halves[0]) / sum(map(len, halves))
        order = (0, 1) if chance.random() < 0.5 else (1, 0)
        made.append((" ".join(" ".join(halves[n]) for n in order), share_of_it))
        pure = piece(pools[number % 2], int(sizes.sum()), chance)
        made.append((" ".join(pure), float(1 - number % 2)))
    return [
        (text, known)
        for text, known in made
        if len(text.split()) >= how.least_words
        and (known in (0, 1) or how.least_share <= known <= 1 - how.least_share)
    ]


def piece(pool: Sequence[Sequence[str]], size: int, chance: np.random.Generator) -> list[str]:
    """So many words in a row of some segment of the pool, or all that it has."""
    words = pool[int(chance.integers(len(pool)))]
    start = int(chance.integers(max(1, len(words) - size + 1)))
    return list(words[start : start + size])


def figures(planted: Sequence[Planted], language: str, least_share: float) -> dict[str, Any]:
    """How well planted mixtures are found, and how far the shares are from the true ones."""
    true = np.array([0 < p.share < 1 for p in planted], dtype=bool)
    flagged = np.array([is_mixed(p.found, least_share) for p in planted], dtype=bool)
    gaps = [
        abs(p.share - sum(part.share for part in p.found if part.language == language))
        for p in planted
        if 0 < p.share < 1
    ]
    right = int((true & flagged).sum())
    return {
        "recall": share(right, int(true.sum())),
        "precision": share(right, int(flagged.sum())),
        "pure_flagged": share(int((flagged & ~true).sum()), int((~true).sum())),
        "mean_error_of_share": float(np.mean(gaps)) if gaps else None,
    }
