"""Documents and their titles: where a title stands, and a text that does not tell it."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Literal
from unicodedata import category

from corpus.orthography import matching_key
from train.examples import Row

Where = Literal["name", "first"]  # a document's name is its title, or its first segment is
FOLD = matching_key(None)


def documents(rows: Sequence[Row], origins: Iterable[str]) -> dict[tuple[str, str], list[Row]]:
    """The human target text of each document of these origins, its segments in order."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row["origin"] in origins and row["document"] and row["target"] and not row["synthetic"]:
            found[row["origin"], row["document"]].append(row)
    return {
        key: sorted(some, key=lambda row: (row["position"] or 0, row["id"]))
        for key, some in sorted(found.items())
    }


def titled(document: str, rows: list[Row], where: Where) -> tuple[str, list[str]]:
    """The title of a document, empty where it is not known, and the segments that are no title."""
    texts = [row["target"] for row in rows]
    if where == "name":
        return document.strip(), texts
    if rows[0]["position"] != 0:  # an earlier stage took it
        return "", texts
    return texts[0].strip(), texts[1:]


def holds(text: str, title: str) -> bool:
    """Whether a title stands in a text, as it is or folded.

    >>> holds("In ĀTL, in tepētl.", "ātl in tepētl")
    True
    """
    folded = FOLD(title)
    return bool(title) and (title in text or (bool(folded) and folded in FOLD(text)))


def cut(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning of a text that fits, of whole words where it has white space.

    >>> cut("in tlacatl quitta", lambda text: len(text) < 13)
    'in tlacatl'
    """
    most = 64
    while most < len(text) and fits(text[:most]):
        most *= 2
    sizes = range(1, min(most, len(text)) + 1)
    size = bisect_left(sizes, True, key=lambda size: not fits(text[:size]))
    if size == len(text):
        return text
    while size and category(text[size]).startswith("M"):  # a mark stays with its letter
        size -= 1
    whole = text[:size].rsplit(None, 1)
    inside = len(whole) > 1 and not any(map(str.isspace, text[size - 1 : size + 1]))
    return whole[0] if inside else text[:size].rstrip()
