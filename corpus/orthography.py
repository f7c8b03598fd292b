r"""Orthography profiles, and the matching key under which two writings of one text meet.

A profile is a file corpus/orthography/<name>.yaml; docs/orthography.md shows how to write one. It
says once how a language is written, for all uses: deduplication, splits, leakage checks and
identification compare matching keys, `spelling` tells the orthographies of rows apart, `respell`
writes rows in another one. The text itself is never changed.

    name: Hausa                        of the language
    letters: {ʻ: ʼ}                    a character: what it stands for, whatever comes beside it
    diacritics: [acute accent]         marks that are left out, by their Unicode names; or `all`
    read:                              ordered rules from any orthography to the common form
      - ["ʼy", ƴ, ʼyanci]              regular expression, spelling, example: a word that the rule
    fold:                              … changes when its turn comes; more rules, for the key only
      - [ƴ, y, ƴanci]
    foreign: null                      expression of words of other languages: never respelled
    orthographies:
      nigeria:
        about: of Nigeria              one line
        write: [[ƴ, ʼy, ƴanci]]        rules from the common form; null: it is only read
      niger: {about: of Niger, write: []}
    signs:                             expression, orthographies that write so, example
      - ["ʼy", [nigeria], ʼyanci]

Rules see one word at a time, case-folded, in NFC, with `letters` replaced and `diacritics` left out
(signs see the word before that). word → letters, diacritics → read → common form → fold → key, and
common form → write → the word in that orthography. All mistakes of a profile are found as it loads.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import regex
import yaml
from pydantic import TypeAdapter, ValidationError

from corpus.settings import faults, settings
from corpus.table import InputError

FOLDER = Path(__file__).with_name("orthography")
# Unicode's default ignorables that stand inside words. U+200B parts words, and so does U+200C, but
# in Indic scripts, where it chooses the form of a letter.
IGNORABLE = regex.compile(
    r"[\u00ad\u034f\u061c\u200d-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f]"
    r"|(?<=[\p{Beng}\p{Deva}\p{Gujr}\p{Guru}\p{Knda}\p{Mlym}\p{Orya}\p{Sinh}\p{Taml}\p{Telu}])\u200c"
)
# A mark without a letter before it is what NFKC leaves of a spacing accent such as U+00B4.
# White space alone is left to str.split, which takes half the time.
NOT_WORD = regex.compile(
    r"[^\p{L}\p{M}\p{N}\s][^\p{L}\p{N}]*|(?<![\p{L}\p{M}\p{N}])\p{M}[^\p{L}\p{N}]*"
)
WORD = regex.compile(r"\p{L}\p{M}*(?:[\w\p{M}'’ʼ]*\p{L}\p{M}*)?")
MOST_WORDS = 2**16  # whose fold is remembered; about 20 MB

Rules = tuple[tuple[re.Pattern[str], str], ...]
Rule = tuple[str, str, str]  # regular expression, spelling, example
Sign = tuple[str, tuple[str, ...], str]  # regular expression, who writes so, example


@settings
class Orthography:
    """One way to write a language."""

    about: str
    write: tuple[Rule, ...] | None  # from the common form; null: nothing is written in it


@settings
class Profile:
    """How a language is written; see the module."""

    name: str
    letters: dict[str, str]
    diacritics: Literal["all"] | tuple[str, ...]
    read: tuple[Rule, ...]
    fold: tuple[Rule, ...]
    foreign: str | None
    orthographies: dict[str, Orthography]
    signs: tuple[Sign, ...]

    def __post_init__(self) -> None:
        table(self.letters, self.diacritics)
        common = self.common(checked("read", self.read, self.clean))
        checked("fold", self.fold, common)
        for name, orthography in self.orthographies.items():
            checked(f"orthographies.{name}.write", orthography.write or (), str)
        pattern_of("foreign", self.foreign or "")
        for sign in self.signs:
            self.check_sign(*sign)
        told = {name for _, writers, _ in self.signs for name in writers}
        if self.signs and (untold := sorted(self.orthographies.keys() - told)):
            raise ValueError(f"signs: none is of {untold}")

    def check_sign(self, sign: str, writers: tuple[str, ...], example: str) -> None:
        """Check that a sign tells something, and that its example bears it."""
        known = sorted(self.orthographies)
        if strange := sorted(set(writers) - set(known)):
            raise ValueError(f"sign {sign!r} names unknown {strange}; there are {known}")
        if not 0 < len(set(writers)) < len(known):
            raise ValueError(f"sign {sign!r} tells nothing: {len(writers)} of {len(known)} have it")
        if not pattern_of("signs", sign).search(plain(example)):
            raise ValueError(f"sign {sign!r} is not in its example {example!r}")

    def clean(self, word: str) -> str:
        """A word with letters replaced and diacritics left out."""
        return plain(word).translate(table(self.letters, self.diacritics))

    def common(self, rules: Rules) -> Callable[[str], str]:
        """The function from a word to its common form."""
        return lambda word: apply(rules, self.clean(word))


@cache
def matching_key(orthography: str | None) -> Callable[[str], str]:
    """The function from a text to its matching key.

    A text without a letter or digit has the empty key: all such texts meet, and callers that
    compare texts leave them out.

    Args:
        orthography: a name in corpus/orthography; null folds compatibility forms, case,
            punctuation and white space only, `unmarked` diacritics too.

    >>> matching_key(None)("¿Tlein,  Ticnequi?")
    'tlein ticnequi'
    >>> matching_key("nah")("Yn quimmopielia.") == matching_key("nah")("in kimmopielia")
    True
    """
    if orthography is None:
        return lambda text: " ".join(NOT_WORD.sub(" ", plain(text)).split())
    known = profile(orthography)
    letters, rules = table(known.letters, known.diacritics), compiled(known.read + known.fold)
    fold = lru_cache(MOST_WORDS)(lambda word: apply(rules, word))

    def key(text: str) -> str:
        words = NOT_WORD.sub(" ", plain(text).translate(letters)).split()
        return " ".join(filter(None, map(fold, words)))

    return key


def plain(text: str) -> str:
    """The text without case, compatibility forms and invisible characters, in NFC."""
    if text.isascii():
        return text.lower()
    # U+00B4 is typed for an apostrophe; NFKC would make it a space and a mark
    folded = unicodedata.normalize("NFKC", IGNORABLE.sub("", text).replace("´", "'")).casefold()
    return unicodedata.normalize("NFC", folded)


def apply(rules: Rules, word: str) -> str:
    """The word after each rule in turn."""
    for pattern, spelling in rules:
        word = pattern.sub(spelling, word)
    return word


def compiled(rules: Iterable[Rule]) -> Rules:
    """Rules ready for use."""
    return tuple((re.compile(pattern), spelling) for pattern, spelling, _ in rules)


def pattern_of(where: str, pattern: str) -> re.Pattern[str]:
    """A regular expression, or what is wrong with it."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{where}: {pattern!r} is no regular expression: {error}") from None


def checked(where: str, rules: tuple[Rule, ...], before: Callable[[str], str]) -> Rules:
    """Rules ready for use, after the check that each changes its example when its turn comes."""
    done: Rules = ()
    for pattern, spelling, example in rules:
        rule = (pattern_of(where, pattern), spelling)
        word = apply(done, before(example))
        try:
            changed = apply((rule,), word)
        except re.error as error:
            raise ValueError(f"{where}: {pattern!r} cannot give {spelling!r}: {error}") from None
        if changed == word:
            raise ValueError(
                f"{where}: rule {pattern!r} does nothing on its example {example!r}, "
                f"which is {word!r} when its turn comes"
            )
        done += (rule,)
    return done


def table(letters: dict[str, str], diacritics: Literal["all"] | tuple[str, ...]) -> dict[int, str]:
    """What each character of a text in NFC becomes: letters replaced, diacritics left out."""
    if lost := sorted(letter for letter in letters if len(letter) != 1 or plain(letter) != letter):
        raise ValueError(f"letters are single characters, in lower case and NFKC, got {lost}")
    return {**without(diacritics), **str.maketrans(letters)}


@cache
def without(diacritics: Literal["all"] | tuple[str, ...]) -> dict[int, str]:
    """Each character that bears one of the marks, or is one: what is left of it."""
    if not diacritics:
        return {}
    marks = None if diacritics == "all" else {mark_of(name) for name in diacritics}
    left = {}
    for point in range(0x80, 0x20000):  # beyond, there are ideographs and no accents
        parts = unicodedata.normalize("NFD", chr(point))
        if kept := "".join(part for part in parts if not is_mark(part, marks)):
            kept = unicodedata.normalize("NFC", kept)
        if kept != chr(point) and len(kept) < len(parts):
            left[point] = kept
    return left


def is_mark(character: str, marks: set[str] | None) -> bool:
    """Whether a character is one of the marks, or where these are null, any accent.

    Accents have a combining class from 200, which vowel signs, nuktas and viramas do not.
    """
    return unicodedata.combining(character) >= 200 if marks is None else character in marks


def mark_of(name: str) -> str:
    """The combining mark of a name such as 'acute accent'."""
    try:
        return unicodedata.lookup(f"COMBINING {name.upper()}")
    except KeyError:
        raise ValueError(f"diacritics: Unicode has no 'COMBINING {name.upper()}'") from None


@cache
def profile(orthography: str) -> Profile:
    """The profile of a name.

    Raises:
        InputError: there is no such profile, or something is wrong with it.
    """
    where = f"{FOLDER.name}/{orthography}.yaml"
    try:
        tree = yaml.safe_load(load_text(orthography))
        return TypeAdapter(Profile).validate_json(json.dumps(tree))
    except yaml.YAMLError as error:
        raise InputError(f"{where} is no YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise InputError(f"{where} {'; '.join(faults(error))}") from None


def load_text(orthography: str) -> str:
    """A profile as it stands.

    Raises:
        InputError: there is no such profile.
    """
    path = FOLDER / f"{orthography}.yaml"
    if not path.exists():
        known = sorted(other.stem for other in FOLDER.glob("*.yaml"))
        raise InputError(f"orthography {orthography!r} has no {path.name}; there are {known}")
    return path.read_text("utf-8")
