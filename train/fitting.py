"""One adapter through all phases: its batches, its checks, its checkpoints and its figures."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from train.answers import too_long
from train.batches import Batch
from train.chat import Conversation
from train.checkpoints import forget, key
from train.examples import IGNORED, Row
from train.objectives import Shape, phase_batches
from train.processes import is_first, join, processes, wait
from train.reached import figures_of
from train.tasks import Taught, taught_by
from train.validation import Held, HeldOut, check_held_out, held_out

if TYPE_CHECKING:
    from train.adapt import Adapt
    from train.model import Speaker
    from train.trainer import Plan, Run

Fitted = tuple[dict[str, Any], "list[Run]"]


@dataclass(frozen=True)
class Task:
    """What one process trains."""

    params: "Adapt"
    name: str
    sets: dict[str, list[Row]]  # the rows of this adapter, by its name, and of the other
    conversations: dict[str, Conversation]
    held: Held
    language: str
    base: Path
    tokenizer: Path
    out: Path
    checkpoints: Path
    bar: bool
    over: Path | None  # an adapter that this one goes on from, with a part of its own


def fit(task: Task) -> Fitted:
    """Train one adapter and save it; returns its figures and the course of each phase."""
    from train.adapters import add_adapter
    from train.estimate import out_of_memory, said_before
    from train.fused import fusible
    from train.model import device, one_thread
    from train.stacked import widened
    from train.trainer import optimizer_of, train

    join()
    one_thread()
    params = task.params
    speaker = loaded(task)
    plans, figures = planned(task, speaker)
    models = (task.base, task.tokenizer, *((task.over,) if task.over else ()))
    runs_on = (params.compile and fusible(speaker, params.row_tokens), device().type, processes())
    place = task.checkpoints / f"{task.name}-{key(params, models, plans, runs_on)}"
    forget(place)
    speaker = (widened if task.over else add_adapter)(speaker, params.method, params.seed)
    with out_of_memory():
        if task.bar and is_first():
            said_before(speaker, params, plans, f"{task.checkpoints.parent.name} {task.language}")
        optimizer = optimizer_of(speaker, params)
        runs = []
        for number, (phase, some) in enumerate(zip(params.phases, plans, strict=True)):
            bar = f"{task.name}: {phase.objective}" if task.bar else None
            places = (place / str(number), bar)
            runs.append(train(speaker, some, params, phase, optimizer, places))
    size = saved(task, speaker)
    wait()  # the others may read the best checkpoint yet
    if is_first():
        shutil.rmtree(place, ignore_errors=True)
    return figures | course(runs, plans) | {"trained_parameters": size}, runs


def loaded(task: Task) -> "Speaker":
    """The base, with the adapter that this one goes on from, if there is one."""
    from train.adapters import load_adapter
    from train.model import load_base

    bits = getattr(task.params.method, "bits", None)
    if task.over:
        return load_adapter(task.base, task.tokenizer, task.over, bits)
    return load_base(task.base, task.tokenizer, bits=bits)


def saved(task: Task, speaker: "Speaker") -> int:
    """Save what was trained; how many weights that is."""
    from train.adapters import save_adapter
    from train.stacked import own_size, save_stacked

    folder, method = task.out / task.name, task.params.method
    if task.over:
        save_stacked(speaker, method, folder)
        return own_size(speaker, method)
    save_adapter(speaker, folder)
    return trained(speaker)


def planned(task: Task, speaker: "Speaker") -> "tuple[list[Plan], dict[str, Any]]":
    """The plan of each phase, and what the mixture has and the plans reach."""
    from train.trainer import Plan

    params = task.params
    taught = {
        name: taught_by(params.tasks, rows, task.conversations) for name, rows in task.sets.items()
    }
    every = {name: plan(params, rows, taught[name], speaker) for name, rows in task.sets.items()}
    own = learned(every.values())
    reach = [(phase.objective, b) for phase, b in zip(params.phases, every[task.name], strict=True)]
    unfit = partial(
        too_long, speaker=speaker, template=params.tasks.template, length=params.row_tokens
    )
    figures = figures_of(task.sets[task.name], taught[task.name], reach, unfit)
    checked = checked_by(task, speaker)
    plans = [Plan(b, own, held) for b, held in zip(every[task.name], checked, strict=True)]
    return plans, figures


def checked_by(task: Task, speaker: "Speaker") -> list[HeldOut | None]:
    """What each phase is checked by; of two phases alike, the same."""
    params = task.params
    if params.validation is None:
        return [None] * len(params.phases)
    shape = (params.tasks, params.masking, params.row_tokens, params.seed)
    found: list[HeldOut | None] = []
    for phase in params.phases:
        some = held_out(phase.objective, task.held, speaker, shape)
        check_held_out(params.validation, some, phase.objective, task.language)
        found.append(some)
    return found


def course(runs: "list[Run]", plans: "list[Plan]") -> dict[str, Any]:
    """What the report says of the training."""
    losses = [loss for run in runs for loss in run.losses]
    last = losses[-max(1, len(losses) // 10) :]
    return {
        "steps": len(losses),
        "kept_at": [run.kept for run in runs],  # of each phase, the step
        "validation": [
            {str(step): value for step, value in run.checks.items()} or None for run in runs
        ],
        "learned_tokens": sum(
            int((b.labels != IGNORED).sum()) for some in plans for b in some.batches
        ),
        "final_loss": sum(last) / len(last),
    }


def trained(speaker: "Speaker") -> int:
    """Weights that training changes."""
    return sum(p.numel() for p in speaker.model.parameters() if p.requires_grad)


def plan(params: "Adapt", rows: list[Row], taught: Taught, speaker: "Speaker") -> list[list[Batch]]:
    """The batches of each phase."""
    return [
        phase_batches(
            phase.objective,
            rows,
            speaker,
            Shape(
                phase.steps * params.accumulate,
                params.batch_rows,
                params.row_tokens,
                taught,
                params.masking,
                params.seed + number,
            ),
        )
        for number, phase in enumerate(params.phases)
    ]


def learned(plans: Iterable[list[list[Batch]]]) -> list[int]:
    """The tokens that any of the adapters learns: with one softmax they differ in data only."""
    labels = {int(i) for plan in plans for some in plan for b in some for i in np.unique(b.labels)}
    return sorted(labels - {IGNORED})
