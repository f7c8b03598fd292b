"""Which rows of one version alone are which of the other: an edited text has a new id.

Works on the table `pairs` and the stage's own rows; see corpus.changes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz.distance import Indel

from corpus.numbering import Ints
from corpus.settings import Languages
from corpus.sketch import keys
from corpus.streaming import read

HOWS = ("id", "text", "place", "key")  # what two rows are taken for one by
LEAST_LIKENESS = 0.5  # share of the characters of two texts that are common, in order
PLACE = ("id", "origin", "document", "position")
COLUMNS = (*PLACE, "source", "target", "language")
REACH = 3  # places within a gap between unchanged rows that an edited row may have moved
Rows = list[tuple[Any, ...]]


def find_pairs(
    db: duckdb.DuckDBPyConnection,
    tables: Sequence[list[str]],
    alone: Sequence[pa.Array],
    languages: Languages,
) -> None:
    """Add to `pairs` the rows that one version alone has, two and two.

    Args:
        alone: the ids of such rows, of the old and of the new version. A row that the other version
            had and dropped at an earlier stage is none: it is no edited row.
    """
    for which, paths, ids in zip(("old", "new"), tables, alone, strict=True):
        table = read(paths, COLUMNS, ids)
        db.register("rows_alone", table)
        db.execute(
            f"create or replace temp table only_{which} as "
            "select * replace (coalesce(document, '') as document) from rows_alone"
        )
        db.unregister("rows_alone")
    left(db)
    equal(db, "text", "hash(source, target)")
    by_place(db, tables)
    by_key(db, languages)


def left(db: duckdb.DuckDBPyConnection) -> bool:
    """Take the rows that are paired from those alone; say whether both versions still have some."""
    db.execute(
        "delete from only_old where id in (select old from pairs);"
        "delete from only_new where id in (select new from pairs)"
    )
    return all(
        db.execute(f"select 1 from only_{which} limit 1").fetchall() for which in ("old", "new")
    )


def equal(db: duckdb.DuckDBPyConnection, how: str, key: str) -> None:
    """Pair rows of equal keys; where several have one, in the order of their places."""
    ranked = (
        f"select id, {key} as key, row_number() over "
        f"(partition by {key} order by origin, document, position, id) as rank from only_"
    )
    db.execute(
        f"insert into pairs select o.id, n.id, '{how}' from ({ranked}old) o join ({ranked}new) n "
        "on o.key = n.key and o.rank = n.rank"
    )


def by_place(db: duckdb.DuckDBPyConnection, tables: Sequence[list[str]]) -> None:
    """Pair rows that follow the same unchanged row of a document, where they are alike."""
    if not left(db):
        return
    for which, paths in zip(("old", "new"), tables, strict=True):
        alone = db.sql(f"select id from only_{which}").to_arrow_table()["id"]
        pairs = db.sql(f"select {which} as id, old as canon from pairs").to_arrow_table()
        db.register("found_gaps", gaps(read(paths, PLACE), alone, pairs))
        db.execute(
            f"create or replace temp table gaps_{which} as "
            "select * replace (coalesce(document, '') as document) from found_gaps"
        )
        db.unregister("found_gaps")
    candidates = db.execute(
        f"""select o.id, n.id, a.source, a.target, b.source, b.target
        from gaps_old o join gaps_new n on o.origin = n.origin and o.document = n.document
        and o.anchor = n.anchor and abs(o.rank - n.rank) <= {REACH}
        join only_old a on a.id = o.id join only_new b on b.id = n.id"""
    ).fetchall()
    add(db, best(candidates), "place")


def gaps(rows: pa.Table, alone: pa.ChunkedArray, pairs: pa.Table) -> pa.Table:
    """Rows that one version alone has, with the unchanged row of the document that they follow.

    Args:
        rows: of the version, by id, origin, document and position.
        alone: the ids of those that it alone has.
        pairs: ids of its rows that are known as others (`canon`).

    Returns:
        id, origin, document, anchor (the id that the unchanged row is known by; "": none) and rank
        (place after it, from 1 on).
    """
    order, starts = in_documents(rows)
    single = pc.is_in(rows["id"], value_set=alone).to_numpy()[order]
    last = np.maximum.accumulate(np.where(single, -1, np.arange(len(order))))
    counted = np.cumsum(single)
    before = np.where(last < starts, counted[starts] - single[starts], counted[last])
    some = np.flatnonzero(single)
    places = np.where(last < starts, -1, order[last])[some]
    ids = rows["id"].take(pa.array(places, mask=places < 0))
    known = pairs["canon"].take(pc.index_in(ids, value_set=pairs["id"]))
    found = rows.select(["id", "origin", "document"]).take(pa.array(order[some]))
    found = found.append_column("anchor", pc.coalesce(known, ids, ""))
    return found.append_column("rank", pa.array((counted - before)[some]))


def in_documents(rows: pa.Table) -> tuple[Ints, Ints]:
    """The order of rows in their documents, and where in it the document of each begins."""
    codes = {name: coded(rows[name]) for name in ("origin", "document")}
    keys = pa.table({**codes, "position": rows["position"], "id": rows["id"]})
    by = [(name, "ascending") for name in keys.column_names]
    order = pc.sort_indices(keys, by).to_numpy().astype(np.int64)
    placed = [code.to_numpy()[order] for code in codes.values()]
    first = np.any([np.diff(code, prepend=-1) != 0 for code in placed], axis=0)
    return order, np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))


def coded(words: pa.ChunkedArray) -> pa.Array:
    """Words as numbers, equal where they are; null is like the empty word."""
    whole = words.dictionary_encode().unify_dictionaries().combine_chunks()
    return whole.indices.fill_null(pc.index(whole.dictionary, "").as_py())


def best(candidates: Rows) -> list[tuple[str, str]]:
    """The pairs that are alike enough, each row in one at most: the most alike first."""
    scored = []
    for old, new, *texts in candidates:
        likeness = Indel.normalized_similarity(joined(texts[:2]), joined(texts[2:]))
        if likeness >= LEAST_LIKENESS:
            scored.append((-likeness, old, new))
    taken: set[tuple[str, str]] = set()
    pairs = []
    for _, old, new in sorted(scored):
        if ("old", old) not in taken and ("new", new) not in taken:
            taken |= {("old", old), ("new", new)}
            pairs.append((old, new))
    return pairs


def joined(sides: Iterable[str | None]) -> str:
    """Both sides of a row as one text."""
    return "\n".join(side or "" for side in sides)


def by_key(db: duckdb.DuckDBPyConnection, languages: Languages) -> None:
    """Pair rows whose matching keys are equal on both sides."""
    if not left(db):
        return
    target, source = keys(languages, "target"), keys(languages, "source")
    for which in ("old", "new"):
        lines = db.execute(f"select id, source, target, language from only_{which}").fetchall()
        folded = [
            joined((source(None)(s) if s else None, target(code)(t) if t else None))
            for _, s, t, code in lines
        ]
        table = pa.table({"id": [line[0] for line in lines], "folded": folded})
        db.register("folded_keys", table)
        db.execute(
            f"create or replace temp table keyed as select o.*, k.folded from only_{which} o "
            f"join folded_keys k on k.id = o.id where trim(k.folded, chr(10)) <> '';"
            f"create or replace temp table only_{which} as from keyed"
        )
        db.unregister("folded_keys")
    equal(db, "key", "folded")


def add(db: duckdb.DuckDBPyConnection, pairs: list[tuple[str, str]], how: str) -> None:
    """Add pairs that were found."""
    table = pa.table(
        {"old": [old for old, _ in pairs], "new": [new for _, new in pairs]},
        schema=pa.schema([("old", pa.string()), ("new", pa.string())]),
    )
    db.register("found_pairs", table)
    db.execute(f"insert into pairs select old, new, '{how}' from found_pairs")
    db.unregister("found_pairs")
