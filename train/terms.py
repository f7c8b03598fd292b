"""Under which terms rows stand, what binds them, and which sources do.

A human row has its origin's licence. A synthetic row has those of all the human rows that it goes
back to, and its engine's: that of the text, where the engine was trained here; what is set, where
it is another's; unknown, where nothing is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from augment.making import Row, parents_of
from corpus.licences import (
    FACTS,
    UNKNOWN,
    USES,
    clauses,
    conflicts,
    facts,
    joined,
    passes,
    strictest,
)
from corpus.results import Tree
from corpus.settings import settings

TRAINED_HERE = "thot"  # the kind of engine that stage translator trains on the project's own pairs


UNLICENSED = "licence is not mixed in"


@settings
class Licences:
    """Which licences a mixture takes, each an SPDX name or the terms by name."""

    allow: tuple[str, ...] | None  # null: all that are not refused
    refuse: tuple[str, ...]


class Bound(NamedTuple):
    """A source of rows, and the licence that it brings."""

    source: str  # an origin, or an engine's name without its hash
    licence: str


Reasons = dict[str, tuple[str, object, object]]  # by a dropped row's id: reason, value, limit
Bounds = dict[str, frozenset[Bound]]  # by a row's id


def bounds_of(rows: Iterable[Row], engines: Mapping[str, str]) -> Bounds:
    """All that binds each row of one language.

    Args:
        rows: human and synthetic ones, each with its parents.
        engines: licence of what an engine makes, by the beginning of its name in rows.

    Raises:
        RuntimeError: a parent is missing.
    """
    known = {row["id"]: row for row in rows}
    human = {id: row for id, row in known.items() if row["parent"] is None}
    found: Bounds = {
        id: frozenset([Bound(row["origin"], row["licence"] or UNKNOWN)])
        for id, row in human.items()
    }
    pairs = frozenset(
        bound for id, row in human.items() if row["source"] and row["target"] for bound in found[id]
    )
    for id in known:
        settle(id, known, found, (pairs, engines))
    return found


def settle(
    id: str,
    known: Mapping[str, Row],
    found: Bounds,
    made: tuple[frozenset[Bound], Mapping[str, str]],
) -> frozenset[Bound]:
    """What binds a row, after its parents.

    Args:
        found: is added to.
        made: what binds the engine trained here, and the licences of others.
    """
    if id not in found:
        if id not in known:
            raise RuntimeError(f"terms: the parent {id} is among no rows")
        row = known[id]
        above = [settle(parent, known, found, made) for parent in parents_of(row)]
        found[id] = frozenset.union(*above, of_engine(row.get("engine"), *made))
    return found[id]


def of_engine(
    engine: str | None, pairs: frozenset[Bound], engines: Mapping[str, str]
) -> frozenset[Bound]:
    """What an engine brings; nothing where it is a rule and no translator.

    >>> of_engine("seq2seq:spa_Latn-nah@1", frozenset(), {"seq2seq": "CC-BY-NC-4.0"})
    frozenset({Bound(source='seq2seq:spa_Latn-nah', licence='CC-BY-NC-4.0')})
    """
    name = (engine or "").split("@")[0]
    kind, colon, _ = name.partition(":")
    if not colon:
        return frozenset()
    if kind == TRAINED_HERE:
        return pairs
    told = max((start for start in engines if name.startswith(start)), key=len, default=None)
    return frozenset([Bound(name, UNKNOWN if told is None else engines[told])])


def licensed(rows: Iterable[Row], bounds: Bounds) -> list[Row]:
    """The rows, each synthetic one with all licences that bind it as one expression."""
    return [
        {**row, "licence": joined(bound.licence for bound in bounds[row["id"]])}
        if row["parent"] is not None
        else row
        for row in rows
    ]


def answers(bound: Bound, redistribute: Mapping[str, bool]) -> dict[str, bool | None]:
    """What a source permits and asks for; whether it may be passed on is what the team says."""
    found = facts(bound.licence)
    told = redistribute.get(bound.source)
    if told is not None:
        found["redistribution"] = told if found["redistribution"] is None else (
            told and found["redistribution"]
        )  # fmt: skip
    return found


def combined(bounds: Iterable[frozenset[Bound]], redistribute: Mapping[str, bool]) -> Tree:
    """The terms of rows together, and which sources make them as strict as they are.

    Args:
        bounds: of each row.
        redistribute: by origin, what params.yaml says.

    Returns:
        Of each of FACTS its answer (yes, no or unknown) and the rows of each source that it is
        due to; the rows of each source and of each licence; pairs of share-alike licences that
        cannot be met at once.
    """
    sizes = Counter(bound for row in bounds for bound in row)
    told = {bound: answers(bound, redistribute) for bound in sizes}
    terms: dict[str, Any] = {}
    for use in FACTS:
        answer = strictest(use, [found[use] for found in told.values()])
        mild = answer is (use in USES)
        by = {} if mild else rows_by(b for b in sizes.elements() if told[b][use] is answer)
        terms[use] = {"answer": word(answer), "by": by}
    licences: Counter[str] = Counter()
    for bound, size in sizes.items():
        licences[bound.licence] += size
    return {
        "terms": terms,
        "sources": rows_by(sizes.elements()),
        "licences": dict(sorted(licences.items())),
        "conflicts": conflicts(licences),
    }


def rows_by(bounds: Iterable[Bound]) -> dict[str, int]:
    """Rows of each source, sorted by name."""
    return dict(sorted(Counter(bound.source for bound in bounds).items()))


def word(answer: bool | None) -> str:
    """An answer as it is shown.

    >>> word(None), word(False)
    ('unknown', 'no')
    """
    return UNKNOWN if answer is None else "yes" if answer else "no"


def barred(
    bounds: Iterable[frozenset[Bound]], redistribute: Mapping[str, bool], made: bool
) -> dict[str, str]:
    """The sources for which rows may not be passed on, each with why.

    Args:
        made: of rows that machines made, which are derivatives.
    """
    found: dict[str, str] = {}
    for row in bounds:
        for bound in row:
            told = answers(bound, redistribute)
            if not told["redistribution"]:
                found[bound.source] = f"redistribution {word(told['redistribution'])}"
            elif made and told["derivatives"] is False:
                found[bound.source] = f"no derivatives, {bound.licence}"
        if pairs := conflicts(bound.licence for bound in row):
            both = " and ".join(pairs[0])
            found |= {b.source: f"{both} cannot both be met" for b in row if binds(b, pairs[0])}
    return dict(sorted(found.items()))


def binds(bound: Bound, licences: Sequence[str]) -> bool:
    """Whether one of the licences is among those that the source stands under."""
    return any(name in clause for clause in clauses(bound.licence) for name in licences)


def unlicensed(rows: list[Row], licences: Licences | None) -> Reasons:
    """Rows under a licence that the mixture does not take."""
    if licences is None:
        return {}
    allowed = "any" if licences.allow is None else f"one of {', '.join(licences.allow)}"
    limit = f"{allowed}, and none of {', '.join(licences.refuse)}" if licences.refuse else allowed
    return {
        row["id"]: (UNLICENSED, row["licence"] or UNKNOWN, limit)
        for row in rows
        if not passes(row["licence"], licences.allow, licences.refuse)
    }


def by_licence(
    rows: list[Row], reasons: Mapping[str, tuple[str, object, object]]
) -> dict[str, dict[str, int]]:
    """Rows that were left out for their licence, by licence and origin."""
    tree: dict[str, Counter[str]] = {}
    for row in rows:
        if reasons.get(row["id"], ("",))[0] == UNLICENSED:
            tree.setdefault(row["licence"] or UNKNOWN, Counter())[row["origin"]] += 1
    return {licence: dict(sorted(found.items())) for licence, found in sorted(tree.items())}
