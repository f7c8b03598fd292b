"""Laws and cases of the limits, the survivors of clusters and the rates that rules keep."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from corpus.rates import rate
from corpus.select import Bound, Select, select
from corpus.settings import Language
from corpus.stage import Output, entering, perform
from corpus.table import LIMITS, SCHEMA, InputError, conserve, write

ROOT = Path(__file__).parent.parent
Corpus = Callable[..., pa.Table]
LANGUAGES = {
    "nah": Language("Nahuatl", ("nci", "azz"), "Latn", "spa_Latn", (), "nah"),
    "khm": Language("Khmer", ("khm",), "Khmr", "eng_Latn", (), None),
}
LEARNED: list[dict[str, object]] = [
    {"rule": "language_score", "language": "nah", "least": 0.8, "most": None},
    {"rule": "target_length", "language": "nah", "least": 3.0, "most": 50.0},
]
DEFAULT = {"swapped": Bound(None, 0), "shared_words": Bound(None, 0.9)}
PARAMS = Select(limits={"default": DEFAULT}, trusted_limits={}, least_kept={"default": 0.0})
GOOD = {
    "language_score": 0.9,
    "swapped": False,
    "target_length": 9.0,
    "length_ratio": 1.0,
    "shared_words": 0.0,
    "pair_score": 0.9,
}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Output]:
    """Run the stage on a table, with good scores but for those given by id, and clusters by id."""

    def made(
        table: pa.Table,
        scores: dict[str, dict[str, object]] | None = None,
        clusters: dict[str, tuple[str, float]] | None = None,
        params: Select = PARAMS,
        learned: tuple[dict[str, object], ...] = (),
        active: tuple[str, ...] = ("nah", "khm"),
    ) -> Output:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        ids = table["id"].to_pylist()
        known = [{"id": i, **GOOD, **(scores or {}).get(i, {})} for i in ids]
        fields = {"identify": ["language_score", "swapped"], "bitext": ["pair_score"]}
        others = ("language_score", "swapped", "pair_score")
        fields["assess"] = [name for name in GOOD if name not in others]
        limits = pa.Table.from_pylist([*LEARNED, *learned], schema=LIMITS)
        write(limits.slice(0, 1), folder / "identify" / "limits", 10**8)
        write(limits.slice(1), folder / "assess" / "limits", 10**8)
        for stage, names in fields.items():
            columns = {n: pa.array([row[n] for row in known], types(n)) for n in ["id", *names]}
            write(pa.table(columns), folder / stage / "scores", 10**8)
        found = [(clusters or {}).get(i, (i, 1.0)) for i in ids]
        columns = {
            "id": pa.array(ids, pa.string()),
            "cluster": pa.array([c for c, _ in found], pa.string()),
            "similarity": pa.array([s for _, s in found], pa.float64()),
        }
        write(pa.table(columns), folder / "clusters", 10**8)
        write(table, folder / "rows", 10**8)
        sources = pa.table({"origin": ["test"], "trusted": [True]})
        write(sources, folder / "sources", 10**8)
        scored = [folder / n for n in ("identify", "assess", "bitext", "clusters")]
        result = select(folder / "rows", sources, *scored, params, LANGUAGES, active)
        ledger = result.tables["ledger"]
        kept = ledger.filter(ledger["kept"])["id"]
        conserve("select", entering(folder / "rows")["id"], ledger, kept)
        return result

    return made


def test_a_small_variety_has_limits_of_its_own(corpus: Corpus, run: Callable[..., Output]) -> None:
    own = {"rule": "target_length", "language": "azz_Latn", "least": 2.0, "most": 80.0}
    scores = {"0": {"target_length": 70.0, "language_score": 0.9}}
    for code, reason in (("azz_Latn", None), ("nci_Latn", "target length too high")):
        made = run(corpus("amo", language=code), scores, learned=(own,))
        assert said(made)[0][0] == reason
    scores = {"0": {"language_score": 0.1}}  # what its own limits do not say, the language's do
    made = run(corpus("amo", language="azz_Latn"), scores, learned=(own,))
    assert said(made)[0][0] == "language unsure"


def types(name: str) -> pa.DataType:
    """The type of a column of scores."""
    return {"id": pa.string(), "swapped": pa.bool_()}.get(name, pa.float64())


def said(made: Output) -> list[tuple[str | None, str | None, str | None]]:
    """Reason, value and limit of each row."""
    ledger = made.tables["ledger"]
    return list(zip(*(ledger[n].to_pylist() for n in ("reason", "value", "limit")), strict=True))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({}, (None, None, None)),
        ({"language_score": 0.8}, (None, None, None)),  # at least is enough
        ({"language_score": 0.5}, ("language unsure", "0.5", "at least 0.8")),
        ({"language_score": None}, (None, None, None)),  # nothing measured, nothing judged
        ({"swapped": True, "language_score": 0.1}, ("swapped columns", "1", "at most 0")),
        ({"swapped": None}, (None, None, None)),
        ({"shared_words": 1.0}, ("copy of the source", "1", "at most 0.9")),
        ({"target_length": 2.0}, ("target length too low", "2", "at least 3")),
        ({"target_length": 51.0}, ("target length too high", "51", "at most 50")),
        ({"length_ratio": 99.0}, (None, None, None)),  # no limit was learned
    ],
)
def test_the_first_failed_rule_is_the_reason(
    scores: dict[str, object],
    expected: tuple[str | None, ...],
    corpus: Corpus,
    run: Callable[..., Output],
) -> None:
    made = run(corpus("tlajtolli", sources=("palabra",)), {"0": scores})
    assert said(made) == [expected]


@pytest.mark.parametrize(
    ("limits", "length", "kept"),
    [
        ({"default": {}}, 2.0, False),  # as learned
        ({"default": {"target_length": Bound(1, None)}}, 2.0, True),
        ({"default": {"target_length": Bound(1, None)}}, 51.0, False),  # the other side as learned
        ({"default": {"target_length": None}}, 2.0, True),  # off
        ({"default": {}, "nah": {"target_length": Bound(9, None)}}, 8.0, False),
        (
            {"default": {"target_length": None}, "nah": {"target_length": Bound(9, None)}},
            8.0,
            False,
        ),
        ({"default": {"target_length": Bound(9, None)}, "nah": {"target_length": None}}, 2.0, True),
        ({"default": {}, "khm": {"target_length": Bound(9, None)}}, 8.0, True),  # another's
    ],
)
def test_a_stated_limit_is_before_the_learned(
    limits: dict[str, dict[str, Bound | None]],
    length: float,
    kept: bool,
    corpus: Corpus,
    run: Callable[..., Output],
) -> None:
    params = Select(limits=limits, trusted_limits={}, least_kept={"default": 0.0})
    made = run(corpus("tlajtolli"), {"0": {"target_length": length}}, params=params)
    assert made.tables["ledger"]["kept"].to_pylist() == [kept]


def test_a_trusted_origin_vouches_for_its_language(
    corpus: Corpus, run: Callable[..., Output]
) -> None:
    params = Select(
        limits={"default": {}, "nah": {"language_score": Bound(0.9, None)}},
        trusted_limits={"language_score": Bound(0.05, None)},
        least_kept={"default": 0.0},
    )
    rows = corpus("amo", "quema").to_pylist() + corpus("amo", origin="crawl").to_pylist()
    rows[2] |= {"id": "2"}
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    scores = {"0": {"language_score": 0.5}, "1": {"language_score": 0.01}}
    scores |= {"2": {"language_score": 0.85}}
    made = run(table, scores, params=params)
    assert said(made) == [
        (None, None, None),
        ("language unsure", "0.01", "at least 0.05"),
        ("language unsure", "0.85", "at least 0.9"),
    ]


@pytest.mark.parametrize("targets", [(), ("amo",), (None, "ខ្ញុំស្រឡាញ់ភាសាខ្មែរ", "")])
def test_every_row_has_one_ledger_row(
    targets: tuple[str | None, ...], corpus: Corpus, run: Callable[..., Output]
) -> None:
    table = corpus(*targets)
    made = run(table)
    assert made.tables["ledger"]["id"].to_pylist() == table["id"].to_pylist()
    assert all(made.tables["ledger"]["kept"].to_pylist())
    assert run(table).tables["ledger"].equals(made.tables["ledger"])


def test_one_survivor_a_cluster_whatever_the_order(
    corpus: Corpus, run: Callable[..., Output]
) -> None:
    rows = corpus("in calli", "in calle", "in kalli", "amo", sources=("casa",) * 4).to_pylist()
    clusters = {"0": ("1", 0.9), "1": ("1", 1.0), "2": ("1", 0.85)}
    for order in permutations(rows):
        made = run(pa.Table.from_pylist(list(order), schema=SCHEMA), clusters=clusters)
        kept = made.tables["ledger"].filter(made.tables["ledger"]["kept"])["id"].to_pylist()
        assert sorted(kept) == ["1", "3"]
        dropped = {s for s in said(made) if s[0]}
        assert dropped == {("duplicate", "1", "one row a cluster")}


@pytest.mark.parametrize(
    ("scores", "survivor"),
    [
        ({}, "1"),  # the centre
        ({"1": {"language_score": 0.1}}, "0"),  # fails: then the one most like it
        ({"1": {"length_ratio": None}}, "1"),  # alone with its similarity of 1
        ({"2": {"length_ratio": None}, "1": {"target_length": 1.0}}, "0"),
    ],
)
def test_the_survivor_passes_all_rules_and_is_next_to_the_centre(
    scores: dict[str, dict[str, object]],
    survivor: str,
    corpus: Corpus,
    run: Callable[..., Output],
) -> None:
    clusters = {"0": ("1", 0.9), "1": ("1", 1.0), "2": ("1", 0.85)}
    made = run(corpus("in calli", "in calle", "in kalli"), scores, clusters)
    ledger = made.tables["ledger"]
    assert ledger.filter(ledger["kept"])["id"].to_pylist() == [survivor]


def test_among_equal_keys_a_pair_survives(corpus: Corpus, run: Callable[..., Output]) -> None:
    clusters = {"0": ("0", 1.0), "1": ("0", 1.0)}
    made = run(corpus("in calli", "in calli"), {"0": {"length_ratio": None}}, clusters)
    assert made.tables["ledger"]["kept"].to_pylist() == [False, True]


@pytest.mark.parametrize(
    ("clusters", "scores", "survivor"),
    [
        ({"0": 0.9, "1": 1.0}, {"0": 0.95, "1": 0.3}, "0"),  # each is near the other
        ({"0": 0.9, "1": 1.0}, {"0": 0.9, "1": 0.9}, "1"),  # as good: the centre
        ({"0": 1.0, "1": 1.0, "2": 1.0}, {"2": 0.95}, "2"),
        ({"0": 1.0, "1": 1.0, "2": 0.85}, {"2": 0.95}, "2"),  # near all that equal the centre
        ({"0": 0.9, "1": 1.0, "2": 0.85}, {"2": 0.95}, "1"),  # 0 and 2 may be far apart
        ({"0": 1.0, "1": 1.0}, {"0": None}, "1"),
        ({"0": 1.0, "1": 1.0}, {"0": None, "1": None}, "1"),
    ],
)
def test_the_best_pair_survives_where_all_others_are_near_it(
    clusters: dict[str, float],
    scores: dict[str, float | None],
    survivor: str,
    corpus: Corpus,
    run: Callable[..., Output],
) -> None:
    rows = corpus(*["in calli"] * len(clusters), sources=("casa",) * len(clusters)).to_pylist()
    stars = {name: ("1", similarity) for name, similarity in clusters.items()}
    said_of = {name: {"pair_score": score} for name, score in scores.items()}
    for order in permutations(rows):
        table = pa.Table.from_pylist(list(order), schema=SCHEMA)
        ledger = run(table, said_of, stars).tables["ledger"]
        assert ledger.filter(ledger["kept"])["id"].to_pylist() == [survivor]


def test_a_pair_that_is_no_translation_goes_where_a_limit_says_so(
    corpus: Corpus, run: Callable[..., Output]
) -> None:
    params = replace(PARAMS, limits={"default": {"pair_score": Bound(0.5, None)}})
    scores = {"0": {"pair_score": 0.4}, "1": {"pair_score": None}}
    made = run(corpus("amo", "quema"), scores, params=params)
    assert said(made) == [("no translation", "0.4", "at least 0.5"), (None, None, None)]


def test_rates_have_wilson_intervals(corpus: Corpus, run: Callable[..., Output]) -> None:
    table = corpus(*["tlajtolli"] * 10)
    made = run(table, {"0": {"target_length": 1.0}})
    rates = {row["rule"]: row for row in made.tables["rates"].to_pylist()}
    assert (rates["target_length"]["rows"], rates["target_length"]["kept"]) == (10, 9)
    # Wilson 1927 by hand: p = 0.9, n = 10, z = 1.959964
    assert rates["target_length"]["low"] == pytest.approx(0.5958, abs=1e-4)
    assert rates["target_length"]["high"] == pytest.approx(0.9821, abs=1e-4)
    assert rates["swapped"]["rate"] == 1
    documents = {row["rule"]: row for row in made.tables["rates_by_document"].to_pylist()}
    assert sorted(documents) == ["select", "target_length"]
    assert (documents["target_length"]["document"], documents["select"]["kept"]) == ("book", 9)
    shown = made.report["keep_rates"]
    assert sorted(shown) == ["select", "target_length"]  # those that dropped something
    assert shown["target_length"]["nci_Latn"]["test"]["rate"] == 0.9


def test_rate_lies_in_its_interval() -> None:
    for kept, rows in ((0, 1), (1, 1), (3, 7), (999, 1000)):
        found = rate(kept, rows)
        assert 0 <= found["low"] <= found["rate"] <= found["high"] <= 1


def test_a_rule_that_eats_trusted_text_fails_the_stage(
    corpus: Corpus, run: Callable[..., Output]
) -> None:
    table = corpus(*["tlajtolli"] * 40)
    bad = {str(n): {"target_length": 1.0} for n in range(20)}
    params = Select(limits={"default": {}}, trusted_limits={}, least_kept={"default": 0.9})
    with pytest.raises(InputError) as raised:
        run(table, bad, params=params)
    assert str(raised.value) == (
        "rule 'target_length' keeps 0.500 [0.352, 0.648] of the 40 trusted rows of nci_Latn, "
        "least_kept is 0.9; most of them in 'book', which keeps 20 of 40; widen "
        "select.limits.nah.target_length in params.yaml or lower "
        "select.least_kept.target_length"
    )
    run(
        table,
        bad,
        params=Select(limits={"default": {}}, trusted_limits={}, least_kept={"default": 0.5}),
    )
    own = Select(
        limits={"default": {}}, trusted_limits={}, least_kept={"default": 0.9, "target_length": 0.4}
    )
    run(table, bad, params=own)
    other = corpus(*["tlajtolli"] * 40, origin="crawl")  # nobody vouches for it
    run(other, bad, params=params)
    run(table, bad, params=params, active=("khm",))  # a neighbour stops nothing


@pytest.mark.parametrize(
    ("limits", "least_kept", "message"),
    [
        ({"default": {}, "xyz": {}}, {"default": 0.9}, "select.limits has unknown 'xyz'"),
        ({"default": {"lenght": None}}, {"default": 0.9}, r"has unknown \['lenght'\]; rules are"),
        ({"default": {}}, {"default": 0.9, "lenght": 0.5}, "least_kept has unknown"),
    ],
)
def test_unknown_names_are_errors(
    limits: dict[str, dict[str, Bound | None]],
    least_kept: dict[str, float],
    message: str,
    corpus: Corpus,
    run: Callable[..., Output],
) -> None:
    with pytest.raises(InputError, match=message):
        run(corpus("amo"), params=Select(limits=limits, trusted_limits={}, least_kept=least_kept))


def test_settings_in_range() -> None:
    with pytest.raises(ValueError, match="need the key 'default'"):
        Select(limits={}, trusted_limits={}, least_kept={"default": 0.9})
    with pytest.raises(ValueError, match=r"got 2.0 for 'default'"):
        Select(limits={"default": {}}, trusted_limits={}, least_kept={"default": 2.0})


def test_kept_rows_are_those_within_the_limits(corpus: Corpus, run: Callable[..., Output]) -> None:
    table = corpus(*["tlajtolli"] * 2000)
    generator = np.random.default_rng(7)
    drawn = generator.integers(0, 60, 2000)
    scores = {str(n): {"target_length": float(v)} for n, v in enumerate(drawn)}
    ledger = run(table, scores).tables["ledger"]
    assert ledger["kept"].to_pylist() == [bool(3 <= v <= 50) for v in drawn]


def test_it_runs_as_a_stage_on_what_others_wrote(
    corpus: Corpus, run: Callable[..., Output], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(corpus("in calli", "amo"), {"1": {"swapped": True}})
    monkeypatch.chdir(tmp_path)
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    tree["select"] = {"limits": {"default": {"swapped": {"least": None, "most": 0}}}}
    tree["select"]["trusted_limits"] = {}
    tree["select"]["least_kept"] = {"default": 0.0}
    Path("params.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    words = {name: f"0/{name}" for name in ("rows", "sources", "identify", "assess", "bitext")}
    words |= {"dedup": "0/clusters", "out": "select", "report": "select.json"}
    perform(select, Select, words, ["rows"])
    report = json.loads(Path("select.json").read_text("utf-8"))
    assert (report["entered"], report["kept"], report["dropped"]) == (2, 1, 1)
    assert report["dropped_by_reason"] == {"swapped columns": {"nci_Latn": {"test": 1}}}
    assert sorted(p.name for p in Path("select").iterdir()) == [
        "ledger",
        "limits",
        "rates",
        "rates_by_document",
    ]
    with pytest.raises(InputError, match="nowhere/scores holds no table; run 'dvc repro'"):
        perform(select, Select, words | {"assess": "nowhere"}, ["rows"])
    assert Path("select/ledger").is_dir()  # what was there stays
