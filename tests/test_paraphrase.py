"""A paraphrase differs from its parent, within bounds, and never shows a held-back source."""

# The ways that ask an engine are tested with functions, and the round trip with a real one.

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from augment.affixes import Affixation
from augment.engine import OWN, Engines
from augment.engines import thot
from augment.lexicon import Learning
from augment.made import Guard
from augment.making import Row, held_back, shown
from augment.paraphrase import Instruct, Paraphrase, Reword, RoundTrip, merit, paraphrase, trial
from augment.protected import protected
from augment.reword import Bounds, Method, Tool, distance, reason, reworded
from augment.substitute import Substitute
from corpus.settings import Language, Languages
from corpus.shards import Shards
from corpus.table import SYNTHETIC, InputError

HERE = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
ENGINES: Engines = {OWN: thot.Thot(kind="thot")}
BOUNDS = Bounds(least_distance=0.25, most_distance=0.75)
LEARNING = Learning(
    most_pairs=10**6, most_words=60, iterations=5, strength=1.0, least_confidence=0.5
)
SUBSTITUTE = Substitute(
    most_rows=0,
    share=0.3,
    least_confidence=0.5,
    least_links=3,
    least_similarity=0.7,
    most_likeness=0.4,
    affixes=Affixation(least_stem=4, most_letters=5, least_stems=5),
    lexicon=LEARNING,
)
PARAMS = Paraphrase(
    bounds=BOUNDS,
    round_trip=RoundTrip(engines=(OWN,), trial_rows=10, most_rows=20),
    reword=Reword(engine=OWN, best=5, most_rows=0),
    instruct=Instruct(engine=None, most_rows=0),
    substitute=SUBSTITUTE,
)
NOWHERE = Path("nowhere")
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
    assert reason(parent, text, BOUNDS) == expected


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
        corpus(*targets), tmp_path, NOWHERE, "0.25", PARAMS, ("nah",), KNOWN, ENGINES, HERE
    )
    assert made.tables["rows"].schema == SYNTHETIC
    ways = made.report["languages"]["nah"]
    assert set(ways) == {"paraphrase", "reword", "instruct", "substitute"}
    nothing = {"tried": 0, "outcome": {}, "protected": {"kept": 0, "rows_left_alone": 0}}
    assert all(way == nothing for way in ways.values())


@pytest.mark.parametrize("wrong", [(0.0, 0.5), (0.5, 0.5), (0.5, 1.1)])
def test_bounds_out_of_range_are_errors(wrong: tuple[float, float]) -> None:
    with pytest.raises(ValidationError):
        Bounds(*wrong)


def test_settings_out_of_range_are_errors() -> None:
    for engines, trial_rows, most_rows in (((), 1, 1), ((OWN,), 0, 1), ((OWN,), 1, -1)):
        with pytest.raises(ValidationError):
            RoundTrip(engines=engines, trial_rows=trial_rows, most_rows=most_rows)
    with pytest.raises(ValidationError):
        Reword(engine=OWN, best=0, most_rows=1)
    with pytest.raises(ValidationError, match="engine names none"):
        Instruct(engine=None, most_rows=1)


def row(target: str, source: str | None = "agua", id: str = "r") -> Row:
    """A row of a training split."""
    return {"id": id, "source": source, "target": target, "language": "nci_Latn"}


def offering(texts: dict[str, list[str]], *expressions: str, method: Method = "reword") -> Tool:
    """Something that offers fixed texts for each target."""
    known = Guard(protected(()), protected(expressions))
    return Tool(method, "fixed@0", lambda rows: [texts[row["target"]] for row in rows], known)


@pytest.mark.parametrize(
    ("target", "offers", "expected"),
    [
        (  # the likest of those that differ enough
            "niquitta in calli huey",
            [
                "niquitta in calli huey",
                "xochitl",
                "niquitta chantli hueyi",
                "niquitta in chantli huey",
            ],
            "niquitta in chantli huey",
        ),
        ("ውሃ ንጹህ ነው ዛሬ", ["ውሃ ንጹህ ነው ዛሬ", "ውሃ ንጹህ ነው ነገ"], "ውሃ ንጹህ ነው ነገ"),
        (
            "Faayilii kana banuu dandeessa",
            ["Faayilii kana banuu dandeessa", "Faayilii kana banuu ni dandeenya", "Galmee"],
            "Faayilii kana banuu ni dandeenya",
        ),
        ("in atl in tepetl", ["in atl in tepetl"], None),
        ("in atl in tepetl", [], None),
        ("in atl in tepetl", ["", "xochitl cuicatl"], None),
    ],
)
def test_the_likest_text_that_differs_enough_is_taken(
    target: str, offers: list[str], expected: str | None
) -> None:
    bounds = Bounds(least_distance=0.1, most_distance=0.75)
    made = reworded([row(target)], offering({target: offers}), bounds)
    assert [new["target"] for new in made.rows] == ([expected] if expected else [])
    assert made.outcome.total() == 1
    for new in made.rows:
        assert (new["origin"], new["engine"], new["source"]) == ("reword", "fixed@0", "agua")
        assert 0.1 <= distance(target, new["target"]) <= 0.75


def test_a_text_that_lost_a_protected_expression_is_not_taken() -> None:
    offers = {"huel in atl in tepetl": ["huel in atl in altepetl"]}
    bounds = Bounds(least_distance=0.01, most_distance=0.75)
    rows = [row("huel in atl in tepetl")]
    assert len(reworded(rows, offering(offers), bounds).rows) == 1
    made = reworded(rows, offering(offers, "in atl in tepetl"), bounds)
    assert made.rows == []
    assert made.outcome == {"a protected expression would be lost": 1}
    assert made.protected == {"kept": 0, "rows_left_alone": 1}
    offers["huel in atl in tepetl"].append("nican in atl in tepetl")
    (new,) = reworded(rows, offering(offers, "in atl in tepetl"), bounds).rows
    assert new["target"] == "nican in atl in tepetl"  # the next best keeps it


def test_the_engine_that_rewords_most_within_bounds_is_the_best() -> None:
    rows = [row("in calli huey", id="1"), row("in atl iztac", id="2")]
    same = offering({row["target"]: [row["target"]] for row in rows})
    other = offering({"in calli huey": ["in chantli huey"], "in atl iztac": ["xochitl"]})
    trials = {name: trial(rows, tool, BOUNDS) for name, tool in (("a", same), ("b", other))}
    assert trials["a"]["within_bounds"]["kept"] == 0
    assert trials["a"]["mean_distance"] is None
    assert trials["b"]["within_bounds"]["kept"] == 1
    assert max(trials, key=lambda name: merit(trials[name])) == "b"


def test_an_engine_without_a_prompt_cannot_be_instructed(corpus: Corpus) -> None:
    params = Paraphrase(**{**vars(PARAMS), "instruct": Instruct(engine=OWN, most_rows=1)})
    off = RoundTrip(engines=(OWN,), trial_rows=1, most_rows=0)
    params = Paraphrase(**{**vars(params), "round_trip": off})
    with pytest.raises(InputError, match="takes no instruction"):
        paraphrase(corpus("in atl"), NOWHERE, NOWHERE, "0", params, ("nah",), KNOWN, ENGINES, HERE)


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
    made = paraphrase(table, tmp_path, NOWHERE, "0", PARAMS, ("nah",), KNOWN, ENGINES, HERE)
    (row,) = made.tables["rows"].to_pylist()
    assert (row["source"], row["target"]) == ("casa agua", "chantli atl")
    assert (row["origin"], row["parent"]) == ("paraphrase", "0")
    assert row["engine"].startswith("round-trip@")
    assert made.report["languages"]["nah"]["paraphrase"]["outcome"] == {
        "kept": 1,
        "too near its parent": 2,
    }
    held = paraphrase(table, tmp_path, NOWHERE, "1", PARAMS, ("nah",), KNOWN, ENGINES, HERE)
    assert held.tables["rows"]["source"].to_pylist() == [None]
    several = RoundTrip(engines=("again", OWN), trial_rows=3, most_rows=20)
    params = Paraphrase(**{**vars(PARAMS), "round_trip": several})
    engines: Engines = {**ENGINES, "again": thot.Thot(kind="thot")}
    chosen = paraphrase(table, tmp_path, NOWHERE, "0", params, ("nah",), KNOWN, engines, HERE)
    assert chosen.tables["rows"].equals(made.tables["rows"])
    trials = chosen.report["languages"]["nah"]["paraphrase"]["trials"]
    assert {name: found["within_bounds"]["kept"] for name, found in trials.items()} == {
        "again": 1,
        OWN: 1,
    }
