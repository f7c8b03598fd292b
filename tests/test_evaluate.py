"""Intervals, verdicts, and every system measured on the same test rows, with tiny real models."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus.settings import Language
from corpus.table import InputError
from train.evaluate import (
    Evaluate,
    bits_report,
    chosen,
    chrf_report,
    chrf_score,
    chrf_statistics,
    rate,
    saved,
    tables,
    translate,
)
from train.statistics import compare, interval

LANGUAGES = {"nah": Language("Nahuatl", ("nah", "nci", "azz"), "Latn", "spa_Latn", (), None)}
PARAMS = Evaluate(
    most_texts=10,
    most_pairs=10,
    most_translated=10,
    most_generated=2,
    most_new_tokens=4,
    batch_tokens=256,
    resamples=200,
    seed=0,
)


def bits(*pairs: tuple[float, float]) -> np.ndarray:
    """Statistics of bits per byte."""
    return np.array(pairs, dtype=float)


def test_interval_holds_the_value_and_shrinks_with_more_segments() -> None:
    few = bits((20, 10), (40, 10), (30, 10))
    found = [interval(np.tile(few, (times, 1)), rate, 500, 0) for times in (2, 200)]
    for one in found:
        assert one["least"] <= one["value"] <= one["most"]
        assert one["value"] == pytest.approx(3.0)
    assert found[1]["most"] - found[1]["least"] < (found[0]["most"] - found[0]["least"]) / 5


def test_interval_is_what_the_normal_law_says() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    found = interval(np.column_stack([values, np.ones(400)]), rate, 4000, 0)
    error = values.std() / math.sqrt(400)
    assert found["most"] - found["least"] == pytest.approx(2 * 1.96 * error, rel=0.06)


@pytest.mark.parametrize(
    ("shift", "expected"), [(-1.0, "better"), (1.0, "worse"), (0.0, "cannot tell")]
)
def test_verdicts_on_bits(shift: float, expected: str) -> None:
    noise = np.random.default_rng(2).normal(0, 0.5, (2, 200))
    old, new = (
        bits(*[(30 + x, 10) for x in noise[0]]),
        bits(*[(30 + shift + x, 10) for x in noise[1]]),
    )
    found = compare(new, old, rate, False, (500, 0))
    assert found["verdict"] == expected
    assert found["detectable"] > 0
    assert found == compare(new, old, rate, False, (500, 0))


def test_nothing_to_compare_is_said() -> None:
    empty = np.empty((0, 2))
    assert interval(empty, rate, 100, 0) == {"value": None, "least": None, "most": None}
    assert compare(empty, empty, rate, True, (100, 0))["verdict"] == "cannot tell"


def test_saved_share() -> None:
    assert saved(np.array([20.0, 10.0, 40.0, 10.0])) == 0.5


def test_chrf_is_sacrebleus() -> None:
    from sacrebleu.metrics.chrf import CHRF

    said, wanted = ["in tlacatl", "ātl"], ["in tlacatl yolqui", "ātl tepētl"]
    sums = np.sum([chrf_statistics(*two) for two in zip(said, wanted, strict=True)], axis=0)
    assert chrf_score(sums) == pytest.approx(CHRF(word_order=2).corpus_score(said, [wanted]).score)


def test_chosen_rows_do_not_depend_on_order(corpus: Callable[..., pa.Table]) -> None:
    rows = corpus(*[f"tlacatl {n}" for n in range(20)], None)
    first = chosen(rows, "nah", LANGUAGES, 5)
    order = pa.array(list(range(len(rows)))[::-1])
    assert first == chosen(rows.take(order), "nah", LANGUAGES, 5)
    assert first == chosen(rows, "nah", LANGUAGES, 9)[:5]
    with pytest.raises(InputError, match="holds no text of language 'nah'"):
        chosen(corpus(None), "nah", LANGUAGES, 5)


def made(corpus: Callable[..., pa.Table]) -> tuple[pa.Table, pa.Table, list[dict]]:
    """Tables of a run in which the adapters spend half the bits of the base."""
    test = corpus("in ātl", "ᐃᓄᒃᑎᑐᑦ", "tetl", sources=("el agua", "inuktitut", None))
    rows = chosen(test, "nah", LANGUAGES, 9)
    pairs = [row for row in rows if row["source"]]
    found = {(n, "text"): [b] * 3 for n, b in (("base", 40.0), ("human", 20.0), ("mixed", 20.0))}
    for way in ("to_target", "to_source"):
        found |= {(f"{n} bits", way): [9.0] * 2 for n in ("base", "human", "mixed")}
        found["copy", way] = [row["source"] for row in pairs]
        found["translator", way] = [row["target"] for row in pairs]
    found["retrained", "to_target"] = ["in ātl"] * 2
    found |= {(name, "to_target"): ["ātl"] for name in ("base", "human", "mixed")}
    return *tables(rows, found, None), rows


def test_reports(corpus: Callable[..., pa.Table]) -> None:
    spent, predictions, rows = made(corpus)
    report = bits_report(spent, rows, PARAMS)
    assert report["text"]["saved"]["mixed"]["value"] == pytest.approx(0.5)
    assert report["text"]["synthetic"]["verdict"] == "cannot tell"
    sizes = sum(len(text.encode()) + 1 for text in ("in ātl", "ᐃᓄᒃᑎᑐᑦ", "tetl"))
    assert report["text"]["base"]["value"] == pytest.approx(120 / sizes)
    part = report["by_variety"]["nci_Latn"]
    assert part["rows"] == 3
    assert part["mixed"]["least"] <= part["mixed"]["value"] <= part["mixed"]["most"]
    assert part["saved"]["mixed"]["value"] == pytest.approx(0.5)
    assert report["by_origin"]["test"] == part  # one variety, one origin: the same texts
    marks = chrf_report(predictions, PARAMS)
    assert marks["to_target"]["translator"]["value"] == pytest.approx(100)
    assert marks["to_target"]["translator_over_copy"]["verdict"] == "better"
    assert marks["answers"]["rows"] == 1
    assert "nw:2" in marks["signature"]


def test_on_the_key_two_spellings_are_one_word(corpus: Callable[..., pa.Table]) -> None:
    rows = chosen(corpus("In cuāuhtli.", sources=("el águila",)), "nah", LANGUAGES, 9)
    found = {("copy", "to_target"): ["el águila"], ("translator", "to_target"): ["in kwawtli"]}
    for orthography in ("nah", None):
        _, predictions = tables(rows, found, orthography)
        marks = chrf_report(predictions, PARAMS)
        plain, folded = (m["to_target"]["translator"]["value"] for m in (marks, marks["on_key"]))
        assert plain < folded  # case and the full stop are folded at least
        assert (folded == pytest.approx(100)) == (orthography == "nah")


def test_a_missing_translator_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="forward does not exist; run 'dvc repro'"):
        translate("translator", "to_target", tmp_path / "forward", [])


def test_settings_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="resamples must be at least 100, got 9"):
        Evaluate(1, 1, 1, 1, 1, 1, 9, 0)
