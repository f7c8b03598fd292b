"""Words cut into pieces, as learned from a side of the training pairs alone; joined without loss.

Where words are long and built of many parts, pieces are met again more often than words.
`morfessor` weighs the lexicon of pieces against the text written in them, and so chooses its own
size; `sentencepiece` has a unigram model of at most so many pieces.

Sources: Creutz & Lagus 2007, https://doi.org/10.1145/1187415.1187418 (Morfessor, by Virpioja et al.
2013); Kudo 2018, https://aclanthology.org/P18-1007 (unigram pieces).
"""

import io
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from corpus.table import InputError

Kind = Literal["words", "sentencepiece", "morfessor"]
Cut = Callable[[str], Sequence[str]]  # a word into its pieces
SEED = 1  # of the order in which Morfessor takes the words
JOINER = "￭"  # where no space was
INNER = "￮"  # before a piece of a word that is not its first
TABOO = "▁"  # sentencepiece's own mark for the beginning of a word


def join(pieces: Iterable[str]) -> str:
    """The text of the tokens; nothing but spaces' width and case is lost."""
    text = " ".join(pieces)
    for mark in (f" {INNER}", INNER, f"{JOINER} ", f" {JOINER}", JOINER):
        text = text.replace(mark, "")
    return text


def learn(kind: Kind, words: Counter[str], most_pieces: int, path: Path) -> None:
    """Learn to cut words, from how often each is met, into the file; nothing for whole words."""
    if kind == "sentencepiece":
        path.write_bytes(unigrams(words, most_pieces))
    elif kind == "morfessor":
        path.write_text(morphs(words), "utf-8")


def load(kind: Kind, path: Path) -> Cut:
    """What cuts a word as learned.

    Raises:
        InputError: the file is missing.
    """
    if kind == "words":
        return lambda word: (word,)
    if not path.exists():
        raise InputError(f"{path} does not exist; run 'dvc repro translator' first")
    return by_unigrams(path) if kind == "sentencepiece" else by_morphs(path.read_text("utf-8"))


def unigrams(words: Counter[str], most_pieces: int) -> bytes:
    """A model of sentencepiece; fewer pieces where the words have not so many."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(word for word in sorted(words) for _ in range(words[word])),
        model_writer=model,
        model_type="unigram",
        vocab_size=most_pieces,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def by_unigrams(path: Path) -> Cut:
    """Words cut by a model of sentencepiece."""
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_proto=path.read_bytes())

    def cut(word: str) -> list[str]:
        pieces = (piece.removeprefix(TABOO) for piece in model.encode(word, out_type=str))
        return [piece for piece in pieces if piece]

    return cut


def morphs(words: Counter[str]) -> str:
    """Each word's pieces, as Morfessor finds them: its count, a tab, the pieces and spaces."""
    import morfessor

    model = morfessor.BaselineModel()
    model.load_data(((words[word], word) for word in sorted(words)), count_modifier=dampened)
    state = (
        random.getstate()
    )  # it shuffles by the global generator: the same each time, and put back
    random.seed(SEED)
    try:
        model.train_batch()
    finally:
        random.setstate(state)
    found = sorted((word, count, pieces) for count, word, pieces in model.get_segmentations())
    return "".join(f"{count}\t{' '.join(pieces)}\n" for _, count, pieces in found)


def dampened(count: int) -> int:
    """What a word's count weighs: with all of it, frequent words would never be cut."""
    return round(math.log2(count + 1))


def by_morphs(found: str) -> Cut:
    """Words cut by the pieces that Morfessor found, as `morphs` gives them."""
    import morfessor

    lines = (line.split("\t") for line in found.splitlines())
    model = morfessor.BaselineModel()
    known = ((int(count), pieces.split(" ")) for count, pieces in lines)
    model.load_segmentations((count, "".join(pieces), pieces) for count, pieces in known)

    def cut(word: str) -> list[str]:
        pieces: list[str] = model.viterbi_segment(word)[0]
        return pieces

    return cut
