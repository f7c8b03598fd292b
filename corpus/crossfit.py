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

from corpus.classifier import NOISE, FastText, as_bytes, probabilities, train, windows
from corpus.detection import Floats
from corpus.noise import noise
from corpus.orthography import matching_key
from corpus.table import digest

ALL = -1  # in place of a fold: the model of all folds, and the text that is in none
BLOCK = 20  # neighbouring segments that stay together where there are too few documents
SHORTEST, LONGEST = 2, 14  # words of a cut


class Segment(NamedTuple):
    """A text with what it is said to be."""

    label: str
    text: str
    fold: int
    learn: bool  # whether models may learn from it and be measured on it
    row: int  # -1: not of the table
    side: str  # target or source


@dataclass(frozen=True)
class Plan:
    """All that the models of one language have in common."""

    segments: list[Segment]
    labels: tuple[str, ...]  # whose probabilities are asked
    varieties: dict[str, tuple[str, ...]]  # ISO 639-3 codes of labels that are keys of languages
    orthography: str | None
    how: FastText
    least: int  # examples of a label; fewer are filled up with cuts
    most: int  # windows of a label, those of lowest hash
    noise: int  # segments of each kind to learn
    held_out_noise: int  # segments of each kind to measure on, for each fold
    seed: int


@dataclass(frozen=True)
class Study:
    """What one model says of the text that it has not seen."""

    places: list[int]  # of the segments
    chances: Floats  # (segments, labels)
    best: list[str]
    noise: list[tuple[str, str]]  # kind and text
    noise_chances: Floats
    model: bytes


def deal(documents: Sequence[tuple[str, str, int]], folds: int) -> list[int]:
    """The fold of each segment: whole documents, largest first, to the fold that has least.

    Args:
        documents: label, document and position of each segment; a label with fewer documents than
            folds is dealt in blocks of neighbouring segments.
    """
    known = defaultdict(set)
    for label, document, _ in documents:
        known[label].add(document)
    units = [
        (label, document, 0 if len(known[label]) >= folds else 1 + position // BLOCK)
        for label, document, position in documents
    ]
    sizes = sorted(Counter(units).items(), key=lambda u: (-u[1], digest(*map(str, u[0]))))
    loads: dict[str, list[int]] = defaultdict(lambda: [0] * folds)
    fold_of = {}
    for unit, size in sizes:
        load = loads[unit[0]]
        fold_of[unit] = fold = load.index(min(load))
        load[fold] += size
    return [fold_of[unit] for unit in units]


def study(task: tuple[Plan, int]) -> Study:
    """Train on every fold but one, and label that one; `ALL` trains on all and labels the rest."""
    plan, fold = task
    key = matching_key(plan.orthography)
    model = train(examples(plan, fold), plan.how, plan.seed)
    places = [n for n, segment in enumerate(plan.segments) if segment.fold == fold]
    texts = [plan.segments[n].text for n in places]
    chances, best = probabilities(model, key, plan.labels, texts)
    made = [] if fold == ALL else [*noise(sorted(texts), plan.held_out_noise, plan.seed + 1 + fold)]
    noise_chances, _ = probabilities(model, key, plan.labels, [text for _, text in made])
    return Study(places, chances, best, made, noise_chances, as_bytes(model))


def examples(plan: Plan, fold: int) -> list[tuple[str, str]]:
    """Examples (label, folded window) of the other folds and noise, classes balanced, by hash."""
    key = matching_key(plan.orthography)
    held = {key(s.text) for s in plan.segments if s.fold == fold != ALL}
    others = {(s.label, s.text) for s in plan.segments if s.learn and s.fold != fold}
    seen = sorted((label, text) for label, text in others if key(text) not in held)
    of_label: dict[str, list[str]] = defaultdict(list)
    for label, text in seen:
        of_label[label] += [piece for window in windows(text) if (piece := key(window))]
    made: list[tuple[str, str]] = []
    chance = np.random.default_rng(plan.seed)
    for label, pieces in sorted(of_label.items()):
        chosen = sorted(pieces, key=digest)[: plan.most]
        made += [(label, piece) for piece in (*chosen, *cuts(chosen, plan.least, chance))]
    for _, text in noise([text for _, text in seen], plan.noise, plan.seed):
        made += [(NOISE, key(window)) for window in windows(text)[:1]]
    return sorted(made, key=lambda example: digest(*example))


def cuts(pieces: Sequence[str], least: int, chance: np.random.Generator) -> Iterator[str]:
    """As many runs of words out of the pieces as they are fewer than `least`."""
    for number in range(least - len(pieces) if pieces else 0):
        words = pieces[number % len(pieces)].split()
        size = int(chance.integers(SHORTEST, LONGEST + 1))
        start = int(chance.integers(0, max(1, len(words) - size + 1)))
        yield " ".join(words[start : start + size])


def told_apart(labelled: Iterable[tuple[str, str]]) -> set[str]:
    """The texts that stand under one label only: a heading that ten languages share tells nothing.

    >>> sorted(told_apart([("spa", "Artículo 1"), ("glg", "Artículo 1"), ("spa", "Todos")]))
    ['Todos']
    """
    labels = defaultdict(set)
    for label, text in labelled:
        labels[text].add(label)
    return {text for text, names in labels.items() if len(names) == 1}


def joined(plan: Plan, studies: Iterable[Study]) -> tuple[Floats, list[str]]:
    """The chances and best label of every segment, each from the one study that held it out."""
    chances = np.full((len(plan.segments), len(plan.labels)), np.nan)
    best = [""] * len(plan.segments)
    for made in studies:
        chances[made.places] = made.chances
        for place, label in zip(made.places, made.best, strict=True):
            best[place] = label
    return chances, best
