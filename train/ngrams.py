"""A small language model over bytes: interpolated Kneser-Ney n-grams, learned and asked in seconds.

Every script is bytes, and bits per byte compare with those of any other model. The symbols are the
256 bytes; 0xFF, which UTF-8 never has, stands before and after each text. An n-gram is packed into
one 64-bit number, so that a table of n-grams is a sorted array. A row's weight is a count: a type
that only light rows have counts as that much of a type, so that weights below 1 mean something in
the lower orders too.

Source: Kneser & Ney 1995, https://doi.org/10.1109/ICASSP.1995.479394;
Chen & Goodman 1998 (interpolation), https://dash.harvard.edu/handle/1/25104739
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.uint64]
END = 0xFF  # before and after each text
SYMBOLS = 256
MOST_ORDER = 8  # bytes of a 64-bit number


class Table(NamedTuple):
    """The n-grams of one length, and what is known of their contexts."""

    grams: Codes  # sorted
    counts: Floats  # of each, less the discount
    contexts: Codes  # sorted
    totals: Floats  # of each context's counts, before the discount
    left: Floats  # of each context: what the discount took, for the shorter context


class Ngrams(NamedTuple):
    """A trained model: for each length of n-gram, shortest first, a table."""

    tables: tuple[Table, ...]


def train(texts: Sequence[str], weights: Sequence[float], order: int, discount: float) -> Ngrams:
    """The model of some texts, each with a weight above 0; order 1 to 8, discount 0 to 1."""
    if not 1 <= order <= MOST_ORDER or not 0 <= discount <= 1:
        raise ValueError(
            f"order must be 1 to {MOST_ORDER} and discount 0 to 1, got {order}, {discount}"
        )
    grams, owners = packed(texts, order)
    counts = np.array(weights, dtype=np.float64)[owners]
    tables = []
    for size in range(order, 0, -1):
        grams, counts = summed(grams, counts)
        tables.append(tabled(grams, counts, discount))
        # a shorter n-gram counts once for each byte that was seen before it
        counts = np.minimum(counts, 1.0)
        grams = grams & np.uint64((1 << 8 * (size - 1)) - 1)
    return Ngrams(tuple(reversed(tables)))


def packed(texts: Sequence[str], order: int) -> tuple[Codes, NDArray[np.int64]]:
    """The n-gram that ends at each byte and at each end, in order, and the text it is of."""
    before, end = bytes([END]) * (order - 1), bytes([END])
    parts = [before + text.encode() + end for text in texts]
    stream = np.frombuffer(b"".join(parts), dtype=np.uint8)
    codes = np.zeros(len(stream), dtype=np.uint64)
    for back in range(order):
        codes[back:] |= stream[: len(stream) - back].astype(np.uint64) << np.uint64(8 * back)
    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    places = np.arange(len(stream)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    counted = places >= order - 1
    return codes[counted], np.repeat(np.arange(len(texts)), sizes)[counted]


def summed(grams: Codes, counts: Floats) -> tuple[Codes, Floats]:
    """Each n-gram once, sorted, with the sum of its counts."""
    order = np.argsort(grams, kind="stable")
    grams, counts = grams[order], counts[order]
    starts = np.flatnonzero(np.append(True, grams[1:] != grams[:-1])[: len(grams)])
    return grams[starts], np.add.reduceat(counts, starts) if len(starts) else counts


def tabled(grams: Codes, counts: Floats, discount: float) -> Table:
    """The table of sorted n-grams; a count gives up the discount, or itself where it is less."""
    taken = discount * np.minimum(counts, 1.0)
    contexts, totals = summed(grams >> np.uint64(8), counts)
    _, left = summed(grams >> np.uint64(8), taken)
    return Table(grams, counts - taken, contexts, totals, left)


def probabilities(model: Ngrams, grams: Codes) -> Floats:
    """Of the last byte of each n-gram after the bytes before it; over all bytes they sum to one."""
    found: Floats = np.full(len(grams), 1 / SYMBOLS)
    for size, table in enumerate(model.tables, 1):
        short = grams & np.uint64((1 << 8 * size) - 1)
        totals = looked_up(table.contexts, table.totals, short >> np.uint64(8))
        left = looked_up(table.contexts, table.left, short >> np.uint64(8))
        counts = looked_up(table.grams, table.counts, short)
        met = totals > 0
        found[met] = (counts[met] + left[met] * found[met]) / totals[met]
    return found


def looked_up(keys: Codes, values: Floats, wanted: Codes) -> Floats:
    """The value of each wanted key, 0 where it is not among the sorted keys."""
    if not len(keys):
        return np.zeros(len(wanted))
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0.0)


def bits(model: Ngrams, texts: Sequence[str]) -> Floats:
    """(n,): bits that the model spends on each text and on its end."""
    grams, owners = packed(texts, len(model.tables))
    spent = -np.log2(probabilities(model, grams))
    return np.bincount(owners, weights=spent, minlength=len(texts)).astype(np.float64)
