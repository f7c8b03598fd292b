"""Laws and cases of the measures and of the limits learned from trusted text."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus.assess import (
    RULES,
    SIDE,
    Assess,
    assess,
    length,
    longest_word,
    main_script,
    measure_shard,
    repetition,
    shared_words,
    word_length,
)
from corpus.fluency import orderable, trained, word_order
from corpus.junk import shuffled_words
from corpus.limits import Learning, learned, limit
from corpus.settings import Language
from corpus.shards import Shards
from corpus.stage import Output
from corpus.table import LIMITS, SCHEMA, InputError, write_shard
from corpus.wordorder import Order

Corpus = Callable[..., pa.Table]
SHARDS = Shards(most_bytes=1000, workers=1, runner="pool", most_retries=0)
LIMITS_OF = Learning(kept_share={"default": 0.9}, prior_rows=1, least_rows=3, lenders={})
ORDER = Order(folds=3, least_rows=200, most_rows=1000, seed=1)
PARAMS = Assess(limits=LIMITS_OF, word_order=ORDER)
LANGUAGES = {
    "nah": Language("Nahuatl", ("nci", "azz"), "Latn", "spa_Latn", (), "nah"),
    "khm": Language("Khmer", ("khm",), "Khmr", "eng_Latn", (), None),
}
KHMER = "ខ្ញុំស្រឡាញ់ភាសាខ្មែរ"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Output]:
    """Run the stage on a table cut into some shards, with one trusted origin, 'test'."""

    def made(table: pa.Table, shards: int = 1, params: Assess = PARAMS) -> Output:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        size = -(-len(table) // shards) or 1
        for number in range(shards):
            write_shard(table.slice(number * size, size), folder / "rows" / f"{number:05}.parquet")
        sources = pa.table({"origin": ["test", "crawl"], "trusted": [True, False]})
        out = folder / "out"
        result = assess(folder / "rows", sources, params, ("nah",), LANGUAGES, SHARDS, out)
        left = [path.name for path in out.iterdir()] if out.exists() else []
        assert left in ([], ["order"])  # nothing but what was learned stays
        return result

    return made


@pytest.mark.parametrize(
    ("text", "letters", "digits", "script"),
    [
        ("amo nikmati", 1.0, 0.0, 1.0),
        ("xihuitl 1598", 7 / 11, 4 / 11, 1.0),
        ("", 0.0, 0.0, None),
        ("…", 0.0, 0.0, None),
        (KHMER, 1.0, 0.0, 1.0),
        ("ភាសា\u200bខ្មែរ", 1.0, 0.0, 1.0),  # the space between words is not visible
        ("١٢٣", 0.0, 1.0, None),
        ("kwaꞌ", 1.0, 0.0, 1.0),  # the saltillo is a letter
        ("kʼa", 1.0, 0.0, 1.0),  # U+02BC is common to scripts
        ("аmo", 1.0, 0.0, 2 / 3),  # a Cyrillic a
    ],
)
def test_shares(text: str, letters: float, digits: float, script: float | None) -> None:
    assert SIDE["letters"][0](text) == pytest.approx(letters)
    assert SIDE["digits"][0](text) == pytest.approx(digits)
    assert main_script(text) == (None if script is None else pytest.approx(script))


@pytest.mark.parametrize(
    ("text", "clusters"),
    [("", 0), ("tlen", 4), ("tle\u0301n", 4), ("ខ្មែរ", 2), ("👩‍👩‍👧", 1), ("\r\n", 1), ("한국", 2)],
)
def test_length_counts_grapheme_clusters(text: str, clusters: int) -> None:
    assert length(text) == clusters


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("", 0, 0), ("amo", 0, 0), ("quen tinemi notata", 0, 0), ("ama quema " * 20, 0.9, 1)],
)
def test_repetition(text: str, least: float, most: float) -> None:
    assert least <= repetition(text) <= most


def test_longest_word() -> None:
    assert longest_word("in   tlajtolli") == 9
    assert longest_word("") == 0


def test_shared_words() -> None:
    assert shared_words("auto grande", "auto grande") == 1
    assert shared_words("la casa", "in calli") == 0
    assert shared_words("", "") == 1


def test_repeats_are_counted_in_the_document_on_the_key(
    corpus: Corpus, run: Callable[..., Output]
) -> None:
    table = corpus("Kualtia:", "kwaltia", "Kualtia", None, "", "", sources=(None,) * 6)
    scores = run(table, shards=3).tables["scores"]
    assert scores["repeats"].to_pylist()[3:] == [1, 1, 1]  # nothing to compare
    assert scores["repeats"].to_pylist()[0] == scores["repeats"].to_pylist()[2] >= 2
    lone = corpus("Kualtia", "Kualtia", document=None)
    assert run(lone).tables["scores"]["repeats"].to_pylist() == [1, 1]


def test_an_absent_side_has_no_measure(corpus: Corpus, run: Callable[..., Output]) -> None:
    scores = run(corpus("amo", None, sources=(None, "no"))).tables["scores"].to_pylist()
    for name in SIDE:
        assert scores[0][f"source_{name}"] is None
        assert scores[1][f"target_{name}"] is None
    assert [row["length_ratio"] for row in scores] == [None, None]


@pytest.mark.parametrize("targets", [(), ("amo",), (KHMER, None, "")])
def test_every_row_is_scored_in_order(
    targets: tuple[str | None, ...], corpus: Corpus, run: Callable[..., Output]
) -> None:
    table = corpus(*targets)
    made = run(table)
    scores, limits = made.tables["scores"], made.tables["limits"]
    assert scores["id"].to_pylist() == table["id"].to_pylist()
    last = ["repeats", "word_order"]
    assert scores.column_names == ["id", *(r for r in RULES if r not in last), *last, "fold"]
    assert limits.schema == LIMITS
    again = run(table)
    assert again.tables["scores"].equals(scores)
    assert again.report == made.report


def test_shards_change_nothing(corpus: Corpus, run: Callable[..., Output]) -> None:
    table = corpus(*["in tlajtolli", "amo", "amo", KHMER, "xihuitl 1598"] * 3)
    for name in ("scores", "limits"):
        assert run(table, shards=4).tables[name].equals(run(table).tables[name])


def test_a_small_variety_leans_on_its_language(corpus: Corpus, run: Callable[..., Output]) -> None:
    many = corpus(*["tetl"] * 99, language="nci_Latn").to_pylist()
    odd = corpus(*["totlajtol" * 9] * 2, language="azz_Latn").to_pylist()
    made = run(pa.Table.from_pylist(many + odd, schema=SCHEMA)).report["limits"]
    assert made["azz_Latn"]["target_length"] == {"least": 4, "most": 81}  # its own and the others'
    assert made["nci_Latn"]["target_length"] == {"least": 4, "most": 4}  # enough of its own


@pytest.mark.parametrize(
    ("own", "others", "prior", "most"),
    [
        (1000, 1000, 1, 9.0),  # many rows of its own: its own
        (1, 1000, 100, 1.0),  # one row is no evidence against a hundred
        (20, 1000, 100, 9.0),  # a sixth of the weight is more than the tail
        (0, 1000, 100, 1.0),
    ],
)
def test_a_limit_moves_from_the_others_to_its_own(
    own: int, others: int, prior: int, most: float
) -> None:
    values = np.array([9.0] * own + [1.0] * others)
    weights = np.array([1.0] * own + [prior / others] * others)
    assert limit(values, weights, "most", 0.9) == {"most": most}


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.995, 1.0])
@pytest.mark.parametrize("size", [1, 7, 100, 999])
def test_a_limit_keeps_the_share_it_promises(share: float, size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    weights = np.ones(size)
    for way in ("least", "most", "both"):
        bounds = limit(values, weights, way, share)  # type: ignore[arg-type]
        low, high = bounds.get("least", -np.inf), bounds.get("most", np.inf)
        assert ((values >= low) & (values <= high)).mean() >= share - 1e-9
        assert set(bounds.values()) <= set(values)
    assert limit(values[:0], weights[:0], "both", share) == {}


def test_no_limit_from_another_language_unless_asked(
    corpus: Corpus, run: Callable[..., Output]
) -> None:
    rows = corpus(*["tetl"] * 50, language="nci_Latn").to_pylist()
    rows += corpus(KHMER, language="khm_Khmr").to_pylist()
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    made = run(table).report
    assert "khm" not in made["limits"]
    assert made["suggested_limits"]["khm"]["target_length"]["least"] == 4
    lent = Learning({"default": 0.9}, prior_rows=1, least_rows=3, lenders={"khm": ("nah",)})
    limits, suggested = learned(
        run(table).tables["scores"].append_column("language", table["language"])
        .append_column("origin", table["origin"]), ["test"], RULES, LANGUAGES, lent,
    )  # fmt: skip
    assert {"khm", "khm_Khmr"} <= {row["language"] for row in limits}
    assert not suggested
    for lenders in ({"khmr": ("nah",)}, {"khm": ("nahh",)}):
        wrong = Learning({"default": 0.9}, prior_rows=1, least_rows=3, lenders=lenders)
        with pytest.raises(InputError, match=r"lenders has unknown \['(khmr|nahh)'\]; known are"):
            learned(run(table).tables["scores"], ["test"], RULES, LANGUAGES, wrong)


def test_shuffled_words_have_lower_odds_than_unseen_text() -> None:
    chance = np.random.default_rng(4)
    slots = (
        ["In tlakatl", "In siuatl", "In konetl", "Nikan in okichtli"],
        ["kikua", "kinamaka", "kita", "kineki"],
        ["se kali.", "miyak tlaxkali.", "nochi xochitl.", "in atl."],
    )
    text = [" ".join(map(chance.choice, slots)) for _ in range(400)]
    weights = trained(text[:300], seed=1)
    assert np.array_equal(weights, trained(text[:300], seed=1))
    real = word_order(weights, text[300:])
    fake = word_order(weights, [shuffled_words(one, chance) for one in text[300:]])
    assert (real > 0).mean() > 0.95
    assert (fake < real.min()).mean() > 0.7


@pytest.mark.parametrize(
    ("text", "orders"), [("", False), ("amo", False), ("amo amo", False), ("amo tlen", True)]
)
def test_one_order_gives_no_odds(text: str, orders: bool) -> None:
    assert orderable(text) == orders
    assert np.isnan(word_order(trained([], 1), [text])[0]) == (not orders)


def test_no_text_is_scored_by_what_learned_it(corpus: Corpus, run: Callable[..., Output]) -> None:
    letters = list("aeiochklmnpqtxyz")
    chance = np.random.default_rng(2)
    texts = [
        " ".join("".join(chance.choice(letters, 7)) for _ in range(8)) for _ in range(240)
    ]  # words by chance: there is nothing to learn but the texts themselves
    made = run(corpus(*texts)).tables["scores"]
    assert word_order(trained(texts, 1), texts).mean() > 2
    assert abs(np.mean(made["word_order"].to_numpy())) < 0.5
    assert set(made["fold"].to_pylist()) == {0, 1, 2}


def test_word_length() -> None:
    assert word_length("") is None
    assert word_length("in tlajtolli") == 5.5


def test_a_cut_shard_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"^.*rows cannot be read \(00000.parquet: .*checkout"):
        measure_shard(tmp_path / "rows" / "00000.parquet", tmp_path, LANGUAGES)


def test_limits_come_from_trusted_text_alone(corpus: Corpus, run: Callable[..., Output]) -> None:
    short = corpus(*["tetl"] * 99, language="nci_Latn").to_pylist()
    crawl = corpus("x" * 500, origin="crawl").to_pylist()
    khmer = corpus(KHMER, KHMER, language="khm_Khmr").to_pylist()  # too few to learn from
    made = run(pa.Table.from_pylist(short + crawl + khmer, schema=SCHEMA))
    limits = made.report["limits"]
    assert limits["nah"]["target_length"] == {"least": 4, "most": 4}
    assert limits["nah"]["target_digits"] == {"most": 0}
    assert limits["nah"]["source_length"] == {}
    assert "khm" not in limits
    assert made.report["trusted_rows"] == {"khm": 2, "nah": 99}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kept_share": {"default": 0.0}}, "kept_share must be above 0"),
        ({"kept_share": {"default": 1.5}}, "got 1.5"),
        ({"kept_share": {}}, "needs the key 'default'"),
        ({"least_rows": 0}, "least_rows"),
        ({"prior_rows": 0}, "prior_rows"),
    ],
)
def test_settings_in_range(change: dict[str, object], message: str) -> None:
    good = {"kept_share": {"default": 0.9}, "prior_rows": 1, "least_rows": 1, "lenders": {}}
    with pytest.raises(ValueError, match=message):
        Learning(**{**good, **change})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"kept_share has unknown \['lenght'\]"):
        Assess(Learning({"default": 1.0, "lenght": 0.5}, 1, 1, {}), ORDER)
    with pytest.raises(ValueError, match="need 2 <= folds"):
        Order(folds=1, least_rows=5, most_rows=9, seed=1)
