"""Trains a phrase-based translator both ways on the project's own bitext.

Only human pairs of the training split serve, and of those not the share that is held back as
monolingual: back-translation is measured on that share, so no translator may have seen it. A
language with too few pairs gets no translator: the report says so, and what needs one is empty.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from augment import cache
from augment.engines import thot
from corpus.settings import Languages, rows_of, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run
from corpus.table import InputError, place

Pair = tuple[str, str]
Row = dict[str, Any]
CHUNK = 50  # segments that a worker translates and records at a time


@settings
class Translator:
    """Which pairs a translator learns from."""

    most_pairs: int | None  # trained on, chosen by hash of the id; null: all
    least_pairs: int  # with fewer a language gets no translator: nothing useful is learned
    most_tokens: int  # words and marks on a side of a pair; longer ones align badly

    def __post_init__(self) -> None:
        if self.least_pairs < 2 or self.most_tokens < 1:
            raise ValueError(f"need least_pairs >= 2 and most_tokens >= 1, got {self}")
        if self.most_pairs is not None and self.most_pairs < self.least_pairs:
            raise ValueError(f"most_pairs must be null or at least least_pairs, got {self}")


def held_back(row: str, share: float) -> bool:
    """Whether the training row of this id is treated as if it had no source.

    >>> held_back("0f3a", 0.0), held_back("0f3a", 1.0)
    (False, True)
    """
    return place("monolingual", row) < share


def shown(row: Mapping[str, Any], share: float) -> str | None:
    """The human source of the row, or None where it is held back as monolingual."""
    return None if held_back(row["id"], share) else row["source"]


def share_of(word: str) -> float:
    """The share of pairs held back, from the command line.

    Raises:
        InputError: it is no number from 0 up to 1.

    """
    try:
        share = float(word)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InputError(f"monolingual_share must be from 0 to 1, got {word!r}")
    return share


def translator(  # noqa: PLR0913
    train: pa.Table,
    monolingual_share: str,
    params: Translator,
    active: tuple[str, ...],
    languages: Languages,
    shards: Shards,
    out: Path,
) -> Output:
    """Models forward (pivot to target) and backward of each active language, in a folder each.

    Beside them lie the ids of the pairs they saw, for a fair comparison later; they lie alone where
    a language has too few pairs.
    """
    share = share_of(monolingual_share)
    report: dict[str, dict[str, Any]] = {}
    jobs: list[tuple[list[Pair], Path]] = []
    for key, rows in rows_of(train, active, languages).items():
        chosen, report[key] = choose(rows, share, params)
        ids = out / key / "ids.txt"
        ids.parent.mkdir(parents=True)
        ids.write_text("".join(f"{row['id']}\n" for row in chosen), "utf-8")
        pairs = [(row["source"], row["target"]) for row in chosen]
        jobs += directions(pairs, out / key) if chosen else []
    engines = map_shards(learn, jobs, shards, "translator") if jobs else []
    for (_, folder), engine in zip(jobs, engines, strict=True):
        report[folder.parent.name].setdefault("engines", {})[folder.name] = engine
    return Output(report={"languages": report})


def trained(folder: Path) -> bool:
    """Whether a language has a translator: not where it has too few pairs.

    Args:
        folder: of the language, below that of the translators.

    Raises:
        InputError: the stage has not run for it.
    """
    if not (folder / "ids.txt").exists():
        raise InputError(f"{folder / 'ids.txt'} does not exist; run 'dvc repro translator' first")
    return any((folder / way).is_dir() for way in ("forward", "backward"))


def choose(rows: list[Row], share: float, params: Translator) -> tuple[list[Row], dict[str, Any]]:
    """The pairs to train on by id, none if too few, and how many were left out for what."""
    bitext = [row for row in rows if row["source"] and row["target"]]
    free = [row for row in bitext if not held_back(row["id"], share)]
    short = [row for row in free if longest(row) <= params.most_tokens]
    by_place = sorted(short, key=lambda row: (place("translator", row["id"]), row["id"]))
    chosen = sorted(by_place[: params.most_pairs], key=lambda row: row["id"])
    figures: dict[str, Any] = {
        "bitext": len(bitext),
        "held_back": len(bitext) - len(free),
        "too_long": len(free) - len(short),
        "over_most_pairs": len(short) - len(chosen),
        "trained_on": len(chosen),
    }
    if len(short) >= params.least_pairs:
        return chosen, figures
    why = f"none: {len(short)} pairs to train on, least_pairs is {params.least_pairs}"
    return [], {**figures, "over_most_pairs": len(short), "trained_on": 0, "model": why}


def longest(row: Row) -> int:
    """Tokens of the pair's longer side."""
    return max(len(thot.tokens(row[side])) for side in ("source", "target"))


def directions(pairs: list[Pair], folder: Path) -> list[tuple[list[Pair], Path]]:
    """The two trainings of a language: the pairs as they are, and turned round."""
    turned = [(target, source) for source, target in pairs]
    return [(pairs, folder / "forward"), (turned, folder / "backward")]


def learn(job: tuple[list[Pair], Path]) -> str:
    """Train one direction; its engine name comes back."""
    pairs, folder = job
    thot.train(pairs, folder)
    return thot.engine(folder)


def translate(model: Path, texts: list[str], shards: Shards, label: str) -> list[str]:
    """Translations in the order of the texts, by the workers; those met before come for nothing."""
    maker = ("translate", thot.engine(model), thot.recipe())
    known = cache.recall(maker, texts)
    new = sorted(set(texts) - known.keys())
    chunks = [new[start : start + CHUNK] for start in range(0, len(new), CHUNK)]
    made = map_shards(partial(chunk, model, maker), chunks, shards, label) if chunks else []
    known |= zip(new, (text for part in made for text in part), strict=True)
    return [known[text] for text in texts]


def chunk(model: Path, maker: tuple[str, ...], texts: list[str]) -> list[str]:
    """Translate and record a few segments."""
    return cache.remembered(lambda new: thot.load(model)(new), maker, texts)


if __name__ == "__main__":
    run(translator, Translator)
