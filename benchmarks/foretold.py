"""Memory and speed as `adapt` foretells them, beside what training then takes.

    python -m benchmarks.foretold MIXTURE BASE TOKENIZER

Each shape of batch in a process of its own, four steps of the first phase of params.yaml.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus.settings import load, section
from corpus.table import read
from train.adapt import COLUMNS, Adapt
from train.adapters import add_adapter
from train.estimate import estimate
from train.fitting import learned, plan
from train.model import load_base, one_thread
from train.tasks import taught_by
from train.trainer import Plan, optimizer_of, train

STEPS = 4
SHAPES: list[dict[str, Any]] = [
    {},
    {"batch_rows": 8},
    {"batch_rows": 8, "recompute": True},
    {"batch_rows": 4, "row_tokens": 512},
    {"batch_rows": 8, "sampled_tokens": None},
]


def measured(shape: dict[str, Any], mixture: Path, base: Path, tokenizer: Path) -> str:
    """One line."""
    one_thread()
    params = replace(section(Adapt, "adapt", load()), validation=None, **shape)
    params = replace(params, phases=(replace(params.phases[0], steps=STEPS),))
    rows = read(mixture).select(COLUMNS).sort_by("id").to_pylist()
    speaker = load_base(base, tokenizer)
    (batches,) = plan(params, rows, taught_by(params.tasks, rows, {}), speaker)
    some = Plan(batches, learned([[batches]]))
    speaker = add_adapter(speaker, params.method, params.seed)
    need = estimate(speaker, params, [some])
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        optimizer = optimizer_of(speaker, params)
        train(speaker, some, params, params.phases[0], optimizer, (Path(folder), None))
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return (
        f"{shape or 'params.yaml'}: foretold {need.bytes / 1e9:.2f} GB, took {peak / 1e9:.2f} "
        f"({need.bytes / peak:.2f}); {need.seconds:.0f} s, took {seconds:.0f} "
        f"({need.seconds / seconds:.2f})"
    )


def main(*words: str) -> None:
    """One line a shape."""
    for shape in SHAPES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(measured, (shape, *map(Path, words))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
