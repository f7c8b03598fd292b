"""LIFT, the exchange format of FieldWorks and other dictionary programs.

Source: https://github.com/sillsdev/lift-standard
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from corpus.formats.dictionary import EXAMPLES, HEADWORDS, Said, pairs
from corpus.formats.elements import elements
from corpus.formats.record import Column, Record, names_only
from corpus.table import InputError

SENSES = ("sense", "subsense")


def read(path: Path, columns: tuple[Column, ...], part: str | None) -> Iterator[Record]:
    """The pairs of each entry; a column is the code of a language, as the file's `lang` has it.

    Raises:
        InputError: the file is no XML, has no entry, or nothing in one of the languages.
    """
    source, target, *_ = names_only(path, columns)
    seen: set[str] = set()
    yield from pairs(path, entries(path, source or "", target or "", seen), part)
    if unseen := sorted({code for code in (source, target) if code} - seen):
        raise InputError(f"{path} has nothing in {unseen}; its languages are {sorted(seen)}")


def entries(path: Path, source: str, target: str, seen: set[str]) -> Iterator[Said]:
    """The pairs of each entry; `seen` gathers the codes of languages."""
    for number, (line, entry) in enumerate(elements(path, "entry"), 1):
        seen.update(code for element in entry.iter() if (code := element.get("lang")))
        words = [word for unit in entry.findall("lexical-unit") for word in texts(unit, target)]
        if not words:
            fault = "entry without headword"
            yield Said(line, number, HEADWORDS, entry.get("id"), None, fault)
            continue
        senses = [element for element in entry.iter() if element.tag in SENSES]
        glosses = [text for sense in senses for text in texts(sense, source, "gloss")]
        for gloss in glosses:
            yield Said(line, number, HEADWORDS, gloss, words[0])
        if not glosses:
            yield Said(line, number, HEADWORDS, None, words[0])
        for example in (example for sense in senses for example in sense.findall("example")):
            said = [text for made in example.findall("translation") for text in texts(made, source)]
            for segment in texts(example, target):
                yield Said(line, number, EXAMPLES, said[0] if said else None, segment)


def texts(element: Element, language: str, tag: str = "form") -> list[str]:
    """The forms or glosses of an element in a language, without the markup within; none blank."""
    found = (
        "".join(e.itertext()).strip() for e in element.findall(tag) if e.get("lang") == language
    )
    return [text for text in found if text]


def languages(path: Path) -> Iterator[dict[str, str]]:
    """The texts of each entry, example and translation by language, for a look at the file."""
    for _, entry in elements(path, "entry"):
        for element in entry.iter():
            for tag in ("form", "gloss"):
                for inner in element.findall(tag):
                    yield {inner.get("lang", ""): "".join(inner.itertext()).strip()}
