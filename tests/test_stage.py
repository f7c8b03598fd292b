"""Laws of running a stage: arguments, settings, atomic output, reports, one-line errors."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from corpus import settings as config
from corpus.settings import settings
from corpus.stage import Output, perform, rounded, write_json
from corpus.table import InputError, ledger, read, write

ROOT = Path(__file__).parent.parent
Corpus = Callable[..., pa.Table]


@settings
class Halve:
    keep_every: int  # rows


def halve(rows: pa.Table, params: Halve) -> Output:
    """Keep every nth row."""
    drop = [i for n, i in enumerate(rows["id"].to_pylist()) if n % params.keep_every]
    judged = ledger(rows["id"].to_pylist(), "halve", dict.fromkeys(drop, ("odd", 1, 0)))
    return Output({"rows": rows.filter(judged["kept"]), "ledger": judged}, {"seen": len(rows)})


def lose(rows: pa.Table, params: Halve) -> Output:
    """Lose a row without a word."""
    judged = ledger(rows["id"].to_pylist(), "lose", {})
    return Output({"rows": rows.slice(1), "ledger": judged})


def fail(rows: pa.Table, params: Halve, out: Path) -> Output:
    """Write half an output and break."""
    (out / "half").write_text("half")
    raise InputError("the dog ate it")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpus: Corpus) -> Path:
    """A folder with params.yaml and a table of five rows in three shards."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    tree |= {name: {"keep_every": 2} for name in ("halve", "lose", "fail")}
    tree["shards"] |= {"workers": 1}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")
    write(corpus("cah", "ahmo", "ᏣᎳᎩ", "yu'u", None), tmp_path / "in", 200)
    monkeypatch.chdir(tmp_path)
    return tmp_path


WORDS = {"rows": "in", "out": "made", "report": "report.json"}


def test_a_stage_writes_tables_and_report(project: Path) -> None:
    perform(halve, Halve, WORDS, ["rows"], "")
    assert read(Path("made/rows"))["id"].to_pylist() == ["0", "2", "4"]
    report = json.loads(Path("report.json").read_text())
    assert (report["entered"], report["kept"], report["dropped"], report["seen"]) == (5, 3, 2, 5)
    assert report["dropped_by_reason"] == {"odd": {"nci_Latn": {"test": 2}}}


def test_by_shard_keeps_the_shards_and_sums_the_reports(project: Path) -> None:
    perform(halve, Halve, WORDS, ["rows"], "rows")
    shards = sorted(p.name for p in Path("in").iterdir())
    assert sorted(p.name for p in Path("made/rows").iterdir()) == shards
    report = json.loads(Path("report.json").read_text())
    assert report["seen"] == 5
    assert report["kept"] + report["dropped"] == report["entered"] == 5


def test_a_stage_that_loses_a_row_is_caught(project: Path) -> None:
    with pytest.raises(
        RuntimeError, match="lose: 1 rows are kept in the ledger but not were written"
    ):
        perform(lose, Halve, WORDS, ["rows"], "")
    assert not Path("made").exists()


def test_a_failing_stage_leaves_nothing(project: Path) -> None:
    before = sorted(project.rglob("*"))
    with pytest.raises(InputError):
        perform(fail, Halve, WORDS, [], "")
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"rows": "none"}, "none holds no table; run 'dvc repro' or 'dvc pull' first"),
        ({}, r"the command line lacks \['rows'\]"),
        ({"rows": "in", "row": "in"}, r"unknown \['row'\]; known are"),
    ],
)
def test_a_wrong_command_line_is_named(project: Path, words: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        perform(halve, Halve, {"out": "made", **words}, ["rows"], "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"halve": {}}, "section 'halve' lacks ['keep_every']"),
        (
            {"halve": {"keep_evry": 2}},
            "section 'halve' lacks ['keep_every']; has unknown ['keep_evry']",
        ),
        ({"halve": {"keep_every": "2"}}, "keep_every: Input should be a valid integer, got '2'"),
        ({"halve": {"keep_every": True}}, "keep_every: Input should be a valid integer, got True"),
        ({"halve": None}, "section 'halve'"),
        ({"active": []}, "active names no language; it may name ['mix', 'nah', 'oto']"),
        ({"active": ["xyz"]}, "language 'xyz' is not in languages"),
        ({"active": "nah"}, "section 'active' Input should be a valid array, got 'nah'"),
        (
            {"shards": {"most_bytes": 0, "workers": 1, "runner": "pool", "most_retries": 0}},
            "at least 1",
        ),
    ],
)
def test_a_wrong_setting_is_named(project: Path, change: dict, message: str) -> None:
    tree = yaml.safe_load(Path("params.yaml").read_text("utf-8")) | change
    Path("params.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    with pytest.raises(InputError) as caught:
        perform(halve, Halve, WORDS, ["rows"], "")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "params.yaml is no YAML"),
        ("- a", "params.yaml must hold sections, got list"),
        (None, "params.yaml does not exist; run from the folder of dvc.yaml"),
    ],
)
def test_a_broken_params_file_is_named(project: Path, text: str | None, message: str) -> None:
    Path("params.yaml").unlink() if text is None else Path("params.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        perform(halve, Halve, WORDS, ["rows"], "")


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ({"varieties": ["nahuatl"]}, "'nahuatl' is no ISO 639 code"),
        ({"varieties": []}, "at least one variety"),
        ({"pivot": "spa"}, "'' is no ISO 15924 script"),
        ({"varieties": ["nci", "ote"]}, "variety 'ote' is in both 'nah' and 'oto'"),
        ({"neighbours": ["spa"]}, "language 'spa' is not in languages"),
    ],
)
def test_a_wrong_language_is_named(language: dict, message: str) -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    tree["languages"]["nah"] |= language
    with pytest.raises(InputError) as caught:
        config.languages(tree)
    assert message in str(caught.value)


def test_an_error_is_one_line_and_exit_1(tmp_path: Path) -> None:
    program = (
        "import sys; sys.argv[1:] = ['rows']\nfrom corpus.stage import run\n"
        "def x(rows: str): ...\nrun(x, int)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "x: arguments are name=value, got 'rows'\n")


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    program = (
        "import sys, errno; sys.argv[1:] = []\nfrom corpus.stage import run\n"
        "def x(): raise OSError(errno.ENOSPC, 'No space left on device')\nrun(x, int)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "x: the disk is full; free some space and run 'dvc repro' again\n"


def test_reports_hold_no_float_that_json_lacks(tmp_path: Path) -> None:
    write_json({"b": float("nan"), "a": [1 / 3, float("inf")], "ñ": True}, tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text("utf-8") == (
        '{\n "a": [\n  0.333333,\n  null\n ],\n "b": null,\n "ñ": true\n}\n'
    )
    assert rounded({"a": (1, 2.0)}) == {"a": [1, 2.0]}
