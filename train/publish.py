"""What of a language may be passed on: its human text as a data set of the Hub, and its adapter.

A row whose origin forbids that, or whose terms nobody knows, stops it and is named; it is left out
only where that is asked for. So does one that was taken down and is still there. An adapter stands
under the terms of the mixture that it learned from.
"""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from augment.making import Row
from corpus import settings
from corpus.results import SPLITS, Tree, read_json
from corpus.settings import Languages, rows_of
from corpus.table import SYNTHETIC, InputError, read
from corpus.takedown import LIST
from corpus.taken import contributors, profiles, read_list
from corpus.traces import fallen, search_for
from train.cards import hashed
from train.export import remove
from train.mix import Mix
from train.published import MADE, MIXED, Chosen, Project, write_all
from train.terms import barred, bounds_of, licensed

STAGES = ("fetch", "gather", "clean", "select", "split", "validate", "mix")  # that the card tells


class Wanted(NamedTuple):
    """What goes into the folder."""

    without: tuple[str, ...]  # origins that are left out
    synthetic: bool  # whether the training mixture's synthetic rows go along, apart
    version: str | None  # of the data set; null: none is named


def publish(root: Path, key: str, wanted: Wanted, place: Path) -> list[str]:
    """Write the data set of a language to a new folder; returns what there is to say of it.

    Args:
        root: the folder of params.yaml.
        place: where nothing is yet.

    Raises:
        InputError: a row may not be passed on, nothing is left, or a table or report is missing.
    """
    if place.exists():
        raise InputError(f"{place} exists; name a place where nothing is")
    tree = settings.load(root / settings.PARAMS)
    reports = {name: report_of(root / "reports" / f"{name}.json") for name in STAGES}
    project = Project(root, key, settings.languages(tree)[1], tree, reports)
    rows = chosen(project, wanted)
    check(project, rows)
    check_standing(root, [row for part in rows.parts.values() for row in part], project.languages)
    made = place.with_name(f".partial.{place.name}")
    remove(made)
    try:
        lines = write_all(project, rows, wanted.version, made)
        made.rename(place)
    finally:
        remove(made)
    count = sum(map(len, rows.parts.values()))
    gone = (
        f", {rows.left_out:,} left out with {', '.join(wanted.without)}" if wanted.without else ""
    )
    return [f"{place}: {count:,} rows{gone}", *lines]


def report_of(path: Path) -> Tree:
    """A report.

    Raises:
        InputError: it is missing.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; run 'dvc repro' first")
    return read_json(path)


def chosen(project: Project, wanted: Wanted) -> Chosen:
    """The rows of the language, but for those of unwanted origins and what was made of them.

    Raises:
        InputError: an unwanted origin is unknown, or nothing is left.
    """
    if strange := sorted(set(wanted.without) - project.sources.keys()):
        raise InputError(f"there is no origin {strange}; there are {sorted(project.sources)}")
    data = project.root / "data"
    parts = {f"data/{split}": owned(project, read(data / "split" / split)) for split in SPLITS}
    made = read(data / "mix" / project.key / "rows") if wanted.synthetic else MADE.empty_table()
    synthetic = [row for row in made.to_pylist() if row["parent"] is not None]
    told = settings.section(Mix, "mix", project.tree).engine_licences
    bounds = bounds_of([*(r for rows in parts.values() for r in rows), *synthetic], told)
    parts |= {f"{MIXED}/train": licensed(synthetic, bounds)} if wanted.synthetic else {}
    kept = {
        name: [r for r in rows if not {b.source for b in bounds[r["id"]]} & {*wanted.without}]
        for name, rows in parts.items()
    }
    count = sum(map(len, kept.values()))
    if not count:
        raise InputError(f"no row of {project.key} is left; name fewer origins to leave out")
    kept = {name: rows for name, rows in kept.items() if rows}  # datasets reads no empty file
    return Chosen(kept, bounds, sum(map(len, parts.values())) - count)


def owned(project: Project, table: pa.Table) -> list[Row]:
    """The rows of the language."""
    return rows_of(table, [project.key], project.languages)[project.key]


def check(project: Project, rows: Chosen) -> None:
    """Pass where all the rows may be passed on.

    Raises:
        InputError: some may not; names their sources and the way out.
    """
    found: dict[str, str] = {}
    for name, part in rows.parts.items():
        bounds = [rows.bounds[row["id"]] for row in part]
        found |= barred(bounds, project.redistribute, made=name.startswith(MIXED))
    if not found:
        return
    origins = [name for name in found if name in project.sources]
    licences = {b.source: b.licence for bound in rows.bound.values() for b in bound}
    named = ", ".join(f"{name} ({why}; {licences[name]})" for name, why in found.items())
    ways = [" ".join(f"--without {name}" for name in origins)] if origins else []
    ways += ["no --synthetic"] if len(origins) < len(found) else []
    raise InputError(f"not to be passed on: {named}; leave them out: {' and '.join(ways)}")


def check_standing(root: Path, rows: list[Row], languages: Languages) -> None:
    """Pass where nobody asked for one of the rows to be taken down.

    Raises:
        InputError: somebody did, after the last run.
    """
    requests = read_list(root / LIST)
    if not requests:
        return
    search = search_for(requests, profiles(languages))
    table = pa.Table.from_pylist(rows, SYNTHETIC)
    if count := sum(fallen(table, search, languages, contributors(root / "data" / "raw"))):
        raise InputError(f"{count} rows were taken down and are still there; run 'dvc repro' first")


def packaged(root: Path, key: str) -> tuple[Path, list[str]]:
    """The folder of the adapter of a language, and its licences, where it may be passed on.

    Raises:
        InputError: it may not, or is not the one that its report describes.
    """
    folder, path = root / "models" / "package" / key, root / "reports" / "package" / f"{key}.json"
    report = report_of(path)
    files = sorted(folder.iterdir()) if folder.exists() else []
    if {file.name: hashed(file) for file in files} != report["sha256"]:
        run = f"dvc repro package@{key}"
        raise InputError(f"{folder} is not what {path} describes; run '{run}' first")
    if found := closed(root, key, report["may_be_passed_on"]):
        named = ", ".join(f"{name} (redistribution {answer})" for name, answer in found.items())
        raise InputError(
            f"not to be passed on: the adapter of {key} learned from {named}; ask whose it is, and "
            "set redistribute, or leave it out of gather.sources and run 'dvc repro'"
        )
    tree = settings.load(root / settings.PARAMS)
    rows = read(root / "data" / "mix" / key / "rows").to_pylist()
    check_standing(root, rows, settings.languages(tree)[1])
    return folder, report["licences"]


def closed(root: Path, key: str, packaged: bool) -> dict[str, str]:
    """The sources for which what was learned from them may not be passed on, with the answer.

    Args:
        packaged: whether stage package says that it may.
    """
    told = report_of(root / "reports" / "mix.json")["languages"][key]["terms"]["terms"]
    found: dict[str, str] = dict.fromkeys(
        told["redistribution"]["by"], told["redistribution"]["answer"]
    )
    if packaged:
        return found
    sources = report_of(root / "reports" / "gather.json")["sources"].values()
    names = [one["origin"] for one in sources if one["language"] == key and not one["redistribute"]]
    return found | dict.fromkeys(names or ["its sources of then"], "no")
