"""The real graph, run by DVC on what `milpa new` wrote for plain text and for too few pairs."""

import csv
import json
import lzma
import subprocess
from pathlib import Path

import pytest
import yaml
from test_graph import ROOT, SETTINGS, copied, dvc, ran, small

from corpus.new import new
from corpus.proposal import Told
from corpus.settings import load
from corpus.table import read

HOMES = {"amh": "languages/amh/", "hau": "languages/hau/"}
pytestmark = pytest.mark.slow


def texts(declaration: str) -> list[str]:
    with lzma.open(ROOT / "data/raw/udhr.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [r["text"] for r in map(json.loads, lines) if r["declaration"] == declaration]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two languages in one repository: Amharic as plain text, Hausa with English beside it."""
    folder = tmp_path_factory.mktemp("milpa")
    copied(folder, 300)
    first = small(load(SETTINGS), folder / "assets")  # Oromo: of Hausa's family, so its neighbour
    (folder / "params.yaml").write_text(yaml.safe_dump(first, allow_unicode=True), "utf-8")
    plain, pairs = folder / "plain", folder / "pairs"
    plain.mkdir()
    pairs.mkdir()
    (plain / "book.txt").write_text(" ".join(texts("amh")), "utf-8")
    with (pairs / "both.csv").open("w", encoding="utf-8", newline="") as file:
        rows = zip(texts("eng"), texts("hau_NG"), strict=False)
        csv.writer(file).writerows([("english", "hausa"), *rows])
    new("Amharic", plain, folder, Told("unknown", trusted=False, pivot=None))
    new("hau", pairs, folder, Told("CC0-1.0", trusted=True, pivot=None))
    for home in HOMES.values():
        tree = load(folder / home / "params.yaml")
        tree["translator"]["least_pairs"] = 200
        tree["adapt"]["compile"] = False  # test_graph has it
        tree["base"]["name"] = f"{home}data/fetch/models/smollm2"
        (folder / home / "params.yaml").write_text(
            yaml.safe_dump(tree, allow_unicode=True), "utf-8"
        )
    tree = load(folder / "params.yaml")
    assert tree["projects"] == tree["adapters"] == {"orm": "", **HOMES}
    tree["projects"] = tree["adapters"] = HOMES  # Oromo is not asked for
    (folder / "params.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    dvc(folder, "init", "-q")
    dvc(folder, "repro")
    return folder


CLM = {"objective": "clm", "steps": 3}
SFT = {"objective": "sft", "steps": 2}


def report(project: Path, language: str, name: str) -> dict:
    path = project / HOMES[language] / f"reports/{name}.json"
    return json.loads(path.read_text("utf-8"))


def test_what_needs_a_translator_is_empty_and_says_why(project: Path) -> None:
    amharic, hausa = (report(project, key, "translator")["languages"] for key in HOMES)
    assert amharic["amh"]["model"] == "none: 0 pairs to train on, least_pairs is 200"
    assert hausa["hau"]["bitext"] > 50
    assert hausa["hau"]["model"].endswith("least_pairs is 200")
    for key, home in HOMES.items():
        assert report(project, key, f"retrain/{key}")["engine"] is None
        assert len(read(project / home / "data/backtranslate/rows")) == 0
    assert report(project, "amh", "adapt/amh")["phases"] == [CLM]
    assert report(project, "hau", "adapt/hau")["phases"] == [CLM, SFT]


def test_what_can_be_measured_is(project: Path) -> None:
    alone, pairs = report(project, "amh", "evaluate/amh"), report(project, "hau", "evaluate/hau")
    assert alone["bits_per_byte"]["text"]["mixed"]["value"] > 0
    assert alone["chrf"]["to_target"] == {"rows": 0}
    assert pairs["chrf"]["to_target"]["copy"]["value"] >= 0
    assert "translator" not in pairs["chrf"]["to_target"]
    page = (project / HOMES["amh"] / "reports/index.html").read_text("utf-8")
    assert "Amharic" in page and "Hausa" not in page
    assert "How much of it is one book" in page


def test_neighbours_are_lent_and_going_to_and_fro_reruns_nothing(project: Path) -> None:
    assert "orm_Latn" in report(project, "hau", "gather")["by_language"]
    for key in ("hau", "amh", "hau"):
        assert ran(dvc(project, "repro", "--glob", f"*@{key}")) == set()
    for key, home in HOMES.items():
        one = {"projects": {key: home}, "adapters": {key: home}}
        whole = (project / "params.yaml").read_text("utf-8")
        (project / "params.yaml").write_text(yaml.safe_dump(load(project / "params.yaml") | one))
        try:
            assert ran(dvc(project, "repro")) == set()
        finally:
            (project / "params.yaml").write_text(whole, "utf-8")
    lock = yaml.safe_load((project / "dvc.lock").read_text("utf-8"))["stages"]
    assert {name.partition("@")[2] for name in lock} == {*HOMES}
