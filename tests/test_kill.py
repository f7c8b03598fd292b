"""A stage that is killed and run again ends with the same bytes, and asks nothing twice.

Fewer instants than the twenty of `python -m benchmarks.kill`, whose code this is.
"""

from pathlib import Path

import pytest

from benchmarks.chat import chat, said
from benchmarks.kill import (
    CONCURRENCY,
    Place,
    endpoint,
    kill_endpoint,
    kill_thot,
    project,
    settle,
    target,
    whole,
)

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_an_endpoint_is_asked_again_only_for_what_was_under_way(tmp_path: Path) -> None:
    outcome = kill_endpoint(tmp_path, kills=6)
    assert (outcome.kills, outcome.equal, outcome.twice) == (6, True, 0)
    assert outcome.most_under_way <= CONCURRENCY


def test_workers_of_thot_record_nothing_twice(tmp_path: Path) -> None:
    outcome = kill_thot(tmp_path, kills=3)
    assert (outcome.kills, outcome.equal, outcome.twice) == (3, True, 0)


def test_new_rows_alone_are_asked_and_the_bytes_are_those_of_a_run_from_nothing(
    tmp_path: Path,
) -> None:
    with chat(lambda _, content: said(content.upper())) as server:
        place = Place(project(tmp_path / "grows", endpoint(server), 40), tmp_path / "cache")
        few = whole(place)
        server.asked.clear()
        more = whole(Place(project(place.folder, endpoint(server), 60), place.cache))
        assert sorted(settle(server)) == sorted(target(number) for number in range(40, 60))
        fresh = Place(project(tmp_path / "fresh", endpoint(server), 60), tmp_path / "fresh-cache")
        assert whole(fresh) == more != few
        server.asked.clear()
        assert whole(place) == more
        assert settle(server) == []
