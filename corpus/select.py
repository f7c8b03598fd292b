"""Applies every limit, keeps one row of each cluster, and says of each row what became of it.

Reads scores, never text: a changed limit costs seconds and reruns nothing before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.rates import check_kept, compact, keep_rates
from corpus.settings import Languages, owner_of, settings
from corpus.stage import Output, run
from corpus.table import LEDGER, LIMITS, InputError, read, text

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
APPLIED = LIMITS.append(pa.field("trusted", pa.bool_(), nullable=False))  # origins
REASONS = {  # in the ledger, of the rules that ask more than "too low" or "too high" says
    "swapped": "swapped columns",
    "shared_words": "copy of the source",
    "language_score": "language unsure",
    "pair_score": "no translation",
}


@settings
class Bound:
    """A limit of a rule; a side that is null is as it was learned."""

    least: float | None
    most: float | None


@settings
class Select:
    """The limits that are not as learned, and how much trusted text each rule must keep."""

    limits: dict[str, dict[str, Bound | None]]  # by language key or default, by rule; null: off
    trusted_limits: dict[str, Bound | None]  # by rule, before limits, where the origin is trusted
    least_kept: dict[str, float]  # share of a variety's trusted rows, by rule or default, 0..1

    def __post_init__(self) -> None:
        if "default" not in self.limits or "default" not in self.least_kept:
            raise ValueError("limits and least_kept each need the key 'default'")
        for rule, least in self.least_kept.items():
            if not 0 <= least <= 1:
                raise ValueError(f"least_kept must be from 0 to 1, got {least} for {rule!r}")


@dataclass(frozen=True)
class Facts:
    """What is known of each row, column by column, in the order of the rows."""

    ids: pa.ChunkedArray
    language: pa.ChunkedArray
    origin: pa.ChunkedArray
    trusted: Mask
    values: dict[str, Floats]  # by rule, NaN where there is nothing to measure
    clusters: pa.Table


def select(  # noqa: PLR0913
    rows: Path,
    sources: pa.Table,
    identify: Path,
    assess: Path,
    bitext: Path,
    dedup: Path,
    params: Select,
    languages: Languages,
    active: tuple[str, ...],
) -> Output:
    """The ledger of all rows, with the limits that were applied and what each rule keeps.

    A rule that drops too much of a neighbour is reported; it stops nothing, as nobody trains on it.

    Raises:
        InputError: a limit names no rule or language, or a rule drops too much trusted text of an
            active language.
    """
    facts = gathered(rows, sources, (identify, assess, bitext), dedup)
    check_names(params, facts.values, languages)
    learned = pa.concat_tables([read(folder / "limits") for folder in (identify, assess)])
    bounds = effective(learned, params, languages, list(facts.values))
    verdicts = {rule: held(facts, bounds, rule, languages) for rule in facts.values}
    ledger, kept = judged(facts, verdicts)
    parts = pa.table({"language": facts.language, "origin": facts.origin, "trusted": facts.trusted})
    passes = {r: ~(low | high) for r, (low, high, *_) in verdicts.items()}
    rates = keep_rates(parts, passes, kept)
    parts = parts.add_column(2, "document", read(rows, ["document"])["document"])
    documents = keep_rates(parts, passes, kept)
    documents = documents.filter(pc.less(documents["rate"], 1))
    ours = [owner_of(code, languages) in active for code in rates["language"].to_pylist()]
    check_kept(rates.filter(pa.array(ours, pa.bool_())), documents, params.least_kept, languages)
    applied = [
        {"rule": rule, "language": key, "least": least, "most": most, "trusted": trusted}
        for (key, rule, trusted), (least, most) in sorted(bounds.items())
    ]
    return Output(
        {
            "ledger": ledger,
            "limits": pa.Table.from_pylist(applied, schema=APPLIED),
            "rates": rates,
            "rates_by_document": documents,
        },
        {"keep_rates": compact(rates)},
    )


def gathered(rows: Path, sources: pa.Table, scored: tuple[Path, ...], dedup: Path) -> Facts:
    """All that select looks at, read by column."""
    table = read(rows, ["id", "language", "origin"])
    values: dict[str, Floats] = {}
    for folder in scored:
        scores = aligned(read(folder / "scores"), table["id"])
        for name, column in zip(scores.column_names, scores.columns, strict=True):
            if pa.types.is_floating(column.type) or pa.types.is_boolean(column.type):
                numbers = (
                    column.cast(pa.float64())
                    if pa.types.is_floating(column.type)
                    else (column.cast(pa.int8()).cast(pa.float64()))
                )
                values[name] = numbers.to_numpy()
    order = [*(rule for rule in REASONS if rule in values), *values]
    origins = sources.filter(sources["trusted"])["origin"].combine_chunks()
    return Facts(
        table["id"],
        table["language"],
        table["origin"],
        pc.is_in(table["origin"], value_set=origins).to_numpy(),
        {rule: values[rule] for rule in dict.fromkeys(order)},
        aligned(read(dedup), table["id"]),
    )


def aligned(scores: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The scores in the order of the ids.

    Raises:
        RuntimeError: a row has no score, or a score no row.
    """
    if scores["id"].equals(ids):
        return scores
    places = pc.index_in(ids, value_set=scores["id"].combine_chunks())
    if places.null_count or len(scores) != len(ids):
        raise RuntimeError(f"select: {len(scores)} scores do not match {len(ids)} rows")
    return scores.take(places)


def check_names(params: Select, rules: Mapping[str, Any], languages: Languages) -> None:
    """Check that settings name rules and languages that there are.

    Raises:
        InputError: one does not.
    """
    named = {"trusted_limits": params.trusted_limits}
    for key, limits in params.limits.items():
        named[f"limits.{key}"] = limits
        if key != "default" and key not in languages:
            known = ["default", *sorted(languages)]
            raise InputError(f"params.yaml: select.limits has unknown {key!r}; known are {known}")
    for where, limits in named.items():
        if unknown := sorted(limits.keys() - rules.keys()):
            raise InputError(
                f"params.yaml: select.{where} has unknown {unknown}; rules are {sorted(rules)}"
            )
    if unknown := sorted(params.least_kept.keys() - rules.keys() - {"default"}):
        raise InputError(
            f"params.yaml: select.least_kept has unknown {unknown}; rules are {sorted(rules)}"
        )


# by language key or code, rule and whether the origin is trusted: least, most
Bounds = dict[tuple[str, str, bool], tuple[float | None, float | None]]


def effective(learned: pa.Table, params: Select, languages: Languages, rules: list[str]) -> Bounds:
    """The limits that hold: for trusted origins theirs, else the language's, else the default's.

    A side that is null is as learned, for the variety or else for its language; without that there
    is no limit.
    """
    found = {(r["language"], r["rule"]): (r["least"], r["most"]) for r in learned.to_pylist()}
    bounds = {}
    for name, rule, trusted in product(names(learned, languages), rules, (False, True)):
        key = owner_of(name, languages) or name
        stated = params.limits["default"] | params.limits.get(key, {})
        stated |= params.trusted_limits if trusted else {}
        own = found.get((name, rule), found.get((key, rule), (None, None)))
        limit = bound(own, stated, rule)
        if limit != (None, None):
            bounds[name, rule, trusted] = limit
    return bounds


def names(learned: pa.Table, languages: Languages) -> list[str]:
    """All that limits may be for: the default, languages, and varieties with limits of their own.

    A variety is named by its rows' code, nhe_Latn, which no key of languages is.
    """
    own = set(learned["language"].to_pylist()) - languages.keys()
    return ["default", *languages, *sorted(own)]


def bound(
    learned: tuple[float | None, float | None], stated: dict[str, Bound | None], rule: str
) -> tuple[float | None, float | None]:
    """The least and most of a rule; none where it is stated as null."""
    if rule not in stated:
        return learned
    own = stated[rule]
    if own is None:
        return None, None
    least, most = learned
    return least if own.least is None else own.least, most if own.most is None else own.most


def held(
    facts: Facts, bounds: Bounds, rule: str, languages: Languages
) -> tuple[Mask, Mask, Floats, Floats]:
    """Which rows are below or above their variety's or language's limits, and those limits."""
    codes = facts.language.combine_chunks().dictionary_encode("encode")
    owners = [
        code
        if {(code, rule, True), (code, rule, False)} & bounds.keys()
        else owner_of(code, languages) or "default"
        for code in codes.dictionary.to_pylist()
    ]
    sides = [bounds.get((o, rule, t), (None, None)) for t in (False, True) for o in owners]
    least = np.array([-np.inf if low is None else low for low, _ in sides], dtype=np.float64)
    most = np.array([np.inf if high is None else high for _, high in sides], dtype=np.float64)
    places = codes.indices.to_numpy() + len(owners) * facts.trusted
    low, high = least[places], most[places]
    return facts.values[rule] < low, facts.values[rule] > high, low, high


def judged(
    facts: Facts, verdicts: dict[str, tuple[Mask, Mask, Floats, Floats]]
) -> tuple[pa.Table, Mask]:
    """The ledger and the rows kept: the first rule that a row fails is its reason."""
    count = len(facts.ids)
    said = {name: np.full(count, None, dtype=object) for name in ("reason", "value", "limit")}
    left = np.ones(count, dtype=bool)
    for rule, (low, high, least, most) in verdicts.items():
        for fails, side, limits in ((low, "low", least), (high, "high", most)):
            rows = np.flatnonzero(fails & left)
            said["reason"][rows] = REASONS.get(rule, f"{rule.replace('_', ' ')} too {side}")
            said["value"][rows] = [text(v) for v in facts.values[rule][rows].tolist()]
            bound = "at least" if side == "low" else "at most"
            said["limit"][rows] = [f"{bound} {text(v)}" for v in limits[rows].tolist()]
            left[rows] = False
    rows, survivors = duplicates(facts, left)
    said["reason"][rows] = "duplicate"
    said["value"][rows] = facts.ids.take(survivors).to_pylist()
    said["limit"][rows] = "one row a cluster"
    left[rows] = False
    stage = pa.repeat(pa.scalar("select"), count)
    columns = [pa.array(said[name], pa.string()) for name in ("reason", "value", "limit")]
    return pa.table([facts.ids, stage, pa.array(left), *columns], schema=LEDGER), left


def duplicates(facts: Facts, passing: Mask) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The passing rows that fall to another of their cluster, and that survivor.

    Where all that passes but at most one row is equal to the centre, any of them is near all
    others, and one with both sides survives, then the best pair, then the centre, then the
    smallest id. Elsewhere the one most like the centre comes before all this, as two members that
    are near the centre need not be near each other. Content alone decides.
    """
    rows = np.flatnonzero(passing)
    some = facts.clusters.take(rows)
    cluster = some["cluster"].combine_chunks().dictionary_encode().indices.to_numpy()
    missing = np.full(len(passing), np.nan)
    lone = np.isnan(facts.values.get("length_ratio", np.zeros(len(passing)))[rows])
    score = np.nan_to_num(facts.values.get("pair_score", missing)[rows], nan=-1.0)
    apart = 1 - some["similarity"].to_numpy()
    apart[np.bincount(cluster, apart > 0)[cluster] < 2] = 0
    member = pc.not_equal(some["id"], some["cluster"]).to_numpy()
    place = pc.rank(some["id"], tiebreaker="first").to_numpy()
    order = np.lexsort((place, member, -score, lone, apart, cluster))
    rows, cluster = rows[order], cluster[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = cluster[1:] != cluster[:-1]
    survivor = rows[first][np.cumsum(first) - 1]
    return rows[~first], survivor[~first]


if __name__ == "__main__":
    run(select, Select, enters="rows")
