"""Forward translation: a machine-made target for text of the pivot language that has none.

The most dangerous method: the model is trained to write what a machine wrote in the language. It
learns the translator's mistakes as if they were the language, and no human text of it is behind
them. Back-translation puts the machine's text on the side that is read only.

Rows are those of the training split with a source alone (`alone: [source]` in gather.sources).

Source: Bogoychev & Sennrich 2019, https://arxiv.org/abs/1911.03362
"""

from pathlib import Path

import pyarrow as pa

from augment.engine import Engines, name_of, opened, ready, translate
from augment.making import Row, child, lowest, share_of, without_target
from augment.protected import intact, load
from augment.translation import faults
from corpus.settings import Languages, rows_of, settings
from corpus.shards import Shards
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, canonical


@settings
class Forward:
    """How many rows get a target, from which engine."""

    engine: str  # a name in `engines`
    most_rows: int | None  # per language, chosen by hash of the id; null: all, 0: none

    def __post_init__(self) -> None:
        if self.most_rows is not None and self.most_rows < 0:
            raise ValueError(f"most_rows must be null or at least 0, got {self.most_rows}")


def forward(  # noqa: PLR0913
    train: pa.Table,
    translator: Path,
    protected: Path,
    monolingual_share: str,
    params: Forward,
    active: tuple[str, ...],
    languages: Languages,
    engines: Engines,
    shards: Shards,
) -> Output:
    """Rows of a human source and a machine-made target; an expression of the pivot's list stays.

    A text belongs to the language whose source in params.yaml it is from.
    """
    share = share_of(monolingual_share)
    made: list[Row] = []
    report = {}
    for key, rows in rows_of(train, active, languages).items():
        engine = opened(params.engine, (key, languages[key]), "forward", engines, translator)
        parents = choose(rows, share, params.most_rows)
        parents = parents if parents and ready(engine) else []
        found = translate(engine, [row["source"] for row in parents], shards, "forward")
        new = pair_up(parents, [b.text for b in found], name_of(engine) if parents else "")
        known = load(protected, languages[key].pivot)
        safe, expressions = intact(parents, new, ("source", "target"), known)
        made += safe
        report[key] = {
            "chosen": len(parents),
            "empty": len(parents) - len(new),
            "faults": faults(found),
            "protected": expressions,
        }
    table = canonical(pa.Table.from_pylist(made, schema=SYNTHETIC))
    return Output({"rows": table}, {"languages": report})


def choose(rows: list[Row], share: float, most: int | None) -> list[Row]:
    """Rows of a source alone that is not held back, at most so many, by hash of the id."""
    return lowest(without_target(rows, share), most, "forward")


def pair_up(parents: list[Row], targets: list[str], engine: str) -> list[Row]:
    """The parents' sources with a target each; a translation of no character makes no row."""
    return [
        child(row, "forward", engine, target=target)
        for row, target in zip(parents, targets, strict=True)
        if target
    ]


if __name__ == "__main__":
    run(forward, Forward)
