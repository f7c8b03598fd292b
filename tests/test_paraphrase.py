"""A paraphrase differs from its parent, within bounds, and never shows a held-back source."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from augment.engine import OWN, Engines
from augment.engines import thot
from augment.making import held_back, shown
from augment.paraphrase import Paraphrase, paraphrase, reason
from corpus.settings import Language, Languages
from corpus.shards import Shards
from corpus.table import SYNTHETIC

HERE = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
ENGINES: Engines = {OWN: thot.Thot(kind="thot")}
PARAMS = Paraphrase(engine=OWN, most_rows=20, least_distance=0.25, most_distance=0.75)
KNOWN: Languages = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), None)}
Corpus = Callable[..., pa.Table]


@pytest.mark.parametrize(
    ("parent", "text", "expected"),
    [
        ("In ātl in tepētl", "in ĀTL in tepētl", "too near its parent"),  # case is no paraphrase
        ("In ātl in tepētl", "", "empty"),
        ("In ātl in tepētl", "xōchitl cuīcatl", "too far from its parent"),
        ("Niquitta in calli huey", "niquitta in chantli huey", None),
        ("ውሃ ንጹህ ነው ዛሬ", "ውሃ ንጹህ ነው ነገ", None),
        ("ውሃ ንጹህ ነው", "ውሃ ንጹህ ነው", "too near its parent"),
    ],
)
def test_a_round_trip_has_a_reason_to_go(parent: str, text: str, expected: str | None) -> None:
    assert reason(parent, text, PARAMS) == expected


def test_the_source_is_kept_unless_it_is_held_back(corpus: Corpus) -> None:
    rows = corpus(*map(str, range(50)), sources=("agua",) * 50).to_pylist()
    for row in rows:
        assert shown(row, 0.5) == (None if held_back(row["id"], 0.5) else "agua")
    assert shown({**rows[0], "source": None}, 0.0) is None


@pytest.mark.parametrize("targets", [(), (None,)])
def test_without_rows_the_table_is_empty_and_needs_no_model(
    corpus: Corpus, tmp_path: Path, targets: tuple[None, ...]
) -> None:
    made = paraphrase(
        corpus(*targets),
        tmp_path,
        "0.25",
        tmp_path / "lists",
        PARAMS,
        ("nah",),
        KNOWN,
        ENGINES,
        HERE,
    )
    assert made.tables["rows"].schema == SYNTHETIC
    assert made.report["languages"] == {"nah": {"tried": 0, "outcome": {}, "protected": {}}}


@pytest.mark.parametrize("wrong", [(-1, 0.1, 0.5), (5, 0.0, 0.5), (5, 0.5, 0.5), (5, 0.5, 1.1)])
def test_settings_out_of_range_are_errors(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(ValidationError):
        Paraphrase(engine=OWN, most_rows=wrong[0], least_distance=wrong[1], most_distance=wrong[2])


@pytest.mark.slow
def test_a_round_trip_swaps_synonyms(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = [("agua", "atl"), ("casa", "calli"), ("casa", "chantli"), ("casa", "chantli")]
    pairs = [(f"{a} {b}", f"{x} {y}") for a, x in words for b, y in words] * 8
    thot.train(pairs, tmp_path / "nah/forward")
    thot.train([(b, a) for a, b in pairs], tmp_path / "nah/backward")
    (tmp_path / "nah/ids.txt").touch()  # the stage's own list of the pairs
    table = corpus("calli atl", "atl atl", "chantli atl", sources=("casa agua",) * 3)
    made = paraphrase(
        table, tmp_path, "0", tmp_path / "lists", PARAMS, ("nah",), KNOWN, ENGINES, HERE
    )
    (row,) = made.tables["rows"].to_pylist()
    assert (row["source"], row["target"]) == ("casa agua", "chantli atl")
    assert (row["origin"], row["parent"]) == ("paraphrase", "0")
    assert row["engine"].startswith("round-trip@")
    assert made.report["languages"]["nah"]["outcome"] == {"kept": 1, "too near its parent": 2}
    held = paraphrase(
        table, tmp_path, "1", tmp_path / "lists", PARAMS, ("nah",), KNOWN, ENGINES, HERE
    )
    assert held.tables["rows"]["source"].to_pylist() == [None]
