"""Phrase-based translation with Thot, through SIL's machine.py: learns from a few thousand pairs.

Text is cut into words and marks by Unicode categories alone, so that every script is served; a mark
that stood against its neighbour carries a joiner, and putting the text together again needs no rule
of any language. The model sees lower case; a unigram truecaser learned from the target side, and
the source's own capitals, bring capitals back.

Sources: Koehn et al. 2003, https://aclanthology.org/N03-1017;
Vogel et al. 1996 (HMM alignment), https://aclanthology.org/C96-2141.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import regex

from augment.engines import phrases, segmentation, tuning
from augment.engines.phrases import Fitted, Training
from augment.engines.segmentation import INNER, JOINER, Cut, join
from augment.translation import Direction, Translate, Translation
from corpus.settings import settings
from corpus.table import InputError, digest

if TYPE_CHECKING:
    from machine.translation import UnigramTruecaser
    from thot.translation import SmtDecoder, TranslationData

PLAIN = Training()
UNMARKED = str.maketrans({JOINER: " ", INNER: " "})
# a word: letters, marks and digits of any script, joined by ZWNJ and ZWJ or one inner apostrophe
WORD = regex.compile(r"[\p{L}\p{M}\p{N}\u200c\u200d]+(?:['’][\p{L}\p{M}\p{N}\u200c\u200d]+)*")
PIECE = regex.compile(rf"{WORD.pattern}|\S")
MOST_TOKENS = 100  # in one call: Thot gives up at 201
DERIVATIONS = 3  # the decoder's, asked for each text wanted: several make the same text
SIDES = ("source", "target")  # files of what cuts a side's words
LIBRARIES = ("sil-machine", "sil-thot", "regex", "sentencepiece", "morfessor")
USELESS = (".A3.final", ".bestal", ".srctrgc", ".seglentable")  # files only training reads


@settings
class Thot:
    """The translators that stage translator trains; it has their settings."""

    kind: Literal["thot"]


def tokens(text: str) -> list[str]:
    """Words and marks in lower case; the joiner stands where no space was.

    >>> tokens("¿Tlein, ātl?")
    ['¿￭', 'tlein', '￭,', 'ātl', '￭?']
    >>> join(tokens("¿Tlein, ātl?"))
    '¿tlein, ātl?'
    """
    pieces: list[str] = []
    end, wordy = None, False
    for match in PIECE.finditer(text.translate(UNMARKED).lower()):
        piece, joined, was_wordy = match[0], match.start() == end, wordy
        wordy = WORD.match(piece) is not None
        if joined and wordy and not was_wordy and not pieces[-1].startswith(JOINER):
            pieces[-1] += JOINER
        elif joined:
            piece = JOINER + piece
        pieces.append(piece)
        end = match.end()
    return pieces


def divided(pieces: Iterable[str], cut: Cut) -> list[str]:
    """The tokens with their words cut; a mark stands before what is not a word's first piece.

    >>> divided(["¿￭", "nocal", "￭,"], lambda word: [word[:2], word[2:]])
    ['¿￭', 'no', '￮cal', '￭,']
    """
    made: list[str] = []
    for piece in pieces:
        word = piece.strip(JOINER)
        if not WORD.fullmatch(word):
            made.append(piece)
            continue
        before, _, after = piece.partition(word)
        first, *others = cut(word)
        made += [before + first, *(INNER + other for other in others)]
        made[-1] += after
    return made


def train(pairs: Sequence[tuple[str, str]], folder: Path, how: Training = PLAIN) -> int:
    """A folder with a model from the first sides to the second; the same pairs give the same bytes.

    Args:
        pairs: in an order that does not depend on chance; it decides which tenth fits the language
            model's smoothing.
        folder: need not exist.

    Returns:
        Pairs left out, as one side has nothing to learn or more pieces than Thot takes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    both = zip(*pairs, strict=True)
    sides = [cut_side(texts, folder / name, how) for texts, name in zip(both, SIDES, strict=True)]
    short = [pair for pair in zip(*sides, strict=True) if all(map(phrases.learnable, pair))]
    weights = phrases.fit(short, folder, how)
    phrases.save(Fitted(how, weights), folder)
    cases = truecaser(None)
    for _, text in pairs:
        cases.train_segment(PIECE.findall(text))
    cases.save(folder / "cases")
    for path in folder.iterdir():
        if path.name.endswith(USELESS):
            path.unlink()
    return len(pairs) - len(short)


def cut_side(texts: Sequence[str], path: Path, how: Training) -> list[list[str]]:
    """A side's texts in pieces; what cuts them is learned from them and lies in the file."""
    kind = how.source if path.name == SIDES[0] else how.target
    whole = [tokens(text) for text in texts]
    words = (piece.strip(JOINER) for pieces in whole for piece in pieces)
    segmentation.learn(kind, Counter(filter(WORD.fullmatch, words)), how.most_pieces, path)
    cut = segmentation.load(kind, path)
    return [divided(pieces, cut) for pieces in whole]


def truecaser(path: Path | None) -> "UnigramTruecaser":
    """The most frequent writing of each word, as learned; empty without a path."""
    from machine.translation import UnigramTruecaser

    return UnigramTruecaser(path)


def trained(folder: Path) -> bool:
    """Whether a language has a translator of its own: not where it has too few pairs.

    Args:
        folder: of the language, below that of the translators.

    Raises:
        InputError: the stage has not run for it.
    """
    if not (folder / "ids.txt").exists():
        raise InputError(f"{folder / 'ids.txt'} does not exist; run 'dvc repro translator' first")
    return any((folder / way).is_dir() for way in ("forward", "backward"))


def name(folder: Path, direction: Direction) -> str:
    """The name for the column `engine`: direction, and a digest of its files and its versions."""
    return f"thot:{direction.source}-{direction.target}@{digest(weights(folder), recipe())}"


def weights(folder: Path) -> str:
    """A digest of the model's files."""
    whole = blake2b(digest_size=10)
    for path in sorted(folder.iterdir()):
        for part in (path.name.encode(), path.read_bytes()):
            whole.update(len(part).to_bytes(8) + part)
    return whole.hexdigest()


def trained_as(folder: Path) -> Training:
    """How the model was trained, so that another can be trained alike."""
    return phrases.saved(folder).how


@cache
def recipe() -> str:
    """A digest of all but its pairs that a model depends on, and what it says: code, libraries."""
    modules = (__file__, segmentation.__file__, phrases.__file__, tuning.__file__)
    code = [Path(module).read_text("utf-8") for module in modules]
    return digest(*code, *map(metadata.version, LIBRARIES))


@cache
def load(folder: Path, best: int = 1) -> Translate:
    """The model as a function from texts to the best so many translations of each, in order."""
    how, weights = phrases.saved(folder)
    decoder = phrases.decoder(how.alignment, phrases.files(folder), weights)
    cut = segmentation.load(how.source, folder / SIDES[0])
    cases = truecaser(folder / "cases")

    def translate(texts: list[str]) -> list[list[Translation]]:
        return [finished(text) for text in texts]

    def finished(text: str) -> list[Translation]:
        pieces = divided(tokens(text), cut)
        made: dict[str, Translation] = {}
        for draft in decode(decoder, pieces, best):
            written = recase(join(draft.pieces), text, cases)
            score = round(draft.score / max(1, len(pieces)), 4)
            made.setdefault(written, Translation(written, score, draft.unknown))
        return list(made.values())

    return translate


class Draft(NamedTuple):
    """A translation as the decoder gives it."""

    pieces: tuple[str, ...]
    score: float  # logarithm of the model's score, of the whole text
    unknown: int


def decode(decoder: "SmtDecoder", pieces: Sequence[str], best: int) -> list[Draft]:
    """Translations in lower case, best first; long text goes through in parts of equal length."""
    parts = -(-len(pieces) // MOST_TOKENS)
    size = -(-len(pieces) // parts) if parts else 1
    made = [Draft((), 0.0, 0)]
    for start in range(0, len(pieces), size):
        found = drafts(decoder, " ".join(pieces[start : start + size]), best)
        longer = [
            Draft(old.pieces + new.pieces, old.score + new.score, old.unknown + new.unknown)
            for old, new in product(made, found)
        ]
        others = sorted(longer[1:], key=lambda draft: -draft.score)
        made = [longer[0], *others][:best]
    return made


def drafts(decoder: "SmtDecoder", text: str, best: int) -> list[Draft]:
    """The decoder's best translations of a part, the first one always the same."""
    found = [decoder.translate(text)]
    if best > 1:
        found += decoder.translate_n(text, best * DERIVATIONS)
    made: dict[tuple[str, ...], Draft] = {}
    for one in found:
        pieces = tuple(one.target)
        made.setdefault(pieces, Draft(pieces, one.score, unknown_words(one)))
    return list(made.values())[:best]


def unknown_words(found: "TranslationData") -> int:
    """Words of a translation that hold a piece which the model does not know."""
    word, unknown = 0, set()
    for place, piece in enumerate(found.target):
        word += not piece.startswith(INNER)
        if place in found.target_unknown_words and WORD.search(piece):
            unknown.add(word)
    return len(unknown)


def recase(text: str, source: str, cases: "UnigramTruecaser") -> str:
    """The text with the capitals of its words' usual writing, its source's names and beginning."""
    names = {name.lower(): name for name in WORD.findall(source)[1:]}

    def written(match: regex.Match[str]) -> str:
        word = match[0]
        usual: str = cases.truecase([word])[0]
        return names.get(word, word) if usual == word else usual

    made: str = WORD.sub(written, text)
    first, like = (regex.search(r"\p{Alphabetic}", side) for side in (made, source))
    if not (first and like and like[0].isupper()):
        return made
    return f"{made[: first.start()]}{first[0].upper()}{made[first.end() :]}"
