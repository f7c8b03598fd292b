"""A language and its sources put into params.yaml from a folder of files, and what is missing.

Text is copied to data/raw in UTF-8; comments of params.yaml stay. What files cannot tell is never
guessed: a licence is `unknown`, so that nothing is passed on, and no source is trusted until
somebody who reads the language says so.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path
from typing import Any

import charset_normalizer
import langcodes
import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from corpus.formats.record import OPENERS, Column, opened
from corpus.survey import (
    Found,
    Samples,
    format_of,
    is_text,
    named_language,
    nearest,
    scripts,
    survey,
    way_to_cut,
)
from corpus.table import InputError

DECLARATIONS = Path("data/raw/udhr.jsonl.xz")
FAMILIES = "urielplus/database/original_uriel/family_features.npz"  # Glottolog's, by ISO 639-3
MOST_DOCUMENTS = 3  # values of a document column: at most one in so many rows is new
UNKNOWN = "unknown"
Tree = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What only people know, as the command line has it."""

    licence: str  # of all files; unknown where nobody said
    trusted: bool  # clean enough to learn an identifier and limits from
    pivot: str | None  # as spa_Latn; null: that of the sources, or the likely one


def new(language: str, folder: Path, project: Path, told: Told) -> list[str]:
    """Write the language into params.yaml; returns what was found and what is missing.

    Raises:
        InputError: the language or the folder is at fault; then nothing is written.
    """
    code = code_of(language)
    params = project / "params.yaml"
    tree = read(params)
    if code in tree["languages"]:
        raise InputError(f"languages.{code} is in {params} already; edit it, or take it out first")
    home = project / "data/raw" / code
    scratch = home.with_name(f".{code}.partial")
    if home.exists():
        raise InputError(f"{home} exists already; move it away, or take its files as FOLDER")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        names, said = copied(folder, scratch)
        found = list(survey(scratch, names))
        keys = keys_of(code, [one.name for one in found])
        sources = {
            name: propose(one, code, project / DECLARATIONS, told)
            for name, one in zip(keys, found, strict=True)
        }
        if not sources:
            raise InputError(f"{folder} holds no text that can be read; {'; '.join(said)}")
        entry = described(code, found, sources, tree, told)
        add(tree, code, entry, sources)
        scratch.rename(home)
        write(tree, params)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return [*said, *summary(code, entry, found, sources), *missing(code, entry, sources, told)]


def code_of(language: str) -> str:
    """ISO 639-3 of a code or an English name.

    >>> code_of("Papantla Totonac"), code_of("ga")
    ('top', 'gle')

    Raises:
        InputError: no language has that name.
    """
    if len(language) <= 3 and langcodes.tag_is_valid(language):
        return str(langcodes.get(language).to_alpha3())
    try:
        found = langcodes.find(language)
    except LookupError:
        raise InputError(
            f"no language is called {language!r}; give its ISO 639-3 code, as nah"
        ) from None
    return str(found.to_alpha3())


def copied(folder: Path, scratch: Path) -> tuple[list[str], list[str]]:
    """Copy every file of text, in UTF-8; returns their names, and what is to be said of the others.

    Raises:
        InputError: the folder is none, or empty.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give one with files of text")
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    if not paths:
        raise InputError(f"{folder} holds no file; put the texts there first")
    names, said = [], []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if format_of(name) is None:
            said.append(f"left out: {name} is of no format that is read")
            continue
        text, encoding = decoded(path)
        if text is None:
            said.append(f"left out: {name} is {encoding}")
            continue
        packed = Path(name).suffix in OPENERS and encoding != "utf-8"
        name = named(Path(name).with_suffix("") if packed else Path(name))
        place = scratch / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if encoding == "utf-8":
            shutil.copyfile(path, place)
        else:
            place.write_text(text, "utf-8", newline="")
            said.append(f"read as {encoding}, written as UTF-8: {name}; check its letters")
        names.append(name)
    return names, said


def named(path: Path) -> str:
    """The name that a copy gets: plain text without an ending gets one."""
    return f"{path.as_posix()}.txt" if not path.suffix else path.as_posix()


def decoded(path: Path) -> tuple[str | None, str]:
    """The text of a file and its encoding; or null and what the file is instead."""
    with opened(path) as file:
        data = file.read()
    if not data.strip():
        return None, "empty"
    if ".parquet" in path.suffixes:
        return "", "utf-8"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        found = charset_normalizer.from_bytes(data).best()
        return (None, "no text") if found is None else (str(found), found.encoding)
    return (None, "no text") if "\0" in text else (text, "utf-8")


def propose(found: Found, code: str, declarations: Path, told: Told) -> Tree:
    """The settings of the source that a file is."""
    columns = roles(found, code, declarations)
    target, source = columns["target"], columns["source"]
    pivot = None
    if source is not None:
        values = found.samples[source]
        spoken = named_language(str(source)) or nearest(values, declarations)[0][0]
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


def keys_of(code: str, names: list[str]) -> list[str]:
    """Names for sources: the language's code and the file's name, without its ending if that does.

    >>> keys_of("top", ["a/tales.csv", "songs.txt", "songs.tsv"])
    ['top_a_tales', 'top_songs_txt', 'top_songs_tsv']
    """
    stems = Counter(name.split(".")[0] for name in names)
    chosen = (stem if stems[stem := name.split(".")[0]] == 1 else name for name in names)
    return [f"{code}_{one.replace('/', '_').replace('.', '_')}" for one in chosen]


def roles(found: Found, code: str, declarations: Path) -> dict[str, Column]:
    """Which column is the target, the source and the document; null: none."""
    roles: dict[str, Column] = dict.fromkeys(
        ("source", "target", "document", "position", "variety"), None
    )
    texts = {name: values for name, values in found.samples.items() if is_text(values)}
    if found.format in ("text", "moses"):
        texts = found.samples
    if not texts:
        raise InputError(
            f"{found.name} has no column of running text; it has {list(found.samples)}"
        )
    target = target_of(texts, code, declarations)
    others = [name for name in texts if name != target]
    roles["target"] = target
    roles["source"] = max(
        others,
        key=lambda name: (named_language(str(name)) is not None, sum(map(len, texts[name]))),
        default=None,
    )
    if found.format in ("csv", "tsv", "jsonl", "parquet"):
        rest = {n: values for n, values in found.samples.items() if n not in (target, *others)}
        roles["document"] = document_of(rest)
    return roles


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


def described(
    code: str, found: list[Found], sources: Mapping[str, Tree], tree: Tree, told: Told
) -> Tree:
    """The entry of the language."""
    texts = [
        text
        for one, source in zip(found, sources.values(), strict=True)
        for text in target_texts(one, source)
    ]
    script = script_of(texts)
    pivots = Counter(s["source_language"] for s in sources.values() if s["source_language"])
    pivot = told.pivot or (pivots.most_common(1)[0][0] if pivots else likely_pivot(code))
    return {
        "name": langcodes.get(code).display_name(),
        "varieties": [code],
        "script": script,
        "pivot": pivot,
        "neighbours": neighbours(code, script, tree),
        "orthography": None,
    }


def likely_pivot(code: str) -> str:
    """The language most likely written where the language is spoken, by CLDR; else the world's.

    >>> likely_pivot("gle"), likely_pivot("oci")
    ('eng_Latn', 'fra_Latn')
    """
    territory = langcodes.get(code).maximize().territory
    spoken = langcodes.Language.make(territory=territory).maximize()
    if spoken.to_alpha3() == langcodes.get(code).to_alpha3():
        spoken = langcodes.Language.get("und").maximize()
    return f"{spoken.to_alpha3()}_{spoken.script}"


def neighbours(code: str, script: str, tree: Tree) -> list[str]:
    """Configured languages with text, of the same script and of a family with this one."""
    texts = {source["language"] for source in tree["gather"]["sources"].values()}
    return [
        key
        for key, language in tree["languages"].items()
        if key in texts
        and language["script"] == script
        and any(families(code) & families(variety) for variety in language["varieties"])
    ]


@cache
def families(code: str) -> frozenset[str]:
    """The families and branches of a language, by Glottolog in URIEL+; none where it has none."""
    path = distribution("urielplus").locate_file(FAMILIES)
    with np.load(str(path), allow_pickle=False) as known:
        places = np.flatnonzero(known["langs"] == code)
        has = known["data"][places[0], :, 0] > 0 if len(places) else []
        return frozenset(known["feats"][has].tolist()) if len(places) else frozenset()


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


def flow(value: Any) -> Any:  # noqa: ANN401
    """A list or mapping that is written on one line."""
    if isinstance(value, list | dict):
        value = (CommentedSeq if isinstance(value, list) else CommentedMap)(value)
        value.fa.set_flow_style()
    return value


def write(tree: Tree, params: Path) -> None:
    """Write the settings back, whole or not at all."""
    partial = params.with_name(f".{params.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        yaml().dump(tree, file)
    partial.replace(params)


def summary(
    code: str, entry: Tree, found: list[Found], sources: Mapping[str, Tree]
) -> Iterator[str]:
    """What was found, a line a source."""
    yield (
        f"{entry['name']} ({code}), script {entry['script']}, pivot {entry['pivot']}, "
        f"neighbours {', '.join(entry['neighbours']) or 'none'}"
    )
    for one, (name, source) in zip(found, sources.items(), strict=True):
        roles = {role: column for role, column in source["columns"].items() if column is not None}
        said = ", ".join(f"{role} {column}" for role, column in roles.items())
        cut = f", cut into {source['segment']}" if source["segment"] else ""
        other = f", source side {source['source_language']}" if source["source_language"] else ""
        yield f"source {name}: {source['path']}, {source['format']}: {said}{other}{cut}"
        like, value = nearest(target_texts(one, source), DECLARATIONS)[0]
        yield f"  its text is most like {langcodes.get(like).display_name()} ({like}, {value:.2f})"


def missing(code: str, entry: Tree, sources: Mapping[str, Tree], told: Told) -> Iterator[str]:
    """What files cannot tell, a line each."""
    if told.licence == UNKNOWN:
        yield "missing: licence; it is 'unknown', and so no text is passed on"
    if not told.trusted:
        yield (
            "missing: trusted; set it to true for sources that a reader has found clean: "
            "without, no identifier and no limit is learned"
        )
    yield "missing: orthography; null folds case and signs only (corpus/orthography/)"
    if not entry["neighbours"]:
        yield "missing: neighbours; name languages that it is taken for, where you have their text"
    if not any(source["source_language"] for source in sources.values()):
        yield "missing: bitext; no translator is trained, and nothing is back-translated"
    yield f"next: dvc add data/raw/{code}, then dvc repro"
