"""What the gates measure on a synthetic pair, held against human text.

A gate is held against the sides that a machine made: the source of a back-translation, the target
of a respelling. What fluent text looks like is learned from human training text alone.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sacrebleu.metrics.chrf import CHRF

from augment.translation import Translation
from corpus.orthography import matching_key

SIDES = ("source", "target")
GATES = {  # the sign of each gate's correlation with quality, if it works
    "unseen": -1,
    "copied": -1,
    "language": 1,
    "length": -1,
    "repeated": -1,
    "likeness": -1,
    "round_trip": 1,
    "unknown": -1,
    "score": 1,
    "match": 1,
}
PLAIN = matching_key(None)
SHINGLE = 5  # characters
CHRF_PLUS_PLUS = CHRF(word_order=2, lowercase=True)

Translate = Callable[[list[str]], list[str]]
Probability = Callable[[Sequence[str]], Sequence[float]]
Scores = dict[str, float | None]


@dataclass(frozen=True)
class Pair:
    """A pair that a machine made a side of, beside what it was made from."""

    source: str | None  # null: the pair is a target alone
    target: str
    made: tuple[str, ...]  # the sides that a machine made
    parent: dict[str, str | None]  # the parent's sides; null where there is none, or it is hidden
    said: Translation | None = None  # what the engine said as it made it; null: no engine, or lost
    match: float | None = None  # share of human pairs that stage encoder matches less well

    @property
    def texts(self) -> dict[str, str]:
        """The made sides by name."""
        sides = {"source": self.source or "", "target": self.target}
        return {side: sides[side] for side in self.made}


@dataclass(frozen=True)
class Yardstick:
    """What pairs of one language are held against: human text, and models trained on it."""

    keys: dict[str, Callable[[str], str]]  # matching key of each side
    words: dict[str, Collection[str]]  # of human training text, as the key writes them
    ratio: float  # median of source characters per target character
    language: Mapping[str, Probability]  # that a text is in the language of that side, by side
    forward: Translate | None  # null: no round trip


def yardstick_words(texts: Iterable[str | None], key: Callable[[str], str]) -> frozenset[str]:
    """The words of human text."""
    return frozenset(word for text in texts if text for word in key(text).split())


def unseen(text: str, key: Callable[[str], str], known: Collection[str]) -> float:
    """Share of words never seen in human text; 1 for a text without words.

    >>> unseen("in xochitl xyz", str, {"in", "xochitl"})
    0.3333333333333333
    """
    words = key(text).split()
    return sum(word not in known for word in words) / len(words) if words else 1.0


def copied(source: str, target: str) -> float:
    """Share of the source's words that stand in the target too; 0 for one without words.

    >>> copied("la casa calli", "in calli")
    0.3333333333333333
    """
    words, others = PLAIN(source).split(), set(PLAIN(target).split())
    return sum(word in others for word in words) / len(words) if words else 0.0


def length(source: str, target: str, ratio: float) -> float:
    """Doublings between the pair's ratio of lengths and that of the median human pair.

    >>> length("aaaa", "aa", ratio=1.0)
    1.0
    """
    return abs(math.log2(max(1, len(source)) / max(1, len(target)) / ratio))


def repeated(text: str) -> float:
    """Share of neighbouring word pairs that stood in the text before; 0 for fewer than two.

    >>> repeated("a b a b a b")
    0.6
    """
    words = PLAIN(text).split()
    twos = list(pairwise(words))
    return 1 - len(set(twos)) / len(twos) if twos else 0.0


def shingles(text: str) -> set[str]:
    """The character 5-grams of a text without case and punctuation; a shorter text is its own."""
    plain = PLAIN(text)
    return {plain[i : i + SHINGLE] for i in range(max(1, len(plain) - SHINGLE + 1))}


def likeness(text: str, parent: str | None) -> float | None:
    """Jaccard similarity with the parent's side; null where it has none."""
    if parent is None:
        return None
    some, others = shingles(text), shingles(parent)
    return len(some & others) / len(some | others)


def chrf(made: Sequence[str], human: Sequence[str]) -> list[float]:
    """chrF++ of each segment, 0 to 100, case folded: the translator's capitals are guesses.

    Source: Popović 2017, https://aclanthology.org/W17-4770
    """
    return [
        CHRF_PLUS_PLUS.sentence_score(hypothesis, [reference]).score
        for hypothesis, reference in zip(made, human, strict=True)
    ]


def unknown(pair: Pair) -> float | None:
    """Share of the words that the engine was asked to translate and did not know; null for none."""
    asked = pair.target if pair.made == ("source",) else pair.source
    words = len(PLAIN(asked or "").split())
    return min(1.0, pair.said.unknown / words) if pair.said and words else None


def worst(values: Iterable[float | None], gate: str) -> float | None:
    """The value that speaks most against a pair, among its made sides."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return min(known) if GATES[gate] > 0 else max(known)


def language_scores(pairs: Sequence[Pair], yardstick: Yardstick) -> list[float | None]:
    """How sure the made sides are in their own language: the least sure side of each pair."""
    found: list[list[float | None]] = [[] for _ in pairs]
    for side, probability in yardstick.language.items():
        asked = [number for number, pair in enumerate(pairs) if side in pair.made]
        texts = [pairs[number].texts[side] for number in asked]
        scores = probability(texts) if texts else []
        for number, score in zip(asked, scores, strict=True):
            found[number].append(score)
    return [worst(values, "language") for values in found]


def cheap(pair: Pair, yardstick: Yardstick) -> Scores:
    """The gates that need no model."""
    made, source = pair.texts, pair.source
    return {
        "unseen": worst(
            (unseen(t, yardstick.keys[s], yardstick.words[s]) for s, t in made.items()), "unseen"
        ),
        "copied": None if source is None else copied(source, pair.target),
        "length": None if source is None else length(source, pair.target, yardstick.ratio),
        "repeated": worst(map(repeated, made.values()), "repeated"),
        "likeness": worst((likeness(t, pair.parent[s]) for s, t in made.items()), "likeness"),
        "unknown": unknown(pair),
        "score": pair.said.score if pair.said else None,
        "match": pair.match,
    }


def measure(pairs: Sequence[Pair], yardstick: Yardstick, trips: Collection[int]) -> list[Scores]:
    """Every gate's value for each pair, null where a gate has nothing to say.

    Args:
        trips: the places of the pairs to send on a round trip: the gate that costs.
    """
    languages = language_scores(pairs, yardstick)
    scores: list[Scores] = [
        {**cheap(pair, yardstick), "language": sure, "round_trip": None}
        for pair, sure in zip(pairs, languages, strict=True)
    ]
    if yardstick.forward is None:
        return scores
    asked = [(number, source) for number in sorted(trips) if (source := pairs[number].source)]
    back = yardstick.forward([source for _, source in asked]) if asked else []
    truth = [pairs[number].target for number, _ in asked]
    for (number, _), value in zip(asked, chrf(back, truth), strict=True):
        scores[number]["round_trip"] = value
    return scores
