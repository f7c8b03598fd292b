"""A trace of what was taken down is found in every kind of file; nothing else is one."""

import csv
import gzip
import io
import json
import lzma
import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from test_takedown import SPEECH, asked, gathered, project  # noqa: F401

from augment import cache
from corpus.affected import made_of, models
from corpus.table import SYNTHETIC, InputError, write
from corpus.traces import fields
from train.take_down import checked, taken_down

BIG = 1 << 20
THAI = "ข้อความนี้ถูกลบออกแล้ว"


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def made(root: Path) -> None:
    """What a repro makes: gathered rows, two synthetic ones of each, one of the second row's."""
    output = gathered(root)
    for name, table in output.tables.items():
        write(table, root / "data/gather" / name, BIG)
    rows = [
        {**row, "id": f"{row['id']}{n}", "parent": row["id"], "engine": "x@0", "others": None}
        | {"origin": "respell", "target": f"{row['target']} respelled"}
        for row in output.tables["rows"].to_pylist()
        for n in "ab"
    ]
    again = {**rows[0], "id": "again", "parent": "nobody", "others": [rows[2]["id"]]}
    write(pa.Table.from_pylist([*rows, again], SYNTHETIC), root / "data/respell/rows", BIG)


def check(root: Path, place: Path | None = None) -> tuple[bool, list[str]]:
    """Whether nothing is left, and what the command says."""
    lines = []
    try:
        for line in checked(root, place):
            lines.append(line)
    except InputError as error:
        assert "run 'dvc repro'" in str(error)
        return False, lines
    return True, lines


def sheet(text: str) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(["row-1", f'{text} "so"', text])
    return out.getvalue()


FILES = {  # a published file: its bytes
    "reports/card.md": f"# Card\n\n| row | {SPEECH} |\n".encode(),
    "reports/prose.md": f"They write: {SPEECH.upper()} And so on.\n".encode(),
    "reports/index.html": f"<tr><td>{SPEECH}</td></tr>".encode(),
    "reports/x.json": json.dumps({"examples": [{"target": SPEECH}]}).encode(),
    "reports/keys.json": json.dumps({SPEECH: 1}).encode(),
    "data/sample/nah.csv": sheet(SPEECH).encode(),
    "data/x.jsonl.xz": lzma.compress(json.dumps({"t": f"amo\n{SPEECH}"}).encode()),
    "verdicts/nah.csv": sheet(SPEECH).encode(),
    "models/translator/table.txt": f"el señor ||| {SPEECH} ||| 0.5\n".encode(),
    "scratch/x.gz": gzip.compress(SPEECH.encode()),
    "plots/broken.csv": f'"never closed, {SPEECH}\n'.encode(),
    "plots/broken.json": f'{{"{SPEECH}\n'.encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_a_trace_is_found_in_every_kind_of_file(name: str, project: Path) -> None:  # noqa: F811
    asked(project, {"what": "row", "name": row_of(project), "elsewhere": "inside"})
    made(project)
    assert check(project)[0]
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(FILES[name])
    clear, lines = check(project)
    assert not clear
    assert any(line.startswith(f"  {path}: ") for line in lines)


def row_of(root: Path) -> str:
    """The id of the row of tales with SPEECH."""
    rows = gathered(root).tables["rows"].to_pylist()
    return next(str(r["id"]) for r in rows if r["target"] == SPEECH)


def test_before_a_repro_rows_and_their_children_are_counted(project: Path) -> None:  # noqa: F811
    made(project)
    assert check(project)[0], "nothing was asked for"
    asked(project, {"what": "document", "name": "Citlali"})
    clear, lines = check(project)
    assert not clear
    assert "rows: 6" in lines  # 2 gathered, 4 made of them
    made(project)
    clear, lines = check(project)
    assert clear and "rows: 0" in lines
    assert {"  tales.jsonl:5", "  tales.jsonl:6"} <= set(lines), "the raw source is ours to edit"


def test_children_of_children_are_followed(project: Path) -> None:  # noqa: F811
    made(project)
    rows = gathered(project).tables["rows"].to_pylist()
    assert made_of(project / "data", [rows[1]["id"]]).keys() == {
        f"{rows[1]['id']}a",
        f"{rows[1]['id']}b",
        "again",
    }
    assert made_of(project / "data", ["nobody else"]) == {}


def test_what_others_say_too_is_no_trace(project: Path) -> None:  # noqa: F811
    asked(project, {"what": "document", "name": "Xochitl", "origin": "tales"})
    made(project)
    clear, lines = check(project)
    assert clear, "Quema. and Sí. stand in Citlali's document, too"
    assert any("that nobody asked about" in line for line in lines)


def test_a_folder_besides_is_searched(project: Path, tmp_path: Path) -> None:  # noqa: F811
    asked(project, {"what": "text", "name": SPEECH})
    made(project)
    place = tmp_path / "exported"
    place.mkdir()
    (place / "a.txt").write_text(f"{THAI}\n{SPEECH}\n", "utf-8")
    assert check(project)[0]
    assert not check(project, place)[0]


def test_the_command_forgets_records_and_begun_models(
    project: Path,  # noqa: F811
) -> None:
    made(project)
    cache.record(("translate", "x@0"), [SPEECH, "amo"], ['[["He spoke", null, 2]]', "no"])
    (project / "scratch/adapt").mkdir(parents=True)
    ask = project / "ask.jsonl"
    request = {"what": "text", "name": SPEECH, "reason": "x", "date": "2026-11-25"}
    ask.write_text(json.dumps(request))
    lines = list(taken_down(ask, project))
    assert any(line.startswith("made from them: 6 rows (respell 6)") for line in lines)
    assert any(line.startswith("forgotten: 1 records") for line in lines)
    assert cache.recall(("translate", "x@0"), [SPEECH, "amo"]) == {"amo": "no"}
    assert not (project / "scratch").exists()


def test_a_record_that_comes_back_is_found(project: Path) -> None:  # noqa: F811
    asked(project, {"what": "text", "name": SPEECH})
    made(project)
    cache.record(("translate", "x@0"), ["amo"], ["no"])
    assert check(project)[0]
    cache.record(("translate", "x@0"), [SPEECH], ["He spoke"])
    clear, lines = check(project)
    assert not clear and "records of engines: 1" in lines


def test_models_of_versions_that_trained_on_it_are_named(tmp_path: Path) -> None:
    def version(number: int, ids: list[str]) -> None:
        objects = tmp_path / ".dvc/cache/files/md5"
        shard, listing = f"aa{number}", f"bb{number}.dir"
        (objects / "aa").mkdir(parents=True, exist_ok=True)
        (objects / "bb").mkdir(parents=True, exist_ok=True)
        write(pa.table({"id": ids}), tmp_path / "t", BIG)
        (tmp_path / "t/00000.parquet").rename(objects / "aa" / shard[2:])
        entry = [{"md5": shard, "relpath": "train/00000.parquet"}]
        (objects / "bb" / listing[2:]).write_text(json.dumps(entry))
        lock = f"""stages:
  split: {{outs: [{{path: data/split, md5: {listing}}}]}}
  adapt@nah: {{outs: [{{path: models/adapt/nah, md5: model{number}}}]}}
  base: {{outs: [{{path: models/base, md5: base}}]}}
"""
        (tmp_path / "dvc.lock").write_text(lock)

    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, env=os.environ)

    git("init", "-q")
    for number, ids in enumerate((["x"], ["y", "z"], ["x", "y"], ["x"])):
        version(number, ids)
        git("add", "dvc.lock")
        git("commit", "-qm", f"run {number}")
        if number == 1:
            git("tag", "v1")
    said = list(models(tmp_path, ["y"]))
    assert [line.split()[2] for line in said] == ["(model1)", "(model2)"]
    assert " v1: trained on them" in said[0]
    (tmp_path / ".dvc/cache/files/md5/bb/1.dir").unlink()
    assert "cannot tell" in next(models(tmp_path, ["z"]))


@pytest.mark.parametrize(
    ("text", "name", "parts"),
    [
        ('a,"b, ""c"""\n', "x.csv", ["a", 'b, "c"']),
        ('{"a": ["b", {"c": "d"}], "e": 1}', "x.json", ["a", "b", "c", "d", "e"]),
        ('"a"\n"b"\n', "x.jsonl", ["a", "b"]),
        ('"a\u2028b\x85"\n"c\\"d"\n', "x.jsonl", ["a\u2028b\x85", 'c"d']),
        ("a\tb\nc\n", "x.tsv", ["a", "b", "c"]),
    ],
)
def test_fields_are_what_the_format_says(text: str, name: str, parts: list[str]) -> None:
    assert list(fields(text, name)) == parts
