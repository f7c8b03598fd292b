"""Which lines of public test sets were trained on, exactly or nearly, and in which rows.

A test set found in the training text measures memory. Nothing is dropped here: the rows are named,
so that a team can take their origin out, or leave those lines out of the test. Texts are compared
on matching keys by the measure of `dedup` and `split`, counted exactly.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from corpus.detection import share
from corpus.leak import near_pairs
from corpus.orthography import matching_key
from corpus.settings import Languages, settings
from corpus.stage import Output, run
from corpus.table import InputError

FOUND = pa.schema(
    [
        pa.field("test", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),  # of the file, from 1
        pa.field("id", pa.string(), nullable=False),  # of the row that was trained on
        pa.field("parent", pa.string()),  # where the row is synthetic
        pa.field("origin", pa.string(), nullable=False),
        pa.field("equal", pa.bool_(), nullable=False),  # the same key; else near it
    ]
)
MOST_NAMED = 20  # rows in the report; the table has all


@settings
class PublicTest:
    """A public test set: a text file, a segment a line."""

    path: str
    sha256: str
    side: Literal["source", "target"]  # of our rows, that the text is held against
    language: str  # key in languages whose training text is looked through


@settings
class Contamination:
    """What is looked for."""

    similarity: float  # least Jaccard of the keys' five-character shingles of what is near
    tests: dict[str, PublicTest]

    def __post_init__(self) -> None:
        if not 0 < self.similarity <= 1:
            raise ValueError(f"similarity must be above 0 and at most 1, got {self.similarity}")


def contamination(
    params: Contamination, languages: Languages, language: str, mixture: pa.Table
) -> Output:
    """A row for each training row that a line of a test set meets, and the counts by test set."""
    tests = {name: test for name, test in params.tests.items() if test.language == language}
    found, report = [], {}
    for name, test in sorted(tests.items()):
        lines = read_lines(name, test)
        key = matching_key(languages[language].orthography if test.side == "target" else None)
        met = meetings(name, lines, mixture, (test.side, key), params.similarity)
        found += met
        report[name] = summary(met, len(lines), test.side)
    unknown = {n: t.language for n, t in params.tests.items() if t.language not in languages}
    if unknown:
        raise InputError(
            f"contamination.tests: {unknown} are no languages; {sorted(languages)} are"
        )
    return Output(tables={"found": pa.Table.from_pylist(found, schema=FOUND)}, report=report)


def read_lines(name: str, test: PublicTest) -> list[str]:
    """The lines of a test set.

    Raises:
        InputError: the file is missing, is another one than named, or is not UTF-8.
    """
    path = Path(test.path)
    if not path.is_file():
        raise InputError(f"contamination.tests.{name}: {path} does not exist")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != test.sha256:
        raise InputError(
            f"contamination.tests.{name}: {path} has sha256 {found}, named is {test.sha256}"
        )
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start})") from None


def meetings(
    name: str,
    lines: list[str],
    mixture: pa.Table,
    by: tuple[str, Callable[[str], str]],
    similarity: float,
) -> list[dict[str, Any]]:
    """Each line and the training rows that are near to it, by line, then by row."""
    side, key = by
    rows = [row for row in mixture.to_pylist() if row[side]]
    trained = [key(row[side]) for row in rows]
    asked = [key(line) for line in lines]
    pairs = near_pairs(trained, asked, similarity)
    met = [
        {
            "test": name,
            "line": line + 1,
            "equal": trained[at] == asked[line],
            **{column: rows[at][column] for column in ("id", "parent", "origin")},
        }
        for at, line in zip(*(some.tolist() for some in pairs), strict=True)
    ]
    return sorted(met, key=lambda one: (one["line"], one["id"]))


def summary(met: list[dict[str, Any]], lines: int, side: str) -> dict[str, Any]:
    """How many lines of a test set were trained on, and the first rows that they are in."""
    equal = {one["line"] for one in met if one["equal"]}
    every = {one["line"] for one in met}
    origins = sorted({one["origin"] for one in met})
    return {
        "side": side,
        "lines": lines,
        "lines_trained_on": share(len(every), lines),
        "equal": len(equal),
        "near": len(every - equal),
        "rows": len({one["id"] for one in met}),
        "rows_by_origin": {n: len({m["id"] for m in met if m["origin"] == n}) for n in origins},
        "first_rows": list(dict.fromkeys(one["id"] for one in met))[:MOST_NAMED],
    }


if __name__ == "__main__":
    run(contamination, Contamination)
