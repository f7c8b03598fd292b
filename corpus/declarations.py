"""The Universal Declaration of Human Rights in many languages: no stage adapts a model to it.

Identification learns what other languages look like from it; evaluation asks of it what a model
forgot, and what it learned that holds outside the corpus.
"""

import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from langcodes import standardize_tag

from corpus.settings import Language
from corpus.table import InputError, digest, place

ENGLISH = "eng"


class Paragraph(NamedTuple):
    """A paragraph of one declaration."""

    id: str
    role: str  # own: of the language; pivot; english
    code: str  # ISO 639-3
    text: str


def read_others(path: Path) -> list[dict[str, Any]]:
    """Paragraphs of many languages: iso639_3, section and text of each.

    Raises:
        InputError: the file is missing, cut short or lacks a field.
    """
    try:
        with lzma.open(path, "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        return [{name: row[name] for name in ("iso639_3", "section", "text")} for row in rows]
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; run 'git checkout {path}' first") from None
    except (EOFError, lzma.LZMAError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); run 'git checkout {path}'") from error
    except KeyError as error:
        raise InputError(
            f"{path} has a row without {error}; each needs iso639_3, section, text"
        ) from None


@cache
def macro(code: str) -> str:
    """The tag of a language's macrolanguage, or its own: om for gaz and orm."""
    return standardize_tag(code, macro=True)


def paragraphs(path: Path, language: Language, most_bytes: int) -> list[Paragraph]:
    """Paragraphs in the language itself, its pivot and English, as far as each is declared there.

    Args:
        most_bytes: of each of the three, chosen by hash.
    """
    pivot = language.pivot.split("_")[0]
    roles = dict.fromkeys(map(macro, language.varieties), "own")
    roles = {macro(ENGLISH): "english", macro(pivot): "pivot"} | roles
    found: dict[str, Paragraph] = {}
    for row in read_others(path) if most_bytes else []:
        if role := roles.get(macro(row["iso639_3"])):
            name = digest(row["iso639_3"], row["text"])
            found[name] = Paragraph(name, role, row["iso639_3"], row["text"])
    left = dict.fromkeys(roles.values(), most_bytes)
    chosen = []
    for one in sorted(found.values(), key=lambda one: (place("declaration", one.id), one.id)):
        size = len(one.text.encode())
        if size <= left[one.role]:
            left[one.role] -= size
            chosen.append(one)
    return sorted(chosen, key=lambda one: (one.role, one.id))
