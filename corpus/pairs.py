"""What can be measured on a segment pair, whatever the languages and scripts of its two sides.

Measures of the surface need no model: numbers, names, marks, letters in common. The others need to
have seen pairs: evidence of word alignment, usual lengths, and which column a side looks like.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import regex
from scipy.sparse import csr_array

from corpus.alignment import Floats, Numbers, Side, evidence, learn, numbered, thinned

GRAM = 4  # characters of a run; words are joined and enclosed by spaces
BUCKETS = 1 << 18  # that runs are hashed into
HEAD = 4  # letters of either end of a longer word: roughly its stem and its affixes
DIGITS = regex.compile(r"\p{Nd}+")
# a capital inside a sentence; scripts without case have none, and `likeness` speaks alone
NAME = regex.compile(r"(?<=[\p{L}\p{M}\p{N},;]\s)\p{Lu}[\p{L}\p{M}]{2,}")
MARK = regex.compile(r"[\p{P}\p{S}]")
CLOSING = regex.compile(r"[\p{Pe}\p{Pf}\p{Pi}\"'\s]+$")
STOP = regex.compile(r"\p{Sentence_Terminal}")
SURFACE = (
    "numbers_shared",  # a number stands on both sides, 0 or 1
    "numbers_missing",  # share of the numbers that stand on one side only
    "names_shared",  # a name of one side, or its beginning, stands on the other, 0 or 1
    "names_missing",  # share of the names that do not
    "likeness",  # of the shorter side's runs of letters, rare ones first: in the other too
    "shared_words",  # Jaccard of both sides' words
    "other_end",  # one ends as a question, say, and the other does not, 0 or 1
    "marks",  # natural log of the ratio of marks, its size
)
LEARNED = (
    "aligned_target",  # log-odds of a word under the other side against chance, mean
    "aligned_source",
    "worst_half_target",  # the same for the half of the words that has less
    "worst_half_source",
    "explained_target",  # share of words that the other side makes likelier
    "explained_source",
    "evidence_target",  # log-odds by the square root of the words
    "evidence_source",
    "target_leans",  # log-odds of its runs of letters for the target's column, mean
    "source_leans",
    "target_unusual",  # nats that one of its runs of letters costs under the column's, mean
    "source_unusual",
    "length_gap",  # natural log of the ratio of lengths against the median, its size
    "length",  # natural log of the characters of both sides
)
MEASURES = (*SURFACE, *LEARNED)
Pair = tuple[str, str]  # source and target
Key = Callable[[str], str]


@dataclass(frozen=True)
class Measured:
    """What is known of many pairs before anything is learned."""

    surface: Floats  # (pairs, SURFACE but for likeness)
    characters: Floats  # (pairs, 2) of the keys, with 1 added
    pieces: tuple[Side, Side]  # source and target
    sizes: tuple[int, int]  # of the vocabularies of pieces
    grams: tuple[csr_array, csr_array]  # (pairs, BUCKETS) how often each run of letters stands


@dataclass(frozen=True)
class Learning:
    """How word alignment is learned."""

    iterations: int
    strength: float
    most_pieces: int


def pieces(word: str) -> tuple[str, ...]:
    """A short word itself, or both ends of a longer one.

    >>> pieces("amo"), pieces("tlajtolli")
    (('amo',), ('tlaj-', '-olli'))
    """
    return (word,) if len(word) <= HEAD + 1 else (f"{word[:HEAD]}-", f"-{word[-HEAD:]}")


def numbers(text: str) -> set[str]:
    """The numbers in a text, in whatever script's digits.

    >>> sorted(numbers("1592, ១២ y ٠٧"))
    ['12', '1592', '7']
    """
    runs = ("".join(str(unicodedata.digit(c, c)) for c in run) for run in DIGITS.findall(text))
    return {run.lstrip("0") or "0" for run in runs}


@cache
def said_by(character: str) -> str:
    """What a character says at the end of a text, in any script.

    >>> [said_by(c) for c in "?؟។!a,"]
    ['question', 'question', 'stop', 'exclamation', 'none', 'none']
    """
    name = unicodedata.name(character, "")
    if "QUESTION MARK" in name:
        return "question"
    if "EXCLAMATION MARK" in name:
        return "exclamation"
    return "stop" if STOP.match(character) else "none"


def end(text: str) -> str:
    """What the end of a text says, closing quotes and brackets aside."""
    return said_by(CLOSING.sub("", text)[-1:] or "a")


def surface(pair: Pair, keys: Pair, key: Key) -> tuple[float, ...]:
    """The measures of the surface, but for likeness."""
    left, right = (numbers(side) for side in pair)
    names = [
        (name in other, name[: HEAD + 1] in other)
        for side, other in zip(pair, reversed(keys), strict=True)
        for name in map(key, NAME.findall(side))
    ]
    missing = sum(not begun for _, begun in names)
    words, others = (set(side.split()) for side in keys)
    marks = [len(MARK.findall(side)) + 1 for side in pair]
    return (
        float(bool(left & right)),
        len(left ^ right) / len(left | right) if left | right else 0.0,
        float(any(whole for whole, _ in names)),
        missing / len(names) if names else 0.0,
        len(words & others) / len(words | others) if words | others else 1.0,
        float(end(pair[0]) != end(pair[1])),
        abs(float(np.log(marks[0] / marks[1]))),
    )


def grams(keys: Sequence[str]) -> csr_array:
    """(texts, BUCKETS): how often each hashed run of characters stands in each key."""
    whole = "\n".join(f" {key} " for key in keys) + "\n"
    points = np.frombuffer(whole.encode("utf-32-le"), np.uint32).astype(np.uint64)
    starts = max(len(points) - GRAM + 1, 0)
    hashed = np.zeros(starts, np.uint64)
    broken = np.zeros(starts, np.bool_)
    for place in range(GRAM):
        part = points[place : place + starts]
        hashed = (hashed ^ part) * np.uint64(0x9E3779B97F4A7C15)
        broken |= part == ord("\n")
    row = np.cumsum(points == ord("\n"))[:starts]
    column = (hashed >> np.uint64(64 - 18)).astype(np.int64)
    made = (np.ones(int((~broken).sum())), (row[~broken], column[~broken]))
    return csr_array(made, shape=(len(keys), BUCKETS))


def measured(pairs: Sequence[Pair], key: Key) -> Measured:
    """The pairs as numbers."""
    keys = [(key(source), key(target)) for source, target in pairs]
    found = [surface(pair, both, key) for pair, both in zip(pairs, keys, strict=True)]
    sides = [[both[n] for both in keys] for n in (0, 1)]
    words = [[[p for w in side.split() for p in pieces(w)] for side in column] for column in sides]
    numbered_sides = [numbered(column) for column in words]
    return Measured(
        np.array(found, np.float64).reshape(len(pairs), len(SURFACE) - 1),
        np.array([[len(s) + 1 for s in both] for both in keys], np.float64).reshape(-1, 2),
        (numbered_sides[0][0], numbered_sides[1][0]),
        (numbered_sides[0][1], numbered_sides[1][1]),
        (grams(sides[0]), grams(sides[1])),
    )


def measures(known: Measured, learn_from: Numbers, wanted: Numbers, how: Learning) -> Floats:
    """(wanted, MEASURES): the measures of some pairs, by what other pairs teach.

    Args:
        learn_from: the pairs that are learned from; at least one.
        wanted: the pairs to measure.
    """
    ratio = np.log(known.characters[:, 1] / known.characters[:, 0])
    gap = np.abs(ratio[wanted] - np.median(ratio[learn_from]))
    length = np.log(known.characters[wanted].sum(axis=1))
    aligned = [alignment(known, side, learn_from, wanted, how) for side in (1, 0)]
    looks = looked(known, learn_from, wanted)
    both = [part[:, n] for n in range(4) for part in aligned]
    first = known.surface[wanted]
    columns = [*first[:, :4].T, looks[0], *first[:, 4:].T, *both, *looks[1:], gap, length]
    return np.stack(columns, axis=1)


def alignment(
    known: Measured, side: int, learn_from: Numbers, wanted: Numbers, how: Learning
) -> Floats:
    """(wanted, 4): what the other side says of the words of one: see LEARNED."""
    given, made = known.pieces[1 - side], thinned(known.pieces[side], how.most_pieces)
    teach = (given.take(learn_from), made.take(learn_from))
    sizes = (known.sizes[1 - side], known.sizes[side])
    lexicon = learn(*teach, sizes, how.iterations, how.strength)
    asked = made.take(wanted)
    odds = evidence(lexicon, given.take(wanted), asked)
    owner = np.repeat(np.arange(len(wanted)), asked.sizes)
    late = (np.arange(len(odds)) - asked.starts[owner]) * 2 >= asked.sizes[owner]
    count = np.maximum(asked.sizes, 1)

    def mean(values: Floats, some: Numbers) -> Floats:
        sums = np.bincount(owner[some], values[some], len(wanted))
        return sums / np.maximum(np.bincount(owner[some], minlength=len(wanted)), 1)

    everywhere = np.arange(len(odds))
    total = mean(odds, everywhere)
    halves = [mean(odds, np.flatnonzero(half)) for half in (late, ~late)]
    halves[0] = np.where(asked.sizes < 2, total, halves[0])  # the late half is empty
    worst = np.minimum(*halves)
    explained = mean((odds > 0).astype(np.float64), everywhere)
    return np.stack([total, worst, explained, total * np.sqrt(count)], axis=1)


def looked(known: Measured, learn_from: Numbers, wanted: Numbers) -> list[Floats]:
    """Likeness of the sides, which column each leans to, and how unusual its letters are there."""
    columns = [side[learn_from].sum(axis=0) + 0.5 for side in known.grams]
    shares = [np.log(column / column.sum()) for column in columns]
    source, target = (side[wanted] for side in known.grams)
    sizes = [np.maximum(side.sum(axis=1), 1) for side in (source, target)]
    leans = [
        target @ (shares[1] - shares[0]) / sizes[1],
        source @ (shares[0] - shares[1]) / sizes[0],
    ]
    usual = [-(target @ shares[1]) / sizes[1], -(source @ shares[0]) / sizes[0]]
    rarity = -np.log(np.exp(shares[0]) + np.exp(shares[1]))
    left, right = (side > 0 for side in (source, target))
    weights = [side @ rarity for side in (left, right)]
    shared = (left * right) @ rarity
    return [shared / np.maximum(np.minimum(*weights), 1e-9), *leans, *usual]
