"""What teaching titles does: translation alone against translation and titles, at equal steps.

python -m benchmarks.titles TRAIN TEST BASE [STEPS]

On LibreOffice's help in Oromo, whose pages are whole in train or in test. A page has a title where
its first element is a heading of the first level; the others teach none.
"""

import json
import lzma
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.adapted import adapted
from corpus.settings import load, section
from corpus.table import read
from train.adapt import Adapt, Phase
from train.answers import answered
from train.measure import bits
from train.model import load_base, one_thread
from train.prompts import Title
from train.scores import rate, size
from train.statistics import compare, interval
from train.tasks import answer_of, asked_in_test

RAW = Path("languages/orm/data/raw/libreoffice-help.om.jsonl.xz")
ORIGIN = "libreoffice"
TITLE = Title(share=1.0, prompt="{text}\nTitle:", titles={ORIGIN: "first"})
DRAW = (1000, 0)


def main(trained: str, test: str, base: str, steps: str = "40") -> None:
    """Print the bits per byte of held-out titles and translations of each arm, and the changes."""
    one_thread()
    params = section(Adapt, "adapt", load())
    params = replace(params, phases=(Phase("sft", int(steps), 0.001, 2),))
    rows, held = rows_of(Path(trained)), rows_of(Path(test))
    titled = replace(params.tasks, title=TITLE)
    asked = asked_in_test(titled, held, {(r["origin"], r["document"]) for r in rows}, {})
    asked.questions["translation"] = dict(sorted(asked.questions["translation"].items())[:150])
    arms = {"base": None, "translation alone": params.tasks, "with titles": titled}
    found = {}
    for name, tasks in arms.items():
        spent = time.process_time()
        speaker = load_base(Path(base), Path(base))
        if tasks:
            speaker = adapted(speaker, replace(params, tasks=tasks), rows)
        print(f"{name}: {time.process_time() - spent:.0f} CPU-s")
        for task, questions in asked.questions.items():
            make = partial(answered, speaker=speaker, template=None, length=params.row_tokens)
            some = list(questions.values())
            counts = bits(speaker, [make(one) for one in some], 1024, task)
            found[name, task] = np.array(
                [[cost, size(answer_of(one))] for cost, one in zip(counts, some, strict=True)]
            )
            print(f"  {task}: {len(some)} answers, {interval(found[name, task], rate, *DRAW)}")
    for task in asked.questions:
        change = compare(
            found["with titles", task], found["translation alone", task], rate, False, DRAW
        )
        print(f"with titles over translation alone, {task}: {change}")


def rows_of(split: Path) -> list[dict[str, Any]]:
    """The rows of a split as a mixture holds them, titles of the pages that have one."""
    first: dict[str, str] = {}
    with lzma.open(RAW, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            first.setdefault(row["document"], row["tag"])
    facts = {"weight": 1.0, "synthetic": False, "order": None}
    rows = [
        {**row, **facts, "bitext": row["source"] is not None}
        for row in read(split).sort_by("id").to_pylist()
        if row["origin"] == ORIGIN
    ]
    for row in rows:
        if first[row["document"]] != "h1":
            row["position"] += 1  # then none is at 0
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:])
