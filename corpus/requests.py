"""A file of requests to take something down, CSV with a header or JSON Lines, read with care."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from corpus.settings import faults, settings
from corpus.table import InputError
from corpus.taken import Elsewhere, What

NEEDED = ("what", "name", "reason", "date")
MORE = ("origin", "elsewhere")


@settings
class Asked:
    """One line of a file of requests."""

    what: What
    name: str  # the text, or the name of the row, document, origin or contributor
    reason: str
    date: str  # as 2026-11-25
    origin: str | None  # of a document or contributor; null: of any
    elsewhere: Elsewhere | None  # null: inside for a text, no for all else

    def __post_init__(self) -> None:
        for key in ("name", "reason"):
            if not getattr(self, key).strip():
                raise ValueError(f"{key} is empty")
        try:
            date.fromisoformat(self.date)
        except ValueError:
            raise ValueError(f"date is a day as 2026-11-25, got {self.date!r}") from None
        if self.origin is not None and self.what not in ("document", "contributor"):
            raise ValueError(f"origin is for a document or contributor, not for a {self.what}")
        if self.what == "text" and self.elsewhere == "no":
            raise ValueError("a text is taken down wherever it stands: elsewhere equal or inside")


def asked_in(file: Path) -> list[Asked]:
    """The requests of a file, CSV with a header or JSON Lines.

    Raises:
        InputError: it cannot be read, or a request is incomplete.
    """
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None
    found = [one(file, *line) for line in (json_lines if file.suffix == ".jsonl" else rows)(text)]
    if not found:
        raise InputError(f"{file} holds no request; its first line names the columns {NEEDED}")
    return found


def rows(text: str) -> Iterator[tuple[int, object]]:
    """The rows of a CSV text, each with its line; empty fields are null."""
    lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for line in lines:
            yield lines.line_num, {key: value or None for key, value in line.items()}
    except csv.Error as error:
        yield lines.line_num + 1, f"no CSV: {error}"


def json_lines(text: str) -> Iterator[tuple[int, object]]:
    """The objects of JSON Lines, each with its line."""
    for number, line in enumerate(text.split("\n"), 1):  # a text may hold other ends
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                yield number, f"no JSON: {error}"


def one(file: Path, number: int, line: object) -> Asked:
    """A request.

    Raises:
        InputError: it is incomplete, or there is more in it than a request has.
    """
    try:
        if not isinstance(line, dict):
            raise InputError(line if isinstance(line, str) else "no JSON object")
        if strange := [str(key) for key in line if key not in (*NEEDED, *MORE)]:
            raise InputError(f"has unknown {strange}; columns are {[*NEEDED, *MORE]}")
        given = {key: value for key, value in line.items() if value is not None}
        return TypeAdapter(Asked).validate_json(json.dumps({**dict.fromkeys(MORE), **given}))
    except ValidationError as error:
        raise InputError(f"{file}:{number} {'; '.join(faults(error))}") from None
    except InputError as error:
        raise InputError(f"{file}:{number} {error}") from None
