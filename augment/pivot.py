"""Pivot translation: the human source put into a second pivot language, beside the human target.

A pair with Spanish becomes one with Catalan, say, where the two pivots are close and a good engine
knows both. (The engine kind `pivot`, in engines/, goes through a language to reach another.)

Source: Utiyama & Isahara 2007, https://aclanthology.org/N07-1061
"""

from pathlib import Path

import pyarrow as pa

from augment.engine import OWN, Engine, Engines, directed, name_of, translate
from augment.making import Row, child, lowest, share_of, shown
from augment.protected import intact, load
from augment.translation import Direction, faults
from corpus.settings import Languages, rows_of, settings
from corpus.shards import Shards
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, InputError, canonical


@settings
class Pivot:
    """How many rows get another source, in which language, from which engine."""

    engine: str | None  # a name in `engines`, not the translator trained here; null: off
    into: str  # the second pivot language, as cat_Latn
    most_rows: int | None  # per language, chosen by hash of the id; null: all, 0: none

    def __post_init__(self) -> None:
        if self.engine == OWN:
            raise ValueError(f"engine {OWN!r} translates into the language only; name another")
        if self.most_rows is not None and self.most_rows < 0:
            raise ValueError(f"most_rows must be null or at least 0, got {self.most_rows}")


def pivot(  # noqa: PLR0913
    train: pa.Table,
    protected: Path,
    monolingual_share: str,
    params: Pivot,
    active: tuple[str, ...],
    languages: Languages,
    engines: Engines,
    shards: Shards,
) -> Output:
    """Rows of a source in the second pivot language and a human target.

    A source that is held back is not translated either.
    """
    share = share_of(monolingual_share)
    made: list[Row] = []
    report = {}
    for key, rows in rows_of(train, active, languages).items():
        parents = choose(rows, languages[key].pivot, share, params)
        if params.engine is None or not parents:
            report[key] = {"chosen": 0, "empty": 0, "faults": {}, "protected": {}}
            continue
        engine = between(params.engine, languages[key].pivot, params.into, engines)
        found = translate(engine, [row["source"] for row in parents], shards, "pivot")
        new = pair_up(parents, [best.text for best in found], name_of(engine), params.into)
        known = load(protected, languages[key].pivot)
        safe, expressions = intact(parents, new, ("source", "source"), known)
        made += safe
        report[key] = {
            "chosen": len(parents),
            "empty": len(parents) - len(new),
            "faults": faults(found),
            "protected": expressions,
        }
    table = canonical(pa.Table.from_pylist(made, schema=SYNTHETIC))
    return Output({"rows": table}, {"languages": report})


def between(name: str, source: str, into: str, engines: Engines) -> Engine:
    """The engine set from one pivot language to the other.

    Raises:
        InputError: it is, or goes through, the translator trained here, which knows neither way.
    """
    engine = directed(name, Direction(source, into, "forward"), engines, Path())
    if trained_here(engine):
        raise InputError(
            f"params.yaml: pivot.engine {name!r} is the translator trained here, which does "
            f"not translate {source} into {into}; name another of {sorted(engines)}"
        )
    return engine


def trained_here(engine: Engine) -> bool:
    """Whether the engine is the project's own translator, or goes through it."""
    return engine.spec.kind == "thot" or any(map(trained_here, engine.legs))


def choose(rows: list[Row], spoken: str, share: float, params: Pivot) -> list[Row]:
    """Pairs whose source is shown and in the pivot language, so many by hash of the id."""
    pairs = [
        row
        for row in rows
        if row["target"] and shown(row, share) and row["source_language"] == spoken
    ]
    return lowest(pairs, params.most_rows, "pivot")


def pair_up(parents: list[Row], sources: list[str], engine: str, into: str) -> list[Row]:
    """The parents' targets with the new sources; a translation of no character makes no row."""
    return [
        child(row, "pivot", engine, source=source, source_language=into)
        for row, source in zip(parents, sources, strict=True)
        if source
    ]


if __name__ == "__main__":
    run(pivot, Pivot)
