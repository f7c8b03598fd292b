"""MinHash over character shingles: NumPy and rensa on flat arrays, no table and no file.

Shingles, signatures and resemblance: Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900;
bands: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3; a byte of each slot:
Li and König 2010, https://doi.org/10.1145/1772690.1772759
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import xxhash
from rensa import RMinHash

SIZE = 5  # characters in a shingle
SEED = 42  # of the signatures
UNLIKE = 0.1  # Jaccard index of two texts that share a language and no more
BYTES = 8  # of a band at most
MOST_CHARACTERS = 100_000  # hashed at once: 0.8 MB of hashes, which stays in the cache
G = 0x9E3779B97F4A7C15
FOLD = np.uint64(G)
FOLD_PAIR = np.uint64(G * G & (1 << 64) - 1)
STIR = np.uint64(0xD6E8FEB86659FD93)

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Set = npt.NDArray[np.uint32]  # sorted


def batches(texts: list[str]) -> Iterator[list[str]]:
    """The texts in order, about `MOST_CHARACTERS` at a time, at least one."""
    first, characters = 0, 0
    for number, text in enumerate(texts):
        if number > first and characters + len(text) > MOST_CHARACTERS:
            yield texts[first:number]
            first, characters = number, 0
        characters += len(text)
    if texts:
        yield texts[first:]


def shingles(texts: list[str]) -> tuple[Hashes, Numbers]:
    """A hash of each window of five characters of each text, a text shorter than that being one.

    A window that would cross the end of its text repeats the text's first: sets ignore repeats.

    Args:
        texts: none empty.

    Returns:
        hashes, flat, as many for a text as it has characters; (n + 1,) where each text begins.
    """
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    ends = np.cumsum(sizes)
    starts = ends - sizes
    flat = ("".join(texts) + "\0" * (SIZE - 1)).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(flat, np.uint32).astype(np.uint64)
    pairs = points[:-1] * FOLD
    pairs += points[1:]
    fours = pairs[:-2] * FOLD_PAIR
    fours += pairs[2:]
    hashes: Hashes = fours[: len(points) - SIZE + 1]
    hashes *= FOLD
    hashes += points[SIZE - 1 :]
    hashes ^= hashes >> np.uint64(32)
    hashes *= STIR
    hashes ^= hashes >> np.uint64(29)
    for short in np.flatnonzero(sizes < SIZE):
        hashes[starts[short]] = xxhash.xxh3_64_intdigest(
            texts[short].encode("utf-8", "surrogatepass")
        )
    for back in range(1, SIZE):
        hashes[np.maximum(ends - back, starts)] = hashes[starts]
    return hashes, np.concatenate([[0], ends])


def shingle_sets(texts: list[str]) -> list[Set]:
    """The sorted shingles of each text, as 32 bits: two are one by chance once in 4 billion."""
    sets = []
    for some in batches(texts):
        hashes, starts = shingles(some)
        whole = np.repeat(np.arange(len(some), dtype=np.uint64), np.diff(starts)) << np.uint64(32)
        whole |= hashes & np.uint64(0xFFFFFFFF)
        whole.sort()
        whole = whole[changes(whole)]
        ends = np.cumsum(np.bincount((whole >> np.uint64(32)).astype(np.int64)))
        sets += np.split((whole & np.uint64(0xFFFFFFFF)).astype(np.uint32), ends[:-1])
    return sets


def whole_hashes(texts: list[str]) -> Hashes:
    """The 128 bits of each text's hash, (n, 2): equal where the texts are."""
    hashes = [xxhash.xxh3_128_digest(text.encode("utf-8", "surrogatepass")) for text in texts]
    return np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, 2)


def signatures(texts: list[str], slots: int) -> Bytes:
    """The signature of each text, (n, slots): the last byte of each slot's least hash."""
    found: list[Bytes] = [np.empty((0, slots), np.uint8)]
    for some in batches(texts):
        flat, starts = shingles(some)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            flat, starts.astype(np.uint64), slots, SEED
        )
        whole = np.array(matrix.to_rows(), np.uint32).reshape(len(some), slots)
        found.append((whole & np.uint32(0xFF)).astype(np.uint8))
    return np.concatenate(found)


def band_size(count: int, slots: int, most_met: float) -> int:
    """Slots of a band: the fewest with which a text meets at most `most_met` unlike texts.

    Fewer slots find more near pairs, and more unlike ones: two texts of one language have a Jaccard
    index of about 0.1, and are met in one of slots / size bands with a chance of 0.1 ** size each.

    >>> [band_size(count, 126, 3.0) for count in (1_000, 20_000, 100_000, 1_000_000)]
    [4, 5, 6, 7]
    """
    sizes = range(4, BYTES)
    met = (count / 2 * (slots // size) * UNLIKE**size for size in sizes)
    return next((size for size, share in zip(sizes, met, strict=True) if share <= most_met), BYTES)


def bands(signatures: Bytes, size: int) -> Iterator[Hashes]:
    """Each band of `size` slots of all signatures, as one number for each text."""
    for first in range(0, signatures.shape[1] - size + 1, size):
        band = np.zeros((len(signatures), BYTES), np.uint8)
        band[:, :size] = signatures[:, first : first + size]
        yield band.view(np.uint64).ravel()


def changes(ordered: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where a sorted array begins a new value: np.unique is twenty times slower here."""
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return first


def band_pairs(band: Hashes, most_peers: int) -> Numbers:
    """The pairs that meet in a band, as low * len(band) + high.

    A text is paired with the first `most_peers` texts of its bucket and with the one before it, so
    that a bucket of thousands costs thousands of pairs, not millions.
    """
    order = np.argsort(band, kind="stable")
    at = np.arange(len(band))
    start = np.maximum.accumulate(np.where(changes(band[order]), at, 0))
    found = [np.empty(0, np.int64)]
    for peer in range(most_peers):
        late = np.flatnonzero(at - start > peer)
        if not len(late):
            break
        found.append(order[start[late] + peer] * len(band) + order[late])
    late = np.flatnonzero(at - start > most_peers)
    found.append(order[late - 1] * len(band) + order[late])
    return np.concatenate(found)


def merged(pairs: Numbers, more: Numbers) -> Numbers:
    """Both sorted, each pair once."""
    both = np.concatenate([pairs, more])
    both.sort()
    return both[changes(both)]


def estimates(signatures: Bytes, left: Numbers, right: Numbers) -> Shares:
    """The Jaccard index of each pair of rows as their signatures tell it, chance meetings off."""
    same = np.empty(len(left))
    for first in range(0, len(left), 1 << 16):
        some = slice(first, first + (1 << 16))
        same[some] = (signatures[left[some]] == signatures[right[some]]).mean(1)
    return (same - 1 / 256) / (1 - 1 / 256)


def jaccard(left: list[Set], right: list[Set]) -> Shares:
    """The Jaccard index of each pair of sets.

    >>> ahuatl, ahuacatl = shingle_sets(["ahuatl", "ahuacatl"])  # 2 and 4 shingles
    >>> jaccard([ahuatl, ahuatl], [ahuatl, ahuacatl]).tolist()
    [1.0, 0.0]
    """
    count = len(left)
    sizes = np.fromiter(map(len, left + right), np.int64, 2 * count)
    pair = np.tile(np.arange(count, dtype=np.uint64), 2)
    whole = np.repeat(pair << np.uint64(32), sizes)
    whole |= np.concatenate([*left, *right, np.empty(0, np.uint32)])
    whole.sort()
    again = whole[~changes(whole)] >> np.uint64(32)
    shared = np.bincount(again.astype(np.int64), minlength=count)
    return shared / (sizes[:count] + sizes[count:] - shared)


def stars(left: Numbers, right: Numbers, count: int) -> Numbers:
    """The centre of each of `count` texts, itself where it is one; the first texts come first.

    A text is a centre unless it is near an earlier centre; it then belongs to the earliest such.

    Args:
        left: the earlier text of each near pair.
        right: the later one.

    >>> stars(np.array([0, 1, 2]), np.array([1, 2, 3]), 4).tolist()  # a chain of near pairs
    [0, 0, 2, 2]
    """
    centre = list(range(count))
    order = np.lexsort((left, right))
    for low, high in zip(left[order].tolist(), right[order].tolist(), strict=True):
        if centre[high] == high and centre[low] == low:
            centre[high] = low
    return np.array(centre, np.int64)
