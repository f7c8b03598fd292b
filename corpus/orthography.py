"""The matching key: a fold of spellings under which two writings of one text meet.

The key serves deduplication, splits, leakage checks and identification; the text itself is never
changed by it. What a language folds beyond the safe default is data: corpus/orthography/*.yaml.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import regex
import yaml

from corpus.table import InputError

FOLDER = Path(__file__).with_name("orthography")
# Unicode's default ignorables that stand inside words; U+200B and U+200C part words, so they stay.
IGNORABLE = regex.compile(
    r"[\u00ad\u034f\u061c\u200d-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f]"
)
# A mark without a letter before it is what NFKC leaves of a spacing accent such as U+00B4.
# White space alone is left to str.split, which takes half the time.
NOT_WORD = regex.compile(
    r"[^\p{L}\p{M}\p{N}\s][^\p{L}\p{N}]*|(?<![\p{L}\p{M}\p{N}])\p{M}[^\p{L}\p{N}]*"
)
MOST_WORDS = 2**16  # whose fold is remembered; about 20 MB

Rules = tuple[tuple[re.Pattern[str], str], ...]


@cache
def matching_key(orthography: str | None) -> Callable[[str], str]:
    """The function from a text to its matching key.

    A text without a letter or digit has the empty key: all such texts meet, and callers that
    compare texts leave them out.

    Args:
        orthography: a name in corpus/orthography; null folds compatibility forms, case,
            punctuation and white space only.

    >>> matching_key(None)("¿Tlein,  Ticnequi?")
    'tlein ticnequi'
    >>> matching_key("nah")("Yn quimmopielia.") == matching_key("nah")("in kimmopielia")
    True
    """
    if orthography is None:
        return lambda text: " ".join(NOT_WORD.sub(" ", plain(text)).split())
    letters, rules = profile(orthography)
    fold = lru_cache(MOST_WORDS)(lambda word: apply(rules, word))

    def key(text: str) -> str:
        words = NOT_WORD.sub(" ", plain(text).translate(letters)).split()
        return " ".join(filter(None, map(fold, words)))

    return key


def plain(text: str) -> str:
    """The text without case, compatibility forms and invisible characters, in NFC."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", IGNORABLE.sub("", text)).casefold()
    return unicodedata.normalize("NFC", folded)


def apply(rules: Rules, word: str) -> str:
    """The word after each rule in turn."""
    for pattern, spelling in rules:
        word = pattern.sub(spelling, word)
    return word


@cache
def profile(orthography: str) -> tuple[dict[int, str], Rules]:
    """The letters that stand for others, and the ordered rules for words, of an orthography."""
    tree = load(orthography)
    return str.maketrans(tree["letters"]), compiled(tree["fold"])


def compiled(rules: list[list[str]], flags: int = 0) -> Rules:
    """Rules ready for use."""
    return tuple((re.compile(pattern, flags), spelling) for pattern, spelling in rules)


@cache
def load(orthography: str) -> dict[str, Any]:
    """What an orthography's file says.

    Raises:
        InputError: there is no such orthography, or its file lacks what every key needs.
    """
    try:
        tree = yaml.safe_load(load_text(orthography))
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise InputError(f"{FOLDER.name}/{orthography}.yaml is no YAML: {where}") from None
    if not isinstance(tree, dict) or not {"letters", "fold"} <= tree.keys():
        raise InputError(f"{FOLDER.name}/{orthography}.yaml lacks 'letters' or 'fold'")
    return tree


def load_text(orthography: str) -> str:
    """An orthography's file as it stands.

    Raises:
        InputError: there is no such orthography.
    """
    path = FOLDER / f"{orthography}.yaml"
    if not path.exists():
        known = sorted(other.stem for other in FOLDER.glob("*.yaml"))
        raise InputError(f"orthography {orthography!r} has no {path.name}; there are {known}")
    return path.read_text("utf-8")
