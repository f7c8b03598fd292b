"""What the generators made before, so that a changed corpus costs only its new rows.

A record is found by method, settings, engine hash and text; it is as good as making it again. It
lies in the user's cache folder, outside the project. Each answer of an engine is written before the
next question is asked: a killed run asks again only what was under way, and finds the rest.
"""

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Event, RLock

import platformdirs
from tqdm import tqdm

from corpus.table import InputError, digest, text_key

SECONDS = 60.0  # a worker waits for another's write
LOCK = RLock()  # the threads of a process share its connection


def path() -> Path:
    """The file of the records; one for all projects of a user."""
    return Path(platformdirs.user_cache_dir("milpa", appauthor=False), "records.sqlite")


@contextmanager
def records() -> Iterator[sqlite3.Connection]:
    """The open table of records; what was written is committed at the end, or nothing is.

    Raises:
        InputError: the file cannot be read or written, or is no database.
    """
    where = path()
    try:
        with LOCK, connection(where, os.getpid()) as open_table:
            yield open_table
    except (sqlite3.DatabaseError, OSError) as error:
        connection.cache_clear()
        raise InputError(
            f"{where} cannot be used as a cache ({error}); free some space, make its folder "
            "writable, or delete it"
        ) from error


@cache
def connection(where: Path, process: int) -> sqlite3.Connection:
    """The table of records, made if need be; a process opens it once and never its parent's."""
    if not where.exists():
        create(where)
    opened = sqlite3.connect(where, timeout=SECONDS, check_same_thread=False)
    opened.execute("PRAGMA synchronous=NORMAL")
    if "asked" not in {name for _, name, *_ in opened.execute("PRAGMA table_info(made)")}:
        opened.execute("ALTER TABLE made ADD COLUMN asked TEXT")  # records of before take-downs
    return opened


def create(where: Path) -> None:
    """An empty table, whole or not at all, unless another process was faster.

    Written ahead (WAL) and without waiting for the disk: a killed process loses nothing that it
    wrote, and a machine without power the last records, no more. Only one process may turn WAL on,
    or SQLite says at once that the file is locked; hence the file that nobody else knows.
    """
    where.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=where.parent) as scratch:
        new = Path(scratch, where.name)
        with closing(sqlite3.connect(new)) as table:
            table.execute("PRAGMA journal_mode=WAL")
            table.execute(
                "CREATE TABLE made (key TEXT PRIMARY KEY, text TEXT, asked TEXT) WITHOUT ROWID"
            )
        with suppress(FileExistsError):
            where.hardlink_to(new)


def recall(maker: Sequence[str], texts: Sequence[str]) -> dict[str, str]:
    """What this maker made of those of the texts that it has met before."""
    keys = {digest(*maker, text): text for text in texts}
    query = "SELECT key, text FROM made WHERE key IN (SELECT value FROM json_each(?))"
    with records() as table:
        return {keys[key]: text for key, text in table.execute(query, (json.dumps([*keys]),))}


def remembered(  # noqa: PLR0913
    make: Callable[[list[str]], list[str]],
    maker: Sequence[str],
    texts: Sequence[str],
    size: int,
    threads: int = 1,
    label: str = "",
) -> list[str]:
    """What `make` gives for the texts, each made once and for all.

    Args:
        make: one text out for each text in; where there are threads, safe to call in them.
        maker: method, settings and engine, as strings: all that the outcome depends on.
        size: texts that `make` gets in a call; their outcomes are recorded together.
        threads: calls under way at once; a thread records an answer before its next call.
        label: of the progress bar; empty: none.

    Raises:
        RuntimeError: `make` lost a text.
    """

    def answered(asked: list[str]) -> list[str]:
        made = make(asked)
        if len(made) != len(asked):
            raise RuntimeError(f"{maker[0]} made {len(made)} segments of {len(asked)}")
        record(maker, asked, made)
        return made

    known = recall(maker, texts)
    new = [text for text in dict.fromkeys(texts) if text not in known]
    calls = [new[start : start + size] for start in range(0, len(new), size)]
    made = threaded(answered, calls, threads, label)
    known |= zip(new, (text for part in made for text in part), strict=True)
    return [known[text] for text in texts]


def threaded(
    answered: Callable[[list[str]], list[str]], calls: list[list[str]], threads: int, label: str
) -> list[list[str]]:
    """The answer to each call; after an error no call begins, and those under way are recorded."""
    if threads == 1:
        return [answered(asked) for asked in tqdm(calls, desc=label, disable=not label)]
    stopped = Event()

    def unless_stopped(asked: list[str]) -> list[str]:
        if stopped.is_set():
            return []  # read by nobody: the error of another call is on its way
        try:
            return answered(asked)
        except BaseException:
            stopped.set()
            raise

    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(unless_stopped, asked) for asked in calls]
        try:
            for done in tqdm(as_completed(waiting), label, len(waiting), disable=not label):
                done.result()  # the first error, whichever call it was
            return [done.result() for done in waiting]
        finally:
            stopped.set()


def record(maker: Sequence[str], texts: Sequence[str], made: Sequence[str]) -> None:
    """Write what the maker made of the texts."""
    rows = [
        (digest(*maker, text), one, text_key(text)) for text, one in zip(texts, made, strict=True)
    ]
    with records() as table:
        table.executemany("INSERT OR REPLACE INTO made VALUES (?, ?, ?)", rows)


def tainted(keys: Set[str]) -> list[str]:
    """The records of texts with these keys, those that say one, and what was made of them again.

    A record of before it was kept what text was asked about counts too: nobody can tell.

    Args:
        keys: see text_key.
    """
    with records() as table:
        rows = table.execute("SELECT key, text, asked FROM made ORDER BY key").fetchall()
    said = {key: said_in(text) for key, text, _ in rows}
    asked = {key: before for key, _, before in rows}
    found: set[str] = set()
    known: set[str | None] = {*keys, None}
    more = True
    while more:
        new = {k for k in said.keys() - found if asked[k] in known or said[k] & keys}
        known |= {key for record in new if asked[record] for key in said[record]}
        found |= new
        more = bool(new)
    return sorted(found)


def said_in(text: str) -> set[str]:
    """The keys of the texts of a record: a list of translations, or a text as it stands."""
    try:
        tree = json.loads(text)
    except ValueError:
        tree = text
    lists = isinstance(tree, list)
    texts = [one[0] if isinstance(one, list) and one else one for one in tree] if lists else [text]
    return {key for one in texts if isinstance(one, str) and (key := text_key(one))}


def forget(keys: Set[str]) -> int:
    """Delete the records of texts with these keys from the disk; how many there were."""
    if not path().exists():
        return 0
    found = tainted(keys)
    with records() as table:
        table.executemany("DELETE FROM made WHERE key = ?", [(key,) for key in found])
    if found:
        with records() as table:
            table.execute("VACUUM")  # SQLite leaves what was deleted in the file
            table.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(found)
