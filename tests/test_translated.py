"""Forward and pivot translation: which side is made, of which rows, and what stays hidden."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from augment import forward as forwards
from augment import pivot as pivots
from augment.engine import OWN, Engines
from augment.engines import apertium, thot
from augment.engines import pivot as chained
from augment.forward import Forward, forward
from augment.judge import as_pair
from augment.making import held_back
from augment.pivot import Pivot, pivot
from corpus.settings import Language
from corpus.shards import Shards
from corpus.table import SYNTHETIC, InputError

HERE = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
ENGINES: Engines = {
    OWN: thot.Thot(kind="thot"),
    "far": chained.Pivot(kind="pivot", first=OWN, second=OWN, middle="cat_Latn"),
}
KNOWN = {
    "nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), None),
    "amh": Language("Amharic", ("amh",), "Ethi", "spa_Latn", (), None),
}
ALL = Forward(engine=OWN, most_rows=None)
Corpus = Callable[..., pa.Table]


def test_rows_of_a_source_alone_get_a_target(corpus: Corpus) -> None:
    rows = corpus(*[None] * 20, "atl", None, sources=(*["agua"] * 20, "agua", None)).to_pylist()
    chosen = {row["id"] for row in forwards.choose(rows, 0.5, None)}
    assert chosen == {str(n) for n in range(20) if not held_back(str(n), 0.5)}
    few = forwards.choose(rows, 0.0, 5)
    assert few == forwards.choose(rows[::-1], 0.0, None)[:5]
    assert forwards.choose(rows, 0.0, 0) == []


@pytest.mark.parametrize("target", ["in atl", "ውሃ", "bishaan", "ទឹក"])
def test_the_made_side_is_the_target(corpus: Corpus, target: str) -> None:
    parents = corpus(None, None, sources=("el agua", "nada")).to_pylist()
    (row,) = forwards.pair_up(parents, [target, ""], "e@1")
    assert (row["source"], row["target"], row["parent"]) == ("el agua", target, "0")
    assert (row["origin"], row["engine"], row["language"]) == ("forward", "e@1", "nci_Latn")
    assert as_pair(row, parents[0]).made == ("target",)


@pytest.mark.parametrize("target", ["in atl", "ውሃ", "bishaan"])
def test_a_second_pivot_stands_beside_the_human_target(corpus: Corpus, target: str) -> None:
    parents = corpus(target, target, sources=("el agua", "nada")).to_pylist()
    (row,) = pivots.pair_up(parents, ["l'aigua", ""], "e@1", "cat_Latn")
    assert (row["source"], row["source_language"]) == ("l'aigua", "cat_Latn")
    assert (row["target"], row["origin"], row["parent"]) == (target, "pivot", "0")
    assert as_pair(row, parents[0]).made == ("source",)


def test_only_shown_sources_of_the_pivot_are_translated(corpus: Corpus) -> None:
    params = Pivot(engine="other", into="cat_Latn", most_rows=None)
    rows = corpus(*["atl"] * 20, None, "atl", sources=(*["agua"] * 20, "agua", None)).to_pylist()
    chosen = {row["id"] for row in pivots.choose(rows, "spa_Latn", 0.5, params)}
    assert chosen == {str(n) for n in range(20) if not held_back(str(n), 0.5)}
    assert pivots.choose(rows, "eng_Latn", 0.0, params) == []


@pytest.mark.parametrize("targets", [(), (None,), ("atl",)])
def test_without_rows_the_tables_are_empty_and_need_no_model(
    corpus: Corpus, tmp_path: Path, targets: tuple[str | None, ...]
) -> None:
    table = corpus(*targets)
    gone, keys = tmp_path / "gone", ("nah", "amh")
    made = forward(table, gone, gone, "0", ALL, keys, KNOWN, ENGINES, HERE)
    assert made.tables["rows"].schema == SYNTHETIC
    assert len(made.tables["rows"]) == 0
    off = Pivot(engine=None, into="cat_Latn", most_rows=None)
    made = pivot(table, gone, "0", off, keys, KNOWN, ENGINES, HERE)
    assert len(made.tables["rows"]) == 0


@pytest.mark.parametrize(
    ("name", "message"), [("far", "translator trained"), ("no", "has no 'no'")]
)
def test_an_engine_that_cannot_is_named(corpus: Corpus, name: str, message: str) -> None:
    params = Pivot(engine=name, into="cat_Latn", most_rows=None)
    with pytest.raises(InputError, match=message):
        pivot(corpus("atl", sources=("agua",)), Path(), "0", params, ("nah",), KNOWN, ENGINES, HERE)


SPANISH_CATALAN = Path("/usr/share/apertium/modes/spa-cat.mode")


@pytest.mark.skipif(not SPANISH_CATALAN.exists(), reason="apt-get install apertium-spa-cat")
def test_a_real_engine_between_two_pivots(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    engines: Engines = {
        "close": apertium.Apertium(
            kind="apertium",
            folder="/usr/share/apertium",
            modes={"spa_Latn-cat_Latn": "spa-cat"},
            most_seconds=60.0,
        )
    }
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "spa_Latn.tsv").write_text("expression\tnote\nflor y canto\t\n", "utf-8")
    sources = ("La casa es grande.", "El agua está fría.", "Es flor y canto.")
    table = pa.concat_tables(
        [
            corpus("Huei in calli.", None, "In xochitl in cuicatl.", sources=sources),
            corpus("ውሃው ቀዝቃዛ ነው።", sources=sources[1:2], language="amh_Ethi", id="a"),
        ]
    )
    params = Pivot(engine="close", into="cat_Latn", most_rows=None)
    keys = ("nah", "amh")
    made = pivot(table, lists, "0", params, keys, KNOWN, engines, HERE)
    rows = {row["parent"]: row for row in made.tables["rows"].to_pylist()}
    assert {id: (row["source"], row["target"]) for id, row in rows.items()} == {
        "0": ("La casa és gran.", "Huei in calli."),
        "a": ("L'aigua està freda.", "ውሃው ቀዝቃዛ ነው።"),
    }
    assert {row["source_language"] for row in rows.values()} == {"cat_Latn"}
    assert all(row["engine"].startswith("apertium") for row in rows.values())
    assert made.report["languages"]["nah"]["protected"] == {
        "flor y canto": {"kept": 0, "left_out": 1}
    }
    assert pivot(table, lists, "0", params, keys, KNOWN, engines, HERE) == made


def test_settings_out_of_range_are_errors() -> None:
    with pytest.raises(ValidationError, match="name another"):
        Pivot(engine=OWN, into="cat_Latn", most_rows=1)
    with pytest.raises(ValidationError, match="most_rows"):
        Forward(engine=OWN, most_rows=-1)


@pytest.mark.slow
def test_two_languages_are_translated_by_their_own_models(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = [("agua", "atl", "ውሃ"), ("casa", "calli", "ቤት"), ("flor", "xochitl", "አበባ")]
    for key, side in (("nah", 1), ("amh", 2)):
        pairs = [(row[0], row[side]) for row in words] * 2
        thot.train(
            [(f"{a} {b}", f"{x} {y}") for a, x in pairs for b, y in pairs],
            tmp_path / key / "forward",
        )
        (tmp_path / key / "ids.txt").touch()  # the stage's own list of the pairs
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "spa_Latn.tsv").write_text("expression\tnote\nSan Juan\t\nagua flor\t\n", "utf-8")
    sources = ("agua casa", "San Juan", "agua flor")
    table = pa.concat_tables(
        [
            corpus(None, None, None, sources=sources),
            corpus(None, sources=("flor casa",), language="amh_Ethi", id="a"),
        ]
    )
    keys = ("nah", "amh")
    made = forward(table, tmp_path, lists, "0", ALL, keys, KNOWN, ENGINES, HERE)
    pairs = {(row["source"], row["target"].lower()) for row in made.tables["rows"].to_pylist()}
    assert pairs == {
        ("agua casa", "atl calli"),
        ("San Juan", "san juan"),  # words that it does not know pass through
        ("flor casa", "አበባ ቤት"),
    }
    assert made.report["languages"]["nah"]["protected"] == {
        "San Juan": {"kept": 1, "left_out": 0},
        "agua flor": {"kept": 0, "left_out": 1},
    }
