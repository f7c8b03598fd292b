"""Plain text, a segment a line or a document a file, and Moses-style pairs of such files."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from corpus.formats.record import NOT_UTF8, Column, Record, lines, not_text
from corpus.table import InputError


def read(path: Path, columns: tuple[Column, ...], header: bool) -> Iterator[Record]:
    """Each line of a file as its column 1.

    Raises:
        InputError: another column is asked for.
    """
    if wrong := [column for column in columns if column not in (None, 1)]:
        raise InputError(f"{path} is plain text, which has column 1 only, got {wrong}")
    for line, text in enumerate(lines(path), 1):
        segment = text.rstrip("\r\n")
        yield checked(line, tuple(None if c is None else segment for c in columns), text)


def read_moses(path: Path, columns: tuple[Column, ...], header: bool) -> Iterator[Record]:
    """Each pair of lines of two files; a column's name is the end of its file's name.

    Args:
        path: the files' common beginning: `raw/book` for `raw/book.spa` and `raw/book.nah`.

    Raises:
        InputError: the files differ in length, so that no pair of them can be trusted.
    """
    names = [column for column in columns if column is not None]
    texts = [lines(path.with_name(f"{path.name}.{name}")) for name in names]
    line = 0
    for line, sides in enumerate(zip_longest(*texts), 1):
        if None in sides:
            short = [
                f"{path}.{name}" for name, side in zip(names, sides, strict=True) if side is None
            ]
            raise InputError(
                f"{short} ends before line {line} and its partner does not; align them"
            )
        row = iter(side.rstrip("\r\n") for side in sides)
        yield checked(
            line, tuple(None if c is None else next(row) for c in columns), "".join(sides)
        )


def read_documents(path: Path, columns: tuple[Column, ...], header: bool) -> Iterator[Record]:
    """A file as one record, or two that say the same; a line that is no text is a fault of its own.

    Args:
        path: the files' common beginning, as for `read_moses`.
    """
    sides: list[str | None] = []
    count = 0
    for column in columns:
        kept = []
        named = path.with_name(f"{path.name}.{column}")
        for line, text in enumerate(lines(named) if column is not None else (), 1):
            if not_text((text,)):
                yield Record(line, (), NOT_UTF8, None, text)
            else:
                kept.append(text)
            count = max(count, line)
        sides.append(None if column is None else "".join(kept))
    if not any((side or "").strip() for side in sides):
        yield Record(1, (), "empty row")
    else:
        yield Record(1, tuple(sides), lines=count)


def checked(line: int, values: tuple[str | None, ...], raw: str) -> Record:
    """The record, or its fault."""
    if not any((value or "").strip() for value in values):
        return Record(line, (), "empty row", None, raw)
    return Record(line, (), NOT_UTF8, None, raw) if not_text(values) else Record(line, values)
