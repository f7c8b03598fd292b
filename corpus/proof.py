"""Figures of identification on text that the models did not see, beside lid.176."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
from langcodes import standardize_tag
from numpy.typing import NDArray
from scipy.special import logit

from corpus.classifier import LABEL, NOISE, probabilities
from corpus.combine import combined
from corpus.confusion import (
    OTHER,
    abstention,
    by_document,
    by_length,
    grouped,
    placed,
    resampled,
    told,
)
from corpus.crossfit import Plan, Study, joined
from corpus.detection import (
    WORST,
    Floats,
    Mask,
    accepted_by_language,
    at_limit,
    calibrated,
    least_score,
    line,
    reliability,
    transferred,
)
from corpus.folds import ALL
from corpus.table import InputError


@dataclass(frozen=True)
class Line:
    """How a label's probability becomes a score, and the limit that the score must reach."""

    slope: float  # on log-odds
    intercept: float
    least: float | None  # null: nothing to choose it on, or no text of the label reaches it


@dataclass(frozen=True)
class Held:
    """What the models say of the segments held out from them, noise among these."""

    labels: NDArray[np.str_]
    names: list[str]  # the same, but noise by its kind
    fold: NDArray[np.int64]
    documents: list[str]
    varieties: list[str]  # empty: not known
    found_varieties: list[str]  # what the models take them for
    words: NDArray[np.int64]  # in each
    clean: Mask  # false where a model takes the row's sides for swapped
    chances: Floats  # (segments, labels asked)
    asked: tuple[str, ...]
    lid176: dict[str, Floats | None]  # null: it does not know the language

    def of(self, label: str) -> Floats:
        """The chances of a label."""
        return np.asarray(self.chances[:, self.asked.index(label)], dtype=np.float64)


def held_out(plan: Plan, studies: Sequence[Study], swapped: Mask, lid176: Path) -> Held:
    """The trusted segments and noise of all folds, without rows of equal sides.

    Rows that look swapped stay: the model under test does not clean its own test. Lines and limits
    are drawn without them.
    """
    said, varieties, _ = joined(plan, studies)
    places = [n for n, s in enumerate(plan.segments) if s.learn and s.fold != ALL]
    made = [
        (kind, text, int(plan.segments[s.places[0]].fold))
        for s in studies
        for kind, text in s.noise
    ]
    segments = [plan.segments[n] for n in places]
    texts = [s.text for s in segments] + [text for _, text, _ in made]
    return Held(
        np.array([s.label for s in segments] + [NOISE] * len(made), dtype=str),
        [s.label for s in segments] + [f"{NOISE}: {kind}" for kind, _, _ in made],
        np.array([s.fold for s in segments] + [fold for _, _, fold in made], dtype=np.int64),
        [s.document for s in segments] + [str(n) for n in range(len(made))],
        [s.variety for s in segments] + [""] * len(made),
        [varieties[n] for n in places] + [""] * len(made),
        np.array([len(text.split()) for text in texts], dtype=np.int64),
        np.array([s.row < 0 or not swapped[s.row] for s in segments] + [True] * len(made)),
        np.concatenate([said.chances[places], *(s.noise_chances for s in studies)]),
        plan.asked,
        lid176_chances(lid176, plan, texts),
    )


def lid176_chances(path: Path, plan: Plan, texts: Sequence[str]) -> dict[str, Floats | None]:
    """What lid.176 says of the same texts, of each label that it knows.

    Raises:
        InputError: the file is missing or no fastText model.
    """
    try:
        model = fasttext.load_model(str(path))
    except ValueError as error:
        raise InputError(f"{path} is no fastText model ({error}); run 'dvc repro fetch'") from None
    known = {name.removeprefix(LABEL) for name in model.get_labels()}
    names = {}
    for label in plan.labels:
        codes = (label, *plan.varieties.get(label, ()))
        tags = [tag for code in codes if (tag := standardize_tag(code, macro=True)) in known]
        names[label] = tags[0] if tags else None
    asked = sorted({tag for tag in names.values() if tag})
    found = probabilities(model, plain, asked, texts).chances
    return {label: found[:, asked.index(tag)] if tag else None for label, tag in names.items()}


def plain(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def drawn(held: Held, label: str, false_accepts: float) -> Line:
    """The line and the limit of a label, on all that was held out and is not swapped."""
    positive, chances = (held.labels == label)[held.clean], held.of(label)[held.clean]
    slope, intercept = line(chances, positive)
    scores = calibrated(chances, slope, intercept)
    least = least_score(scores[~positive], false_accepts)
    reached = least is not None and bool((scores[positive] >= least).any())
    return Line(slope, intercept, least if reached else None)


def proof(
    held: Held, label: str, at: Line, false_accepts: float, prior: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The report of a label, and how many segments of each other language pass for it."""
    positive = held.labels == label
    scores = calibrated(held.of(label), at.slope, at.intercept)
    accepted = np.zeros(len(scores), dtype=bool) if at.least is None else scores >= at.least
    others = [name for name, mine in zip(held.names, positive, strict=True) if not mine]
    figures = accepted_by_language(accepted[~positive], others)
    none = {"no_limit": "no held-out segment of it reaches one"} if at.least is None else {}
    moved, passed = transferred(held.of(label), positive, held.fold, held.clean, false_accepts)
    report = none | {
        "limit": at.least,
        **at_limit(accepted, positive),
        "limit_chosen_on_other_folds": at_limit(passed, positive)
        | {
            "at_prior": precision_at(prior, passed, positive, held.documents),
            "reliability": {
                name: reliability(moved, positive, share_of_it)
                for name, share_of_it in (
                    ("balanced", 0.5),
                    ("natural", float(positive.mean())),
                    ("prior", prior),
                )
            },
        },
        "most_false_accepts": [f for f in figures if f["count"]][:WORST],
        "other_languages": len(figures),
        "other_languages_accepted": sum(f["count"] > 0 for f in figures),
        "lid176": beside(held.lid176[label], positive, held.clean, false_accepts),
        "with_lid176": with_other(held, label, false_accepts),
    }
    return report, [{"taken_for": label, **figure} for figure in figures]


def with_other(held: Held, label: str, false_accepts: float) -> dict[str, Any] | None:
    """Whether lid.176 helps a label that it knows; null: it does not know it."""
    other = held.lid176[label]
    if other is None:
        return None
    odds = np.column_stack([logit(held.of(label)), logit(other)])[held.clean]
    documents = [held.documents[n] for n in np.flatnonzero(held.clean).tolist()]
    positive = (held.labels == label)[held.clean]
    return combined(odds, positive, held.fold[held.clean], documents, false_accepts)


def precision_at(
    prior: float, accepted: Mask, positive: Mask, documents: Sequence[str]
) -> dict[str, Any] | None:
    """The precision of a decision where a share `prior` of the raw text is in the language.

    The interval is the wider one of two at each end: over documents, and from Wilson's intervals of
    recall and false accepts, both at their worse and at their better ends.

    Source: Caswell et al. 2020, https://aclanthology.org/2020.coling-main.579
    """
    if positive.all() or not positive.any():
        return None
    counts = by_document(positive.astype(np.int64), accepted.astype(np.int64), documents, 2)
    many = resampled(counts, 0)
    often = precision(prior, *(many[:, side, 1] / many[:, side].sum(axis=1) for side in (1, 0)))
    found = at_limit(accepted, positive)
    ends = (("rate", "rate"), ("low", "high"), ("high", "low"))
    value, worst, best = precision(
        prior,
        np.array([found["recall"][end] for end, _ in ends]),
        np.array([found["false_accepts"][end] for _, end in ends]),
    ).tolist()
    low, high = np.percentile(often, [2.5, 97.5]).tolist()
    return {
        "prior": prior,
        "precision": {"value": value, "low": min(low, worst), "high": max(high, best)},
    }


def precision(prior: float, recall: Floats, false_accepts: Floats) -> Floats:
    """Share of what is accepted that is right; 0 where nothing is accepted.

    >>> precision(0.01, np.array([0.85]), np.array([0.001])).round(3)
    array([0.896])
    """
    right, wrong = prior * recall, (1 - prior) * false_accepts
    return np.asarray(right / np.maximum(right + wrong, 1e-300), dtype=np.float64)


def languages_told(held: Held, seed: int) -> dict[str, Any]:
    """Language-level figures: each label, noise and all other languages as one class."""
    classes = (*held.asked, OTHER)
    chances = grouped(held.chances)
    true, found = placed(held.labels.tolist(), classes), chances.argmax(axis=1)
    clean = np.flatnonzero(held.clean)
    cleaner = told(classes, true[clean], found[clean], [held.documents[n] for n in clean], seed)
    return {
        **told(classes, true, found, held.documents, seed),
        "without_rows_that_look_swapped": {
            "left_out": int((~held.clean).sum()),
            "macro_f1": cleaner["macro_f1"],
        },
        "by_words": by_length(classes, true, found, held.words),
        "abstention": abstention(chances, true),
    }


def varieties_told(held: Held, label: str, learned: set[str], seed: int) -> dict[str, Any]:
    """Figures of a language's varieties, of those with enough segments in at least two folds.

    A variety of one document, or with all its documents in one fold, is unknown to the model that
    judges it: a figure would say how well books are told apart, so there is none.
    """
    rows = [n for n, name in enumerate(held.labels.tolist()) if name == label and held.varieties[n]]
    folds: dict[str, set[int]] = defaultdict(set)
    books: dict[str, set[str]] = defaultdict(set)
    for n in rows:
        folds[held.varieties[n]].add(int(held.fold[n]))
        books[held.varieties[n]].add(held.documents[n])
    sizes = Counter(held.varieties[n] for n in rows)
    known = sorted(n for n in learned & folds.keys() if min(len(folds[n]), len(books[n])) > 1)
    some = [n for n in rows if held.varieties[n] in known]
    classes = (*known, "none of these")
    true = placed([held.varieties[n] for n in some], classes)
    found = placed([held.found_varieties[n] for n in some], classes)
    return {
        "not_measured": {
            name: f"{sizes[name]} segments, {len(books[name])} books in {len(folds[name])} folds"
            for name in sorted(folds.keys() - set(known))
        },
        **(told(classes, true, found, [held.documents[n] for n in some], seed) if some else {}),
    }


def beside(
    chances: Floats | None, positive: Mask, clean: Mask, false_accepts: float
) -> dict[str, Any] | None:
    """What another model gives on the same segments at the same rate; null: nothing."""
    if chances is None:
        return None
    least = least_score(chances[clean & ~positive], false_accepts)
    reached = np.zeros(len(chances), dtype=bool) if least is None else chances >= least
    return at_limit(reached, positive)


def labelled_pivot(
    facts: list[dict[str, Any]], scores: list[dict[str, Any]], limits: list[dict[str, Any]]
) -> dict[str, dict[str, int]]:
    """By origin, the targets that look most like their source's language, and what marks them."""
    least = {limit["language"]: limit["least"] for limit in limits}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for fact, score in zip(facts, scores, strict=True):
        if fact["pivot"] is None or score.get("language") != fact["pivot"]:
            continue
        value, limit = score["language_score"], least.get(fact["key"])
        below = value is not None and limit is not None and value < limit
        found[fact["origin"]].update(
            targets=1, below_limit=int(below), swapped=int(score["swapped"])
        )
    return {origin: dict(count) for origin, count in sorted(found.items())}
