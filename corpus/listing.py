"""The rows that differ one by one, with their texts, for people and for programs."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import regex
from rapidfuzz.distance import Levenshtein

from corpus.aspects import ASPECTS
from corpus.changes import Comparison
from corpus.streaming import read
from corpus.table import InputError
from corpus.versions import Version

FIRST = ("clean", "gather")  # where texts are looked for that a stage does not hold itself
SIDES = ("source", "target")
CHANGE = (
    "case when old_id is null then 'added' when new_id is null then 'removed' else 'changed' end"
)
CHUNK = 1000  # rows held at once
Row = dict[str, Any]
Piece = tuple[str, str]  # what one side has, what the other has in its place; equal: unchanged


def text_paths(version: Version, stage: str | None) -> list[str]:
    """The shards that hold the texts of a stage's rows, its own first."""
    own = [stage] if stage in version.lock else []
    names = dict.fromkeys([*own, *FIRST, *version.lock] if stage else [*FIRST, *version.lock])
    wanted = [n for n in names if n in version.lock and (n in (stage, *FIRST) or makes(version, n))]
    return [path for name in wanted for path in rows_at_hand(version, name, name == stage)]


def rows_at_hand(version: Version, name: str, needed: bool) -> list[str]:
    """The shards of a stage's rows; none where they are in no cache and only help to tell others.

    Raises:
        InputError: they are needed, and in neither the cache nor a remote.
    """
    try:
        return version.tables(name).get("rows", [])
    except InputError:
        if needed:
            raise
        return []


def makes(version: Version, stage: str) -> bool:
    """Whether a stage makes synthetic rows: its output is read by validate."""
    deps = [dep["path"] for dep in version.lock.get("validate", {}).get("deps", [])]
    outs = [out["path"] for out in version.lock[stage].get("outs", [])]
    return stage not in ("split", "encoder") and any(
        dep == out or dep.startswith(f"{out}/") for dep in deps for out in outs
    )


def fill_labels(found: Comparison) -> None:
    """Say the variety and origin of rows whose stage does not hold them, by the first that does."""
    for side, version in (("old", found.old), ("new", found.new)):
        lacking = f"{side}_origin is null and {side}_id is not null"
        query = f"select distinct {side}_id as id from changes where {lacking}"
        ids = found.db.sql(query).to_arrow_table()["id"].combine_chunks()
        told = []
        for path in text_paths(version, None) if len(ids) else []:
            if len(ids):
                told.append(read([path], ("id", "origin", "language"), ids))
                ids = ids.filter(pc.invert(pc.is_in(ids, value_set=told[-1]["id"])))
        if told:
            found.db.register("told", pa.concat_tables(told))
            found.db.execute(
                f"update changes set {side}_origin = told.origin, {side}_variety = told.language "
                f"from told where changes.{side}_id = told.id and {side}_origin is null"
            )
            found.db.unregister("told")


def rows(found: Comparison, stage: str, most: int | None) -> Iterator[Row]:
    """The rows of a stage that differ, with both texts; null: all.

    Order: added, removed, changed; within that by origin and id.
    """
    db, number = found.db, found.stages.index(stage)
    db.execute(
        f"create or replace temp table listed as select *, {CHANGE} as kind from changes "
        f"where stage = $1 order by kind, coalesce(new_origin, old_origin), "
        f"coalesce(new_id, old_id) limit {most if most is not None else 2**62}",
        [number],
    )
    for side, version in (("old", found.old), ("new", found.new)):
        gather_texts(found, side, text_paths(version, stage))
    columns = ", ".join(
        f"{side}.{name} as {side}_{name}"
        for name in (*SIDES, "source_language", "language", "document", "position", "licence")
        for side in ("o", "n")
    )
    relation = db.execute(
        f"select l.*, {columns} from listed l left join texts_old o on o.id = l.old_id "
        "left join texts_new n on n.id = l.new_id "
        "order by kind, coalesce(new_origin, old_origin), coalesce(new_id, old_id)"
    )
    names = [name for name, *_ in relation.description]
    while some := relation.fetchmany(CHUNK):
        for line in some:
            yield shaped(found, stage, dict(zip(names, line, strict=True)))


def gather_texts(found: Comparison, side: str, paths: list[str]) -> None:
    """Make the table of the texts of the listed rows, from the first shard that has each."""
    found.db.execute(
        f"create or replace temp table texts_{side} (id varchar, source varchar, target varchar, "
        "source_language varchar, language varchar, document varchar, position bigint, "
        "licence varchar)"
    )
    if paths:
        found.db.execute(
            f"""insert into texts_{side}
            select id, source, target, source_language, language, document, position, licence
            from read_parquet($1, union_by_name = true, filename = true)
            where id in (select {side}_id from listed)
            qualify row_number() over (partition by id order by list_position($1, filename)) = 1""",
            [paths],
        )


def shaped(found: Comparison, stage: str, line: Row) -> Row:
    """A row that differs as programs get it."""
    sides = {
        side: None
        if line[f"{side}_id"] is None
        else {
            "id": line[f"{side}_id"],
            **{name: line[f"{short}_{name}"] for name in (*SIDES, "source_language", "language")},
            **{name: line[f"{short}_{name}"] for name in ("document", "position", "licence")},
            **{name: line[f"{side}_{name}"] for name in ("origin", "split", "kept", "reason")},
        }
        for side, short in (("old", "o"), ("new", "n"))
    }
    return {
        "stage": stage,
        "kind": line["kind"],
        "aspects": [name for place, name in enumerate(ASPECTS) if line["bits"] >> place & 1],
        "how": line["how"],
        "first": stage if line["first"] is None else found.stages[line["first"]],
        "note": line["note"],
        **sides,
    }


def pieces(old: str, new: str) -> list[Piece]:
    """Two texts cut where they differ, by what a reader takes for a character.

    >>> pieces("in kalli", "in calli")
    [('in ', 'in '), ('k', 'c'), ('alli', 'alli')]
    >>> pieces("comino", "coXhino")
    [('co', 'co'), ('m', 'Xh'), ('ino', 'ino')]
    """
    left, right = (regex.findall(r"\X", text) for text in (old, new))
    found: list[Piece] = []
    for op in Levenshtein.opcodes(left, right):
        ends = (left[op.src_start : op.src_end], right[op.dest_start : op.dest_end])
        piece = ("".join(ends[0]), "".join(ends[1]))
        if op.tag != "equal" and found and found[-1][0] != found[-1][1]:
            piece = (found[-1][0] + piece[0], found.pop()[1] + piece[1])
        found.append(piece)
    return found
