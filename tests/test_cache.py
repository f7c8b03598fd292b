"""What was made is written before more is asked, by any number of processes, and never lost."""

import multiprocessing
import os
import resource
import signal
import sqlite3
import time
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from augment import cache
from corpus.shards import executor
from corpus.table import InputError

SPAWN = multiprocessing.get_context("spawn")
MAKER = ("upper", "1")
TEXTS = ["In ātl in tepētl", "ውሃ ንጹህ ነው", "bishaan qulqulluu", "", "a'b\"c\0d\n"]


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def upper(texts: list[str]) -> list[str]:
    return [text.upper() for text in texts]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 99])
def test_each_text_is_made_once_in_calls_of_that_size(size: int, threads: int) -> None:
    calls: list[list[str]] = []

    def make(texts: list[str]) -> list[str]:
        calls.append(texts)
        return upper(texts)

    asked = [*TEXTS, *TEXTS[:2]]
    for _ in range(2):
        assert cache.remembered(make, MAKER, asked, size, threads) == upper(asked)
    assert sorted(text for call in calls for text in call) == sorted(TEXTS)
    assert max(map(len, calls)) == min(size, len(TEXTS))
    assert cache.recall(MAKER, TEXTS) == dict(zip(TEXTS, upper(TEXTS), strict=True))
    assert cache.recall(("upper", "2"), TEXTS) == {}
    assert cache.remembered(make, MAKER, [], size, threads) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_keeps_what_was_answered_and_asks_no_more(threads: int) -> None:
    asked: list[str] = []

    def make(texts: list[str]) -> list[str]:
        asked.extend(texts)
        if texts == ["2"]:
            raise RuntimeError("broken")
        time.sleep(0.01)
        return texts

    with pytest.raises(RuntimeError, match="broken"):
        cache.remembered(make, MAKER, [str(n) for n in range(1000)], 1, threads)
    kept = cache.recall(MAKER, [str(n) for n in range(1000)])
    assert kept.keys() == set(asked) - {"2"}
    assert len(asked) < 100


def test_an_error_behind_a_slow_call_asks_no_more() -> None:
    asked: list[str] = []

    def make(texts: list[str]) -> list[str]:
        asked.extend(texts)
        if texts != ["0"]:
            raise RuntimeError("broken")
        time.sleep(1)
        return texts

    with pytest.raises(RuntimeError, match="broken"):
        cache.remembered(make, MAKER, [str(n) for n in range(5000)], 1, 3)
    assert len(asked) <= 3, "one call a thread, and none after the error"


def test_a_maker_that_loses_a_text_is_found_out() -> None:
    with pytest.raises(RuntimeError, match="upper made 1 segments of 2"):
        cache.remembered(lambda texts: texts[1:], MAKER, ["a", "b"], 2)
    assert cache.recall(MAKER, ["a", "b"]) == {}


def fill(number: int, gate: Barrier) -> None:
    """Write in a process of its own, at the same moment as the others."""
    gate.wait()
    texts = [f"{number % 2} {n}" for n in range(100)]  # two processes meet on each text
    cache.remembered(upper, MAKER, texts, 1)


def test_processes_write_side_by_side() -> None:
    gate = SPAWN.Barrier(4)
    workers = [SPAWN.Process(target=fill, args=(number, gate)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert len(cache.recall(MAKER, [f"{n % 2} {n // 2}" for n in range(200)])) == 200


def endless() -> None:
    """Write one record after the other and say so."""
    for number in range(10**6):
        cache.record(MAKER, [str(number)], ["made"])
        print(number, flush=True)  # noqa: T201


def test_a_killed_process_loses_nothing_that_it_wrote(tmp_path: Path) -> None:
    for turn in range(5):
        log = tmp_path / f"log{turn}"
        worker = SPAWN.Process(target=logged, args=(log,))
        worker.start()
        while not (log.exists() and log.read_text().count("\n") > 20 + 7 * turn):
            time.sleep(0.005)
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()
        said = log.read_text().rpartition("\n")[0].split("\n")
        assert cache.recall(MAKER, said).keys() == set(said)
        with cache.records() as table:
            assert table.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def logged(log: Path) -> None:
    """`endless`, with what it says in a file."""
    with log.open("w") as out:
        os.dup2(out.fileno(), 1)
        endless()


def full(limit: int) -> str:
    """What is said where files cannot grow any more, and what is still known then."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    cache.record(MAKER, ["before"], ["kept"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        for number in range(10**4):
            cache.record(MAKER, [str(number)], ["x" * 5000])
    except InputError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return f"{error} {cache.recall(MAKER, ['before'])['before']} {len(known())}"
    return "no error"


def known() -> dict[str, str]:
    return cache.recall(MAKER, [str(number) for number in range(10**4)])


def test_a_full_disk_is_one_line_and_loses_no_record() -> None:
    with executor(1) as pool:
        said = pool.submit(full, 400_000).result()
    assert "cannot be used as a cache" in said
    assert "free some space" in said
    assert " kept " in said
    assert int(said.rpartition(" ")[2]) == len(known()) > 10


def denied() -> str:
    """What is said to a user who may not write there."""
    if os.geteuid() == 0:  # who may write everywhere
        os.seteuid(65534)
    with pytest.raises(InputError, match="cannot be used as a cache") as error:
        cache.record(MAKER, ["a"], ["b"])
    return str(error.value)


def test_a_folder_without_the_right_to_write_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with executor(1) as pool:
        said = pool.submit(denied).result()
    tmp_path.chmod(0o700)
    assert "make its folder writable" in said
    assert len(said.splitlines()) == 1


def test_what_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "milpa").write_text("a file in the way")
    with pytest.raises(InputError, match=r"records.sqlite cannot be used as a cache \(.+\); free"):
        cache.recall(MAKER, ["x"])
    (tmp_path / "milpa").unlink()
    (tmp_path / "milpa").mkdir()
    cache.path().write_text("no database at all, and long enough to be looked at" * 100)
    with pytest.raises(InputError, match=r"file is not a database.*delete it"):
        cache.recall(MAKER, ["x"])
    cache.path().unlink()
    assert cache.remembered(upper, MAKER, ["x"], 1) == ["X"]


def test_what_is_taken_down_is_forgotten_with_all_that_was_made_of_it() -> None:
    spanish, back = '[["Agua limpia", null, 3]]', '[["Ātl chipāhuac", null, 3]]'
    cache.record(
        ("translate", "back"), ["Chipāhuac ātl", "bishaan"], [spanish, '[["agua", null, 1]]']
    )
    cache.record(
        ("translate", "forward"), ["Agua limpia", "pan"], [back, '[["tlaxcalli", null, 1]]']
    )
    cache.record(("other",), ["in ye huehcauh"], ['[["CHIPĀHUAC, ātl!", null, 1]]'])  # says it
    key = cache.text_key("chipāhuac ātl")
    assert key is not None
    before = cache.path().read_bytes() + cache.path().with_suffix(".sqlite-wal").read_bytes()
    assert b"Agua limpia" in before
    assert cache.forget({key}) == 3
    assert cache.tainted({key}) == []
    assert cache.recall(("translate", "back"), ["bishaan", "Chipāhuac ātl"]).keys() == {"bishaan"}
    assert cache.recall(("translate", "forward"), ["pan", "Agua limpia"]).keys() == {"pan"}
    wal = cache.path().with_suffix(".sqlite-wal")
    after = cache.path().read_bytes() + (wal.read_bytes() if wal.exists() else b"")
    assert b"Agua limpia" not in after, "SQLite leaves deleted pages in the file"
    assert cache.forget({key}) == 0


def test_records_of_before_take_downs_go_with_the_first() -> None:
    cache.path().parent.mkdir(parents=True)
    with closing(sqlite3.connect(cache.path())) as table, table:
        table.execute("CREATE TABLE made (key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID")
        table.execute("INSERT INTO made VALUES (?, ?)", (cache.digest(*MAKER, "ውሃ"), "water"))
    assert cache.recall(MAKER, ["ውሃ"]) == {"ውሃ": "water"}
    cache.record(MAKER, ["bishaan"], ["water"])
    assert cache.forget({"3:none"}) == 1
    assert cache.recall(MAKER, ["ውሃ", "bishaan"]) == {"bishaan": "water"}


def test_nothing_is_made_where_nothing_is_to_be_forgotten() -> None:
    assert cache.forget({"3:none"}) == 0
    assert not cache.path().exists()
