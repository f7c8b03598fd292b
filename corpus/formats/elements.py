"""The elements of a name in an XML file, one after the other, whatever the file's size."""

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from corpus.formats.record import BLOCK, opened
from corpus.table import InputError


def elements(path: Path, name: str) -> Iterator[tuple[int, Element]]:
    """The line of each element of that name and the element, as they are read.

    Raises:
        InputError: the file is no XML, or declares entities (which can blow up).
    """
    done: list[tuple[int, Element]] = []
    parser = element_parser(path, name, done)
    with opened(path) as file:
        last = False
        while not last:
            block = file.read(BLOCK)
            last = not block
            try:
                parser.Parse(block, last)
            except expat.ExpatError as error:
                raise InputError(f"{path} is no well-formed XML: {error}") from None
            yield from done
            done.clear()


def element_parser(path: Path, name: str, done: list[tuple[int, Element]]) -> expat.XMLParserType:
    """A parser that appends each such element to `done`, with its line, and keeps nothing else."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def outside(tag: str, attributes: dict[str, str]) -> None:
        if tag == name:
            begin(parser.CurrentLineNumber, attributes)

    def begin(line: int, attributes: dict[str, str]) -> None:
        builder = TreeBuilder()
        builder.start(name, attributes)

        def end(tag: str) -> None:
            builder.end(tag)
            if tag == name:
                done.append((line, builder.close()))
                handle(parser, outside, None, None)

        handle(parser, builder.start, builder.data, end)

    def refuse(entity: str, *_: object) -> None:
        raise InputError(f"{path} declares the entity {entity!r}, which may blow up; take it out")

    def miss(entity: str, _: bool) -> None:
        raise InputError(
            f"{path} uses the entity {entity!r}, which it does not define; write it out"
        )

    parser.EntityDeclHandler = refuse
    parser.SkippedEntityHandler = miss
    handle(parser, outside, None, None)
    return parser


def handle(
    parser: expat.XMLParserType,
    start: Callable[[str, dict[str, str]], object],
    text: Callable[[str], object] | None,
    end: Callable[[str], object] | None,
) -> None:
    """Set what the parser calls for tags and text."""
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.EndElementHandler = end
