"""Phrase-based translation: `python -m benchmarks.translate`, after `dvc repro split`; an hour.

Trains the translator from the pivot on some pairs of the training split, those of lowest hash, and
translates the whole test split. Each way of training stands beside plain words at the same number
of pairs: chrF++, lower-cased, with its bootstrap interval over segments, and the paired difference.
The oracle is the best of ten translations by chrF++ against the reference: what a perfect choice
among them would give. Nothing is tuned on the test split. Arguments: a folder other than
data/split, a language key, and the numbers of pairs (`all`: every one that fits).
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from sacrebleu.metrics.chrf import CHRF

from augment.engines import thot
from augment.engines.phrases import Training
from augment.making import Row, lowest
from augment.translation import Pair
from augment.translator import longest
from corpus import settings
from corpus.settings import Languages, rows_of
from corpus.table import read
from train.statistics import compare, interval

DRAW = (1000, 1)  # resamples and seed
MOST_TOKENS = 60  # on a side of a training pair, as in params.yaml
BEST = 10
CHRF2 = CHRF(word_order=2, lowercase=True)
WAYS = {
    "words": Training(),
    "8 iterations": Training(iterations=8),
    "ibm1": Training(alignment="ibm1"),
    "morfessor target": Training(target="morfessor"),
    "morfessor both": Training(source="morfessor", target="morfessor"),
    "sentencepiece target": Training(target="sentencepiece"),
    "tuned": Training(tuning_rounds=5),
}


def bitext(folder: Path, language: str) -> list[Row]:
    """The pairs of a split."""
    languages = settings.section(Languages, "languages", settings.load())
    rows = rows_of(read(folder), (language,), languages)[language]
    return [row for row in rows if row["source"] and row["target"]]


def statistics(texts: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """(n, k): what chrF++ adds up, a row a segment."""
    found: Any = CHRF2._extract_corpus_statistics(texts, [references])
    return np.array(found)


def score(sums: np.ndarray) -> float:
    """Corpus chrF++ of added statistics."""
    return float(CHRF2._compute_f_score(sums.tolist()))


def measured(pairs: Sequence[Pair], test: Sequence[Row], how: Training) -> dict[str, Any]:
    """The model's translations of the test rows, best first, and the CPU seconds it took."""
    with tempfile.TemporaryDirectory() as work:
        start = process_time()
        left_out = thot.train(pairs, Path(work), how)
        trained = process_time()
        one, ten = thot.load(Path(work)), thot.load(Path(work), BEST)
        sources = [row["source"] for row in test]
        ready = process_time()
        best = one(sources)
        done = process_time()
        lists = ten(sources)
    seconds = {"train": trained - start, "translate": done - ready}
    return {"seconds": seconds, "left_out": left_out, "best": best, "lists": lists}


def oracle(lists: Sequence[Sequence[Any]], references: Sequence[str]) -> list[str]:
    """The translation of each list that is nearest to its reference."""
    return [
        max((one.text for one in some), key=lambda t: CHRF2.sentence_score(t, [reference]).score)
        for some, reference in zip(lists, references, strict=True)
    ]


def main(folder: str = "data/split", language: str = "nah", *sizes: str) -> None:
    """Print a line of JSON for each number of pairs and way of training."""
    train = [r for r in bitext(Path(folder, "train"), language) if longest(r) <= MOST_TOKENS]
    test = bitext(Path(folder, "test"), language)
    references = [row["target"] for row in test]
    for size in sizes or ("500", "2000", "all"):
        most = None if size == "all" else int(size)
        rows = sorted(lowest(train, most, "translator"), key=lambda row: row["id"])
        pairs = [(row["source"], row["target"]) for row in rows]
        plain = None
        for name, how in WAYS.items():
            found = measured(pairs, test, how)
            made = statistics([best[0].text for best in found["best"]], references)
            plain = made if plain is None else plain
            best = statistics(oracle(found["lists"], references), references)
            line = {
                "pairs": len(pairs),
                "way": name,
                "chrf": interval(made, score, *DRAW),
                "to_words": compare(made, plain, score, True, DRAW),
                "oracle": interval(best, score, *DRAW)["value"],
                "in_list": float(np.mean([len(some) for some in found["lists"]])),
                "unknown": float(np.mean([some[0].unknown for some in found["best"]])),
                "left_out": found["left_out"],
                "seconds": found["seconds"],
            }
            print(json.dumps(line), flush=True)
    copied = statistics([row["source"] for row in test], references)
    print(json.dumps({"way": "copy", "test": len(test), "chrf": interval(copied, score, *DRAW)}))
    print(CHRF2.get_signature())


if __name__ == "__main__":
    main(*sys.argv[1:])
