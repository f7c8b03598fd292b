"""Trains the forward translator anew with the synthetic pairs added, to see what they change.

Its yardstick is the model of stage `translator`: the same engine on the same human pairs, which
that stage left as a list of ids. The two differ in the synthetic pairs and in nothing else: a
synthetic pair with a human source comes in only where its parents are such pairs, or it would
bring new human bitext; one whose source is in another pivot language is no pair of this translator.
The mixture's weights are for the adapter and count for nothing here. Where
there is no yardstick, for lack of pairs, nothing is trained.
"""

from pathlib import Path

import pyarrow as pa

from augment.engines import thot
from augment.making import Row, lowest, parents_of
from augment.review import MAKES_SOURCE, MAKES_TARGET
from augment.translation import Pair
from augment.translator import longest
from corpus.settings import settings
from corpus.stage import Output, run
from corpus.table import InputError


@settings
class Retrain:
    """Which synthetic pairs are added."""

    most_synthetic: float | None  # per human pair, chosen by hash of the id; null: all
    most_tokens: int  # words and marks on a side of a synthetic pair; longer ones are left out
    tag: str | None  # put before a source that a machine made, to be told from human; null: none

    def __post_init__(self) -> None:
        if self.most_synthetic is not None and self.most_synthetic < 0:
            raise ValueError(
                f"most_synthetic must be null or at least 0, got {self.most_synthetic}"
            )
        if self.most_tokens < 1:
            raise ValueError(f"most_tokens must be at least 1, got {self.most_tokens}")
        if self.tag is not None and not thot.WORD.fullmatch(self.tag):
            raise ValueError(
                f"tag must be null or one word, which the cutting keeps whole, got {self.tag!r}"
            )


def retrain(
    language: str, mixture: pa.Table, translator: Path, params: Retrain, out: Path
) -> Output:
    """The model forward, in a folder of that name, or nothing where there is no translator."""
    if not thot.trained(translator / language):
        return Output(report={"human": 0, "synthetic": 0, "engine": None})
    rows = [row for row in mixture.to_pylist() if row["source"] and row["target"]]
    seen = set((translator / language / "ids.txt").read_text("utf-8").split())
    human = [row for row in rows if not row["synthetic"] and row["id"] in seen]
    made, foreign = without_new_bitext(rows, {row["id"] for row in human})
    pivots = {row["source_language"] for row in human}
    spoken = [row for row in made if row["source_language"] in pivots]
    synthetic = added(spoken, len(human), params)
    ordered = sorted(human + synthetic, key=lambda row: row["id"])
    pairs: list[Pair] = [(tagged(row, params.tag), row["target"]) for row in ordered]
    if len(pairs) < 2:
        raise InputError(f"the mixture of {language!r} has {len(pairs)} pairs to train on, needs 2")
    thot.train(pairs, out / "forward", thot.trained_as(translator / language / "forward"))
    return Output(
        report={
            "human": len(human),
            "human_of_translator_not_in_mixture": len(seen) - len(human),
            "synthetic": len(synthetic),
            "synthetic_of_other_parents_left_out": foreign,
            "synthetic_of_other_pivots_left_out": len(made) - len(spoken),
            "engine": f"thot@{thot.weights(out / 'forward')}",
        }
    )


def tagged(row: Row, tag: str | None) -> str:
    """The row's source, the tag before it where a machine made it.

    The tag is put here and never in the table, so that no gate, key or reviewer meets it.

    Source: Caswell et al. 2019, https://aclanthology.org/W19-5206
    """
    source: str = row["source"]
    return f"{tag} {source}" if tag and row["origin"] in MAKES_SOURCE else source


def without_new_bitext(rows: list[Row], human: set[str]) -> tuple[list[Row], int]:
    """The synthetic pairs that hold no other human pair's text, and how many do.

    Args:
        human: ids of the human pairs that are trained on.

    """
    made = [row for row in rows if row["synthetic"] and row["bitext"]]
    alone = (*MAKES_SOURCE, *MAKES_TARGET)
    free = [row for row in made if row["origin"] in alone or human.issuperset(parents_of(row))]
    return free, len(made) - len(free)


def added(made: list[Row], human: int, params: Retrain) -> list[Row]:
    """The synthetic pairs that are short enough, at most so many per human pair."""
    short = [row for row in made if longest(row) <= params.most_tokens]
    most = None if params.most_synthetic is None else round(params.most_synthetic * human)
    return lowest(short, most, "retrain")


if __name__ == "__main__":
    run(retrain, Retrain)
