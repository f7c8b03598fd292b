"""Laws of the table: ids, shards, the ledger, and conservation."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.table import (
    SCHEMA,
    InputError,
    canonical,
    conserve,
    counts,
    ledger,
    place,
    read,
    row_id,
    shard_paths,
    write,
)

Corpus = Callable[..., pa.Table]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("o", "a", "b", 0), ("o", "ab", "", 0)),
        (("o", None, "b", 0), ("o", "", "b", 0)),
        (("o", "a", None, 0), ("o", None, "a", 0)),
        (("o", "a", "b", 0), ("o", "a", "b", 1)),
        (("o", "a", "b", 0), ("p", "a", "b", 0)),
    ],
)
def test_ids_differ_where_rows_do(one: tuple, other: tuple) -> None:
    assert row_id(*one) != row_id(*other)
    assert row_id(*one) == row_id(*one)


def test_an_id_survives_a_lone_surrogate() -> None:
    assert row_id("o", "a\udcff", "cah", 0)


def test_places_are_spread_evenly() -> None:
    places = [place("split", str(number)) for number in range(4000)]
    assert all(0 <= p < 1 for p in places)
    assert 0.47 < sum(p < 0.5 for p in places) / 4000 < 0.53


@pytest.mark.parametrize("rows", [0, 1, 7])
@pytest.mark.parametrize("most_bytes", [1, 300, 10**8])
def test_what_is_written_is_read(
    corpus: Corpus, tmp_path: Path, rows: int, most_bytes: int
) -> None:
    table = corpus(*["ᱥᱟᱱᱛᱟᱲᱤ ꞌ cah"] * rows)
    write(table, tmp_path, most_bytes)
    assert read(tmp_path).equals(table)
    assert len(shard_paths(tmp_path)) == max(1, rows if most_bytes == 1 else 1) or most_bytes == 300


def test_same_rows_same_bytes(corpus: Corpus, tmp_path: Path) -> None:
    table = corpus("cah", "ahmo", None)
    halves = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    write(table, tmp_path / "a", 10**8)
    write(halves, tmp_path / "b", 10**8)
    assert (tmp_path / "a/00000.parquet").read_bytes() == (
        tmp_path / "b/00000.parquet"
    ).read_bytes()


def test_order_is_canonical(corpus: Corpus) -> None:
    table = corpus("cah", "ahmo", "tlein")
    assert canonical(table.take([2, 0, 1])).equals(canonical(table))


def test_a_missing_or_broken_table_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no table; run 'dvc repro' or 'dvc pull' first"):
        read(tmp_path / "none")
    (tmp_path / "00000.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(InputError, match=r"cannot be read .* run 'dvc checkout' first"):
        read(tmp_path)


def test_a_ledger_has_a_row_for_each_id() -> None:
    made = ledger(["a", "b"], "clean", {"b": ("empty", 0, "at least 1")})
    assert made.to_pylist() == [
        {"id": "a", "stage": "clean", "kept": True, "reason": None, "value": None, "limit": None},
        {
            "id": "b",
            "stage": "clean",
            "kept": False,
            "reason": "empty",
            "value": "0",
            "limit": "at least 1",
        },
    ]
    assert ledger([], "clean", {}).num_rows == 0
    with pytest.raises(KeyError, match="did not enter"):
        ledger(["a"], "clean", {"z": ("empty", None, None)})


@pytest.mark.parametrize(
    ("entered", "judged", "kept", "message"),
    [
        ("abc", "ab", "ab", "entered but not have a ledger row"),  # a row is lost
        ("ab", "abc", "abc", "have a ledger row but not entered"),  # a row is invented
        ("ab", "ab", "a", "kept in the ledger but not were written"),
        ("ab", "ab", "abz", "were written but not are kept"),
        ("abb", "ab", "ab", "stands twice"),
        ("ab", "abb", "ab", "stands twice"),
    ],
)
def test_broken_conservation_is_caught(entered: str, judged: str, kept: str, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        conserve("x", ids(entered), ledger(judged, "x", {}), ids(kept))


def ids(letters: str) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(list(letters), pa.string())])


def test_conservation_holds() -> None:
    conserve("x", ids("abc"), ledger("abc", "x", {"b": ("empty", None, None)}), ids("ca"))
    conserve("x", ids(""), ledger("", "x", {}), ids(""))


def test_counts_are_nested_and_sorted(corpus: Corpus) -> None:
    table = pa.concat_tables(
        [corpus("cah", "ahmo", language="nci_Latn"), corpus("yu'u", language=None)]
    )
    assert counts(table, "language", "origin") == {"nci_Latn": {"test": 2}, "none": {"test": 1}}
    assert counts(SCHEMA.empty_table(), "language", "origin") == {}
