"""Phrase-based translation with Thot, through SIL's machine.py: learns from a few thousand pairs.

Text is cut into words and marks by Unicode categories alone, so that every script is served; a mark
that stood against its neighbour carries a joiner, and putting the text together again needs no rule
of any language. The model sees lower case; a unigram truecaser learned from the target side, and
the source's own capitals, bring capitals back.

Sources: Koehn et al. 2003, https://aclanthology.org/N03-1017;
Vogel et al. 1996 (HMM alignment), https://aclanthology.org/C96-2141.
"""

import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import regex

from augment.translation import Direction, Translate, Translation
from corpus.settings import settings
from corpus.table import InputError, digest

if TYPE_CHECKING:
    from machine.translation import UnigramTruecaser
    from machine.translation.thot import ThotSmtModel, ThotSmtParameters

JOINER = "￭"
# a word: letters, marks and digits of any script, joined by ZWNJ and ZWJ or one inner apostrophe
WORD = regex.compile(r"[\p{L}\p{M}\p{N}\u200c\u200d]+(?:['’][\p{L}\p{M}\p{N}\u200c\u200d]+)*")
PIECE = regex.compile(rf"{WORD.pattern}|\S")
MOST_TOKENS = 100  # in one call: Thot gives up at 201
USELESS = (".A3.final", ".bestal", ".srctrgc", ".seglentable", ".wp")  # files only training reads


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
    for match in PIECE.finditer(text.replace(JOINER, " ").lower()):
        piece, joined, was_wordy = match[0], match.start() == end, wordy
        wordy = WORD.match(piece) is not None
        if joined and wordy and not was_wordy and not pieces[-1].startswith(JOINER):
            pieces[-1] += JOINER
        elif joined:
            piece = JOINER + piece
        pieces.append(piece)
        end = match.end()
    return pieces


def join(pieces: Iterable[str]) -> str:
    """The text of the tokens; undoes `tokens` but for case and the width of spaces."""
    text = " ".join(pieces)
    return text.replace(f"{JOINER} ", "").replace(f" {JOINER}", "").replace(JOINER, "")


def train(pairs: Sequence[tuple[str, str]], folder: Path) -> None:
    """A folder with a model from the first sides to the second; the same pairs give the same bytes.

    Args:
        pairs: in an order that does not depend on chance; it decides which tenth tunes the
            language model.
        folder: need not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        sides = [Path(scratch, name) for name in ("source", "target")]
        for side, texts in zip(sides, zip(*pairs, strict=True), strict=True):
            side.write_text("\n".join(" ".join(tokens(text)) for text in texts) + "\n", "utf-8")
        fit(sides[0], sides[1], folder)
    cases = truecaser(None)
    for _, text in pairs:
        cases.train_segment(PIECE.findall(text))
    cases.save(folder / "cases")
    for path in folder.iterdir():
        if path.name.endswith(USELESS):
            path.unlink()


def fit(source: Path, target: Path, folder: Path) -> None:
    """Align, extract phrases and count n-grams; the files lie in `folder`."""
    from machine.corpora import TextFileTextCorpus
    from machine.translation.thot import ThotSmtModelTrainer, ThotWordAlignmentModelType

    class Trainer(ThotSmtModelTrainer):
        def _tune_translation_model(self, *_: object) -> None:
            """Keep the default weights: MERT takes tens of minutes; no switch turns it off."""

    corpus = TextFileTextCorpus(source).align_rows(TextFileTextCorpus(target))
    with Trainer(ThotWordAlignmentModelType.HMM, corpus, files(folder)) as trainer:
        trainer.train()
        trainer.save()
        trainer.close()


def files(folder: Path) -> "ThotSmtParameters":
    """Where a model of Thot lies, with the library's defaults for all else."""
    from machine.translation.thot import ThotSmtParameters

    return ThotSmtParameters(
        translation_model_filename_prefix=str(folder / "phrases"),
        language_model_filename_prefix=str(folder / "grams"),
    )


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


@cache
def recipe() -> str:
    """A digest of all but the model that a translation depends on: this file and the libraries."""
    versions = [metadata.version(name) for name in ("sil-machine", "sil-thot", "regex")]
    return digest(Path(__file__).read_text("utf-8"), *versions)


@cache
def load(folder: Path, best: int = 1) -> Translate:
    """The model as a function from texts to their translations, in order."""
    from machine.translation.thot import ThotSmtModel, ThotWordAlignmentModelType

    model = ThotSmtModel(ThotWordAlignmentModelType.HMM, files(folder))
    cases = truecaser(folder / "cases")

    def translate(texts: list[str]) -> list[list[Translation]]:
        made = [recase(decode(model, text), text, cases) for text in texts]
        return [[Translation(text, None, 0)] for text in made]

    return translate


def decode(model: "ThotSmtModel", text: str) -> str:
    """The translation in lower case; long text goes through in parts of equal length."""
    pieces = tokens(text)
    parts = -(-len(pieces) // MOST_TOKENS)
    size = -(-len(pieces) // parts) if parts else 1
    starts = range(0, len(pieces), size)
    return join(
        model.translate(" ".join(pieces[start : start + size])).translation for start in starts
    )


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
