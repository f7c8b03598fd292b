"""TMX, the exchange format of translation memories."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from corpus.formats.elements import elements
from corpus.formats.record import Column, Record, names_only
from corpus.table import InputError

CODE = {"bpt", "ept", "it", "ph", "ut", "sub"}  # hold a program's markup, not text
Unit = dict[str, list[str]]  # the texts of a <tu>: by language, property type or attribute


def read(path: Path, columns: tuple[Column, ...], header: bool) -> Iterator[Record]:
    """Each translation unit; a column is a language code, a property's type or an attribute.

    Raises:
        InputError: the file is no XML, declares entities (which can blow up), or no unit has one
            of the columns.
    """
    wanted = names_only(path, columns)
    unseen = {name for name in wanted if name}
    known: set[str] = set()
    for line, unit in units(path):
        texts = [found(unit, name) for name in wanted]
        unseen -= {name for name, text in zip(wanted, texts, strict=True) if name and text}
        known |= unit.keys()
        if any(len(text) > 1 for text in texts):
            yield Record(
                line, (), "several segments of one language", None, str(sorted(unit.items()))
            )
        else:
            yield Record(line, tuple(text[0] if text else None for text in texts))
    if unseen and known:
        raise InputError(f"{path} has no columns {sorted(unseen)}; it has {sorted(known)}")


def found(unit: Unit, name: str | None) -> list[str]:
    """The texts of a column; `es` also finds `es-MX`."""
    if name is None:
        return []
    key = name.lower()
    return [t for k, texts in unit.items() if k == key or k.startswith(f"{key}-") for t in texts]


def units(path: Path) -> Iterator[tuple[int, Unit]]:
    """The line and the texts of each <tu>, as they are read."""
    return ((line, texts(element)) for line, element in elements(path, "tu"))


def texts(element: Element) -> Unit:
    """The texts of a <tu> by language, property type and attribute, all in lower case."""
    unit = {name.lower(): [value] for name, value in element.attrib.items()}
    for prop in element.findall("prop"):
        unit[prop.get("type", "").lower()] = ["".join(prop.itertext())]
    sides: Unit = {}
    for side in element.findall("tuv"):
        language = side.get("xml:lang", side.get("lang", "")).lower()
        sides.setdefault(language, []).extend(plain(segment) for segment in side.findall("seg"))
    return {**unit, **sides}


def plain(element: Element) -> str:
    """The text of a segment without the markup that its inline elements hold.

    >>> from xml.etree.ElementTree import fromstring
    >>> plain(fromstring("<seg><bpt>&lt;b&gt;</bpt>atl<ept>&lt;/b&gt;</ept> <hi>tepetl</hi></seg>"))
    'atl tepetl'
    """
    inner = ("" if child.tag in CODE else plain(child) for child in element)
    tails = (child.tail or "" for child in element)
    return (element.text or "") + "".join(map(str.__add__, inner, tails))
