"""Reads and writes params.yaml so that comments and all that is not changed stay as they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from yaml import safe_load

from corpus.fetch import CORPORA
from corpus.gather import Gather, chosen
from corpus.settings import languages, load, section
from corpus.table import InputError

PROJECTS = ("projects", "adapters")  # sections of the first project's settings alone
Tree = dict[str, Any]


def yaml() -> YAML:
    """Reads and writes params.yaml so that what is not changed stays as it is."""
    made = YAML()
    made.preserve_quotes = True
    made.width = 10**6
    made.indent(mapping=2, sequence=4, offset=2)
    made.representer.add_representer(
        type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return made


def read(params: Path) -> Tree:
    """The settings with their comments.

    Raises:
        InputError: the file is missing.
    """
    if not params.exists():
        raise InputError(f"{params} does not exist; run from the folder of dvc.yaml")
    tree: Tree = yaml().load(params.read_text("utf-8"))
    return tree


def add(tree: Tree, code: str, entry: Tree, sources: Mapping[str, Tree]) -> None:
    """Put the language first, alone in `active`, and its sources before the others.

    Raises:
        InputError: a source's name is taken.
    """
    known = tree["gather"]["sources"]
    if taken := sorted(sources.keys() & known.keys()):
        raise InputError(f"gather.sources has {taken} already; rename the files")
    tree["active"] = flow([code])
    tree["languages"].insert(0, code, {name: flow(value) for name, value in entry.items()})
    for place, (name, source) in enumerate(sources.items()):
        known.insert(place, name, {key: flow(value) for key, value in source.items()})


def narrowed(params: Path, kept: set[str]) -> Tree:
    """The settings of a project of its own for some of the languages; comments come along."""
    made = read(params)
    for name in PROJECTS:
        del made[name]
    sources = made["gather"]["sources"]
    gone = made["languages"].keys() - kept
    lost = {name for name, source in sources.items() if source["language"] in gone}
    for place in (made["languages"], made["noise"]["rules"], made["report"]["cautions"]):
        remove(place, gone)
    for place in (sources, made["clean"]["rules"]):
        remove(place, lost)
    whole = made["split"]["whole_documents"]
    whole[:] = [origin for origin in whole if origin not in lost]
    texts = [source["path"] for source in sources.values()]
    assets = made["fetch"]["assets"]
    for name in [name for name in assets if name.startswith(CORPORA)]:
        if not any(path.startswith(f"fetched/{name.removeprefix(CORPORA)}") for path in texts):
            del assets[name]
    return made


def remove(place: Tree, names: set[str]) -> None:
    """Take out keys, those that are there."""
    for name in names & place.keys():
        del place[name]


def flow(value: Any) -> Any:  # noqa: ANN401
    """A list or mapping that is written on one line; `no` and `on` in quotes, as YAML 1.1 asks."""
    if isinstance(value, str):
        return value if isinstance(safe_load(value), str) else DoubleQuotedScalarString(value)
    if isinstance(value, list):
        value = list(map(flow, value))
    if isinstance(value, dict):
        value = {flow(key): flow(inner) for key, inner in value.items()}
    if isinstance(value, list | dict):
        value = (CommentedSeq if isinstance(value, list) else CommentedMap)(value)
        value.fa.set_flow_style()
    return value


def write(tree: Tree, params: Path) -> None:
    """Write the settings back, whole or not at all.

    Raises:
        InputError: the next run would refuse them.
    """
    partial = params.with_name(f".{params.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            yaml().dump(tree, file)
        again = load(partial)
        active, known = languages(again)
        chosen(section(Gather, "gather", again), active, known)
        partial.replace(params)
    finally:
        partial.unlink(missing_ok=True)
