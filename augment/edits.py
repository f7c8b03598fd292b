"""Changes of a character or two: where they may fall in a text, from rules or from observed texts.

Rules are files of augment/noise. What a language's own writers and printers do is learned from
near-duplicates: two copies of one text that differ in a few letters of a word.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import regex
import yaml
from pydantic import TypeAdapter, ValidationError

from corpus.settings import faults, settings
from corpus.table import InputError, digest

MARKS = regex.compile(
    r"(?=\p{M})\p{Script=Inherited}"
)  # accents; Khmer vowels are Khmer, not these
LETTERS = regex.compile(r"[\p{L}\p{M}\p{Sk}'’‘]*")  # a learned change is of nothing else
WORD = regex.compile(r"[\p{L}\p{M}\p{Sk}\p{N}'’‘]+")
EDGE = " "  # of a word, as the context of a learned change
ANY = ""  # whatever stands there
Place = tuple[str, str, str]  # the letter before, the letters that change, the letter after


class Change(NamedTuple):
    """What may stand in the place of some characters of a text."""

    old: str
    new: str
    rate: float  # of the places where it may fall, 0 to 1


Changes = Callable[[str, int], Iterable[Change]]  # those that may begin at this place of the text


class Learned(NamedTuple):
    """A change that was seen, with the letter on each side of it, an edge or any."""

    before: str
    old: str
    after: str
    new: str
    rate: float


class Kind(NamedTuple):
    """One kind of noise."""

    name: str  # for the column `engine`: name@hash of its rules
    changes: Changes


@settings
class Rules:
    """What a file of augment/noise says: any of three sources of changes."""

    marks: bool  # whether combining marks go, as where people type without them
    edits: dict[str, tuple[str, ...]]  # what stands for what, as "rn": ["m"]; "" for nothing
    keys: tuple[str, ...]  # rows of a keyboard, from the top; a key is hit for its neighbour


def load(folder: Path, name: str, rate: float) -> Kind:
    """The noise of a rule file.

    Raises:
        InputError: there is no such file, or it is at fault.
    """
    path = folder / f"{name}.yaml"
    if not path.exists():
        known = sorted(path.stem for path in folder.glob("*.yaml"))
        raise InputError(f"noise.rules names {name!r}; {folder} has {known}, and 'learned'")
    text = path.read_text("utf-8")
    try:
        rules = TypeAdapter(Rules).validate_python(yaml.safe_load(text), strict=False)
    except yaml.YAMLError as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise InputError(f"{path} {'; '.join(faults(error))}") from None
    return Kind(f"{name}@{digest(text, str(rate))}", by_rules(rules, rate))


def by_rules(rules: Rules, rate: float) -> Changes:
    """The changes of a rule file, each place at the one rate."""
    near = neighbours(rules.keys)
    longest = max(map(len, rules.edits), default=0)

    def at(text: str, place: int) -> Iterator[Change]:
        letter = text[place]
        found = [(letter, bare(letter))] if rules.marks else []
        found += [(letter, like(key, letter)) for key in near.get(letter.lower(), ())]
        for size in range(1, longest + 1):
            old = text[place : place + size]
            if len(old) == size:
                found += [(old, new) for new in rules.edits.get(old, ())]
        options = [pair for pair in dict.fromkeys(found) if pair[0] != pair[1]]
        return (Change(old, new, rate / len(options)) for old, new in options)

    return at


@cache
def bare(letter: str) -> str:
    """The letter without its accents, by Unicode's decomposition.

    >>> bare("ā"), bare("ñ"), bare("ក"), bare("ọ")
    ('a', 'n', 'ក', 'o')
    """
    parts = unicodedata.normalize("NFD", letter)
    return unicodedata.normalize("NFC", MARKS.sub("", parts))


def like(letter: str, other: str) -> str:
    """The letter as a capital where the other is one."""
    return letter.upper() if other.isupper() else letter


def neighbours(rows: Sequence[str]) -> dict[str, str]:
    """The keys around each key; a row stands half a key to the right of the row above.

    >>> neighbours(["qwe", "asd"])["s"]
    'adwe'
    """
    found: dict[str, str] = defaultdict(str)
    for row in rows:
        for left, right in pairwise(row):
            found[right] += left
            found[left] += right
    for above, below in pairwise(rows):
        for place, key in enumerate(below):
            for other in above[place : place + 2]:
                found[key] += other
                found[other] += key
    return dict(found)


def by_learning(learned: Sequence[Learned], rate: float) -> Kind:
    """The noise that was learned, each change as often as it was seen, times `rate`.

    Of one change in several contexts the narrowest that fits counts.
    """
    firsts: dict[str, list[Learned]] = defaultdict(list)
    for change in sorted(learned, key=lambda one: (one.before == ANY) + (one.after == ANY)):
        firsts[change.old[:1]].append(change)

    def at(text: str, place: int) -> Iterator[Change]:
        before = edge(text[place - 1].lower()) if place else EDGE
        met = set()
        for change in (*firsts.get(text[place].lower(), ()), *firsts.get("", ())):
            old = text[place : place + len(change.old)]
            after = edge(text[place + len(change.old) :][:1].lower())
            fits = change.before in (before, ANY) and change.after in (after, ANY)
            if fits and old.lower() == change.old and change[1:4:2] not in met:
                met.add(change[1:4:2])
                yield Change(old, like(change.new, old), min(1.0, change.rate * rate))

    return Kind(f"learned@{digest(*map(repr, learned), str(rate))}", at)


def edge(letter: str) -> str:
    """The letter, or the edge of a word where it is none.

    >>> edge("a"), edge(","), edge("")
    ('a', ' ', ' ')
    """
    return letter if letter and LETTERS.fullmatch(letter) else EDGE


def learn(pairs: Iterable[tuple[str, str]], least_words: int, most_letters: int) -> list[Learned]:
    """The changes of at most so many letters that pairs of near-duplicates show, both ways.

    Each is learned between the letters that stand around it, beside one of them, and anywhere. Its
    rate is the share of such places in these texts that have it.

    Args:
        least_words: pairs of unlike words in which a change must be seen, in each context.
    """
    seen: dict[tuple[Place, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    words = Counter[str]()
    for pair in pairs:
        one, other = map(spelled, pair)
        words.update(one + other)
        for couple in unlike(one, other):
            for there in (couple, couple[::-1]):
                for change in changes_of(*there, most_letters):
                    for context in contexts(change[:3]):
                        seen[context, change[3]][there] += 1
    often = {change: found for change, found in seen.items() if len(found) >= least_words}
    places = counted(words, {place for place, _ in often}, most_letters)
    return [
        Learned(*place, new, min(1.0, found.total() / max(1, places[place])))
        for (place, new), found in sorted(often.items())
    ]


def contexts(place: Place) -> Iterator[Place]:
    """A place with the letters around it, with one of them, and with none if a letter is left.

    What changes at the edge of a word tells nothing of its inside: it may be grammar.

    >>> list(contexts(("a", "", "h"))), list(contexts((" ", "c", "a")))
    ([('a', '', 'h'), ('', '', 'h'), ('a', '', '')], [(' ', 'c', 'a'), (' ', 'c', '')])
    """
    before, old, after = place
    yield place
    if before != EDGE:
        yield ANY, old, after
    if after != EDGE:
        yield before, old, ANY
    if old and EDGE not in (before, after):
        yield ANY, old, ANY


def counted(
    words: Mapping[str, int], wanted: Collection[Place], most_letters: int
) -> Counter[Place]:
    """How often each of the wanted places occurs in the words."""
    found = Counter[Place]()
    for word, times in words.items():
        text = f"{EDGE}{word}{EDGE}"
        for start in range(1, len(text)):
            for end in range(start, min(start + most_letters, len(text) - 1) + 1):
                for place in contexts((text[start - 1], text[start:end], text[end])):
                    if place in wanted:
                        found[place] += times
    return found


def spelled(text: str) -> list[str]:
    """The words of a text in lower case but those in capitals: VIII is not VII misspelt."""
    return [word.lower() for word in WORD.findall(text) if not word.isupper()]


def unlike(one: list[str], other: list[str]) -> Iterator[tuple[str, str]]:
    """The words of two texts that stand in each other's place."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for tag, start, end, begin, stop in matcher.get_opcodes():
        if tag == "replace" and end - start == stop - begin:
            yield from zip(one[start:end], other[begin:stop], strict=True)


def changes_of(word: str, other: str, most_letters: int) -> Iterator[tuple[str, str, str, str]]:
    """How one word becomes the other, each change with its context; none where they are far apart.

    Letters that one has more at its beginning or end are rather an affix: Oromo's -f, "for".

    >>> list(changes_of("calli", "kalli", 2))
    [(' ', 'c', 'a', 'k')]
    >>> list(changes_of("uumuuf", "uumuu", 2))
    []
    """
    matcher = SequenceMatcher(None, word, other, autojunk=False)
    if matcher.ratio() < 0.5:  # rather another word
        return
    for tag, start, end, begin, stop in matcher.get_opcodes():
        old, new = word[start:end], other[begin:stop]
        short = max(len(old), len(new)) <= most_letters
        inner = start > 0 and end < len(word)
        if tag != "equal" and short and LETTERS.fullmatch(old + new) and (inner or (old and new)):
            yield edge(word[start - 1 : start]), old, edge(word[end : end + 1]), new


def changed(text: str, changes: Changes, kept: Mapping[int, int], draw: Random) -> str:
    """The text with the changes that chance lets fall; digits and protected spans stay.

    Args:
        kept: where a span begins that stays, and where it ends.
    """
    made, place = [], 0
    while place < len(text):
        end = kept.get(place, place)
        if end == place:
            old, new = drawn(text, changes, place, draw)
            end += len(old)
            if any(start in kept for start in range(place + 1, end)) or any(map(str.isdigit, old)):
                old, new, end = text[place], text[place], place + 1
            if not old:  # put in before this letter, which is passed over
                new, end = new + text[place], place + 1
            made.append(new)
        else:
            made.append(text[place:end])
        place = end
    return "".join(made)


def drawn(text: str, changes: Changes, place: int, draw: Random) -> tuple[str, str]:
    """What chance puts in the place of what; mostly a letter in its own."""
    at = draw.random()
    for change in changes(text, place):
        at -= change.rate
        if at < 0:
            return change.old, change.new
    return text[place], text[place]
