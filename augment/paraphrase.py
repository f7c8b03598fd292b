"""Paraphrases by a round trip: target to pivot and back, kept where they really differ.

Through a weak translator this damages meaning more often than it rewords; validate's gates and the
reviewers have the last word.

Source: Mallinson et al. 2017, https://aclanthology.org/E17-1083
"""

from collections import Counter
from pathlib import Path

import pyarrow as pa
from sacrebleu.metrics.chrf import CHRF

from augment.engine import Engine, Engines, name_of, opened, ready, translate
from augment.making import child, lowest, share_of, shown
from augment.protected import intact, load
from corpus.settings import Languages, rows_of, settings
from corpus.shards import Shards
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, canonical, digest


@settings
class Paraphrase:
    """How many rows are tried, and how far a paraphrase is from its parent."""

    engine: str  # a name in `engines`; it goes to the pivot and back
    most_rows: int  # tried per language, chosen by hash of the id; 0: none
    least_distance: float  # 1 - chrF of the new target to the old, case folded, 0 to 1
    most_distance: float  # beyond it, little of the meaning is left

    def __post_init__(self) -> None:
        if self.most_rows < 0:
            raise ValueError(f"most_rows must be at least 0, got {self.most_rows}")
        if not 0 < self.least_distance < self.most_distance <= 1:
            raise ValueError(
                "need 0 < least_distance < most_distance <= 1, got "
                f"{self.least_distance} and {self.most_distance}"
            )


def paraphrase(  # noqa: PLR0913
    train: pa.Table,
    translator: Path,
    monolingual_share: str,
    protected: Path,
    params: Paraphrase,
    active: tuple[str, ...],
    languages: Languages,
    engines: Engines,
    shards: Shards,
) -> Output:
    """Rows of a reworded target; the parent's human source stays, unless it is held back."""
    share = share_of(monolingual_share)
    made, report = [], {}
    for key, rows in rows_of(train, active, languages).items():
        there, back = (
            opened(params.engine, (key, languages[key]), way, engines, translator)
            for way in ("backward", "forward")
        )
        written = [row for row in rows if row["target"]]
        parents = lowest(written, params.most_rows, "paraphrase")
        parents = parents if parents and ready(there) and ready(back) else []
        engine, trips = round_trip([row["target"] for row in parents], (there, back), shards)
        reasons = [
            reason(row["target"], trip, params) for row, trip in zip(parents, trips, strict=True)
        ]
        new = [
            child(row, "paraphrase", engine, target=trip, source=shown(row, share))
            for row, trip, why in zip(parents, trips, reasons, strict=True)
            if why is None
        ]
        safe, expressions = intact(parents, new, ("target", "target"), load(protected, key))
        made += safe
        report[key] = {
            "tried": len(parents),
            "outcome": Counter(w or "kept" for w in reasons),
            "protected": expressions,
        }
    table = canonical(pa.Table.from_pylist(made, schema=SYNTHETIC))
    return Output({"rows": table}, {"languages": report})


def round_trip(
    texts: list[str], engines: tuple[Engine, Engine], shards: Shards
) -> tuple[str, list[str]]:
    """The texts through the pivot and back, after the name of the pair of engines."""
    if not texts:
        return "", []
    for engine in engines:
        found = translate(engine, texts, shards, f"paraphrase {engine.direction.way}")
        texts = [best.text for best in found]
    return f"round-trip@{digest(*map(name_of, engines))}", texts


def reason(parent: str, text: str, params: Paraphrase) -> str | None:
    """Why the round trip is of no use, or None."""
    if not text:
        return "empty"
    distance = 1 - CHRF().sentence_score(text.lower(), [parent.lower()]).score / 100
    if distance < params.least_distance:
        return "too near its parent"
    return "too far from its parent" if distance > params.most_distance else None


if __name__ == "__main__":
    run(paraphrase, Paraphrase)
