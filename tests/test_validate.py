"""Gates measure what they say, drop what they should with a reason, and are calibrated honestly."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from augment.calibrate import (
    calibrate,
    correlations,
    halves,
    rank_correlation,
    risks,
    together,
    trusted,
    weighed,
)
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
from augment.limits import REASONS, broken, over_quota, twins, unprotected
from augment.makers import Asking, Maker, engine_names, makers, said
from augment.protected import protected
from augment.review import Row
from augment.translation import Translation
from augment.validate import MATCHES, SCORES, Limits, Validate, judge_all, validate
from augment.yardstick import Human, Models, yardstick
from corpus.settings import Language
from corpus.shards import Shards
from corpus.table import SYNTHETIC, InputError, conserve

LANGUAGES = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}
Corpus = Callable[..., pa.Table]
Judged = Callable[..., dict[str, str | None]]
OFF = Limits(*[None] * 10)
TIGHT = Limits(0.5, 0.6, 0.5, 2.0, 0.5, *[None] * 5)
METHODS = ("backtranslate", "respell")
IDIOMS = protected(["in xochitl in cuicatl", "ሰላም ነው"])
NO_MATCHES = pa.table({name: pa.array([], pa.string()) for name in MATCHES})
PARAMS = Validate(
    limits=dict.fromkeys(METHODS, TIGHT),
    most_share=dict.fromkeys(METHODS, 9.0),
    truth={"backtranslate": "source", "respell": None},
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


def looked_up(texts: list[str]) -> list[Translation]:
    return [Translation(lookup(text), -float(len(text)), 0) for text in texts]


MODELS = Models(
    language={
        "source": lambda texts: [0.9] * len(texts),
        "target": lambda texts: [float("ñ" not in text) for text in texts],
    },
    forward=lambda texts: list(map(lookup, texts)),
    makers={"backtranslate": Maker("source", "lookup@1", looked_up), "respell": None},
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
            "protected": IDIOMS,
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
    assert risks(scores, {}) == [None, None]  # nothing is known to tell them apart
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
    gates = trusted(correlations(scores, truth, 0))
    assert {"unseen"} <= set(gates) <= {"unseen", "length"}
    assert weighed(scores, truth, correlations(scores, truth, 0)) == {"unseen": pytest.approx(1)}
    figures = together([str(n) for n in range(100)], scores, truth, 0)
    assert figures["spearman"] < -0.9


def test_the_language_gate_never_counts_for_its_model_has_seen_the_rows() -> None:
    truth = [float(n) for n in range(50)]
    scores = [dict.fromkeys(GATES) | {"language": t, "unseen": -t} for t in truth]
    figures = correlations(scores, truth, 0)
    assert figures["language"]["spearman"] == pytest.approx(1)
    assert (figures["language"]["seen"], figures["unseen"]["seen"]) == (True, False)
    assert trusted(figures) == ["unseen"]


def test_two_gates_that_say_the_same_share_one_weight() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(2, 300)).tolist()
    truth = [a + b for a, b in zip(one, other, strict=True)]
    scores = [
        dict.fromkeys(GATES) | {"unseen": -a, "unknown": -a, "copied": -b}
        for a, b in zip(one, other, strict=True)
    ]
    weights = weighed(scores, truth, correlations(scores, truth, 0))
    assert weights["copied"] == pytest.approx(0.5, abs=0.05)
    assert weights.get("unseen", 0) + weights.get("unknown", 0) == pytest.approx(0.5, abs=0.05)


def test_every_row_of_a_method_with_a_limit_goes_on_the_round_trip(corpus: Corpus) -> None:
    trips = Limits(**{**vars(OFF), "least_round_trip": 1.0})
    params = Validate(**{**vars(PARAMS), "limits": {"backtranslate": OFF, "respell": trips}})
    train = corpus(*PAIRS, sources=tuple(PAIRS.values())).to_pylist()
    field = Human(train, [], [], LANGUAGES["nah"], IDIOMS)
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


def test_a_limit_that_nothing_measures_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    loose = {**PARAMS.limits, "respell": Limits(**{**vars(TIGHT), "most_unknown": 0.5})}
    with pytest.raises(
        ValueError, match=r"limits.respell has .'most_unknown'., which are measured"
    ):
        Validate(**{**vars(PARAMS), "limits": loose})
    matched = {**PARAMS.limits, "respell": Limits(**{**vars(TIGHT), "least_match": 0.02})}
    params = Validate(**{**vars(PARAMS), "limits": matched})
    shards = Shards(most_bytes=10**8, workers=1, runner="pool", most_retries=0)
    train = corpus(*PAIRS, sources=tuple(PAIRS.values()))
    with pytest.raises(InputError, match=r"least_match for .'respell'., but stage encoder is off"):
        validate(
            train, corpus(), corpus(), [made(GOOD)], NO_MATCHES, "", "0",
            tmp_path, tmp_path, tmp_path, params, ("nah",), LANGUAGES, {}, shards,
        )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"similarity": 0.0},
        {"most_share": {"respell": 1.0}},
        {"truth": {"respell": None}},
        {"calibration_rows": -1},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Validate(**{**vars(PARAMS), **change})


def noisy(rows: int) -> tuple[list[Row], Maker, Maker]:
    """Human pairs, and two engines of known quality: each spoils the words that it does not know.

    The first names its unknown words, the second is silent and spoils other rows.
    """
    words = [
        f"{a}{b}" for a in ("xochi", "tepe", "cal", "ቤተ", "ጫካ") for b in ("tl", "pan", "co", "ን")
    ]
    pairs: list[Row] = []
    for n in range(rows):
        some = Random(n).choices(words, k=8)
        pairs.append({"id": f"v{n}", "source": " ".join(f"{w}s" for w in some)})
        pairs[-1]["target"] = " ".join(some)

    def engine(seed: int, says: bool) -> Callable[[list[str]], list[Translation]]:
        def translate(texts: list[str]) -> list[Translation]:
            made = []
            for text in texts:
                chance = Random(f"{seed} {text}")
                bad = chance.randint(0, 8)
                spoilt = ["qqq" if n < bad else f"{w}s" for n, w in enumerate(text.split())]
                made.append(Translation(" ".join(spoilt), None, bad if says else 0))
            return made

        return translate

    return (
        pairs,
        Maker("source", "told@1", engine(1, True)),
        Maker("source", "mute@1", engine(2, False)),
    )


def test_each_engine_is_held_against_the_truth_by_what_it_makes() -> None:
    pairs, told, mute = noisy(60)
    field = Human(pairs, pairs, [], LANGUAGES["nah"], IDIOMS)
    yards = yardstick(field, Models({}, None, {}))
    loud, by_loud = calibrate(pairs, yards, told, {"most_unknown": 0.4}, 0)
    assert loud["engine"] == "told@1"
    assert loud["gates"]["unknown"]["spearman"] < -0.9  # what it did not know is what is bad
    assert loud["gates"]["unseen"]["spearman"] < -0.9
    assert loud["together"]["spearman"] < -0.9
    assert loud["together"]["best_half"] > loud["together"]["worst_half"] + 30
    assert loud["gates"]["unknown"]["kept_chrf"] > loud["gates"]["unknown"]["dropped_chrf"] + 30
    assert by_loud.keys() & {"unseen", "unknown"}
    assert sum(by_loud.values()) == pytest.approx(1)
    quiet, by_quiet = calibrate(pairs, yards, mute, {}, 0)
    assert quiet["gates"]["unknown"]["spearman"] is None  # it never varies
    assert "unknown" not in by_quiet
    assert quiet["gates"]["match"]["rows"] == 0  # no score of translations, whoever made them
    assert (loud, by_loud) == calibrate(pairs, yards, told, {"most_unknown": 0.4}, 0)


def test_the_round_trip_is_calibrated_where_it_is_used() -> None:
    pairs, told, _ = noisy(20)
    unsaid = {f"{row['source']}": row["target"] for row in pairs}

    def forward(texts: list[str]) -> list[str]:
        return [unsaid.get(text, "") for text in texts]

    yards = yardstick(Human(pairs, [], [], LANGUAGES["nah"], IDIOMS), Models({}, forward, {}))
    rows = {
        limit: calibrate(pairs, yards, told, {"least_round_trip": limit}, 0)[0]["gates"]
        for limit in (None, 30.0)
    }
    assert rows[None]["round_trip"]["rows"] == 0
    assert rows[30.0]["round_trip"]["rows"] == 20
    assert rows[30.0]["round_trip"]["spearman"] > 0.3  # only what is unspoilt comes back
    turned = told._replace(side="target")  # its own engine would bring back what it made
    found, _ = calibrate(pairs, yards, turned, {"least_round_trip": 30.0}, 0)
    assert found["gates"]["round_trip"]["rows"] == 0


def test_a_method_is_ranked_by_its_own_engine_and_one_without_truth_by_hash(
    corpus: Corpus,
) -> None:
    pairs, told, _ = noisy(60)
    human = [{**row, "language": "nci_Latn"} for row in pairs]
    field = Human(human, human, [], LANGUAGES["nah"], IDIOMS)
    texts = [row["target"] for row in pairs[:20]]
    found = told.translate(texts) if told.translate else []
    rows = [
        {"id": f"{method}{n}", "source": one.text, "target": f"{text}{more}", "parent": f"v{n}"}
        | {"language": "nci_Latn", "document": "d", "position": n, "origin": method}
        for method, more in (("backtranslate", ""), ("respell", "!? ihuan"))
        for n, (one, text) in enumerate(zip(found, texts, strict=True))
    ]
    params = Validate(**{**vars(PARAMS), "limits": dict.fromkeys(METHODS, OFF)})
    params = replace(params, most_share=dict.fromkeys(METHODS, 8 / 60))
    models = Models({}, None, {"backtranslate": told, "respell": None})
    table = pa.Table.from_pylist(rows, schema=SYNTHETIC)
    out = judge_all(table, {"nah": field}, lambda _: models, params, LANGUAGES)
    figures = out.report["languages"]["nah"]["calibration"]
    assert figures["respell"] == {"rows": 0, "truth": "no truth to be held against"}
    assert figures["backtranslate"]["rows"] == 50
    risk = {row["id"]: row["risk"] for row in out.tables["scores"].to_pylist()}
    assert {risk[f"respell{n}"] for n in range(20)} == {None}
    reasons = {row["id"]: row["reason"] for row in out.tables["ledger"].to_pylist()}
    assert sum(reasons[f"respell{n}"] is None for n in range(20)) == 8
    unknown: dict[str | None, list[int]] = {}
    for n, one in enumerate(found):
        unknown.setdefault(reasons[f"backtranslate{n}"], []).append(one.unknown)
    assert len(unknown[None]) == 8
    assert max(unknown[None]) <= min(unknown["over the quota"])


def test_without_a_translator_nothing_is_calibrated() -> None:
    pairs, told, _ = noisy(3)
    yards = yardstick(Human(pairs, pairs, [], LANGUAGES["nah"], IDIOMS), Models({}, None, {}))
    none = Maker("source", "", None)
    assert calibrate(pairs, yards, none, {}, 0) == ({"rows": 0, "truth": "no translator"}, {})
    assert calibrate([], yards, told, {}, 0) == ({"rows": 0, "truth": "no validation pairs"}, {})


def test_an_engines_word_counts_for_the_text_that_it_said_only() -> None:
    rows = [
        {"source": "el agua es buena", "target": "in atl cualli"},
        {"source": "el agua", "target": "in atl cualli"},  # shortened since
    ]
    maker = Maker("source", "lookup@1", looked_up)
    assert [one and one.text for one in said(rows, maker)] == ["el agua es buena", None]
    assert said([{"source": "agua", "target": None}], maker) == [None]
    assert said(rows, None) == [None, None]


def test_the_command_line_says_which_engine_a_method_used() -> None:
    assert engine_names("") == {}
    with pytest.raises(InputError, match="method:engine"):
        engine_names("backtranslate")
    asking = Asking(("nah", LANGUAGES["nah"]), {}, Path("nowhere"), Shards(10**8, 1, "pool", 0))
    assert makers({"respell": None}, {}, asking) == {"respell": None}
    with pytest.raises(InputError, match=r"validate\.truth names a side for \['forward'\]"):
        makers({"forward": "target"}, {"backtranslate": "own"}, asking)


@pytest.mark.parametrize(
    ("parent", "target", "reason"),
    [
        ("in xochitl in cuicatl cualli", "in xochitl in cuicatl huey", None),
        ("in xochitl in cuicatl cualli", "in xochitl ihuan cuicatl", "lost a protected expression"),
        ("In Xochitl, in cuicatl", "in xochitl cualli", None),  # another text: a comma between
        ("ሰላም ነው ዛሬ", "ሰላም ነበር ዛሬ", "lost a protected expression"),
        ("ሰላም ነው ዛሬ", "ሰላም ነው ነገ", None),
        ("nagaa dha", "nagaa miti", None),  # not on the list
    ],
)
def test_a_target_that_lost_a_protected_expression_goes(
    judged: Judged, corpus: Corpus, parent: str, target: str, reason: str | None
) -> None:
    wide = Validate(**{**vars(PARAMS), "limits": dict.fromkeys(METHODS, OFF)})
    train = corpus(parent, sources=("la canción",)).to_pylist()
    row = made(("la canción", target), origin="respell")
    assert judged(row, wide, train=train, hidden=set()) == {"m0": reason}


def test_what_became_of_protected_expressions_is_counted() -> None:
    parents = {"p": {"target": "in xochitl in cuicatl, In xochitl in cuicatl; ሰላም ነው"}}
    rows = [
        {"id": "a", "parent": "p", "target": "in xochitl in cuicatl, ሰላም ነው"},
        {"id": "b", "parent": "p", "target": "in xochitl in cuicatl, in xochitl in cuicatl ሰላም ነው"},
    ]
    reasons, figures = unprotected(rows, parents, IDIOMS)
    assert reasons.keys() == {"a"}
    assert figures == {
        "in xochitl in cuicatl": {"met": 4, "kept": 3, "rows_dropped": 1},
        "ሰላም ነው": {"met": 2, "kept": 2, "rows_dropped": 0},
    }
    parents["p"]["target"] = None
    assert unprotected(rows, parents, IDIOMS) == ({}, {})


def test_a_row_whose_twin_lost_an_expression_stays(judged: Judged, corpus: Corpus) -> None:
    wide = Validate(**{**vars(PARAMS), "limits": dict.fromkeys(METHODS, OFF)})
    train = corpus("in xochitl in cuicatl", "in cuicatl", sources=("a", "b")).to_pylist()
    row = {"source": "una flor", "target": "in xochitl", "language": "nci_Latn", "position": 0}
    rows = [{**row, "id": "m0", "parent": "0"}, {**row, "id": "m1", "parent": "1"}]
    table = pa.Table.from_pylist([{**r, "origin": "respell"} for r in rows], schema=SYNTHETIC)
    assert judged(table, wide, train=train, hidden=set()) == {
        "m0": "lost a protected expression",
        "m1": None,
    }


def test_sides_that_match_less_than_human_pairs_go(judged: Judged) -> None:
    strict = Limits(**{**vars(OFF), "least_match": 0.02})
    params = Validate(**{**vars(PARAMS), "limits": dict.fromkeys(METHODS, strict)})
    rows = made(GOOD, ("la casa es buena", "in calli cualli"), ("el sol", "in tonatiuh"))
    assert judged(rows, params, matches={"m0": 0.5, "m1": 0.01}) == {
        "m0": None,
        "m1": "sides do not match",
        "m2": None,  # not measured
    }


def test_a_quota_without_risk_is_drawn_by_hash() -> None:
    rows = [{"id": str(n)} for n in range(4)]
    gone = over_quota(rows, dict.fromkeys("0123"), 2)
    assert len(gone) == 2
    assert gone == over_quota(rows[::-1], dict.fromkeys("0123"), 2)
    assert {reason[1:] for reason in gone.values()} == {(None, "2 rows by hash")}


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
        train, seen, corpus(), [made(GOOD), made()], NO_MATCHES, "backtranslate:own", "0",
        tmp_path, tmp_path, tmp_path, params, ("nah",), LANGUAGES, {OWN: thot.Thot(kind="thot")},
        shards,
    )  # fmt: skip
    figures = out.report["languages"]["nah"]
    assert out.tables["rows"]["id"].to_pylist() == ["m0"]
    assert out.tables["scores"]["round_trip"][0].as_py() > 30
    assert figures["language_model"] is False
    assert figures["calibration"]["backtranslate"]["rows"] == 2
    assert figures["calibration"]["backtranslate"]["engine"].startswith("thot:nah-spa_Latn@")
    assert "respell" not in figures["calibration"]  # it made no row
    assert figures["methods"]["backtranslate"]["kept"] == 1
