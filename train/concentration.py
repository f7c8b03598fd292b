"""How much of a mixture is one book, one source or one genre, and a limit to that.

A corpus of a low-resource language is often a scripture and little else, and figures on its test
text are figures on scripture. The effective number of documents says so in one number: the inverse
Simpson index, how many documents of equal size would be as concentrated.

A limit takes no row away: it lowers the weight of what is over it. A temperature evens out: a group
weighs as size^(1/T) of the same whole, so that small varieties are seen more often.

Sources: Arivazhagan et al. 2019, https://arxiv.org/abs/1907.05019 (temperature);
Simpson 1949, https://doi.org/10.1038/163688a0; Hill 1973, https://doi.org/10.2307/1934352
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from corpus.settings import settings

KINDS = ("document", "origin", "domain", "variety")
MOST_SHOWN = 8  # names in the report
NO_DOMAIN = "not known"
Row = dict[str, Any]
Units = dict[str, dict[str, str]]  # of each human row by id: its unit of each kind


@settings
class MostShare:
    """The most of the training text that one unit of a kind may weigh, 0 to 1; null: no limit."""

    document: float | None
    origin: float | None
    domain: float | None

    def __post_init__(self) -> None:
        for name, share in vars(self).items():
            if share is not None and not 0 < share <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, or null, got {share}")


@settings
class Temperature:
    """How far groups of a kind are evened out; 1: not at all, infinity: all weigh alike."""

    variety: float
    origin: float
    document: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 1:
                raise ValueError(f"temperature of {name} must be at least 1, got {value}")


def units(rows: Sequence[Row], documents: pa.Table) -> Units:
    """The document, origin, domain and variety of each human row.

    Args:
        documents: gather's, with the domain of each document.
    """
    domains = {(d["origin"], d["document"]): d["domain"] for d in documents.to_pylist()}
    return {
        row["id"]: {
            "document": f"{row['origin']}: {row['document']}",
            "origin": row["origin"],
            "domain": domains.get((row["origin"], row["document"])) or NO_DOMAIN,
            "variety": row["language"] or NO_DOMAIN,
        }
        for row in rows
        if row["parent"] is None
    }


def sizes(rows: Sequence[Row], of: Units, kind: str, weighted: bool) -> dict[str, float]:
    """Characters of human target text by unit, or what they weigh."""
    found: dict[str, float] = {}
    for row in rows:
        if row["parent"] is None:
            unit = of[row["id"]][kind]
            weight = row["weight"] if weighted else 1
            found[unit] = found.get(unit, 0) + weight * len(row["target"])
    return found


def concentration(sizes: Mapping[str, float]) -> dict[str, Any]:
    """Number of units, share of the largest ones and effective number; nulls without any text.

    >>> concentration({"a": 2, "b": 1, "c": 1})["effective"]
    2.6666666666666665
    """
    whole = sum(sizes.values())
    ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
    return {
        "units": len(sizes),
        "largest": {name: sizes[name] / whole for name in ranked[:MOST_SHOWN]} if whole else {},
        "effective": whole**2 / sum(size**2 for size in sizes.values()) if whole else None,
    }


def factors(sizes: Mapping[str, float], most: float) -> dict[str, float]:
    """What each unit's weight is multiplied by so that none has more than its share of the whole.

    Where there are too few units for that, all come to the same size.

    >>> factors({"a": 8, "b": 1, "c": 1}, 0.5)
    {'a': 0.25, 'b': 1.0, 'c': 1.0}
    """
    if len(sizes) * most <= 1:
        least = min(sizes.values(), default=0)
        return {name: least / size for name, size in sizes.items()}
    over: set[str] = set()
    while True:
        rest = sum(size for name, size in sizes.items() if name not in over)
        limit = most * rest / (1 - most * len(over))
        more = {name for name, size in sizes.items() if size > limit} | over
        if more == over:
            return {n: limit / size if n in over else 1.0 for n, size in sizes.items()}
        over = more


def warmed(sizes: Mapping[str, float], temperature: float) -> dict[str, float]:
    """What each unit's weight is multiplied by so that it is as size^(1/T); the whole stays.

    >>> {name: round(by, 3) for name, by in warmed({"a": 9, "b": 1}, 2).items()}
    {'a': 0.833, 'b': 2.5}
    """
    whole = sum(sizes.values())
    powers = {name: (size / whole) ** (1 / temperature) for name, size in sizes.items()}
    rest = sum(powers.values())
    return {name: power / rest * whole / sizes[name] for name, power in powers.items()}


def levelled(
    rows: Sequence[Row], of: Units, most: MostShare, temperature: Temperature
) -> list[Row]:
    """The rows with the weights that temperatures and then limits leave.

    Temperatures go first, for a limit is a promise about what is trained on. A synthetic row goes
    with its parent.
    """
    made = list(rows)
    for kind, value in vars(temperature).items():
        if value != 1:
            made = weighed(made, of, kind, partial(warmed, temperature=value))
    for kind, share in vars(most).items():
        if share is not None:
            made = weighed(made, of, kind, partial(factors, most=share))
    return made


def weighed(
    rows: Sequence[Row],
    of: Units,
    kind: str,
    factors_of: Callable[[Mapping[str, float]], dict[str, float]],
) -> list[Row]:
    """The rows, each weight times its unit's factor; a unit without human text keeps its own."""
    by = factors_of({n: s for n, s in sizes(rows, of, kind, True).items() if s})
    return [
        {**row, "weight": row["weight"] * by.get(of[row["parent"] or row["id"]][kind], 1.0)}
        for row in rows
    ]


def measured(rows: Sequence[Row], of: Units) -> dict[str, Any]:
    """The concentration of human text by kind, and of its weight, which is what is trained on."""
    return {
        kind: {
            "text": concentration(sizes(rows, of, kind, False)),
            "weight": concentration(sizes(rows, of, kind, True)),
        }
        for kind in KINDS
    }
