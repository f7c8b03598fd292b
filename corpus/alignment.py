"""Word alignment by IBM model 1, in NumPy: how much better a text explains another than chance.

A model is a table of expected counts of word pairs, learned by EM from segment pairs. It is small
and quick (a few CPU-seconds for ten thousand pairs), so that each fold has its own and no pair is
judged by a model that has learned it. Words are matching keys cut into pieces by the caller.

Source: Brown et al. 1993, https://aclanthology.org/J93-2003
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
NULL = 0  # the word that explains what no other does


@dataclass(frozen=True)
class Side:
    """The words of many texts, as numbers, one text after the other."""

    words: Numbers
    sizes: Numbers  # words of each text

    @property
    def starts(self) -> Numbers:
        """The place of the first word of each text."""
        return np.cumsum(self.sizes) - self.sizes

    def take(self, texts: Numbers) -> "Side":
        """Some of the texts."""
        sizes = self.sizes[texts]
        return Side(self.words[spread(self.starts[texts], sizes)], sizes)


@dataclass(frozen=True)
class Lexicon:
    """Expected counts of words (given) and of pairs of words (given, made)."""

    keys: Numbers  # sorted: given * size + made
    counts: Floats  # of each key
    given: Floats  # of each given word
    made: Floats  # share of each made word among all; a word never seen has a little
    strength: float  # pairs' worth of belief that a word means nothing


def spread(starts: Numbers, sizes: Numbers) -> Numbers:
    """starts[0], starts[0] + 1, … sizes[0] times, then those of the next.

    >>> spread(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(sizes)
    return np.arange(int(sizes.sum())) + np.repeat(starts - ends + sizes, sizes)


def numbered(texts: Sequence[Sequence[str]]) -> tuple[Side, int]:
    """The texts as numbers from 1, in the order in which words are met, and one more than those."""
    vocabulary: dict[str, int] = {}
    words = [vocabulary.setdefault(word, len(vocabulary) + 1) for text in texts for word in text]
    sizes = np.array([len(text) for text in texts], np.int64)
    return Side(np.array(words, np.int64), sizes), len(vocabulary) + 1


def thinned(side: Side, most: int) -> Side:
    """At most so many words of each text, evenly spread: long texts cost the square otherwise."""
    sizes = np.minimum(side.sizes, most)
    step = np.repeat(side.sizes / np.maximum(sizes, 1), sizes)
    inside = spread(np.zeros(len(sizes), np.int64), sizes)
    return Side(side.words[np.repeat(side.starts, sizes) + (inside * step).astype(np.int64)], sizes)


def links(given: Side, made: Side) -> tuple[Numbers, Numbers, Numbers]:
    """For each made word of each pair, NULL and the given words: both ends, and how many there are.

    Returns:
        (links,) given words; (links,) made words; (made words,) links of each.
    """
    withnull = Side(np.zeros(len(given.words) + len(given.sizes), np.int64), given.sizes + 1)
    withnull.words[spread(withnull.starts + 1, given.sizes)] = given.words
    degree = np.repeat(withnull.sizes, made.sizes)
    first = np.repeat(withnull.starts, made.sizes)
    return withnull.words[spread(first, degree)], np.repeat(made.words, degree), degree


def learn(
    given: Side, made: Side, sizes: tuple[int, int], iterations: int, strength: float
) -> Lexicon:
    """The lexicon that pairs of texts teach.

    Args:
        sizes: of the vocabularies of given and made words.
    """
    size_given, size = sizes
    left, right, degree = links(given, made)
    keys, place = np.unique(left * size + right, return_inverse=True)
    total = np.bincount(made.words, minlength=size).astype(np.float64)
    share = (total + 0.5) / (total.sum() + 0.5 * (np.count_nonzero(total) + 1))
    owner, word = np.divmod(keys, size)
    belief = np.ones(len(keys))
    counts = np.zeros(len(keys))
    seen = np.zeros(size_given)
    for _ in range(iterations):
        weight = belief[place]
        weight /= np.repeat(sums(weight, degree), degree)
        counts = np.bincount(place, weight, len(keys)).astype(np.float64)
        seen = np.bincount(owner, counts, size_given).astype(np.float64)
        belief = (counts + strength * share[word]) / (seen[owner] + strength)
    return Lexicon(keys, counts, seen, share, strength)


def sums(values: Floats, degree: Numbers) -> Floats:
    """The sum of each run of values, none of them empty."""
    starts = np.cumsum(degree) - degree
    return np.add.reduceat(values, starts) if len(starts) else np.empty(0)


def evidence(lexicon: Lexicon, given: Side, made: Side) -> Floats:
    """(made words,) log-odds of each word under the given text against its frequency alone."""
    left, right, degree = links(given, made)
    size = len(lexicon.made)
    keys = left * size + right
    if not len(lexicon.keys):
        return np.zeros(len(degree))
    place = np.minimum(np.searchsorted(lexicon.keys, keys), len(lexicon.keys) - 1)
    count = np.where(lexicon.keys[place] == keys, lexicon.counts[place], 0.0)
    ratio = count / lexicon.made[right] + lexicon.strength
    ratio /= lexicon.given[left] + lexicon.strength
    odds: Floats = np.log(sums(ratio, degree) / degree)
    return odds
