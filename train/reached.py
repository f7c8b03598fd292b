"""What a mixture has to teach, and how much of it the steps of training reach."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from train.batches import Batch
from train.examples import Row, is_pair
from train.objectives import Objective
from train.tasks import Question, Taught, translations, unusable

Phases = Sequence[tuple[Objective, Sequence[Batch]]]


def figures_of(
    rows: Sequence[Row],
    taught: Taught,
    phases: Phases,
    unfit: Callable[[Sequence[Question]], set[str]],
) -> dict[str, Any]:
    """Distinct texts, pairs and questions of each task, those that never fit, and those drawn.

    Args:
        unfit: the names of which no question fits into a row.
    """
    made = {row["id"] for row in rows if row["synthetic"]}
    pairs = {row["id"] for row in rows if is_pair(row)}
    texts, asked = drawn(phases, sft=False), drawn(phases, sft=True)
    every = translations(rows, taught.tasks.translation)
    long = unfit(list(every.values()))
    tasks = {}
    if any(objective == "sft" for objective, _ in phases):
        for task, some in taught.questions.items():
            gone = long if task == "translation" else unfit(usable(some))
            tasks[task] = task_figures(some, asked, gone)
    return {
        "in_mixture": {"texts": len(rows), "pairs": len(pairs), "pairs_too_long": len(long)},
        "drawn": {
            "texts": len(texts),
            "synthetic_texts": len(texts & made),
            "pairs": len(asked & pairs),
            "synthetic_pairs": len(asked & pairs & made),
        },
        "tasks": tasks,
    }


def task_figures(
    some: Mapping[str, Question], asked: set[str], too_long: set[str]
) -> dict[str, Any]:
    """Rows of a task (pairs, documents or conversations), those unused by reason, those drawn."""
    reasons = {one.name: unusable(one) for one in some.values()}
    unused = Counter(reason for reason in reasons.values() if reason)
    figures = {
        "rows": len(reasons),
        "drawn": len(asked & reasons.keys()),
        "too_long": len(too_long),
        "unused": dict(sorted(unused.items())),
    }
    hidden = sum(one.hidden for one in some.values())
    return figures | ({"segments_with_title": hidden} if hidden else {})


def usable(some: Mapping[str, Question]) -> list[Question]:
    """The questions that can be asked."""
    return [one for one in some.values() if not unusable(one)]


def drawn(phases: Phases, sft: bool) -> set[str]:
    """The names of what the phases of sft, or the others, draw."""
    return {
        name
        for objective, batches in phases
        for batch in batches
        for name in batch.names
        if (objective == "sft") == sft
    }
