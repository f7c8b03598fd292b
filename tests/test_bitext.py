"""Laws and cases of pair scores: what is measured, what is planted, who may teach whom."""

import json
import lzma
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus.bitext import SCORES, Bitext, Plan, bitext, study
from corpus.false_pairs import KINDS, Row, cut, planted
from corpus.logistic import auc, fit
from corpus.orthography import matching_key
from corpus.pairs import (
    MEASURES,
    NAME,
    SURFACE,
    Learning,
    end,
    measured,
    measures,
    numbers,
    surface,
)
from corpus.settings import Language
from corpus.shards import Shards
from corpus.stage import Output
from corpus.table import SCHEMA

ROOT = Path(__file__).parent.parent
Corpus = Callable[..., pa.Table]
LANGUAGES = {
    "orm": Language("Oromo", ("orm",), "Latn", "spa_Latn", (), None),
    "khm": Language("Khmer", ("khm",), "Khmr", "spa_Latn", (), None),
}
PARAMS = Bitext(
    folds=3, least_pairs=50, most_pairs=10**6, most_trusted=10**6, copies=2, iterations=5,
    strength=3.0, most_pieces=24, penalty=1.0,
)  # fmt: skip
SHARDS = Shards(most_bytes=10**8, workers=1, runner="pool", most_retries=0)
HOW = Learning(3, 3.0, 24)
PLAIN = matching_key(None)


@pytest.fixture(scope="module")
def help_pairs() -> list[dict[str, object]]:
    """Real pairs of Spanish and Oromo, as rows of the table."""
    with lzma.open(
        ROOT / "languages/orm/data/raw/libreoffice-help.om.jsonl.xz", "rt", encoding="utf-8"
    ) as file:
        found = [json.loads(line) for line in file]
    found = [f for f in found if f["spa"] and f["orm"] and len(f["orm"]) > 20][:250]
    return [
        {
            "id": f"{n:04}", "document": f["document"], "position": n, "source": f["spa"],
            "target": f["orm"], "source_language": "spa_Latn", "language": "orm_Latn",
            "origin": "help", "licence": "MPL-2.0", "parent": None,
        }
        for n, f in enumerate(found)
    ]  # fmt: skip


def run(rows: list[dict[str, object]], params: Bitext = PARAMS, trusted: bool = True) -> Output:
    """The stage, every row a group of its own unless it shares a text."""
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    groups = [row["target"] or row["id"] for row in rows]
    clusters = pa.table({"id": table["id"], "group": pa.array(groups, pa.string())})
    sources = pa.table({"origin": ["help"], "trusted": [trusted]})
    return bitext(table, sources, clusters, params, ("orm",), LANGUAGES, SHARDS)


def test_false_pairs_score_lower_than_true_ones(help_pairs: list[dict[str, object]]) -> None:
    turned = [
        row | {"id": f"x{row['id']}", "target": other["target"], "origin": "crawl"}
        for row, other in zip(help_pairs[:40], help_pairs[150:190], strict=True)
    ]
    made = run([*help_pairs, *turned])
    scores = made.tables["scores"]["pair_score"].to_numpy()
    assert ((scores >= 0) & (scores <= 1)).all()
    assert auc(scores[: len(help_pairs)], scores[len(help_pairs) :])["value"] > 0.9
    report = made.report["orm"]
    assert report["auc"]["value"] > 0.9  # of what it planted itself, by folds that did not learn it
    assert sorted(report["auc_by_kind"]) == sorted(KINDS)
    assert report["by_variety"]["orm_Latn"]["crawl"]["sure"]["of"] == len(turned)
    assert len(report["lowest"]) == 40


def test_what_is_no_pair_of_an_active_language_has_no_score(
    help_pairs: list[dict[str, object]],
) -> None:
    odd = [
        {"source": None}, {"target": None}, {"source": ""}, {"target": "…?!"},
        {"language": "khm_Khmr", "target": "ខ្ញុំស្រឡាញ់ភាសាខ្មែរ"}, {"language": None},
    ]  # fmt: skip
    others = [help_pairs[n] | {"id": f"o{n}"} | part for n, part in enumerate(odd)]
    made = run([*help_pairs[:80], *others])
    scores = made.tables["scores"]
    assert scores.schema == SCORES
    assert scores["id"].to_pylist()[-6:] == [row["id"] for row in others]
    assert scores["pair_score"].to_pylist()[80:] == [None] * 6
    assert None not in scores["pair_score"].to_pylist()[:80]
    assert (made.report["orm"]["rows"], made.report["orm"]["pairs"]) == (84, 80)


@pytest.mark.parametrize(("count", "trusted"), [(0, True), (1, True), (20, True), (80, False)])
def test_too_few_trusted_pairs_are_said_and_not_scored(
    count: int, trusted: bool, help_pairs: list[dict[str, object]]
) -> None:
    made = run(help_pairs[:count], trusted=trusted)
    assert made.tables["scores"]["pair_score"].to_pylist() == [None] * count
    assert made.report["orm"]["score"] == "none: trusted pairs must be at least 50"


def test_pairs_that_are_all_alike_teach_nothing(help_pairs: list[dict[str, object]]) -> None:
    made = run([row | {"target": "kun maal jedha"} for row in help_pairs[:80]])
    assert made.tables["scores"]["pair_score"].to_pylist() == [None] * 80
    said = "none: trusted pairs outside the largest fold must be at least 25"
    assert made.report["orm"]["score"] == said


def test_order_and_repetition_change_no_score(help_pairs: list[dict[str, object]]) -> None:
    rows = help_pairs[:90]
    order = np.random.default_rng(3).permutation(len(rows))
    one = run(rows).tables["scores"].to_pylist()
    assert run(rows).tables["scores"].to_pylist() == one
    other = run([rows[n] for n in order]).tables["scores"].to_pylist()
    found = {row["id"]: row["pair_score"] for row in other}
    for row in one:
        assert found[row["id"]] == pytest.approx(row["pair_score"], abs=1e-3)


def test_a_pair_is_measured_by_what_others_teach(help_pairs: list[dict[str, object]]) -> None:
    """Another text in the fold's other pairs changes nothing; one outside the fold does."""
    pairs = [(str(row["source"]), str(row["target"])) for row in help_pairs[:90]]
    fold = np.arange(90) % 3

    def of(some: list[tuple[str, str]]) -> np.ndarray:
        return study(Plan(measured(some, PLAIN), fold, np.arange(90), HOW), 0)

    before = of(pairs)
    within = of([("otro texto", "kan biraa") if n == 3 else p for n, p in enumerate(pairs)])
    np.testing.assert_allclose(np.delete(before, 1, 0), np.delete(within, 1, 0), atol=1e-12)
    outside = of([("otro texto", "kan biraa") if n == 4 else p for n, p in enumerate(pairs)])
    assert np.abs(before - outside).max() > 1e-3


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("Año 1592", "xihuitl 1592"), {"numbers_shared": 1, "numbers_missing": 0}),
        (("Año 1592", "xihuitl"), {"numbers_shared": 0, "numbers_missing": 1}),
        (("12 y 7", "១២ និង ៨"), {"numbers_shared": 1, "numbers_missing": pytest.approx(2 / 3)}),
        (("vino don Diego Colón", "ohualla don Diego Colon"), {"names_shared": 1}),
        (("vino con Tepan", "ihuan Cuauhtli"), {"names_shared": 0, "names_missing": 1}),
        (("ir a Tlatelolco", "Tlatelolcopa yauh"), {"names_missing": 0}),  # its beginning stands
        (("¿Quién?", "¿Aquin?"), {"other_end": 0}),
        (("¿Quién?", "ማን ነው፧"), {"other_end": 0}),
        (("¿Quién?", "Amo."), {"other_end": 1}),
        (("Sí.”", "Quema”."), {"other_end": 0}),
        (("no", "no"), {"shared_words": 1}),
        (("(a), b.", "a b"), {"marks": pytest.approx(np.log(5))}),
    ],
)
def test_the_surface_of_a_pair(pair: tuple[str, str], expected: dict[str, float]) -> None:
    names = [name for name in SURFACE if name != "likeness"]
    keys = (PLAIN(pair[0]), PLAIN(pair[1]))
    found = dict(zip(names, surface(pair, keys, PLAIN), strict=True))
    assert {name: found[name] for name in expected} == expected


def test_every_script_and_no_text_can_be_measured() -> None:
    texts = ["", "a", "ខ្ញុំស្រឡាញ់ភាសាខ្មែរ", "¿١٢؟", "कः", "𐐀𐐁 🙂", "x\u200by", "Ⅷ"]
    pairs = list(product(texts, texts))
    known = measured(pairs, PLAIN)
    every = np.arange(len(pairs))
    found = measures(known, every, every, HOW)
    assert found.shape == (len(pairs), len(MEASURES))
    assert np.isfinite(found).all()
    copies = [n for n, (a, b) in enumerate(pairs) if a == b and len(PLAIN(a)) > 1]
    np.testing.assert_allclose(found[copies, MEASURES.index("likeness")], 1)
    assert numbers("٠٧ and 007 and ७") == {"7"}
    assert "12" in numbers("\U0001ccf1 12")  # a digit that Python's tables do not have yet
    assert end("«ማን?»") == "question"
    assert not NAME.findall("ខ្ញុំ ស្រឡាញ់ កម្ពុជា")


def rows_of(count: int, groups: int | None = None) -> list[Row]:
    """Pairs in two documents; by default none is like another."""
    return [
        Row(f"{n}", f"uno dos tres cuatro {n}", f"ce ome yei nahui {n}", "ab"[n % 2], n,
            str(n % (groups or count)))
        for n in range(count)
    ]  # fmt: skip


def test_false_pairs_are_what_they_are_called() -> None:
    rows = rows_of(200, groups=100)
    foreign = ["qo'n ma b'et", "jun tzi'"]
    made = planted(rows, foreign, 3, "seed")
    assert len(made) == 600
    assert {false.kind for false in made} == set(KINDS)
    assert planted(rows, foreign, 3, "seed") == made
    target_of = {row.target: n for n, row in enumerate(rows)}
    for kind, n, (source, target) in made:
        row = rows[n]
        if kind in ("neighbour", "random"):
            other = rows[target_of[target]]
            assert (source, other.group == row.group) == (row.source, False)
            assert kind == "random" or other.document == row.document
        elif kind == "cut source":
            assert (source in row.source, source != row.source, target) == (True, True, row.target)
        elif kind == "cut target":
            assert (source, target in row.target, target != row.target) == (row.source, True, True)
        elif kind == "swapped":
            assert (source, target) == (row.target, row.source)
        elif kind == "untranslated":
            assert source == target == row.source
        else:
            assert target in foreign or target in {r.source for r in rows} - {row.source}
    shuffled = [rows[n] for n in np.random.default_rng(1).permutation(200)]
    again = planted(shuffled, foreign, 3, "seed")
    assert sorted((f.kind, f.pair) for f in again) == sorted((f.kind, f.pair) for f in made)


def test_duplicates_lend_no_partner() -> None:
    for rows in (rows_of(1), rows_of(6, groups=1)):
        kinds = {false.kind for false in planted(rows, [], 90, "seed")}
        assert kinds == {"cut source", "cut target", "swapped", "untranslated"}
    assert planted([], [], 2, "seed") == []


def test_a_text_without_spaces_is_cut_too() -> None:
    assert cut("ខ្ញុំស្រឡាញ់ភាសាខ្មែរ", 0.1) not in (None, "ខ្ញុំស្រឡាញ់ភាសាខ្មែរ")
    assert cut("amo nicmati", 0.1) is not None
    assert cut("amo", 0.1) is None


def test_auc_counts_couples() -> None:
    chance = np.random.default_rng(0)
    true, false = chance.integers(0, 9, 60) + 1.0, chance.integers(0, 9, 40) + 0.0
    couples = [(t > f) + (t == f) / 2 for t, f in product(true, false)]
    found = auc(true, false)
    assert found["value"] == pytest.approx(np.mean(couples))
    drawn = [auc(chance.choice(true, 60), chance.choice(false, 40))["value"] for _ in range(400)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    assert found["low"] == pytest.approx(low, abs=0.02)
    assert found["high"] == pytest.approx(high, abs=0.02)
    assert auc(true, np.empty(0))["value"] is None


def test_the_classifier_is_calibrated_for_as_many_false_as_true() -> None:
    chance = np.random.default_rng(0)
    true = chance.random(6000) < 0.2  # unbalanced on purpose
    values = np.where(true, 1.0, -1.0)[:, None] + chance.normal(size=(6000, 1))
    constant = np.ones((6000, 1))
    model = fit(np.hstack([values, constant]), true, 1.0)
    at = np.array([[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    np.testing.assert_allclose(model(at), 1 / (1 + np.exp(-2 * at[:, 0])), atol=0.03)


def test_settings_in_range() -> None:
    for wrong in ({"folds": 1}, {"least_pairs": 2}, {"copies": 0}, {"penalty": 0.0}):
        with pytest.raises(ValueError, match="got"):
            replace(PARAMS, **wrong)
