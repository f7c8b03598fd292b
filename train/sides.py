"""The two sides of an encoder-decoder: what its encoder reads and its decoder says, with codes.

NLLB, M2M-100 and mBART frame a text with its language's code on both sides, Marian and MADLAD put
the code of the language to write before what is read, others know none. What stands around a text
is the tokenizer's own, so that training sees what the base was trained on.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from augment.engines.codes import BEFORE, CODES, known
from corpus.table import InputError
from train.examples import IGNORED, Example

if TYPE_CHECKING:
    from train.model import Speaker

PROBE = "a"  # a text to see what a tokenizer puts around it
LAST_FIRST = ("mbart", "plbart")  # their decoder begins with the last token of what it says
OTHER = "default"  # in the codes: any other language


class Asked(NamedTuple):
    """What is read, its language, and the language to answer in; empty: of no language."""

    text: str
    reads: str = ""
    says: str = ""


class Frame(NamedTuple):
    """The tokens that stand around a text."""

    before: list[int]
    after: list[int]


def coded(speaker: "Speaker") -> bool:
    """Whether the base's tokenizer sets the code of its language around every text."""
    kind = speaker.model.config.model_type
    return kind in CODES and kind not in BEFORE and hasattr(speaker.tokenizer, "src_lang")


def code_of(speaker: "Speaker", language: str) -> str | None:
    """The base's code for a language; none where it takes no codes.

    Raises:
        InputError: it does, and base.codes has none for this language.
    """
    codes = speaker.codes
    if not codes and not coded(speaker):
        return None
    name = language if language in codes else OTHER
    if name not in codes:
        raise InputError(
            f"base.codes lacks {language or OTHER!r}; name its code, or one as {OTHER!r}, "
            "and run 'dvc repro base'"
        )
    return codes[name]


def frame(speaker: "Speaker", language: str, target: bool) -> Frame:
    """What the tokenizer puts around a text that is read, or (`target`) said, in a language."""
    found: Any = speaker.tokenizer
    if coded(speaker) and (code := code_of(speaker, language)) is not None:
        found.src_lang = found.tgt_lang = code
    name = "text_target" if target else "text"
    bare = found(**{name: PROBE}, add_special_tokens=False)["input_ids"]
    whole = found(**{name: PROBE})["input_ids"]
    starts = range(len(whole) - len(bare) + 1)
    at = next(start for start in starts if whole[start : start + len(bare)] == bare)
    return Frame(whole[:at], whole[at + len(bare) :] or [speaker.separator])


def read(speaker: "Speaker", asked: Sequence[Asked]) -> list[list[int]]:
    """What the encoder is given for each question."""
    kind = speaker.model.config.model_type
    texts = []
    for text, _, says in asked:
        code = code_of(speaker, says) if kind in BEFORE else None
        before = f"{known(speaker.tokenizer, kind, code, 'base')} " if code else ""
        texts.append(before + text)
    frames = {reads: frame(speaker, reads, target=False) for _, reads, _ in asked}
    around = [frames[reads] for _, reads, _ in asked]
    codes = speaker.encode(texts)
    return [[*f.before, *code, *f.after] for f, code in zip(around, codes, strict=True)]


def begin(speaker: "Speaker", around: Frame) -> list[int]:
    """What the decoder is given before the first token of a text."""
    turned = speaker.model.config.model_type in LAST_FIRST
    return [around.after[-1] if turned else speaker.decoder_start, *around.before]


def said_by_decoder(
    source: list[int], said: list[int], speaker: "Speaker", language: str = ""
) -> Example:
    """What an encoder-decoder reads, and says in a language: its code too is learned."""
    return framed(source, said, speaker, frame(speaker, language, target=True))


def framed(source: list[int], said: list[int], speaker: "Speaker", around: Frame) -> Example:
    """What is read, and what is said with what stands around it."""
    start = begin(speaker, around)
    said = [*said, *around.after]
    return Example([*start, *said], [IGNORED, *start[1:], *said], source=source)


def answers_of(speaker: "Speaker", asked: Sequence[Asked], answers: Sequence[str]) -> list[Example]:
    """Questions and their answers as an encoder-decoder is given them."""
    sources = read(speaker, asked)
    around = {one.says: frame(speaker, one.says, target=True) for one in asked}
    said = speaker.encode(list(answers), target=True)  # M2M-100 must have been told a code before
    return [
        framed(source, ids, speaker, around[one.says])
        for source, ids, one in zip(sources, said, asked, strict=True)
    ]


def given(example: Example, speaker: "Speaker", language: str) -> Example:
    """The same, but the code of the language is given and not said."""
    number = len(begin(speaker, frame(speaker, language, target=True)))
    labels = [IGNORED] * number + example.labels[number:]
    return Example(example.ids, labels, example.names, example.starts, example.source)
