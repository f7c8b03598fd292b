"""The command take-down: adds requests, forgets what was made of them, and proves what is left."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from augment import cache
from corpus import settings as config
from corpus import traces
from corpus.affected import affected, made_of, models
from corpus.project import home
from corpus.table import InputError, text_key
from corpus.takedown import LIST, Found, take_down
from corpus.taken import contributors, mended, profiles, read_list
from corpus.why import METHODS

MOST = 20  # lines of one kind


def taken_down(file: Path, root: Path) -> Iterator[str]:
    """Add the requests of a file to the list, and say what they come to.

    Raises:
        InputError: a request is incomplete or names what is not there: then none is added.
    """
    found, lines = take_down(file, root)
    yield from lines
    ids = sorted({row for one in found for row in one.request.rows})
    if ids:
        yield from affected(root, ids)
        # half-made models, which begin anew
        shutil.rmtree(home(root).root / traces.SCRATCH, ignore_errors=True)
    records = cache.forget(keys_of(root, found, ids))
    yield f"forgotten: {records} records of engines in {cache.path()}"
    yield f"{LIST} names them by hash; put it into git, run 'dvc repro', then"
    yield "'milpa take-down --check'; docs/take-down.md says what a repro cannot reach"


def keys_of(root: Path, found: Iterable[Found], ids: list[str]) -> set[str]:
    """The keys of all texts of rows that are taken down, of any form, and of those made of them."""
    rows = [row for one in found for row in one.rows]
    texts = {mended(row[side] or "") for row in rows for side in ("source", "target")}
    data = root / "data"
    made = [*ids, *made_of(data, ids)]
    for folder in (data / "clean/rows", *(data / method / "rows" for method in METHODS)):
        if paths := [str(path) for path in sorted(folder.glob("*.parquet"))]:
            query = "select source, target from read_parquet($1) where list_contains($2, id)"
            texts |= {
                text or ""
                for row in duckdb.execute(query, [paths, made]).fetchall()
                for text in row
            }
    return {key for text in texts if (key := text_key(text))}


def checked(root: Path, place: Path | None) -> Iterator[str]:
    """What is left of all that was taken down, in a project and in a place besides.

    Raises:
        InputError: something is left that a repro removes.
    """
    active, known = config.languages(config.load(root / config.PARAMS))
    languages = {key: known[key] for key in config.at_work(active, known)}
    folds = profiles({key: known[key] for key in active})
    requests, data = read_list(root / LIST), root / "data"
    told = contributors(data / "raw")
    search = traces.search_for(requests, folds)
    yield f"{len(requests)} requests, {len(search.keys)} keys of texts, {len(search.rows)} rows"
    if not requests:
        return
    others = traces.said_by_others(data, search, languages, told)
    if others:
        yield f"{len(others)} of the keys are of rows, too, that nobody asked about: those stay"
    narrowed = traces.without(search, others)
    files = [
        *traces.files_of(root, traces.PLACES),
        *traces.files_of(home(root).root, [traces.SCRATCH]),
        *traces.files_of(Path(), [str(place)] if place else []),
    ]
    raw = {path for path in files if any((root / one) in path.parents for one in traces.RAW)}
    left = traces.fallen_rows(root, search, languages, told)
    yield from shown("rows", left)
    texts = traces.traces_in([path for path in files if path not in raw], narrowed)
    yield from shown("texts", texts)
    records = len(cache.tainted(narrowed.keys)) if cache.path().exists() else 0
    yield f"records of engines: {records}"
    yield from beyond(root, sorted(raw), narrowed)
    yield from models(root, sorted(search.rows))
    if left or texts or records:
        raise InputError(
            "something is left: run 'dvc repro'; what is then left was made by hand, or is a "
            "record of engines, which 'milpa take-down FILE' forgets"
        )
    yield "nothing is left of it but where this says so"


def shown(what: str, found: dict[Path, int]) -> Iterator[str]:
    """How many are left, and in which files."""
    yield f"{what}: {sum(found.values())}"
    yield from (f"  {path}: {count}" for path, count in [*found.items()][:MOST])
    if len(found) > MOST:
        yield f"  and {len(found) - MOST} more files"


def beyond(root: Path, raw: list[Path], search: traces.Search) -> Iterator[str]:
    """What a repro does not reach: raw sources, the user's fetched files, old versions."""
    yield from shown("raw sources, which are yours to edit", traces.traces_in(raw, search))
    places = traces.raw_places(root / "data")
    yield from (f"  {place}" for place in places[:MOST])
    if len(places) > MOST:
        yield f"  and {len(places) - MOST} more"
    old = traces.traces_in(traces.old_versions(root), search)
    yield f"old versions in DVC's cache: {len(old)} files" + (
        "; 'dvc gc --workspace' deletes them, remotes need --cloud" if old else ""
    )
