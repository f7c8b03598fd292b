"""Names that stand on both sides of training pairs, and which of them stand in like company.

A name is one or more words with a capital that no stop comes before, written alike on the other
side; words that the split writes with a small letter more often are none. Scripts without case have
no names but those written in another script. Two names are likely of one kind, both places, say,
or both men, where the same source words stand beside them.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import NamedTuple

from augment.lexicon import Word, opens, words
from augment.making import Row
from corpus.settings import settings
from corpus.table import digest

FOLDED = "unmarked"  # diacritics are no difference between names
SPACE = " \u00a0"
LETTERS = 3  # of a name, at least
Keys = tuple[str, ...]
Stretch = tuple[int, int]  # of characters


@settings
class Naming:
    """What counts as a name, and as one of its kind."""

    least_likeness: float  # share of letters in common of its two spellings, 0 to 1
    least_count: int  # pairs that a name must stand in, to be put for another
    least_company: float  # cosine of the words beside two names, the rare ones first, 0 to 1

    def __post_init__(self) -> None:
        for name in ("least_likeness", "least_company"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0, at most 1, got {getattr(self, name)}")
        if self.least_count < 1:
            raise ValueError(f"least_count must be at least 1, got {self.least_count}")


class Name(NamedTuple):
    """A name as both sides write it."""

    source: str
    target: str


class Found(NamedTuple):
    """A name in a row: where it stands on each side, as characters."""

    name: Name
    source: list[Stretch]
    target: list[Stretch]


@dataclass(frozen=True)
class Names:
    """The names of a training split."""

    peers: Mapping[str, list[Name]]  # for each, as the source has it, those in like company
    least_likeness: float
    small: frozenset[str]  # words that are mostly written with a small letter

    @cached_property
    def name(self) -> str:
        """For the column `engine`."""
        pairs = (part for name, others in self.peers.items() for part in (name, repr(others)))
        return f"names@{digest(repr(self.least_likeness), *sorted(self.small), *pairs)}"


def learned(rows: Iterable[Row], params: Naming) -> Names:
    """The names of the pairs among the rows, each with those that may stand for it."""
    pairs = [row for row in rows if row["source"] and row["target"]]
    small = mostly_small(row["source"] for row in pairs)
    bare = Names({}, params.least_likeness, small)
    company: dict[str, Counter[str]] = defaultdict(Counter)
    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    for row in pairs:
        for found in find(row, bare):
            spelt[found.name.source][found.name.target] += 1
            company[found.name.source].update(beside(row["source"], found.source))
    spread = Counter(word for beside in company.values() for word in beside)
    vectors = {
        name: {word: n * math.log(len(company) / spread[word]) for word, n in beside.items()}
        for name, beside in sorted(company.items())
    }
    common = [
        Name(source, min(targets, key=lambda target: (-targets[target], target)))
        for source, targets in sorted(spelt.items())
        if targets.total() >= params.least_count
    ]
    return replace(bare, peers=peers(vectors, common, params.least_company))


def mostly_small(texts: Iterable[str]) -> frozenset[str]:
    """The words that stand with a small letter at least as often as with a capital inside."""
    lead = Counter[str]()
    for text in texts:
        known = words(text, FOLDED)
        for place, word in enumerate(known):
            if text[word.start].islower():
                lead[word.key] += 1
            elif not opens(text, known, place):
                lead[word.key] -= 1
    return frozenset(word for word, surplus in lead.items() if surplus >= 0)


def beside(text: str, stretches: Sequence[Stretch]) -> Iterable[str]:
    """The words before and behind some stretches of a text."""
    known = words(text, FOLDED)
    for start, end in stretches:
        yield from (f"{word.key} _" for word in known if word.end <= start < word.end + 3)
        yield from (f"_ {word.key}" for word in known if end <= word.start < end + 3)


def peers(
    vectors: Mapping[str, Mapping[str, float]], common: Sequence[Name], least: float
) -> dict[str, list[Name]]:
    """For each name the common ones of as many words whose company is like enough, by cosine."""
    beside: dict[str, list[Name]] = defaultdict(list)
    for name in common:
        for word in vectors[name.source]:
            beside[word].append(name)
    norms = {name: math.hypot(*vector.values()) for name, vector in vectors.items()}
    found = {}
    for own, vector in vectors.items():
        products: dict[Name, float] = defaultdict(float)
        for word, weight in vector.items():
            for other in beside[word]:
                products[other] += weight * vectors[other.source][word]
        found[own] = sorted(
            other
            for other, product in products.items()
            if other.source != own
            and size(other.source) == size(own)
            and product >= least * norms[own] * norms[other.source]
        )
    return found


def size(name: str) -> int:
    """The words of a name."""
    return len(name.split())


def find(row: Row, known: Names) -> list[Found]:
    """The names that both sides of a row have equally often, the longest first."""
    source, target = words(row["source"], FOLDED), words(row["target"], FOLDED)
    spelt = windows(row["target"], target)
    inner = runs(row["source"], source, inside=True)
    own = {tuple(word.key for word in source[first:last]) for first, last in inner}
    found: list[Found] = []
    for keys in sorted(own, key=lambda keys: (-len(keys), keys)):
        spelling = counterpart(keys, spelt, known.least_likeness)
        if spelling and known.small.isdisjoint(keys):
            here, there = stretches(source, keys), stretches(target, spelling)
            name = Name(row["source"][slice(*here[0])], row["target"][slice(*there[0])])
            new = Found(name, here, there)
            if len(here) == len(there) and clear(new, found):
                found.append(new)
    return found


def capital(word: str) -> bool:
    """Whether a word is written as a name is: a capital, then two small letters at least.

    >>> [word for word in ("Xochitl", "Αθήνα", "atl", "UNAM", "In", "አክሱም") if capital(word)]
    ['Xochitl', 'Αθήνα']
    """
    return len(word) >= LETTERS and word[0].isupper() and not word[1:].isupper()


def runs(text: str, known: Sequence[Word], inside: bool) -> Iterable[tuple[int, int]]:
    """The places of neighbouring words with a capital, from the first to behind the last.

    Args:
        inside: of sentences: a word that opens one has a capital in any case.
    """
    first = None
    for place, word in enumerate(known):
        fits = capital(text[word.start : word.end]) and not (inside and opens(text, known, place))
        apart = text[known[place - 1].end : word.start].strip(SPACE) if place else ""
        if first is not None and (apart or not fits):
            yield first, place
            first = None
        if fits and first is None:
            first = place
    if first is not None:
        yield first, len(known)


def windows(text: str, known: Sequence[Word]) -> list[Keys]:
    """The names that a text may hold, with all parts of those of several words."""
    return [
        tuple(word.key for word in known[start:end])
        for first, last in runs(text, known, inside=False)
        for start in range(first, last)
        for end in range(start + 1, last + 1)
    ]


def counterpart(keys: Keys, spelt: Sequence[Keys], least: float) -> Keys | None:
    """The likest of the other side's names of as many words, if it is like enough."""
    one = " ".join(keys)
    same = [(likeness(one, " ".join(other)), other) for other in spelt if len(other) == len(keys)]
    best = max(same, default=(0.0, ()))
    return best[1] if best[0] >= least else None


def likeness(one: str, other: str) -> float:
    """The share of letters in common, 0 to 1; none where one is the other with an affix.

    >>> likeness("mexico", "mexicco") > 0.9, likeness("mexico", "mexicopa")
    (True, 0.0)
    """
    if one == other:
        return 1.0
    short, long = sorted((one, other), key=len)
    if long.startswith(short) or long.endswith(short):
        return 0.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def stretches(known: Sequence[Word], keys: Keys) -> list[Stretch]:
    """Where these words stand one after the other, whatever their case."""
    ends = range(len(known) - len(keys) + 1)
    return [
        (known[n].start, known[n + len(keys) - 1].end)
        for n in ends
        if all(known[n + m].key == key for m, key in enumerate(keys))
    ]


def clear(name: Found, others: Iterable[Found]) -> bool:
    """Whether a name overlaps with none that was found before."""
    return not any(
        start < stop and begin < end
        for other in others
        for mine, theirs in ((name.source, other.source), (name.target, other.target))
        for start, end in mine
        for begin, stop in theirs
    )
