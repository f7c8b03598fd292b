"""Iterative back-translation: `python -m benchmarks.iterate`, after `dvc repro split`.

Human pairs of the training split, those of lowest hash; of the other training rows some give their
target alone and as many others their source alone. Each round's models translate the test
split: chrF++, lower-cased, with its bootstrap interval over segments, and the paired difference to
round 0. `kept` is the round that the validation split chooses; the test split chooses nothing.
Arguments: a folder other than data/split, a language key, the number of human pairs, the number of
texts of each side alone, the most rounds, and one in how many test rows is taken.
"""

import json
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from augment.iterate import improve, later, translations
from augment.making import lowest
from augment.translator import Texts, Translator, both_sides, directions, learn, longest
from benchmarks.translate import DRAW, MOST_TOKENS, bitext, score, statistics
from corpus import settings
from corpus.shards import Shards, map_shards
from train.statistics import compare, interval

WAYS = {"forward": ("source", "target"), "backward": ("target", "source")}


def main(  # noqa: PLR0913
    folder: str = "data/split",
    language: str = "nah",
    size: str = "500",
    alone: str = "2000",
    rounds: str = "3",
    every: str = "1",
) -> None:
    """Print a line of JSON for each direction and round."""
    known = settings.load()
    params = settings.section(Translator, "translator", known)
    shards = settings.section(Shards, "shards", known)
    train, validation, test = (
        bitext(Path(folder, split), language) for split in ("train", "validation", "test")
    )
    test = test[:: int(every)]
    short = [row for row in train if longest(row) <= MOST_TOKENS]
    rows = lowest(short, None, "translator")
    human, others = rows[: int(size)], lowest(rows[int(size) :], 2 * int(alone), "iterate")
    texts = Texts(
        both_sides(sorted(human, key=lambda row: row["id"])),
        [row["target"] for row in others[: int(alone)]],
        [row["source"] for row in others[int(alone) :]],
        both_sides(validation),
    )
    pivot = test[0]["source_language"]
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        jobs = directions(texts, work / "best" / language, (language, pivot), params)
        map_shards(learn, jobs, shards, "translator")
        shutil.copytree(work / "best", work / "0")
        found = improve(jobs, int(rounds), work, shards)
        for job, course in zip(jobs, found, strict=True):
            read, written = WAYS[job.direction.way]
            references = [row[written] for row in test]
            ask = partial(translations, texts=[row[read] for row in test])
            models = [later(job, work, line["round"]) for line in course["rounds"]]
            tested = [statistics(t, references) for t in map_shards(ask, models, shards, "test")]
            for line, made in zip(course["rounds"], tested, strict=True):
                chrf = interval(made, score, *DRAW)
                gain = compare(made, tested[0], score, True, DRAW)
                said = {"way": job.direction.way, "human": len(job.pairs), "kept": course["kept"]}
                print(json.dumps({**said, **line, "test": chrf, "to_round_0": gain}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
