"""Kills a stage at random instants and reruns it until it ends: same bytes, nothing asked twice.

`python -m benchmarks.kill`: twenty instants, spread over all of the stage's life, its imports and
its writing included, with an endpoint on loopback that counts what it is asked; and twenty with
Thot in two workers, whose records count what is written to them.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa

from augment import cache
from augment.engine import name_of, opened
from augment.engines import http, thot
from benchmarks.chat import Reply, Server, chat, said
from corpus import settings
from corpus.table import SCHEMA, write

KILLS = 20
MODEL = Path("translator/nah/backward")
ROOT = Path(__file__).parent.parent
CONCURRENCY = 3
ROWS = 150
SEED = 20261125
NAHUATL = {
    "name": "Nahuatl",
    "varieties": ["nci"],
    "script": "Latn",
    "pivot": "spa_Latn",
    "neighbours": [],
    "orthography": None,
}
WORDS = ["ātl", "calli", "xōchitl", "tepētl", "ōtli", "ውሃ", "bishaan"]


class Place(NamedTuple):
    """A project's folder, with a cache of its own."""

    folder: Path
    cache: Path


def project(folder: Path, engine: dict[str, Any], rows: int) -> Path:
    """A project whose `backtranslate` gives so many rows a source."""
    folder.mkdir(parents=True, exist_ok=True)
    params = {
        "active": ["nah"],
        "languages": {"nah": NAHUATL},
        "shards": {"most_bytes": 10**6, "workers": 2, "runner": "pool", "most_retries": 0},
        "engines": {"one": engine},
        "backtranslate": {"engine": "one", "monolingual_share": 0.0, "most_rows": None},
    }
    (folder / "params.yaml").write_text(json.dumps(params))
    table = [
        dict.fromkeys(SCHEMA.names)
        | {"id": f"{number:04}", "target": target(number), "language": "nci_Latn", "origin": "test"}
        for number in range(rows)
    ]
    write(pa.Table.from_pylist(table, schema=SCHEMA), folder / "train", 10**6)
    return folder


def target(number: int) -> str:
    """A segment like no other."""
    return f"In {WORDS[number % 7]} in {WORDS[number // 7 % 7]} {number}."


def start(place: Place) -> subprocess.Popen[bytes]:
    """The stage in a process group of its own, as a shell would start it."""
    words = ["train=train", "translator=translator", "out=out", "report=report.json"]
    return subprocess.Popen(
        [sys.executable, "-m", "augment.backtranslate", *words],
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(place.cache)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def whole(place: Place) -> dict[str, bytes]:
    """Run the stage to its end: all that it wrote."""
    if status := start(place).wait():
        sys.exit(f"the stage ended with {status}")
    return written(place)


def written(place: Place) -> dict[str, bytes]:
    """Every file of the stage's output and its report."""
    paths = [*sorted((place.folder / "out").rglob("*.parquet")), place.folder / "report.json"]
    return {str(path.relative_to(place.folder)): path.read_bytes() for path in paths}


def killed(place: Place, seconds: float) -> bool:
    """Run the stage for so long, then kill all its processes; False: it had ended by itself."""
    stage = start(place)
    try:
        stage.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(stage.pid, signal.SIGKILL)
        stage.wait()
        return True
    return False


def endpoint(server: Server) -> dict[str, Any]:
    """The engine of params.yaml."""
    return {
        "kind": "http",
        "address": server.address,
        "model": "tiny",
        "served": None,
        "key_variable": None,
        "prompt": "{source}",
        "languages": {"nah": "Nahuatl", "spa_Latn": "Spanish"},
        "seed": 0,
        "most_new_tokens": 100,
        "most_seconds": 20.0,
        "most_attempts": 2,
        "most_wait": 1.0,
        "most_per_minute": 60000,
        "concurrency": CONCURRENCY,
        "characters_per_token": 2.0,
        "price_in": 0.0,
        "price_out": 0.0,
        "most_cost": 0.0,
    }


def slowly(_: int, content: str) -> Reply:
    """An answer that takes as long as a fast model's."""
    return said(content.upper())._replace(seconds=0.03)


def settle(server: Server) -> list[str]:
    """What was asked until now, once nothing is under way."""
    time.sleep(0.1)
    while server.open[-1]:
        time.sleep(0.01)
    return [one.content for one in server.asked]


def known(place: Place) -> set[str]:
    """The segments whose answers are recorded."""
    os.environ["XDG_CACHE_HOME"] = str(place.cache)
    tree = settings.load(place.folder / "params.yaml")
    engines = {"one": settings.section(http.Http, "one", tree["engines"])}
    _, languages = settings.languages(tree)
    engine = opened("one", ("nah", languages["nah"]), "backward", engines, place.folder)
    maker = ("translate", name_of(engine), "1")
    return set(cache.recall(maker, [target(number) for number in range(ROWS)]))


class Outcome(NamedTuple):
    """What came of the kills."""

    kills: int
    equal: bool  # every run that ended wrote the bytes of one that nobody killed
    under_way: int  # segments whose answer was not recorded when the stage was killed
    most_under_way: int  # at one kill
    twice: int  # segments that were asked, or recorded, again though their answer was recorded


def kill_endpoint(folder: Path, kills: int) -> Outcome:
    """Kill the stage while an endpoint on loopback counts what it is asked."""
    chance, done, equal, lost_at, twice = Random(SEED), 0, True, [0], 0
    with chat(slowly) as server:
        expected, lasts = timed(
            Place(project(folder / "all", endpoint(server), ROWS), folder / "c")
        )
        for turn in count():
            if done == kills:
                break
            place = Place(project(folder / f"{turn}", endpoint(server), ROWS), folder / f"c{turn}")
            server.asked.clear()
            under_way: Counter[str] = Counter()
            earlier = 0
            while done < kills and killed(place, chance.uniform(0, lasts)):
                done += 1
                asked = settle(server)
                lost = set(asked[earlier:]) - known(place)
                earlier = len(asked)
                under_way.update(lost)
                lost_at.append(len(lost))
            equal &= whole(place) == expected
            allowed = Counter(map(target, range(ROWS))) + under_way
            twice += (Counter(settle(server)) - allowed).total()
    return Outcome(done, equal, sum(lost_at), max(lost_at), twice)


def kill_thot(folder: Path, kills: int) -> Outcome:
    """Kill the stage and its workers while the records count what is written to them."""
    chance, done, equal, twice = Random(SEED), 0, True, 0
    project(folder, {"kind": "thot"}, ROWS)
    thot.train([(f"{a} {b}", f"{b} {a}") for a in WORDS for b in WORDS], folder / MODEL)
    (folder / MODEL).with_name("ids.txt").touch()
    expected, lasts = timed(Place(folder, folder / "c"))
    for turn in count():
        if done == kills:
            break
        place = Place(folder, folder / f"c{turn}")
        count_records(place.cache / "milpa/records.sqlite")
        while done < kills and killed(place, chance.uniform(0, lasts)):
            done += 1
        equal &= whole(place) == expected
        with closing(sqlite3.connect(place.cache / "milpa/records.sqlite")) as table:
            times = [number for (number,) in table.execute("SELECT count(*) FROM log GROUP BY key")]
        twice += sum(times) - ROWS
    return Outcome(done, equal, 0, 0, twice)


def timed(place: Place) -> tuple[dict[str, bytes], float]:
    """What an uninterrupted run writes, and the seconds it takes."""
    begun = time.monotonic()
    return whole(place), time.monotonic() - begun


def count_records(path: Path) -> None:
    """Let the records keep a list of what is written to them."""
    cache.create(path)
    with closing(sqlite3.connect(path)) as table:
        table.execute("CREATE TABLE log (key TEXT)")
        table.execute(
            "CREATE TRIGGER kept AFTER INSERT ON made BEGIN INSERT INTO log VALUES (new.key); END"
        )


def main() -> None:
    """Print what came of twenty kills of each."""
    for kill in (kill_endpoint, kill_thot):
        with tempfile.TemporaryDirectory() as folder:
            print(kill.__name__, kill(Path(folder), KILLS))


if __name__ == "__main__":
    main()
