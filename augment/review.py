"""What native speakers said: strata, verdict files, majority, agreement, quality with its interval.

A verdict file is verdicts/<language>.csv, in git, with the columns id, verdict, reviewer, comment.
"""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import pyarrow as pa

from corpus.settings import Languages
from corpus.table import InputError

COLUMNS = ("id", "verdict", "reviewer", "comment")
VERDICTS = ("good", "bad", "unsure")
MARK = "row-"  # before an id in a sheet: a spreadsheet reads 12345e678 as a number
HUMAN = "human"  # the method of rows that nobody made
MAKES_SOURCE = ("backtranslate",)  # of the target alone; others' sources are, or say, a parent's
MAKES_TARGET = ("forward",)  # of a source that stands alone: no human pair's text is in the row

Row = Mapping[str, Any]


class Verdict(NamedTuple):
    """One reviewer's word on one row; an empty verdict is not yet judged."""

    id: str
    verdict: str
    reviewer: str


def strata(train: pa.Table, synthetic: pa.Table) -> dict[str, tuple[str, str, str]]:
    """Stratum of each row by id: origin of the human row, variety, and method or 'human'."""
    human = {
        id: (origin, language or "none", HUMAN)
        for id, origin, language in zip(
            *(train[name].to_pylist() for name in ("id", "origin", "language")), strict=True
        )
    }
    made = {
        id: (human[parent][0] if parent in human else "none", language or "none", method)
        for id, parent, language, method in zip(
            *(synthetic[name].to_pylist() for name in ("id", "parent", "language", "origin")),
            strict=True,
        )
    }
    return human | made


def read_folder(folder: Path, languages: Languages) -> dict[str, list[Verdict]]:
    """The verdicts of each language that has a file.

    Raises:
        InputError: a file's name is no language, or a line of it is at fault.
    """
    paths = sorted(folder.glob("*.csv"))
    for path in paths:
        if path.stem not in languages:
            raise InputError(f"{path} is named after no language; known are {sorted(languages)}")
    return {path.stem: read_verdicts(path) for path in paths}


def read_verdicts(path: Path) -> list[Verdict]:
    """The verdicts of one file; comma, semicolon or tab between cells, as its header has it.

    Raises:
        InputError: names the file, the line, what is there and what is accepted.
    """
    found: dict[tuple[str, str], str] = {}
    verdicts = []
    for where, row in lines_of(path, COLUMNS, "delete source and target before saving"):
        verdict = verdict_of(where, row)
        first = found.setdefault((verdict.id, verdict.reviewer), where)
        if first != where:
            raise InputError(
                f"{where}: {verdict.reviewer!r} judged row {verdict.id} "
                f"in line {first.rpartition(':')[2]} already; keep one of the two"
            )
        verdicts.append(verdict)
    return verdicts


def lines_of(path: Path, columns: Sequence[str], mend: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and cells by column of each line of a reviewers' file; empty lines are passed over.

    Args:
        mend: what to do where the columns are others.

    Raises:
        InputError: names the file, the line, what is there and what is accepted.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 (byte {error.start}); save it as 'CSV UTF-8'"
        ) from None
    header = text.partition("\n")[0]
    between = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=between, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if sorted(names) != sorted(columns):
            raise InputError(
                f"{path}:1: the columns must be {list(columns)}, got {names}; "
                f"{mend}, the texts stay out of git"
            )
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{path}:{reader.line_num}"
            if len(cells) != len(names):
                raise InputError(f"{where}: {len(cells)} cells, the header has {len(names)}")
            yield where, dict(zip(names, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: {error}; save it as CSV again") from None


def verdict_of(where: str, row: Mapping[str, str]) -> Verdict:
    """One line as a verdict.

    Raises:
        InputError: it has a verdict that is none, or nobody's name.
    """
    verdict = row["verdict"].lower()
    if not row["id"]:
        raise InputError(f"{where}: the id is empty; it is the sheet's first column")
    if verdict not in ("", *VERDICTS):
        raise InputError(
            f"{where}: verdict {row['verdict']!r}; accepted are {list(VERDICTS)}, "
            "or nothing where the row is not judged"
        )
    if verdict and not row["reviewer"]:
        raise InputError(f"{where}: a verdict needs a reviewer; a name or a number will do")
    return Verdict(row["id"].removeprefix(MARK), verdict, row["reviewer"])


def majority(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """What most reviewers said of each row: good or bad, or unsure where neither is ahead.

    >>> majority([Verdict("1", "bad", "ana"), Verdict("1", "unsure", "eva")])
    {'1': 'bad'}
    """
    votes: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        if verdict.verdict:
            votes.setdefault(verdict.id, Counter())[verdict.verdict] += 1
    ahead = {id: count["good"] - count["bad"] for id, count in sorted(votes.items())}
    return {id: "good" if n > 0 else "bad" if n < 0 else "unsure" for id, n in ahead.items()}


def agreement(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Krippendorff's alpha over the rows that two or more reviewers judged; null without any.

    One is full agreement, zero what chance would give. Null too where all verdicts are the same:
    then nothing tells agreement from habit.

    Source: Krippendorff 2011, https://repository.upenn.edu/asc_papers/43
    """
    from nltk.metrics.agreement import AnnotationTask  # takes a second to load

    judged = sorted(v for v in verdicts if v.verdict)
    times = Counter(v.id for v in judged)
    shared = [(v.reviewer, v.id, v.verdict) for v in judged if times[v.id] > 1]
    kinds = {label for _, _, label in shared}
    alpha = float(AnnotationTask(data=shared).alpha()) if len(kinds) > 1 else None
    return {"alpha": alpha, "rows": sum(count > 1 for count in times.values())}


def bad_share(said: Iterable[str], confidence: float) -> dict[str, Any]:
    """Share of bad among good and bad rows of one stratum, with its Wilson interval."""
    verdicts = list(said)
    return weighted_bad_share({"all": verdicts}, {"all": len(verdicts)}, confidence)


def weighted_bad_share(
    said: Mapping[Any, Sequence[str]], sizes: Mapping[Any, int], confidence: float
) -> dict[str, Any]:
    """Share of bad rows in a population that was judged stratum by stratum; null without any.

    A stratum counts by its size, not by the rows drawn from it: a sheet has more of the small ones.
    The interval is Wilson's with Kish's effective number of rows, (sum of weights)² / sum of their
    squares. It asks neither for stratification's gain nor for that of a small population, so it is
    rather too wide. Strata without a verdict are left out; `covered` is the share that is not.

    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953;
    Korn & Graubard 1998, Survey Methodology 24, 193-201 (effective sample size)
    """
    counts = {name: Counter(verdicts) for name, verdicts in said.items()}
    whole = sum(counts.values(), Counter[str]())
    judged = {name: c["good"] + c["bad"] for name, c in counts.items() if c["good"] + c["bad"]}
    figures = {"judged": sum(judged.values()), **{verdict: whole[verdict] for verdict in VERDICTS}}
    if not judged:
        return {**figures, "bad_share": None, "low": None, "high": None}
    size = sum(sizes[name] for name in judged)
    share = sum(sizes[name] / size * counts[name]["bad"] / n for name, n in judged.items())
    effective = size**2 / sum(sizes[name] ** 2 / n for name, n in judged.items())
    low, high = wilson(share, effective, confidence)
    return {
        **figures,
        "bad_share": share,
        "low": low,
        "high": high,
        "effective": effective,
        "covered": size / sum(sizes.values()),
    }


def wilson(share: float, rows: float, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a share; `rows` need not be whole.

    >>> [round(bound, 4) for bound in wilson(0.1, 10, 0.95)]
    [0.0179, 0.4042]
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = share + z**2 / (2 * rows)
    half = z * math.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    bounds = ((middle - half) / (1 + z**2 / rows), (middle + half) / (1 + z**2 / rows))
    return max(0.0, bounds[0]), min(1.0, bounds[1])
