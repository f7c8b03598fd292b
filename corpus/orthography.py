"""The matching key: a fold of spellings under which two writings of one text meet.

The key serves deduplication, splits, leakage checks and identification; the text itself is never
changed by it. What a language folds beyond the safe default is data: corpus/orthography/*.yaml.
"""

import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

import regex
import yaml

from corpus.table import InputError

FOLDER = Path(__file__).with_name("orthography")
NOT_WORD = regex.compile(r"[^\p{L}\p{M}\p{N}]+")


def matching_key(orthography: str | None) -> Callable[[str], str]:
    """The function from a text to its matching key.

    Args:
        orthography: a name in corpus/orthography; null folds compatibility forms, case,
            punctuation and white space only.

    >>> matching_key(None)("¿Tlein,  Ticnequi?")
    'tlein ticnequi'
    """
    rules = fold_rules(orthography)

    def key(text: str) -> str:
        plain = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
        words = NOT_WORD.sub(" ", plain).strip()
        for pattern, spelling in rules:
            words = pattern.sub(spelling, words)
        return words

    return key


@cache
def fold_rules(orthography: str | None) -> tuple[tuple[regex.Pattern[str], str], ...]:
    """The ordered rules (pattern, replacement) of an orthography's `fold`.

    Raises:
        InputError: there is no such orthography.
    """
    if orthography is None:
        return ()
    path = FOLDER / f"{orthography}.yaml"
    if not path.exists():
        known = sorted(p.stem for p in FOLDER.glob("*.yaml"))
        raise InputError(f"{path} does not exist; corpus/orthography has {known}")
    rules = yaml.safe_load(path.read_text("utf-8"))["fold"]
    return tuple((regex.compile(pattern), spelling) for pattern, spelling in rules)
