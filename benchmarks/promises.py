"""Checks two promises on the finished tables: `python -m benchmarks.promises`, after `dvc repro`.

No leak: held-out rows with a near-duplicate in any training row, synthetic rows included, on either
side. Like its survivor: the Jaccard of each row that fell as a duplicate with the row that stayed.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus import settings
from corpus.leak import leaks
from corpus.split import keys
from corpus.table import read

SIMILARITY = 0.8  # Jaccard of five-character shingles of the matching keys
FLOOR = 0.6


def shingles(key: str) -> set[str]:
    """The five-character shingles of a key; one shorter is its own."""
    return {key[n : n + 5] for n in range(max(len(key) - 4, 1))}


def jaccard(one: str, other: str) -> float:
    """Shared shingles of all shingles."""
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def leaking(train: pa.Table, held_out: pa.Table, known: settings.Languages) -> list[int]:
    """Training rows near a held-out row, by target and by source."""
    sides = zip(keys(train, known), keys(held_out, known), strict=True)
    return [int(leaks(mine, theirs, SIMILARITY).sum()) for mine, theirs in sides]


def likeness(known: settings.Languages) -> np.ndarray:
    """(n,) Jaccard of each dropped duplicate with its survivor, on the target's key."""
    rows = read(Path("data/clean/rows"))
    ledger = read(Path("data/select/ledger"), ["id", "reason", "value"])
    fallen = ledger.filter(pc.equal(ledger["reason"], "duplicate"))
    key = dict(zip(rows["id"].to_pylist(), keys(rows, known)[0], strict=True))
    pairs = zip(fallen["id"].to_pylist(), fallen["value"].to_pylist(), strict=True)
    return np.array([jaccard(key[dropped], key[kept]) for dropped, kept in pairs])


def main() -> None:
    """Print both."""
    active, known = settings.languages(settings.load())
    train = read(Path("data/split/train"))
    mixtures = [
        read(Path(f"data/mix/{key}/rows")).select(train.column_names[:10]) for key in active
    ]
    every = pa.concat_tables([train.select(train.column_names[:10]), *mixtures])
    for name in ("validation", "test"):
        target, source = leaking(every, read(Path("data/split", name)), known)
        print(f"training rows near a {name} row: {target} by target, {source} by source")
    alike = likeness(known)
    near = np.mean(alike >= SIMILARITY) if len(alike) else 1.0
    least = alike.min(initial=1.0)
    print(
        f"{len(alike)} duplicates dropped: {near:.2%} have a Jaccard of {SIMILARITY} or more with "
        f"their survivor, {np.sum(alike < FLOOR)} less than {FLOOR}, the least {least:.3f}"
    )


if __name__ == "__main__":
    main()
