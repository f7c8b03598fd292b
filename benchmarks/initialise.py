"""What new tokens' rows begin as, and whether morphs help: bits per byte before and after training.

    python -m benchmarks.initialise [language] [split] [base model] [steps]

Each way extends the base's vocabulary from the training split, then trains the same number of steps
of `adapt`'s continued pre-training on human target text, once a seed. Bits per byte are of 150
validation texts, by the full softmax; differences are paired over texts, their interval is of texts
alone, and the mean over seeds stands beside each seed's own.
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer as Fast

from augment.making import lowest
from benchmarks.adapted import adapted
from corpus.settings import Languages, languages, load, section
from corpus.table import InputError, read
from train.adapt import Adapt
from train.examples import Row
from train.fertility import counts, measure, read_tokenizer
from train.initialise import PIECES
from train.measure import bits, text_examples
from train.model import Speaker, load_base, one_thread
from train.scores import rate, size
from train.statistics import compare
from train.tokenizer import Tokenizer, morphs, save, target_texts
from train.vocabulary import WORD, Cut, borders

WAYS = {  # what differs from the first
    "mean": {"segment": None, "initialise": "mean"},
    "focus": {"segment": None, "initialise": "focus"},
    "morfessor": {"segment": "morfessor", "initialise": "mean"},
}
TEXTS = 150
SEEDS = 3
BATCH_TOKENS = 2048
DRAW = 1000, 0  # resamples and seed
ALONE = {"source": None, "synthetic": False, "bitext": False, "weight": 1.0, "order": None}
Spent = list[np.ndarray]  # (texts, 2) bits and bytes, once a seed


def spent(speaker: Speaker, texts: list[str]) -> np.ndarray:
    """(texts, 2): bits and bytes."""
    found = bits(speaker, text_examples(speaker, texts), BATCH_TOKENS, "bits")
    return np.array([found, [size(text) for text in texts]]).T


def rows_of(folder: Path, language: str, known: Languages) -> list[Row]:
    """The rows of a language with a target, all of one weight."""
    columns = ("id", "target", "language")
    table = read(folder).select(columns)
    mine = {text for _, text in target_texts(table, language, known)}
    return [{**row, **ALONE} for row in table.to_pylist() if row["target"] in mine]


def line(found: dict[str, Spent], name: str) -> str:
    """Mean bits per byte of a way over seeds, and its difference from the first's."""
    value, first = rate(sum(found[name]).sum(axis=0)), next(iter(found))
    if name == first:
        return f"{value:.4f}"
    told = compare(sum(found[name]), sum(found[first]), rate, False, DRAW)
    pairs = zip(found[name], found[first], strict=True)
    seeds = ", ".join(f"{rate(a.sum(axis=0)) - rate(b.sum(axis=0)):+.4f}" for a, b in pairs)
    return (
        f"{value:.4f} ({told['difference']:+.4f} [{told['least']:+.4f}, {told['most']:+.4f}], "
        f"{told['verdict']}; by seed {seeds})"
    )


def across(folder: Path, texts: list[str], cut: Cut) -> str:
    """How many of the new tokens in the words of the texts lie across a border of morphs."""
    tokenizer = Fast.from_file(str(folder / "tokenizer.json"))
    new = json.loads((folder / PIECES).read_text("utf-8"))
    words = [word for text in texts for word in WORD.findall(text)]
    uses = crossed = 0
    for word, code in zip(words, tokenizer.encode_batch(words), strict=True):
        ends = borders(word, cut)
        spans = [s for t, s in zip(code.tokens, code.offsets, strict=True) if t in new]
        uses += len(spans)
        crossed += sum(any(start < end < stop for end in ends) for start, stop in spans)
    return f"{crossed} of {uses} new tokens across a border of Morfessor's"


def after_steps(
    base: Path, folder: Path, rows: list[Row], params: Adapt, texts: list[str]
) -> Spent:
    """What the base spends on the texts after the steps, once a seed."""
    found = []
    for seed in range(SEEDS):
        speaker = adapted(load_base(base, folder), replace(params, seed=seed), rows)
        found.append(spent(speaker, texts))
        print(f"    seed {seed}: {rate(found[-1].sum(axis=0)):.4f}", flush=True)
    return found


def main(language: str, split: Path, base: Path, steps: int) -> None:
    """Three lines for each way, and one a seed."""
    one_thread()
    tree = load()
    _, known = languages(tree)
    settings = section(Tokenizer, "tokenizer", tree)
    adapt = section(Adapt, "adapt", tree)
    (phase,) = (one for one in adapt.phases if one.objective == "clm")
    adapt = replace(adapt, phases=(replace(phase, steps=steps),))
    rows = rows_of(split / "train", language, known)
    held = lowest(rows_of(split / "validation", language, known), TEXTS, "initialise")
    learned_from, texts = ([row["target"] for row in some] for some in (rows, held))
    cut = morphs(learned_from)
    before: dict[str, Spent] = {}
    after: dict[str, Spent] = {}
    for name, changed in WAYS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            save(replace(settings, **changed), learned_from, base, folder)
            words = measure(counts(texts, read_tokenizer(folder)), *DRAW)["tokens_per_word"]
            print(
                f"{name}: {words['value']:.3f} [{words['least']:.3f}, {words['most']:.3f}] tokens "
                f"a word of {len(texts)} validation texts, {across(folder, texts, cut)}"
            )
            before[name] = [spent(load_base(base, folder), texts)]
            print(f"  bits per byte at once {line(before, name)}", flush=True)
            after[name] = after_steps(base, folder, rows, adapt, texts)
            print(f"  after {steps} steps {line(after, name)}", flush=True)


if __name__ == "__main__":
    try:
        given = dict(enumerate(sys.argv[1:]))
        main(
            given.get(0, "nah"),
            Path(given.get(1, "data/split")),
            Path(given.get(2, "models/base")),
            int(given.get(3, 60)),
        )
    except InputError as error:
        sys.exit(f"benchmarks.initialise: {error}")
