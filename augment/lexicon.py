"""What the training pairs teach of words: which stand for which, and how surely.

IBM model 1 is learned in both directions on whole words by their matching keys, so that two
spellings of a word count as one. Two words are linked where each is the other's likeliest partner
(Och and Ney 2003, https://aclanthology.org/J03-1002); the link's confidence is the lower of the two
posterior probabilities. Rows are what a method may see: a source that is held back is null.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import regex

from augment.making import Row, lowest
from augment.protected import Span
from corpus import alignment
from corpus.alignment import NULL, Floats, Numbers, Side
from corpus.orthography import MOST_WORDS, WORD, matching_key
from corpus.settings import settings
from corpus.table import digest

RUNNING = regex.compile(r"[\s\p{N},;'’\u200b-]*")  # between two words of one sentence
# a whole word: what stands against a number, as the A of A1, is part of something else
WHOLE = regex.compile(rf"(?<![\p{{L}}\p{{M}}\p{{N}}])(?>{WORD.pattern})(?!\p{{N}})")
NEAR = 1e-6  # a word as far as can be from the diagonal loses so much against its equal


@settings
class Learning:
    """How a lexicon is learned."""

    most_pairs: int  # those of lowest hash
    most_words: int  # on a side; longer pairs tell little of what stands for what
    iterations: int  # of EM
    strength: float  # occurrences' worth of belief that a word means nothing
    least_confidence: float  # of a link that is counted as evidence of meaning, 0 to 1

    def __post_init__(self) -> None:
        if min(self.most_pairs, self.most_words, self.iterations) < 1 or self.strength <= 0:
            raise ValueError("counts must be at least 1 and strength above 0")
        if not 0 < self.least_confidence <= 1:
            raise ValueError(f"least_confidence must be in 0..1, got {self.least_confidence}")


class Word(NamedTuple):
    """A word of a text."""

    start: int
    end: int
    key: str  # under which it is looked up


class Link(NamedTuple):
    """Two words that stand for each other."""

    source: int  # place among the words of the source
    target: int
    confidence: float  # 0 to 1


@dataclass(frozen=True)
class Lexicon:
    """Word translation probabilities both ways, and the words as training text writes them."""

    orthography: str | None  # of the target's keys
    numbers: tuple[Mapping[str, int], Mapping[str, int]]  # of source and target words, from 1
    there: alignment.Lexicon  # target words made of source words
    back: alignment.Lexicon
    learning: Learning
    pairs: tuple[Row, ...]  # that it was learned from

    def words(self, row: Row) -> tuple[list[Word], list[Word]]:
        """The words of both sides; those of a null side are none."""
        source, target = row["source"] or "", row["target"] or ""
        return words(source, None), words(target, self.orthography)

    def links(self, source: Sequence[Word], target: Sequence[Word]) -> list[Link]:
        """The words of a pair that are each other's likeliest partner, in the target's order."""
        left, right = known(source, self.numbers[0]), known(target, self.numbers[1])
        if not (left and right):
            return []
        one, other = (
            np.array([numbers[words[n].key] for n in places])
            for words, places, numbers in (
                (source, left, self.numbers[0]),
                (target, right, self.numbers[1]),
            )
        )
        there, back = posterior(self.there, one, other), posterior(self.back, other, one).T
        where = np.array(left)[:, None] / len(source) - np.array(right) / len(target)
        there, back = there - NEAR * abs(where), back - NEAR * abs(where)
        best = there.argmax(axis=0)
        agree = back.argmax(axis=1)[best] == np.arange(len(right))
        return [
            Link(left[i], right[j], float(min(there[i, j], back[i, j])))
            for j, i in enumerate(best)
            if agree[j]
        ]

    @cached_property
    def meanings(self) -> dict[str, Counter[str]]:
        """The source words that confident links give each target word, with how often."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.pairs:
            source, target = self.words(row)
            for link in self.links(source, target):
                if link.confidence >= self.learning.least_confidence:
                    found[target[link.target].key][source[link.source].key] += 1
        return dict(found)

    @cached_property
    def name(self) -> str:
        """For the column `engine`: a digest of all that it was learned from."""
        text = (part for row in self.pairs for part in (row["source"], row["target"]))
        return f"lexicon@{digest(repr(self.learning), self.orthography or '', *text)}"


def words(text: str, orthography: str | None) -> list[Word]:
    """The words of a text; what has no key is none, nor what stands against a number.

    >>> [word.key for word in words("¿Tlein, ātl? 12 A1", "nah")]
    ['tlein', 'atl']
    """
    key = word_key(orthography)
    found = (Word(m.start(), m.end(), key(m[0])) for m in WHOLE.finditer(text))
    return [word for word in found if word.key]


@cache
def word_key(orthography: str | None) -> Callable[[str], str]:
    """The matching key of a single word."""
    key = matching_key(orthography)
    return lru_cache(MOST_WORDS)(lambda word: key(word).replace(" ", ""))


def free(words: Sequence[Word], spans: Sequence[Span]) -> set[int]:
    """The places of the words outside of all the spans."""
    return {
        place
        for place, word in enumerate(words)
        if all(word.end <= start or end <= word.start for start, end in spans)
    }


def opens(text: str, words: Sequence[Word], place: int) -> bool:
    """Whether a word stands where any would have a capital: after no other, or after a stop."""
    before = text[words[place - 1].end : words[place].start] if place else "."
    return RUNNING.fullmatch(before) is None


def learned(rows: Iterable[Row], orthography: str | None, learning: Learning) -> Lexicon:
    """The lexicon that the pairs among the rows teach, in whatever order they come."""
    ordered = lowest((row for row in rows if row["source"] and row["target"]), None, "lexicon")
    folds = (("source", None), ("target", orthography))
    keys = [[[word.key for word in words(row[s], fold)] for s, fold in folds] for row in ordered]
    short = [n for n, texts in enumerate(keys) if max(map(len, texts)) <= learning.most_words]
    short = short[: learning.most_pairs]
    texts = [[keys[n][side] for n in short] for side in (0, 1)]
    numbers = numbered(texts[0]), numbered(texts[1])
    source, target = (as_side(*both) for both in zip(texts, numbers, strict=True))
    sizes = len(numbers[0]) + 1, len(numbers[1]) + 1
    there = alignment.learn(source, target, sizes, learning.iterations, learning.strength)
    back = alignment.learn(target, source, sizes[::-1], learning.iterations, learning.strength)
    pairs = tuple(ordered[n] for n in short)
    return Lexicon(orthography, numbers, there, back, learning, pairs)


def numbered(texts: Iterable[Sequence[str]]) -> dict[str, int]:
    """A number for each word, from 1, in the order in which they are met."""
    numbers: dict[str, int] = {}
    for text in texts:
        for word in text:
            numbers.setdefault(word, len(numbers) + 1)
    return numbers


def as_side(texts: Sequence[Sequence[str]], numbers: Mapping[str, int]) -> Side:
    """The texts as word alignment takes them."""
    whole = np.array([numbers[word] for text in texts for word in text], np.int64)
    return Side(whole, np.array([len(text) for text in texts], np.int64))


def known(words: Sequence[Word], numbers: Mapping[str, int]) -> list[int]:
    """The places of the words that the lexicon has met."""
    return [place for place, word in enumerate(words) if word.key in numbers]


def posterior(model: alignment.Lexicon, given: Numbers, made: Numbers) -> Floats:
    """(given, made) probability that a given word, or a twin of it, is behind a made one."""
    behind = np.concatenate([[NULL], given])[:, None]
    keys = behind * len(model.made) + made
    spot = np.minimum(np.searchsorted(model.keys, keys), len(model.keys) - 1)
    count = np.where(model.keys[spot] == keys, model.counts[spot], 0.0)
    share = (count + model.strength * model.made[made]) / (model.given[behind] + model.strength)
    share /= share.sum(axis=0)
    twins = given[:, None] == given
    whole: Floats = twins @ share[1:]
    return whole
