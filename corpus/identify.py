"""The language and script of each segment, with a calibrated score for the language it claims.

For each active language a fastText model tells the language, its neighbours, the pivot, the
languages of `others` and noise apart. The trusted text that it learns from is the text that it
scores: see corpus/crossfit.py for how no text is judged by a model that has learned it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from corpus.classifier import FastText, load, save
from corpus.crossfit import Plan, Study, joined, learned_varieties, study
from corpus.declarations import read_others
from corpus.detection import Floats, Mask, calibrated, share
from corpus.folds import ALL
from corpus.mixed import Mixing, Part, figures, is_mixed
from corpus.proof import (
    Held,
    Line,
    drawn,
    held_out,
    labelled_pivot,
    languages_told,
    proof,
    varieties_told,
)
from corpus.script import script
from corpus.seed import (
    claims,
    judged_by,
    labels_of,
    pivot_of,
    rows_of,
    segments_of,
    trusted,
)
from corpus.settings import Languages, at_work, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import LIMITS, InputError, counts

__all__ = ["identify", "load"]
T = TypeVar("T")
PARTS = pa.list_(pa.struct([("language", pa.string()), ("share", pa.float64())]))
SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("language", pa.string()),  # the model's best label of the target
        pa.field("variety", pa.string()),  # that label's most probable variety; null: none known
        pa.field("script", pa.string()),  # ISO 15924, of most letters of the target
        pa.field("language_score", pa.float64()),  # that the target is what its row claims, 0..1
        pa.field("source_score", pa.float64()),  # that the source is in the pivot language, 0..1
        pa.field("swapped", pa.bool_()),  # each side looks like the other's language
        pa.field("mixed", pa.bool_()),  # the target's parts are in several languages; null: short
        pa.field("parts", PARTS),  # in their order
        pa.field("fold", pa.int64()),  # of the model that scored the row; null: that of all folds
    ]
)
FIGURES = pa.schema(  # held-out segments of each language that pass for another
    [
        pa.field("model", pa.string(), nullable=False),  # key of languages
        pa.field("taken_for", pa.string(), nullable=False),  # a label of the model
        pa.field("language", pa.string(), nullable=False),  # what they are
        pa.field("count", pa.int64(), nullable=False),
        pa.field("of", pa.int64(), nullable=False),
        pa.field("rate", pa.float64()),
        pa.field("low", pa.float64()),  # Wilson's 95 % interval
        pa.field("high", pa.float64()),
    ]
)


@settings
class Identify:
    """How models are trained and where the limit lies."""

    false_accepts: float  # share of held-out text of other languages that reaches the limit
    prior: dict[str, float]  # by key or default: expected share of the language in raw text
    folds: int  # of documents
    least_trusted: int  # trusted segments of a language; with fewer it gets no model and no score
    least_examples: int  # of a label; fewer are filled up with cuts of themselves
    most_examples: int  # of a label
    noise: int  # segments of each kind of noise to learn
    held_out_noise: int  # segments of each kind and fold to measure on
    fasttext: FastText
    mixing: Mixing
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.false_accepts < 1:
            raise ValueError(f"false_accepts must be between 0 and 1, got {self.false_accepts}")
        if "default" not in self.prior or not all(0 < p < 1 for p in self.prior.values()):
            raise ValueError(f"prior needs 'default', and shares above 0 and below 1: {self.prior}")
        if self.folds < 2 or self.least_trusted < self.folds:
            raise ValueError(f"need 2 <= folds <= least_trusted, got {self}")
        if min(self.least_examples, self.noise, self.held_out_noise) < 0 or self.most_examples < 1:
            raise ValueError(f"numbers of examples and noise must be at least 0, got {self}")

    def prior_of(self, label: str) -> float:
        """The expected share of a language in raw text."""
        return self.prior.get(label, self.prior["default"])


@dataclass(frozen=True)
class Verdict:
    """What one language's models made of the rows that are theirs."""

    labels: tuple[str, ...]  # the columns of chances
    chances: dict[str, Floats]  # by side: (rows, labels); NaN where a row has no such side
    best: list[str | None]
    varieties: list[str | None]
    parts: list[list[Part] | None]
    swapped: Mask
    folds: dict[int, int]  # of trusted rows
    lines: dict[str, Line]  # by label with enough trusted segments
    report: dict[str, Any]
    figures: list[dict[str, Any]]


def identify(  # noqa: PLR0913
    rows: pa.Table,
    sources: pa.Table,
    others: Path,
    lid176: Path,
    params: Identify,
    active: tuple[str, ...],
    languages: Languages,
    shards: Shards,
    out: Path,
) -> Output:
    """Scores of all rows, the limits for them, and how well the models tell languages apart.

    Raises:
        InputError: a setting names no language, or a file cannot be read.
    """
    check_prior(params.prior, languages)
    facts = claims(rows, sources, languages)
    foreign = read_others(others)
    scores = [{"id": fact["id"], "script": script(fact["target"])} for fact in facts]
    limits, passing = list[dict[str, Any]](), list[dict[str, Any]]()
    report: dict[str, dict[str, Any]] = {}
    done: set[str] = set()
    plans = {key: planned(key, facts, foreign, params, languages) for key in sorted(active)}
    able = [key for key, plan in plans.items() if trusted(plan, key) >= params.least_trusted]
    for key, plan in plans.items():
        report[key] = {"trusted_segments": trusted(plan, key)}
        if key not in able:
            report[key]["model"] = f"none: trusted segments must be at least {params.least_trusted}"
            continue
        tasks = [(plan, fold) for fold in (ALL, *range(params.folds))]
        studies = map_shards(study, tasks, shards, f"identify {key}")
        found = judged(plan, studies, len(facts), lid176, params)
        mine = judged_by(key, able, languages) - done
        done |= mine
        theirs = rows_of(plan, facts, mine)
        mark(scores, facts, found, theirs, params.mixing.least_share)
        report[key] |= found.report | {"by_variety": by_variety(facts, found, theirs)}
        passing += [{"model": key, **figure} for figure in found.figures]
        limits += limits_of(found, sorted(mine))
        store(studies, found, plan, out / "models" / key, pivot_of(languages[key]))
    tables = {"scores": (scores, SCORES), "limits": (limits, LIMITS), "figures": (passing, FIGURES)}
    made = {name: pa.Table.from_pylist(data, schema=kind) for name, (data, kind) in tables.items()}
    swaps = rows.append_column("swapped", made["scores"]["swapped"])
    report["swapped"] = counts(swaps.filter(swaps["swapped"]), "origin")
    report["labelled_pivot"] = labelled_pivot(facts, scores, limits)
    return Output(made, report)


def check_prior(prior: dict[str, float], languages: Languages) -> None:
    """Check that each prior is of a language or pivot that there is.

    Raises:
        InputError: one is not.
    """
    known = {"default", *languages, *map(pivot_of, languages.values())}
    if unknown := sorted(prior.keys() - known):
        raise InputError(
            f"params.yaml: identify.prior has unknown {unknown}; known are {sorted(known)}"
        )


def planned(
    key: str,
    facts: list[dict[str, Any]],
    foreign: list[dict[str, Any]],
    params: Identify,
    languages: Languages,
) -> Plan:
    """What the models of a language are trained on, and how."""
    segments = segments_of(key, facts, foreign, params.folds, languages)
    return Plan(
        segments=segments,
        labels=labels_of(key, segments, languages),
        pivot=pivot_of(languages[key]),
        varieties={name: languages[name].varieties for name in at_work((key,), languages)},
        orthography=languages[key].orthography,
        how=params.fasttext,
        least=params.least_examples,
        most=params.most_examples,
        noise=params.noise,
        held_out_noise=params.held_out_noise,
        least_variety=params.least_trusted,
        mixing=params.mixing,
        seed=params.seed,
    )


def judged(
    plan: Plan, studies: Sequence[Study], rows: int, lid176: Path, params: Identify
) -> Verdict:
    """All that the studies say: chances by row, swaps, and figures on held-out segments."""
    told, varieties, parts = joined(plan, studies)
    sides = {side: np.full((rows, len(plan.asked)), np.nan) for side in ("target", "source")}
    for n, segment in enumerate(plan.segments):
        if segment.side in sides:
            sides[segment.side][segment.row] = told.chances[n]
    swapped = swaps(plan, sides, rows)
    held = held_out(plan, studies, swapped, lid176)
    few = {label: trusted(plan, label) for label in plan.labels}
    few = {label: count for label, count in few.items() if count < params.least_trusted}
    lines = {n: drawn(held, n, params.false_accepts) for n in plan.labels if n not in few}
    proofs = {
        label: proof(held, label, lines[label], params.false_accepts, params.prior_of(label))
        for label in lines
    }
    return Verdict(
        plan.asked,
        sides,
        by_row(plan, told.best, rows),
        by_row(plan, varieties, rows),
        by_row(plan, parts, rows),
        swapped,
        {s.row: s.fold for s in plan.segments if s.row >= 0 and s.fold != ALL},
        lines,
        {
            "labels": {n: report for n, (report, _) in proofs.items()},
            "too_few_to_score": few,
            **held_out_figures(plan, studies, held, params),
        },
        [figure for _, figures in proofs.values() for figure in figures],
    )


def by_row(plan: Plan, of_segments: Sequence[T | None], rows: int) -> list[T | None]:
    """What is said of the segments as a list by the row whose target they are."""
    made: list[T | None] = [None] * rows
    for segment, value in zip(plan.segments, of_segments, strict=True):
        if segment.side == "target":
            made[segment.row] = value
    return made


def held_out_figures(
    plan: Plan, studies: Sequence[Study], held: Held, params: Identify
) -> dict[str, Any]:
    """Figures of languages, of their varieties and of planted mixtures, all on held-out text."""
    learned = learned_varieties(plan)
    planted = [made for study in studies for made in study.planted]
    return {
        "languages": languages_told(held, params.seed),
        "varieties": {n: varieties_told(held, n, learned, params.seed) for n in plan.varieties},
        "mixed": figures(planted, plan.labels[0], params.mixing.least_share),
    }


def swaps(plan: Plan, sides: dict[str, Floats], rows: int) -> Mask:
    """Which rows' sides each look more like the other side's language than like their own."""
    said: dict[str, list[int]] = {side: [-1] * rows for side in sides}  # column of what it claims
    for segment in plan.segments:
        if segment.side in sides:
            said[segment.side][segment.row] = plan.labels.index(segment.label)
    both = np.flatnonzero((np.array(said["target"]) >= 0) & (np.array(said["source"]) >= 0))
    target, source = np.array(said["target"])[both], np.array(said["source"])[both]
    found = np.zeros(rows, dtype=bool)
    found[both] = (sides["target"][both, source] > sides["target"][both, target]) & (
        sides["source"][both, target] > sides["source"][both, source]
    )
    return found


def mark(
    scores: list[dict[str, Any]],
    facts: list[dict[str, Any]],
    found: Verdict,
    rows: Iterable[int],
    least_share: float,
) -> None:
    """Put into the scores what was found for some rows."""
    for n in rows:
        fact = facts[n]
        scores[n] |= {
            "language": found.best[n],
            "variety": found.varieties[n] or None,
            "language_score": scored(found, n, "target", fact["key"]),
            "source_score": scored(found, n, "source", fact["pivot"]),
            "swapped": bool(found.swapped[n]),
            "mixed": None if (parts := found.parts[n]) is None else is_mixed(parts, least_share),
            "parts": None if parts is None else [part._asdict() for part in parts],
            "fold": found.folds.get(n),
        }


def scored(found: Verdict, row: int, side: str, label: str | None) -> float | None:
    """The calibrated probability that a side of a row is in the language it claims."""
    if label not in found.lines:
        return None
    chance, line = found.chances[side][row, found.labels.index(label)], found.lines[label]
    return None if np.isnan(chance) else float(calibrated(chance, line.slope, line.intercept))


def by_variety(
    facts: list[dict[str, Any]], found: Verdict, rows: dict[int, bool]
) -> dict[str, dict[str, float | int | None]]:
    """How many trusted rows of each variety reach the limit."""
    reached: dict[str, list[bool]] = {}
    for n in (n for n, learned in rows.items() if learned):
        value = scored(found, n, "target", facts[n]["key"])
        least = None if value is None else found.lines[facts[n]["key"]].least
        if least is not None and value is not None:
            reached.setdefault(facts[n]["language"], []).append(value >= least)
    return {name: share(sum(kept), len(kept)) for name, kept in sorted(reached.items())}


def limits_of(found: Verdict, near: Sequence[str]) -> list[dict[str, Any]]:
    """The limits that select may apply, of each language whose rows were scored."""
    least = {key: found.lines[key].least for key in near if key in found.lines}
    return [
        {"rule": "language_score", "language": key, "least": value, "most": None}
        for key, value in least.items()
        if value is not None
    ]


def store(studies: Sequence[Study], found: Verdict, plan: Plan, folder: Path, pivot: str) -> None:
    """Write the models with the lines of their language and, if it has one, its pivot.

    The model of all folds is in the folder itself, that which has not learned fold 0 in `fold0`:
    what is made of a trusted row can then be scored by a model that has not learned the row.
    """
    key = plan.labels[0]
    sides = {
        side: {"label": label, **asdict(found.lines[label])}
        for side, label in (("target", key), ("source", pivot))
        if label in found.lines
    }
    for number, made in enumerate(studies):
        place = folder / f"fold{number - 1}" if number else folder
        save(made.model, place, {"orthography": plan.orthography, **sides})


if __name__ == "__main__":
    run(identify, Identify)
