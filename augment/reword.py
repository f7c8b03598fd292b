"""The core of paraphrasing: of the texts that something offers for a target, the one to be kept.

It is the likest to the target of those that differ enough from it: through a weak engine, what
differs more has lost more of the meaning.

    reworded(rows, Tool(method, engine, ask, guard), bounds) -> Made
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from sacrebleu.metrics.chrf import CHRF

from augment.made import LOST, Guard, Made, gathered
from augment.making import Row, child
from augment.protected import lost
from corpus.settings import settings

Method = Literal["paraphrase", "reword", "instruct"]
Ask = Callable[[list[Row]], list[list[str]]]  # texts offered for the target of each row


@settings
class Bounds:
    """How far a paraphrase is from its parent."""

    least_distance: float  # 1 - chrF of the new target to the old, case folded, 0 to 1
    most_distance: float  # beyond it, little of the meaning is left

    def __post_init__(self) -> None:
        if not 0 < self.least_distance < self.most_distance <= 1:
            raise ValueError(
                "need 0 < least_distance < most_distance <= 1, got "
                f"{self.least_distance} and {self.most_distance}"
            )


class Tool(NamedTuple):
    """Something that offers other targets for rows."""

    method: Method
    engine: str  # for the column `engine`
    ask: Ask
    guard: Guard


def reworded(rows: Sequence[Row], tool: Tool, bounds: Bounds) -> Made:
    """The rows with the likest to their target of the texts offered that differs enough from it."""
    offers = tool.ask(list(rows)) if rows else []
    return gathered(
        rows,
        (choice(row, texts, tool, bounds) for row, texts in zip(rows, offers, strict=True)),
        tool.guard,
    )


def choice(row: Row, texts: Sequence[str], tool: Tool, bounds: Bounds) -> Row | str:
    """The row with one of the texts as its target, or why none will do."""
    known = tool.guard.target
    reasons = {
        text: reason(row["target"], text, bounds)
        or (LOST if lost(row["target"], text, known) else None)
        for text in texts
    }
    able = [text for text in reasons if reasons[text] is None]
    if not able:
        return next(filter(None, reasons.values()), "nothing offered")
    best = min(able, key=lambda text: (distance(row["target"], text), text))
    return child(row, tool.method, tool.engine, target=best)


def distance(parent: str, text: str) -> float:
    """How far a text is from its parent: 1 - chrF, case folded, 0 to 1."""
    return 1 - float(CHRF().sentence_score(text.lower(), [parent.lower()]).score) / 100


def reason(parent: str, text: str, bounds: Bounds) -> str | None:
    """Why a text is of no use, or None."""
    if not text:
        return "empty"
    away = distance(parent, text)
    if away < bounds.least_distance:
        return "too near its parent"
    return "too far from its parent" if away > bounds.most_distance else None
