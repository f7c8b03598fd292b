"""Numbers of ids and gaps between unchanged rows, against plain Python."""

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpus.numbering import Numbering
from corpus.pairing import gaps

IDS = st.sampled_from(["ātl", "calli", "ሰላም", "ភាសា", "mana", "", "3f2a1b"])


@given(st.lists(st.lists(IDS, max_size=9), max_size=8), st.lists(st.none() | IDS, max_size=5))
def test_ids_get_numbers_as_they_come(sequences: list[list[str]], asked: list[str | None]) -> None:
    with duckdb.connect() as db:
        numbering, known = Numbering(db), dict[str | None, int]()
        for ids in sequences:
            for some in ids:
                known.setdefault(some, len(known))
            numbers = numbering.of(pa.array(ids, pa.string()))
            assert numbers.tolist() == [known[some] for some in ids]
            assert numbering.names(numbers).to_pylist() == ids
        found = numbering.at(pa.array(asked, pa.string())).tolist()
        assert found == [known.get(some, -1) for some in asked]


def test_ids_of_one_hash_are_two_ids() -> None:
    with duckdb.connect() as db:
        numbering = Numbering(db)
        numbering.of(pa.array(["ātl", "calli"]))
        numbering.hashes[:] = numbering.hashed(pa.array(["ሰላም"]))  # as if all three had one
        assert numbering.at(pa.array(["ሰላም"])).tolist() == [-1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["axolotl", "radio"]),
            st.sampled_from([None, "", "a"]),
            st.none() | st.integers(0, 3),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.sets(st.integers(0, 11)),
)
def test_a_lone_row_follows_the_last_row_of_its_document_that_is_not(
    lines: list[tuple[str, str | None, int | None, bool]], renamed: set[int]
) -> None:
    rows = [
        {"id": f"{n:02}", "origin": o, "document": d, "position": p, "lone": lone}
        for n, (o, d, p, lone) in enumerate(lines)
    ]
    canon = {f"{n:02}": f"old {n}" for n in renamed}
    expected, last = {}, dict[tuple[str, str], tuple[str, int]]()
    late = lambda row: (row["position"] is None, row["position"] or 0, row["id"])  # noqa: E731
    for row in sorted(rows, key=late):
        document = (str(row["origin"]), str(row["document"] or ""))
        anchor, rank = last.get(document, ("", 0))
        if row["lone"]:
            expected[row["id"]] = last[document] = (anchor, rank + 1)
        else:
            last[document] = (canon.get(str(row["id"]), str(row["id"])), 0)
    names = ("id", "origin", "document")
    table = pa.table(
        {name: pa.array([row[name] for row in rows], pa.string()) for name in names}
        | {"position": pa.array([row["position"] for row in rows], pa.int64())}
    )
    alone = pa.chunked_array([[row["id"] for row in rows if row["lone"]]], pa.string())
    pairs = {
        "id": pa.array(list(canon), pa.string()),
        "canon": pa.array(list(canon.values()), pa.string()),
    }
    found = gaps(table, alone, pa.table(pairs)).to_pylist()
    assert {row["id"]: (row["anchor"], row["rank"]) for row in found} == expected
