"""What new tokens' rows begin as, and whether morphs help: bits per byte before and after training.

    python -m benchmarks.initialise [language] [split] [base model] [steps] [validation texts]

Each way extends the base's vocabulary from the training split, then trains the same number of steps
of `adapt`'s continued pre-training on human target text. Bits per byte are of validation texts, by
the full softmax; differences are paired over texts, and one seed of training stands for all.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from augment.making import lowest
from corpus.settings import Languages, languages, load, section
from corpus.table import InputError, read
from train.adapt import Adapt, learned, plan, planned_rows
from train.examples import Row, arrays, taken
from train.fertility import counts, measure, read_tokenizer
from train.measure import bits, text_examples
from train.model import Speaker, add_adapter, load_base, one_thread
from train.scores import rate, size
from train.statistics import compare
from train.tokenizer import Tokenizer, save, target_texts
from train.trainer import Packed, train

WAYS = {  # what differs from the first
    "mean": {"segment": None, "initialise": "mean"},
    "focus": {"segment": None, "initialise": "focus"},
    "morfessor": {"segment": "morfessor", "initialise": "mean"},
}
BATCH_TOKENS = 2048
DRAW = 1000, 0  # resamples and seed


def spent(speaker: Speaker, texts: list[str]) -> np.ndarray:
    """(texts, 2): bits and bytes."""
    found = bits(speaker, text_examples(speaker, texts), BATCH_TOKENS, "bits")
    return np.array([found, [size(text) for text in texts]]).T


def trained(speaker: Speaker, rows: list[Row], params: Adapt, scratch: Path) -> Speaker:
    """The speaker with an adapter after the steps."""
    examples = taken(plan(params, rows, speaker), planned_rows(params))
    packed = Packed(*arrays(examples), learned([examples]))
    speaker = add_adapter(speaker, params.rank, params.alpha, params.seed)
    train(speaker, packed, params, scratch, "steps")
    return speaker


def rows_of(folder: Path, language: str, known: Languages) -> list[Row]:
    """The rows of a language with a target, all of one weight."""
    columns = ("id", "target", "language")
    table = read(folder).select(columns)
    mine = {text for _, text in target_texts(table, language, known)}
    return [
        {**row, "weight": 1.0, "order": None} for row in table.to_pylist() if row["target"] in mine
    ]


def line(found: dict[str, np.ndarray], name: str) -> str:
    """Bits per byte of a way, and its difference from the first with its interval."""
    value = rate(found[name].sum(axis=0))
    first = next(iter(found))
    if name == first:
        return f"{value:.4f}"
    told = compare(found[name], found[first], rate, False, DRAW)
    return (
        f"{value:.4f} ({told['difference']:+.4f} [{told['least']:+.4f}, {told['most']:+.4f}], "
        f"{told['verdict']})"
    )


def main(language: str, split: Path, base: Path, steps: int, most_texts: int) -> None:
    """Two lines for each way."""
    one_thread()
    tree = load()
    _, known = languages(tree)
    settings = section(Tokenizer, "tokenizer", tree)
    adapt = replace(section(Adapt, "adapt", tree), causal_steps=max(1, steps), tuning_steps=0)
    rows = rows_of(split / "train", language, known)
    held = lowest(rows_of(split / "validation", language, known), most_texts, "initialise")
    texts = [row["target"] for row in held]
    before: dict[str, np.ndarray] = {}
    after: dict[str, np.ndarray] = {}
    for name, changed in WAYS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "tokenizer")
            save(replace(settings, **changed), [row["target"] for row in rows], base, folder)
            words = measure(counts(texts, read_tokenizer(folder)), *DRAW)["tokens_per_word"]
            print(
                f"{name}: {words['value']:.3f} [{words['least']:.3f}, {words['most']:.3f}] "
                f"tokens a word of {len(texts)} validation texts"
            )
            speaker = load_base(base, folder)
            before[name] = spent(speaker, texts)
            print(f"  bits per byte at once {line(before, name)}", flush=True)
            if steps:
                speaker = trained(speaker, rows, adapt, Path(scratch))
                after[name] = spent(speaker, texts)
                print(f"  after {steps} steps {line(after, name)}", flush=True)


if __name__ == "__main__":
    try:
        given = dict(enumerate(sys.argv[1:]))
        main(
            given.get(0, "nah"),
            Path(given.get(1, "data/split")),
            Path(given.get(2, "models/base")),
            int(given.get(3, 60)),
            int(given.get(4, 200)),
        )
    except InputError as error:
        sys.exit(f"benchmarks.initialise: {error}")
