"""Decides which synthetic rows may be trained on: gates, leaks, duplicates, a quota per method.

Every gate is calibrated in the run: validation rows whose human source is known are translated
back, and the gate's rank correlation with the true chrF++ of that source is reported. Where a
method made more rows than its quota, those of lowest risk stay; a gate counts towards the risk as
far as its correlation is surely on the right side of zero.

A source that is held back as monolingual is null here as for every other maker of text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from augment.calibrate import calibrate, lowest, risks
from augment.engine import OWN, Engine, Engines, Way, opened, ready, translate
from augment.gates import (
    GATES,
    PLAIN,
    SIDES,
    Pair,
    Probability,
    Scores,
    Translate,
    Yardstick,
    measure,
    yardstick_words,
)
from augment.limits import Reason, broken, leaking, misplaced, over_quota, twins
from augment.making import share_of, shown
from augment.review import Row
from corpus.classifier import load as load_scorers
from corpus.orthography import matching_key
from corpus.settings import Language, Languages, owner_of, rows_of, settings
from corpus.shards import Shards
from corpus.stage import Output, run
from corpus.table import InputError, canonical, ledger

WAYS: tuple[Way, Way] = ("forward", "backward")
NOT_MEASURED = "round trip not measured"
SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        *(pa.field(gate, pa.float64()) for gate in GATES),
        pa.field("risk", pa.float64()),  # 0 to 1, among the rows of its language
    ]
)


@settings
class Limits:
    """What a method's rows are held against; null: off."""

    most_unseen: float | None  # share of words, 0 to 1
    most_copied: float | None  # share of source words that stand in the target
    least_language: float | None  # probability of the made side's own language
    most_length: float | None  # doublings from the median human ratio of lengths
    most_repeated: float | None  # share of word pairs that stood in the segment before
    most_likeness: float | None  # Jaccard with the parent's side
    least_round_trip: float | None  # chrF++ of the source translated, against the target


@settings
class Validate:
    """Limits and quotas by method, and how much is measured."""

    limits: dict[str, Limits]  # by method
    most_share: dict[str, float]  # synthetic rows of a method per human row
    similarity: float  # Jaccard with a held-out row from which on a row is a leak
    calibration_rows: int  # validation rows to translate back, per language
    seed: int  # of the bootstrap

    def __post_init__(self) -> None:
        if self.limits.keys() != self.most_share.keys():
            raise ValueError(
                f"limits and most_share must name the same methods, "
                f"got {sorted(self.limits)} and {sorted(self.most_share)}"
            )
        if not 0 < self.similarity <= 1:
            raise ValueError(f"similarity must be above 0 and at most 1, got {self.similarity}")
        if min(self.most_share.values(), default=0.0) < 0 or self.calibration_rows < 0:
            raise ValueError("most_share and calibration_rows must be at least 0")


def as_pair(row: Row, parent: Row) -> Pair:
    """A synthetic row beside its parent; a side that differs from the parent's was made."""
    sides: dict[str, str | None] = {side: parent[side] for side in SIDES}
    made = tuple(side for side in SIDES if row[side] not in (None, sides[side]))
    return Pair(row["source"], row["target"], made or ("target",), sides)


@dataclass(frozen=True)
class Models:
    """The trained models of one language that the gates ask."""

    language: Mapping[str, Probability]  # that a text is in the language of that side, by side
    forward: Translate | None  # null: there is no translator
    backward: Translate | None


@dataclass(frozen=True)
class Human:
    """The human text of one language."""

    train: list[dict[str, Any]]  # a source that is held back is null
    validation: list[dict[str, Any]]
    held_out: list[dict[str, Any]]  # validation and test rows of every language
    language: Language


def load(identifier: Path, own: Sequence[Engine], shards: Shards) -> Models:
    """The models of one language.

    Args:
        identifier: the model of stage identify; it need not exist.
        own: the language's own translators, forward and backward.
    """
    known = identifier.exists()  # not where the language had too little trusted text
    scorers: Mapping[str, Probability] = load_scorers(identifier) if known else {}

    def ask(engine: Engine, texts: list[str]) -> list[str]:
        label = f"validate {engine.direction.way}"
        return [found.text for found in translate(engine, texts, shards, label)]

    forward, backward = (partial(ask, engine) if ready(engine) else None for engine in own)
    return Models(scorers, forward, backward)


def yardstick(human: Human, models: Models) -> Yardstick:
    """What training text gives to hold synthetic text against."""
    keys = {"source": PLAIN, "target": matching_key(human.language.orthography)}
    pairs = [(r["source"], r["target"]) for r in human.train if r["source"] and r["target"]]
    ratios = [len(source) / len(target) for source, target in pairs]
    return Yardstick(
        keys=keys,
        words={
            "source": yardstick_words((row["source"] for row in human.train), keys["source"]),
            "target": yardstick_words((row["target"] for row in human.train), keys["target"]),
        },
        ratio=float(np.median(ratios)) if ratios else 1.0,
        language=models.language,
        forward=models.forward,
    )


def by_method(rows: Sequence[Row], params: Validate) -> dict[str, list[Row]]:
    """The rows of each method.

    Raises:
        InputError: a method has no limits.
    """
    found: dict[str, list[Row]] = {method: [] for method in sorted(params.limits)}
    for row in rows:
        if row["origin"] not in found:
            raise InputError(
                f"params.yaml: section 'validate' lacks limits for {row['origin']!r}; "
                f"it has {sorted(found)}"
            )
        found[row["origin"]].append(row)
    return found


def scored(
    rows: Sequence[Row], parents: Mapping[str, Row], yards: Yardstick, params: Validate
) -> list[Scores]:
    """Every gate's value of each row; the round trip is for methods that have a limit for it."""
    pairs = [as_pair(row, parents[row["parent"]]) for row in rows]
    methods = by_method(rows, params)
    limited = {m for m in methods if params.limits[m].least_round_trip is not None}
    trips = [number for number, row in enumerate(rows) if row["origin"] in limited]
    return measure(pairs, yards, trips)


def unmeasured(scores: Scores, limits: Limits) -> Reason | None:
    """Why a row goes that should make the round trip but is a target alone, or None."""
    if limits.least_round_trip is None or scores["round_trip"] is not None:
        return None
    return NOT_MEASURED, None, f"at least {limits.least_round_trip}"


def decide(
    rows: Sequence[Row], scores: Sequence[Scores], human: Human, params: Validate
) -> dict[str, Reason]:
    """Why rows of one language go, before any quota: a leak, a gate, or a twin that stays."""
    reasons = leaking(rows, human.held_out, human.language, params.similarity)
    for row, values in zip(rows, scores, strict=True):
        limits = params.limits[row["origin"]]
        reason = broken(values, vars(limits)) or unmeasured(values, limits)
        if reason and row["id"] not in reasons:
            reasons[row["id"]] = reason
    passed = [row for row in rows if row["id"] not in reasons]
    return reasons | twins(passed, human.train)


def quotas(
    rows: Sequence[Row], reasons: Mapping[str, Reason], human: Human, params: Validate
) -> dict[str, dict[str, int]]:
    """Rows of each method: measured, without a round trip, passed, the most that may stay, kept."""
    figures = {}
    for method, mine in by_method(rows, params).items():
        passed = sum(row["id"] not in reasons for row in mine)
        most = int(params.most_share[method] * len(human.train))
        figures[method] = {
            "measured": len(mine),
            "not_measured": sum(reasons.get(row["id"], ("",))[0] == NOT_MEASURED for row in mine),
            "passed": passed,
            "most_rows": most,
            "kept": min(passed, most),
        }
    return figures


def judge(
    rows: Sequence[Row], human: Human, models: Models, params: Validate
) -> tuple[dict[str, Reason], list[dict[str, Any]], dict[str, Any]]:
    """Reasons, scores and figures of the synthetic rows of one language."""
    parents = {row["id"]: row for row in human.train}
    yards = yardstick(human, models)
    bitext = [row for row in human.validation if row["source"] and row["target"]]
    chosen = [bitext[n] for n in lowest(bitext, params.calibration_rows, "calibration")]
    limits = vars(params.limits["backtranslate"]) if "backtranslate" in params.limits else {}
    calibration, weights = calibrate(chosen, yards, models.backward, limits, params.seed)
    scores = scored(rows, parents, yards, params)
    risk = dict(zip((row["id"] for row in rows), risks(scores, weights), strict=True))
    reasons = decide(rows, scores, human, params)
    methods = quotas(rows, reasons, human, params)
    for method, mine in by_method(rows, params).items():
        passed = [row for row in mine if row["id"] not in reasons]
        reasons = reasons | over_quota(passed, risk, methods[method]["most_rows"])
    table = [
        {"id": row["id"], **values, "risk": risk[row["id"]]}
        for row, values in zip(rows, scores, strict=True)
    ]
    figures = {
        "human": len(human.train),
        "methods": methods,
        "language_model": bool(models.language),
        "weights": weights,
    }
    return reasons, table, {**figures, "calibration": calibration}


def judge_all(
    made: pa.Table,
    humans: Mapping[str, Human],
    load_models: Callable[[str], Models],
    params: Validate,
    languages: Languages,
) -> Output:
    """Reasons, scores and figures of all synthetic rows; models are loaded where there are rows."""
    rows = made.to_pylist()
    owners = {row["id"]: owner_of(row["language"], languages) for row in rows}
    table: list[dict[str, Any]] = []
    figures = {}
    reasons: dict[str, Reason] = {
        row["id"]: ("language is not active", row["language"], f"one of {', '.join(humans)}")
        for row in rows
        if owners[row["id"]] not in humans
    }
    for key, human in humans.items():
        parents = {row["id"] for row in human.train}
        mine = [row for row in rows if owners[row["id"]] == key]
        reasons |= {row["id"]: why for row in mine if (why := misplaced(row, parents))}
        mine = [row for row in mine if row["id"] not in reasons]
        if mine:
            gone, scores, figures[key] = judge(mine, human, load_models(key), params)
            reasons |= gone
            table += scores
    kept = made.filter(pa.array([row["id"] not in reasons for row in rows], pa.bool_()))
    tables = {
        "rows": kept,
        "ledger": ledger([row["id"] for row in rows], "validate", reasons),
        "scores": pa.Table.from_pylist(table, schema=SCORES),
    }
    return Output(tables, {"languages": figures})


def validate(  # noqa: PLR0913
    train: pa.Table,
    validation: pa.Table,
    test: pa.Table,
    made: list[pa.Table],
    monolingual_share: str,
    translator: Path,
    identify: Path,
    params: Validate,
    active: tuple[str, ...],
    languages: Languages,
    engines: Engines,
    shards: Shards,
) -> Output:
    """The synthetic rows that pass, the ledger of all of them, and what the gates measured."""
    held_out = validation.to_pylist() + test.to_pylist()
    share = share_of(monolingual_share)
    train_of, validation_of = (rows_of(table, active, languages) for table in (train, validation))
    humans = {
        key: Human(
            train=[{**row, "source": shown(row, share)} for row in train_of[key]],
            validation=validation_of[key],
            held_out=held_out,
            language=languages[key],
        )
        for key in active
    }

    def models(key: str) -> Models:
        own = [opened(OWN, (key, languages[key]), way, engines, translator) for way in WAYS]
        return load(identify / "models" / key, own, shards)

    rows = canonical(pa.concat_tables(made))
    return judge_all(rows, humans, models, params, languages)


if __name__ == "__main__":
    run(validate, Validate, enters="made")
