"""Which stages an edit makes stale: DVC's own answer on the real dvc.yaml, for every kind of edit.

Outputs are stand-ins that are committed as they are; nothing is run. A stage that reruns with the
same bytes ends there: what comes after it does not run. tests/test_edited_rows.py has the rows.
"""

import shutil
import subprocess
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from test_graph import CODE, ROOT

pytestmark = pytest.mark.slow
Edit = Callable[[Path], object]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real graph, code and settings, up to date with outputs of one line."""
    folder = tmp_path_factory.mktemp("edits")
    for name in (*CODE, "params.yaml", "README.md", ".dvcignore", "data/raw", "languages"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (folder / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, folder / name)
    (folder / "data/raw/mine.csv").write_text("agua,atl\npan,tlaxcalli\n")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    with chdir(folder), Repo.init() as repo:
        for stage in repo.index.stages:
            for path in (Path(thing.fs_path) for thing in (*stage.outs, *stage.deps)):
                stand_in(path)
        repo.commit(None, force=True)
    assert stale(folder) == set()
    return folder


def stand_in(path: Path) -> None:
    """A file or folder in the place of an output, unless there is something."""
    if not path.exists():
        file = path if path.suffix else path / "part"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{path.name}\n")


def stale(folder: Path) -> set[str]:
    """The stages that DVC would run first."""
    with chdir(folder), Repo() as repo:
        return set(repo.status())


def append(path: str, text: str) -> Edit:
    return lambda root: (root / path).open("a", encoding="utf-8").write(text)


def write(path: str, text: str) -> Edit:
    return lambda root: (root / path).write_text(text, "utf-8")


def setting(value: object, *names: str, path: str = "params.yaml") -> Edit:
    def edit(root: Path) -> None:
        tree = yaml.safe_load((root / path).read_text("utf-8"))
        node = tree
        for name in names[:-1]:
            node = node[name]
        node[names[-1]] = value
        (root / path).write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")

    return edit


def turned(root: Path) -> None:
    """The sections of params.yaml, and the keys in them, the other way round; no comments."""
    tree = yaml.safe_load((root / "params.yaml").read_text("utf-8"))
    back = {n: dict(reversed(t.items())) if isinstance(t, dict) else t for n, t in tree.items()}
    text = yaml.safe_dump(dict(reversed(back.items())), sort_keys=False, allow_unicode=True)
    (root / "params.yaml").write_text(text, "utf-8")


def using(file: str) -> set[str]:
    """The stages that state this as a dependency, of both projects."""
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    names = {name for name, stage in graph.items() if file in stage["do"]["deps"]}
    return both(*names)


def reading(section: str) -> set[str]:
    """The stages of the first project that read this section of its settings."""
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    return {f"{n}@nah" for n, s in graph.items() if section in s["do"]["params"][0][PARAMS]}


def both(*names: str) -> set[str]:
    """The stages of these names, of both projects."""
    return {f"{name}@{key}" for name in names for key in ("nah", "orm")}


PARAMS = "${item}params.yaml"
EVERY = using("corpus/table.py")
EDITS: dict[str, tuple[Edit, set[str]]] = {
    "a comment in params.yaml": (append("params.yaml", "# by hand\n"), set()),
    "a comment in dvc.yaml": (append("dvc.yaml", "# by hand\n"), set()),
    "the order of params.yaml": (turned, set()),
    "a page of the docs": (append("README.md", "more\n"), set()),
    "workers": (setting(7, "shards", "workers"), set()),
    "a limit": (setting({"default": 0.9}, "select", "least_kept"), {"select@nah"}),
    "a setting of training": (setting(99, "adapt", "seed"), {"adapt@nah"}),
    "a setting of a method": (setting(5, "concatenate", "most_rows"), {"concatenate@nah"}),
    "a card's maintainer": (setting("Citlali", "report", "maintainer"), {"report@nah"}),
    "a source row added": (append("data/raw/mine.csv", "mesa,huapalli\n"), {"gather@nah"}),
    "a source row changed": (
        write("data/raw/mine.csv", "agua,ātl\npan,tlaxcalli\n"), {"gather@nah"}),
    "a source row removed": (write("data/raw/mine.csv", "agua,atl\n"), {"gather@nah"}),
    "a source file renamed": (
        lambda root: (root / "data/raw/mine.csv").rename(root / "data/raw/a.csv"), {"gather@nah"}),
    "a source's licence": (
        setting("CC0-1.0", "gather", "sources", "axolotl", "licence"), {"gather@nah"}),
    "a pinned asset": (
        setting("0" * 64, "fetch", "assets", "corpora/elotl", "sha256"), {"fetch@nah"}),
    "a repair": (setting({"default": ["composition"]}, "clean", "rules"), {"clean@nah"}),
    "an engine": (
        setting({"kind": "thot"}, "engines", "other"),
        reading("engines")),
    "an orthography in params.yaml": (
        setting(None, "languages", "nah", "orthography"), reading("languages")),
    "an orthography profile": (
        append("corpus/orthography/nah.yaml", "# by hand\n"), using("corpus/orthography")),
    "the rules' code": (append("corpus/select.py", "# by hand\n"), both("select", "challenge")),
    "code of the whole graph": (append("corpus/table.py", "# by hand\n"), EVERY),
    "a template of the cards": (
        append("train/templates/data_card.md.j2", "more\n"), using("train/templates")),
    "code that no stage imports": (append("corpus/why.py", "# by hand\n"), set()),
    "a verdict": (write("verdicts/nah.csv", "id,verdict,reviewer,comment\n"), {"mix@nah"}),
    "a rating": (write("ratings/nah.csv", "id\n"), {"ratings@nah"}),
    "a text taken down": (append("takedown/list.jsonl", "{}\n"), {"gather@nah"}),
    "a setting of the other language": (
        setting(0.9, "dedup", "similarity", path="languages/orm/params.yaml"), {"dedup@orm"}),
    "a text of the other language": (
        write("languages/orm/data/raw/more.csv", "bishaan,agua\n"), {"gather@orm"}),
    "a language taken out": (setting({"orm": "languages/orm/"}, "projects"), set()),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_makes_stale_what_reads_it_and_no_more(name: str, project: Path) -> None:
    edit, expected = EDITS[name]
    kept = project.with_name("kept")
    shutil.copytree(project, kept, symlinks=True, ignore=shutil.ignore_patterns(".dvc", ".git"))
    try:
        edit(project)
        assert stale(project) == expected
    finally:
        for path in (p for p in project.iterdir() if p.name not in (".dvc", ".git")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(kept, project, dirs_exist_ok=True)
        shutil.rmtree(kept)
