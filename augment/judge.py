"""Judges the synthetic rows of one language: scores, risk, and why a row goes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from augment.calibrate import calibrate, risks
from augment.gates import SIDES, Pair, Scores, Yardstick, measure
from augment.limits import Reason, broken, leaking, over_quota, twins, unprotected
from augment.makers import TOLD, said
from augment.making import lowest
from augment.review import Row
from augment.translation import Translation
from augment.yardstick import Human, Models, yardstick
from corpus.table import InputError

if TYPE_CHECKING:
    from augment.validate import Limits, Validate

NOT_MEASURED = "round trip not measured"


def as_pair(row: Row, parent: Row) -> Pair:
    """A synthetic row beside its parent; a side that differs from the parent's was made."""
    sides: dict[str, str | None] = {side: parent[side] for side in SIDES}
    made = tuple(side for side in SIDES if row[side] not in (None, sides[side]))
    return Pair(row["source"], row["target"], made or ("target",), sides)


def by_method(rows: Sequence[Row], params: "Validate") -> dict[str, list[Row]]:
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
    rows: Sequence[Row], yards: Yardstick, human: Human, models: Models, params: "Validate"
) -> list[Scores]:
    """Every gate's value of each row; the round trip is for methods that have a limit for it."""
    parents = {row["id"]: row for row in human.train}
    answers: dict[str, Translation | None] = {}
    for method, mine in by_method(rows, params).items():
        found = said(mine, models.makers.get(method) if method in TOLD else None)
        answers |= {row["id"]: answer for row, answer in zip(mine, found, strict=True)}
    pairs = [
        replace(
            as_pair(row, parents[row["parent"]]),
            said=answers[row["id"]],
            match=human.matches.get(row["id"]),
        )
        for row in rows
    ]
    limited = {m for m in params.limits if params.limits[m].least_round_trip is not None}
    trips = [number for number, row in enumerate(rows) if row["origin"] in limited]
    return measure(pairs, yards, trips)


def unmeasured(scores: Scores, limits: "Limits") -> Reason | None:
    """Why a row goes that should make the round trip but is a target alone, or None."""
    if limits.least_round_trip is None or scores["round_trip"] is not None:
        return None
    return NOT_MEASURED, None, f"at least {limits.least_round_trip}"


def decide(
    rows: Sequence[Row],
    scores: Sequence[Scores],
    human: Human,
    lost: Mapping[str, Reason],
    params: "Validate",
) -> dict[str, Reason]:
    """Why rows of one language go, before any quota: a leak, a gate, or a twin that stays.

    Args:
        lost: rows that lost a protected expression.
    """
    reasons = {**lost, **leaking(rows, human.held_out, human.language, params.similarity)}
    for row, values in zip(rows, scores, strict=True):
        limits = params.limits[row["origin"]]
        reason = broken(values, vars(limits)) or unmeasured(values, limits)
        if reason and row["id"] not in reasons:
            reasons[row["id"]] = reason
    passed = [row for row in rows if row["id"] not in reasons]
    return reasons | twins(passed, human.train)


def quotas(
    rows: Sequence[Row], reasons: Mapping[str, Reason], human: Human, params: "Validate"
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


def ranked(
    rows: Sequence[Row],
    scores: Sequence[Scores],
    yards: Yardstick,
    models: tuple[Human, Models],
    params: "Validate",
) -> tuple[dict[str, float | None], dict[str, Any]]:
    """The risk of each row among those of its method, and how each method was calibrated."""
    human, known = models
    bitext = [row for row in human.validation if row["source"] and row["target"]]
    drawn = {row["id"] for row in lowest(bitext, params.calibration_rows, "calibration")}
    chosen = [row for row in bitext if row["id"] in drawn]
    values = {row["id"]: of for row, of in zip(rows, scores, strict=True)}
    risk: dict[str, float | None] = {}
    figures = {}
    for method, mine in by_method(rows, params).items():
        if mine:
            maker, limits = known.makers.get(method), vars(params.limits[method])
            figures[method], weights = calibrate(chosen, yards, maker, limits, params.seed)
            found = risks([values[row["id"]] for row in mine], weights)
            risk |= zip((row["id"] for row in mine), found, strict=True)
    return risk, figures


def judge(
    rows: Sequence[Row], human: Human, models: Models, params: "Validate"
) -> tuple[dict[str, Reason], list[dict[str, Any]], dict[str, Any]]:
    """Reasons, scores and figures of the synthetic rows of one language."""
    yards = yardstick(human, models)
    scores = scored(rows, yards, human, models, params)
    risk, calibration = ranked(rows, scores, yards, (human, models), params)
    parents = {row["id"]: row for row in human.train}
    lost, kept_expressions = unprotected(rows, parents, human.protected)
    reasons = decide(rows, scores, human, lost, params)
    methods = quotas(rows, reasons, human, params)
    for method, mine in by_method(rows, params).items():
        passed = [row for row in mine if row["id"] not in reasons]
        own = {row["id"]: risk[row["id"]] for row in mine}
        reasons = reasons | over_quota(passed, own, methods[method]["most_rows"])
    table = [
        {"id": row["id"], **values, "risk": risk[row["id"]]}
        for row, values in zip(rows, scores, strict=True)
    ]
    figures = {
        "human": len(human.train),
        "methods": methods,
        "language_model": bool(models.language),
        "protected": kept_expressions,
    }
    return reasons, table, {**figures, "calibration": calibration}
