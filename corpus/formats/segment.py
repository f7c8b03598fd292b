"""Documents and paragraphs cut into sentences, of any script, so that no character is lost.

Boundaries are those of the Unicode standard, which knows the full stops of every script that has
them. Two additions know no language: a part without letters ("1.") is no sentence, and neither does
one end at an initial ("J. Pérez"). Thai, Lao and other scripts without such marks stay whole.

Source: UAX #29, https://www.unicode.org/reports/tr29/#Sentence_Boundaries
"""

from collections.abc import Iterator
from itertools import accumulate, pairwise

import regex
from unicode_segmentation_rs import unicode_sentences

from corpus.formats.align import align
from corpus.formats.record import Record
from corpus.formats.source import PARTS, Source

LETTER = regex.compile(r"\p{L}")
INITIAL = regex.compile(r"(?<![\p{L}\p{M}\p{N}'’.])\p{Lu}\p{M}*\.\s*\Z")
SHAD = regex.compile(r"[་༌]?[།-༔]+(?:\s+[།-༔]+)*\s+")  # Tibetan: the standard has no rule for it
PARAGRAPH = regex.compile(r"\n[^\S\n]*\n\s*")  # a blank line or more
NEXT_LINE = regex.compile(r"[^\S\n]*\n[^\S\n]*")
SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"
INSIDE = regex.compile(rf"(?<={SPACELESS})[^\S\n]*\n[^\S\n]*(?={SPACELESS})")


def sentences(text: str) -> list[str]:
    """The sentences of a text with the white space after each; joined they are the text.

    >>> sentences("Ce tlacatl. 2. Quen? J. Pérez quihto.")
    ['Ce tlacatl. ', '2. Quen? ', 'J. Pérez quihto.']
    >>> sentences("ሁሉም ሰዎች ነጻ ናቸው። ይህ ምንድነው?")
    ['ሁሉም ሰዎች ነጻ ናቸው። ', 'ይህ ምንድነው?']
    """
    parts = [part for found in bounded(text) for part in at_shads(found)]
    made: list[str] = []
    for part in parts:
        if made and goes_on(made[-1], part):
            made[-1] += part
        else:
            made.append(part)
    return made


def goes_on(before: str, after: str) -> bool:
    """Whether what looks like a boundary is none: after a number, or after an initial."""
    if before.endswith("\n") or not LETTER.search(after):
        return False
    return not LETTER.search(before) or INITIAL.search(before) is not None


def bounded(text: str) -> list[str]:
    """The text cut at the boundaries of the standard; what holds no word stays with what is before.

    The library leaves such parts out, so each begins where the one before was found to end.
    """
    starts: list[int] = []
    end = 0
    for part in unicode_sentences(text):
        start = text.index(part, end)
        starts.append(start if starts else 0)
        end = start + len(part)
    return [text[a:b] for a, b in pairwise([*(starts or [0]), len(text)]) if b > a]


def at_shads(text: str) -> Iterator[str]:
    """The text cut after each shad that white space follows."""
    start = 0
    for mark in SHAD.finditer(text):
        yield text[start : mark.end()]
        start = mark.end()
    if start < len(text):
        yield text[start:]


def unwrapped(text: str) -> str:
    r"""Lines that a program broke put together again; a paragraph ends at a blank line only.

    Between letters of scripts without spaces nothing stands for the break, else a space.

    >>> unwrapped("ce tlacatl\nquihto\n\nocce")
    'ce tlacatl quihto\nocce'
    >>> unwrapped("人人生而\n自由")
    '人人生而自由'
    """
    paragraphs = PARAGRAPH.split(text.strip())
    return "\n".join(NEXT_LINE.sub(" ", INSIDE.sub("", paragraph)) for paragraph in paragraphs)


def segmented(source: Source, record: Record) -> Iterator[Record]:
    """The record cut as its source asks: a record a sentence, or a bead of aligned sentences."""
    sides = record.values[:2]
    if source.segment in (None, *PARTS) or not all(
        side is None or isinstance(side, str) for side in sides
    ):
        yield record
        return
    if not any(side and side.strip() for side in sides):
        yield record
        return
    parts = [cut(side or "", source.segment) for side in sides]
    lines = [line_starts(side, record.line) for side in parts]
    for bead in align(*parts):
        texts = tuple(
            "".join(part[a:b]).strip() or None for part, (a, b) in zip(parts, bead, strict=True)
        )
        begins = [line[a] for line, (a, b) in zip(lines, bead, strict=True) if b > a]
        if any(texts):
            yield record._replace(line=begins[-1], values=(*texts, *record.values[2:]), lines=0)


def cut(text: str, how: str) -> list[str]:
    """The sentences of a document or paragraph; a line break ends one unless it is wrapped."""
    if not text.strip():
        return []
    return sentences(unwrapped(text) if how == "wrapped" else text)


def line_starts(parts: list[str], first: int) -> list[int]:
    """The line on which each part begins; in wrapped text its paragraph's number stands for it."""
    return [first + breaks for breaks in accumulate((p.count("\n") for p in parts), initial=0)]
