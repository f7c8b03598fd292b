"""The sheet of outputs: blind, stable, safe; what comes back: means, differences, agreement."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from nltk.metrics.agreement import AnnotationTask

from augment.review import MARK
from corpus.stage import Output
from corpus.table import SCHEMA, InputError
from train.agreement import agreement, alpha, coincidences, judged
from train.asking import PREDICTIONS
from train.ratings import COLUMNS, HEADER, Ratings, ratings, read_ratings

PARAMS = Ratings(
    systems=("reference", "translator", "mixed"),
    most_segments=20,
    lower_case=True,
    resamples=200,
    seed=0,
)
TEXTS = ["in ātl", "namoonni hundinuu", "የሰው ልጅ", "=SUM(A1)"]


def tables(rows: int = 8, systems: tuple[str, ...] = PARAMS.systems) -> tuple[pa.Table, pa.Table]:
    """A test split, and what each system said of it."""
    test = [
        {"id": str(n), "source": f"fuente {n}", "target": f"{TEXTS[n % 4]} {n}"}
        for n in range(rows)
    ]
    said = [
        {
            "id": row["id"],
            "system": name,
            "task": "to_target",
            "hypothesis": f"{row['target']} {name}",
        }
        for name in systems
        if name != "reference"
        for row in test
    ]
    return (
        pa.Table.from_pylist(test, schema=SCHEMA),
        pa.Table.from_pylist(said, schema=PREDICTIONS),
    )


def made(out: Path, params: Ratings = PARAMS, **more: Any) -> Output:
    """Run the stage; its files lie in `out`, ratings in `out`/answers."""
    return ratings(params, "nah", *tables(**more), out / "answers", out)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The lines of a file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def answer(out: Path, points: dict[str, int], reviewers: tuple[str, ...] = ("ana", "eva")) -> None:
    """Everybody gives each system's outputs these points, on all scales."""
    key = {row["id"]: row["system"] for row in rows_of(out / "key.csv")}
    (out / "answers").mkdir(exist_ok=True)
    lines = [
        ",".join((id, *[str(points[name])] * 3, reviewer, ""))
        for id, name in key.items()
        for reviewer in reviewers
    ]
    (out / "answers/nah.csv").write_text("\n".join([",".join(COLUMNS), *lines]), "utf-8")


def test_a_sheet_shows_every_system_and_names_none(tmp_path: Path) -> None:
    report = made(tmp_path).report
    sheet, key = rows_of(tmp_path / "sheet.csv"), rows_of(tmp_path / "key.csv")
    assert tuple(sheet[0]) == HEADER
    assert (report["segments"], report["outputs"], len(sheet)) == (8, 24, 24)
    assert {row["id"] for row in sheet} == {row["id"] for row in key}
    assert [row["segment"] for row in sheet] == [str(n) for n in range(1, 9) for _ in range(3)]
    orders = {tuple(row["system"] for row in key[n : n + 3]) for n in range(0, 24, 3)}
    assert len(orders) > 2  # another order in each segment, near enough
    assert not {"system", "row"} & set(sheet[0])
    assert all(row["output"] == row["output"].lower() for row in sheet)


def test_no_cell_runs_as_a_formula(tmp_path: Path) -> None:
    made(tmp_path)
    shown = [row["output"] for row in rows_of(tmp_path / "sheet.csv")]
    assert any("sum(a1)" in text for text in shown)
    assert not any(text.startswith("=") for text in shown)


def test_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    made(tmp_path / "one")
    test, said = tables()
    turned = said.take(list(range(len(said)))[::-1])
    ratings(PARAMS, "nah", test.take(list(range(8))[::-1]), turned, tmp_path, tmp_path / "two")
    for name in ("sheet.csv", "key.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_ratings_come_back_by_system(tmp_path: Path) -> None:
    made(tmp_path)
    answer(tmp_path, {"reference": 5, "translator": 3, "mixed": 1})
    report = made(tmp_path).report
    found = report["scales"]["adequacy"]
    assert report["reviewers"] == 2
    assert {name: some["value"] for name, some in found["means"].items()} == {
        "reference": 5,
        "translator": 3,
        "mixed": 1,
    }
    over = found["differences"]["translator over mixed"]
    assert (over["difference"], over["verdict"], over["rows"]) == (2, "better", 8)
    assert found["agreement"]["value"] == pytest.approx(1)


def test_a_rating_of_what_is_said_no_longer_is_counted_and_not_used(tmp_path: Path) -> None:
    made(tmp_path)
    answer(tmp_path, {"reference": 5, "translator": 3, "mixed": 1}, ("ana",))
    test, said = tables()
    new = [row | {"hypothesis": f"{row['hypothesis']}!"} for row in said.to_pylist()]
    report = ratings(
        PARAMS, "nah", test, pa.Table.from_pylist(new, schema=PREDICTIONS), tmp_path / "answers",
        tmp_path,
    ).report  # fmt: skip
    assert report["ratings_of_other_outputs"] == 16  # the human ones stand
    assert report["scales"]["fluency"]["means"]["mixed"]["rows"] == 0
    assert report["scales"]["fluency"]["means"]["reference"]["rows"] == 8


def test_without_systems_or_ratings_the_report_says_so(tmp_path: Path) -> None:
    report = made(tmp_path, systems=("reference", "mixed")).report
    assert report["systems"] == ["reference", "mixed"]
    assert report["systems_without_translations"] == ["translator"]
    assert report["scales"]["adequacy"]["means"]["mixed"]["value"] is None
    assert report["scales"]["adequacy"]["agreement"]["value"] is None
    none = ratings(PARAMS, "nah", tables()[0], PREDICTIONS.empty_table(), tmp_path, tmp_path)
    assert none.report["outputs"] == 0
    assert rows_of(tmp_path / "sheet.csv") == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("row-1,6,,,ana,", "adequacy '6'; accepted are 1 to 5"),
        ("row-1,good,,,ana,", "adequacy 'good'; accepted are 1 to 5"),
        ("row-1,4,,,,", "a rating needs a reviewer"),
        (",4,,,ana,", "the id is empty"),
        ("row-1,4,,,ana,\nrow-1,5,,,ana,", "'ana' rated 1 in .*:2 already; keep one"),
        ("row-1,4,ana", "3 cells, the header has 6"),
    ],
)
def test_a_line_at_fault_stops(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "nah.csv"
    path.write_text(f"{','.join(COLUMNS)}\n{line}\n", "utf-8")
    with pytest.raises(InputError, match=said):
        read_ratings(path)


def test_columns_with_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "nah.csv"
    path.write_text(f"{','.join(HEADER)}\n", "utf-8")
    with pytest.raises(InputError, match="delete segment, source and output before saving"):
        read_ratings(path)


KRIPPENDORFF = [  # four observers, twelve units: Krippendorff 2011, example C
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def units() -> list[list[int]]:
    """The points of each unit that two or more observers gave."""
    found = [[p for p in unit if p is not None] for unit in zip(*KRIPPENDORFF, strict=True)]
    return [unit for unit in found if len(unit) > 1]


def test_alpha_is_the_published_one() -> None:
    sums = np.sum([coincidences(unit) for unit in units()], axis=0)
    assert alpha(sums) == pytest.approx(0.815, abs=0.0005)


def test_coincidences_give_nominal_alpha_as_nltk_does() -> None:
    met = np.sum([coincidences(unit) for unit in units()], axis=0).reshape(5, 5)
    given = met.sum(axis=0)
    chance = (given.sum() ** 2 - (given**2).sum()) / (given.sum() - 1)
    ours = 1 - (met.sum() - np.trace(met)) / chance
    data = [(o, u, p) for u, unit in enumerate(units()) for o, p in enumerate(unit)]
    assert ours == pytest.approx(AnnotationTask(data=data).alpha())
    assert ours == pytest.approx(0.743, abs=0.0005)


def test_agreement_of_nothing_and_of_one_point_is_not_measured() -> None:
    assert agreement({("0", "mixed"): [3]}, (100, 0))["value"] is None
    assert agreement({("0", "mixed"): [3, 3], ("1", "mixed"): [3, 3]}, (100, 0))["value"] is None
    found = agreement({(str(n), "mixed"): [n % 5 + 1] * 2 for n in range(30)}, (100, 0))
    assert (found["value"], found["outputs"]) == (pytest.approx(1), 30)
    assert found["least"] <= found["value"] <= found["most"] + 1e-9


def test_chance_agreement_is_near_zero() -> None:
    draw = np.random.default_rng(0).integers(1, 6, (300, 2))
    rated = {(str(n), "mixed"): [int(one), int(two)] for n, (one, two) in enumerate(draw)}
    found = judged(rated, ("mixed",), (200, 0))["agreement"]
    assert found["least"] < 0 < found["most"]


def test_marks_are_those_of_the_other_sheet(tmp_path: Path) -> None:
    made(tmp_path)
    assert all(row["id"].startswith(MARK) for row in rows_of(tmp_path / "sheet.csv"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"systems": ("mixed",)}, "at least two"),
        ({"systems": ("mixed", "mixed")}, "each once"),
        ({"systems": ("mixed", "mixd")}, r"systems has unknown \['mixd'\]"),
        ({"resamples": 9}, "resamples at least 100"),
    ],
)
def test_settings_say_what_is_wrong(change: dict[str, Any], said: str) -> None:
    whole = {name: getattr(PARAMS, name) for name in PARAMS.__dataclass_fields__}
    with pytest.raises(ValueError, match=said):
        Ratings(**whole | change)
