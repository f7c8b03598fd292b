"""What the generators made before, so that a changed corpus costs only its new rows.

A record is found by method, settings, engine hash and text; it is as good as making it again. It
lies in the user's cache folder, outside the project. Each answer of an engine is written before the
next question is asked: a killed run asks again only what was under way, and finds the rest.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import platformdirs

from corpus.table import InputError, digest

SECONDS = 60.0  # a worker waits for another's write


def path() -> Path:
    """The file of the records; one for all projects of a user."""
    return Path(platformdirs.user_cache_dir("milpa", appauthor=False), "records.sqlite")


@contextmanager
def records() -> Iterator[sqlite3.Connection]:
    """The open table of records, made if need be; what was written is committed at the end.

    Raises:
        InputError: the file cannot be opened or is no database.

    """
    where = path()
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(where, timeout=SECONDS)) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")  # a write a call: no wait for the disk
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS made (key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID"
            )
            yield connection
    except (sqlite3.DatabaseError, OSError) as error:
        raise InputError(
            f"{where} cannot be used as a cache ({error}); delete it, or make its folder writable"
        ) from error


def recall(maker: Sequence[str], texts: Sequence[str]) -> dict[str, str]:
    """What this maker made of those of the texts that it has met before."""
    with records() as connection:
        found = {}
        for text in texts:
            query = "SELECT text FROM made WHERE key = ?"
            if row := connection.execute(query, (digest(*maker, text),)).fetchone():
                found[text] = row[0]
        return found


def remembered(
    make: Callable[[list[str]], list[str]], maker: Sequence[str], texts: Sequence[str], call: int
) -> list[str]:
    """What `make` gives for the texts, each made once and for all.

    Args:
        make: one text out for each text in.
        maker: method, settings and engine, as strings: all that the outcome depends on.
        call: texts that `make` gets at a time; their outcomes are recorded together.

    Raises:
        RuntimeError: `make` lost a text.

    """
    known = recall(maker, texts)
    new = [text for text in dict.fromkeys(texts) if text not in known]
    for start in range(0, len(new), call):
        asked = new[start : start + call]
        made = make(asked)
        if len(made) != len(asked):
            raise RuntimeError(f"{maker[0]} made {len(made)} segments of {len(asked)}")
        record(maker, asked, made)
        known |= zip(asked, made, strict=True)
    return [known[text] for text in texts]


def record(maker: Sequence[str], texts: Sequence[str], made: Sequence[str]) -> None:
    """Write what the maker made of the texts."""
    rows = [(digest(*maker, text), one) for text, one in zip(texts, made, strict=True)]
    with records() as connection:
        connection.executemany("INSERT OR REPLACE INTO made VALUES (?, ?)", rows)
