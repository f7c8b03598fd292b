"""Back-translation: a machine-made source for target segments that have none.

Rows come from the training split alone: those without a source, and those whose source is held
back as if they had none, so that the effect can be measured against the human side.

Source: Sennrich et al. 2016, https://aclanthology.org/P16-1009
"""

from pathlib import Path
from typing import Any

import pyarrow as pa

from augment.chrf import corpus_chrf
from augment.engine import Engines, name_of, opened, ready, translate
from augment.making import Row, child, held_back, lowest, without_source
from augment.protected import intact, load
from augment.translation import faults
from corpus.settings import Languages, rows_of, settings
from corpus.shards import Shards
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, canonical


@settings
class Backtranslate:
    """Which rows get a source, from which engine."""

    engine: str  # a name in `engines`
    monolingual_share: float  # of the pairs whose source is hidden from training, 0 to 1
    most_rows: int | None  # per language, chosen by hash of the id; null: all, 0: none

    def __post_init__(self) -> None:
        if not 0 <= self.monolingual_share <= 1:
            raise ValueError(f"monolingual_share must be 0 to 1, got {self.monolingual_share}")
        if self.most_rows is not None and self.most_rows < 0:
            raise ValueError(f"most_rows must be null or at least 0, got {self.most_rows}")


def backtranslate(  # noqa: PLR0913
    train: pa.Table,
    translator: Path,
    protected: Path,
    params: Backtranslate,
    active: tuple[str, ...],
    languages: Languages,
    engines: Engines,
    shards: Shards,
) -> Output:
    """Rows of a machine-made source and a human target, one for each parent, if it can be made."""
    made, report = [], {}
    for key, rows in rows_of(train, active, languages).items():
        engine = opened(params.engine, (key, languages[key]), "backward", engines, translator)
        parents = choose(rows, params)
        parents = parents if parents and ready(engine) else []
        found = translate(engine, [row["target"] for row in parents], shards, "backtranslate")
        sources = [best.text for best in found]
        named = name_of(engine) if parents else ""
        new = pair_up(parents, sources, named, languages[key].pivot)
        safe, expressions = intact(parents, new, ("target", "source"), load(protected, key))
        made += safe
        report[key] = {
            "chosen": len(parents),
            "empty": len(parents) - len(new),
            "faults": faults(found),
            "protected": expressions,
            "held_back": against_human(parents, new, params.monolingual_share),
        }
    table = canonical(pa.Table.from_pylist(made, schema=SYNTHETIC))
    return Output({"rows": table}, {"languages": report})


def choose(rows: list[Row], params: Backtranslate) -> list[Row]:
    """Rows to be treated as target-only, at most so many, by hash of the id."""
    alone = without_source(rows, params.monolingual_share)
    return lowest(alone, params.most_rows, "backtranslate")


def pair_up(parents: list[Row], sources: list[str], engine: str, pivot: str) -> list[Row]:
    """The parents' targets with a new source each; a translation of no character makes no row."""
    return [
        child(row, "backtranslate", engine, source=source, source_language=pivot)
        for row, source in zip(parents, sources, strict=True)
        if source
    ]


def against_human(parents: list[Row], made: list[Row], share: float) -> dict[str, Any]:
    """Corpus chrF++ of made sources against the human ones that are held back, and of a copy.

    Here alone a source that is held back is looked at, and no text leaves but as a figure. A parent
    whose translation was empty counts as such. The copy is the target itself, untranslated.
    """
    known = [row for row in parents if row["source"] and held_back(row["id"], share)]
    sources = {row["parent"]: row["source"] for row in made}
    human = [row["source"] for row in known]
    texts = {
        "made": [sources.get(row["id"], "") for row in known],
        "copy": [row["target"] for row in known],
    }
    return {"rows": len(known), **{name: corpus_chrf(said, human) for name, said in texts.items()}}


if __name__ == "__main__":
    run(backtranslate, Backtranslate)
