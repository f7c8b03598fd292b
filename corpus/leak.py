"""Finds near-duplicates between two sets of keys, exactly: with a prefix filter no pair is missed.

It shares no code with dedup on purpose: split and validate check dedup's work with it. Two sets
with a Jaccard of t share s members among the first n - ceil(t n) + s of each, in any one order;
with the rarest shingles first, few pairs are left to verify.

Source: Chaudhuri, Ganti and Kaushik 2006, https://doi.org/10.1109/ICDE.2006.9 ; for s above 1
Wang, Li and Feng 2012, https://doi.org/10.1145/2213836.2213847
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

SIZE = 5  # characters of a shingle
CHARACTERS = 400_000  # of keys compared at once, at least one key: about 100 MB, whatever they hold
SHARED = 5  # members of two prefixes: with 1, twenty times as many pairs are left to verify
PAIRS = 2_000_000  # shingles of candidates verified at once
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Sets = tuple[sparse.csr_array, Ints]  # shingles that held-out keys have, rarest first; sizes


def leaks(keys: Sequence[str], held_out: Sequence[str], similarity: float) -> npt.NDArray[np.bool_]:
    """True for each key that equals a held-out key or has a Jaccard of `similarity` with one.

    An empty key is like nothing.

    >>> leaks(["tlajtolli", "xochitl", ""], ["tlajtolli", ""], 0.8).tolist()
    [True, False, False]
    """
    near = np.zeros(len(keys), dtype=bool)
    near[near_pairs(keys, held_out, similarity)[0]] = True
    return near


def near_pairs(
    keys: Sequence[str], held_out: Sequence[str], similarity: float
) -> tuple[Ints, Ints]:
    """The places of all near pairs, by the place of the key, then of the held-out key.

    The memory grows with the held-out keys alone.

    Raises:
        ValueError: the similarity is not in (0, 1].
    """
    if not 0 < similarity <= 1:
        raise ValueError(f"similarity must be above 0 and at most 1, got {similarity}")
    owners, hashes = shingles(held_out)
    vocabulary, counts = np.unique(hashes, return_counts=True)
    order = np.lexsort((vocabulary, counts))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    others = as_sets(owners, hashes, len(held_out), vocabulary, ranks)
    heads = prefixes(others, similarity).T.tocsr()
    found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for start, end in blocks(np.fromiter(map(len, keys), np.int64, len(keys)), CHARACTERS):
        chunk = keys[start:end]
        mine = as_sets(*shingles(chunk), len(chunk), vocabulary, ranks)
        shared = (prefixes(mine, similarity) @ heads).tocoo()
        pairs = candidates(mine[1], others[1], shared, similarity)
        rows, columns = verified(mine, others, pairs, similarity)
        found.append((rows + start, columns))
    rows, columns = (np.concatenate(side) for side in zip(*found, strict=True))
    order = np.lexsort((columns, rows))
    return rows[order], columns[order]


def blocks(sizes: Ints, most: int) -> list[tuple[int, int]]:
    """Start and end of runs of items of about `most` together, at least one item."""
    number = np.cumsum(sizes) // most
    cuts = np.flatnonzero(number[1:] != number[:-1]) + 1
    ends = [*cuts.tolist(), len(sizes)] if len(sizes) else []
    return list(zip([0, *ends], ends, strict=False))


def shingles(keys: Sequence[str]) -> tuple[Ints, Hashes]:
    """The distinct shingles of each key, hashed to 64 bits: (owner, hash), by owner.

    A key shorter than a shingle is one shingle, filled up; an empty key has none.
    """
    whole = [key.ljust(SIZE, "\0") if key else "" for key in keys]
    points = np.frombuffer("".join(whole).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, whole), dtype=np.int64, count=len(whole))
    counts = np.maximum(lengths - SIZE + 1, 0)
    owners = np.repeat(np.arange(len(whole)), counts)
    skipped = np.cumsum(lengths - counts) - (lengths - counts)  # ends of keys before this one
    starts = np.arange(len(owners)) + np.repeat(skipped, counts)
    hashes = np.zeros(len(owners), dtype=np.uint64)
    for step in range(SIZE):
        hashes = mixed(hashes ^ points[starts + step])
    order = np.lexsort((hashes, owners))
    owners, hashes = owners[order], hashes[order]
    new = np.ones(len(owners), dtype=bool)
    new[1:] = (owners[1:] != owners[:-1]) | (hashes[1:] != hashes[:-1])
    return owners[new], hashes[new]


def mixed(words: Hashes) -> Hashes:
    """One step of SplitMix64: every bit of a word depends on every bit of the word before."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def as_sets(owners: Ints, hashes: Hashes, count: int, vocabulary: Hashes, ranks: Ints) -> Sets:
    """The shingles of each key that the vocabulary has, by rank, and the sizes of the full sets."""
    sizes = np.bincount(owners, minlength=count)
    places = np.searchsorted(vocabulary, hashes)
    known = places < len(vocabulary)
    known[known] = vocabulary[places[known]] == hashes[known]
    owners, columns = owners[known], ranks[places[known]]
    shape = (count, max(len(vocabulary), 1))
    members = sparse.csr_array((np.ones(len(owners), np.int32), (owners, columns)), shape)
    members.sort_indices()
    return members, sizes


def prefixes(sets: Sets, similarity: float) -> sparse.csr_array:
    """The first n - ceil(t n) + SHARED shingles of each set, less those that no held-out key has.

    The latter are the rarest of all, so they come first and fill the prefix without a match.
    """
    members, sizes = sets
    held = np.diff(members.indptr)
    length = sizes - least_common(sizes, similarity) + SHARED - (sizes - held)
    within = np.arange(members.nnz) - np.repeat(members.indptr[:-1], held)
    keep = within < np.repeat(length, held)
    rows = np.repeat(np.arange(members.shape[0]), held)[keep]
    return sparse.csr_array((members.data[keep], (rows, members.indices[keep])), members.shape)


def least_common(sizes: Ints, similarity: float) -> Ints:
    """Members that a set must share with another to be near to it."""
    least: Ints = np.ceil(similarity * sizes - 1e-9).astype(np.int64)
    return least


def candidates(
    mine: Ints, others: Ints, shared: sparse.coo_array, similarity: float
) -> tuple[Ints, Ints]:
    """The pairs whose sizes, and what their prefixes share, let them be near.

    A pair that must share fewer than SHARED has both sets whole in their prefixes.
    """
    rows, columns = shared.coords
    least = least_common(np.maximum(mine[rows], others[columns]), similarity)
    likely = shared.data >= np.minimum(least, SHARED)
    likely &= np.minimum(mine[rows], others[columns]) >= least
    return rows[likely], columns[likely]


def verified(
    mine: Sets, others: Sets, pairs: tuple[Ints, Ints], similarity: float
) -> tuple[Ints, Ints]:
    """The candidate pairs whose Jaccard is at least the similarity."""
    near = np.zeros(len(pairs[0]), dtype=bool)
    for start, end in blocks(mine[1][pairs[0]] + others[1][pairs[1]], PAIRS):
        rows, columns = (side[start:end] for side in pairs)
        common = mine[0][rows].multiply(others[0][columns]).sum(axis=1)
        union = mine[1][rows] + others[1][columns] - common
        near[start:end] = common >= similarity * union - 1e-9
    return pairs[0][near], pairs[1][near]
