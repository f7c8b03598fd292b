"""Conversations: read from a team's own file, and written as the chat template of a base has them.

A line of the file is an object with `messages`, each with a `role` and a `content`, or with
`instruction`, perhaps `input`, and `output`. Only what the assistant says is learned, and that its
turn ends there. What stands in a turn never becomes a control token.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from corpus.formats.jsonl import parsed
from corpus.formats.record import lines, not_text
from corpus.table import InputError, digest
from train.examples import IGNORED, Encode, Example, joined

FORMS = "'messages', or 'instruction' and 'output'"
ORDER = re.compile("s?(ua)+")  # of roles, by their first letters
MARK = "\ue000"  # round the number of a turn in what a template writes; of private use


class Turn(NamedTuple):
    """What one side says."""

    role: str  # system, user or assistant
    content: str


class Part(NamedTuple):
    """A stretch of a conversation as it is written: text, or a control token by its id."""

    what: str | int
    learned: bool


Conversation = tuple[Turn, ...]


def conversations(path: Path) -> dict[str, Conversation]:
    """The conversations of a file by a hash of their turns; none where there is no file.

    Raises:
        InputError: a line is no conversation, or one that was there before.
    """
    found: dict[str, Conversation] = {}
    for number, line in enumerate(lines(path), 1) if path.exists() else ():
        try:
            turns = conversation(line)
        except ValueError as error:
            raise InputError(f"{path}:{number} {error}") from None
        name = digest(*(part for turn in turns for part in turn))
        if name in found:
            raise InputError(f"{path}:{number} stands in an earlier line too; leave one out")
        found[name] = turns
    return found


def conversation(line: str) -> Conversation:
    r"""The turns of a line, without the white space around them.

    >>> conversation('{"instruction": "Hiiki: ", "input": "agua", "output": "bishaan"}')
    (Turn(role='user', content='Hiiki:\n\nagua'), Turn(role='assistant', content='bishaan'))

    Raises:
        ValueError: it is no conversation.
    """
    row, fault = parsed(line)
    if fault:
        raise ValueError(f"is no conversation ({fault}); a line is an object with {FORMS}")
    if "messages" in row:
        found = [turn_of(message) for message in listed(row["messages"])]
    elif {"instruction", "output"} <= row.keys():
        asked = [row["instruction"], row.get("input") or ""]
        said = "\n\n".join(filter(None, map(words, asked)))
        found = [Turn("user", said), Turn("assistant", words(row["output"]))]
    else:
        raise ValueError(f"has {sorted(row)}; a line is an object with {FORMS}")
    if not ORDER.fullmatch("".join(one.role[:1] for one in found)):
        raise ValueError(
            f"has the roles {[one.role for one in found]}; user and assistant take turns, the "
            "assistant last, perhaps after one system message"
        )
    if not all(one.content for one in found):
        raise ValueError("has a turn without text; leave the line out")
    return tuple(found)


def listed(messages: object) -> list[Any]:
    """The messages of a line.

    Raises:
        ValueError: they are no list.
    """
    if not isinstance(messages, list):
        raise ValueError(f"has messages that are no list: {messages!r}")
    return messages


def turn_of(message: object) -> Turn:
    """A message as a turn.

    Raises:
        ValueError: it has no role and content, or more.
    """
    if not isinstance(message, dict) or message.keys() != {"role", "content"}:
        raise ValueError(f"has the message {message!r}; it needs role and content, nothing else")
    if message["role"] not in ("system", "user", "assistant"):
        raise ValueError(f"has the role {message['role']!r}; use system, user and assistant")
    return Turn(message["role"], words(message["content"]))


def words(value: object) -> str:
    """A value that is text, without white space around it.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, str) or not_text((value,)):
        raise ValueError(f"has {value!r} where text must stand")
    return value.strip()


def chat_example(
    turns: Conversation,
    tokenizer: Any,  # noqa: ANN401
    template: str | None,
    encode: Encode,
) -> Example:
    """A conversation as the base's template writes it; what the assistant says is learned.

    Raises:
        InputError: there is no template, or not one for such turns.
    """
    known = {token.content: at for at, token in tokenizer.added_tokens_decoder.items()}
    pieces = written(turns, tokenizer, template)
    if not any(name in pieces[-1] for name in known):
        pieces[-1] = tokenizer.eos_token
    return tokens(parts_of(pieces, turns, known), encode)


def written(turns: Conversation, tokenizer: Any, template: str | None) -> list[str]:  # noqa: ANN401
    """What the template writes before the turns, between them and after them.

    Raises:
        InputError: there is no template, or not one for such turns.
    """
    setting = "adapt.tasks.instruction.template"
    if template is None and not tokenizer.chat_template:
        raise InputError(f"{setting} is null, and the base has no chat template; give one")
    if "strftime_now" in (template or tokenizer.chat_template):
        raise InputError(f"{setting}: it writes the day's date, which no run can repeat; give one")
    messages = [
        {"role": turn.role, "content": f"{MARK}{at}{MARK}"} for at, turn in enumerate(turns)
    ]
    try:
        whole = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False)
    except Exception as error:  # whatever a template raises
        raise InputError(f"{setting} cannot write {roles(turns)}: {error}") from None
    pieces = re.split(f"{MARK}(\\d+){MARK}", whole)
    if pieces[1::2] != [str(at) for at in range(len(turns))]:
        raise InputError(f"{setting} does not write each turn of {roles(turns)} once, in order")
    return pieces[::2]


def roles(turns: Conversation) -> str:
    """The roles of a conversation."""
    return ", ".join(turn.role for turn in turns)


def parts_of(pieces: Sequence[str], turns: Conversation, known: dict[str, int]) -> Iterator[Part]:
    """The parts of a conversation; after an assistant's turn the first control token ends it."""
    cut = re.compile(f"({'|'.join(map(re.escape, sorted(known, key=len, reverse=True)))})")
    spoke = False
    for at, piece in enumerate(pieces):
        stretches = cut.split(piece) if known else [piece]
        for number, stretch in enumerate(stretches):
            learned = spoke and len(stretches) > 1 and number < 2
            yield Part(known[stretch] if number % 2 else stretch, learned)
        if at < len(turns):
            spoke = turns[at].role == "assistant"
            yield Part(turns[at].content, spoke)


def tokens(parts: Iterable[Part], encode: Encode) -> Example:
    """The tokens of the parts; text is cut as one run from control token to control token."""
    ids: list[int] = []
    labels: list[int] = []
    before = ""
    for (learned, control), some in groupby(
        (part for part in parts if part.what != ""),
        key=lambda part: (part.learned, isinstance(part.what, int)),
    ):
        if control:
            made, before = [int(part.what) for part in some], ""
        else:
            said = "".join(str(part.what) for part in some)
            ((_, made),), before = joined([before], [said], encode), before + said
        ids += made
        labels += made if learned else [IGNORED] * len(made)
    return Example(ids, labels)
