"""Tiny projects for tests of versions: rows through four stages, under git and DVC or without."""

import subprocess
from collections import Counter
from contextlib import chdir
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from corpus.table import LEDGER, SCHEMA, canonical, place, row_id, write

Segment = tuple[str, str, str | None, str]  # origin, document, source, target
GRAPH = {
    "gather": ["data/raw"],
    "clean": ["data/gather"],
    "select": ["data/clean"],
    "split": ["data/clean", "data/select"],
}
SPLIT = pa.schema([*SCHEMA, pa.field("split", pa.string())])


def grown(
    segments: list[Segment], least: int = 4, variety: str = "nci_Latn"
) -> dict[str, pa.Table]:
    """The tables of all four stages: what is short is dropped, the split is by hash of the id."""
    seen, lines, places = Counter[Any](), [], Counter[Any]()
    for origin, document, source, target in segments:
        earlier = seen[origin, source, target]
        seen[origin, source, target] += 1
        key = row_id(origin, source, target, earlier)
        position = places[origin, document]
        places[origin, document] += 1
        lines.append(
            {"id": key, "document": document, "position": position, "origin": origin}
            | {"source": source, "target": target, "licence": "CC0-1.0"}
            | {"source_language": "spa_Latn", "language": variety}
        )
    rows = canonical(pa.Table.from_pylist(lines, schema=SCHEMA))
    cleaned = [{**row, "target": " ".join(row["target"].split())} for row in rows.to_pylist()]
    verdicts = [
        {"id": row["id"], "stage": "select", "kept": len(row["target"]) >= least, "reason": None}
        | ({} if len(row["target"]) >= least else {"reason": "target length too low"})
        for row in cleaned
    ]
    kept = [row for row, verdict in zip(cleaned, verdicts, strict=True) if verdict["kept"]]
    tables = {
        "gather/rows": rows,
        "gather/ledger": judged("gather", rows),
        "clean/rows": pa.Table.from_pylist(cleaned, schema=SCHEMA),
        "clean/ledger": judged("clean", rows),
        "select/ledger": pa.Table.from_pylist(verdicts, schema=LEDGER),
    }
    for name, low, high in (("train", 0.0, 0.7), ("test", 0.7, 1.0)):
        some = [{**row, "split": name} for row in kept if low <= place("split", row["id"]) < high]
        tables[f"split/{name}"] = pa.Table.from_pylist(some, schema=SPLIT)
    return tables


def judged(stage: str, rows: pa.Table) -> pa.Table:
    """A ledger that keeps all."""
    lines = [{"id": i, "stage": stage, "kept": True} for i in rows["id"].to_pylist()]
    return pa.Table.from_pylist(lines, schema=LEDGER)


def write_all(tables: dict[str, pa.Table], folder: Path) -> None:
    """The tables below data."""
    for name, table in tables.items():
        write(table, folder / "data" / name, 10**9)


def git(folder: Path, *words: str) -> None:
    """A command of git."""
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def begin(folder: Path) -> None:
    """An empty project under git and DVC, its graph in place."""
    from dvc.repo import Repo

    folder.mkdir(parents=True)
    git(folder, "init", "-b", "main")
    git(folder, "config", "user.email", "a@b.c")
    git(folder, "config", "user.name", "a")
    Repo.init(str(folder)).close()
    stages = {
        name: {"cmd": "true", "deps": deps, "params": [name], "outs": [f"data/{name}"]}
        for name, deps in GRAPH.items()
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))


def commit(folder: Path, tag: str, tables: dict[str, pa.Table], least: int = 4) -> None:
    """A version of the project under a tag, built and committed."""
    from dvc.repo import Repo

    write_all(tables, folder)
    (folder / "data/raw").mkdir(exist_ok=True)
    rows = tables["gather/rows"]["target"].to_pylist()
    (folder / "data/raw/mine.txt").write_text("\n".join(rows))
    params = {name: {"licence": "CC0-1.0"} for name in GRAPH} | {"select": {"least": least}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    with chdir(folder), Repo(str(folder)) as repo:
        repo.commit(force=True)
    git(folder, "add", "--all")
    git(folder, "commit", "--allow-empty", "-m", tag)
    git(folder, "tag", tag)
