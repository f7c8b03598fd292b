"""The leak check against brute force."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.leak import blocks, leaks, near_pairs, verified

TEXT = (
    "tlen ticchihua axcan nochi tonalli notata tequiti ipan milli uan nonantzin quichihua tlaxcalli"
)


def jaccard(left: str, right: str) -> float:
    a, b = ({k[i : i + 5] for i in range(max(1, len(k) - 4))} for k in (left, right))
    return len(a & b) / len(a | b)


def brute(keys: list[str], held_out: list[str], similarity: float) -> list[tuple[int, int]]:
    return [
        (m, n)
        for m, key in enumerate(keys)
        for n, other in enumerate(held_out)
        if key and other and jaccard(key, other) >= similarity - 1e-9
    ]


def found(keys: list[str], held_out: list[str], similarity: float) -> list[tuple[int, int]]:
    rows, columns = near_pairs(keys, held_out, similarity)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


@pytest.mark.parametrize(
    ("key", "held_out", "leak"),
    [
        ("tlajtolli", "tlajtolli", True),
        ("amo", "amo", True),  # shorter than a shingle
        ("amo", "ama", False),
        ("", "", False),
        ("ខ្ញុំស្រឡាញ់ភាសាខ្មែរ", "ខ្ញុំស្រឡាញ់ភាសាខ្មែរ", True),
        (TEXT, TEXT.replace("axcan", "axkan"), True),
        (TEXT, TEXT[: len(TEXT) // 2], False),
        ("𐐀𐐁𐐂𐐃𐐄", "𐐀𐐁𐐂𐐃𐐄", True),  # outside the basic plane
        ("\ud800amo", "\ud800amo", True),  # half a surrogate pair
    ],
)
def test_leaks(key: str, held_out: str, leak: bool) -> None:
    assert leaks([key], [held_out], 0.8).tolist() == [leak]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("abc ", max_size=14), max_size=12),
    st.lists(st.text("abc ", max_size=14), max_size=12),
    st.sampled_from([0.3, 0.5, 0.8, 0.9, 1.0]),
)
def test_equals_brute_force(keys: list[str], held_out: list[str], similarity: float) -> None:
    assert found(keys, held_out, similarity) == brute(keys, held_out, similarity)


def test_edited_copies_equal_brute_force() -> None:
    words = TEXT.split()
    keys = [" ".join(words[:n] + words[n + 1 :]) for n in range(len(words))]
    held_out = [" ".join([*words[:n], "miztli", *words[n:]]) for n in range(0, len(words), 3)]
    for similarity in (0.6, 0.7, 0.75, 0.8):
        assert found(keys, held_out, similarity) == brute(keys, held_out, similarity)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    keys, held_out = [TEXT[n:] for n in range(40)], [TEXT[n:] for n in range(3, 40, 7)]
    whole = found(keys, held_out, 0.8)
    for most in (1, 100, 1000):
        monkeypatch.setattr("corpus.leak.CHARACTERS", most)
        monkeypatch.setattr("corpus.leak.PAIRS", most)
        assert found(keys, held_out, 0.8) == whole


def test_a_block_is_bounded_by_characters_not_by_keys() -> None:
    sizes = np.array([3, 3, 50, 1, 1, 3, 0, 0])
    parts = blocks(sizes, 5)
    assert [n for start, end in parts for n in range(start, end)] == list(range(len(sizes)))
    assert all(sizes[start + 1 : end].sum() < 5 for start, end in parts)
    assert blocks(sizes[:0], 5) == []


def test_similarity_in_range() -> None:
    with pytest.raises(ValueError, match="at most 1, got"):
        leaks([], [], 1.5)


def test_few_pairs_are_left_to_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(1)
    syllables = [c + v for c in ("tl", "m", "n", "k", "ch", "x", "p", "s", "y") for v in "aeio"]
    words = ["".join(chance.choice(syllables, 3)) for _ in range(100)]
    keys = [" ".join(chance.choice(words, 14)) for _ in range(400)]
    near = brute(keys, keys[:40], 0.8)
    wrong: dict[int, int] = {}

    def counted(*pairs: Any) -> Any:
        wrong[members] = len(pairs[2][0]) - len(near)
        return verified(*pairs)

    monkeypatch.setattr("corpus.leak.verified", counted)
    for members in (1, 5):
        monkeypatch.setattr("corpus.leak.SHARED", members)
        assert found(keys, keys[:40], 0.8) == near
    assert wrong[5] < wrong[1] / 10
