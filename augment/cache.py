"""What the generators made before, so that a changed corpus costs only its new rows.

A record is found by method, settings, engine hash and text; it is as good as making it again. It
lies in the user's cache folder, outside the project. What one call of `remembered` makes is written
in one transaction at its end: a killed run makes again the calls that were under way, of at most
translator.CHUNK texts for each worker, and finds the rest.
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
    make: Callable[[list[str]], list[str]], maker: Sequence[str], texts: Sequence[str]
) -> list[str]:
    """What `make` gives for the texts, each made once and for all.

    Args:
        make: one text out for each text in.
        maker: method, settings and engine, as strings: all that the outcome depends on.

    Raises:
        RuntimeError: `make` lost a text.

    """
    known = recall(maker, texts)
    new = [text for text in dict.fromkeys(texts) if text not in known]
    made = make(new) if new else []
    if len(made) != len(new):
        raise RuntimeError(f"{maker[0]} made {len(made)} segments of {len(new)}")
    fresh = dict(zip(new, made, strict=True))
    with records() as connection:
        rows = [(digest(*maker, text), made) for text, made in fresh.items()]
        connection.executemany("INSERT OR REPLACE INTO made VALUES (?, ?)", rows)
    known.update(fresh)
    return [known[text] for text in texts]
