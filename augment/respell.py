"""Writes training targets in another of the language's spellings, by rules that are data.

One language is written in several ways, and a model that has seen a word in one of them does not
know it in the next. The rules stand in corpus/orthography/<name>.yaml; a row is written in another
orthography than its own, which `spelling` told; a word is only respelled where its matching key
stays the same, so that a respelled text never counts as another text.
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from augment.making import Row, child, share_of, share_of_rows, shown
from augment.protected import Protected, intact, load, outside
from augment.protected import protected as make_protected
from corpus.orthography import (
    WORD,
    Profile,
    Rule,
    compiled,
    load_text,
    matching_key,
    pattern_of,
    plain,
    profile,
)
from corpus.settings import Languages, rows_of, settings
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, canonical, digest, place

Writer = Callable[[str], str]  # from a word to the word in another spelling
Made = tuple[list[Row], dict[str, int]]

PLAIN = matching_key(None)
NOTHING = make_protected(())


@settings
class Respell:
    """How many rows are written anew, and how much must change."""

    share: dict[str, float]  # of rows that are tried, in 0..1, by language or default
    least_changed: float  # share of a text's words that must change, in 0..1

    def __post_init__(self) -> None:
        if "default" not in self.share:
            raise ValueError(f"share lacks 'default'; it names {sorted(self.share)}")
        for value in (*self.share.values(), self.least_changed):
            if not 0 <= value <= 1:
                raise ValueError(f"share and least_changed must be in 0..1, got {value}")


def cased(word: str, like: str) -> str:
    """The lower-case word with the capitals of another.

    >>> cased("ketsalkoatl", "Quetzalcoatl")
    'Ketsalkoatl'
    """
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if like[:1].isupper() else word


def writers_of(orthography: str) -> dict[str, Writer]:
    """For each orthography that can be written the function that writes a word in it."""
    known, key = profile(orthography), matching_key(orthography)
    return {
        name: writer(known, other.write, key)
        for name, other in sorted(known.orthographies.items())
        if other.write is not None
    }


def writer(known: Profile, write: tuple[Rule, ...], key: Writer) -> Writer:
    """The function that writes a word by some rules.

    A word stays as it is where it is foreign or its matching key would change.
    """
    respelled = known.common(compiled(known.read + write))
    foreign = pattern_of("foreign", known.foreign) if known.foreign else None

    @cache
    def change(word: str) -> str:
        if foreign and foreign.search(plain(word)):
            return word
        changed = cased(respelled(word), word)
        return changed if key(changed) == key(word) else word

    return change


def written(
    text: str,
    write: Writer,
    names: frozenset[str] = frozenset(),
    kept: Protected = NOTHING,
) -> tuple[str, float]:
    """The text in another spelling, and the share of its words that changed; 0 without a word.

    Args:
        names: the words of the other side; a word that stands on both sides is left alone.
        kept: expressions whose words are left alone.
    """

    def rewrite(found: re.Match[str]) -> str:
        return found[0] if PLAIN(found[0]) in names else write(found[0])

    made = outside(text, kept, lambda part: WORD.sub(rewrite, part))
    words = list(zip(WORD.findall(text), WORD.findall(made), strict=False))
    return made, sum(one != other for one, other in words) / max(1, len(words))


def choice(
    row: Row,
    writers: dict[str, Writer],
    key: Writer,
    least: float,
    kept: Protected,
) -> tuple[str, str] | None:
    """An orthography, not the row's own, that changes its text enough; and the text in it."""
    spellings = [name for name in writers if name != row["orthography"]]
    names = frozenset(PLAIN(row["source"] or "").split())
    first = int(place("spelling", row["id"]) * len(spellings))
    for spelling in spellings[first:] + spellings[:first]:
        made, changed = written(row["target"], writers[spelling], names, kept)
        if changed and changed >= least and key(made) == key(row["target"]):
            return spelling, made
    return None


def respell_language(rows: list[Row], orthography: str, least: float, kept: Protected) -> Made:
    """The new rows of one language, and how many came of each orthography or of none.

    Args:
        rows: with the orthography of each.
    """
    writers = writers_of(orthography)
    key = matching_key(orthography)
    engine = f"respell@{digest(load_text(orthography))}"
    made, found = [], Counter[str]()
    for row in tqdm(rows, desc=f"respell {orthography}"):
        chosen = choice(row, writers, key, least, kept)
        spelling, target = chosen or ("none", "")
        found[spelling] += 1
        if chosen:
            made.append(child(row, "respell", engine, target=target))
    return made, dict(sorted(found.items()))


def respell(  # noqa: PLR0913
    train: pa.Table,
    spelling: pa.Table,
    monolingual_share: str,
    protected: Path,
    params: Respell,
    active: tuple[str, ...],
    languages: Languages,
) -> Output:
    """A row in another spelling for a share of each active language's training targets.

    The parent's human source stays, unless it is held back as monolingual.
    """
    hidden = share_of(monolingual_share)
    own = dict(zip(*(spelling[name].to_pylist() for name in ("id", "orthography")), strict=True))
    rows: list[Row] = []
    spellings: dict[str, dict[str, int]] = {}
    expressions = {}
    for language, human in sorted(rows_of(train, active, languages).items()):
        share = params.share.get(language, params.share["default"])
        chosen = [
            {**row, "source": shown(row, hidden), "orthography": own[row["id"]]}
            for row in share_of_rows(human, share, "respell")
            if row["target"]
        ]
        orthography = languages[language].orthography
        if chosen and orthography is not None and writers_of(orthography):
            known = load(protected, language)
            made, spellings[language] = respell_language(
                chosen, orthography, params.least_changed, known
            )
            sides = ("target", "target")
            safe, expressions[language] = intact(chosen, made, sides, known)
            rows += safe
    table = pa.Table.from_pylist(rows, SYNTHETIC)
    return Output(
        {"rows": canonical(table)}, {"tried_by_spelling": spellings, "protected": expressions}
    )


if __name__ == "__main__":
    run(respell, Respell)
