r"""What a tokenizer makes of a language: tokens a word, bytes a token, characters it has none for.

Byte fallback is counted alike in tokenizers of both kinds: `<0x..>` tokens of sentencepiece, and
byte-level tokens that are no whole characters, as `\xc4` alone of an `ā` that was never merged.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from train.statistics import interval
from train.vocabulary import BYTE, unknown_of

MEASURES = {  # the columns of `counts` that each is the ratio of
    "tokens_per_word": [0, 1],
    "bytes_per_token": [2, 0],
    "unknown_rate": [3, 0],
    "byte_fallback_rate": [4, 0],
}


MOST_BLOCKS = 1000  # a bootstrap of a million texts would fill the memory


@dataclass(frozen=True)
class Reader:
    """A tokenizer, and which of its tokens stand for no character."""

    encode: Callable[[list[str]], list[list[int]]]
    unknown: frozenset[int]
    partial: frozenset[int]  # a byte or more, but no whole characters


def read_tokenizer(folder: Path) -> Reader:
    """A saved tokenizer."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.exists():
        return plain_tokenizer(folder)
    fast = Tokenizer.from_file(str(path))
    tree = json.loads(fast.to_str())
    vocabulary = fast.get_vocab()
    unknown = vocabulary.get(unknown_of(tree["model"]) or "")
    special = {token["content"] for token in tree["added_tokens"]}
    byte_level = '"ByteLevel"' in json.dumps([tree["pre_tokenizer"], tree["decoder"]])
    partial = (
        i
        for token, i in vocabulary.items()
        if BYTE.fullmatch(token) or (byte_level and token not in special and not whole(token))
    )
    return Reader(
        lambda texts: [c.ids for c in fast.encode_batch(texts, add_special_tokens=False)],
        frozenset(() if unknown is None else (unknown,)),
        frozenset(partial),
    )


def plain_tokenizer(folder: Path) -> Reader:
    """A tokenizer that is no tokenizer.json, as Marian's, by transformers."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    unknown = () if tokenizer.unk_token_id is None else (tokenizer.unk_token_id,)
    partial = (i for token, i in tokenizer.get_vocab().items() if BYTE.fullmatch(token))
    return Reader(
        lambda texts: list(tokenizer(texts, add_special_tokens=False)["input_ids"]),
        frozenset(unknown),
        frozenset(partial),
    )


def read_sentencepiece(processor: Any) -> Reader:  # noqa: ANN401
    """A sentencepiece model."""
    ids = range(processor.get_piece_size())
    return Reader(
        lambda texts: list(processor.encode(texts)),
        frozenset({processor.unk_id()}),
        frozenset(filter(processor.is_byte, ids)),
    )


def byte_letters() -> dict[str, int]:
    """The byte that each letter of a byte-level vocabulary stands for: its own, or one moved up.

    Source: Radford et al. 2019, the encoder of GPT-2
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(256) if byte not in set(shown)]
    return {chr(byte): byte for byte in shown} | {
        chr(0x100 + number): byte for number, byte in enumerate(moved)
    }


LETTERS = byte_letters()


def whole(token: str) -> bool:
    """Whether a byte-level token is whole characters; one with other letters is a plain string.

    >>> whole("ÄĢ"), whole("Ä"), whole("Ġtla")
    (True, False, True)
    """
    if not LETTERS.keys() >= set(token):
        return True
    try:
        bytes(LETTERS[letter] for letter in token).decode()
    except UnicodeDecodeError:
        return False
    return True


def counts(texts: Iterable[str], reader: Reader) -> np.ndarray:
    """(texts, 5): tokens, words, UTF-8 bytes, unknown tokens and partial ones.

    Words are what white space parts.
    """
    texts = list(texts)
    rows = [
        (
            len(ids),
            len(text.split()),
            len(text.encode()),
            sum(i in reader.unknown for i in ids),
            sum(i in reader.partial for i in ids),
        )
        for text, ids in zip(texts, reader.encode(texts), strict=True)
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 5)


def measure(found: np.ndarray, resamples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Each measure with its bootstrap interval over texts; null without a text.

    Args:
        found: (texts, 5) counts; many are drawn by blocks of neighbours.
    """
    blocks = np.array_split(found, min(len(found), MOST_BLOCKS)) if len(found) else []
    drawn = np.array([block.sum(axis=0) for block in blocks]).reshape(-1, 5)
    return {
        name: interval(drawn[:, pair], ratio, resamples, seed) for name, pair in MEASURES.items()
    }


def ratio(sums: Sequence[float] | np.ndarray) -> float:
    """The first of two sums by the second; 0 where there is nothing to divide by."""
    return float(sums[0] / sums[1]) if sums[1] else 0.0


def by_group(
    texts: Sequence[str], groups: Sequence[str | None], reader: Reader, draw: tuple[int, int]
) -> dict[str, dict[str, dict[str, Any]]]:
    """The measures of the texts of each group, groups sorted; a text may be of none.

    Args:
        draw: resamples and seed.
    """
    found = counts(texts, reader)
    of = np.array([group or "" for group in groups], dtype=object)
    return {name: measure(found[of == name], *draw) for name in sorted({*of} - {""})}
