"""What supervised fine-tuning teaches: each task's questions and answers, taken from rows.

translation: a pair, asked both ways. title: a document's text, answered with its title.
instruction: the turns of a conversation, from a team's own file. No prompt holds its answer: what
is asked is settled by what is not the answer alone, and of a document no segment is shown that
holds the title. Nor is any task asked with synthetic text but translation.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from corpus.table import digest, place
from train.chat import Conversation
from train.examples import (
    Example,
    Row,
    asked,
    dealt,
    draws,
    easiest_first,
    is_pair,
    languages_of,
)
from train.prompts import ALONE, Tasks, Title, Translation
from train.titles import documents, holds, titled

HERE = "\0"  # in a prompt: where the text stands


class Question(NamedTuple):
    """What is asked, and what is to be answered."""

    name: str  # of the row, document or conversation
    weight: float
    prompt: str = ""  # with HERE where there is a text
    answer: str = ""
    text: str | None = None  # may be cut on the right
    hidden: int = 0  # segments of it that are not shown
    turns: Conversation = ()  # of a conversation, instead
    order: float | None = None
    languages: tuple[str, str] = ("", "")  # of what is asked and of what is answered


Questions = dict[str, dict[str, Question]]  # by task, and by what they are drawn by


class Taught(NamedTuple):
    """What sft teaches from a set of rows."""

    tasks: Tasks
    questions: Questions

    def able(self) -> Questions:
        """Those that can be drawn."""
        return {
            task: {key: one for key, one in some.items() if one.weight > 0 and not unusable(one)}
            for task, some in self.questions.items()
        }


def taught_by(
    tasks: Tasks, rows: Sequence[Row], conversations: Mapping[str, Conversation]
) -> Taught:
    """The questions of each task that is taught; a task without any is there, and empty."""
    made = {
        "translation": lambda: translations(rows, tasks.translation),
        "title": lambda: titles(rows, tasks.title) if tasks.title else {},
        "instruction": lambda: {
            name: Question(name, 1.0, turns=turns) for name, turns in conversations.items()
        },
    }
    return Taught(tasks, {name: made[name]() for name in tasks.shares()})


def translations(rows: Sequence[Row], task: Translation) -> dict[str, Question]:
    """Each pair asked forward (>) and backward (<)."""
    return {
        f"{way}{row['id']}": Question(
            row["id"],
            row["weight"],
            *asked(row, task.prompt or ALONE, backward=way == "<"),
            order=row["order"],
            languages=languages_of(row, backward=way == "<"),
        )
        for row in rows
        if is_pair(row)
        for way in ("<", ">")
    }


def titles(rows: Sequence[Row], task: Title) -> dict[str, Question]:
    """The documents of human text, asked for their titles; one whose title is unknown has none.

    A segment that holds the title, whatever its case and punctuation, is not shown; where the
    title still stands in the text, none of it is. A document weighs what its rows do on average.
    """
    found = {}
    for (origin, document), some in documents(rows, task.titles).items():
        title, body = titled(document, some, task.titles[origin])
        name = digest(origin, document)
        weight = sum(row["weight"] for row in some) / len(some)
        prompt = task.prompt.format(text=HERE, language=some[0]["language"])
        both = (some[0]["language"],) * 2
        shown = [one for one in body if not holds(one, title)]
        text = "\n".join(shown)
        text = "" if holds(text, title) else text
        found[name] = Question(
            name, weight, prompt, title, text, len(body) - len(shown), languages=both
        )
    return found


def unusable(question: Question) -> str | None:
    r"""Why a question cannot be asked, or nothing.

    >>> unusable(Question("", 1.0, "\0:", "", "in atl"))
    'no title'
    """
    if question.text is None:
        return None
    if not question.answer:
        return "no title"
    return None if question.text else "no text without the title"


def trained_on(tasks: Tasks, told: Mapping[str, Conversation]) -> dict[str, Conversation]:
    """The conversations that are not held out, by a hash of what is asked first in them."""
    return {name: turns for name, turns in told.items() if not held_out(tasks, turns)}


def held_out(tasks: Tasks, turns: Conversation) -> bool:
    """Whether a conversation is kept from training: all with the same first words are, or none."""
    asked = next(turn.content for turn in turns if turn.role == "user")
    share = tasks.instruction.held_out if tasks.instruction else 0.0
    return place("instruction", asked) < share


def asked_in_test(
    tasks: Tasks,
    test: Sequence[Row],
    trained: Collection[tuple[str, str]],
    told: Mapping[str, Conversation],
) -> Taught:
    """The questions of each task that nothing trained on answers: those to measure by.

    Args:
        test: rows of the test split, with the columns of the table.
        trained: origin and document of the training rows; their titles are known.
    """
    facts = {"weight": 1.0, "synthetic": False, "bitext": True, "order": None}
    kept = {name: turns for name, turns in told.items() if held_out(tasks, turns)}
    found = taught_by(tasks, [{**row, **facts} for row in test], kept)
    seen = {digest(*document) for document in trained}
    return Taught(
        tasks,
        {
            task: {key: one for key, one in some.items() if task != "title" or key not in seen}
            for task, some in found.able().items()
        },
    )


def answer_of(question: Question) -> str:
    """All that is to be answered, as text: its bytes are those that bits are spent on."""
    said = [turn.content for turn in question.turns if turn.role == "assistant"]
    return "".join(said) if said else question.answer


def questions_drawn(
    taught: Taught, make: Callable[[Question], Example], seed: int, tokens: int
) -> Iterator[Example]:
    """What `make` makes of each question, by the weights in a task and by the tasks' shares.

    Where the mixture has an order, the pairs follow it, in the places that pairs have.

    Raises:
        ValueError: no task has a question that weighs anything.
    """
    able = taught.able()
    shares = {name: share for name, share in taught.tasks.shares().items() if able[name]}
    if not shares:
        raise ValueError("no task has a question to draw")
    streams = {
        name: map(able[name].__getitem__, draws(weights(able[name]), seed)) for name in shares
    }
    asked = dealt(shares, streams)
    drawn: Iterator[tuple[Question, Example]]
    drawn = ((one, replace(make(one), names=(one.name,))) for one in asked)
    if any(one.order is not None for some in able.values() for one in some.values()):
        drawn = easiest_first(
            drawn, lambda made: len(made[1].ids), lambda made: made[0].order, tokens
        )
    return (example for _, example in drawn)


def weights(some: Mapping[str, Question]) -> dict[str, float]:
    """What questions are drawn by."""
    return {name: question.weight for name, question in some.items()}
