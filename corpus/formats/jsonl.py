"""JSON Lines: an object a line."""

import json
from collections.abc import Iterator
from pathlib import Path

from corpus.formats.record import NOT_UTF8, Column, Record, lines, names_only, not_text, pick
from corpus.table import InputError


def read(path: Path, columns: tuple[Column, ...], header: bool) -> Iterator[Record]:
    """Each line of a file; a key that a line lacks is null, one that all lack is an error.

    Raises:
        InputError: no line has one of the columns.
    """
    wanted = names_only(path, columns)
    unseen = {name for name in wanted if name is not None}
    known: set[str] = set()
    for line, text in enumerate(lines(path), 1):
        row, fault = parsed(text)
        if fault is None:
            values = tuple(value(row, name, unseen) for name in wanted)
            known.update(row if unseen else ())
            fault = NOT_UTF8 if not_text(values) else None
        yield Record(line, (), fault, None, text) if fault else Record(line, values)
    if unseen and known:
        raise InputError(f"{path} has no columns {sorted(unseen)}; it has {sorted(known)}")


def parsed(text: str) -> tuple[dict[str, object], str | None]:
    """The object of a line, or why there is none."""
    if not text.strip():
        return {}, "empty row"
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return {}, "bad JSON"
    return (row, None) if isinstance(row, dict) else ({}, "no JSON object")


def value(row: dict[str, object], name: str | None, unseen: set[str]) -> object:
    """The value of a column, null where the row lacks it."""
    if name is None:
        return None
    try:
        found = pick(row, name)
    except KeyError:
        return None
    unseen.discard(name)
    return found
