"""The real graph, run by DVC on what `milpa new` wrote for plain text and for too few pairs."""

import csv
import json
import lzma
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from test_graph import ROOT, copied, dvc, small

from corpus.new import new
from corpus.proposal import Told
from corpus.settings import load
from corpus.table import read

pytestmark = pytest.mark.slow


def texts(declaration: str) -> list[str]:
    with lzma.open(ROOT / "data/raw/udhr.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [r["text"] for r in map(json.loads, lines) if r["declaration"] == declaration]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two languages: Amharic as plain text, Hausa with English beside it."""
    folder = tmp_path_factory.mktemp("milpa")
    copied(folder, 300)  # of Hausa's family, so its neighbour
    shutil.copy(ROOT / "params.yaml", folder)
    plain, pairs = folder / "plain", folder / "pairs"
    plain.mkdir()
    pairs.mkdir()
    (plain / "book.txt").write_text(" ".join(texts("amh")), "utf-8")
    with (pairs / "both.csv").open("w", encoding="utf-8", newline="") as file:
        rows = zip(texts("eng"), texts("hau_NG"), strict=False)
        csv.writer(file).writerows([("english", "hausa"), *rows])
    new("Amharic", plain, folder, Told("unknown", trusted=False, pivot=None))
    new("hau", pairs, folder, Told("CC0-1.0", trusted=True, pivot=None))
    params = small(load(folder / "params.yaml"), folder / "assets")
    params["active"] = ["amh", "hau"]
    params["translator"]["least_pairs"] = 200
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), "utf-8")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    dvc(folder, "init", "-q")
    dvc(folder, "repro")
    return folder


CLM = {"objective": "clm", "steps": 3}
SFT = {"objective": "sft", "steps": 2}


def report(project: Path, name: str) -> dict:
    return json.loads((project / f"reports/{name}.json").read_text("utf-8"))


def test_what_needs_a_translator_is_empty_and_says_why(project: Path) -> None:
    found = report(project, "translator")["languages"]
    assert found["amh"]["model"] == "none: 0 pairs to train on, least_pairs is 200"
    assert found["hau"]["bitext"] > 50
    assert found["hau"]["model"].endswith("least_pairs is 200")
    for language in ("amh", "hau"):
        assert report(project, f"retrain/{language}")["engine"] is None
    assert len(read(project / "data/backtranslate/rows")) == 0
    assert report(project, "adapt/amh")["phases"] == [CLM]
    assert report(project, "adapt/hau")["phases"] == [CLM, SFT]


def test_what_can_be_measured_is(project: Path) -> None:
    alone, pairs = report(project, "evaluate/amh"), report(project, "evaluate/hau")
    assert alone["bits_per_byte"]["text"]["mixed"]["value"] > 0
    assert alone["chrf"]["to_target"] == {"rows": 0}
    assert pairs["chrf"]["to_target"]["copy"]["value"] >= 0
    assert "translator" not in pairs["chrf"]["to_target"]
    page = (project / "reports/index.html").read_text("utf-8")
    assert "Amharic" in page
    assert "How much of it is one book" in page
