"""Adapters of varieties over a finished run's adapter: does each help on its own test rows?

python -m benchmarks.varieties RUN nci,azz FOLDER [TEXTS]

Trains by the settings of params.yaml here into FOLDER, if nothing is there yet, and evaluates on at
most TEXTS test rows a variety (else evaluate.most_texts). Of a run that did not write how its
adapters were trained, adapt's settings here are taken to be those.
"""

import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus.settings import languages, load, section
from corpus.shards import Shards
from corpus.table import read
from train.adapt import Adapt, write_settings
from train.asking import chosen
from train.evaluate import Evaluate
from train.prompts import SETTINGS
from train.stacked import LANGUAGE
from train.systems import Models
from train.varied import varied
from train.varieties import Varieties, varieties

ONE = {"workers": 1, "runner": "pool"}  # all CPU-seconds in this process


def main(run: str, codes: str, folder: str, texts: str = "") -> None:
    """Print what each adapter spends, and the verdicts."""
    tree, place = load(), Path(run)
    (key, *_), known = languages(tree)
    shards = section(Shards, "shards", {"shards": tree["shards"] | ONE})
    params = section(Evaluate, "evaluate", tree)
    params = replace(params, most_texts=int(texts or params.most_texts))
    made = Path(folder)
    if not made.exists():
        begun = time.process_time()
        trained(place, codes, made, shards)
        print(f"{time.process_time() - begun:.0f} CPU-s of training")
    at = place / "models"
    models = Models(at / "adapt" / key, at / "base", at / "tokenizer" / key, at, at)
    test = read(place / "data/split/test")
    rows = chosen(test, key, known, len(test))
    for code, found in varied(params, rows, models, made, shards)[1].items():
        for task, told in found.items():
            print(f"{code}, {task}, {told['rows']} rows: {shown(told)}")


def trained(run: Path, codes: str, out: Path, shards: Shards) -> None:
    """The stage over the adapter of a run."""
    tree = load()
    (key, *_), known = languages(tree)
    changed = {"varieties": tree["varieties"] | {"codes": codes.split(",")}}
    adapters = out.with_name(f"{out.name}.language")
    shutil.copytree(run / "models/adapt" / key, adapters, dirs_exist_ok=True)
    if not (adapters / SETTINGS).exists():
        write_settings(section(Adapt, "adapt", tree), adapters)
    tables = (read(run / "data/mix" / key / "rows"), read(run / "data/split/validation"))
    models = (run / "models/base", run / "models/tokenizer" / key, adapters)
    out.mkdir(parents=True)
    params = section(Varieties, "varieties", changed)
    varieties(params, shards, key, known, *tables, run / "data/raw/instructions", *models, out)


def shown(told: dict[str, Any]) -> str:
    """Bits per byte of each adapter, and what the variety's own changes."""
    spent = [f"{name} {one(told[name], 'value')}" for name in ("language", "all", "own")]
    over = [
        f"over {name} {one(found, 'difference')} ({found['verdict']})"
        for name, found in (("language", told["over_language"]), ("all", told["over_all"]))
    ]
    return "; ".join([*spent, *over])


def one(found: dict[str, Any], name: str) -> str:
    """A figure with its interval."""
    return f"{found[name]:+.3f} [{found['least']:+.3f}, {found['most']:+.3f}]"


if __name__ == "__main__":
    if not (4 <= len(sys.argv) <= 5):
        sys.exit(f"python -m benchmarks.varieties RUN CODES FOLDER [TEXTS], over {LANGUAGE!r}")
    main(*sys.argv[1:])
