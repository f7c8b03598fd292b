"""dvc.yaml tells the truth: code, settings, imports and paths agree, or `dvc repro` would lie."""

import ast
import inspect
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
PROJECTS = {key: yaml.safe_load((ROOT / at / "params.yaml").read_text("utf-8"))
            for key, at in PARAMS["projects"].items()}  # fmt: skip


def stages(path: str) -> dict[str, Any]:
    """The stages of a graph, as each of them is for the first project."""
    whole = yaml.safe_load((ROOT / path).read_text("utf-8"))["stages"]
    text = json.dumps({name: stage["do"] for name, stage in whole.items()})
    return json.loads(text.replace("${item}", "").replace("${key}", "${language}"))


DEFAULT = stages("dvc.yaml")  # what `dvc repro` runs
ASIDE = stages("ablation/dvc.yaml")
GRAPH = DEFAULT | ASIDE
ORDER = ("corpus", "augment", "train")  # imports may point to the left only
PARENTS = {
    *("reports/adapt", "reports/retrain", "reports/evaluate"),
    *("reports/ratings", "reports/contamination", "plots/adapt"),
}  # one a language
DATA = {
    "corpus/orthography.py": "corpus/orthography",
    "train/cards.py": "train/templates",
    "augment/protected.py": "augment/protected",
    "augment/edits.py": "augment/noise",
}
MADE = (
    "out",
    "report",
    "curves",
    "page",
    "data",
    "model",
    "metrics",
    "compared",
    "figure",
)  # words that name what a stage writes


def module_path(module: str) -> Path | None:
    """The file of one of our own modules, or None."""
    if module.split(".")[0] not in ORDER:
        return None
    path = ROOT / Path(*module.split("."))
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()), None)


def imported(path: Path) -> set[str]:
    """Every module that a file imports, however deep in its functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def closure(module: str, seen: set[Path]) -> set[Path]:
    """The files of `module` and of all that it imports of our own."""
    path = module_path(module)
    if path is None or path in seen:
        return seen
    seen.add(path)
    for name in imported(path):
        closure(name, seen)
    return seen


def command(name: str) -> tuple[str, dict[str, str]]:
    """The module and the name=value words of a stage's command."""
    _, _, module, *words = GRAPH[name]["cmd"].split()
    return module, dict(word.split("=", 1) for word in words)


def paths(name: str, kind: str) -> list[str]:
    """The declared paths of one kind."""
    return [
        entry if isinstance(entry, str) else next(iter(entry))
        for entry in GRAPH[name].get(kind, [])
    ]


def function(name: str) -> Any:
    """The stage's function."""
    module, _ = command(name)
    return getattr(import_module(module), name)


@pytest.mark.parametrize("name", GRAPH)
def test_stage_is_module_is_section_is_report(name: str) -> None:
    module, words = command(name)
    assert module.split(".")[1] == name
    assert name in PARAMS
    assert words["report"].startswith(f"reports/{name}") or name == "report"
    assert GRAPH[name]["desc"]


@pytest.mark.parametrize("name", GRAPH)
def test_every_imported_file_is_a_dependency(name: str) -> None:
    module, _ = command(name)
    needed = {str(p.relative_to(ROOT)) for p in closure(module, set()) if p.name != "__init__.py"}
    needed |= {DATA[path] for path in needed & DATA.keys()}
    declared = {d for d in paths(name, "deps") if d.split("/")[0] in ORDER}
    assert declared == needed


@pytest.mark.parametrize("name", GRAPH)
def test_every_path_of_the_command_is_declared(name: str) -> None:
    _, words = command(name)
    outs = {*paths(name, "outs"), *paths(name, "metrics"), *paths(name, "plots")}
    for word, path in words.items():
        if "/" not in path and path not in ("verdicts", "ratings"):
            continue
        declared = outs if word in MADE else set(paths(name, "deps"))
        for one in path.split(","):
            inside = {str(p) for d in declared for p in Path(d).parents} if word in MADE else set()
            assert one in inside or any(one == d or one.startswith(f"{d}/") for d in declared), one


def params(name: str) -> set[str]:
    """The settings that a stage declares, all of its project's file."""
    [(path, read)] = GRAPH[name]["params"][0].items()
    assert path == "params.yaml"
    return set(read)


@pytest.mark.parametrize("name", GRAPH)
def test_every_setting_read_is_declared(name: str) -> None:
    shared = {"active", "languages", "engines"}
    read = {name, *(shared & set(inspect.signature(function(name)).parameters))}
    named = set(re.findall(r"@([a-z_.]+)", GRAPH[name]["cmd"]))
    assert params(name) - {"shards.most_bytes"} == read | named


@pytest.mark.parametrize("name", GRAPH)
def test_tables_are_cut_by_a_declared_size(name: str) -> None:
    # workers and runner are not declared: they do not change a byte
    makes_table = "data/" in GRAPH[name]["cmd"].split("out=")[-1].split()[0]
    if makes_table and name not in ("fetch", "clean", "sample", "evaluate", "ratings", "report"):
        assert "shards.most_bytes" in params(name)


def test_a_dependency_is_an_output_or_inside_one() -> None:
    outs = {o for n in GRAPH for kind in ("outs", "metrics", "plots") for o in paths(n, kind)}
    for name in GRAPH:
        for dep in paths(name, "deps"):
            assert dep in PARENTS or not [o for o in outs if o.startswith(f"{dep}/")], (name, dep)


def test_what_stands_aside_runs_in_the_project_and_on_its_settings() -> None:
    aside = yaml.safe_load((ROOT / "ablation/dvc.yaml").read_text("utf-8"))
    assert aside["vars"] == ["../params.yaml"]
    assert all(stage["wdir"] == ".." for stage in ASIDE.values())
    assert not DEFAULT.keys() & ASIDE.keys()


def test_imports_point_from_train_to_augment_to_corpus() -> None:
    for rank, package in enumerate(ORDER):
        for path in (ROOT / package).rglob("*.py"):
            for module in imported(path):
                top = module.split(".")[0]
                assert top not in ORDER[rank + 1 :], f"{path} imports {module}"


def test_the_corpus_never_imports_a_training_library() -> None:
    for path in (ROOT / "corpus").rglob("*.py"):
        assert not {m.split(".")[0] for m in imported(path)} & {"torch", "transformers", "peft"}


@pytest.mark.parametrize("key", PROJECTS)
def test_every_section_has_a_reader(key: str) -> None:
    first = {"projects", "adapters"} if not PARAMS["projects"][key] else set()
    assert set(PROJECTS[key]) == {*GRAPH, "active", "languages", "engines", "shards", *first}


def test_one_graph_builds_every_project_and_reads_no_other_one() -> None:
    shared = ("data/raw/udhr.jsonl.xz", "augment/protected", "augment/noise", *ORDER)
    for path in ("dvc.yaml", "ablation/dvc.yaml"):
        for name, stage in yaml.safe_load((ROOT / path).read_text("utf-8"))["stages"].items():
            by = "adapters" if "${key}" in stage["do"]["cmd"] else "projects"
            assert stage["foreach"] == f"${{{by}}}", name
            for word in [w.partition("=")[2] or w for w in stage["do"]["cmd"].split()[3:]]:
                for one in word.split(","):
                    own = "/" not in one or one.startswith(("${item}", *shared))
                    assert own, (name, one)
            for kind in ("deps", "params", "outs", "plots"):
                for entry in stage["do"].get(kind, []):
                    one = entry if isinstance(entry, str) else next(iter(entry))
                    assert one.startswith(("${item}", *shared)), (name, one)


def test_the_picture_shows_every_stage() -> None:
    drawn = (ROOT / "docs/graph.svg").read_text("utf-8")
    assert set(re.findall(r"<title>(\w+)</title>", drawn)) == set(DEFAULT), "run docs/graph.py"


def test_the_readme_names_every_module_once() -> None:
    tree = (ROOT / "README.md").read_text("utf-8").split("## The tree")[1]
    for package in ORDER:
        part = re.split(r"\n(?=\S)", tree.split(f"\n{package}/\n", 1)[1], maxsplit=1)[0]
        named = sorted(re.findall(r"^  (\S+\.py) ", part, re.M))
        paths = [p for p in (ROOT / package).rglob("*.py") if p.name != "__init__.py"]
        assert named == sorted(str(p.relative_to(ROOT / package)) for p in paths), package


def test_every_dependency_is_explained_in_the_readme() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    block = project.split("dependencies = [", 1)[1].split("\n]", 1)[0]
    readme = (ROOT / "README.md").read_text("utf-8").lower()
    for name in re.findall(r'^  "([\w.-]+)', block, re.M):
        assert f"`{name.lower()}`" in readme, name
