"""Neighbours are joined in order, each row once, and no hidden source comes to light."""

from collections.abc import Callable

import pyarrow as pa
import pytest
from pydantic import ValidationError

from augment.concatenate import Concatenate, concatenate, contexts, join
from augment.limits import misplaced
from augment.making import held_back, parents_of
from corpus.settings import Language
from corpus.table import SYNTHETIC, canonical

KNOWN = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}
ALL = Concatenate(10_000, 4, 600, ())
BOOK = tuple(f"Inin tlahtolli {n}." for n in range(300))
SPANISH = tuple(f"Esta palabra {n}." for n in range(300))
Corpus = Callable[..., pa.Table]


def made(train: pa.Table, params: Concatenate = ALL, share: str = "0") -> list[dict[str, object]]:
    return concatenate(train, share, params, ("nah",), KNOWN).tables["rows"].to_pylist()


def test_rows_are_neighbours_in_order_and_each_stands_once(corpus: Corpus) -> None:
    train = corpus(*BOOK, sources=SPANISH)
    rows = made(train)
    assert len(rows) > 30
    used = [id for row in rows for id in parents_of(row)]
    assert len(used) == len(set(used)) > 150
    for row in rows:
        numbers = [int(id) for id in parents_of(row)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert 2 <= len(numbers) <= 4
        assert row["target"] == " ".join(BOOK[n] for n in numbers)
        assert row["source"] == " ".join(SPANISH[n] for n in numbers)
        assert (row["parent"], row["origin"]) == (str(numbers[0]), "concatenate")
        assert str(row["engine"]).startswith("concatenate@")
        assert misplaced(row, set(train["id"].to_pylist())) is None
        lost = set(train["id"].to_pylist()) - {str(numbers[-1])}
        assert misplaced(row, lost) == ("parent is no training row", str(numbers[-1]), None)


def test_no_source_that_is_held_back_comes_to_light(corpus: Corpus) -> None:
    train = corpus(*BOOK, sources=SPANISH)
    rows = made(train, share="0.5")
    assert {row["source"] is None for row in rows} == {True, False}
    for row in rows:
        assert {held_back(id, 0.5) for id in parents_of(row)} == {row["source"] is None}


def test_new_rows_move_only_their_neighbours(corpus: Corpus) -> None:
    train = corpus(*BOOK)
    whole, part = made(train), made(train.slice(0, 250))
    assert [row for row in part if int(str(row["parent"])) < 245] == [
        row for row in whole if int(str(row["parent"])) < 245
    ]
    few = made(train, Concatenate(10, 4, 600, ()))
    assert len(few) == 10
    assert all(row in whole for row in few)
    assert made(train.take(list(range(300))[::-1])) == whole


@pytest.mark.parametrize(
    "column",
    [
        {"document": [f"book {n}" for n in range(40)]},
        {"position": list(range(0, 80, 2))},
        {"position": [0] * 40},
        {"document": [None] * 40},
        {"language": ["nci_Latn", "nhn_Latn"] * 20},
        {"source": ["agua", None] * 20},
    ],
)
def test_what_does_not_follow_is_not_joined(corpus: Corpus, column: dict[str, list[str]]) -> None:
    table = corpus(*BOOK[:40])
    for name, values in column.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(name), pa.array(values, table.schema.field(name).type)
        )
    assert contexts(table.to_pylist(), ALL) == []


def test_limits_hold_on_both_sides(corpus: Corpus) -> None:
    rows = corpus(*BOOK, sources=tuple("palabra " * 9 for _ in BOOK)).to_pylist()
    found = contexts(rows, Concatenate(9, 4, 150, ()))
    assert {len(some) for some in found} == {2}
    assert contexts(rows, Concatenate(9, 4, 100, ())) == []
    assert contexts(rows, Concatenate(9, 4, 150, ("test",))) == []
    assert contexts(rows, Concatenate(9, 4, 150, ("book",))) == []


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (["Ce tlacatl. ", "Quihto:"], "Ce tlacatl. Quihto:"),
        (["Galmee banuu", "Cufi"], "Galmee banuu Cufi"),
        (["ሰላም ነው።", "ደህና ነህ?"], "ሰላም ነው። ደህና ነህ?"),
        (["ខ្ញុំទៅ។", "គាត់មក។"], "ខ្ញុំទៅ។ គាត់មក។"),
        (["你好。", "再见"], "你好。再见"),
        (["안녕.", "잘 가."], "안녕. 잘 가."),
        ([], ""),
    ],
)
def test_the_joiner_fits_the_script(segments: list[str], expected: str) -> None:
    assert join(segments) == expected


@pytest.mark.parametrize("targets", [(), (None, None), ("atl",)])
def test_small_tables(corpus: Corpus, targets: tuple[str | None, ...]) -> None:
    table = concatenate(corpus(*targets), "0", ALL, ("nah",), KNOWN).tables["rows"]
    assert table.schema == SYNTHETIC
    assert len(table) == 0


def test_the_table_is_canonical(corpus: Corpus) -> None:
    table = concatenate(corpus(*BOOK), "0", ALL, ("nah",), KNOWN).tables["rows"]
    assert table == canonical(table)


@pytest.mark.parametrize("values", [(-1, 4, 9, ()), (1, 1, 9, ()), (1, 4, 0, ())])
def test_settings_out_of_range_are_errors(values: tuple[int, int, int, tuple[str, ...]]) -> None:
    with pytest.raises(ValidationError):
        Concatenate(*values)
