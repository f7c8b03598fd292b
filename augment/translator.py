"""Trains a phrase-based translator both ways on the project's own bitext.

Only human pairs of the training split serve, and of those not the share that is held back as
monolingual: back-translation is measured on that share, so no translator may have seen it. A
language with too few pairs gets no translator: the report says so, and what needs one is empty.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from augment.engines import phrases, segmentation, thot
from augment.making import Row, held_back, lowest, share_of
from augment.translation import EXAMPLES, Direction
from corpus.settings import Languages, rows_of, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run

Pair = tuple[str, str]
MOST_EXAMPLES = 32  # left beside a translator: some are passed over for a segment like them


@settings
class Segmentation:
    """Into what the words of a side are cut; learned from the training pairs alone."""

    source: segmentation.Kind  # of the pivot language
    target: segmentation.Kind  # of the low-resource language


@settings
class Translator:
    """Which pairs a translator learns from."""

    most_pairs: int | None  # trained on, chosen by hash of the id; null: all
    least_pairs: int  # with fewer a language gets no translator: nothing useful is learned
    most_tokens: int  # words and marks on a side of a pair; longer ones align badly
    alignment: phrases.Alignment
    iterations: int  # of expectation-maximisation, of each alignment model
    segmentation: Segmentation
    most_pieces: int  # of the vocabulary of a side that sentencepiece cuts
    tuning_rounds: int  # of the model's weights, on a tenth of the pairs; 0: the library's stay

    def __post_init__(self) -> None:
        if self.least_pairs < 2 or self.most_tokens < 1:
            raise ValueError(f"need least_pairs >= 2 and most_tokens >= 1, got {self}")
        if self.most_pairs is not None and self.most_pairs < self.least_pairs:
            raise ValueError(f"most_pairs must be null or at least least_pairs, got {self}")
        if min(self.iterations, self.most_pieces) < 1 or self.tuning_rounds < 0:
            raise ValueError(
                f"need iterations and most_pieces >= 1 and tuning_rounds >= 0, got {self}"
            )


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
    jobs: list[Job] = []
    for key, rows in rows_of(train, active, languages).items():
        chosen, report[key] = choose(rows, share, params)
        ids = out / key / "ids.txt"
        ids.parent.mkdir(parents=True)
        ids.write_text("".join(f"{row['id']}\n" for row in chosen), "utf-8")
        leave_examples(chosen, (languages[key].pivot, key), ids.with_name(EXAMPLES))
        pairs = [(row["source"], row["target"]) for row in chosen]
        jobs += directions(pairs, out / key, (key, languages[key].pivot), params) if chosen else []
    learned = map_shards(learn, jobs, shards, "translator") if jobs else []
    for job, (engine, left_out) in zip(jobs, learned, strict=True):
        figures, way = report[job.folder.parent.name], job.direction.way
        figures.setdefault("engines", {})[way] = engine
        figures.setdefault("too_many_pieces", {})[way] = left_out
    return Output(report={"languages": report})


def leave_examples(chosen: list[Row], ends: tuple[str, str], path: Path) -> None:
    """A few of the pairs, by lowest hash, for engines that are shown some (engines/causal.py)."""
    few = lowest(chosen, MOST_EXAMPLES, "examples")
    pairs = [{ends[0]: row["source"], ends[1]: row["target"]} for row in few]
    lines = [json.dumps(pair, ensure_ascii=False) for pair in pairs]
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def choose(rows: list[Row], share: float, params: Translator) -> tuple[list[Row], dict[str, Any]]:
    """The pairs to train on by id, none if too few, and how many were left out for what."""
    bitext = [row for row in rows if row["source"] and row["target"]]
    free = [row for row in bitext if not held_back(row["id"], share)]
    short = [row for row in free if longest(row) <= params.most_tokens]
    chosen = sorted(lowest(short, params.most_pairs, "translator"), key=lambda row: row["id"])
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


class Job(NamedTuple):
    """The training of one direction."""

    pairs: list[Pair]
    folder: Path
    direction: Direction
    how: phrases.Training


def directions(
    pairs: list[Pair], folder: Path, ends: tuple[str, str], params: Translator
) -> list[Job]:
    """The two trainings of a language: the pairs as they are, and turned round.

    Args:
        ends: the language's key and its pivot.
    """
    (key, pivot), cut = ends, params.segmentation
    forward = phrases.Training(
        params.alignment,
        params.iterations,
        cut.source,
        cut.target,
        params.most_pieces,
        params.tuning_rounds,
    )
    backward = forward._replace(source=cut.target, target=cut.source)
    turned = [(target, source) for source, target in pairs]
    return [
        Job(pairs, folder / "forward", Direction(pivot, key, "forward"), forward),
        Job(turned, folder / "backward", Direction(key, pivot, "backward"), backward),
    ]


def learn(job: Job) -> tuple[str, int]:
    """Train one direction; its engine name, and how many pairs were too long in pieces."""
    left_out = thot.train(job.pairs, job.folder, job.how)
    return thot.name(job.folder, job.direction), left_out


if __name__ == "__main__":
    run(translator, Translator)
