"""CSV as RFC 4180 has it, and TSV without quoting."""

import csv
from collections.abc import Iterator
from pathlib import Path

from corpus.formats.record import NOT_UTF8, Column, Record, lines, not_text
from corpus.table import InputError

Fields = tuple[list[str], str | None, str, int]  # fields, fault, the text itself, lines


def read_csv(path: Path, columns: tuple[Column, ...], header: bool) -> Iterator[Record]:
    """Each record of a comma-separated file; one with broken quoting is a fault."""
    return records(path, csv_fields(path), columns, header)


def read_tsv(path: Path, columns: tuple[Column, ...], header: bool) -> Iterator[Record]:
    """Each line of a tab-separated file, where a quotation mark is a letter like any other."""
    rows = ((line.rstrip("\r\n").split("\t"), None, line, 1) for line in lines(path))
    return records(path, rows, columns, header)


def csv_fields(path: Path) -> Iterator[Fields]:
    """The fields of each record; its lines are kept, for those that cannot be taken apart.

    Raises:
        InputError: a quotation mark is never closed, and so swallows the rest of the file.
    """
    taken: list[str] = []

    def feed() -> Iterator[str]:
        for line in lines(path):
            taken.append(line)
            yield line

    reader = csv.reader(feed(), strict=True)
    while True:
        taken.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error) or "field limit" in str(error):
                first = reader.line_num - len(taken) + 1
                raise InputError(
                    f"{path}:{first} has a field that does not end ({error}); close its quotation "
                    "mark, or use format tsv, which has no quoting"
                ) from error
            yield [], "broken quoting", "".join(taken), len(taken)
        else:
            yield fields, None, "".join(taken), len(taken)


def records(
    path: Path, rows: Iterator[Fields], columns: tuple[Column, ...], header: bool
) -> Iterator[Record]:
    """A record for each row but the header; all must be as wide as the first that can be read."""
    line, width = 1, 0
    places: tuple[int | None, ...] = ()
    for row in rows:
        fields, fault, _, count = row
        readable = fault is None and any(field.strip() for field in fields)
        first = not width and (readable or header)
        if first:
            width = len(fields)
            places = column_places(path, columns, fields, header)
        if not (first and header):
            yield record(row, line, places, width)
        line += count


def column_places(
    path: Path, columns: tuple[Column, ...], first: list[str], header: bool
) -> tuple[int | None, ...]:
    """The index of each wanted column in a row.

    Raises:
        InputError: the file has no such column.
    """
    names = first if header else []
    missing = [
        column
        for column in columns
        if (isinstance(column, int) and not 1 <= column <= len(first))
        or (isinstance(column, str) and column not in names)
    ]
    if missing:
        known = names if header else f"{len(first)} without names, as header is false"
        raise InputError(f"{path} has no columns {missing}; it has {known}")
    return tuple(names.index(c) if isinstance(c, str) else c and c - 1 for c in columns)


def record(row: Fields, line: int, places: tuple[int | None, ...], width: int) -> Record:
    """The wanted fields of a row, or its fault."""
    fields, fault, raw, count = row
    if fault is None and not any(field.strip() for field in fields):
        fault = "empty row"
    if fault is None and len(fields) != width:
        limit = f"{width} columns, got {len(fields)}"
        return Record(line, (), "wrong number of columns", limit, raw, count)
    values = (
        tuple(None if place is None else fields[place] for place in places) if not fault else ()
    )
    if not_text(values):
        values, fault = (), NOT_UTF8
    return Record(line, values, fault, None, raw if fault else "", count)
