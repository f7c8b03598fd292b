"""Trains a phrase-based translator both ways on the project's own bitext.

Only human pairs of the training split serve, and of those not the share that is held back as
monolingual: back-translation is measured on that share, so no translator may have seen it. A
language with too few pairs gets no translator: the report says so, and what needs one is empty.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa

from augment.engines import phrases, segmentation, thot
from augment.iterate import Job, improve
from augment.making import Row, held_back, lowest, share_of, without_source, without_target
from augment.translation import EXAMPLES, Direction, Pair
from corpus.settings import Languages, rows_of, settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run

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
    rounds: int  # of iterative back-translation, at most (augment/iterate.py); 0: none
    most_made: int | None  # pairs made for a direction in a round, by hash of the id; null: all

    def __post_init__(self) -> None:
        if self.least_pairs < 2 or self.most_tokens < 1:
            raise ValueError(f"need least_pairs >= 2 and most_tokens >= 1, got {self}")
        if self.most_pairs is not None and self.most_pairs < self.least_pairs:
            raise ValueError(f"most_pairs must be null or at least least_pairs, got {self}")
        if min(self.iterations, self.most_pieces) < 1:
            raise ValueError(f"need iterations and most_pieces >= 1, got {self}")
        if min(self.tuning_rounds, self.rounds, self.most_made or 0) < 0:
            raise ValueError(f"need tuning_rounds, rounds and most_made >= 0, got {self}")


def translator(  # noqa: PLR0913
    train: pa.Table,
    validation: pa.Table,
    monolingual_share: str,
    params: Translator,
    active: tuple[str, ...],
    languages: Languages,
    shards: Shards,
    out: Path,
) -> Output:
    """Models forward (pivot to target) and backward of each active language, in a folder each.

    Beside them lie the ids of the pairs they saw, for a fair comparison later; they lie alone where
    a language has too few pairs. Validation pairs are read to choose among rounds, and else not.
    """
    share = share_of(monolingual_share)
    report: dict[str, dict[str, Any]] = {}
    jobs: list[Job] = []
    checks = rows_of(validation, active, languages)
    for key, rows in rows_of(train, active, languages).items():
        chosen, report[key] = choose(rows, share, params)
        ids = out / key / "ids.txt"
        ids.parent.mkdir(parents=True)
        ids.write_text("".join(f"{row['id']}\n" for row in chosen), "utf-8")
        leave_examples(chosen, (languages[key].pivot, key), ids.with_name(EXAMPLES))
        texts = Texts(both_sides(chosen))
        if params.rounds:
            texts = Texts(
                texts.pairs,
                monolingual(without_source(rows, share), "target", params),
                monolingual(without_target(rows, share), "source", params),
                both_sides(checks[key]),
            )
        ends = key, languages[key].pivot
        jobs += directions(texts, out / key, ends, params) if chosen else []
    left_out = map_shards(learn, jobs, shards, "translator") if jobs else []
    rounds: list[dict[str, Any]] = [{} for _ in jobs]
    if jobs and params.rounds:
        with TemporaryDirectory() as work:
            rounds = improve(jobs, params.rounds, Path(work), shards)
    for job, pieces, course in zip(jobs, left_out, rounds, strict=True):
        figures, way = report[job.folder.parent.name], job.direction.way
        figures.setdefault("engines", {})[way] = thot.name(job.folder, job.direction)
        figures.setdefault("too_many_pieces", {})[way] = pieces
        if course:
            figures.setdefault("iterated", {})[way] = course
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


class Texts(NamedTuple):
    """What the translators of a language learn from."""

    pairs: list[Pair]  # human: source, target
    targets: Sequence[str] = ()  # without a source; only for the rounds
    sources: Sequence[str] = ()  # without a target
    validation: Sequence[Pair] = ()


def monolingual(rows: list[Row], side: str, params: Translator) -> list[str]:
    """That side of at most so many of the rows, by hash, in the order of their ids."""
    short = [row for row in rows if len(thot.tokens(row[side])) <= params.most_tokens]
    some = lowest(short, params.most_made, "iterate")
    return [row[side] for row in sorted(some, key=lambda row: row["id"])]


def both_sides(rows: list[Row]) -> list[Pair]:
    """The rows' pairs, where they have both sides."""
    return [(row["source"], row["target"]) for row in rows if row["source"] and row["target"]]


def directions(texts: Texts, folder: Path, ends: tuple[str, str], params: Translator) -> list[Job]:
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
    turned, checks = ([(b, a) for a, b in pairs] for pairs in (texts.pairs, texts.validation))
    ways = Direction(pivot, key, "forward"), Direction(key, pivot, "backward")
    return [
        Job(texts.pairs, folder / "forward", ways[0], forward, texts.targets, texts.validation),
        Job(turned, folder / "backward", ways[1], backward, texts.sources, checks),
    ]


def learn(job: Job) -> int:
    """Train one direction; how many pairs were too long in pieces."""
    return thot.train(job.pairs, job.folder, job.how)


if __name__ == "__main__":
    run(translator, Translator)
