"""Laws of the splits: nothing leaks or is lost, growth moves nothing, documents stay whole."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from corpus.settings import Language
from corpus.split import Split, check_leaks, keys, split
from corpus.stage import Output
from corpus.table import SCHEMA, InputError, ledger

Corpus = Callable[..., pa.Table]
LANGUAGES = {
    "nah": Language("Nahuatl", ("nci", "azz"), "Latn", "spa_Latn", (), "nah"),
    "khm": Language("Khmer", ("khm",), "Khmr", "eng_Latn", (), None),
}
PARAMS = Split(
    test_share=0.3,
    validation_share=0.2,
    whole_documents=(),
    test_documents=0.0,
    test_origins=(),
    similarity=0.8,
    most_missed=0.0,
)
SYLLABLES = [
    "ca",
    "tla",
    "xo",
    "chi",
    "pil",
    "te",
    "nan",
    "mi",
    "yo",
    "cue",
    "huah",
    "tzin",
    "pol",
    "lia",
    "ni",
]
KHMER = "ខ្ញុំស្រឡាញ់ភាសាខ្មែរ"
NAMES = ("train", "validation", "test")


def word(number: int) -> str:
    """A made word of Nahuatl syllables, another for each number."""
    digits = [number // 15**n % 15 for n in range(4)]
    return "".join(SYLLABLES[digit] for digit in digits)


def segment(number: int) -> str:
    """A segment that is near to no other."""
    return " ".join(word(number * 7 + n * 3001) for n in range(3))


def run(
    table: pa.Table,
    groups: dict[str, str] | None = None,
    dropped: tuple[str, ...] = (),
    params: Split = PARAMS,
) -> Output:
    """Run the stage with groups by id, each row its own but for those given."""
    ids = table["id"].to_pylist()
    names = pa.array([(groups or {}).get(i, i) for i in ids], pa.string())
    clusters = pa.table({"id": table["id"], "group": names})
    judged = ledger(ids, "select", dict.fromkeys(dropped, ("duplicate", 1, 0)))
    return split(table, judged, clusters, params, LANGUAGES)


def where(made: Output) -> dict[str, str]:
    """The split of each row."""
    return {i: name for name in NAMES for i in made.tables[name]["id"].to_pylist()}


def test_every_kept_row_is_in_one_split(corpus: Corpus) -> None:
    table = corpus(*map(segment, range(200)))
    made = run(table, dropped=("3", "5"))
    assert sorted(where(made)) == sorted(set(table["id"].to_pylist()) - {"3", "5"})
    assert sum(made.report["rows"].values()) == 198
    for name in NAMES:
        part = made.tables[name]
        assert part.schema.names == [*SCHEMA.names, "held_out", "split"]
        assert set(part["split"].to_pylist()) == {name}
    assert 0.2 < made.report["rows"]["test"] / 198 < 0.4
    assert where(run(table, dropped=("3", "5"))) == where(made)


def test_growth_and_order_move_nothing(corpus: Corpus) -> None:
    rows = corpus(*map(segment, range(120))).to_pylist()
    small = where(run(pa.Table.from_pylist(rows[:60], schema=SCHEMA)))
    large = where(run(pa.Table.from_pylist(rows[::-1], schema=SCHEMA)))
    assert small == {i: large[i] for i in small}


def test_a_group_is_never_cut(corpus: Corpus) -> None:
    table = corpus(*map(segment, range(100)))
    groups = {str(n): f"group {n // 5}" for n in range(100)}
    found = where(run(table, groups))
    for name in set(groups.values()):
        assert len({found[i] for i in groups if groups[i] == name}) == 1


def in_documents(corpus: Corpus, rows: int, size: int, origin: str) -> list[dict[str, object]]:
    """Rows of an origin in documents of some rows."""
    table = corpus(*map(segment, range(rows)), origin=origin).to_pylist()
    return [row | {"document": f"page {n // size}"} for n, row in enumerate(table)]


def test_a_document_is_cut_only_where_it_may(corpus: Corpus) -> None:
    rows = in_documents(corpus, 100, 5, "help")
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    for whole, cut in (((), True), (("help",), False), (("other",), True)):
        found = where(run(table, params=replace(PARAMS, whole_documents=whole)))
        pages = {
            len({found[row["id"]] for row in rows if row["document"] == name})
            for name in {row["document"] for row in rows}
        }
        assert (max(pages) > 1) == cut


def in_books(corpus: Corpus) -> list[dict[str, object]]:
    """Rows of an origin in ten books, of which the last is half of it, and of another origin."""
    rows = in_documents(corpus, 90, 10, "books")
    for number, row in enumerate(rows):
        row["document"] = "long" if number >= 45 else f"book {number // 5}"
    other = corpus(*map(segment, range(900, 930)), origin="radio").to_pylist()
    return rows + [row | {"id": f"radio {row['id']}"} for row in other]


def test_whole_documents_are_held_out_and_never_most_of_an_origin(corpus: Corpus) -> None:
    rows = in_books(corpus)
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    made = run(table, params=replace(PARAMS, test_documents=0.3))
    found = made.tables["test"].to_pylist()
    held = {row["document"] for row in found if row["held_out"] == "document"}
    assert 3 <= len(held) <= 5  # five rows each, of 27 that the share allows
    assert "long" not in held
    assert "book" not in held  # radio's only document
    trained = {row["document"] for row in made.tables["train"].to_pylist()}
    assert not held & trained
    assert {row["held_out"] for row in made.tables["train"].to_pylist()} == {None}
    again = run(
        table.take(list(range(len(rows)))[::-1]), params=replace(PARAMS, test_documents=0.3)
    )
    assert where(again) == where(made)


def test_a_whole_origin_is_held_out(corpus: Corpus) -> None:
    table = pa.Table.from_pylist(in_books(corpus), schema=SCHEMA)
    made = run(table, params=replace(PARAMS, test_origins=("radio", "raido")))
    kinds = {row["origin"]: row["held_out"] for row in made.tables["test"].to_pylist()}
    assert kinds["radio"] == "origin"
    assert sum(row["origin"] == "radio" for row in made.tables["test"].to_pylist()) == 30
    assert made.report["test_origins_without_rows"] == ["raido"]
    alone = run(table, params=replace(PARAMS, test_origins=("radio", "books")))
    assert alone.report["moved_to_train"]["language_without_train"] == 120
    assert alone.report["empty"] == ["nah: validation", "nah: test"]


@pytest.mark.parametrize("known", [True, False])
def test_what_is_near_a_held_out_origin_goes_to_test(known: bool, corpus: Corpus) -> None:
    rows = in_books(corpus)
    before = where(run(pa.Table.from_pylist(rows, schema=SCHEMA)))
    copy = next(r for r in rows if r["origin"] == "books" and before[str(r["id"])] == "train")
    copy["target"] = f"{rows[-1]['target']}!"
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    groups = {str(copy["id"]): "g", str(rows[-1]["id"]): "g"} if known else None  # dedup's view
    made = run(table, groups, params=replace(PARAMS, test_origins=("radio",), most_missed=0.2))
    assert where(made)[str(copy["id"])] == "test"
    assert made.report["moved_to_test_near_held_out"] == 1
    assert sum(row["origin"] == "radio" for row in made.tables["test"].to_pylist()) == 30


def test_a_group_drawn_apart_through_documents_is_for_training(corpus: Corpus) -> None:
    rows = in_documents(corpus, 100, 5, "help")
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    params = replace(PARAMS, whole_documents=("help",))
    before = where(run(table, params=params))
    test, other = (
        next(i for i in before if (before[i] == "test") == (name == "test"))
        for name in ("test", "train")
    )
    made = run(table, {test: "g", other: "g"}, params=params)
    after = where(made)
    assert (after[test], after[other]) == ("train", "train")
    assert {i for i in after if after[i] != before[i]} <= {test, other}
    assert made.report["moved_to_train"]["group_drawn_apart"] >= 1


@pytest.mark.parametrize("side", ["target", "source"])
def test_a_leak_that_dedup_missed_is_found_and_mended(side: str, corpus: Corpus) -> None:
    rows = corpus(
        *map(segment, range(60)), sources=tuple(segment(n + 900) for n in range(60))
    ).to_pylist()
    before = where(run(pa.Table.from_pylist(rows, schema=SCHEMA)))
    test, train = (next(i for i in before if before[i] == name) for name in ("test", "train"))
    rows[int(test)][side] = f"{rows[int(train)][side]}."  # the same key in two groups
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    with pytest.raises(InputError, match="held-out rows are near to training rows") as raised:
        run(table)
    assert str([train, test]) in str(raised.value)
    assert "split.most_missed" in str(raised.value)
    made = run(table, params=replace(PARAMS, most_missed=0.01))  # one of thirty proves nothing
    assert where(made) == before | {test: "train"}
    assert made.report["moved_to_train"]["missed"] == 1


@pytest.mark.parametrize(
    ("test", "train", "language", "leak"),
    [
        ("tlajtolli", "Tlahtolli!", "nci_Latn", True),  # two orthographies of one word
        (KHMER, KHMER, "khm_Khmr", True),
        ("in tlajtolli", "xochitl", "nci_Latn", False),
        (None, None, "nci_Latn", False),
        ("…", "…", "nci_Latn", False),
    ],
)
def test_check_leaks(
    test: str | None, train: str | None, language: str, leak: bool, corpus: Corpus
) -> None:
    rows = corpus(train, test, language=language)
    drawn, folded = np.array([0, 2]), keys(rows, LANGUAGES)
    if leak:
        with pytest.raises(RuntimeError, match="1 training rows are near to held-out rows"):
            check_leaks(rows, drawn, folded, 0.8)
    else:
        check_leaks(rows, drawn, folded, 0.8)


def test_near_rows_of_validation_and_test_are_counted(corpus: Corpus) -> None:
    before = where(run(corpus(*map(segment, range(60)))))
    test, other = (next(i for i in before if before[i] == name) for name in ("test", "validation"))
    rows = corpus(*map(segment, range(60))).to_pylist()
    rows[int(test)]["target"] = rows[int(other)]["target"]
    made = run(pa.Table.from_pylist(rows, schema=SCHEMA))
    assert made.report["validation_near_test"] == 1
    assert where(made) == before


def test_the_report_says_what_test_shares_with_train(corpus: Corpus) -> None:
    rows = in_documents(corpus, 100, 5, "help")
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    report = run(table, params=replace(PARAMS, whole_documents=("help", "hepl"))).report
    assert report["document_also_in_train"] == {"nah": 0.0}
    assert report["whole_documents_without_rows"] == ["hepl"]
    assert run(corpus(*map(segment, range(60)))).report["document_also_in_train"] == {"nah": 1.0}


def test_every_language_trains(corpus: Corpus) -> None:
    many = corpus(*map(segment, range(50))).to_pylist()
    for number in range(8):  # of eight lone rows some are drawn for test
        lone = corpus(KHMER, language="khm_Khmr").to_pylist()
        lone[0] |= {"id": f"lone {number}"}
        made = run(pa.Table.from_pylist(many + lone, schema=SCHEMA))
        assert where(made)[f"lone {number}"] == "train"
        assert made.report["empty"] == ["khm: validation", "khm: test"]


@pytest.mark.parametrize("targets", [("amo",), (None,), (KHMER,)])
def test_one_row_is_for_training(targets: tuple[str | None, ...], corpus: Corpus) -> None:
    made = run(corpus(*targets))
    assert made.report["rows"] == {"train": 1, "validation": 0, "test": 0}
    assert made.report["empty"] == ["nah: validation", "nah: test"]


def test_rows_without_a_document_follow_their_group(corpus: Corpus) -> None:
    table = corpus(*map(segment, range(50)), document=None)
    params = replace(PARAMS, whole_documents=("test",))
    assert where(run(table, params=params)) == where(run(table))


def test_nothing_kept_is_an_error(corpus: Corpus) -> None:
    with pytest.raises(InputError, match="none of the 1 rows was kept"):
        run(corpus("amo"), dropped=("0",))
    with pytest.raises(InputError, match="none of the 0 rows was kept"):
        run(corpus())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_share": 0.9}, "must leave rows for train"),
        ({"validation_share": -0.1}, "must leave rows for train"),
        ({"test_documents": 1.0}, "test_documents must be at least 0 and below 1, got 1.0"),
        ({"similarity": 0.0}, "similarity must be above 0"),
        ({"most_missed": 2.0}, "most_missed must be from 0 to 1, got 2.0"),
    ],
)
def test_settings_in_range(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PARAMS, **change)
