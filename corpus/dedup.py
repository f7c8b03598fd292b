"""Exact and near-duplicate clusters on the matching key, so that two spellings of a text meet.

Map each shard to narrow arrays; reduce those to the pairs that may be near; map the shards again,
for the shingles of those pairs alone; count each pair's Jaccard index and reduce to clusters. No
step holds the texts of the corpus, and nothing depends on the order of rows or shards.

The hash of every key is kept too, so that a text can be looked up without folding the corpus.

A cluster is a star: every member is near its centre, the longest text; a component would chain
texts that are far apart; it is of one language, so that no row is the duplicate of another's. A
group, for splits, is a component over the near pairs of either side, whatever the language.
"""

import shutil
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from corpus import minhash
from corpus.minhash import Bytes, Hashes, Numbers, Shares
from corpus.settings import Languages, owner_of, settings
from corpus.shards import Shards, map_shards
from corpus.sketch import (
    SIDES,
    Side,
    load,
    places,
    shingle_shard,
    shingles_of,
    sketch_shard,
    want,
)
from corpus.stage import Output, run
from corpus.table import InputError, read, shard_paths

BLOCK = 1 << 21  # shingles held at once while pairs are counted


@settings
class Dedup:
    """Which texts are near, and how they are found."""

    similarity: float  # least Jaccard index of near-duplicates
    least_estimate: float  # of that index by signature; a pair below it is not counted
    slots: int  # of a signature; texts that agree in a band of them are compared
    most_met: float  # unlike texts met by a text: sets how many slots make a band
    most_peers: int  # texts of a crowded bucket with which each of its texts is compared
    rensa: str  # version: its signatures are part of the result

    def __post_init__(self) -> None:
        if not 0 < self.least_estimate <= self.similarity <= 1:
            raise ValueError(f"need 0 < least_estimate <= similarity <= 1, got {self}")
        if self.slots < minhash.BYTES or self.most_peers < 1 or self.most_met <= 0:
            raise ValueError(f"need slots >= 8, most_peers >= 1 and most_met > 0, got {self}")


@dataclass(frozen=True)
class Texts:
    """Texts and their distinct keys, ranked by content: longest first, then smallest id."""

    row: Numbers  # (n,) row of each text in the table
    rank: Numbers  # (n,) rank of its key
    lead: Numbers  # (m,) the text with the smallest id of each rank


@dataclass(frozen=True)
class Near:
    """The near pairs among distinct keys."""

    low: Numbers  # rank of the one
    high: Numbers  # rank of the other
    similarity: Shares


def distinct(row: Numbers, length: Numbers, hashes: Hashes, place: Numbers) -> Texts:
    """The texts with their distinct keys ranked.

    Args:
        row: (n,) row of each text.
        length: (n,) characters of its key.
        hashes: (n, 2) of its key.
        place: of each row of the table: how many ids are smaller.
    """
    order = np.lexsort((place[row], hashes[:, 0], hashes[:, 1]))
    ordered = hashes[order]
    new = minhash.changes(ordered[:, 0]) | minhash.changes(ordered[:, 1])
    lead = order[new]
    ranked = np.lexsort((place[row[lead]], -length[lead]))
    rank_of = np.empty(len(lead), np.int64)
    rank_of[ranked] = np.arange(len(lead))
    rank = np.empty(len(row), np.int64)
    rank[order] = rank_of[np.cumsum(new) - 1]
    return Texts(row, rank, lead[ranked])


def likely_pairs(signatures: Bytes, params: Dedup) -> tuple[Numbers, Numbers, dict[str, int]]:
    """The pairs of signatures that may be near, low and high, and how they were met."""
    count = len(signatures)
    size = minhash.band_size(count, params.slots, params.most_met)
    pairs = np.empty(0, np.int64)
    for band in minhash.bands(signatures, size):
        pairs = minhash.merged(pairs, minhash.band_pairs(band, params.most_peers))
    low, high = np.divmod(pairs, max(count, 1))
    likely = minhash.estimates(signatures, low, high) >= params.least_estimate
    return low[likely], high[likely], {"band_slots": size, "pairs_met": len(pairs)}


def count_pairs(folder: Path, low: Numbers, high: Numbers) -> Shares:
    """The Jaccard index of each pair of texts, from the shingles on disk.

    Args:
        folder: of one side; holds the shingles of all the texts.
        low: number of the one text among those with shingles.
        high: of the other.
    """
    shard, start, size = places(folder)
    block = np.cumsum(size[low] + size[high]) // BLOCK
    cuts = np.flatnonzero(minhash.changes(block))
    found = [np.empty(0)]
    for some in tqdm(
        np.split(np.arange(len(low)), cuts[1:]), "dedup: count", disable=len(cuts) < 9
    ):
        sides = [shingles_of(folder, shard[t], start[t], size[t]) for t in (low[some], high[some])]
        found.append(minhash.jaccard(*sides))
    return np.concatenate(found)


def near_pairs(
    paths: list[Path], work: Path, side: Side, texts: Texts, setup: tuple[Languages, Dedup, Shards]
) -> tuple[Near, dict[str, int]]:
    """The near pairs of one side, and how many were met, counted and found."""
    languages, params, shards = setup
    low, high, figures = likely_pairs(load(work / side, "signature")[texts.lead], params)
    wanted = minhash.merged(texts.lead[low], texts.lead[high])
    similarity = np.empty(0)
    if len(wanted):
        want(work / side, wanted)
        map_shards(partial(shingle_shard, languages, side, work), paths, shards, "dedup: shingles")
        ends = [np.searchsorted(wanted, texts.lead[rank]) for rank in (low, high)]
        similarity = count_pairs(work / side, *ends)
    near = similarity >= params.similarity
    figures |= {"texts": len(texts.row), "distinct": len(texts.lead)}
    figures |= {"pairs_counted": len(near), "pairs_near": int(near.sum())}
    return Near(low[near], high[near], similarity[near]), figures


def clusters(texts: Texts, near: Near) -> tuple[Numbers, Shares]:
    """The row of the centre of each text, and the text's similarity to it."""
    count = len(texts.lead)
    centre = minhash.stars(near.low, near.high, count)
    similarity = np.ones(count)
    chosen = centre[near.high] == near.low
    similarity[near.high[chosen]] = near.similarity[chosen]
    return texts.row[texts.lead[centre]][texts.rank], similarity[texts.rank]


def within(
    texts: Texts, near: Near, some: npt.NDArray[np.bool_], place: Numbers
) -> tuple[Texts, Near]:
    """Some of the texts, ranked anew, and the near pairs among them."""
    row, old = texts.row[some], texts.rank[some]
    # ranks stand for keys here: the lower is the longer, whoever it leads
    twice = np.stack([old, old], 1).astype(np.uint64)
    fewer = distinct(row, -old, twice, place)
    new = np.full(len(texts.lead), -1, np.int64)
    new[old] = fewer.rank
    low, high = new[near.low], new[near.high]
    both = (low >= 0) & (high >= 0)
    return fewer, Near(low[both], high[both], near.similarity[both])


def groups(sides: list[tuple[Texts, Near]], place: Numbers) -> Numbers:
    """The row with the smallest id of each row's component over equal and near texts."""
    left = [texts.row for texts, _ in sides]
    right = [texts.row[texts.lead][texts.rank] for texts, _ in sides]
    for texts, near in sides:
        left.append(texts.row[texts.lead[near.low]])
        right.append(texts.row[texts.lead[near.high]])
    ends = (np.concatenate(left), np.concatenate(right))
    graph = coo_array((np.ones(len(ends[0]), np.bool_), ends), (len(place), len(place)))
    count, label = connected_components(graph, directed=False)
    by_place = np.argsort(place)
    first = np.empty(count, np.int64)
    first[label[by_place[::-1]]] = by_place[::-1]  # the last assignment stays: the smallest id
    found: Numbers = first[label]
    return found


def dedup(rows: Path, languages: Languages, params: Dedup, shards: Shards, out: Path) -> Output:
    """The cluster and the group of every row; see the module.

    A row without a target is clustered by its source, among such rows; a text whose key is empty is
    like no other.
    """
    check_version(params.rensa)
    paths = shard_paths(rows)
    work = out / "sketches"
    sketched = partial(sketch_shard, languages, params.slots, work)
    lone = map_shards(sketched, paths, shards, "dedup: sketch")
    named = read(rows, ["id", "language"])
    ids = named["id"].combine_chunks()
    place = pc.rank(ids, sort_keys="ascending", tiebreaker="first").to_numpy().astype(np.int64) - 1
    firsts = np.cumsum([0, *map(len, lone)])
    sides, figures, keys = [], {}, {"id": ids}
    for side in SIDES:
        base = [len(np.load(path)) for path in sorted((work / side).glob("*.row.npy"))]
        row = load(work / side, "row") + np.repeat(firsts[:-1], base)
        hashes = load(work / side, "hash")
        texts = distinct(row, load(work / side, "length"), hashes, place)
        keys[side] = scattered(len(ids), row, hashes[:, 0])
        near, figures[side] = near_pairs(paths, work, side, texts, (languages, params, shards))
        sides.append((texts, near))
    shutil.rmtree(work)
    owner = owners(named["language"], languages)
    table = marked(ids, place, sides, np.concatenate(lone), owner)
    tables = {"clusters": table, "keys": pa.table(keys)}
    return Output(tables, {"rensa": params.rensa, "sides": figures, **summary(table)})


def scattered(count: int, row: Numbers, values: npt.NDArray[np.uint64]) -> pa.Array:
    """A value for each of `count` rows; null for those that are not named."""
    every = np.zeros(count, np.uint64)
    lacks = np.ones(count, np.bool_)
    every[row], lacks[row] = values, False
    return pa.array(every, mask=lacks)


def owners(codes: pa.ChunkedArray, languages: Languages) -> Numbers:
    """A number for the language of each row, one for each code that is nobody's."""
    coded = codes.combine_chunks().dictionary_encode("encode")
    keys = [owner_of(code, languages) or f"{code}" for code in coded.dictionary.to_pylist()]
    number = {key: place for place, key in enumerate(sorted(set(keys)))}
    of_code = np.array([number[key] for key in keys], np.int64)
    found: Numbers = of_code[coded.indices.to_numpy()]
    return found


def marked(
    ids: pa.Array,
    place: Numbers,
    sides: list[tuple[Texts, Near]],
    lone: npt.NDArray[np.bool_],
    owner: Numbers,
) -> pa.Table:
    """The table of clusters, a row for each of `ids`."""
    centre, similarity = np.arange(len(ids)), np.ones(len(ids))
    (target, near), (source, near_source) = sides
    only_source = within(source, near_source, lone[source.row], place)
    for texts, pairs in ((target, near), only_source):
        for number in np.unique(owner[texts.row]):
            own, among = within(texts, pairs, owner[texts.row] == number, place)
            centre[own.row], similarity[own.row] = clusters(own, among)
    columns = [ids, ids.take(centre), ids.take(groups(sides, place)), similarity]
    return pa.table(columns, ["id", "cluster", "group", "similarity"])


def summary(table: pa.Table) -> dict[str, Any]:
    """How many clusters and groups there are, and rows that are not their cluster's centre."""
    member = table.filter(pc.not_equal(table["id"], table["cluster"]))
    near = pc.less(member["similarity"], 1.0)
    return {
        "clusters": pc.count_distinct(table["cluster"]).as_py(),
        "groups": pc.count_distinct(table["group"]).as_py(),
        "duplicates_equal": len(member) - (pc.sum(near).as_py() or 0),
        "duplicates_near": pc.sum(near).as_py() or 0,
        "least_similarity": pc.min(table["similarity"]).as_py(),
    }


def check_version(wanted: str) -> None:
    """Check that the signatures will be those that params.yaml was written for.

    Raises:
        InputError: another rensa is installed.
    """
    if (found := version("rensa")) != wanted:
        raise InputError(
            f"rensa {found} is installed, params.yaml: dedup.rensa is {wanted!r}; "
            f"run 'pip install rensa=={wanted}' or change it, which may change what is found"
        )


if __name__ == "__main__":
    run(dedup, Dedup)
