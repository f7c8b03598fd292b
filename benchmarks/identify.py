"""Prints how many segments a CPU-second identifies: `python -m benchmarks.identify`.

Reads data/clean/rows, the models of data/identify and lid.176, runs in one thread, folds included.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import fasttext

from corpus.classifier import probabilities
from corpus.identify import load
from corpus.proof import plain
from corpus.settings import languages
from corpus.settings import load as params
from corpus.table import read


def speed(function: Callable[[list[str]], object], texts: Sequence[str]) -> float:
    """Texts for each second of this process's CPU time."""
    start = time.process_time()
    function(list(texts))
    return len(texts) / (time.process_time() - start)


def main(rows: str, models: str, lid176: str) -> None:
    """Print a line for each model."""
    table = read(Path(rows), ["source", "target"])
    texts = [text for side in ("target", "source") for text in table[side].to_pylist() if text]
    long = [" ".join(texts[n : n + 20]) for n in range(0, len(texts), 20)]
    small = fasttext.load_model(lid176)
    known: dict[str, Callable[[list[str]], object]] = {
        "lid176": lambda some: probabilities(small, plain, ["es"], some)
    }
    for key in languages(params())[0]:
        if (Path(models) / key).exists():
            known[key] = load(Path(models) / key)["target"]
    for name, function in known.items():
        for kind, some in (("segments", texts), ("documents of 20 segments", long)):
            sys.stdout.write(f"{name}: {speed(function, some):,.0f} {kind} a CPU-second\n")


if __name__ == "__main__":
    paths = ("data/clean/rows", "data/identify/models", "data/fetch/models/lid176/lid.176.ftz")
    main(*(sys.argv[1:] or paths))
