"""Which project of a repository a folder is: the first at its root, each other one in languages/.

One dvc.yaml and one dvc.lock at the root serve them all (docs/languages.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from corpus.settings import PARAMS, load, section
from corpus.table import InputError

LOCK = "dvc.lock"  # at the root, of all projects
LANGUAGES = "languages"  # the folder of all projects but the first
Tree = dict[str, Any]


@dataclass(frozen=True)
class Home:
    """Where a project lies."""

    root: Path  # the folder of dvc.yaml and dvc.lock
    at: str  # the project's folder below it, such as languages/orm/; empty: the root itself

    def __post_init__(self) -> None:
        if self.at and not self.at.endswith("/"):
            raise ValueError(f"{self.at!r} must end with a stroke")


def home(folder: Path) -> Home:
    """The project that a folder is."""
    here = folder.resolve()
    root = next((place for place in (here, *here.parents) if (place / ".dvc").is_dir()), here)
    inside = here.relative_to(root)
    return Home(root, f"{inside.as_posix()}/" if inside.parts else "")


def keys_of(folder: Path) -> list[str]:
    """What stands behind the @ in the names of the stages that build the project of a folder.

    Raises:
        InputError: the settings at the root name no such project.
    """
    place = home(folder)
    tree = load(place.root / PARAMS)
    projects, adapters = (section(dict[str, str], name, tree) for name in ("projects", "adapters"))
    keys = [key for key, at in (projects | adapters).items() if at == place.at]
    if place.at not in projects.values():
        raise InputError(
            f"{place.root / PARAMS}: projects has no folder {place.at!r}; it has {projects}"
        )
    return keys


def remember(folder: Path) -> None:
    """Let DVC restore what it just ran for a project, should settings or texts be so again.

    By itself it remembers no run of a stage with an output that git keeps, unless that is a metric
    or a plot; reports are neither, for `dvc metrics diff` to stay readable.
    """
    from dvc.repo import Repo

    keys = keys_of(folder)
    with Repo(str(home(folder).root)) as repo, repo.lock:
        for stage in repo.index.stages:
            name = getattr(stage, "name", None) or ""
            if name.partition("@")[2] in keys and not stage.changed():
                repo.stage_cache.save(stage)


def project_of(path: str) -> str:
    """The project that an output belongs to, by its path below the root.

    >>> project_of("languages/orm/data/clean"), project_of("data/clean")
    ('languages/orm/', '')
    """
    top, *rest = PurePosixPath(path).parts
    return f"{top}/{rest[0]}/" if top == LANGUAGES and len(rest) > 1 else ""


def own(stages: Mapping[str, Tree], at: str) -> dict[str, Tree]:
    """Those stages of a lock that build one project, named as if it stood alone.

    A stage that makes an adapter keeps its language in its name.

    >>> gather = {"outs": [{"path": "languages/orm/data/gather"}]}
    >>> adapt = {"outs": [{"path": "languages/orm/models/adapt/orm"}]}
    >>> found = own({"gather@orm": gather, "adapt@orm": adapt, "clean@nah": {}}, "languages/orm/")
    >>> {name: stage["outs"][0]["path"] for name, stage in found.items()}
    {'gather': 'data/gather', 'adapt@orm': 'models/adapt/orm'}
    """
    mine = {}
    for name, entry in stages.items():
        outs = [out["path"] for out in entry.get("outs", [])]
        if outs and all(project_of(path) == at for path in outs):
            stage, _, key = name.partition("@")
            apart = any(PurePosixPath(path).name == key for path in outs)
            mine[name if apart else stage] = local(entry, at)
    return mine


def local(entry: Tree, at: str) -> Tree:
    """An entry of a lock with its paths below the project's folder."""
    listed: Tree = {
        kind: [one | {"path": one["path"].removeprefix(at)} for one in entry[kind]]
        for kind in ("deps", "outs")
        if kind in entry
    }
    params = {path.removeprefix(at): read for path, read in entry.get("params", {}).items()}
    return {**entry, **listed, "params": params}
