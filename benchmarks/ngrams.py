"""The small language model beside NLTK's: bits per byte of validation text, CPU seconds.

python -m benchmarks.ngrams [language] [folder of the split]
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import process_time

from augment.making import lowest
from corpus.settings import languages, load, rows_of
from corpus.table import read
from train import ngrams
from train.scores import size

ROWS = (500, 2000, None)
ORDERS = (4, 6, 8)
DISCOUNTS = (0.7, 0.8, 0.9)
NLTK_ORDER = 5
NLTK_TEXTS = 20  # it takes a second or more for each ten

Asked = Callable[[Sequence[str]], float]  # bits of all the texts


def ours(texts: Sequence[str], order: int, discount: float) -> Asked:
    """Our model of the texts."""
    model = ngrams.train(texts, [1.0] * len(texts), order, discount)
    return lambda asked: float(ngrams.bits(model, asked).sum())


def theirs(texts: Sequence[str]) -> dict[str, Callable[[], Asked]]:
    """NLTK's models of the texts over the same bytes."""
    from nltk.lm import KneserNeyInterpolated, WittenBellInterpolated
    from nltk.lm.preprocessing import padded_everygram_pipeline
    from nltk.util import ngrams as windows

    def letters(text: str) -> list[str]:
        return [str(byte) for byte in text.encode()]

    def trained(kind: type) -> Asked:
        grams, _ = padded_everygram_pipeline(NLTK_ORDER, map(letters, texts))
        model = kind(NLTK_ORDER)
        model.fit(grams, [*map(str, range(256)), "<s>", "</s>"])
        before = ["<s>"] * (NLTK_ORDER - 1)
        return lambda asked: (
            -sum(
                model.logscore(gram[-1], gram[:-1])
                for text in asked
                for gram in windows([*before, *letters(text), "</s>"], NLTK_ORDER)
            )
        )

    kinds = {"nltk Witten-Bell": WittenBellInterpolated, "nltk Kneser-Ney": KneserNeyInterpolated}
    return {name: lambda kind=kind: trained(kind) for name, kind in kinds.items()}


def show(name: str, make: Callable[[], Asked], asked: Sequence[str]) -> None:
    """Print one line: bits per byte, seconds to train, seconds to ask for ten texts."""
    start = process_time()
    model = make()
    made = process_time()
    bits = model(asked) / sum(map(size, asked))
    ten = (process_time() - made) / len(asked) * 10
    print(f"  {name:<26} {bits:7.4f} bits per byte, train {made - start:6.2f} s, ask {ten:7.4f} s")


def main(language: str = "nah", folder: str = "data/split") -> None:
    """Print every model of every number of rows."""
    _, known = languages(load())
    train, validation = (
        rows_of(read(Path(folder, name)), [language], known)[language]
        for name in ("train", "validation")
    )
    asked = [row["target"] for row in validation if row["target"]]
    for count in ROWS:
        texts = [row["target"] for row in lowest(train, count, "ngrams") if row["target"]]
        print(f"{len(texts):,} texts, {len(asked)} of validation")
        for order in ORDERS:
            for discount in DISCOUNTS:
                name = f"order {order}, discount {discount}"
                show(name, partial(ours, texts, order, discount), asked)
        if count is not None:
            print(f"  of them the first {NLTK_TEXTS}, order {NLTK_ORDER}")
            show("ours, discount 0.8", partial(ours, texts, NLTK_ORDER, 0.8), asked[:NLTK_TEXTS])
            for name, make in theirs(texts).items():
                show(name, make, asked[:NLTK_TEXTS])


if __name__ == "__main__":
    main(*sys.argv[1:])
