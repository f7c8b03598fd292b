"""Runs a stage: command line, settings and tables in; tables, ledger, report out, or nothing.

A stage is a pure function. What it names is what it gets: `params` its own section, `active` and
`languages` the languages, `shards` how to map, `engines` the engines, of its annotation's type;
every other parameter is an argument of the command line, `rows=data/clean/rows`: read where it is
annotated as a `pa.Table`, or as a list of them with commas between the paths, else handed over as a
path (`Path`) or as it stands (`str`). `out` is a folder that becomes the output when all is well.
`params=` names the file of settings; `@backtranslate.engine` in a word stands for that setting.
"""

import errno
import inspect
import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus import settings as config
from corpus.shards import Shards, die_with_parent, map_shards
from corpus.table import (
    InputError,
    conserve,
    counts,
    read,
    read_shard,
    shard_paths,
    write,
    write_shard,
)


@dataclass(frozen=True)
class Output:
    """What a stage made."""

    tables: Mapping[str, pa.Table] = field(default_factory=dict)  # by folder in out; "": out itself
    report: Mapping[str, Any] = field(default_factory=dict)  # figures beside the row counts


def run(stage: Callable[..., Output], settings: type, *, enters: str = "", by: str = "") -> None:
    """Run a stage as the program that it is; an `InputError` is one line and exit status 1.

    Args:
        enters: the parameters, with spaces between, whose rows each get one ledger row.
        by: the parameter to map over, shard by shard; the stage then sees one shard at a time,
            and its reports, nested counts, are summed.
    """
    die_with_parent()
    try:
        perform(
            stage, settings, dict(pair(word) for word in sys.argv[1:]), tuple(enters.split()), by
        )
    except InputError as error:
        sys.exit(f"{stage.__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{stage.__name__}: interrupted; nothing was written")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(f"{stage.__name__}: the disk is full; free some space and run 'dvc repro' again")


def pair(word: str) -> tuple[str, str]:
    """An argument `name=value` as its two halves."""
    name, equals, value = word.partition("=")
    if not (name and equals):
        raise InputError(f"arguments are name=value, got {word!r}")
    return name, value


def settled(word: str, tree: Mapping[str, Any]) -> str:
    """A word with its settings put in.

    >>> settled("a,b:@paraphrase.reword.engine", {"paraphrase": {"reword": {"engine": "own"}}})
    'a,b:own'

    Raises:
        InputError: there is no such setting.
    """

    def value(found: re.Match[str]) -> str:
        here: Any = tree
        for key in found[1].split("."):
            if not isinstance(here, Mapping) or key not in here:
                raise InputError(f"the settings lack {found[1]!r}, which the command line names")
            here = here[key]
        return str(here)

    return re.sub(r"@([a-z_]+(?:\.[a-z_]+)+)", value, word)


@dataclass(frozen=True)
class Job:
    """A stage with all that it works on."""

    stage: Callable[..., Output]
    values: dict[str, Any]  # its arguments, but for the shard when it is mapped
    enters: tuple[str, ...]  # the arguments whose rows must each get one ledger row
    scratch: Path | None  # becomes the output when all is well


def perform(
    stage: Callable[..., Output],
    settings: type,
    words: dict[str, str],
    enters: Sequence[str] = (),
    by: str = "",
) -> None:
    """Run a stage on the paths of `words` and put its output in place."""
    tree = config.load(Path(words.pop("params", config.PARAMS)))
    words = {name: settled(word, tree) for name, word in words.items()}
    out = Path(words["out"]) if "out" in words else None
    scratch = out and out.with_name(f".{out.name}.partial")
    if scratch:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
    try:
        values = arguments(stage, settings, {**words, "scratch": str(scratch)}, tree)
        shards = config.section(Shards, "shards", tree)
        job = Job(stage, values, tuple(enters), scratch)
        report = by_shard(job, by, Path(words[by]), shards) if by else whole(job, shards)
        if "report" in words:
            write_json(report, Path(words["report"]))
        if out and scratch:
            shutil.rmtree(out, ignore_errors=True)
            scratch.rename(out)
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


def arguments(
    stage: Callable[..., Output], settings: type, words: dict[str, str], tree: dict[str, Any]
) -> dict[str, Any]:
    """A value for each parameter of the stage.

    Raises:
        InputError: an argument is missing or unknown, or a section or table is at fault.
    """
    wanted = inspect.signature(stage).parameters
    active, known = config.languages(tree)
    makers: dict[str, Callable[[], Any]] = {
        "params": lambda: config.section(settings, stage.__name__, tree),
        "shards": lambda: config.section(Shards, "shards", tree),
        "active": lambda: active,
        "languages": lambda: known,
        "engines": lambda: config.section(wanted["engines"].annotation, "engines", tree),
        "out": lambda: Path(words["scratch"]),
    }
    if missing := [name for name in wanted if name not in makers.keys() | words.keys()]:
        raise InputError(f"the command line lacks {missing}")
    if unknown := sorted(words.keys() - wanted.keys() - {"out", "report", "scratch"}):
        raise InputError(f"the command line has unknown {unknown}; known are {list(wanted)}")
    return {
        name: makers[name]() if name in makers else from_word(parameter, words[name])
        for name, parameter in wanted.items()
    }


def from_word(parameter: inspect.Parameter, word: str) -> Any:  # noqa: ANN401
    """An argument of the command line as the kind that the stage's parameter is annotated with."""
    if parameter.annotation is pa.Table:
        return read(Path(word))
    if parameter.annotation == list[pa.Table]:
        return [read(Path(path)) for path in word.split(",")]
    if parameter.annotation in (str, Path):
        return parameter.annotation(word)
    raise TypeError(f"a stage takes a pa.Table, a list of them, a Path or str, not {parameter}")


def whole(job: Job, shards: Shards) -> dict[str, Any]:
    """Run a stage on whole tables, check and write what it made; return its report."""
    made = job.stage(**job.values)
    report = account(job, job.values, made)
    for folder, table in made.tables.items():
        if job.scratch is None:
            raise ValueError(f"{job.stage.__name__} made a table but has no out=")
        write(table, job.scratch / folder, shards.most_bytes)
    return report


def by_shard(job: Job, by: str, folder: Path, shards: Shards) -> dict[str, Any]:
    """Run a stage on each shard of a table; a shard keeps its number."""
    values = {name: value for name, value in job.values.items() if name != by}
    work = partial(one_shard, replace(job, values=values), by)
    return total(map_shards(work, shard_paths(folder), shards, job.stage.__name__))


def one_shard(job: Job, by: str, path: Path) -> dict[str, Any]:
    """Run a stage on one shard and write what it made under the shard's number."""
    values = {**job.values, by: read_shard(path)}
    made = job.stage(**values)
    for folder, table in made.tables.items():
        if job.scratch is None:
            raise ValueError(f"{job.stage.__name__} made a table but has no out=")
        write_shard(table, job.scratch / folder / path.name)
    return account(job, values, made)


def account(job: Job, values: dict[str, Any], made: Output) -> dict[str, Any]:
    """The report of a stage: rows per language and origin, dropped rows per reason, its figures.

    Raises:
        RuntimeError: a row was lost, or judged twice.
    """
    report: dict[str, Any] = {}
    rows = made.tables.get("rows")
    if job.enters and "ledger" in made.tables:
        entered = pa.concat_tables([entering(values[n]) for n in job.enters])
        report = judged(job.stage.__name__, entered, made.tables["ledger"], rows)
    elif rows is not None:
        report = {"rows": len(rows), "by_language": counts(rows, "language", "origin")}
    return {**report, **made.report}


def entering(rows: pa.Table | list[pa.Table] | Path) -> pa.Table:
    """What the report counts of the rows that entered; a stage that got a path read no text."""
    names = ["id", "language", "origin"]
    if isinstance(rows, list):
        return pa.concat_tables([table.select(names) for table in rows])
    return read(rows, names) if isinstance(rows, Path) else rows.select(names)


def judged(name: str, entered: pa.Table, ledger: pa.Table, rows: pa.Table | None) -> dict[str, Any]:
    """Counts of a deciding stage, after the check that no row was lost."""
    kept = ledger.filter(ledger["kept"])["id"]
    conserve(name, entered["id"], ledger, kept if rows is None else rows["id"])
    dropped = ledger.filter(pc.invert(ledger["kept"])).select(["id", "reason"])
    dropped = dropped.join(entered, "id", join_type="left outer")
    return {
        "entered": len(entered),
        "kept": len(kept),
        "dropped": len(dropped),
        "dropped_by_reason": counts(dropped, "reason", "language", "origin"),
        "kept_by_language": counts(
            entered.filter(pc.is_in(entered["id"], value_set=kept.combine_chunks())),
            "language",
            "origin",
        ),
    }


def total(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The sum of nested counts, keys sorted.

    >>> total([{"a": {"x": 1}}, {"a": {"x": 2, "b": 1}}])
    {'a': {'b': 1, 'x': 3}}
    """
    keys = sorted({key for report in reports for key in report})
    return {key: add([report[key] for report in reports if key in report]) for key in keys}


def add(values: list[Any]) -> Any:  # noqa: ANN401
    """Numbers summed, mappings merged."""
    return total(values) if isinstance(values[0], dict) else sum(values)


def write_json(tree: Mapping[str, Any], path: Path) -> None:
    """A report that git can diff: sorted keys, six significant digits, a line a value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = json.dumps(rounded(tree), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    partial_path = path.with_name(f".{path.name}.partial")
    partial_path.write_text(whole + "\n", "utf-8")
    partial_path.replace(path)


def rounded(value: Any) -> Any:  # noqa: ANN401
    """The same tree with floats at six significant digits; a float that is none is null.

    >>> rounded({"a": [0.123456789, 2]})
    {'a': [0.123457, 2]}
    """
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if value == value and abs(value) != float("inf") else None
    return value
