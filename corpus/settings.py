"""Settings: params.yaml is their only place, one frozen object a stage, every mistake named."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from corpus.table import InputError

PARAMS = Path("params.yaml")
T = TypeVar("T")

settings = dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))


@settings
class Language:
    """A language, or a group of close varieties that one corpus and one adapter serve."""

    name: str
    varieties: tuple[str, ...]  # ISO 639-3 codes that its rows may carry
    script: str  # ISO 15924
    pivot: str  # language of the source side, as spa_Latn
    neighbours: tuple[str, ...]  # other keys of languages: gathered too, to tell them apart
    orthography: str | None  # corpus/orthography/<name>.yaml; null: the safe default key

    def __post_init__(self) -> None:
        from langcodes import tag_is_valid  # its tables take time to load

        if not self.varieties:
            raise ValueError("a language needs at least one variety")
        for code in (*self.varieties, self.pivot.split("_")[0]):
            if not tag_is_valid(code):
                raise ValueError(f"{code!r} is no ISO 639 code")
        for script in (self.script, self.pivot.partition("_")[2]):
            if not (script and tag_is_valid(f"und-{script}")):
                raise ValueError(f"{script!r} is no ISO 15924 script")


Languages = dict[str, Language]


def load(path: Path = PARAMS) -> dict[str, Any]:
    """All sections of params.yaml.

    Raises:
        InputError: the file is missing or no YAML mapping.
    """
    try:
        tree = yaml.load(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; run from the folder of dvc.yaml") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise InputError(f"{path} is no YAML: {where}") from None
    if not isinstance(tree, dict):
        raise InputError(f"{path} must hold sections, got {type(tree).__name__}")
    return tree


def section(kind: type[T], name: str, tree: dict[str, Any]) -> T:
    """The settings of one section.

    Raises:
        InputError: the section, or a key of it, is missing, unknown or out of range.
    """
    if name not in tree:
        raise InputError(f"{PARAMS} lacks the section {name!r}; it has {sorted(tree)}")
    try:
        return TypeAdapter(kind).validate_json(json.dumps(tree[name]))
    except ValidationError as error:
        raise InputError(f"{PARAMS}: section {name!r} {'; '.join(faults(error))}") from None


def faults(error: ValidationError) -> Iterable[str]:
    """Each mistake of a section as one phrase, missing and unknown keys first."""
    kinds: dict[str, list[str]] = {}
    phrases = []
    for fault in error.errors():
        where = ".".join(map(str, fault["loc"]))
        if fault["type"] in ("missing", "missing_argument"):
            kinds.setdefault("lacks", []).append(where)
        elif fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            kinds.setdefault("has unknown", []).append(where)
        else:
            said = fault["msg"].removeprefix("Value error, ")
            got = "" if fault["type"] == "value_error" else f", got {fault['input']!r}"
            phrases.append(f"{where}: {said}{got}" if where else f"{said}{got}")
    return [f"{verb} {sorted(keys)}" for verb, keys in kinds.items()] + phrases


def languages(tree: dict[str, Any]) -> tuple[tuple[str, ...], Languages]:
    """The active languages, and every configured one by key.

    Raises:
        InputError: an active language or neighbour is not configured, or a code has two owners.
    """
    known = section(dict[str, Language], "languages", tree)
    active = section(tuple[str, ...], "active", tree)
    if not active:
        raise InputError(f"{PARAMS}: active names no language; it may name {sorted(known)}")
    for key in (*active, *(n for language in known.values() for n in language.neighbours)):
        if key not in known:
            raise InputError(
                f"{PARAMS}: language {key!r} is not in languages, which has {sorted(known)}"
            )
    owners: dict[str, str] = {}
    for key, language in known.items():
        for code in language.varieties:
            if owners.setdefault(code, key) != key:
                raise InputError(
                    f"{PARAMS}: variety {code!r} is in both {owners[code]!r} and {key!r}"
                )
    return active, known


def at_work(active: Iterable[str], known: Languages) -> tuple[str, ...]:
    """The active languages and their neighbours: those whose text goes through the corpus."""
    active = tuple(active)
    near = (n for key in active for n in known[key].neighbours)
    return tuple(dict.fromkeys((*active, *near)))


def owner_of(language: str | None, known: Languages) -> str | None:
    """The key in languages that a row's code belongs to: nci_Latn is nah's."""
    code = (language or "").split("_")[0]
    return next((key for key, entry in known.items() if code in entry.varieties), None)


def rows_of(
    table: pa.Table, keys: Iterable[str], known: Languages
) -> dict[str, list[dict[str, Any]]]:
    """The rows of each of these languages; another's are left out."""
    found: dict[str, list[dict[str, Any]]] = {key: [] for key in keys}
    for row in table.to_pylist():
        if (owner := owner_of(row["language"], known)) in found:
            found[owner].append(row)
    return found
