"""Laws of the map: order kept, a dead worker's shard done again, Ray's bytes those of the pool."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import sleep
from typing import Any

import pyarrow as pa
import pytest

from corpus.shards import Shards, map_shards
from corpus.table import SCHEMA, InputError, write_shard

ROOT = Path(__file__).parent.parent
POOL = Shards(most_bytes=1000, workers=2, runner="pool", most_retries=1)
RAY = Shards(most_bytes=1000, workers=2, runner="ray", most_retries=3)


def write_square(folder: Path, number: int) -> int:
    """Write a shard and return what is small."""
    rows = [{"id": f"{number}.{row}", "target": "ꞌatl" * number * row} for row in range(50)]
    write_shard(pa.Table.from_pylist(rows, schema=SCHEMA), folder / f"{number:05}.parquet")
    return number * number


def write_or_die(folder: Path, marker: Path, number: int) -> int:
    """As write_square, but the worker of shard 2 is killed the first time."""
    if number == 2 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return write_square(folder, number)


def always_die(number: int) -> int:
    """A worker that never lives."""
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse(number: int) -> int:
    """A function that raises."""
    if number == 1:
        raise ValueError(f"shard {number} holds no text")
    return number


def bytes_of(folder: Path) -> dict[str, str]:
    """The hash of each file."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("tasks", [[], [3], [3, 1, 2]])
def test_one_worker_keeps_the_order_of_the_tasks(tmp_path: Path, tasks: list[int]) -> None:
    alone = Shards(most_bytes=1, workers=1, runner="pool", most_retries=0)
    found = map_shards(partial(write_square, tmp_path), tasks, alone, "square")
    assert found == [task * task for task in tasks]


def test_a_raising_function_stops_one_worker() -> None:
    alone = Shards(most_bytes=1, workers=1, runner="pool", most_retries=0)
    with pytest.raises(ValueError, match="shard 1 holds no text"):
        map_shards(refuse, [0, 1, 2], alone, "refuse")


@pytest.mark.slow
def test_the_pool_writes_what_one_worker_writes(tmp_path: Path) -> None:
    alone = Shards(most_bytes=1, workers=1, runner="pool", most_retries=0)
    tasks = [5, 0, 3, 1]
    for name, shards in (("one", alone), ("two", POOL)):
        found = map_shards(partial(write_square, tmp_path / name), tasks, shards, "square")
        assert found == [25, 0, 9, 1]
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


@pytest.mark.slow
def test_the_shard_of_a_killed_worker_is_done_again(tmp_path: Path) -> None:
    work = partial(write_or_die, tmp_path / "out", tmp_path / "marker")
    assert map_shards(work, range(5), POOL, "square") == [0, 1, 4, 9, 16]
    assert (tmp_path / "marker").exists()
    assert len(bytes_of(tmp_path / "out")) == 5


@pytest.mark.slow
def test_workers_that_always_die_are_one_line() -> None:
    with pytest.raises(InputError, match=r"^die: a worker died 2 times .*most_bytes$") as error:
        map_shards(always_die, [0, 1], POOL, "die")
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_raising_function_stops_the_pool() -> None:
    with pytest.raises(ValueError, match="shard 1 holds no text"):
        map_shards(refuse, range(6), POOL, "refuse")


STAGE = """
import errno, os, signal, sys, time
from pathlib import Path
from corpus.settings import settings
from corpus.shards import Shards, map_shards
from corpus.stage import Output, run

@settings
class Stop:
    how: str

def work(task):
    Path(task[0], f"{os.getpid()}.worker").touch()
    if task[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if task[1] == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    time.sleep(60)

def stop(params: Stop, shards: Shards, out: Path) -> Output:
    (out / "begun.parquet").write_text("half of it")
    map_shards(work, [(str(out.parent), params.how)] * 4, shards, "stop")
    return Output()

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    run(stop, Stop)
"""


def stage(folder: Path, how: str) -> subprocess.Popen[str]:
    """A stage that maps over shards in two processes, each of which ends badly or never."""
    (folder / "stop_stage.py").write_text(STAGE)
    entry = {
        "name": "Nahuatl", "varieties": ["nah"], "script": "Latn", "pivot": "spa_Latn",
        "neighbours": [], "orthography": None,
    }  # fmt: skip
    shards = {"most_bytes": 1000, "workers": 2, "runner": "pool", "most_retries": 0}
    tree = {"active": ["nah"], "languages": {"nah": entry}, "shards": shards, "stop": {"how": how}}
    (folder / "params.yaml").write_text(json.dumps(tree))
    return subprocess.Popen(
        [sys.executable, "stop_stage.py", "out=out", "report=report.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers_of(folder: Path, count: int) -> list[int]:
    """The workers' ids, once so many have begun."""
    wait_for(lambda: len(list(folder.glob("*.worker"))) >= count)
    return [int(path.stem) for path in folder.glob("*.worker")]


def wait_for(done: Callable[[], bool]) -> None:
    """Wait until it is so, half a minute at most."""
    for _ in range(600):
        if done():
            return
        sleep(0.05)
    raise AssertionError("waited too long")


def alive(process: int) -> bool:
    """Whether a process runs; one that ended and that nobody has asked about does not."""
    state = Path(f"/proc/{process}/stat")
    try:
        return state.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def lines_of(stderr: str) -> list[str]:
    """What was said beside the progress bars."""
    return [line for line in re.split(r"[\r\n]+", stderr) if line.strip() and "it/s" not in line
            and "?it" not in line]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's end")
def test_no_worker_outlives_a_killed_stage(tmp_path: Path) -> None:
    running = stage(tmp_path, "waits")
    workers = workers_of(tmp_path, 2)
    assert all(alive(worker) for worker in workers)
    running.kill()
    running.wait()
    wait_for(lambda: not any(alive(worker) for worker in workers))


@pytest.mark.slow
@pytest.mark.parametrize("group", [True, False])
def test_an_interrupted_stage_is_one_line_and_leaves_nothing(tmp_path: Path, group: bool) -> None:
    running = stage(tmp_path, "waits")
    workers = workers_of(tmp_path, 2)
    (os.killpg if group else os.kill)(running.pid, signal.SIGINT)  # Ctrl-C reaches the group
    _, said = running.communicate(timeout=30)
    assert running.returncode == 1
    assert lines_of(said) == ["stop: interrupted; nothing was written"]
    assert not any(alive(worker) for worker in workers)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".out.partial").exists()
    assert not (tmp_path / "report.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("killed", "stop: stop: a worker died 1 times .*; lower shards.workers or .*most_bytes"),
        ("full", "stop: the disk is full; free some space and run 'dvc repro' again"),
    ],
)
def test_a_failed_worker_is_one_line_and_leaves_nothing(
    tmp_path: Path, how: str, said: str
) -> None:
    running = stage(tmp_path, how)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 1
    (line,) = lines_of(stderr)
    assert re.fullmatch(said, line)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".out.partial").exists()


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two Ray nodes of one CPU on loopback; the first, which drives, has none."""
    for name, value in {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # read at import: addresses are 127.0.0.1
        "RAY_DISABLE_IMPORT_WARNING": "1",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }.items():
        monkeypatch.setenv(name, value)
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 100_000_000, "include_dashboard": False}
    nodes = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "node_ip_address": "127.0.0.1", **small},
    )
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    try:
        yield nodes
    finally:
        nodes.shutdown()


def add_nodes(cluster: Any, count: int) -> list[Any]:
    """Workers of one CPU each, not at the driver's address: it might join one that is killed."""
    return [
        cluster.add_node(
            num_cpus=1, object_store_memory=100_000_000, node_ip_address=f"127.0.0.{number + 2}"
        )
        for number in range(count)
    ]


def write_slowly(folder: Path, begun: Path, number: int) -> int:
    """As write_square; but tell that the shard has begun, and take a while."""
    (begun / f"{number}.{os.getpid()}").touch()
    sleep(0.3)
    return write_square(folder, number)


def drive(folder: Path) -> None:
    """The driver of the test below, in a process of its own: Ray may end the one it runs in."""
    os.chdir(folder)  # not the folder of the nodes: paths below are relative
    tasks = range(12)
    alone = replace(POOL, workers=1)
    expected = map_shards(partial(write_square, Path("one")), tasks, alone, "square")
    assert map_shards(partial(write_square, Path("ray")), tasks, RAY, "square") == expected
    assert bytes_of(Path("ray")) == bytes_of(Path("one"))
    work = partial(write_slowly, Path("half"), Path("begun"))
    assert map_shards(work, tasks, RAY, "square") == expected
    assert bytes_of(Path("half")) == bytes_of(Path("one"))
    with pytest.raises(ValueError, match=r"^shard 1 holds no text$"):
        map_shards(refuse, range(3), RAY, "refuse")
    with pytest.raises(InputError, match=r"^die: a worker died 1 times .*most_bytes$"):
        map_shards(always_die, [0], replace(RAY, most_retries=0), "die")


@pytest.mark.slow
def test_ray_writes_what_the_pool_writes_and_survives_a_node(tmp_path: Path, cluster: Any) -> None:
    nodes = add_nodes(cluster, 2)
    cluster.wait_for_nodes()
    (tmp_path / "begun").mkdir()
    driver = multiprocessing.get_context("spawn").Process(target=drive, args=(tmp_path,))
    driver.start()
    wait_for(lambda: not driver.is_alive() or len(list((tmp_path / "begun").iterdir())) >= 3)
    cluster.remove_node(nodes[1], allow_graceful=False)
    driver.join()
    assert driver.exitcode == 0
