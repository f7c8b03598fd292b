"""Decides which synthetic rows may be trained on: gates, leaks, duplicates, a quota per method.

Every gate is calibrated in the run, for each method by the engine that made its rows: one side of
validation rows is made anew from the other, and the gate's rank correlation with the true chrF++
is reported. Where a method made more rows than its quota, those of lowest risk stay; a gate counts
towards the risk as far as its correlation is surely on the right side of zero. A method whose text
cannot be held against a human's has no risk, and its quota is drawn by hash.

A source that is held back as monolingual is null here as for every other maker of text.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from augment.engine import OWN, Engines, opened, ready, translate
from augment.gates import GATES
from augment.judge import judge
from augment.limits import Reason, misplaced
from augment.makers import TOLD, Asking, Maker, Side, engine_names
from augment.makers import makers as makers_of
from augment.making import share_of, shown
from augment.protected import load as load_protected
from augment.yardstick import Human, Models
from corpus.classifier import load as load_scorers
from corpus.settings import Languages, owner_of, rows_of, settings
from corpus.shards import Shards
from corpus.stage import Output, run
from corpus.table import InputError, canonical, ledger

MATCHES = ("id", "match")  # columns of stage encoder's scores
SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        *(pa.field(gate, pa.float64()) for gate in GATES),
        pa.field("risk", pa.float64()),  # 0 to 1, among the rows of its language and method
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
    most_unknown: float | None  # share of words that the engine did not know
    least_score: float | None  # the engine's own, on its own scale
    least_match: float | None  # share of human pairs whose sides match less well


@settings
class Validate:
    """Limits and quotas by method, and how much is measured."""

    limits: dict[str, Limits]  # by method
    most_share: dict[str, float]  # synthetic rows of a method per human row
    truth: dict[str, Side | None]  # the side that a method's engine makes; null: no human text
    # says how good it is
    similarity: float  # Jaccard with a held-out row from which on a row is a leak
    calibration_rows: int  # validation rows to make anew, per language and engine
    seed: int  # of the bootstrap

    def __post_init__(self) -> None:
        names = [sorted(by) for by in (self.limits, self.most_share, self.truth)]
        if not names[0] == names[1] == names[2]:
            raise ValueError(
                "limits, most_share and truth must name the same methods, "
                f"got {names[0]}, {names[1]} and {names[2]}"
            )
        for method, limits in self.limits.items():
            answers = {"least_score": limits.least_score, "most_unknown": limits.most_unknown}
            asked = [name for name, limit in answers.items() if limit is not None]
            if asked and (method not in TOLD or self.truth[method] is None):
                raise ValueError(
                    f"limits.{method} has {asked}, which are measured where truth names a side, "
                    f"of {sorted(TOLD)}; set them to null"
                )
        if not 0 < self.similarity <= 1:
            raise ValueError(f"similarity must be above 0 and at most 1, got {self.similarity}")
        if min(self.most_share.values(), default=0.0) < 0 or self.calibration_rows < 0:
            raise ValueError("most_share and calibration_rows must be at least 0")


def load(identifier: Path, asking: Asking, made_by: Mapping[str, Maker | None]) -> Models:
    """The models of one language.

    Args:
        identifier: the model of stage identify; it need not exist.
        asking: how engines are opened; its own translator makes the round trip.
    """
    own = None
    if OWN in asking.engines:
        own = opened(OWN, asking.language, "forward", asking.engines, asking.translators)

    def forward(texts: list[str]) -> list[str]:
        found = translate(own, texts, asking.shards, "validate forward") if own else []
        return [best.text for best in found]

    return Models(
        language=load_scorers(identifier) if identifier.exists() else {},  # too little trusted text
        forward=forward if own and ready(own) else None,
        makers=made_by,
    )


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
    matches: pa.Table,
    makers: str,
    monolingual_share: str,
    translator: Path,
    identify: Path,
    protected: Path,
    params: Validate,
    active: tuple[str, ...],
    languages: Languages,
    engines: Engines,
    shards: Shards,
) -> Output:
    """The synthetic rows that pass, the ledger of all of them, and what the gates measured."""
    matched = [name for name, one in params.limits.items() if one.least_match is not None]
    if matched and any(map(len, made)) and not len(matches):
        raise InputError(
            f"params.yaml: validate.limits sets least_match for {matched}, but stage encoder is "
            "off; set encoder.steps above 0, or least_match to null"
        )
    held_out = validation.to_pylist() + test.to_pylist()
    share = share_of(monolingual_share)
    train_of, validation_of = (rows_of(table, active, languages) for table in (train, validation))
    humans = {
        key: Human(
            train=[{**row, "source": shown(row, share)} for row in train_of[key]],
            validation=validation_of[key],
            held_out=held_out,
            language=languages[key],
            protected=load_protected(protected, key),
            matches=dict(zip(*(matches[name].to_pylist() for name in MATCHES), strict=True)),
        )
        for key in active
    }

    def models(key: str) -> Models:
        asking = Asking((key, languages[key]), engines, translator, shards)
        made_by = makers_of(params.truth, engine_names(makers), asking)
        return load(identify / "models" / key, asking, made_by)

    rows = canonical(pa.concat_tables(made))
    return judge_all(rows, humans, models, params, languages)


if __name__ == "__main__":
    run(validate, Validate, enters="made")
