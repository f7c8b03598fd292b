"""Two projects in one repository: each sees its part of the lock and its rows, and no other."""

import os
import sys
from contextlib import chdir
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from dvc.repo import Repo
from hypothesis import given
from hypothesis import strategies as st

from corpus.affected import outs_of
from corpus.cli import main
from corpus.project import Home, home, keys_of, own, project_of
from corpus.settings import load
from corpus.table import InputError
from corpus.versions import WORKSPACE, versions
from tests.projects import GRAPH, begin, git, grown, write_all

ROOT = Path(__file__).parent.parent
HOMES = {"nah": "", "orm": "languages/orm/"}
NAHUATL = [("book", "1", None, text) for text in ("se tlakatl", "ome siuatl", "yei chichi")]
OROMO = [("help", "1", None, text) for text in ("galmee banuu", "fuula duraa", "maxxansi kana")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with rows of both languages, and a second version with one more Oromo row."""
    folder = tmp_path_factory.mktemp("both") / "milpa"
    begin(folder)
    stages = {
        name: {
            "foreach": "${projects}",
            "do": {
                "cmd": "true",
                "deps": [f"${{item}}{dep}" for dep in deps],
                "params": [{"${item}params.yaml": [name]}],
                "outs": [f"${{item}}data/{name}"],
            },
        }
        for name, deps in GRAPH.items()
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for tag, oromo in (("v1", OROMO), ("v2", [*OROMO, ("help", "2", None, "dogoggora")])):
        for at, rows in (("", NAHUATL), ("languages/orm/", oromo)):
            place = folder / at
            (place / "data/raw").mkdir(parents=True, exist_ok=True)
            (place / "data/raw/mine.txt").write_text("\n".join(text for *_, text in rows))
            tree = {name: {"licence": "CC0-1.0"} for name in GRAPH}
            tree |= {"active": ["x"], "languages": {"x": LANGUAGE}}
            tree |= {} if at else {"projects": HOMES, "adapters": HOMES}
            (place / "params.yaml").write_text(yaml.safe_dump(tree))
            write_all(grown(rows), place)
        with chdir(folder), Repo(str(folder)) as repo:
            repo.commit(force=True)
        git(folder, "add", "--all")
        git(folder, "commit", "-m", tag)
        git(folder, "tag", tag)
    return folder


LANGUAGE = {
    "name": "x", "varieties": ["nci", "orm"], "script": "Latn", "pivot": "spa_Latn",
    "neighbours": [], "orthography": None,
}  # fmt: skip


def test_a_folder_is_its_project(root: Path, tmp_path: Path) -> None:
    assert home(root) == Home(root.resolve(), "")
    assert home(root / "languages/orm") == Home(root.resolve(), "languages/orm/")
    assert home(tmp_path) == Home(tmp_path.resolve(), "")  # no repository: it stands alone
    assert keys_of(root) == ["nah"]
    assert keys_of(root / "languages/orm") == ["orm"]
    (root / "languages/none").mkdir(exist_ok=True)
    with pytest.raises(InputError, match="projects has no folder 'languages/none/'"):
        keys_of(root / "languages/none")


@pytest.mark.parametrize(("at", "rows"), [("", NAHUATL), ("languages/orm/", OROMO)])
def test_a_version_has_its_own_stages_and_rows(root: Path, at: str, rows: list) -> None:
    with versions(root / at, "v1", WORKSPACE) as found:
        for version in found:
            assert sorted(version.lock) == sorted(GRAPH)
            assert version.lock["clean"]["deps"][0]["path"] == "data/gather"
            assert set(version.lock["clean"]["params"]) == {"params.yaml"}
        (shard,) = found[0].tables("clean")["rows"]
        assert len(found[0].tables("clean")["rows"]) == 1
        assert set(pq.read_table(shard)["target"].to_pylist()) == {text for *_, text in rows}
    lock = (root / "dvc.lock").read_text("utf-8")
    assert set(outs_of(lock, at)) == {f"data/{name}" for name in GRAPH}
    assert len(outs_of(lock, None)) == 2 * len(GRAPH)


def test_diff_in_a_project_shows_its_rows_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "languages/orm")
    done = CliRunner().invoke(main, ["diff", "v1", "v2", "--rows"])
    assert done.exit_code == 0, done.output
    assert "dogoggora" in done.output and "tlakatl" not in done.output
    monkeypatch.chdir(root)
    done = CliRunner().invoke(main, ["diff", "v1", "v2", "--rows"])
    assert done.exit_code == 0, done.output
    assert "dogoggora" not in done.output


def test_what_milpa_builds_comes_back_without_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where git keeps an output, whose runs DVC forgets."""
    folder = tmp_path / "milpa"
    begin(folder)
    stage = {
        "foreach": "${projects}",
        "do": {
            "cmd": "echo ${one} > ${item}made; echo x >> ${item}ran; echo ${one} > ${item}report",
            "deps": ["text"],
            "params": ["one"],
            "outs": ["${item}made", {"${item}report": {"cache": False}}],
        },
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"make": stage}}))
    (folder / "text").write_text("atl")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for value in (1, 2, 1):
        tree = {"projects": {"nah": ""}, "adapters": {"nah": ""}, "one": value}
        (folder / "params.yaml").write_text(yaml.safe_dump(tree))
        done = CliRunner().invoke(main, ["repro", "-q"])
        assert done.exit_code == 0, done.output
        assert (folder / "made").read_text() == (folder / "report").read_text() == f"{value}\n"
    assert (folder / "ran").read_text() == "x\nx\n"
    broken = {"projects": {"nah": ""}, "adapters": {"nah": ""}, "one": 3}
    (folder / "params.yaml").write_text(yaml.safe_dump(broken))
    (folder / "text").unlink()
    assert CliRunner().invoke(main, ["repro", "-q"]).exit_code != 0


def test_a_project_that_was_not_there_yet_is_one_line(root: Path) -> None:
    with (
        pytest.raises(InputError, match=r"dvc\.lock has no stage of languages/none/"),
        versions(root / "languages/none", "v1"),
    ):
        pass


def test_another_repository_is_none_of_a_folder_that_is_not_there(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    with (
        pytest.raises(InputError, match="cannot be cloned"),
        versions(root, "none/such#v1"),
    ):
        pass


@given(st.dictionaries(st.text("abc", min_size=1), st.sampled_from(["", "languages/orm/"])))
def test_every_stage_is_one_projects(places: dict[str, str]) -> None:
    lock = {f"{name}@x": {"outs": [{"path": f"{at}data/{name}"}]} for name, at in places.items()}
    mine = {at: own(lock, at) for at in ("", "languages/orm/")}
    assert sum(map(len, mine.values())) == len(lock)
    for at, stages in mine.items():
        assert {*stages} == {name for name, place in places.items() if place == at}
        assert all(not project_of(s["outs"][0]["path"]) for s in stages.values())


def test_each_project_here_names_its_own_languages() -> None:
    first = load(ROOT / "params.yaml")
    for key, at in first["projects"].items():
        tree = load(ROOT / at / "params.yaml")
        assert tree["active"] == [key]
        used = {source["language"] for source in tree["gather"]["sources"].values()}
        assert used == {*tree["languages"]}
        for name in ("verdicts", "ratings", "statements", "takedown", "data/raw/instructions"):
            assert (ROOT / at / name / "README.md").exists()
