"""The one table of the graph: its schema, its shards on disk, and the law that no row is lost.

A table on disk is a folder of numbered Parquet shards in canonical order. The ledger of a deciding
stage has one row for every row that entered it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any
from unicodedata import category, normalize

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # see row_id
        pa.field("document", pa.string()),  # book, page or file
        pa.field("position", pa.int64()),  # place in the document
        pa.field("source", pa.string()),  # pivot side; null in monolingual rows
        pa.field("target", pa.string()),  # the low-resource side
        pa.field("source_language", pa.string()),  # ISO 639-3 and ISO 15924: spa_Latn
        pa.field("language", pa.string()),  # of the target: nci_Latn
        pa.field("origin", pa.string()),  # source in params.yaml, or augmentation
        pa.field("licence", pa.string()),  # SPDX name, or the source's terms by name
        pa.field("parent", pa.string()),  # the row a synthetic row was made from
    ]
)
SYNTHETIC = pa.schema(
    [
        *SCHEMA,
        pa.field("engine", pa.string()),  # what made the row: name@hash
        pa.field("others", pa.list_(pa.string())),  # further rows it was made of; null: none
    ]
)
LEDGER = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("reason", pa.string()),  # null where kept
        pa.field("value", pa.string()),  # what was measured, or where: axolotl.csv:17
        pa.field("limit", pa.string()),  # what it was held against: at least 0.9
    ]
)
LIMITS = pa.schema(  # limits that a scoring stage learned; select applies them
    [
        pa.field("rule", pa.string(), nullable=False),  # a column of the stage's scores
        pa.field("language", pa.string(), nullable=False),  # key of languages, or code: nhe_Latn
        pa.field("least", pa.float64()),  # null: no bound on this side
        pa.field("most", pa.float64()),
    ]
)


GROUP_ROWS = 1 << 16  # of a Parquet file's group, which is read whole or not at all
FALSE_HITS = 0.01  # share of groups that are read in vain for an id that they lack


class InputError(ValueError):
    """What the user can mend; `run` prints it as one line and exits with 1."""


def digest(*parts: str) -> str:
    """Eighty bits of BLAKE2b over the parts, as hex; a part may hold any character.

    >>> digest("a", "b") == digest("ab")
    False
    """
    whole = b"".join(
        len(part := p.encode("utf-8", "surrogatepass")).to_bytes(8) + part for p in parts
    )
    return blake2b(whole, digest_size=10).hexdigest()


def text_key(text: str) -> str | None:
    """How many letters, marks and digits a text has, and their hash; null where it has none.

    A text is found by it whatever its case, spaces and punctuation, and cannot be read out of it.

    >>> text_key("¿Tlein, ticnequi?") == text_key("tlein TICNEQUI"), text_key("!")
    (True, None)
    """
    letters = letters_of(text)
    return letters_key(letters) if letters else None


def letters_of(text: str) -> str:
    """The letters, marks and digits of a text without case and compatibility forms."""
    folded = normalize("NFKC", text).casefold()
    return "".join(c for c in folded if c.isalnum() or category(c).startswith("M"))


def letters_key(letters: str) -> str:
    """The key of what letters_of gives."""
    return f"{len(letters)}:{digest('text', letters)}"


def row_id(origin: str, source: str | None, target: str | None, earlier: int) -> str:
    """The id of a row; `earlier` counts equal rows seen before it in the same origin."""
    sides = ["" if side is None else f"={side}" for side in (source, target)]
    return digest(origin, *sides, str(earlier))


def place(*parts: str) -> float:
    """A place in [0, 1) that depends on the parts alone: the same on every machine."""
    return int(digest(*parts)[:13], 16) / 16**13


def shard_paths(folder: Path) -> list[Path]:
    """The shards of a table, in order.

    Raises:
        InputError: the folder is missing or holds no shard.
    """
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise InputError(f"{folder} holds no table; run 'dvc repro' or 'dvc pull' first")
    return paths


def read(folder: Path, columns: list[str] | None = None) -> pa.Table:
    """All shards of a table as one.

    Raises:
        InputError: a shard is missing, cut short or lacks a column.
    """
    return pa.concat_tables([read_shard(path, columns) for path in shard_paths(folder)])


def read_shard(path: Path, columns: list[str] | None = None) -> pa.Table:
    """One shard of a table.

    Raises:
        InputError: it is cut short or lacks a column.
    """
    with readable(path):
        return pq.read_table(path, columns=columns)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in one line that a shard cannot be read, where Arrow cannot.

    Raises:
        InputError: it is cut short or lacks a column.
    """
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path.parent} cannot be read ({path.name}: {reason}); run 'dvc checkout' first"
        ) from error


def write_shard(table: pa.Table, path: Path) -> None:
    """One Parquet file; the same rows give the same bytes.

    A Bloom filter for each group of rows tells whether it has an id, so that one row of a million
    is found without reading the others (Bloom 1970, https://doi.org/10.1145/362686.362692).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    filters = {"id": {"ndv": min(len(table), GROUP_ROWS), "fpp": FALSE_HITS}}
    pq.write_table(
        table.combine_chunks(),
        path,
        compression="zstd",
        row_group_size=GROUP_ROWS,
        bloom_filter_options=filters if "id" in table.column_names and len(table) else None,
    )


def write(table: pa.Table, folder: Path, most_bytes: int) -> None:
    """A folder of shards of about `most_bytes` of memory each, at least one, rows as they come."""
    rows = len(table)
    count = max(1, min(rows, -(-table.nbytes // most_bytes)))
    size = -(-rows // count) or 1
    for number, start in enumerate(range(0, max(rows, 1), size)):
        write_shard(table.slice(start, size), folder / f"{number:05}.parquet")


def canonical(table: pa.Table) -> pa.Table:
    """Rows by origin, document, position and id: the order of every table that is made."""
    keys = [(name, "ascending") for name in ("origin", "document", "position", "id")]
    return table.sort_by(keys)


def ledger(
    ids: Iterable[str],
    stage: str,
    verdicts: Mapping[str, tuple[str, object, object]],
) -> pa.Table:
    """One ledger row for each id: dropped with (reason, value, limit) where `verdicts` names it.

    Raises:
        KeyError: a verdict is about a row that did not enter.
    """
    ids = list(ids)
    if strange := verdicts.keys() - set(ids):
        raise KeyError(f"{stage} judged rows that did not enter: {sorted(strange)[:3]}")
    columns = [[text(v) for v in verdicts.get(i, (None, None, None))] for i in ids]
    reason, value, limit = zip(*columns, strict=True) if columns else ((), (), ())
    kept = [r is None for r in reason]
    return pa.table([ids, [stage] * len(ids), kept, reason, value, limit], schema=LEDGER)


def text(value: object) -> str | None:
    """How a ledger shows a value: floats with four digits, null as null."""
    if value is None:
        return None
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def conserve(stage: str, entered: pa.ChunkedArray, ledger: pa.Table, kept: pa.ChunkedArray) -> None:
    """Check rows in = rows kept + rows dropped, id by id.

    Raises:
        RuntimeError: an id is lost, invented, judged twice, or kept in one place only.
    """
    for name, ids in (("entered", entered), ("ledger", ledger["id"]), ("kept", kept)):
        if len(pc.unique(ids)) != len(ids):
            raise RuntimeError(f"{stage}: an id stands twice among the rows of '{name}'")
    differ(stage, "entered", entered, "have a ledger row", ledger["id"])
    differ(
        stage, "are kept in the ledger", ledger.filter(ledger["kept"])["id"], "were written", kept
    )


def differ(
    stage: str, left: str, some: pa.ChunkedArray, right: str, others: pa.ChunkedArray
) -> None:
    """Check that two sets of ids are one.

    Raises:
        RuntimeError: they are not; names up to three ids.
    """
    for a, b, x, y in ((left, right, some, others), (right, left, others, some)):
        alone = x.filter(pc.invert(pc.is_in(x, value_set=y.combine_chunks())))
        if len(alone):
            raise RuntimeError(
                f"{stage}: {len(alone)} rows {a} but not {b}: {alone[:3].to_pylist()}"
            )


def counts(table: pa.Table, *names: str) -> dict[str, Any]:
    """Rows per value of the named columns, nested in that order, keys sorted, null as 'none'."""
    tree: dict[str, Any] = {}
    grouped = table.select(list(names)).group_by(list(names)).aggregate([([], "count_all")])
    for row in grouped.sort_by([(name, "ascending") for name in names]).to_pylist():
        node = tree
        for name in names[:-1]:
            node = node.setdefault(row[name] or "none", {})
        last = row[names[-1]]
        node["none" if last is None else str(last)] = row["count_all"]
    return tree
