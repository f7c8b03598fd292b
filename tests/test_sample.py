"""The sheet: as many rows as the margin needs, stable, blinded, safe to open."""

import csv
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from augment.review import MARK, strata
from augment.sample import HEADER, Sample, cell, margin_of, needed, reached, sample, shares
from corpus.settings import Language
from corpus.table import SYNTHETIC, InputError

NAH = Language("Nahuatl", ("nci", "azz"), "Latn", "spa_Latn", (), "nah")
PARAMS = Sample(margin=0.1, confidence=0.95, least_rows=2, lower_case=True)
Corpus = Callable[..., pa.Table]
NONE = SYNTHETIC.empty_table()


def made(*ids: str, parent: str = "0", target: str = "in atl", origin: str = "respell") -> pa.Table:
    row = {"source": "el agua", "target": target, "language": "nci_Latn", "origin": origin}
    rows = [{**row, "id": id, "parent": parent, "document": "book"} for id in ids]
    return pa.Table.from_pylist(rows, schema=SYNTHETIC)


def drawn(train: pa.Table, synthetic: pa.Table, out: Path, params: Sample = PARAMS) -> list[dict]:
    sample(train, synthetic, params, ("nah",), {"nah": NAH}, out)
    with (out / "nah.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("population", "margin", "rows"),
    [(0, 0.05, 0), (1, 0.05, 1), (300, 0.05, 169), (10**9, 0.05, 385), (10**9, 0.1, 97)],
)
def test_needed_is_the_textbook_size(population: int, margin: float, rows: int) -> None:
    assert needed(population, margin, 0.95) == rows


@pytest.mark.parametrize("population", [2, 17, 300, 12345])
def test_the_rows_needed_reach_the_margin_and_one_less_does_not(population: int) -> None:
    rows = needed(population, 0.05, 0.95)
    assert reached(rows, population, 0.95) <= 0.05
    assert rows < 3 or reached(rows - 2, population, 0.95) > 0.05
    assert margin_of({"a": population}, {"a": rows}, 0.95) <= 0.05


def test_a_whole_population_has_no_margin_and_none_of_it_no_end() -> None:
    assert reached(5, 5, 0.95) == 0
    assert reached(1, 1, 0.95) == 0
    assert reached(0, 5, 0.95) is None


def test_shares_take_all_of_a_small_stratum() -> None:
    assert shares({"a": 1000, "b": 1}, rows=10, least=3) == {"a": 10, "b": 1}
    assert shares({}, rows=0, least=3) == {}


def test_the_sheet_has_the_rows_of_the_active_language_only(corpus: Corpus, tmp_path: Path) -> None:
    other = corpus("ar dänga", language="ote_Latn", id="o")
    train = pa.concat_tables([corpus("in xochitl", sources=("la flor",)), other])
    sheet = drawn(train, NONE, tmp_path)
    assert [row["id"] for row in sheet] == ["row-0"]
    assert tuple(sheet[0]) == HEADER
    assert sheet[0]["verdict"] == sheet[0]["reviewer"] == sheet[0]["comment"] == ""


def test_pivot_text_alone_is_not_shown(corpus: Corpus, tmp_path: Path) -> None:
    train = corpus("in atl", None, "ውሃ", sources=("agua", "sol", None))
    assert {row["id"] for row in drawn(train, made(), tmp_path)} == {f"{MARK}0", f"{MARK}2"}


def test_nothing_but_the_text_tells_human_from_synthetic(corpus: Corpus, tmp_path: Path) -> None:
    train = corpus(*["In Atl"] * 30, sources=("El agua",) * 30)
    sheet = drawn(train, made(*map(str, range(100, 130))), tmp_path, Sample(0.01, 0.95, 2, True))
    assert len(sheet) == 60
    assert {(row["source"], row["target"]) for row in sheet} == {("el agua", "in atl")}
    kinds = "".join("m" if int(row["id"][4:]) >= 100 else "h" for row in sheet)
    assert kinds not in (30 * "h" + 30 * "m", 30 * "m" + 30 * "h")


def test_a_grown_corpus_keeps_the_rows_that_were_drawn(corpus: Corpus, tmp_path: Path) -> None:
    small = {row["id"] for row in drawn(corpus(*["in atl"] * 200), NONE, tmp_path)}
    large = {row["id"] for row in drawn(corpus(*["in atl"] * 260), NONE, tmp_path)}
    moved = small - large
    assert len(moved) <= len(small) * 60 / 260 + 5  # those that new rows of lower hash displaced
    again = {row["id"] for row in drawn(corpus(*["in atl"] * 260).slice(0), NONE, tmp_path)}
    assert again == large


def test_order_of_rows_and_repetition_change_no_byte(corpus: Corpus, tmp_path: Path) -> None:
    train = corpus(*["in atl"] * 50)
    drawn(train, made("x", "y"), tmp_path)
    first = (tmp_path / "nah.csv").read_bytes()
    drawn(train.take(list(range(49, -1, -1))), made("y", "x"), tmp_path)
    assert (tmp_path / "nah.csv").read_bytes() == first


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ""),
        ("niltze", "niltze"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+52", "'+52"),
        ("-Quema", "'-Quema"),  # dialogue
        (" -Quema", "' -Quema"),
        ("@nah", "'@nah"),
        ("\tatl", "'\tatl"),
        ("＝1", "'＝1"),
        ("—Amo", "—Amo"),
        ("ខ្ញុំ\u200bទៅ", "ខ្ញុំ\u200bទៅ"),
    ],
)
def test_no_cell_runs_as_a_formula(text: str | None, shown: str) -> None:
    assert cell(text, lower_case=False) == shown


def test_a_cell_keeps_quotes_commas_and_lines(corpus: Corpus, tmp_path: Path) -> None:
    text = 'in "atl", in tepetl\nin cueitl'
    assert drawn(corpus(text), NONE, tmp_path)[0]["target"] == text


def test_strata_are_origin_of_the_parent_variety_and_method(corpus: Corpus) -> None:
    found = strata(corpus("atl"), pa.concat_tables([made("a"), made("b", parent="gone")]))
    assert found == {
        "0": ("test", "nci_Latn", "human"),
        "a": ("test", "nci_Latn", "respell"),
        "b": ("none", "nci_Latn", "respell"),
    }


def test_the_report_counts_population_rows_and_margin(corpus: Corpus, tmp_path: Path) -> None:
    train = corpus(*["in atl"] * 40)
    report = sample(train, made("a"), PARAMS, ("nah",), {"nah": NAH}, tmp_path).report
    whole = report["languages"]["nah"]
    assert whole["population"] == 41
    assert whole["margin"] <= PARAMS.margin
    assert whole["methods"]["respell"] == {"population": 1, "rows": 1, "margin": 0.0}
    assert whole["strata"]["test"]["nci_Latn"]["respell"] == {
        "population": 1,
        "rows": 1,
        "margin": 0.0,
    }


def test_a_language_without_rows_is_an_error(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="active language 'nah' has no row to review"):
        drawn(corpus(), NONE, tmp_path)


@pytest.mark.parametrize("change", [{"margin": 0.0}, {"confidence": 1.0}, {"least_rows": -1}])
def test_settings_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))}.* must be"):
        Sample(**{**vars(PARAMS), **change})
