"""What differs between two versions beside their rows, so that each change has a likely cause.

dvc.lock says what every stage was made of: its command, parameters, code and inputs; synthetic rows
name their engine by its hash. What differs there at the stage where a row first differs is proposed
as the cause of that row's change. It is a proposal: of two differences at one stage nobody knows
which one moved a row.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow.parquet as pq
from rapidfuzz.distance import Prefix

from corpus.versions import Tree, Version, parents

CODE = ("corpus/", "augment/", "train/")
MOST_CHARACTERS = 60  # of a value in a line
DIGITS = 8  # of a hash in a line


@dataclass(frozen=True)
class Difference:
    """One thing that a stage was made of, in both versions; null where one version lacks it."""

    kind: str  # params, code, input, command, engine, library or upstream
    name: str
    old: str | None
    new: str | None

    def sides(self) -> list[tuple[str | None, str | None]]:
        """Each value and that of the other version."""
        return [(self.old, self.new), (self.new, self.old)]

    def line(self) -> str:
        """The difference in words.

        >>> Difference("params", "select.least_kept", "0.9", None).line()
        'params select.least_kept: 0.9 → (none)'
        """
        both = [shortened(value, other) for value, other in self.sides()]
        if self.kind == "upstream":
            return f"{self.name} came out otherwise"
        return f"{self.kind} {self.name}".rstrip() + f": {both[0]} → {both[1]}"


def shortened(value: str | None, other: str | None = None) -> str:
    """A value, cut to what a line holds; what differs from the other value is in it.

    >>> shortened("a" * 70)[-3:]
    'aa…'
    >>> shortened("a" * 70 + "b", "a" * 70 + "c")[-4:]
    'aaab'
    """
    if value is None:
        return "(none)"
    if len(value) <= MOST_CHARACTERS:
        return value
    begin = 0
    if other is not None:
        alike = Prefix.similarity(value, other)
        begin = min(max(0, alike - MOST_CHARACTERS // 2), len(value) - MOST_CHARACTERS)
    part = value[begin : begin + MOST_CHARACTERS]
    return ("…" if begin else "") + part + ("…" if begin + MOST_CHARACTERS < len(value) else "")


def differences(old: Version, new: Version, stage: str) -> list[Difference]:
    """What a stage was made of that differs, the outputs of other stages last."""
    entries = [version.lock.get(stage, {}) for version in (old, new)]
    params = unlike("params", *(flat(params_of(entry)) for entry in entries))
    command = unlike("command", *({"": str(e["cmd"])} if "cmd" in e else {} for e in entries))
    made = {
        out["path"]
        for version in (old, new)
        if stage in version.lock
        for name in parents(version.lock, stage)
        for out in version.lock[name].get("outs", [])
    }
    deps = unlike("input", *(hashes(entry) for entry in entries))
    found = [*params, *command]
    upstream = []
    for dep in deps:
        if any(dep.name == out or dep.name.startswith(f"{out}/") for out in made):
            upstream.append(Difference("upstream", dep.name, dep.old, dep.new))
        elif dep.name.startswith(CODE):
            found.append(Difference("code", dep.name, dep.old, dep.new))
        else:
            found.append(dep)
    return found + upstream


def params_of(entry: Tree) -> Tree:
    """The parameters of a stage from all their files."""
    return {key: value for some in entry.get("params", {}).values() for key, value in some.items()}


def hashes(entry: Tree) -> dict[str, str]:
    """The hash of each dependency, short."""
    return {dep["path"]: str(dep.get("md5", ""))[:DIGITS] for dep in entry.get("deps", [])}


def flat(tree: Tree, start: str = "") -> dict[str, str]:
    """The leaves of a tree by their dotted names, as JSON.

    >>> flat({"a": {"b": 1, "c": [2, "x"]}})
    {'a.b': '1', 'a.c': '[2, "x"]'}
    """
    found: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{start}{key}"
        if isinstance(value, dict) and value:
            found |= flat(value, f"{name}.")
        else:
            found[name] = json.dumps(value, ensure_ascii=False)
    return found


def unlike(kind: str, old: dict[str, str], new: dict[str, str]) -> list[Difference]:
    """The names whose values differ, sorted."""
    names = sorted(old.keys() | new.keys())
    return [
        Difference(kind, name, old.get(name), new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    ]


def libraries(old: Version, new: Version) -> list[Difference]:
    """The packages that are pinned to other versions."""
    return unlike("library", old.pins, new.pins)


def engines(db: duckdb.DuckDBPyConnection, tables: Iterable[list[str]]) -> list[Difference]:
    """The engines that made rows in one version alone.

    Args:
        tables: the shards of a stage's rows in the old and in the new version.
    """
    named = []
    for paths in tables:
        if not paths or "engine" not in pq.read_schema(paths[0]).names:
            return []
        query = "select distinct engine from read_parquet($1) where engine is not null order by 1"
        named.append([str(row[0]) for row in db.execute(query, [paths]).fetchall()])
    gone, come = (sorted(set(a) - set(b)) for a, b in (named, named[::-1]))
    if not gone and not come:
        return []
    return [Difference("engine", "", ", ".join(gone) or None, ", ".join(come) or None)]


def likely(found: list[Difference], reason: str | None) -> list[Difference]:
    """The differences that can be a cause, those first whose names share words with a reason.

    >>> one, two = (Difference("params", f"select.{n}", "1", "2") for n in ("digits", "length"))
    >>> [d.name for d in likely([one, two], "target length too low")]
    ['select.length', 'select.digits']
    """
    own = [d for d in found if d.kind != "upstream"] or found
    words = set((reason or "").split())
    return sorted(own, key=lambda d: -len(words & set(d.name.replace("_", ".").split("."))))


def as_json(difference: Difference) -> dict[str, Any]:
    """A difference for programs."""
    return {"kind": difference.kind, "name": difference.name} | {
        "old": difference.old,
        "new": difference.new,
    }
