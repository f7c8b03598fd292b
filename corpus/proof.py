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

from corpus.classifier import LABEL, NOISE, probabilities
from corpus.crossfit import ALL, Plan, Study
from corpus.detection import (
    WORST,
    Floats,
    Mask,
    accepted_by_language,
    at_limit,
    calibrated,
    least_score,
    line,
    transferred,
)
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
    chances: dict[str, Floats]  # by label asked
    lid176: dict[str, Floats | None]  # null: it does not know the language


def held_out(
    plan: Plan, studies: Sequence[Study], chances: Floats, swapped: Mask, lid176: Path
) -> Held:
    """The trusted segments and noise of all folds, without rows of equal or swapped sides."""
    places = [
        n
        for n, s in enumerate(plan.segments)
        if s.learn and s.fold != ALL and not (s.row >= 0 and swapped[s.row])
    ]
    made = [
        (kind, text, int(plan.segments[s.places[0]].fold))
        for s in studies
        for kind, text in s.noise
    ]
    segments = [plan.segments[n] for n in places]
    texts = [s.text for s in segments] + [text for _, text, _ in made]
    whole = np.concatenate([chances[places], *(s.noise_chances for s in studies)])
    return Held(
        np.array([s.label for s in segments] + [NOISE] * len(made), dtype=str),
        [s.label for s in segments] + [f"{NOISE}: {kind}" for kind, _, _ in made],
        np.array([s.fold for s in segments] + [fold for _, _, fold in made], dtype=np.int64),
        dict(zip(plan.labels, whole.T, strict=True)),
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
    found, _ = probabilities(model, plain, asked, texts)
    return {label: found[:, asked.index(tag)] if tag else None for label, tag in names.items()}


def plain(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def drawn(held: Held, label: str, false_accepts: float) -> Line:
    """The line and the limit of a label, on all that was held out."""
    positive = held.labels == label
    slope, intercept = line(held.chances[label], positive)
    scores = calibrated(held.chances[label], slope, intercept)
    least = least_score(scores[~positive], false_accepts)
    reached = least is not None and bool((scores[positive] >= least).any())
    return Line(slope, intercept, least if reached else None)


def proof(
    held: Held, label: str, at: Line, false_accepts: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The report of a label, and how many segments of each other language pass for it."""
    positive = held.labels == label
    scores = calibrated(held.chances[label], at.slope, at.intercept)
    accepted = np.zeros(len(scores), dtype=bool) if at.least is None else scores >= at.least
    others = [name for name, mine in zip(held.names, positive, strict=True) if not mine]
    figures = accepted_by_language(accepted[~positive], others)
    none = {"no_limit": "no held-out segment of it reaches one"} if at.least is None else {}
    report = none | {
        "limit": at.least,
        **at_limit(accepted, positive),
        "limit_chosen_on_other_folds": transferred(
            held.chances[label], positive, held.fold, false_accepts
        ),
        "most_false_accepts": [f for f in figures if f["count"]][:WORST],
        "other_languages": len(figures),
        "other_languages_accepted": sum(f["count"] > 0 for f in figures),
        "lid176": beside(held.lid176[label], positive, false_accepts),
    }
    return report, [{"taken_for": label, **figure} for figure in figures]


def beside(chances: Floats | None, positive: Mask, false_accepts: float) -> dict[str, Any] | None:
    """What another model gives on the same segments at the same rate; null: nothing."""
    if chances is None:
        return None
    least = least_score(chances[~positive], false_accepts)
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
