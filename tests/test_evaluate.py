"""Intervals, verdicts, and every system measured on the same test rows, with tiny real models."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus.declarations import Paragraph
from corpus.orthography import matching_key
from corpus.settings import Language
from corpus.table import InputError
from train.asking import Work, bits_report, chosen, tables, unlike, ways_of, with_orthography
from train.evaluate import Evaluate
from train.memory import repeated
from train.metrics import metrics
from train.parts import saved
from train.scores import chrf_score, chrf_statistics, rate
from train.statistics import compare, interval
from train.systems import translate
from train.translations import scores

LANGUAGES = {"nah": Language("Nahuatl", ("nah", "nci", "azz"), "Latn", "spa_Latn", (), None)}
PARAMS = Evaluate(
    most_texts=10,
    most_masked=10,
    most_pairs=10,
    most_translated=10,
    most_generated=2,
    most_edited=10,
    most_made=10,
    most_declared=1000,
    pieces=None,
    near=0.5,
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
    assert found["detectable"] > found["shows"] > 0
    assert found["shows"] == pytest.approx((found["most"] - found["least"]) / 2)
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


def held(table: pa.Table, *kinds: str) -> pa.Table:
    """Rows of test, each told from training as `kinds` say in turn."""
    cycle = (
        [kinds[n % len(kinds)] for n in range(len(table))] if kinds else ["segment"] * len(table)
    )
    return table.append_column("held_out", pa.array(cycle, pa.string()))


def test_chosen_rows_do_not_depend_on_order(corpus: Callable[..., pa.Table]) -> None:
    rows = held(corpus(*[f"tlacatl {n}" for n in range(20)], None))
    first = chosen(rows, "nah", LANGUAGES, 5)
    order = pa.array(list(range(len(rows)))[::-1])
    assert first == chosen(rows.take(order), "nah", LANGUAGES, 5)
    assert first == chosen(rows, "nah", LANGUAGES, 9)[:5]
    with pytest.raises(InputError, match="holds no text of language 'nah'"):
        chosen(held(corpus(None)), "nah", LANGUAGES, 5)


DECLARED = (
    Paragraph("p", "pivot", "spa", "Todos los seres humanos nacen libres"),
    Paragraph("e", "english", "eng", "All human beings are born free"),
    Paragraph("o", "own", "nhn", "Nochi tlakamej uan siuamej kipiaj manoj kuali tlakatisej"),
)


def made(corpus: Callable[..., pa.Table]) -> tuple[pa.Table, pa.Table, Work, dict]:
    """Tables of a run in which the adapters spend half the bits of the base, and forget."""
    test = held(
        corpus("in ātl", "ᐃᓄᒃᑎᑐᑦ", "tetl", sources=("el agua", "inuktitut", None)),
        *("segment", "document", "document"),
    )
    spelling = pa.table({"id": ["0", "1"], "orthography": ["old", None]})
    rows = with_orthography(chosen(test, "nah", LANGUAGES, 9), spelling)
    work = Work(rows, DECLARED, ("in ātl",))
    pairs = work.pairs
    spent = (("base", 40.0), ("human", 20.0), ("mixed", 20.0))
    found: dict = {(f"{n} bits", "text"): [b] * 3 for n, b in spent}
    found |= {(f"{n} bits", "declarations"): [60.0 - b] * 3 for n, b in spent}
    found |= {(f"{n} bits", "made"): [b if n == "base" else b / 2] for n, b in spent}
    found["mixed bits", "made"] = [5.0]
    for way in ("to_target", "to_source"):
        found |= {(f"{n} bits", way): [9.0] * 2 for n in ("base", "human", "mixed")}
        found["copy", way] = [row["source"] for row in pairs]
        found["translator", way] = [row["target"] for row in pairs]
    found["retrained", "to_target"] = ["in ātl"] * 2
    found |= {(name, "to_target"): ["ātl"] for name in ("base", "human", "mixed")}
    return *tables(work, found), work, found


def test_bits_by_part(corpus: Callable[..., pa.Table]) -> None:
    spent, _, work, _ = made(corpus)
    report = bits_report(spent, work, (200, 0))
    assert report["text"]["saved"]["mixed"]["value"] == pytest.approx(0.5)
    assert report["text"]["synthetic"]["verdict"] == "cannot tell"
    sizes = {n: len(t.encode()) + 1 for n, t in enumerate(("in ātl", "ᐃᓄᒃᑎᑐᑦ", "tetl"))}
    assert report["text"]["base"]["value"] == pytest.approx(120 / sum(sizes.values()))
    part = report["by_variety"]["nci_Latn"]
    assert part["rows"] == 3
    assert part["mixed"]["least"] <= part["mixed"]["value"] <= part["mixed"]["most"]
    assert report["by_origin"]["test"] == part  # one variety, one origin: the same texts
    assert report["by_orthography"]["old"]["base"]["value"] == pytest.approx(40 / sizes[0])
    assert report["by_orthography"]["not known"]["rows"] == 2


def test_known_documents_stand_beside_held_out_ones_and_another_domain(
    corpus: Callable[..., pa.Table],
) -> None:
    spent, _, work, _ = made(corpus)
    found = bits_report(spent, work, (200, 0))["by_held_out"]
    assert {name: some["rows"] for name, some in found.items()} == {
        "segment": 1,
        "document": 2,
        "declaration": 1,
    }
    assert found["document"]["saved"]["mixed"]["value"] == pytest.approx(0.5)
    assert found["declaration"]["saved"]["mixed"]["value"] == pytest.approx(1 - 40 / 20)


def test_forgetting_is_said_of_each_language(corpus: Callable[..., pa.Table]) -> None:
    spent, _, work, _ = made(corpus)
    found = bits_report(spent, work, (200, 0))["forgetting"]
    assert set(found) == {"pivot", "english"}
    size = len(DECLARED[1].text) + 1
    change = found["english"]["change"]["mixed"]
    assert change["difference"] == pytest.approx((40 - 20) / size)
    assert change["verdict"] == "worse"


def test_a_taste_for_made_text_shows(corpus: Callable[..., pa.Table]) -> None:
    spent, _, work, _ = made(corpus)
    found = bits_report(spent, work, (200, 0))["made_text"]
    first = work.pairs[0]["target"]  # the human text of the same row alone
    assert found["human"]["rows"] == found["made"]["rows"] == 1
    assert found["human"]["base"]["value"] == pytest.approx(40 / (len(first.encode()) + 1))
    assert found["easier"]["value"] > 0  # 20 against 5 bits, 20 against 10 before


def test_text_that_was_trained_on_is_not_asked_for() -> None:
    key, plain = matching_key("nah"), matching_key(None)
    target = key("nochi tlakamej uan siuamej kipiaj manoj kuali tlakatisej!")
    source = plain("¡Todos los seres humanos nacen libres!")
    trained = [(key, [target, key("tetl")]), (plain, ["agua"])]
    assert unlike(DECLARED, trained, 0.5) == list(DECLARED[:2])
    assert unlike(DECLARED, [(key, [key("tetl")]), (plain, [source])], 0.5) == list(DECLARED[1:])
    assert unlike((), trained, 0.5) == []


def test_scores_of_all_systems(corpus: Callable[..., pa.Table]) -> None:
    _, predictions, work, found = made(corpus)
    assert {(r["system"], r["task"]) for r in predictions.to_pylist()} == {
        key for key in found if not key[0].endswith("bits")
    }
    marks = scores(ways_of(work.pairs, found, matching_key(None)), metrics(None, 10), (200, 0))
    for name in ("chrf", "bleu", "rouge_l", "ter"):
        ways = marks[name]
        assert ways["to_target"]["rows"] == 2
        assert ways["answers"]["rows"] == 1
        assert ways["to_source"]["copy"]["value"] is not None
        compared = ways["to_target"]["synthetic_in_translator"]
        assert ways["to_target"]["shows"] == compared["shows"]
    assert marks["chrf"]["to_target"]["translator_over_copy"]["verdict"] == "better"
    assert marks["ter"]["to_target"]["translator_over_copy"]["difference"] < 0
    assert "nw:2" in marks["chrf"]["signature"]


def test_memory_is_looked_for_in_every_system(corpus: Callable[..., pa.Table]) -> None:
    _, _, work, found = made(corpus)
    ways = ways_of(work.pairs, found, matching_key(None))
    said = ways["to_target"].beside(ways["answers"])
    trained = [row["target"] for row in work.pairs]
    rows = {name: some["rows"] for name, some in repeated(said, trained, 0.5, (100, 0)).items()}
    assert rows == {"base": 1, "human": 1, "mixed": 1, "copy": 2, "translator": 2, "retrained": 2}


def test_on_the_key_two_spellings_are_one_word(corpus: Callable[..., pa.Table]) -> None:
    rows = chosen(
        held(corpus("In cuāuhtli, in cuāuhtli!", sources=("el águila",))), "nah", LANGUAGES, 9
    )
    found = {
        ("copy", "to_target"): ["el águila"],
        ("translator", "to_target"): ["in kwawtli in kwawtli"],
    }
    for orthography in ("nah", None):
        ways = ways_of(rows, found, matching_key(orthography))
        for name, marks in scores(ways, metrics(None, 10), (100, 0)).items():
            plain, folded = (
                m["to_target"]["translator"]["value"] for m in (marks, marks["on_key"])
            )
            whole = 0 if name == "ter" else 100
            assert (folded == pytest.approx(whole)) == (orthography == "nah")
            if name == "chrf":
                assert plain < folded  # case and the full stop are folded at least


def test_a_missing_translator_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="forward does not exist; run 'dvc repro'"):
        translate("translator", "to_target", tmp_path / "forward", [])


def test_settings_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="resamples must be at least 100, got 9"):
        Evaluate(1, 1, 1, 1, 1, 1, 1, 1, None, 0.5, 1, 1, 9, 0)
