"""Folds of documents: a book stays whole, so that no text is judged by what learned its book."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from corpus.table import digest

ALL = -1  # in place of a fold: the model of all folds, and the text that is in none
BLOCK = 20  # neighbouring segments that stay together where there are too few documents


def deal(documents: Sequence[tuple[str, str, int]], folds: int) -> list[int]:
    """The fold of each segment: whole documents, largest first, to the fold that has least.

    Args:
        documents: label, document and position of each segment; a label with fewer documents than
            folds, or one document that is nearly all of it, is dealt in blocks of neighbouring
            segments: else a fold's model would have next to nothing to learn from.
    """
    known: dict[str, Counter[str]] = defaultdict(Counter)
    for label, document, _ in documents:
        known[label][document] += 1
    whole = {
        label: len(some) >= folds and max(some.values()) * folds <= some.total() * (folds - 1)
        for label, some in known.items()
    }
    units = [
        (label, document, 0 if whole[label] else 1 + position // BLOCK)
        for label, document, position in documents
    ]
    sizes = sorted(Counter(units).items(), key=lambda u: (-u[1], digest(*map(str, u[0]))))
    loads: dict[str, list[int]] = defaultdict(lambda: [0] * folds)
    fold_of = {}
    for unit, size in sizes:
        load = loads[unit[0]]
        fold_of[unit] = fold = load.index(min(load))
        load[fold] += size
    return [fold_of[unit] for unit in units]
