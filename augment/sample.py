"""A blinded, stratified sheet for native reviewers of each active language.

Strata are origin × variety × method (or human). A row's place in its stratum is the hash of its
id, so a sheet drawn again from a grown corpus keeps the rows that were already judged.

Source: Cochran 1977, Sampling Techniques, chapters 4 and 5
"""

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pyarrow as pa

from augment.review import MARK, Row, strata
from corpus.settings import Languages, rows_of, settings
from corpus.stage import Output, run
from corpus.table import InputError, digest, place

HEADER = ("id", "source", "target", "verdict", "reviewer", "comment")
FORMULA = tuple("=+-@\t\r＝＋－＠")  # what makes a spreadsheet run a cell as a program


@settings
class Sample:
    """How sure the sheet must make us, and how it looks."""

    margin: float  # half the interval of the share of bad rows
    confidence: float  # of that interval
    least_rows: int  # of each stratum, as far as it has them
    lower_case: bool  # show all text in lower case, as the translator writes

    def __post_init__(self) -> None:
        if not (0 < self.margin < 1 and 0 < self.confidence < 1):
            raise ValueError(
                "margin and confidence must be between 0 and 1, "
                f"got {self.margin} and {self.confidence}"
            )
        if self.least_rows < 0:
            raise ValueError(f"least_rows must be at least 0, got {self.least_rows}")


def needed(population: int, margin: float, confidence: float) -> int:
    """Rows to judge so that a share is known within the margin, whatever it is.

    With the finite population correction: a small population is not judged twice.

    >>> needed(10**9, 0.05, 0.95), needed(300, 0.05, 0.95), needed(0, 0.05, 0.95)
    (385, 169, 0)
    """
    if not population:
        return 0
    endless = (NormalDist().inv_cdf(0.5 + confidence / 2) / margin) ** 2 / 4  # share 1/2 is worst
    return min(population, math.ceil(endless / (1 + (endless - 1) / population)))


def reached(rows: int, population: int, confidence: float) -> float | None:
    """The margin that so many rows of a population give; null where none is judged."""
    if not rows:
        return None
    left = (population - rows) / (population - 1) if population > 1 else 0.0
    return NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(left / (4 * rows))


def shares(sizes: Mapping[Any, int], rows: int, least: int) -> dict[Any, int]:
    """Rows of each stratum: in proportion, rounded up, at least `least` and at most all.

    >>> shares({"a": 900, "b": 99, "c": 1}, rows=100, least=5)
    {'a': 90, 'b': 10, 'c': 1}
    """
    whole = sum(sizes.values())
    return {name: min(size, max(least, -(-rows * size // whole))) for name, size in sizes.items()}


def margin_of(sizes: Mapping[Any, int], drawn: Mapping[Any, int], confidence: float) -> float:
    """The margin of the whole, each stratum counted by its size (Cochran, formula 5.6)."""
    whole = sum(sizes.values())
    margins = {name: reached(drawn[name], size, confidence) for name, size in sizes.items()}
    return math.sqrt(sum((sizes[n] / whole * m) ** 2 for n, m in margins.items() if m is not None))


def drawn_from(rows: Sequence[Row], of: Mapping[str, Any], quota: Mapping[Any, int]) -> list[Row]:
    """The rows of lowest place in each stratum, in an order that tells nothing of it."""
    taken: dict[Any, int] = dict.fromkeys(quota, 0)
    chosen = []
    for row in sorted(rows, key=lambda row: (place("sample", row["id"]), row["id"])):
        stratum = of[row["id"]]
        if taken[stratum] < quota[stratum]:
            taken[stratum] += 1
            chosen.append(row)
    return sorted(chosen, key=lambda row: digest("sheet", row["id"]))


def cell(text: str | None, lower_case: bool) -> str:
    """What a sheet shows of a side; an apostrophe keeps a formula from running.

    >>> cell("=1+1", lower_case=False)
    "'=1+1"
    """
    shown = (text or "").lower() if lower_case else text or ""
    return f"'{shown}" if shown.lstrip(" ").startswith(FORMULA) else shown


def write_sheet(rows: Sequence[Row], path: Path, lower_case: bool) -> None:
    """One sheet; the byte-order mark tells a spreadsheet that the text is UTF-8."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(HEADER)
        for row in rows:
            sides = (cell(row[side], lower_case) for side in ("source", "target"))
            writer.writerow((MARK + row["id"], *sides, "", "", ""))


def part(sizes: Mapping[Any, int], quota: Mapping[Any, int], confidence: float) -> dict[str, float]:
    """Population, rows and margin of some strata together."""
    return {
        "population": sum(sizes.values()),
        "rows": sum(quota[stratum] for stratum in sizes),
        "margin": margin_of(sizes, quota, confidence),
    }


def sheet_report(
    sizes: Mapping[tuple[str, str, str], int], quota: Mapping[Any, int], confidence: float
) -> dict[str, Any]:
    """Population, rows and margin of a sheet, of each method and of each stratum."""
    nested: dict[str, Any] = {}
    methods = sorted({method for _, _, method in sizes})
    for (origin, variety, method), size in sizes.items():
        rows = quota[origin, variety, method]
        nested.setdefault(origin, {}).setdefault(variety, {})[method] = {
            "population": size,
            "rows": rows,
            "margin": reached(rows, size, confidence),
        }
    return {
        **part(sizes, quota, confidence),
        "methods": {
            method: part(
                {stratum: size for stratum, size in sizes.items() if stratum[2] == method},
                quota,
                confidence,
            )
            for method in methods
        },
        "strata": nested,
    }


def sample(  # noqa: PLR0913
    train: pa.Table,
    synthetic: pa.Table,
    params: Sample,
    active: tuple[str, ...],
    languages: Languages,
    out: Path,
) -> Output:
    """A sheet per active language, with the rows that a stated margin needs."""
    of = strata(train, synthetic)
    report = {}
    human, made = (rows_of(table, active, languages) for table in (train, synthetic))
    for key in active:
        rows = [row for row in human[key] + made[key] if row["target"]]  # no pivot text alone
        if not rows:
            raise InputError(
                f"active language {key!r} has no row to review; see reports/split.json"
            )
        sizes = dict(sorted(Counter(of[row["id"]] for row in rows).items()))
        wanted = needed(len(rows), params.margin, params.confidence)
        quota = shares(sizes, wanted, params.least_rows)
        write_sheet(drawn_from(rows, of, quota), out / f"{key}.csv", params.lower_case)
        report[key] = sheet_report(sizes, quota, params.confidence)
    return Output(report={"languages": report})


if __name__ == "__main__":
    run(sample, Sample)
