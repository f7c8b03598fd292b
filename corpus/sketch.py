"""Sketches of a table's texts on disk: each shard gives arrays, each step reads those it needs.

A folder holds one side of the table: `<shard>.<name>.npy`, and `<shard>.shingles`, flat. A text is
numbered by its place among the texts of all shards, whatever their rows.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from corpus import minhash
from corpus.minhash import Numbers
from corpus.orthography import matching_key
from corpus.settings import Languages, owner_of
from corpus.table import readable

Side = Literal["target", "source"]
SIDES: tuple[Side, ...] = get_args(Side)
BATCH = 2048  # rows of text held at once


def keys(languages: Languages, side: Side) -> Callable[[str | None], Callable[[str], str]]:
    """The matching key by a row's language code; the pivot's is the safe default."""
    by_orthography = cache(matching_key)

    @cache
    def key_of(code: str | None) -> Callable[[str], str]:
        owner = owner_of(code, languages) if side == "target" else None
        return by_orthography(languages[owner].orthography if owner else None)

    return key_of


def texts_of(
    path: Path, languages: Languages, side: Side, wanted: Numbers | None = None
) -> Iterator[tuple[Numbers, list[str]]]:
    """Rows of a shard, all or those wanted, and their keys on one side, null and empty left out."""
    key_of = keys(languages, side)
    first = 0
    with readable(path), pq.ParquetFile(path) as shard:
        for batch in shard.iter_batches(BATCH, columns=[side, "language"]):
            rows = np.arange(first, first + len(batch))
            first += len(batch)
            if wanted is not None:  # folding costs most: only what is needed
                some = np.isin(rows, wanted)
                rows, batch = rows[some], batch.filter(pa.array(some))
            texts, codes = (batch.column(name).to_pylist() for name in (side, "language"))
            folded = [key_of(c)(t) if t else "" for t, c in zip(texts, codes, strict=True)]
            full = np.flatnonzero(np.fromiter(map(bool, folded), np.bool_, len(folded)))
            yield rows[full], [folded[text] for text in full]


def sketch_shard(languages: Languages, slots: int, work: Path, path: Path) -> npt.NDArray[np.bool_]:
    """Write the sketches of both sides of a shard; return which of its rows have no target."""
    for side in SIDES:
        columns: dict[str, list[npt.NDArray[Any]]] = {
            "row": [np.empty(0, np.int64)],  # in its shard
            "length": [np.empty(0, np.int64)],  # characters of the key
            "hash": [np.empty((0, 2), np.uint64)],  # of the key
            "signature": [np.empty((0, slots), np.uint8)],
        }
        for rows, texts in texts_of(path, languages, side):
            columns["row"].append(rows)
            columns["length"].append(np.fromiter(map(len, texts), np.int64, len(texts)))
            columns["hash"].append(minhash.whole_hashes(texts))
            columns["signature"].append(minhash.signatures(texts, slots))
        for name, arrays in columns.items():
            save(work / side, path.stem, name, np.concatenate(arrays))
    return null_targets(path)


def null_targets(path: Path) -> npt.NDArray[np.bool_]:
    """Which rows of a shard have no target."""
    with readable(path), pq.ParquetFile(path) as shard:
        found = [
            batch.column("target").is_null().to_numpy(zero_copy_only=False)
            for batch in shard.iter_batches(BATCH, columns=["target"])
        ]
    return np.concatenate([np.empty(0, np.bool_), *found])


def shingle_shard(languages: Languages, side: Side, work: Path, path: Path) -> int:
    """Write the shingles of the wanted texts of a shard, and the size of each; return how many."""
    folder = work / side
    wanted = np.load(folder / f"{path.stem}.wanted.npy")
    sizes = [np.empty(0, np.int64)]
    with (folder / f"{path.stem}.shingles").open("wb") as flat:
        for _, texts in texts_of(path, languages, side, wanted) if len(wanted) else ():
            sets = minhash.shingle_sets(texts)
            sizes.append(np.fromiter(map(len, sets), np.int64, len(sets)))
            flat.write(np.concatenate([np.empty(0, np.uint32), *sets]).tobytes())
    save(folder, path.stem, "size", np.concatenate(sizes))
    return len(wanted)


def save(folder: Path, shard: str, name: str, array: npt.NDArray[Any]) -> None:
    """One array of one shard."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{shard}.{name}.npy", array)


def load(folder: Path, name: str) -> npt.NDArray[Any]:
    """An array of all shards, in order."""
    return np.concatenate([np.load(path) for path in sorted(folder.glob(f"*.{name}.npy"))])


def want(folder: Path, texts: Numbers) -> None:
    """Tell each shard of which rows `shingle_shard` shall write the shingles."""
    first = 0
    for path in sorted(folder.glob("*.row.npy")):
        row = np.load(path)
        inside = texts[(texts >= first) & (texts < first + len(row))]
        save(folder, path.name.split(".")[0], "wanted", row[inside - first])
        first += len(row)


def shingles_of(folder: Path, shard: Numbers, start: Numbers, size: Numbers) -> list[minhash.Set]:
    """The shingles of some texts; plain reads, because a memory map would count as memory.

    Args:
        folder: of one side.
        shard: (n,) number of the shard of each text.
        start: (n,) where its shingles begin in the shard's file.
        size: (n,) how many it has.
    """
    sets: list[minhash.Set] = [np.empty(0, np.uint32)] * len(shard)
    paths = sorted(folder.glob("*.shingles"))
    for number in np.unique(shard):
        with paths[number].open("rb", buffering=0) as flat:
            for text in np.flatnonzero(shard == number):
                flat.seek(4 * int(start[text]))
                sets[text] = np.frombuffer(flat.read(4 * int(size[text])), np.uint32)
    return sets


def places(folder: Path) -> tuple[Numbers, Numbers, Numbers]:
    """Shard, start and size of the shingles of each wanted text, in order of the texts."""
    sizes = [np.load(path) for path in sorted(folder.glob("*.size.npy"))]
    shard = np.repeat(np.arange(len(sizes)), [len(some) for some in sizes])
    return shard, np.concatenate([np.cumsum(s) - s for s in sizes]), np.concatenate(sizes)
