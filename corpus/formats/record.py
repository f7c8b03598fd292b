"""What a reader yields, and the bytes and lines it reads from."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import regex

from corpus.table import InputError

Column = int | str | None  # number from 1, name, or null where there is none
BLOCK = 1 << 20  # bytes
NOT_TEXT = regex.compile(r"[\p{Cs}\0]")  # surrogates: bytes that are not UTF-8; NUL: UTF-16
NOT_UTF8 = "not UTF-8 text"
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowInvalid)


class Record(NamedTuple):
    """One record of a file."""

    line: int  # from 1; the record's number where the format has no lines
    values: tuple[Any, ...] = ()  # one for each wanted column, as in the file; none at fault
    fault: str | None = None  # why it cannot be read
    limit: str | None = None  # what was expected of it
    raw: str = ""  # an unreadable record as it stands
    lines: int = 1  # that it spans


OPENERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
    ".zst": lambda path: pa.input_stream(str(path), compression="zstd"),
}


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The unpacked bytes of a file.

    Raises:
        InputError: the file is missing, or cut short: then no part of it is to be trusted.
    """
    try:
        with OPENERS.get(path.suffix, plain)(path) as file:
            yield file
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist; run 'dvc repro' first, or mend its path"
        ) from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name a file, or files as '{path.name}/*'") from None
    except DAMAGE as error:
        raise InputError(
            f"{path} is cut short or damaged ({error}); fetch or copy it again"
        ) from error


def plain(path: Path) -> IO[bytes]:
    """A file that is not packed."""
    return path.open("rb")


def lines(path: Path) -> Iterator[str]:
    """The lines of a file with their ends; bytes that are not UTF-8 become lone surrogates."""
    with opened(path) as file:
        text = io.TextIOWrapper(
            io.BufferedReader(file, BLOCK),  # type: ignore[type-var]
            encoding="utf-8-sig",
            errors="surrogateescape",
            newline="\n",
        )
        yield from text


def line_count(path: Path) -> int:
    """The lines of a file, counted without reading any: what the records must add up to."""
    count, last = 0, b"\n"
    with opened(path) as file:
        while block := file.read(BLOCK):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def not_text(values: tuple[Any, ...]) -> bool:
    """Whether a text holds bytes that are not UTF-8, or NUL, as UTF-16 has between letters."""
    return any(isinstance(value, str) and NOT_TEXT.search(value) for value in values)


def pick(row: dict[str, Any], name: str) -> Any:  # noqa: ANN401
    """The value of a column; `translation.nah` reaches into a nested one.

    Raises:
        KeyError: there is no such column.
    """
    if name in row:
        return row[name]
    first, dot, rest = name.partition(".")
    if not dot or not isinstance(row.get(first), dict):
        raise KeyError(name)
    return pick(row[first], rest)


def names_only(path: Path, columns: tuple[Column, ...]) -> tuple[str | None, ...]:
    """The columns, each a name or null.

    Raises:
        InputError: one is a number, which the format does not have.
    """
    if numbers := [column for column in columns if isinstance(column, int)]:
        raise InputError(f"{path} has columns by name only, got {numbers}")
    return columns  # type: ignore[return-value]
