"""What a file of text becomes in `gather.sources`: columns by role, how it is cut, its terms."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from corpus.formats.record import Column
from corpus.survey import (
    TAGGED,
    Found,
    Samples,
    is_text,
    named_language,
    nearest,
    scripts,
    way_to_cut,
)
from corpus.table import InputError

MOST_DOCUMENTS = 3  # values of a document column: at most one in so many rows is new
Tree = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What only people know, as the command line has it."""

    licence: str  # of all files; unknown where nobody said
    trusted: bool  # clean enough to learn an identifier and limits from
    pivot: str | None  # as spa_Latn; null: that of the sources, or the likely one


def propose(found: Found, code: str, declarations: Path, told: Told) -> Tree:
    """The settings of the source that a file is."""
    columns = roles(found, code, declarations)
    check_name(found, columns["target"], code)
    target, source = columns["target"], columns["source"]
    pivot = None
    if source is not None:
        values = found.samples[source]
        spoken = tongue(found, source) or nearest(values, declarations)[0][0]
        pivot = f"{spoken}_{script_of(values)}"
    cut = way_to_cut(found.samples[target])
    kind, path = found.format, f"raw/{code}/{found.name}"
    if kind == "text" and cut is not None:
        stem, _, ending = found.name.rpartition(".")
        kind, path, columns["target"] = "documents", f"raw/{code}/{stem}", ending
    elif kind == "moses" and not found.even:
        kind, cut = "documents", cut or "sentences"
    elif source is not None:
        cut = None  # pairs are rows already
    return {
        "language": code,
        "path": path,
        "format": kind,
        "header": found.header,
        "revision": None,
        "columns": columns,
        "segment": cut,
        "alone": ["target"],
        "varieties": {"": code} if columns["variety"] is None else {"*": code},
        "domains": {},
        "source_language": pivot,
        "licence": told.licence,
        "redistribute": False,
        "trusted": told.trusted,
    }


def check_name(found: Found, target: Column, code: str) -> None:
    """Check that a file or the only column of text is not named after another language.

    Raises:
        InputError: it is.
    """
    tagged = TAGGED.fullmatch(found.name) if found.format == "text" else None
    name = tagged["tag"] if tagged else str(target)
    alone = found.format == "text" or sum(map(is_text, found.samples.values())) == 1
    if alone and (other := named_language(name)) not in (None, code):
        raise InputError(
            f"{found.name} has text of {other} by its name {name!r} and none of {code} beside it; "
            "rename it, or take it out of the folder"
        )


def keys_of(code: str, names: list[str]) -> list[str]:
    """Names for sources: the language's code and the file's name, without its ending if that does.

    >>> keys_of("top", ["a/tales.csv", "songs.txt", "songs.tsv"])
    ['top_a_tales', 'top_songs_txt', 'top_songs_tsv']
    """
    stems = Counter(name.split(".")[0] for name in names)
    chosen = (stem if stems[stem := name.split(".")[0]] == 1 else name for name in names)
    keys = [f"{code}_{one.replace('/', '_').replace('.', '_')}" for one in chosen]
    if twice := sorted(key for key, times in Counter(keys).items() if times > 1):
        raise InputError(f"several files would be the source {twice[0]}; rename one of {names}")
    return keys


def roles(found: Found, code: str, declarations: Path) -> dict[str, Column]:
    """Which column is the target, the source and the document; null: none."""
    roles: dict[str, Column] = dict.fromkeys(
        ("source", "target", "document", "position", "variety"), None
    )
    texts = {
        name: values
        for name, values in found.samples.items()
        if is_text(values) or named_language(str(name)) == code
    }
    if found.format in ("text", "moses", "lift", "sfm"):  # glosses are too short for running text
        texts = found.samples
    if not texts:
        raise InputError(
            f"{found.name} has no column of running text; it has {list(found.samples)}"
        )
    target = "lx" if found.format == "sfm" else target_of(texts, code, declarations)
    others = [name for name in texts if name != target]
    roles["target"] = target
    roles["source"] = max(
        others,
        key=lambda name: (tongue(found, name) is not None, sum(map(len, texts[name]))),
        default=None,
    )
    if found.format in ("csv", "tsv", "jsonl", "parquet"):
        rest = {n: values for n, values in found.samples.items() if n not in (target, *others)}
        roles["document"] = document_of(rest)
    return roles


def tongue(found: Found, column: Column) -> str | None:
    r"""The language that a column is named after; markers are none: \gn is no Guarani."""
    return None if found.format == "sfm" else named_language(str(column))


def target_of(texts: Samples, code: str, declarations: Path) -> Column:
    """The column named after the language, or not after another, or the one that is most like it.

    A language without a declaration is the one that is least like any that has one.
    """
    spoken = {name: named_language(str(name)) for name in texts}
    mine = [name for name in texts if spoken[name] == code] or [
        name for name in texts if spoken[name] is None
    ]
    if len(mine) == 1 or len(texts) == 1:
        return (mine or list(texts))[0]
    likes = {name: dict(nearest(texts[name], declarations)) for name in mine or texts}
    if any(code in like for like in likes.values()):
        return max(likes, key=lambda name: likes[name].get(code, 0.0) / max(likes[name].values()))
    return min(likes, key=lambda name: max(likes[name].values()))


def document_of(columns: Samples) -> Column:
    """The column whose values stand for many rows in a row; null for none."""
    found = {}
    for name, values in columns.items():
        runs = 1 + sum(a != b for a, b in pairwise(values))
        distinct = len(set(values))
        if 1 < distinct <= len(values) / MOST_DOCUMENTS and runs <= 2 * distinct:
            found[name] = distinct
    return max(found, key=lambda name: found[name], default=None)


def script_of(texts: list[str]) -> str:
    """The script of most of the texts.

    Raises:
        InputError: none has a letter.
    """
    found = scripts(texts)
    if not found:
        raise InputError("a column of text has no letter of any script")
    return str(min(found, key=lambda code: (-found[code], code)))


def target_texts(found: Found, source: Tree) -> list[str]:
    """The sample of the target side."""
    target = source["columns"]["target"]
    return found.samples[target if target in found.samples else next(iter(found.samples))]
