"""A fastText model as a function from texts to probabilities of languages.

A text is read through a few windows; each is folded to its matching key, so that two spellings of
one word are one word to the model, and the windows' probabilities are averaged by their length.

Source: Joulin et al. 2017, https://arxiv.org/abs/1607.01759
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import fasttext
import numpy as np

from corpus.detection import Floats, calibrated
from corpus.orthography import matching_key
from corpus.settings import settings
from corpus.table import InputError

BATCH = 512  # fastText holds the GIL for a whole call
WINDOW = 300  # characters
WINDOWS = 3  # of a text; what comes after them is not read
BEST = 4  # labels asked of the model for a window; what is not among them is next to impossible
LEAST = 1e-6  # a probability, so that its log-odds are finite
LABEL = "__label__"
NOISE = "noise"

Scorer = Callable[[Sequence[str]], list[float]]


@settings
class FastText:
    """How a model is trained; fastText's own names are in brackets."""

    dimensions: int  # of the vector of a word or a run of letters (dim)
    epochs: int  # times that every segment is seen (epoch)
    rate: float  # learning rate at the start; falls to 0 (lr)
    least_letters: int  # in a run of letters (minn)
    most_letters: int  # (maxn)
    least_count: int  # times a word must occur to have a vector of its own (minCount)
    buckets: int  # vectors that the runs of letters share (bucket)

    def __post_init__(self) -> None:
        if min(self.dimensions, self.epochs, self.least_count, self.buckets) < 1 or self.rate <= 0:
            raise ValueError(f"dimensions, epochs, rate and buckets must be above 0, got {self}")
        if not 1 <= self.least_letters <= self.most_letters:
            raise ValueError(f"need 1 <= least_letters <= most_letters, got {self}")


def windows(text: str) -> list[str]:
    """The first pieces of a text, each short enough to be labelled fast.

    >>> [len(piece) for piece in windows("a" * 1000)]
    [300, 300, 300]
    """
    return [text[start : start + WINDOW] for start in range(0, len(text), WINDOW)][:WINDOWS]


def train(examples: Iterable[tuple[str, str]], how: FastText, seed: int) -> fasttext.FastText:
    """A model of examples (label, folded window), in their order; the same bytes every time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "examples.txt")
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{LABEL}{label} {text}\n" for label, text in examples if text)
        return fasttext.train_supervised(
            str(path),
            dim=how.dimensions,
            epoch=how.epochs,
            lr=how.rate,
            minn=how.least_letters,
            maxn=how.most_letters,
            minCount=how.least_count,
            bucket=how.buckets,
            seed=seed,
            thread=1,  # more threads, other bytes
            verbose=0,
        )


class Told(NamedTuple):
    """What a model says of texts."""

    chances: Floats  # (texts, labels)
    best: list[str]


def probabilities(
    model: fasttext.FastText,
    fold: Callable[[str], str],
    labels: Sequence[str],
    texts: Sequence[str],
) -> Told:
    """The probability of each label (texts × labels) and the model's best label for each text."""
    pieces = [(number, fold(piece)) for number, text in enumerate(texts) for piece in windows(text)]
    pieces = [(number, piece) for number, piece in pieces if piece]
    column = {LABEL + label: number for number, label in enumerate(labels)}
    sums, sizes = np.zeros((len(texts), len(labels))), np.zeros(len(texts))
    best = [NOISE] * len(texts)  # of a text without a letter or digit
    for start in range(0, len(pieces), BATCH):
        batch = pieces[start : start + BATCH]
        found, chances = model.predict([piece for _, piece in batch], k=BEST)
        for (number, piece), names, values in zip(batch, found, chances, strict=True):
            if not sizes[number]:
                best[number] = names[0].removeprefix(LABEL)
            sizes[number] += len(piece)
            for name, value in zip(names, values, strict=True):
                if name in column:
                    sums[number, column[name]] += value * len(piece)
    if NOISE in labels:
        sums[sizes == 0, column[LABEL + NOISE]] = 1.0
    shares = sums / np.maximum(sizes, 1)[:, None]
    return Told(np.clip(shares, LEAST, 1 - LEAST), best)


def as_bytes(model: fasttext.FastText) -> bytes:
    """The model as its file, to be sent between processes and machines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.bin")
        model.save_model(str(path))
        return path.read_bytes()


def save(model: bytes, folder: Path, about: dict[str, object]) -> None:
    """Write a model and what `load` needs to know about it."""
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(model)
    whole = json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "about.json").write_text(whole + "\n", "utf-8")


def load(folder: Path) -> dict[str, Scorer]:
    """Functions from texts to the calibrated probability that each is in a side's language.

    Args:
        folder: data/identify/models/<key of the language>.

    Returns:
        Under "target" the function for the language, under "source" that for its pivot, where
        there was enough text of it.

    Raises:
        InputError: there is no model: the language had too little trusted text.
    """
    if not (folder / "about.json").exists():
        raise InputError(
            f"{folder} holds no model; reports/identify.json says why none was trained"
        )
    about = json.loads((folder / "about.json").read_text("utf-8"))
    model = fasttext.load_model(str(folder / "model.bin"))
    fold = matching_key(about["orthography"])
    sides = [side for side in ("target", "source") if side in about]
    return {side: partial(score, model, fold, about[side]) for side in sides}


def score(
    model: fasttext.FastText,
    fold: Callable[[str], str],
    side: dict[str, Any],
    texts: Sequence[str],
) -> list[float]:
    """The calibrated probability that each text is in the side's language."""
    chances = probabilities(model, fold, [side["label"]], texts).chances[:, 0]
    return [float(x) for x in calibrated(chances, side["slope"], side["intercept"])]
