"""Laws and cases of the measures and of the limits learned from trusted text."""

from collections.abc import Callable
from pathlib import Path

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
    voters,
)
from corpus.settings import Language
from corpus.shards import Shards
from corpus.stage import Output
from corpus.table import LIMITS, SCHEMA, InputError, write_shard

Corpus = Callable[..., pa.Table]
SHARDS = Shards(most_bytes=1000, workers=1, runner="pool", most_retries=0)
PARAMS = Assess(kept_share=0.9, least_rows=3)
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
        result = assess(folder / "rows", sources, params, LANGUAGES, SHARDS, out)
        assert not list(out.iterdir())  # nothing but the tables stays
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
    assert scores.column_names == ["id", *RULES]
    assert limits.schema == LIMITS
    again = run(table)
    assert again.tables["scores"].equals(scores)
    assert again.report == made.report


def test_shards_change_nothing(corpus: Corpus, run: Callable[..., Output]) -> None:
    table = corpus(*["in tlajtolli", "amo", "amo", KHMER, "xihuitl 1598"] * 3)
    for name in ("scores", "limits"):
        assert run(table, shards=4).tables[name].equals(run(table).tables[name])


def test_a_small_variety_widens_its_own_limits_alone(
    corpus: Corpus, run: Callable[..., Output]
) -> None:
    many = corpus(*["tetl"] * 99, language="nci_Latn").to_pylist()
    odd = corpus("totlajtol" * 900, "totlajtol", language="azz_Latn").to_pylist()
    made = run(pa.Table.from_pylist(many + odd, schema=SCHEMA))
    limits = made.report["limits"]
    assert limits["nah"]["target_length"] == {"least": 4, "most": 4}
    assert limits["azz_Latn"]["target_length"] == {"least": 4, "most": 8100}
    assert "nci_Latn" not in limits


@pytest.mark.parametrize(
    ("sizes", "least_rows", "votes"),
    [
        ((9, 8, 2), 5, [9, 8]),  # too few small ones to vote
        ((9, 3, 2), 5, [9, 5]),  # the small ones as one
        ((3, 3), 5, [6]),  # none is large
        ((), 5, []),
    ],
)
def test_who_votes(sizes: tuple[int, ...], least_rows: int, votes: list[int]) -> None:
    tables = [pa.table({"id": [str(n) for n in range(size)]}) for size in sizes]
    assert [len(table) for table in voters(tables, least_rows)] == votes


def test_a_cut_shard_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"^.*rows cannot be read \(00000.parquet: .*checkout"):
        measure_shard(tmp_path / "rows" / "00000.parquet", tmp_path, LANGUAGES)


def test_a_limit_is_the_loosest_of_the_varieties(
    corpus: Corpus, run: Callable[..., Output]
) -> None:
    short = corpus(*["tetl"] * 99, language="nci_Latn").to_pylist()
    long = corpus(*["totlajtol" * 9] * 3, language="azz_Latn").to_pylist()
    crawl = corpus("x" * 500, origin="crawl").to_pylist()
    khmer = corpus(KHMER, KHMER, language="khm_Khmr").to_pylist()  # too few to learn from
    table = pa.Table.from_pylist(short + long + crawl + khmer, schema=SCHEMA)
    made = run(table)
    limits = made.report["limits"]
    assert limits["nah"]["target_length"] == {"least": 4, "most": 81}
    assert limits["nah"]["target_digits"] == {"most": 0}
    assert limits["nah"]["source_length"] == {}
    assert "khm" not in limits
    assert made.report["trusted_rows"] == {"khm": 2, "nah": 102}


@pytest.mark.parametrize(
    ("kept_share", "least_rows", "message"),
    [(0.0, 1, "kept_share must be above 0"), (1.5, 1, "got 1.5"), (0.9, 0, "least_rows")],
)
def test_settings_in_range(kept_share: float, least_rows: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Assess(kept_share=kept_share, least_rows=least_rows)
