"""Noise and longer contexts: rows made, rows a CPU-second, and what near-duplicates teach.

    python -m benchmarks.texts nah data/split/train data/clean/rows data/dedup/clusters

Each kind of noise is tried on 5,000 training rows at the stated rate.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from augment.concatenate import Concatenate, concatenate
from augment.noise import LEARNED, Noise, noise
from corpus import settings
from corpus.stage import Output
from corpus.table import read

ROWS = 5000
RATES = {
    LEARNED: 10.0,
    "no_diacritics": 0.5,
    "apostrophes": 0.5,
    "scan_latin": 0.03,
    "qwerty": 0.01,
}
RULES, LISTS = Path("augment/noise"), Path("augment/protected")


def timed(name: str, make: Callable[[], Output], key: str) -> Output:
    """What a stage made, after a line on how many rows and how fast."""
    start = time.process_time()
    made = make()
    seconds = time.process_time() - start
    rows = len(made.tables["rows"])
    figures = made.report["languages"][key]
    shown = {name: figures[name] for name in ("tried", "unchanged", "segments") if name in figures}
    print(f"{name:14} {rows:6} rows  {rows / seconds:7.0f} rows a CPU-second  {shown}")
    return made


def main(key: str, train: Path, cleaned: Path, clusters: Path) -> None:
    """Print the figures of one language."""
    table = read(train)
    _, known = settings.languages(settings.load())
    for kind, rate in RATES.items():
        params = Noise(ROWS, "target", {"default": {kind: rate}}, 3, 2)
        made = timed(
            kind,
            lambda params=params: noise(  # type: ignore[misc]
                table, cleaned, clusters, RULES, LISTS, "0.25", params, (key,), known
            ),
            key,
        )
        if kind == LEARNED:
            figures = made.report["languages"][key]
            said = [f"{one['change']} {one['rate']:.3f}" for one in figures["learned"]]
            print(f"  {figures['near_duplicates']} near-duplicates teach {'; '.join(said)}")
    longer = Concatenate(len(table), 4, 600, ())
    timed("concatenate", lambda: concatenate(table, "0.25", longer, (key,), known), key)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
