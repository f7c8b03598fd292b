"""What was made of rows that are taken down: synthetic rows, mixtures, models of any version."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from corpus.project import LOCK, home, own
from corpus.why import METHODS, SPLITS

CACHE = Path(".dvc/cache/files/md5")
NOT_TRAINED = "models/base"
Outs = dict[str, str]  # path: MD5


def children(folder: Path, column: str, ids: list[str]) -> list[tuple[str, str]]:
    """Id and parent of the rows of a table whose column has one of these values."""
    paths = [str(path) for path in sorted(folder.glob("*.parquet"))]
    if not paths:
        return []
    query = (
        f'select id, parent from read_parquet($1) where list_contains($2, "{column}") '
        "or ($3 and list_has_any(others, $2)) order by id"
    )
    return duckdb.execute(query, [paths, ids, column == "parent"]).fetchall()


def ids_in(paths: Iterable[Path], ids: list[str]) -> list[str]:
    """Those of the ids that stand in Parquet files."""
    files = [str(path) for path in sorted(paths)]
    if not files or not ids:
        return []
    query = "select id from read_parquet($1) where list_contains($2, id) order by id"
    return [name for (name,) in duckdb.execute(query, [files, ids]).fetchall()]


def made_of(data: Path, ids: list[str]) -> dict[str, str]:
    """The method of each synthetic row made from these rows, or from such a row again."""
    found: dict[str, str] = {}
    parents = ids
    while parents:
        new = {
            row_id: method
            for method in METHODS
            for row_id, _ in children(data / method / "rows", "parent", parents)
        }
        parents = sorted(new.keys() - found.keys())
        found |= new
    return found


def affected(root: Path, ids: list[str]) -> Iterator[str]:
    """What the last run made of rows, and every model that a version of the project trained."""
    data = root / "data"
    made = made_of(data, ids)
    methods = ", ".join(f"{name} {count}" for name, count in sorted(Counter(made.values()).items()))
    yield f"made from them: {len(made)} rows" + (f" ({methods})" if made else "")
    for name in SPLITS:
        yield f"in {name}: {len(ids_in((data / 'split' / name).glob('*.parquet'), ids))} rows"
    for folder in sorted((data / "mix").glob("*/rows")):
        there = ids_in(folder.glob("*.parquet"), [*ids, *made])
        yield f"in the training mixture of {folder.parent.name}: {len(there)} rows"
    yield from models(root, ids)


def models(root: Path, ids: list[str]) -> Iterator[str]:
    """Each model that a version of dvc.lock names, and whether the rows were in its training split.

    A model is named by its hash, with the first version that has it.
    """
    seen: set[tuple[str, str]] = set()
    for version, lock in versions(root):
        outs = outs_of(lock, home(root).at)
        for path, md5 in sorted(outs.items()):
            if path.startswith("models/") and path != NOT_TRAINED and (path, md5) not in seen:
                seen.add((path, md5))
                said = trained_on(root, outs.get("data/split"), tuple(ids))
                if said != "not on them":
                    yield f"model {path} ({md5[:10]}) of {version}: trained {said}"


def versions(root: Path) -> Iterator[tuple[str, str]]:
    """Each version of dvc.lock with its name: commits, oldest first, then what is there now."""
    top = home(root).root
    log = git(top, "log", "--reverse", "--format=%H\t%cs\t%D", "--", LOCK) or ""
    for line in log.splitlines():
        commit, day, names = line.split("\t")
        tags = [name.removeprefix("tag: ") for name in names.split(", ") if "tag: " in name]
        text = git(top, "show", f"{commit}:./{LOCK}")
        if text is not None:
            yield " ".join([commit[:10], day, *tags]), text
    if (top / LOCK).exists():
        yield "this run", (top / LOCK).read_text("utf-8")


def git(root: Path, *words: str) -> str | None:
    """What git says, or null where it says nothing: no repository, no such file."""
    command = ["git", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def outs_of(lock: str, at: str | None) -> Outs:
    """The outputs in a dvc.lock and their hashes.

    Args:
        at: the project's folder, below which paths are then; null: those of all projects.
    """
    tree: Any = yaml.load(lock, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
    every = tree.get("stages", {})
    stages = (every if at is None else own(every, at)).values()
    return {out["path"]: out.get("md5", "") for stage in stages for out in stage.get("outs", [])}


@cache
def trained_on(root: Path, split: str | None, ids: tuple[str, ...]) -> str:
    """Whether a training split, by its hash, holds one of the rows."""
    files = cached(root, split) if split else None
    if files is None:
        return "on data that is not in this cache: cannot tell whether on them"
    train = [path for name, path in files.items() if name.startswith("train/")]
    if not all(path.exists() for path in train):
        return "on data that is not in this cache: cannot tell whether on them"
    return "on them" if ids_in(train, list(ids)) else "not on them"


def cached(root: Path, md5: str) -> dict[str, Path] | None:
    """The files of a folder in DVC's cache by their names; null where it is not there."""
    cache = home(root).root / CACHE
    listing = cache / md5[:2] / md5[2:]
    if not md5.endswith(".dir") or not listing.exists():
        return None
    found = json.loads(listing.read_text("utf-8"))
    return {one["relpath"]: cache / one["md5"][:2] / one["md5"][2:] for one in found}
