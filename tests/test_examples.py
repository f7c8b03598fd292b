"""What the trainer sees: order, packing, labels."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.table import InputError
from train.examples import (
    IGNORED,
    Example,
    asked,
    draws,
    is_pair,
    packed_pairs,
    packed_texts,
    pair_example,
    texts_drawn,
)
from train.prompts import Tasks, Translation
from train.tasks import Question, questions_drawn, taught_by

PROMPT = "{source_language}: {source}\n{language}:"


def encode(texts: list[str]) -> list[list[int]]:
    """Every byte a token, above the separator 0."""
    return [[byte + 1 for byte in text.encode()] for text in texts]


def row(name: str, target: str | None, source: str | None = None, weight: float = 1.0) -> dict:
    """A row of a mixture."""
    return {
        "id": name,
        "source": source,
        "target": target,
        "source_language": "spa_Latn",
        "language": "nci_Latn",
        "weight": weight,
        "synthetic": False,
        "bitext": source is not None,
        "order": None,
    }


def causal_rows(rows: list[dict], length: int, seed: int, number: int) -> list[Example]:
    """Packed target text."""
    texts = texts_drawn(rows, encode, seed, number * length)
    return list(islice(packed_texts(texts, encode, 0, length), number))


def pair_rows(rows: list[dict], length: int, seed: int, number: int) -> list[Example]:
    """Packed pairs."""

    def make(question: Question) -> Example:
        return pair_example(question.prompt, question.answer, encode, 0)

    tasks = Tasks(translation=Translation(share=1.0, prompt=PROMPT), title=None, instruction=None)
    drawn = questions_drawn(taught_by(tasks, rows, {}), make, seed, number * length)
    return list(islice(packed_pairs(drawn, 0, length), number))


def test_draws_pass_by_pass() -> None:
    names = list(islice(draws({"a": 2.0, "b": 1.0, "c": 2.0, "d": 0.0}, 0), 3000))
    assert "d" not in names
    assert names.count("a") == pytest.approx(1200, abs=60)
    assert names.count("b") == pytest.approx(600, abs=60)
    assert names == list(islice(draws({"c": 2.0, "d": 0.0, "b": 1.0, "a": 2.0}, 0), 3000))
    assert names != list(islice(draws({"a": 2.0, "b": 1.0, "c": 2.0}, 1), 3000))


def test_draws_of_nothing() -> None:
    for weights in ({}, {"a": 0.0}):
        with pytest.raises(ValueError, match="have no weight to draw by"):
            next(draws(weights, 0))


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=5))
def test_packed_texts_hold_every_byte(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() or "ā" for text in texts]
    rows = [row(str(i), text) for i, text in enumerate(texts)]
    whole = sum(len(text.encode()) + 1 for text in texts)
    (made,) = causal_rows(rows, whole, 7, 1)
    assert made.ids == made.labels
    parts = bytes(255 if i == 0 else i - 1 for i in made.ids).split(b"\xff")[1:]
    assert sorted(parts) == sorted(text.encode() for text in texts)
    assert [at for at, i in enumerate(made.ids) if i == 0] == list(made.starts)


def test_a_pair_learns_its_answer_and_that_it_ends() -> None:
    example = pair_example("agua:", "ātl", encode, 0)
    learned = [i for i in example.labels if i != IGNORED]
    assert learned == [b + 1 for b in " ātl".encode()] + [0]
    assert len(example.ids) == len(example.labels)
    assert example.labels[: 1 + len("agua:")] == [IGNORED] * 6


def test_packed_pairs_never_cut_and_leave_out_the_long() -> None:
    examples = [Example([n] * n, [n] * n) for n in (3, 4, 9, 2, 8)]
    made = list(packed_pairs(iter(examples), 0, 8))
    assert [e.ids for e in made] == [[3, 3, 3, 4, 4, 4, 4, 0], [2, 2, 0, 0, 0, 0, 0, 0]]
    assert made[0].labels[-1] == IGNORED


def test_asked_both_ways_keeps_braces_of_the_text() -> None:
    pair = row("0", "ātl {x}", "agua {0}")
    assert asked(pair, PROMPT, backward=False) == ("spa_Latn: agua {0}\nnci_Latn:", "ātl {x}")
    assert asked(pair, PROMPT, backward=True) == ("nci_Latn: ātl {x}\nspa_Latn:", "agua {0}")


def test_only_pairs_teach_translation() -> None:
    rows = [row("a", "atl", "agua"), row("b", "tetl"), row("c", "xochitl", "flor")]
    rows[2]["bitext"] = False  # held back as monolingual
    assert [is_pair(r) for r in rows] == [True, False, False]
    made = pair_rows(rows, 64, 0, 2)
    said = [bytes(i - 1 for i in one.ids if i) for one in made]
    assert all(b"agua" in text and b"flor" not in text for text in said)
    for one in made:
        assert all(told in (IGNORED, i) for i, told in zip(one.ids, one.labels, strict=True))
    assert pair_rows(rows[::-1], 64, 0, 2) == made


def test_pairs_that_never_fit_are_one_line() -> None:
    rows = [row("a", "atl", "agua")]
    with pytest.raises(InputError, match=r"longer than adapt.row_tokens, 8; raise it"):
        pair_rows(rows, 8, 0, 1)


def test_a_packed_row_says_whose_text_it_holds() -> None:
    rows = [row(name, name * 3, name) for name in "abc"]
    causal = causal_rows(rows, 4, 0, 3)
    assert sorted(name for example in causal for name in example.names) == ["a", "b", "c"]
    assert len(causal_rows(rows, 2, 0, 2)[0].names) == 1
    (pairs,) = pair_rows(rows, 64, 0, 1)
    assert set(pairs.names) < {"a", "b", "c"} and len(pairs.names) == 2


def named(rows: list[Example]) -> list[str]:
    return [name for example in rows for name in example.names]


@pytest.mark.parametrize("length", [8, 16, 32])
def test_a_curriculum_has_the_rows_that_would_be_drawn_easiest_first(length: int) -> None:
    rows = [row(str(n), "ጫካ"[: 1 + n % 2] * (n % 5 + 1), f"agua {n}") for n in range(40)]
    easy = [{**one, "order": float(len(one["target"]))} for one in rows]
    hard = {one["id"]: one["order"] for one in easy}
    usual = causal_rows(rows, length, 3, 6)
    sorted_ = causal_rows(easy, length, 3, 6)
    assert set(named(sorted_)) == set(named(usual))  # what is never reached is in neither
    ranks = [hard[name] for name in dict.fromkeys(named(sorted_))]
    assert ranks == sorted(ranks)
    if length > 8:  # else six rows hold three texts
        assert [hard[name] for name in dict.fromkeys(named(usual))] != ranks
    assert sorted_ == causal_rows(easy[::-1], length, 3, 6)


def test_a_curriculum_of_pairs_goes_on_where_it_needs_more_rows() -> None:
    rows = [row(str(n), "atl" * (n % 4 + 1), "agua") for n in range(12)]
    easy = [{**one, "order": float(len(one["target"]))} for one in rows]
    hard = {one["id"]: one["order"] for one in easy}
    sorted_ = pair_rows(easy, 96, 0, 6)
    most = [max(hard[name] for name in example.names) for example in sorted_]
    assert most == sorted(most)
    assert len(pair_rows(easy, 96, 0, 40)) == 40
