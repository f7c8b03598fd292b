"""Cross-fitting: each document's segments are scored by a model of the other documents.

Trusted documents are dealt into folds. A fold's segments are labelled by a model of the other
folds, less what stands in that fold too, so that no trusted text is judged by a model that has
learned it, not from another document either; text that is not trusted, and new text, is judged by
the model of all folds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import regex

from corpus.classifier import (
    NOISE,
    FastText,
    Told,
    as_bytes,
    probabilities,
    train,
    windows,
)
from corpus.detection import Floats, Mask
from corpus.folds import ALL
from corpus.mixed import Chances, Mixing, Part, Planted, mixtures, parts
from corpus.noise import noise
from corpus.orthography import matching_key
from corpus.table import digest

SHORTEST, LONGEST = 2, 14  # words of a cut
LETTERS = (5, 60)  # of a cut of a piece without words
CLUSTER = regex.compile(r"\X")


class Segment(NamedTuple):
    """A text with what it is said to be."""

    label: str
    text: str
    fold: int
    learn: bool  # whether models may learn from it and be measured on it
    row: int  # -1: not of the table
    side: str  # target, source or other
    document: str
    variety: str  # a code as rows carry it; empty: of the label only


@dataclass(frozen=True)
class Plan:
    """All that the models of one language have in common."""

    segments: list[Segment]
    labels: tuple[str, ...]  # whose probabilities are asked; the language's own is first
    pivot: str  # one of the labels
    varieties: dict[str, tuple[str, ...]]  # ISO 639-3 codes of labels that are keys of languages
    orthography: str | None
    how: FastText
    least: int  # examples of a label; fewer are filled up with cuts
    most: int  # windows of a label, those of lowest hash
    noise: int  # segments of each kind to learn
    held_out_noise: int  # segments of each kind to measure on, for each fold
    least_variety: int  # segments to learn of a variety; with fewer it is learned as its label only
    mixing: Mixing
    seed: int

    @property
    def asked(self) -> tuple[str, ...]:
        """The columns of chances."""
        return (*self.labels, NOISE)


@dataclass(frozen=True)
class Study:
    """What one model says of the text that it has not seen."""

    places: list[int]  # of the segments
    told: Told  # of the segments
    varieties: list[str]  # the most probable of each target's language; empty: none is known
    parts: list[list[Part] | None]  # of the segments; null: not looked for
    noise: list[tuple[str, str]]  # kind and text
    noise_chances: Floats
    planted: list[Planted]  # mixtures of held-out segments, with what was found in them
    model: bytes


def study(task: tuple[Plan, int]) -> Study:
    """Train on every fold but one, and label that one; `ALL` trains on all and labels the rest."""
    plan, fold = task
    key = matching_key(plan.orthography)
    model = train(examples(plan, fold), plan.how, plan.seed)
    places = [n for n, segment in enumerate(plan.segments) if segment.fold == fold]
    texts = [plan.segments[n].text for n in places]
    told = probabilities(model, key, plan.asked, texts)
    made = [] if fold == ALL else [*noise(sorted(texts), plan.held_out_noise, plan.seed + 1 + fold)]
    of_noise = probabilities(model, key, plan.asked, [text for _, text in made])

    def chances(some: Sequence[str]) -> Floats:
        return probabilities(model, key, plan.asked, some).chances

    mine = [plan.segments[n].side == "target" for n in places]
    return Study(
        places,
        told,
        varieties_of(plan, fold, texts, told.best),
        parts_of(texts, told.chances, np.array(mine, dtype=bool), chances, plan),
        made,
        of_noise.chances,
        [] if fold == ALL else planted(plan, fold, chances),
        as_bytes(model),
    )


def varieties_of(plan: Plan, fold: int, texts: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The most probable variety of each text in a language that has several; empty elsewhere.

    A model of its own: where one model learned both, it found less of the language (docs/log.md).
    """
    key, enough = matching_key(plan.orthography), learned_varieties(plan)
    held = {key(s.text) for s in plan.segments if s.fold == fold != ALL}
    made = [""] * len(texts)
    for label in plan.varieties:
        learned = sorted(
            (s.variety, piece)
            for s in plan.segments
            if s.label == label and s.variety in enough and s.learn and s.fold != fold
            and key(s.text) not in held and (piece := key(windows(s.text)[0]))
        )  # fmt: skip
        some = [n for n, name in enumerate(labels) if name == label]
        if len({variety for variety, _ in learned}) > 1 and some:
            model = train(sorted(learned, key=lambda x: digest(*x)), plan.how, plan.seed)
            best = probabilities(model, key, [], [texts[n] for n in some]).best
            for n, variety in zip(some, best, strict=True):
                made[n] = variety
    return made


def parts_of(
    texts: Sequence[str], whole: Floats, asked: Mask, chances: Chances, plan: Plan
) -> list[list[Part] | None]:
    """The parts of the texts that are asked for; null for the others and where they are short."""
    some: list[int] = np.flatnonzero(asked).tolist()
    found = parts([texts[n] for n in some], whole[some], chances, plan.labels, plan.mixing)
    made: list[list[Part] | None] = [None] * len(texts)
    for place, part in zip(some, found, strict=True):
        made[place] = part
    return made


def planted(plan: Plan, fold: int, chances: Chances) -> list[Planted]:
    """Pure segments and mixtures of a fold's held-out text, with the parts found in them."""
    sides = [
        sorted({s.text for s in plan.segments if s.fold == fold and s.learn and s.label == label})
        for label in (plan.labels[0], plan.pivot)
    ]
    made = mixtures(sides, plan.mixing, plan.seed + fold)
    texts = [text for text, _ in made]
    found = parts(texts, chances(texts), chances, plan.labels, plan.mixing)
    return [Planted(true, part or []) for (_, true), part in zip(made, found, strict=True)]


def examples(plan: Plan, fold: int) -> list[tuple[str, str]]:
    """Examples (label, folded window) of the other folds and noise, classes balanced, by hash.

    The labels asked are repeated until each has as many as the largest of them and noise: else a
    small neighbour is taken for a large one (docs/log.md).
    """
    key = matching_key(plan.orthography)
    held = {key(s.text) for s in plan.segments if s.fold == fold != ALL}
    others = {(s.label, s.text) for s in plan.segments if s.learn and s.fold != fold}
    seen = sorted((label, text) for label, text in others if key(text) not in held)
    of_label: dict[str, list[str]] = defaultdict(list)
    for label, text in seen:
        of_label[label] += [piece for window in windows(text) if (piece := key(window))]
    chance = np.random.default_rng(plan.seed)
    for label, pieces in sorted(of_label.items()):
        chosen = sorted(pieces, key=digest)[: plan.most]
        of_label[label] = [*chosen, *cuts(chosen, plan.least, chance)]
    made = noise([text for _, text in seen], plan.noise, plan.seed)
    of_label[NOISE] = [key(window) for _, text in made for window in windows(text)[:1]]
    most = max(len(of_label[label]) for label in plan.asked)
    whole = []
    for label, pieces in of_label.items():
        size = most if label in plan.labels and pieces else len(pieces)
        whole += [(label, pieces[n % len(pieces)], n // len(pieces)) for n in range(size)]
    whole.sort(key=lambda example: digest(*map(str, example)))
    return [(label, piece) for label, piece, _ in whole]


def learned_varieties(plan: Plan) -> set[str]:
    """The varieties with enough text to be told apart."""
    sizes = Counter(s.variety for s in plan.segments if s.learn and s.variety)
    return {name for name, size in sizes.items() if size >= plan.least_variety}


def cuts(pieces: Sequence[str], least: int, chance: np.random.Generator) -> Iterator[str]:
    """As many runs of words out of the pieces as they are fewer than `least`.

    A piece of hardly a word, as of scripts that part none, is cut between its letters.
    """
    for number in range(least - len(pieces) if pieces else 0):
        words, glue, bounds = pieces[number % len(pieces)].split(), " ", (SHORTEST, LONGEST)
        if len(words) <= SHORTEST:
            words, glue, bounds = CLUSTER.findall(" ".join(words)), "", LETTERS
        size = int(chance.integers(bounds[0], bounds[1] + 1))
        start = int(chance.integers(0, max(1, len(words) - size + 1)))
        yield glue.join(words[start : start + size]).strip()


def told_apart(labelled: Iterable[tuple[str, str]]) -> set[str]:
    """The texts that stand under one label only: a heading that ten languages share tells nothing.

    >>> sorted(told_apart([("spa", "Artículo 1"), ("glg", "Artículo 1"), ("spa", "Todos")]))
    ['Todos']
    """
    labels = defaultdict(set)
    for label, text in labelled:
        labels[text].add(label)
    return {text for text, names in labels.items() if len(names) == 1}


def joined(plan: Plan, studies: Iterable[Study]) -> tuple[Told, list[str], list[list[Part] | None]]:
    """What is said of every segment, its variety and its parts, by the study that held it out."""
    chances = np.full((len(plan.segments), len(plan.asked)), np.nan)
    best, varieties = [""] * len(plan.segments), [""] * len(plan.segments)
    found: list[list[Part] | None] = [None] * len(plan.segments)
    for made in studies:
        chances[made.places] = made.told.chances
        for n, place in enumerate(made.places):
            best[place], varieties[place] = made.told.best[n], made.varieties[n]
            found[place] = made.parts[n]
    return Told(chances, best), varieties, found
