"""After a take-down and a repro of the real graph nothing holds the text but what is said to."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from test_graph import SETTINGS, copied, dvc, ran, small

from corpus.table import read

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The graph up to synthetic rows that hold the texts of several parents, 200 Oromo rows."""
    folder = tmp_path_factory.mktemp("milpa")
    copied(folder, 200)
    params = small(yaml.safe_load(SETTINGS.read_text("utf-8")), folder / "assets")
    params["concatenate"]["most_rows"] = 50
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), "utf-8")
    for words in (["init", "-q"], ["config", "user.name", "a"], ["config", "user.email", "a@b"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    dvc(folder, "init", "-q")
    dvc(folder, "repro", "concatenate")
    subprocess.run(["git", "add", "dvc.lock"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "before"], cwd=folder, check=True)
    return folder


def milpa(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run milpa in a project, with the user cache that its stages have."""
    env = os.environ | {"PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(folder / ".cache")}
    command = [sys.executable, "-m", "train.cli", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_a_row_goes_with_all_that_was_made_of_it(project: Path) -> None:
    made = read(project / "data/concatenate/rows").to_pylist()
    parent, child = made[0]["others"][0], made[0]["id"]
    before = read(project / "data/gather/rows")
    train = read(project / "data/split/train").to_pylist()
    text = next(r["target"] for r in train if len(r["target"]) > 40 and r["id"] != parent)
    ask = project / "ask.csv"
    requests = [("text", text.upper(), "its author", "2026-11-25")]
    requests += [("row", parent, "its speaker", "2026-11-25")]
    with ask.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("what", "name", "reason", "date"), *requests])
    said = milpa(project, "take-down", str(ask))
    assert said.returncode == 0, said.stderr
    assert "made from them: " in said.stdout and "concatenate" in said.stdout
    early = milpa(project, "take-down", "--check")
    assert early.returncode == 1, "nothing has been made anew yet"
    assert f"  {Path('data/concatenate/rows/00000.parquet')}: " in early.stdout
    again = ran(dvc(project, "repro", "concatenate"))
    assert {"gather", "clean", "split", "concatenate"} <= again
    assert "fetch" not in again
    after = read(project / "data/gather/rows")
    gone = {*before["id"].to_pylist()} - {*after["id"].to_pylist()}
    assert parent in gone and len(gone) == len(before) - len(after) < 10
    remade = read(project / "data/concatenate/rows").to_pylist()
    assert child not in {row["id"] for row in remade}
    assert not [row for row in remade if text in row["target"]]


def test_the_proof_says_what_is_left_and_where(project: Path) -> None:
    checked = milpa(project, "take-down", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    lines = checked.stdout.splitlines()
    for line in ("rows: 0", "texts: 0", "records of engines: 0"):
        assert line in lines
    assert any(line.startswith("  libreoffice-help.om.jsonl.xz:") for line in lines)
    assert "old versions in DVC's cache: 0 files" not in lines
    dvc(project, "gc", "--workspace", "--force")
    lines = milpa(project, "take-down", "--check").stdout.splitlines()
    assert "old versions in DVC's cache: 0 files" in lines
