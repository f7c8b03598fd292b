"""Whether a system says what it was trained on: the most similar training text of each output.

Formulaic language repeats itself, so the same share of the reference translations stands beside it.
Both are compared on matching keys, by the Jaccard index of their five-character shingles. `split`
holds out no row near a training row, so references reach its similarity never: set the limit lower.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.detection import share
from corpus.leak import CHARACTERS, as_sets, blocks, shingles
from train.statistics import compare
from train.translations import Draw, Way

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def nearest(keys: Sequence[str], trained: Sequence[str]) -> tuple[Ints, Floats]:
    """The place of the most similar training key of each key, and their Jaccard; first of equals.

    Where nothing is shared the place is 0 and the Jaccard too.
    """
    owners, hashes = shingles(keys)
    vocabulary = np.unique(hashes)
    ranks = np.arange(len(vocabulary))
    mine, sizes = as_sets(owners, hashes, len(keys), vocabulary, ranks)
    place, best = np.zeros(len(keys), np.int64), np.zeros(len(keys))
    lengths = np.fromiter(map(len, trained), np.int64, len(trained))
    for start, end in blocks(lengths, CHARACTERS):
        some = trained[start:end]
        theirs, others = as_sets(*shingles(some), len(some), vocabulary, ranks)
        common = (mine @ theirs.T).tocsr()
        common.sort_indices()
        for row in range(len(keys)):
            span = slice(common.indptr[row], common.indptr[row + 1])
            if span.start == span.stop:
                continue
            columns, shared = common.indices[span], common.data[span]
            likeness = shared / (sizes[row] + others[columns] - shared)
            top = int(likeness.argmax())
            if likeness[top] > best[row]:
                best[row], place[row] = likeness[top], start + columns[top]
    return place, best


def repeated(way: Way, trained: Sequence[str], limit: float, draw: Draw) -> dict[str, Any]:
    """By system: the share of outputs near a training text, of references, and the difference.

    Args:
        way: of matching keys, as `trained` are.
        limit: the least Jaccard of what is near.
    """
    lists = [way.wanted, *way.said.values()]
    likeness = nearest([text for some in lists for text in some], trained)[1]  # one pass for all
    human, *found = np.split(likeness, np.cumsum([len(some) for some in lists])[:-1])
    return {
        name: one(some, human[: len(some)], limit, draw)
        for name, some in zip(way.said, found, strict=True)
        if len(some)
    }


def one(found: Floats, human: Floats, limit: float, draw: Draw) -> dict[str, Any]:
    """The shares of a system and of the references of the same rows."""
    new, old = (counted(some >= limit) for some in (found, human))
    return {
        "rows": len(found),
        "outputs": share(int(new[:, 0].sum()), len(new)),
        "references": share(int(old[:, 0].sum()), len(old)),
        "more": compare(new, old, mean, False, draw),
        "mean_likeness": float(found.mean()),
        "mean_likeness_of_references": float(human.mean()),
    }


def counted(near: npt.NDArray[np.bool_]) -> Floats:
    """(n, 2): whether each is near, and one."""
    return np.column_stack([near, np.ones(len(near))]).astype(float)


def mean(sums: np.ndarray) -> float:
    """The share of those that are near."""
    return float(sums[0] / sums[1])
