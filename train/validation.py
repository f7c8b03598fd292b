"""What training is checked by: held-out rows of the language, and the bits that they take."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from corpus.settings import Languages, owner_of, settings
from corpus.table import InputError, place
from train.answers import answered
from train.batches import length_of
from train.chat import Conversation
from train.examples import Example, Row
from train.hiding import Masking
from train.objectives import Objective, shown
from train.prompts import Tasks
from train.tasks import answer_of, asked_in_test

if TYPE_CHECKING:
    from train.model import Speaker

COLUMNS = ["id", "document", "position", "source", "target", "source_language", "language"]
COLUMNS += ["origin"]  # of the validation split


@settings
class Validation:
    """How often held-out rows are measured during training, and when it ends for them."""

    texts: int  # rows of the validation split, the first by hash
    every_steps: int  # of a phase; and at its end
    patience: int | None  # checks without a gain that end a phase; null: all steps are made

    def __post_init__(self) -> None:
        patience = 1 if self.patience is None else self.patience
        if min(self.texts, self.every_steps, patience) < 1:
            raise ValueError(f"texts, every_steps and patience must be at least 1, got {self}")


class HeldOut(NamedTuple):
    """What the model must say, and how many bytes that is."""

    examples: list[Example]
    size: int  # UTF-8 bytes of the texts, or of the answers


class Held(NamedTuple):
    """Rows and conversations of no training text."""

    rows: list[Row]
    conversations: Mapping[str, Conversation]
    trained: frozenset[tuple[str, str]]  # origin and document of the training rows


def chosen(table: pa.Table, language: str, languages: Languages, most: int) -> list[Row]:
    """The rows of a language by lowest hash: they stay as the corpus grows."""
    rows = [
        row
        for row in table.select(COLUMNS).to_pylist()
        if row["target"] and owner_of(row["language"], languages) == language
    ]
    return sorted(rows, key=lambda row: (place("validation", row["id"]), row["id"]))[:most]


def held_out(
    objective: Objective, held: Held, speaker: "Speaker", shape: tuple[Tasks, Masking, int, int]
) -> HeldOut:
    """The held-out texts as a phase shows them, or the answers to the questions of its tasks.

    Args:
        shape: tasks, masking, tokens in a row, seed.
    """
    tasks, masking, room, seed = shape
    if objective != "sft":
        examples = [
            example
            for at, row in enumerate(held.rows)
            for example in shown(
                objective,
                (row["target"], row["language"]),
                speaker,
                (masking, room),
                ("validation", str(seed), str(at)),
            )
        ]
        return HeldOut(examples, sum(len(row["target"].encode()) for row in held.rows))
    found = asked_in_test(tasks, held.rows, held.trained, held.conversations)
    made = [
        (answered(question, speaker, tasks.template, room), answer_of(question))
        for some in found.questions.values()
        for _, question in sorted(some.items())
    ]
    made = [(example, answer) for example, answer in made if length_of(example) <= room]
    return HeldOut([example for example, _ in made], sum(len(a.encode()) for _, a in made))


def check_held_out(validation: Validation, found: HeldOut, objective: Objective, key: str) -> None:
    """Check that a phase which stops for held-out rows has some.

    Raises:
        InputError: it has none.
    """
    if validation.patience and not found.examples:
        raise InputError(
            f"the validation split holds nothing of language {key!r} to check a phase of "
            f"{objective!r} by; set adapt.validation.patience to null"
        )


def bits_per_byte(speaker: "Speaker", found: HeldOut, batch_tokens: int) -> float:
    """Bits that the model spends on held-out text, by the softmax over all tokens, per byte."""
    from train.measure import bits

    return sum(bits(speaker, found.examples, batch_tokens, "validation")) / found.size
