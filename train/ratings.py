"""A blind sheet of several systems' translations for native reviewers, and what they said of them.

The outputs for one source stand together, in an order that hashes give; which system made which is
in a key file of its own. An output's id is a hash of its text too: a rating of what a system said
before it was trained anew is never taken for one of what it says now.

Source: Läubli et al. 2020, https://doi.org/10.1613/jair.1.11371 (blinding, native reviewers)
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from augment.review import MARK, lines_of
from augment.sample import cell
from corpus.settings import settings
from corpus.stage import Output, run
from corpus.table import InputError, digest
from train.agreement import Rated, judged

SCALES = ("adequacy", "fluency", "naturalness")
COLUMNS = ("id", *SCALES, "reviewer", "comment")
HEADER = ("id", "segment", "source", "output", *SCALES, "reviewer", "comment")
REFERENCE = "reference"  # the system that a person was
SYSTEMS = (REFERENCE, "copy", "translator", "retrained", "base", "human", "mixed")
POINTS = range(1, 6)


@settings
class Ratings:
    """Whose translations are shown, and how the answers are measured."""

    systems: tuple[str, ...]  # of evaluate, or `reference`: the human translation
    most_segments: int  # test pairs, the first that all these systems translated; 0: no sheet
    lower_case: bool  # show all text in lower case, as the translator writes
    resamples: int  # of the bootstrap
    seed: int

    def __post_init__(self) -> None:
        if len(set(self.systems)) != len(self.systems) or len(self.systems) < 2:
            raise ValueError(f"systems must name at least two, each once, got {self.systems}")
        if unknown := sorted(set(self.systems) - set(SYSTEMS)):
            raise ValueError(f"systems has unknown {unknown}; there are {SYSTEMS}")
        if min(self.most_segments, self.seed) < 0 or self.resamples < 100:
            raise ValueError(
                f"need most_segments and seed at least 0 and resamples at least 100, got {self}"
            )


class Shown(NamedTuple):
    """One line of a sheet."""

    id: str
    row: str  # id of the test row
    system: str
    source: str
    output: str


def ratings(  # noqa: PLR0913
    params: Ratings,
    language: str,
    test: pa.Table,
    predictions: pa.Table,
    answers: Path,
    out: Path,
) -> Output:
    """The sheet and its key; of the ratings that are there, means, differences and agreement.

    Raises:
        InputError: a line of the ratings is at fault.
    """
    said = translations(test, predictions)
    there = tuple(name for name in params.systems if name in said)
    shown = lines(test, said, there, params.most_segments)
    write(out / "sheet.csv", HEADER, sheet(shown, params.lower_case))
    write(out / "key.csv", ("id", "row", "system"), ((MARK + s.id, s.row, s.system) for s in shown))
    path = answers / f"{language}.csv"
    rated = read_ratings(path) if path.exists() else []
    draw = (params.resamples, params.seed)
    known = {one.id: (one.row, one.system) for one in shown}
    return Output(
        report={
            "systems": list(there),
            "systems_without_translations": [n for n in params.systems if n not in said],
            "segments": len({one.row for one in shown}),
            "outputs": len(shown),
            "reviewers": len({reviewer for _, reviewer, _ in rated}),
            "ratings_of_other_outputs": sum(id not in known for id, _, _ in rated),
            "scales": {
                scale: judged(of_scale(rated, known, scale), there, draw) for scale in SCALES
            },
        }
    )


def translations(test: pa.Table, predictions: pa.Table) -> dict[str, dict[str, str]]:
    """What each system said in the language, by test row, in evaluate's order, and what people did.

    Nothing for a language without pairs.
    """
    said: dict[str, dict[str, str]] = {}
    for found in predictions.filter(pc.equal(predictions["task"], "to_target")).to_pylist():
        said.setdefault(found["system"], {})[found["id"]] = found["hypothesis"]
    columns = (test[name].to_pylist() for name in ("id", "target"))
    human = {id: text for id, text in zip(*columns, strict=True) if text}
    return said | {REFERENCE: human} if said else {}


def lines(
    test: pa.Table, said: Mapping[str, Mapping[str, str]], systems: Sequence[str], most: int
) -> list[Shown]:
    """What is shown, a segment's outputs together, in an order that tells nothing of systems.

    Args:
        most: segments, the first that all systems translated.
    """
    if len(systems) < 2:
        return []
    sources = dict(zip(*(test[name].to_pylist() for name in ("id", "source")), strict=True))
    first = next(name for name in systems if name != REFERENCE)
    ids = [id for id in said[first] if all(id in said[name] for name in systems)][:most]
    shown = [
        Shown(digest("ratings", id, name, text), id, name, sources[id], text)
        for id in ids
        for name in systems
        for text in [said[name][id]]
    ]
    return sorted(shown, key=lambda one: (digest("sheet", one.row), one.id))


def sheet(shown: Sequence[Shown], lower_case: bool) -> Iterable[Sequence[str]]:
    """The sheet's lines; segments are numbered, so that a reader sees what stands together."""
    numbers = {row: str(n) for n, row in enumerate(dict.fromkeys(s.row for s in shown), start=1)}
    for one in shown:
        texts = (cell(text, lower_case) for text in (one.source, one.output))
        yield (MARK + one.id, numbers[one.row], *texts, *("" for _ in SCALES), "", "")


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A CSV file; the byte-order mark tells a spreadsheet that the text is UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


Rating = tuple[str, str, dict[str, int]]  # output, reviewer, points by scale


def read_ratings(path: Path) -> list[Rating]:
    """The ratings of a file, a line an output and reviewer; empty lines of the sheet are left out.

    Raises:
        InputError: names the file, the line, what is there and what is accepted.
    """
    found: dict[tuple[str, str], str] = {}
    said = []
    for where, row in lines_of(path, COLUMNS, "delete segment, source and output before saving"):
        points = {scale: point(where, scale, row[scale]) for scale in SCALES if row[scale]}
        id = row["id"].removeprefix(MARK)
        if not id:
            raise InputError(f"{where}: the id is empty; it is the sheet's first column")
        if points and not row["reviewer"]:
            raise InputError(f"{where}: a rating needs a reviewer; a name or a number will do")
        if points:
            first = found.setdefault((id, row["reviewer"]), where)
            if first != where:
                raise InputError(
                    f"{where}: {row['reviewer']!r} rated {id} in {first} already; "
                    "keep one of the two"
                )
            said.append((id, row["reviewer"], points))
    return said


def point(where: str, scale: str, text: str) -> int:
    """A rating as a number.

    Raises:
        InputError: it is none from 1 to 5.
    """
    if text not in map(str, POINTS):
        raise InputError(
            f"{where}: {scale} {text!r}; accepted are 1 to 5, or nothing where it is not rated"
        )
    return int(text)


def of_scale(said: Sequence[Rating], known: Mapping[str, tuple[str, str]], scale: str) -> Rated:
    """The points of one scale, by segment and system; those of outputs not shown now are left."""
    found: Rated = {}
    for id, _, points in sorted(said, key=lambda rating: rating[:2]):
        if id in known and scale in points:
            found.setdefault(known[id], []).append(points[scale])
    return found


if __name__ == "__main__":
    run(ratings, Ratings)
