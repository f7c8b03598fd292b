"""Models that learn from little data in seconds, and what they measure on test rows.

A phrase-based translator and a language model over bytes. A translator's result is recorded by all
that it depends on, so that a killed run goes on, and equal data are learned once.
"""

import json
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from augment import cache as records
from augment.engines import thot
from augment.translation import Pair, best_texts
from corpus.table import digest
from train import ngrams, scores
from train.scores import chrf_statistics, size


@dataclass(frozen=True)
class Task:
    """The training and measuring of a translator and a language model."""

    pairs: list[Pair]
    texts: list[str]
    weights: list[float]
    test: list[Pair]
    order: int
    discount: float


@dataclass(frozen=True)
class Measured:
    """Statistics of the test rows: (n, k) counts of chrF++, (n, 2) negative bits, and bytes."""

    chrf: np.ndarray
    bits: np.ndarray


def measure(task: Task) -> Measured:
    """Train both models of a task and measure them on its test rows."""
    model = ngrams.train(task.texts, task.weights, task.order, task.discount)
    targets = [target for _, target in task.test]
    sizes = [float(size(target)) for target in targets]
    bits = np.array([-ngrams.bits(model, targets), sizes]).T
    return Measured(chrf_of(task.pairs, task.test, None), bits)


def chrf_of(pairs: Sequence[Pair], test: Sequence[Pair], folder: Path | None) -> np.ndarray:
    """(n, k): counts of chrF++ of a translator of the pairs; measured once for all.

    Args:
        folder: where it lies; null: it is trained for this.
    """

    def make(_: list[str]) -> list[str]:
        if folder is not None:
            return [json.dumps(translated(folder, test))]
        with tempfile.TemporaryDirectory() as scratch:
            thot.train(pairs, Path(scratch, "forward"))
            return [json.dumps(translated(Path(scratch, "forward"), test))]

    code = Path(scores.__file__).read_text("utf-8")
    maker = ("ablation", thot.recipe(), digest(code), metadata.version("sacrebleu"))
    inputs = [digest(*(side for pair in some for side in pair)) for some in (pairs, test)]
    return np.array(json.loads(records.remembered(make, maker, [digest(*inputs)], 1)[0]))


def translated(folder: Path, test: Sequence[Pair]) -> list[list[int]]:
    """The counts of each test row's translation."""
    said = best_texts(thot.load.__wrapped__(folder)([source for source, _ in test]))
    return [chrf_statistics(one, target) for one, (_, target) in zip(said, test, strict=True)]


def translators(pairs: Sequence[Pair], scratch: Path, language: str) -> Path:
    """Translators both ways of these pairs alone, as stage translator leaves them; made once."""
    whole = scratch / digest(thot.recipe(), *(side for pair in pairs for side in pair))
    if not whole.exists():
        scratch.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".", dir=scratch))
        turned = [(target, source) for source, target in pairs]
        for way, some in (("forward", pairs), ("backward", turned)):
            thot.train(some, part / language / way)
        (part / language / "ids.txt").touch()
        with suppress(OSError):  # another worker was faster
            part.rename(whole)
    return whole
