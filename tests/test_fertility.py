"""What is counted of a tokenizer's tokens: unknown ones, and bytes that are no character."""

from pathlib import Path

import numpy as np
import pytest
from test_vocabulary import BASES

from train.fertility import by_group, counts, measure, ratio, read_tokenizer
from train.statistics import interval

TEXT = "ātl ꨀ"  # no base has a token for the Cham letter of three bytes


@pytest.mark.parametrize(
    ("name", "unknown", "partial"),
    [
        ("byte-level BPE", 0, 5),  # both bytes of ā, and of the Cham letter three
        ("BPE with bytes", 0, 5),
        ("Unigram", 2, 0),
        ("Unigram with bytes", 0, 5),
        ("WordPiece", 2, 0),  # a word with a letter unknown is unknown as a whole
    ],
)
def test_what_has_no_token(name: str, unknown: int, partial: int, tmp_path: Path) -> None:
    BASES[name]().save(str(tmp_path / "tokenizer.json"))
    found = counts([TEXT, "a"], read_tokenizer(tmp_path))
    assert found[0, 1:].tolist() == [2, 8, unknown, partial]
    assert found[1, 1:].tolist() == [1, 1, 0, 0]
    assert found[0, 0] >= unknown + partial


def test_measures_are_ratios_of_sums_with_intervals() -> None:
    found = np.array([[4, 2, 14, 1, 0], [2, 2, 10, 0, 2]])
    told = measure(found, 100, 0)
    assert {name: figure["value"] for name, figure in told.items()} == {
        "tokens_per_word": 6 / 4,
        "bytes_per_token": 24 / 6,
        "unknown_rate": 1 / 6,
        "byte_fallback_rate": 2 / 6,
    }
    assert told["tokens_per_word"]["least"] == 1.0
    assert told["tokens_per_word"]["most"] == 2.0
    assert measure(found[:0], 100, 0)["tokens_per_word"]["value"] is None
    assert ratio([0, 0]) == 0


def test_many_texts_are_drawn_by_blocks_to_the_same_value_and_a_like_interval() -> None:
    generator = np.random.default_rng(0)
    words = generator.integers(1, 9, size=5000)
    tokens = words * 2 + generator.integers(0, 3, size=5000)
    zeros = np.zeros_like(words)
    found = np.stack([tokens, words, tokens * 3, zeros, zeros], axis=1)
    told = measure(found, 400, 0)["tokens_per_word"]
    plain = interval(found[:, :2], ratio, 400, 0)
    assert told["value"] == plain["value"]
    width = plain["most"] - plain["least"]
    assert told["most"] - told["least"] == pytest.approx(width, rel=0.2)


def test_texts_of_no_group_are_in_none(tmp_path: Path) -> None:
    BASES["byte-level BPE"]().save(str(tmp_path / "tokenizer.json"))
    reader = read_tokenizer(tmp_path)
    found = by_group(["atl", "12", "ውሃ"], ["Latn", None, "Ethi"], reader, (100, 0))
    assert list(found) == ["Ethi", "Latn"]
    assert by_group([], [], reader, (100, 0)) == {}
