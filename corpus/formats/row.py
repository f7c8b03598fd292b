"""One record as a row of the table, with the reason why it is dropped, if it is."""

from collections import Counter
from typing import Any, NamedTuple

import pyarrow as pa

from corpus.formats.record import Record
from corpus.formats.source import PARTS, Source
from corpus.table import SCHEMA, digest, row_id

VERDICT = ("reason", "value", "limit")  # what the ledger says of a row
READ = pa.schema([*SCHEMA, *(pa.field(name, pa.string()) for name in VERDICT)])
NO_NUMBER = "position is no number"


class Origin(NamedTuple):
    """What holds for every row of a source."""

    name: str
    source: Source
    script: str  # ISO 15924
    most_characters: int


def row(
    origin: Origin, file: str, record: Record, ids: Counter[str], places: Counter[str]
) -> tuple[Any, ...]:
    """One record as the values of READ; its value is where it stands.

    Args:
        ids: how often each text came earlier in this origin; is counted up.
        places: how many records each document had; is counted up.
    """
    where = f"{file}:{record.line}"
    name, licence = origin.name, origin.source.licence
    if record.fault is not None:
        parts = (name, "unreadable", record.raw)  # no row_id has such parts
        unread = digest(*parts, str(count(ids, digest(*parts))))
        verdict = (record.fault, where, record.limit)
        return (unread, file, *[None] * 5, name, licence, None, *verdict)
    source, target, document, position, variety = map(raw, record.values)
    document = filled(document) or file
    code = origin.source.varieties.get(variety or "", origin.source.varieties.get("*"))
    reason, limit = fault(origin, record.values, code)
    place = count(places, document)
    return (
        fresh_id(ids, name, source, target),
        document,
        place if position is None or reason == NO_NUMBER else int(position),
        filled(source),
        filled(target),
        origin.source.source_language if filled(source) else None,
        code and f"{code}_{origin.script}",
        name,
        licence,
        None,
        reason,
        where,
        limit,
    )


def fault(
    origin: Origin, values: tuple[Any, ...], code: str | None
) -> tuple[str | None, str | None]:
    """Why a record cannot be a row, and the limit it breaks; nulls where it can.

    Args:
        code: ISO 639-3 of its variety, null where the value stands for none.
    """
    source, target, document, position, variety = values
    sides_are_text = all(side is None or isinstance(side, str) for side in (source, target))
    if not sides_are_text or isinstance(document, list | dict) or isinstance(variety, list | dict):
        return "not text", None
    if missing := empty(source, target, origin.source.alone):
        return ("not aligned" if aligned(origin.source) else missing), None
    if max(len(source or ""), len(target or "")) > origin.most_characters:
        return "over-long", f"at most {origin.most_characters} characters"
    if code is None:
        return "unknown variety", f"{variety!r} is not in varieties"
    if position is not None and not is_place(raw(position) or ""):
        return NO_NUMBER, f"got {str(position)[:40]!r}"
    return None, None


def aligned(source: Source) -> bool:
    """Whether rows are beads of two texts that were cut into sentences."""
    sides = (source.columns.source, source.columns.target)
    return source.segment not in (None, *PARTS) and None not in sides


def empty(source: str | None, target: str | None, alone: tuple[str, ...]) -> str | None:
    """The reason of a row whose side is empty and may not be, else null.

    >>> empty("agua", " ", ("target",)), empty("", "atl", ("target",))
    ('empty target', None)
    """
    if not filled(source) and not filled(target):
        return "empty row"
    if not filled(target) and "source" not in alone:
        return "empty target"
    return "empty source" if not filled(source) and "target" not in alone else None


def raw(value: object) -> str | None:
    """A value as text, null as null; a whole number that pandas wrote as 7.0 is 7 again."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if value is None or isinstance(value, str) else str(value)


def filled(side: str | None) -> str | None:
    """The text as it stands, or null where it is blank."""
    return side if side and not side.isspace() else None


def is_place(position: str) -> bool:
    """Whether a text is a number that an int64 holds."""
    return position.isascii() and position.isdecimal() and len(position) < 19


def count(counter: Counter[str], key: str) -> int:
    """How often the key was counted earlier; counts it."""
    earlier = counter[key]
    counter[key] = earlier + 1
    return earlier


def fresh_id(ids: Counter[str], origin: str, source: str | None, target: str | None) -> str:
    """The row's id; equal rows of an origin are told apart by how many came earlier."""
    first = row_id(origin, source, target, 0)
    earlier = count(ids, first)
    return row_id(origin, source, target, earlier) if earlier else first
