"""Gates measure what they say, drop what they should with a reason, and are calibrated honestly."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from augment.calibrate import correlations, halves, rank_correlation, risks, together, trusted
from augment.engine import OWN
from augment.engines import thot
from augment.gates import (
    CHRF_PLUS_PLUS,
    GATES,
    Pair,
    Yardstick,
    chrf,
    copied,
    length,
    likeness,
    measure,
    repeated,
    unseen,
    yardstick_words,
)
from augment.limits import REASONS, broken, twins
from augment.validate import SCORES, Human, Limits, Models, Validate, judge_all, validate
from corpus.settings import Language
from corpus.shards import Shards
from corpus.table import SYNTHETIC, InputError, conserve

LANGUAGES = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}
Corpus = Callable[..., pa.Table]
Judged = Callable[..., dict[str, str | None]]
OFF = Limits(*[None] * 7)
TIGHT = Limits(0.5, 0.6, 0.5, 2.0, 0.5, None, None)
METHODS = ("backtranslate", "respell")
PARAMS = Validate(
    limits=dict.fromkeys(METHODS, TIGHT),
    most_share=dict.fromkeys(METHODS, 9.0),
    similarity=0.8,
    calibration_rows=50,
    seed=0,
)
PAIRS = {  # human
    "in atl cualli": "el agua es buena",
    "in calli huey": "la casa es grande",
    "in xochitl chichiltic": "la flor es roja",
    "in tonatiuh tlanextia": "el sol alumbra",
}


def lookup(text: str) -> str:
    return PAIRS.get(text, next((t for t, s in PAIRS.items() if s == text), text))


MODELS = Models(
    language={
        "source": lambda texts: [0.9] * len(texts),
        "target": lambda texts: [float("ñ" not in text) for text in texts],
    },
    forward=lambda texts: list(map(lookup, texts)),
    backward=lambda texts: list(map(lookup, texts)),
)


def made(*pairs: tuple[str | None, str | None], **columns: object) -> pa.Table:
    rows = [
        {"id": f"m{n}", "source": s, "target": t, "language": "nci_Latn", "parent": "0"}
        | {"document": "book", "position": n, "origin": "backtranslate", **columns}
        for n, (s, t) in enumerate(pairs)
    ]
    return pa.Table.from_pylist(rows, schema=SYNTHETIC)


@pytest.fixture
def judged(corpus: Corpus) -> Judged:
    """Judge synthetic rows beside four human pairs; the reason of each id, null where kept."""

    def judge(rows: pa.Table, params: Validate = PARAMS, **human: object) -> dict[str, str | None]:
        train = corpus(*PAIRS, sources=tuple(PAIRS.values())).to_pylist()
        whole = {
            "train": train,
            "validation": [],
            "held_out": [],
            "language": LANGUAGES["nah"],
        } | human
        hidden = whole.pop("hidden", {"0"})
        for row in whole["train"]:
            row["source"] = None if row["id"] in hidden else row["source"]
        field = Human(**whole)
        out = judge_all(rows, {"nah": field}, lambda _: MODELS, params, LANGUAGES)
        conserve("validate", rows["id"], out.tables["ledger"], out.tables["rows"]["id"])
        assert out.tables["scores"].schema == SCORES
        again = judge_all(rows, {"nah": field}, lambda _: MODELS, params, LANGUAGES)
        assert again == out
        return {row["id"]: row["reason"] for row in out.tables["ledger"].to_pylist()}

    return judge


GOOD = ("la flor es buena", "in xochitl cualli")


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (GOOD, None),
        (("", "in atl"), "source has no word"),
        ((None, "in xochitl cualli"), None),  # a target alone
        (("el agua", None), "target has no word"),
        (("…", "in atl"), "source has no word"),
        (("agua flor zzz qqq www", "in xochitl cualli"), "words unseen in human text"),
        (("in xochitl cualli es", "in xochitl cualli"), "words unseen in human text"),
        (("la flor la flor la flor la flor", GOOD[1]), "repeats itself"),
        (("la", "in xochitl cualli in calli huey"), "lengths differ"),
        (("ខ្ញុំ", "in xochitl"), "words unseen in human text"),
    ],
)
def test_a_pair_goes_for_the_first_gate_it_fails(
    judged: Judged, pair: tuple[str | None, str | None], reason: str | None
) -> None:
    assert judged(made(pair)) == {"m0": reason}


def test_tables_without_rows_pass_through(judged: Judged) -> None:
    assert judged(made()) == {}


def test_a_row_of_another_language_or_without_parent_goes(judged: Judged) -> None:
    assert judged(made(GOOD, language="ote_Latn")) == {"m0": "language is not active"}
    assert judged(made(GOOD, parent="test row")) == {"m0": "parent is no training row"}


def test_the_language_of_the_made_side_is_asked(judged: Judged) -> None:
    respelt = made((PAIRS["in atl cualli"], "in atl kuallñi"), origin="respell")
    assert judged(respelt)["m0"] in ("language unsure", "words unseen in human text")
    wide = Validate(**{**vars(PARAMS), "limits": dict.fromkeys(METHODS, OFF)})
    assert judged(respelt, wide) == {"m0": None}


def test_spellings_of_a_seen_word_are_seen(judged: Judged) -> None:
    respelt = made((PAIRS["in atl cualli"], "in atl kualli"), origin="respell")
    assert judged(respelt, hidden=set()) == {"m0": None}


def test_a_row_near_a_held_out_row_goes_on_either_side(judged: Judged, corpus: Corpus) -> None:
    target = "in xochitl cualli ihuan in calli huey"
    held_out = corpus(target + " ce", sources=("nada",)).to_pylist()
    assert judged(made(("la flor es buena y la casa", target)), held_out=held_out) == {
        "m0": "near a held-out row"
    }
    held_out = corpus("tlen", sources=("La flor es buena!",)).to_pylist()
    assert judged(made(GOOD), held_out=held_out) == {"m0": "near a held-out row"}


def test_of_equal_rows_the_first_stays(judged: Judged) -> None:
    twin = ("La flor, es buena", "In xochitl cualli!")
    assert judged(made(GOOD, twin)) == {"m0": None, "m1": "duplicate"}


def test_a_row_equal_to_human_bitext_goes_unless_its_source_counts_as_unknown(
    judged: Judged,
) -> None:
    equal = made((PAIRS["in atl cualli"], "in atl cualli"), origin="respell")
    assert judged(equal, hidden=set()) == {"m0": "duplicate"}
    wide = Validate(**{**vars(PARAMS), "limits": dict.fromkeys(METHODS, OFF)})
    back = made((PAIRS["in atl cualli"], "in atl cualli"))
    assert judged(back, wide, hidden={"0"}) == {"m0": None}


def test_twins_keep_spellings_apart() -> None:
    rows = made(("agua", "cualli"), ("agua", "kualli")).to_pylist()
    assert twins(rows, []) == {}


def test_the_quota_keeps_rows_of_lowest_risk_whatever_their_order(
    judged: Judged, corpus: Corpus
) -> None:
    clean = [("la flor es buena", "in xochitl cualli"), ("la casa es buena", "in calli cualli")]
    dirty = [("la flor es zas", "in xochitl huey"), ("la casa es zas", "in calli atl")]
    validation = corpus(*PAIRS, sources=tuple(PAIRS.values())).to_pylist()
    tight = Validate(**{**vars(PARAMS), "most_share": {"backtranslate": 0.5, "respell": 0.0}})
    reasons = judged(made(*clean, *dirty), tight, validation=validation)
    assert sorted(map(str, reasons.values())) == [
        "None",
        "None",
        "over the quota",
        "over the quota",
    ]
    backwards = judged(made(*clean, *dirty).take([3, 2, 1, 0]), tight, validation=validation)
    assert backwards == reasons


def test_risk_is_a_weighted_mean_of_ranks() -> None:
    scores = [dict.fromkeys(GATES) | {"unseen": u, "language": p} for u, p in ((0, 1), (1, 0))]
    assert risks(scores, {"unseen": 1.0}) == [0.25, 0.75]
    assert risks(scores, {"unseen": 1.0, "language": 3.0}) == [0.25, 0.75]
    assert risks(scores, {"copied": 1.0}) == [0.5, 0.5]  # nothing measured
    assert risks(scores, {}) == [0.0, 0.0]
    assert risks([], {"unseen": 1.0}) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (unseen("in atl", str, {"in", "atl"}), 0),
        (unseen("", str, {"in"}), 1),
        (unseen("ខ្ញុំ\u200bទៅ", lambda t: t.replace("\u200b", " "), {"ទៅ"}), 0.5),
        (copied("", "atl"), 0),
        (copied("El ATL", "atl, atl"), 0.5),
        (length("", "", 1.0), 0),
        (length("aaaa", "a", 2.0), 1),
        (repeated("atl"), 0),
        (repeated("in atl in atl in atl"), 0.6),
        (likeness("in atl", None), None),
        (likeness("in atl", "In atl."), 1),
        (likeness("", ""), 1),
        (likeness("xochitl", "tepetl"), 0),
    ],
)
def test_gates_by_hand(value: float | None, expected: float | None) -> None:
    assert value == pytest.approx(expected)


def test_every_gate_has_a_limit_with_a_reason_and_a_column() -> None:
    gates = {name.partition("_")[2]: name.partition("_")[0] for name in vars(OFF)}
    assert gates.keys() == GATES.keys() == set(SCORES.names) - {"id", "risk"}
    assert REASONS.keys() == vars(OFF).keys()
    for gate, bound in gates.items():
        assert bound == ("least" if GATES[gate] > 0 else "most")


def test_a_null_limit_and_a_null_value_pass() -> None:
    scores = dict.fromkeys(GATES, 1.0) | {"round_trip": None}
    assert broken(scores, vars(OFF)) is None
    assert broken(scores, {"least_round_trip": 50.0}) is None
    assert broken(scores, {"most_unseen": 0.5}) == (REASONS["most_unseen"], 1.0, "at most 0.5")
    assert broken(scores, {"most_unseen": 1.0}) is None  # the limit itself is allowed


def test_only_chosen_pairs_go_on_the_round_trip() -> None:
    yards = Yardstick(
        keys={"source": str, "target": str},
        words={"source": yardstick_words(["el agua", None], str), "target": frozenset()},
        ratio=1.0,
        language={},
        forward=lambda texts: ["in atl"] * len(texts),
    )
    pair = Pair("el agua", "In atl", ("source",), {"source": None, "target": None})
    found = measure([pair, pair], yards, [1])
    assert [scores["round_trip"] for scores in found] == [None, 100.0]
    assert found[0]["unseen"] == 0
    assert found[0]["language"] is None


def test_chrf_knows_no_case_and_bounds() -> None:
    assert chrf(["In Atl"], ["in atl"]) == [100.0]
    assert chrf(["zzz"], ["in atl"]) == [0.0]
    assert chrf([""], ["in atl"]) == [0.0]


def test_rank_correlation_is_scipys_and_its_interval_holds_it() -> None:
    from scipy.stats import spearmanr

    generator = np.random.default_rng(3)
    truth = generator.normal(size=80)
    values = np.round(truth + generator.normal(size=80))  # with ties
    found = rank_correlation(values.tolist(), truth.tolist(), seed=0)
    assert found["spearman"] == pytest.approx(spearmanr(values, truth).statistic)
    assert 0 < found["low"] < found["spearman"] < found["high"] < 1
    assert found == rank_correlation(values.tolist(), truth.tolist(), seed=0)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0, 1.0]])
def test_no_correlation_where_nothing_varies(values: list[float]) -> None:
    assert rank_correlation(values, values, 0) == {"spearman": None, "low": None, "high": None}


def test_halves_are_by_the_gates_word() -> None:
    assert halves([0, 1, 2, 3], [40, 30, 20, 10], -1) == {"best_half": 35.0, "worst_half": 15.0}
    assert halves([0, 1, 2, 3], [40, 30, 20, 10], 1) == {"best_half": 15.0, "worst_half": 35.0}


def test_a_gate_counts_only_where_it_surely_ranks_the_right_way() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=100).tolist()
    scores = [
        dict.fromkeys(GATES)
        | {"unseen": -t, "copied": t, "language": t, "length": float(generator.normal())}
        for t in truth
    ]
    weights = trusted(correlations(scores, truth, 0))
    assert {"unseen"} <= weights.keys() <= {"unseen", "length"}
    figures = together([str(n) for n in range(100)], scores, truth, 0)
    assert figures["spearman"] < -0.9


def test_the_language_gate_never_counts_for_its_model_has_seen_the_rows() -> None:
    truth = [float(n) for n in range(50)]
    scores = [dict.fromkeys(GATES) | {"language": t, "unseen": -t} for t in truth]
    figures = correlations(scores, truth, 0)
    assert figures["language"]["spearman"] == pytest.approx(1)
    assert (figures["language"]["seen"], figures["unseen"]["seen"]) == (True, False)
    assert trusted(figures) == {"unseen": pytest.approx(1)}


def test_every_row_of_a_method_with_a_limit_goes_on_the_round_trip(corpus: Corpus) -> None:
    trips = Limits(**{**vars(OFF), "least_round_trip": 1.0})
    params = Validate(**{**vars(PARAMS), "limits": {"backtranslate": OFF, "respell": trips}})
    train = corpus(*PAIRS, sources=tuple(PAIRS.values())).to_pylist()
    field = Human(train, [], [], LANGUAGES["nah"])
    texts = [(f"la flor {n}", f"in xochitl {n}") for n in range(400)]
    rows = made(*texts, (None, "in atl"), origin="respell")
    out = judge_all(rows, {"nah": field}, lambda _: MODELS, params, LANGUAGES)
    assert out.tables["scores"]["round_trip"].null_count == 1
    methods = out.report["languages"]["nah"]["methods"]
    assert (methods["respell"]["not_measured"], methods["backtranslate"]["not_measured"]) == (1, 0)
    reasons = {row["id"]: row["reason"] for row in out.tables["ledger"].to_pylist()}
    assert reasons["m400"] == "round trip not measured"


def test_the_signature_says_that_case_is_folded() -> None:
    assert "case:lc" in str(CHRF_PLUS_PLUS.get_signature())


def test_a_method_without_limits_is_an_error(judged: Judged) -> None:
    with pytest.raises(InputError, match="section 'validate' lacks limits for 'dream'"):
        judged(made(GOOD, origin="dream"))


@pytest.mark.parametrize(
    "change",
    [{"similarity": 0.0}, {"most_share": {"respell": 1.0}}, {"calibration_rows": -1}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Validate(**{**vars(PARAMS), **change})


@pytest.mark.slow
def test_the_stage_asks_the_models_on_disk(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pairs = [(source, target) for target, source in PAIRS.items()] * 10
    thot.train(pairs, tmp_path / "nah" / "forward")
    thot.train([pair[::-1] for pair in pairs], tmp_path / "nah" / "backward")
    (tmp_path / "nah" / "ids.txt").touch()  # the stage's own list of the pairs
    train = corpus(*PAIRS, sources=tuple(PAIRS.values()))
    seen = corpus("in tonatiuh cualli", "in calli chichiltic", sources=("el sol", "la casa"))
    trips = Limits(**{**vars(TIGHT), "least_round_trip": 1.0})
    params = Validate(**{**vars(PARAMS), "limits": dict.fromkeys(METHODS, trips)})
    shards = Shards(most_bytes=10**8, workers=1, runner="pool", most_retries=0)
    out = validate(
        train, seen, corpus(), [made(GOOD), made()], "0",
        tmp_path, tmp_path, params, ("nah",), LANGUAGES, {OWN: thot.Thot(kind="thot")}, shards,
    )  # fmt: skip
    figures = out.report["languages"]["nah"]
    assert out.tables["rows"]["id"].to_pylist() == ["m0"]
    assert out.tables["scores"]["round_trip"][0].as_py() > 30
    assert figures["language_model"] is False
    assert figures["calibration"]["rows"] == 2
    assert figures["methods"]["backtranslate"]["kept"] == 1
