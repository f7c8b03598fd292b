"""What an adapter of a variety changes, on held-out text of that variety alone.

It is held against the language's adapter, which it goes on from, and against `all`, which went on
as long with rows of every variety: what that one gains too is of the steps, not of the variety.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from corpus.shards import Shards, map_shards
from train.asking import Found, Work, tables
from train.examples import Row, in_variety
from train.parts import Draw, saved
from train.scores import rate
from train.stacked import ALL, LANGUAGE
from train.statistics import compare, interval
from train.systems import Models, do, speak

if TYPE_CHECKING:
    from train.evaluate import Evaluate

TASKS = ("text", "to_target")
Job = tuple[str, str, str]  # variety, task and system


def varied(
    params: "Evaluate", rows: Sequence[Row], models: Models, folder: Path, shards: Shards
) -> tuple[list[pa.Table], dict[str, Any]]:
    """The bits of each row by each system, and what they add up to, of each variety.

    Args:
        rows: of test, all of the language, by hash.
        folder: the adapters of stage varieties.
    """
    names = {path.name for path in folder.iterdir() if path.is_dir()} - {ALL}
    of = {code: in_variety(rows, code)[: params.most_texts] for code in sorted(names)}
    works = {code: Work(some) for code, some in of.items()}
    own = replace(models, adapters=folder)
    jobs = [
        (code, task, system)
        for code, task in product(works, TASKS)
        for system in (LANGUAGE, ALL, code)
        if works[code].texts(task)
    ]
    asked = [
        partial(speak, system, task, models if system == LANGUAGE else own, works[code], params)
        for code, task, system in jobs
    ]
    found = dict(zip(jobs, map_shards(do, asked, shards, "varieties"), strict=True))
    draw = (params.resamples, params.seed)
    report = {code: one(code, works[code], found, draw) for code in works}
    return [bits_of(works[job[0]], job[1], found[job]) for job in jobs], report


def bits_of(work: Work, task: str, found: Found) -> pa.Table:
    """The bits of one job as rows of the table, whose task says that they are of a variety."""
    bits, _ = tables(work, found)
    name = pa.array([f"variety {task}"] * len(bits), pa.string())
    at = bits.schema.get_field_index("task")
    return bits.set_column(at, bits.schema.field(at), name)


def one(code: str, work: Work, found: dict[Job, Found], draw: Draw) -> dict[str, Any]:
    """What is said of a variety; a task that the family does not do, or without rows, is absent."""
    report: dict[str, Any] = {}
    for task in TASKS:
        of = {
            name: statistics(work, found.get((code, task, system), {}))
            for name, system in (("language", LANGUAGE), ("all", ALL), ("own", code))
        }
        if len(of["own"]):
            report[task] = compared(of, draw)
    return report


def statistics(work: Work, found: Found) -> np.ndarray:
    """(n, 2): bits and bytes of each text."""
    bits, _ = tables(work, found)
    return np.array([bits[column].to_numpy() for column in ("bits", "bytes")]).T


def compared(of: dict[str, np.ndarray], draw: Draw) -> dict[str, Any]:
    """Bits per byte of each adapter, and what the variety's own saves of the others'."""
    own = of["own"]
    report: dict[str, Any] = {"rows": len(own)}
    report |= {name: interval(some, rate, *draw) for name, some in of.items()}
    for name in ("language", "all"):
        report[f"over_{name}"] = {
            **compare(own, of[name], rate, False, draw),
            "saved": interval(np.hstack([own, of[name]]), saved, *draw),
        }
    return report
