"""A project for a language from a folder of files, beside those that are there; what is missing.

The project is a folder of languages/ with a params.yaml of its own; the graph and the code stay
where they are. Text is copied there in UTF-8. What files cannot tell is never guessed: a licence is
`unknown`, so that nothing is passed on, and no source is trusted until somebody who reads the
language says so.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from glob import escape
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import charset_normalizer
import langcodes
import numpy as np
from language_data.names import TRIES, normalize_name  # find's own, without its cut names

from corpus.amend import PROJECTS, add, narrowed, read, write
from corpus.formats.record import OPENERS, opened
from corpus.project import LANGUAGES
from corpus.proposal import Told, keys_of, propose, script_of, target_texts
from corpus.settings import PARAMS
from corpus.survey import Found, format_of, nearest, survey
from corpus.table import InputError
from corpus.takedown import LIST

DECLARATIONS = Path("data/raw/udhr.jsonl.xz")
FAMILIES = "urielplus/database/original_uriel/family_features.npz"  # Glottolog's, by ISO 639-3
WRITTEN = ("verdicts", "ratings", "statements", "takedown", "data/raw/instructions")
UNKNOWN = "unknown"
Tree = dict[str, Any]


def new(language: str, folder: Path, root: Path, told: Told) -> list[str]:
    """Write the project of a language; returns what was found and what is missing.

    Args:
        root: the folder of dvc.yaml.

    Raises:
        InputError: the language or the folder is at fault; then nothing is written.
    """
    code = code_of(language)
    tree = read(root / PARAMS)
    if any(name not in tree for name in PROJECTS):
        raise InputError(f"{root / PARAMS} has no {PROJECTS}; run from the folder of dvc.yaml")
    home = root / LANGUAGES / code
    if code in {*tree["projects"], *tree["adapters"]} or home.exists():
        raise InputError(f"{code} has a project; edit its params.yaml, or take it out first")
    scratch = home.with_name(f".{code}.partial")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        lines = built(code, folder, root, scratch, told)
        tree["projects"][code] = tree["adapters"][code] = f"{LANGUAGES}/{code}/"
        write(tree, root / PARAMS)  # or nothing, where those settings are at fault
        scratch.rename(home)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return lines


def built(code: str, folder: Path, root: Path, project: Path, told: Told) -> list[str]:
    """Make the project's folder; returns what was found and what is missing."""
    raw = project / "data/raw" / code
    raw.mkdir(parents=True)
    names, said = copied(folder, raw)
    found = list(survey(raw, names))
    keys = keys_of(code, [one.name for one in found])
    sources = {
        name: propose(one, code, root / DECLARATIONS, told)
        for name, one in zip(keys, found, strict=True)
    }
    if not sources:
        raise InputError(f"{folder} holds no text that can be read; {'; '.join(said)}")
    entry = described(code, found, sources, read(root / PARAMS), told)
    made = narrowed(root / PARAMS, {code, *entry["neighbours"]})
    lend(root, project, made["gather"]["sources"].values())
    add(made, code, entry, sources)
    write(made, project / PARAMS)
    people(root, project)
    return [*said, *summary(code, entry, found, sources), *missing(code, entry, sources, told)]


def lend(root: Path, project: Path, sources: Iterable[Tree]) -> None:
    """Copy the neighbours' own files: a project reads its own folder only."""
    for path in (source["path"] for source in sources):
        for found in (root / "data").glob(f"{escape(path)}*") if path.startswith("raw/") else ():
            place = project / found.relative_to(root)
            place.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if found.is_dir() else shutil.copyfile)(found, place)


def people(root: Path, project: Path) -> None:
    """The folders that people write to, each with the page that says how."""
    for name in WRITTEN:
        (project / name).mkdir(parents=True)
        page = root / name / "README.md"
        if page.exists():
            shutil.copy(page, project / name)
    (project / LIST).touch()


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
        found = None
    if found is None or normalize_name(language) not in TRIES["und/name_to_language"]:
        near = f" ({found.display_name()} is {found.to_alpha3()})" if found else ""
        raise InputError(
            f"no language is called {language!r}{near}; give its ISO 639-3 code, as nah"
        )
    return str(found.to_alpha3())


def copied(folder: Path, scratch: Path) -> tuple[list[str], list[str]]:
    """Copy every file of text, in UTF-8; returns their names, and what is to be said of the others.

    Raises:
        InputError: the folder is none, or empty.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give one with files of text")
    paths = sorted(
        p for p in folder.rglob("*") if p.is_file() and not hidden(p.relative_to(folder))
    )
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
        if place.exists():
            raise InputError(f"two files of {folder} would both become {name}; rename one")
        place.parent.mkdir(parents=True, exist_ok=True)
        if encoding == "utf-8":
            shutil.copyfile(path, place)
        else:
            place.write_text(text, "utf-8", newline="")
            said.append(f"read as {encoding}, written as UTF-8: {name}; check its letters")
        names.append(name)
    return names, said


def hidden(path: Path) -> bool:
    """Whether a file, or a folder that it is in, is a program's own: .git, .DS_Store."""
    return any(part.startswith(".") for part in path.parts)


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
def glottolog() -> tuple[dict[str, int], Any, Any]:
    """Row of each language by ISO 639-3, names of all families and branches, who is in which."""
    path = distribution("urielplus").locate_file(FAMILIES)
    with np.load(str(path), allow_pickle=False) as known:
        rows = {str(code): row for row, code in enumerate(known["langs"])}
        return rows, known["feats"], known["data"][:, :, 0] > 0


def families(code: str) -> frozenset[str]:
    """The families and branches of a language, by Glottolog in URIEL+; none where it has none."""
    rows, names, has = glottolog()
    return frozenset(names[has[rows[code]]].tolist()) if code in rows else frozenset()


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
        if source["header"]:
            names = ", ".join(map(str, one.samples))
            yield (
                f"  its first row is taken for the columns' names: {names}; if it is text, set "
                "header to false and number the columns"
            )
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
        if told.pivot is None:
            yield f"guessed: pivot {entry['pivot']}, by the territory; mend it if you add pairs"
    home = f"{LANGUAGES}/{code}"
    yield f"next: read {home}/{PARAMS}; dvc add {home}/data/raw/{code}; cd {home}; milpa repro"
