"""What the models make of held-out questions of the tasks that adapters were taught.

Translation is not here: evaluate asks for it both ways, taught or not. A title, or the last answer
of a conversation, has bits per byte, and what a model answers itself has ROUGE-L against it. A
question that with its answer does not fit into a row of training, for any model, is left out and
counted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from corpus.settings import section
from corpus.shards import Shards, map_shards
from corpus.table import InputError
from train import parts
from train.answers import answered
from train.asking import BITS, PREDICTIONS, Fold, Found
from train.batches import length_of
from train.chat import conversations
from train.examples import IGNORED, Example, Row
from train.metrics import rouge
from train.parts import SPEAKERS, Draw
from train.prompts import SETTINGS, Tasks
from train.scores import size
from train.sides import given
from train.systems import SAYING, Models, do, loaded
from train.tasks import Question, asked_in_test
from train.translations import Way, scored

if TYPE_CHECKING:
    from train.evaluate import Evaluate
    from train.measure import Opening
    from train.model import Speaker

Asked = Mapping[str, Sequence[Question]]  # by task


class Exam(NamedTuple):
    """The questions of each task, and how they are put."""

    asked: Asked
    template: str | None  # of conversations; null: the base's own
    room: int  # tokens of a row of training


def exam_of(adapters: Path, test: Sequence[Row], mixture: pa.Table, told: Path, most: int) -> Exam:
    """The held-out questions of the tasks that these adapters were taught, by hash.

    Args:
        test: rows of the test split, all of the language.
        told: a file of conversations, which need not be there.
        most: questions of a task.

    Raises:
        InputError: nothing says what the adapters were taught, or a conversation is none.
    """
    path = adapters / SETTINGS
    if not path.exists():
        raise InputError(f"{path} does not exist; run 'dvc repro adapt' first")
    settings = json.loads(path.read_text("utf-8"))
    tasks = section(Tasks, "adapt.tasks", {"adapt.tasks": settings["tasks"]})
    names = tasks.shares().keys() - {"translation"}
    if not (names and most):
        return Exam({}, None, 0)
    trained = set(zip(*(mixture[n].to_pylist() for n in ("origin", "document")), strict=True))
    found = asked_in_test(tasks, test, trained, conversations(told)).questions
    asked = {
        name: [one for _, one in sorted(found[name].items())[:most]]
        for name in sorted(names)
        if found[name]
    }
    return Exam(asked, tasks.template, settings["row_tokens"])


def examined(
    params: "Evaluate", exam: Exam, models: Models, key: Fold, shards: Shards
) -> tuple[pa.Table, pa.Table, dict[str, Any]]:
    """Bits and answers of each question by base and adapters, and what they add up to by task.

    A task that the family does not learn is absent.
    """
    jobs = list(product(exam.asked, SPEAKERS))
    work = [partial(attempt, system, task, models, exam, params) for task, system in jobs]
    found: Found = {}
    for part in map_shards(do, work, shards, "tasks"):
        found |= part
    kept = {name: fitting(name, found) for name in exam.asked}
    draw = (params.resamples, params.seed)
    report = {
        name: one(name, exam.asked[name], found, (kept[name], key, draw))
        for name in exam.asked
        if (f"{SPEAKERS[0]} bits", name) in found
    }
    return *tables(exam.asked, found, kept), report


def attempt(system: str, task: str, models: Models, exam: Exam, params: "Evaluate") -> Found:
    """Bits of the answers to a task's questions, and the answers of a model to the first of them.

    What does not fit has null in place of either; an encoder does nothing.
    """
    from train.measure import bits, said_after

    speaker, _ = loaded(system, models)
    if speaker.family == "encoder":
        return {}
    made = [posed(speaker, question, exam) for question in exam.asked[task]]
    fit = [at for at, example in enumerate(made) if length_of(example) <= exam.room]
    few = [at for at in fit if at < params.most_generated]
    label = f"{system}: {task}"
    spent = bits(speaker, [made[at] for at in fit], params.batch_tokens, label)
    openings = [opening(speaker, made[at]) for at in few]
    said = said_after(speaker, openings, params.most_new_tokens, SAYING, label)
    return {
        (f"{system} bits", task): spread(spent, fit, len(made)),
        (system, task): spread(said, few, min(len(made), params.most_generated)),
    }


def posed(speaker: "Speaker", question: Question, exam: Exam) -> Example:
    """A question with its answer, of which what is said last counts; a language's code is given."""
    example = answered(question, speaker, exam.template, exam.room)
    if speaker.family == "encoder-decoder":
        example = given(example, speaker, question.languages[1])
    at = last_answer(example)
    return replace(example, labels=[IGNORED] * at + example.labels[at:])


def last_answer(example: Example) -> int:
    """Where the last of what is said begins."""
    labels = example.labels
    return max(n for n, one in enumerate(labels) if one != IGNORED and labels[n - 1] == IGNORED)


def opening(speaker: "Speaker", example: Example) -> "Opening":
    """What a model is given of an example, to go on from."""
    from train.measure import Opening

    before = example.ids[: last_answer(example)]
    stop = next(label for label in reversed(example.labels) if label != IGNORED)
    if speaker.family == "decoder":
        return Opening(before, (), stop)
    return Opening(example.source or [], tuple(before), stop)


def spread(values: Sequence[Any], places: Sequence[int], number: int) -> list[Any]:
    """The values at their places among so many; null elsewhere.

    >>> spread(["a", "b"], [0, 2], 4)
    ['a', None, 'b', None]
    """
    found = dict(zip(places, values, strict=True))
    return [found.get(at) for at in range(number)]


def fitting(task: str, found: Found) -> list[int]:
    """The questions that fit for every system."""
    rows = [found[f"{name} bits", task] for name in SPEAKERS if (f"{name} bits", task) in found]
    return [at for at, some in enumerate(zip(*rows, strict=True)) if None not in some]


def wanted(question: Question) -> str:
    """What is to be said last."""
    return question.turns[-1].content if question.turns else question.answer


def one(
    task: str, questions: Sequence[Question], found: Found, how: tuple[list[int], Fold, Draw]
) -> dict[str, Any]:
    """What is said of a task."""
    kept, key, draw = how
    sizes = [size(wanted(questions[at])) for at in kept]
    of = {
        name: np.array(
            [(found[f"{name} bits", task][at], n) for at, n in zip(kept, sizes, strict=True)]
        ).reshape(-1, 2)
        for name in SPEAKERS
    }
    few = [at for at in kept if at < len(found[SPEAKERS[0], task])]
    said = {name: [found[name, task][at] for at in few] for name in SPEAKERS}
    way, metric = Way(said, [wanted(questions[at]) for at in few], key), rouge()
    return {
        "too_long": len(questions) - len(kept),
        "bits_per_byte": parts.task(of, draw),
        "rouge_l": {
            "signature": metric.signature,
            "answers": scored(way, metric, draw),
            "on_key": scored(way.folded(), metric, draw),
        },
    }


def tables(asked: Asked, found: Found, kept: Mapping[str, list[int]]) -> tuple[pa.Table, pa.Table]:
    """The bits and the answers of every system as rows of evaluate's two tables."""
    bits: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    for (name, task), values in sorted(found.items(), key=lambda item: item[0]):
        system, _, is_bits = name.partition(" ")
        for at in kept[task]:
            if at >= len(values):
                continue
            question = asked[task][at]
            row = {"id": question.name, "system": system, "task": task}
            if is_bits:
                bits.append({**row, "bits": values[at], "bytes": size(wanted(question))})
            else:
                said.append({**row, "hypothesis": values[at]})
    return pa.Table.from_pylist(bits, schema=BITS), pa.Table.from_pylist(said, schema=PREDICTIONS)
