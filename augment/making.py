"""What every method that makes rows shares: which rows it takes, its chance, and the new row.

What is made of a row depends on that row, the settings and the engine alone: chance comes from the
row's id, and so many rows are chosen by lowest hash, so that new data moves no other row's outcome.
"""

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from corpus.table import SYNTHETIC, InputError, digest, place

Row = dict[str, Any]


def held_back(row: str, share: float) -> bool:
    """Whether the training row of this id is treated as if it had no source.

    >>> held_back("0f3a", 0.0), held_back("0f3a", 1.0)
    (False, True)
    """
    return place("monolingual", row) < share


def shown(row: Mapping[str, Any], share: float) -> str | None:
    """The human source of the row, or None where it is held back as monolingual."""
    return None if held_back(row["id"], share) else row["source"]


def pairs_of(rows: Iterable[Row], share: float) -> list[Row]:
    """The rows with two sides, but for those whose source is held back."""
    return [row for row in rows if row["target"] and shown(row, share)]


def without_source(rows: Iterable[Row], share: float) -> list[Row]:
    """The rows of a target alone, and those whose source is held back as if they were such."""
    return [row for row in rows if row["target"] and not shown(row, share)]


def without_target(rows: Iterable[Row], share: float) -> list[Row]:
    """The rows of a source alone, but for those whose source is held back."""
    return [row for row in rows if not row["target"] and shown(row, share)]


def share_of(word: str) -> float:
    """The share of pairs held back, from the command line.

    Raises:
        InputError: it is no number from 0 up to 1.

    """
    try:
        share = float(word)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InputError(f"monolingual_share must be from 0 to 1, got {word!r}")
    return share


def lowest(rows: Iterable[Row], most: int | None, label: str) -> list[Row]:
    """At most so many of the rows, by hash of label and id; null: all, in that order."""
    return sorted(rows, key=lambda row: (place(label, row["id"]), row["id"]))[:most]


def share_of_rows(rows: Iterable[Row], share: float, label: str) -> list[Row]:
    """The rows whose hash of label and id falls within the share, 0 to 1, in their order."""
    return [row for row in rows if place(label, row["id"]) < share]


def chance(method: str, id: str, *more: str) -> Random:
    """A generator that depends on the method and the row alone."""
    return Random(digest("chance", method, id, *more))


def parents_of(row: Mapping[str, Any]) -> list[str]:
    """The ids of all rows that a synthetic row was made of; none of a human row.

    >>> parents_of({"parent": "a", "others": ["b"]}), parents_of({"parent": None})
    (['a', 'b'], [])
    """
    return [] if row["parent"] is None else [row["parent"], *(row.get("others") or ())]


def child(parent: Mapping[str, Any], method: str, engine: str, **sides: str | None) -> Row:
    """A synthetic row of the parent with other sides; its id changes with its text."""
    row = {**parent, **sides}
    key = digest(method, parent["id"], row["source"] or "", row["target"])
    row = {name: row.get(name) for name in SYNTHETIC.names}
    return {**row, "id": key, "origin": method, "parent": parent["id"], "engine": engine}
