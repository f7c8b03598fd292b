"""Which rows a method takes, and its chance, depend on each row alone; what is protected stays."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from augment.making import chance, lowest, share_of_rows
from augment.protected import intact, load, lost, outside, protected
from corpus.table import InputError

Corpus = Callable[..., pa.Table]


def test_rows_are_chosen_by_id(corpus: Corpus) -> None:
    rows = corpus(*map(str, range(50))).to_pylist()
    assert len(lowest(rows, 10, "m")) == 10
    assert lowest(rows, 10, "m") == lowest(rows[::-1], 20, "m")[:10]
    assert lowest(rows, 0, "m") == []
    assert len(lowest(rows, None, "m")) == 50
    some = share_of_rows(rows, 0.5, "m")
    assert some == [row for row in rows if row in some]
    assert [row for row in share_of_rows(rows[:30], 0.5, "m") if row not in some] == []
    assert lowest(rows, 10, "m") != lowest(rows, 10, "n")


def test_chance_depends_on_method_and_row_alone() -> None:
    assert chance("noise", "a").random() == chance("noise", "a").random()
    draws = {chance(*of).random() for of in (("noise", "a"), ("noise", "b"), ("swap", "a"))}
    assert len(draws) == 3


IDIOMS = protected(["in xochitl in cuicatl", "in atl", "in atl in tepetl", "ሰላም ነው"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ca In  Xochitl in cuicatl.", ["In  Xochitl in cuicatl"]),
        ("in atl in tepetl", ["in atl in tepetl"]),  # the longest
        ("in atlan", []),  # whole words only
        ("ዛሬ ሰላም ነው።", ["ሰላም ነው"]),
        ("", []),
    ],
)
def test_protected_expressions_are_found(text: str, expected: list[str]) -> None:
    assert IDIOMS.found(text) == expected


def test_what_is_lost_is_counted() -> None:
    assert lost("in atl, in atl", "IN ATL agua", IDIOMS) == ["in atl"]
    assert lost("calli", "casa", IDIOMS) == []
    assert protected([]).found("in atl") == []


def test_rows_that_lose_an_expression_are_left_out_and_counted() -> None:
    texts = ("in atl, in tepetl", "IN  ATL in tepetl", "calli", "ዛሬ ሰላም ነው።", "in atl ሰላም ነው")
    parents = [{"id": str(n), "target": text} for n, text in enumerate(texts)]
    said = ("el in atl y el cerro", "el agua y el cerro", "casa", "hoy ሰላም ነው", "In atl")
    made = [{"parent": str(n), "source": text} for n, text in enumerate(said)]
    safe, figures = intact(parents, made, ("target", "source"), IDIOMS)
    assert [row["parent"] for row in safe] == ["0", "2", "3"]
    assert figures == {
        "in atl": {"kept": 1, "left_out": 1},
        "in atl in tepetl": {"kept": 0, "left_out": 1},
        "ሰላም ነው": {"kept": 1, "left_out": 1},
    }
    assert intact(parents, made, ("target", "source"), protected([])) == (made, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("no in atl calli", "NO in atl CALLI"), ("calli", "CALLI"), ("in atl", "in atl"), ("", "")],
)
def test_only_what_is_outside_protected_expressions_changes(text: str, expected: str) -> None:
    assert outside(text, IDIOMS, str.upper) == expected


def test_an_expression_is_itself_in_any_case_and_spacing() -> None:
    turkic = protected(["İstanbul", "in atl in tepetl"])
    assert turkic.listed("istanbul, IN\u00a0ATL in\ntepetl") == ["İstanbul", "in atl in tepetl"]
    assert lost("in  atl in tepetl", "In atl\nin tepetl", turkic) == []
    assert lost("İSTANBUL", "istanbul", turkic) == []


def test_a_list_is_read_or_its_fault_named(tmp_path: Path) -> None:
    assert load(tmp_path, "nah").expressions == ()
    (tmp_path / "nah.tsv").write_text("expression\tnote\nin atl\twater\nin tepetl\n", "utf-8")
    assert load(tmp_path, "nah").expressions == ("in tepetl", "in atl")
    (tmp_path / "nah.tsv").write_text("in atl\twater\n", "utf-8")
    with pytest.raises(InputError, match="the first line must be"):
        load(tmp_path, "nah")
    (tmp_path / "nah.tsv").write_text("expression\nin atl\n\twater\n", "utf-8")
    with pytest.raises(InputError, match="line 3 has no expression"):
        load(tmp_path, "nah")


def test_the_lists_of_this_project_are_sound() -> None:
    folder = Path(__file__).parent.parent / "augment/protected"
    for path in folder.glob("*.tsv"):
        assert load(folder, path.stem).expressions
