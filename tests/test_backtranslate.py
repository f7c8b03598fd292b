"""A made source never hides what it is, and goes to rows without a usable human source only."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from augment.backtranslate import (
    Backtranslate,
    against_human,
    backtranslate,
    child,
    choose,
    pair_up,
)
from augment.engine import OWN, Engines
from augment.engines import thot
from augment.making import held_back
from corpus.settings import Language, Languages
from corpus.shards import Shards
from corpus.table import SYNTHETIC

HERE = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
ENGINES: Engines = {OWN: thot.Thot(kind="thot")}
ALL = Backtranslate(engine=OWN, monolingual_share=0.5, most_rows=None)
KNOWN: Languages = {
    "nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), None),
    "amh": Language("Amharic", ("amh",), "Ethi", "spa_Latn", (), None),
}
Corpus = Callable[..., pa.Table]


def test_rows_without_a_source_and_rows_held_back_are_chosen(corpus: Corpus) -> None:
    table = corpus(None, "ātl", *map(str, range(40)), sources=("agua", None, *map(str, range(40))))
    chosen = {row["id"] for row in choose(table.to_pylist(), ALL)}
    expected = {str(n) for n in range(2, 42) if held_back(str(n), 0.5)} | {"1"}
    assert chosen == expected


def test_fewer_rows_are_a_part_of_more_and_order_does_not_matter(corpus: Corpus) -> None:
    rows = corpus(*map(str, range(40))).to_pylist()
    few = choose(rows, Backtranslate(engine=OWN, monolingual_share=0.0, most_rows=5))
    assert few == choose(rows[::-1], ALL)[:5]
    assert choose(rows, Backtranslate(engine=OWN, monolingual_share=0.0, most_rows=0)) == []


@pytest.mark.parametrize("target", ["In ātl", "ውሃ ንጹህ ነው።", "ꞌatl"])
def test_the_target_stays_and_the_source_is_made(corpus: Corpus, target: str) -> None:
    (row,) = pair_up(
        corpus(target, sources=("agua",)).to_pylist(),
        [target.upper()],
        "upper@1",
        "spa_Latn",
    )
    assert (row["source"], row["target"]) == (target.upper(), target)
    assert (row["origin"], row["engine"], row["parent"]) == ("backtranslate", "upper@1", "0")
    assert (row["document"], row["licence"]) == ("book", "CC0-1.0")
    assert set(row) == set(SYNTHETIC.names)


def test_an_empty_translation_makes_no_row(corpus: Corpus) -> None:
    rows = corpus("ātl", "calli").to_pylist()
    made = pair_up(rows, ["", "casa"], "e@1", "spa_Latn")
    assert [row["source"] for row in made] == ["casa"]


def test_the_id_changes_with_the_text_and_the_parent() -> None:
    parents = [{"id": str(n), "source": None, "target": "ātl"} for n in range(2)]
    ids = [child(p, "backtranslate", "e", source=s)["id"] for p in parents for s in ("a", "b")]
    assert len(set(ids)) == 4
    assert child(parents[0], "m", "e", source="a") == child(parents[0], "m", "e", source="a")


@pytest.mark.parametrize("targets", [(), (None,), ("ote text",)])
def test_without_rows_the_table_is_empty_and_needs_no_model(
    corpus: Corpus, tmp_path: Path, targets: tuple[str | None, ...]
) -> None:
    table = corpus(*targets, language="ote_Latn")
    made = backtranslate(
        table, tmp_path / "no model", tmp_path, ALL, ("nah", "amh"), KNOWN, ENGINES, HERE
    )
    assert made.tables["rows"].schema == SYNTHETIC
    assert len(made.tables["rows"]) == 0
    assert made.report["languages"]["amh"]["chosen"] == 0
    assert made.report["languages"]["amh"]["held_back"]["made"]["chrf"] is None


def test_made_sources_are_measured_against_those_held_back(corpus: Corpus) -> None:
    rows = corpus(
        *(f"atl {n}" for n in range(40)),
        None,
        sources=(*(f"el agua {n}" for n in range(40)), "sol"),
    ).to_pylist()
    held = [row for row in rows if held_back(row["id"], 0.5) and row["target"]]
    new = [child(row, "backtranslate", "e", source=row["source"].upper()) for row in rows[:40]]
    found = against_human(held, new, 0.5)
    assert found["rows"] == len(held)
    assert (found["made"]["chrf"], found["made"]["low"]) == (100.0, 100.0)
    assert 0 < found["copy"]["low"] <= found["copy"]["chrf"] <= found["copy"]["high"] < 50
    assert "case:lc" in found["made"]["signature"]
    assert "bs:1000" in found["made"]["signature"]
    assert against_human(held, new[::2], 0.5)["made"]["chrf"] < 100  # an empty one counts
    assert against_human(rows[:40], new, 0.0)["rows"] == 0  # nothing is held back
    assert found == against_human(held, new, 0.5)


@pytest.mark.parametrize(("share", "rows"), [(-0.1, 5), (1.1, 5), (0.5, -1), ("half", 5)])
def test_settings_out_of_range_are_errors(share: object, rows: object) -> None:
    with pytest.raises(ValidationError):
        Backtranslate(engine=OWN, monolingual_share=share, most_rows=rows)


@pytest.mark.slow
def test_two_languages_each_with_its_own_model(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = [("agua", "atl", "ውሃ"), ("casa", "calli", "ቤት"), ("flor", "xochitl", "አበባ")]
    for key, side in (("nah", 1), ("amh", 2)):
        pairs = [(row[side], row[0]) for row in words] * 2
        thot.train(
            [(f"{a} {b}", f"{x} {y}") for a, x in pairs for b, y in pairs],
            tmp_path / key / "backward",
        )
        (tmp_path / key / "ids.txt").touch()  # the stage's own list of the pairs
    table = pa.concat_tables(
        [corpus("atl xochitl", "calli", language="nci_Latn"), corpus("ውሃ ቤት", language="amh_Ethi")]
    )
    made = backtranslate(
        table, tmp_path, tmp_path / "lists", ALL, ("nah", "amh"), KNOWN, ENGINES, HERE
    )
    pairs = {(row["source"], row["target"]) for row in made.tables["rows"].to_pylist()}
    assert pairs == {("agua flor", "atl xochitl"), ("casa", "calli"), ("agua casa", "ውሃ ቤት")}
    assert len(set(made.tables["rows"]["engine"].to_pylist())) == 2
    assert made == backtranslate(
        table, tmp_path, tmp_path / "lists", ALL, ("nah", "amh"), KNOWN, ENGINES, HERE
    )
