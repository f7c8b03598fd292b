"""The mixture: every row in one place, verdicts obeyed, each bad line of a verdict file named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.making import held_back
from augment.review import (
    MARK,
    Verdict,
    agreement,
    bad_share,
    majority,
    read_verdicts,
    weighted_bad_share,
)
from corpus.gather import DOCUMENTS as GATHERED
from corpus.gather import SOURCES
from corpus.settings import Language
from corpus.table import SYNTHETIC, InputError
from train.concentration import (
    MostShare,
    Temperature,
    concentration,
    factors,
    levelled,
    units,
    warmed,
)
from train.curriculum import ORDERS, ordered
from train.mix import MIXTURE, Mix, mix

LANGUAGES = {
    "nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", ("oto",), "nah"),
    "oto": Language("Otomi", ("ote",), "Latn", "spa_Latn", (), None),
}
FREE = MostShare(None, None, None)
EVEN = Temperature(1.0, 1.0, 1.0)
PARAMS = Mix(
    human_weight=3.0,
    synthetic_weight={"respell": 1.0, "backtranslate": 0.5, "swap": None},
    most_synthetic=None,
    require_review=False,
    most_bad=0.3,
    confidence=0.95,
    temperature=EVEN,
    most_share=FREE,
    order=None,
    licences=None,
    engine_licences={},
)
DOCUMENTS = GATHERED.empty_table()
NOWHERE = SOURCES.empty_table()
NONE = SYNTHETIC.empty_table()
Corpus = Callable[..., pa.Table]
Folder = Callable[..., Path]
HEADER = "id,verdict,reviewer,comment\n"


@pytest.fixture
def verdicts(tmp_path: Path) -> Callable[..., Path]:
    """Write verdicts/nah.csv with the lines given, or an empty folder."""

    def write(*lines: str, header: str = HEADER) -> Path:
        folder = tmp_path / "verdicts"
        folder.mkdir(exist_ok=True)
        if lines:
            (folder / "nah.csv").write_text(header + "\n".join(lines) + "\n", "utf-8")
        return folder

    return write


def made(*ids: str, origin: str = "respell", parent: str = "0") -> pa.Table:
    row = {"source": "el agua", "target": "in ātl", "language": "nci_Latn", "engine": "rules@1"}
    rows = [{**row, "id": id, "parent": parent, "origin": origin} for id in ids]
    return pa.Table.from_pylist(rows, schema=SYNTHETIC)


def mixed(
    train: pa.Table, synthetic: pa.Table, verdicts: Path, params: Mix = PARAMS, share: str = "0"
) -> tuple[pa.Table, dict[str, str], dict[str, Any]]:
    """The mixture, the reason of each dropped row, the report."""
    made = mix(train, synthetic, DOCUMENTS, NOWHERE, verdicts, share, params, ("nah",), LANGUAGES)
    dropped = {r["id"]: r["reason"] for r in made.tables["ledger"].to_pylist() if not r["kept"]}
    return made.tables["nah/rows"], dropped, made.report


def test_every_row_is_in_the_mixture_or_in_the_ledger(corpus: Corpus, verdicts: Folder) -> None:
    train = corpus("in atl", None, "in tepetl", sources=("el agua", "nada", None))
    other = corpus("ar dänga", language="ote_Latn", id="o")
    rows, dropped, report = mixed(pa.concat_tables([train, other]), made("a"), verdicts())
    assert rows.schema == MIXTURE
    assert dropped == {"o": "language is not active", "1": "no text in the language"}
    assert rows["id"].to_pylist() == ["a", "0", "2"]  # canonical: respell before test
    assert rows["weight"].to_pylist() == [1.0, 3.0, 3.0]
    assert rows["synthetic"].to_pylist() == [True, False, False]
    assert rows["bitext"].to_pylist() == [True, True, False]
    assert set(rows["split"].to_pylist()) == {"train"}
    assert report["reviewed"] is False
    assert report["languages"]["nah"]["human_weight_share"] == pytest.approx(6 / 7)


@pytest.mark.parametrize("targets", [(), ("in atl",), ("ខ្ញុំ",)])
def test_few_rows_and_any_script(
    corpus: Corpus, verdicts: Folder, targets: tuple[str, ...]
) -> None:
    rows, dropped, _ = mixed(corpus(*targets), NONE, verdicts())
    assert rows["target"].to_pylist() == list(targets)
    assert not dropped


def test_order_and_repetition_change_nothing(corpus: Corpus, verdicts: Folder) -> None:
    train, lines = corpus("atl", "tepetl", "xochitl"), ("0,bad,ana,", "a,good,ana,")
    once = mixed(train, made("a", "b"), verdicts(*lines), share="0.5")
    again = mixed(train.take([2, 0, 1]), made("b", "a"), verdicts(*lines[::-1]), share="0.5")
    assert once[0].equals(again[0])
    assert once[1:] == again[1:]


def test_rows_held_back_as_monolingual_come_without_their_source(
    corpus: Corpus, verdicts: Folder
) -> None:
    train = corpus(*["in atl"] * 40, sources=("el agua",) * 40)
    rows, _, _ = mixed(train, NONE, verdicts(), share="0.5")
    for row in rows.to_pylist():
        hidden = held_back(row["id"], 0.5)
        assert row["bitext"] is not hidden
        assert (row["source"] is None) is hidden
    assert 0 < sum(rows["bitext"].to_pylist()) < 40


def test_a_row_of_several_parents_answers_for_each(corpus: Corpus, verdicts: Folder) -> None:
    train = corpus(*["in atl"] * 40, sources=("la verdad",) * 40)
    hidden, *_ = [id for id in train["id"].to_pylist() if held_back(id, 0.5)]
    first, second, *_ = [id for id in train["id"].to_pylist() if not held_back(id, 0.5)]
    (row,) = made("a", parent=first).to_pylist()
    joined = pa.Table.from_pylist([row | {"others": [second]}], schema=SYNTHETIC)
    rows, _, _ = mixed(train, joined, verdicts(), share="0.5")
    assert "a" in rows["id"].to_pylist()
    leaky = pa.Table.from_pylist([row | {"others": [second, hidden]}], schema=SYNTHETIC)
    with pytest.raises(RuntimeError, match=f"row a has the source held back in {hidden}"):
        mixed(train, leaky, verdicts(), share="0.5")
    _, dropped, _ = mixed(train, joined, verdicts(f"{second},bad,ana,"), share="0.5")
    assert dropped["a"] == "parent rejected by reviewers"


def test_a_child_with_a_source_that_is_held_back_stops_the_run(
    corpus: Corpus, verdicts: Folder
) -> None:
    train = corpus(*["in atl"] * 40, sources=("la verdad",) * 40)
    hidden = next(id for id in train["id"].to_pylist() if held_back(id, 0.5))
    back = made("a", origin="backtranslate", parent=hidden)
    rows, _, _ = mixed(train, back, verdicts(), share="0.5")
    assert {row["id"]: row["source"] for row in rows.to_pylist()}["a"] == "el agua"
    with pytest.raises(RuntimeError, match="row a has the source held back in"):
        mixed(train, made("a", parent=hidden), verdicts(), share="0.5")


def test_what_was_made_from_a_rejected_row_goes_with_it(corpus: Corpus, verdicts: Folder) -> None:
    folder = verdicts("0,bad,ana,", "a,good,ana,")
    made_rows = pa.concat_tables([made("a", "b"), made("c", parent="1")])
    table = mix(
        corpus("atl", "tepetl"), made_rows, DOCUMENTS, NOWHERE, folder, "0", PARAMS, ("nah",),
        LANGUAGES,
    ).tables["ledger"]  # fmt: skip
    dropped = {row["id"]: (row["reason"], row["value"]) for row in table.to_pylist()}
    assert dropped["0"] == ("rejected by reviewers", "bad")
    assert dropped["a"] == dropped["b"] == ("parent rejected by reviewers", "0")
    assert dropped["c"] == (None, None)


def test_a_mixture_is_reviewed_where_each_synthetic_method_is_judged(
    corpus: Corpus, verdicts: Folder
) -> None:
    rows = pa.concat_tables([made("a"), made("b", origin="backtranslate")])
    for lines, reviewed in (
        (("0,good,ana,",), False),
        (("0,good,ana,", "a,good,ana,"), False),
        (("gone,good,ana,",), False),
        (("a,good,ana,", "b,good,ana,"), True),
        (("a,good,ana,", "b,unsure,ana,"), False),
    ):
        report = mixed(corpus("atl"), rows, verdicts(*lines))[2]
        assert report["reviewed"] is reviewed, lines
    gone = mixed(corpus("atl"), rows, verdicts("gone,good,ana,"))[2]["languages"]["nah"]
    assert (gone["verdicts"], gone["reviewers"], gone["without_row"]) == (0, 0, 1)


def test_a_method_counts_its_strata_by_size() -> None:
    said = {"large": ["good"] * 20, "small": ["bad"] * 20, "silent": []}
    found = weighted_bad_share(said, {"large": 900, "small": 100, "silent": 250}, 0.95)
    assert found["bad_share"] == pytest.approx(0.1)
    assert found["effective"] == pytest.approx(1000**2 / (900**2 / 20 + 100**2 / 20))
    assert found["low"] < 0.1 < found["high"] < 0.35
    assert (found["judged"], found["covered"]) == (40, pytest.approx(0.8))
    assert weighted_bad_share({}, {"large": 9}, 0.95)["bad_share"] is None


def test_rejected_rows_go_and_the_majority_decides(corpus: Corpus, verdicts: Folder) -> None:
    folder = verdicts(
        f"{MARK}0,bad,ana,no", "1,bad,ana,", "1,good,eva,", "1,good,ixchel,", "a,unsure,eva,",
        "2,,eva,", "zz,good,eva,",
    )  # fmt: skip
    synthetic = made("a", parent="2")
    rows, dropped, report = mixed(corpus("atl", "tepetl", "xochitl"), synthetic, folder)
    figures = report["languages"]["nah"]
    assert dropped == {"0": "rejected by reviewers"}
    assert len(rows) == 3
    assert report["reviewed"] is False  # of the respelling nobody was sure
    assert (figures["verdicts"], figures["blank"], figures["without_row"]) == (5, 1, 1)
    assert figures["reviewers"] == 3
    assert figures["judged"] == {"human": 2, "respell": 0}
    assert figures["methods"]["human"]["judged"] == 2
    assert figures["strata"]["test"]["nci_Latn"]["human"]["bad"] == 1


def test_a_method_surely_bad_goes_whole_and_an_unsure_one_stays(
    corpus: Corpus, verdicts: Folder
) -> None:
    few = verdicts("m0,bad,ana,")
    rows = made(*(f"m{n}" for n in range(30)))
    assert set(mixed(corpus("atl"), rows, few)[1]) == {"m0"}  # one verdict proves nothing
    many = verdicts(*(f"m{n},bad,ana," for n in range(15)))
    _, dropped, report = mixed(corpus("atl"), rows, many)
    assert len(dropped) == 30
    assert set(dropped.values()) == {"rejected by reviewers", "method rejected by reviewers"}
    assert report["languages"]["nah"]["rejected_methods"] == ["respell"]
    human = verdicts(*(f"{n},bad,ana," for n in range(15)))
    assert len(mixed(corpus(*["atl"] * 30), NONE, human)[1]) == 15  # people are not a method


def test_review_can_be_required(corpus: Corpus, verdicts: Folder) -> None:
    strict = Mix(**{**vars(PARAMS), "require_review": True})
    with pytest.raises(
        InputError, match=r"nah\.csv judges no row of any method and mix\.require_review"
    ):
        mixed(corpus("atl"), NONE, verdicts(), strict)
    mixed(corpus("atl"), NONE, verdicts("0,good,ana,"), strict)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,verdict\n", "nah.csv:1: the columns must be"),
        ("id,source,target,verdict,reviewer,comment\n", "delete source and target"),
        (HEADER + "0,god,ana,\n", "nah.csv:2: verdict 'god'; accepted are"),
        (HEADER + "0,good,,\n", "nah.csv:2: a verdict needs a reviewer"),
        (HEADER + ",good,ana,\n", "nah.csv:2: the id is empty"),
        (HEADER + "0,good,ana\n", "nah.csv:2: 3 cells, the header has 4"),
        (HEADER + '0,good,ana,"a\nb"\n1,maybe,ana,\n', "nah.csv:4: verdict 'maybe'"),
        (HEADER + "0,good,ana,\nrow-0,bad,ana,\n", "nah.csv:3: 'ana' judged row 0 in line 2"),
        (HEADER + '0,good,ana,"a\n', "nah.csv:2: unexpected end of data"),
        ("", "nah.csv:1: the columns must be"),
        (b"id,verdict,reviewer,comment\n0,good,Mar\xeda,\n", "is not UTF-8"),
    ],
)
def test_a_bad_verdict_file_is_one_line_with_its_place(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    path = tmp_path / "nah.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        read_verdicts(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffid,verdict,reviewer,comment\r\nrow-7,Bad,María,\r\n\r\n",
        "id;verdict;reviewer;comment\nrow-7;bad;María;sí, está mal\n",
        "id,verdict,reviewer,comment\nrow-7,bad,María,mal\u2028escrito\n",
        "verdict\treviewer\tid\tcomment\nbad\tMaría\trow-7\t\n",
        '"id","verdict","reviewer","comment"\n"row-7"," bad ","María","="\n',
    ],
)
def test_what_spreadsheets_save_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "nah.csv"
    path.write_bytes(text.encode())
    assert read_verdicts(path) == [Verdict("7", "bad", "María")]


def test_a_file_named_after_no_language_is_an_error(corpus: Corpus, verdicts: Folder) -> None:
    folder = verdicts()
    (folder / "nahuatl.csv").write_text(HEADER, "utf-8")
    with pytest.raises(InputError, match="is named after no language; known are"):
        mixed(corpus("atl"), NONE, folder)


@pytest.mark.parametrize("share", ["", "half", "1.5", "nan"])
def test_a_share_that_is_none_is_an_error(corpus: Corpus, verdicts: Folder, share: str) -> None:
    with pytest.raises(InputError, match="monolingual_share must be from 0 to 1"):
        mixed(corpus("atl"), NONE, verdicts(), share=share)


def test_a_method_without_a_weight_is_an_error(corpus: Corpus, verdicts: Folder) -> None:
    with pytest.raises(InputError, match=r"section 'mix' lacks synthetic_weight\.dream"):
        mixed(corpus("atl"), made("a", origin="dream"), verdicts())


@pytest.mark.parametrize(
    "change",
    [
        {"human_weight": 0.0},
        {"synthetic_weight": {"respell": -1.0}},
        {"most_bad": 2.0},
        {"most_synthetic": 1.0},
    ],
)
def test_settings_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Mix(**{**vars(PARAMS), **change})


def test_a_large_document_weighs_less_and_no_row_goes(corpus: Corpus, verdicts: Folder) -> None:
    scripture = corpus(*["in teotl"] * 8)
    tales = [
        corpus(text, id=name, document="tales")
        for name, text in (("t1", "in coyotl"), ("t2", "in tochtl"))
    ]
    train = pa.concat_tables([scripture, *tales])
    limited = Mix(**{**vars(PARAMS), "most_share": MostShare(0.5, None, None)})
    rows, dropped, report = mixed(train, made("a"), verdicts(), limited)
    assert not dropped
    assert len(rows) == 11
    weights = dict(zip(rows["id"].to_pylist(), rows["weight"].to_pylist(), strict=True))
    assert weights["t1"] == 3.0
    assert weights["0"] == pytest.approx(3 * 18 / 64)  # 64 characters weigh as 18
    assert weights["a"] == pytest.approx(18 / 64)  # made from row 0
    found = report["languages"]["nah"]["concentration"]["document"]
    assert found["text"]["largest"]["test: book"] == pytest.approx(64 / 82)
    assert found["weight"]["largest"]["test: book"] == pytest.approx(0.5)
    assert found["weight"]["effective"] == pytest.approx(2)
    free = mixed(train, made("a"), verdicts())[0]
    assert set(free["weight"].to_pylist()) == {1.0, 3.0}  # null: human rows are left alone


def test_domains_come_from_the_sources(corpus: Corpus) -> None:
    facts = {"origin": "test", "document": "book", "domain": "scripture", "rows": 1}
    known = pa.Table.from_pylist([facts], schema=GATHERED)
    rows = [*corpus("atl").to_pylist(), *corpus("tetl", document="x", id="1").to_pylist()]
    assert [unit["domain"] for unit in units(rows, known).values()] == ["scripture", "not known"]


@given(
    st.dictionaries(st.text(max_size=3), st.integers(1, 10**6), min_size=1, max_size=12),
    st.floats(0.05, 1),
)
def test_no_share_is_over_the_limit_and_none_under_it_is_touched(
    sizes: dict[str, int], most: float
) -> None:
    by = factors(sizes, most)
    made = {name: size * by[name] for name, size in sizes.items()}
    limit = max(most, 1 / len(sizes)) * sum(made.values())
    assert all(size <= limit * (1 + 1e-9) for size in made.values())
    assert all(0 < factor <= 1 for factor in by.values())
    assert concentration(made)["effective"] >= concentration(sizes)["effective"] * (1 - 1e-9)
    assert len(levelled([], {}, MostShare(most, most, most), EVEN)) == 0


@given(
    st.dictionaries(st.text(max_size=3), st.integers(1, 10**6), min_size=1, max_size=12),
    st.floats(1, 100),
)
def test_temperature_evens_out_and_keeps_the_whole(
    sizes: dict[str, int], temperature: float
) -> None:
    by = warmed(sizes, temperature)
    made = {name: size * by[name] for name, size in sizes.items()}
    assert sum(made.values()) == pytest.approx(sum(sizes.values()))
    some = [(a, b) for a in sizes for b in sizes]
    for a, b in some:  # the ratio of any two is the root of what it was
        assert made[a] / made[b] == pytest.approx((sizes[a] / sizes[b]) ** (1 / temperature))
    assert warmed({}, temperature) == {}


def test_a_small_variety_is_seen_more_often_and_limits_hold_after(
    corpus: Corpus, verdicts: Folder
) -> None:
    large = corpus(*["in teotl"] * 9)
    small = corpus("in coyotl", language="nah_Latn", id="s", document="tales")
    known = {"nah": Language("Nahuatl", ("nci", "nah"), "Latn", "spa_Latn", (), "nah")}
    train = pa.concat_tables([large, small])

    def weights(**change: object) -> dict[str, float]:
        params = Mix(**{**vars(PARAMS), **change})
        out = mix(train, made("a"), DOCUMENTS, NOWHERE, verdicts(), "0", params, ("nah",), known)
        rows = out.tables["nah/rows"]
        assert len(rows) == 11
        return dict(zip(rows["id"].to_pylist(), rows["weight"].to_pylist(), strict=True))

    assert weights()["s"] == 3
    warm = weights(temperature=Temperature(2.0, 1.0, 1.0))
    assert warm == pytest.approx(weights(temperature=Temperature(1.0, 1.0, 2.0)))  # a book each
    assert 9 * warm["s"] / (72 * warm["0"]) == pytest.approx((9 / 72) ** 0.5)
    assert 9 * warm["s"] + 72 * warm["0"] == pytest.approx(3 * 81)  # as heavy as before
    assert warm["a"] == pytest.approx(warm["0"] / 3)  # made from row 0
    both = weights(temperature=Temperature(2.0, 1.0, 1.0), most_share=MostShare(0.5, None, None))
    assert 72 * both["0"] == pytest.approx(9 * both["s"])  # the document has no more than half


def test_a_method_without_a_weight_of_its_own_is_left_out(corpus: Corpus, verdicts: Folder) -> None:
    rows, dropped, report = mixed(corpus("atl"), made("a", origin="swap"), verdicts())
    assert rows["id"].to_pylist() == ["0"]
    assert dropped == {"a": "method is not mixed in"}
    assert report["not_mixed_in"] == ["swap"]


@pytest.mark.parametrize(("most", "rows"), [(0.0, 0), (0.2, 1), (0.5, 4), (0.6, 6), (0.9, 9)])
def test_machines_made_no_more_than_their_share(
    corpus: Corpus, verdicts: Folder, most: float, rows: int
) -> None:
    some = Mix(**{**vars(PARAMS), "most_synthetic": most})
    names = [f"a{n}" for n in range(9)]
    table, dropped, report = mixed(corpus(*["atl"] * 4), made(*names), verdicts(), some)
    assert sum(table["synthetic"].to_pylist()) == rows
    assert len(dropped) == 9 - rows
    assert set(dropped.values()) <= {"over the share of synthetic rows"}
    assert report["languages"]["nah"]["synthetic_share"] == pytest.approx(rows / (4 + rows))
    again = mixed(corpus(*["atl"] * 4), made(*names[::-1]), verdicts(), some)
    assert again[0].equals(table)


def test_an_order_is_a_column_and_null_by_default(corpus: Corpus, verdicts: Folder) -> None:
    train = corpus("in atl in tepetl", "atl", "ሰላም ነው ዛሬ")
    assert set(mixed(train, made("a"), verdicts())[0]["order"].to_pylist()) == {None}
    for order, first in (("length", "1"), ("rarity", "1"), ("synthetic_first", "a")):
        some = Mix(**{**vars(PARAMS), "order": order})
        rows = mixed(train, made("a"), verdicts(), some)[0].sort_by("order")
        assert rows["id"][0].as_py() == first
        assert rows["order"].null_count == 0


@pytest.mark.parametrize("order", ORDERS)
def test_orders_of_any_text(order: Any) -> None:
    rows = [
        {"target": target, "synthetic": made}
        for target, made in (("in atl", False), ("", False), ("ខ្ញុំ", True), ("nagaa dha", True))
    ]
    values = [row["order"] for row in ordered(rows, order)]
    assert all(isinstance(value, float) for value in values)
    assert ordered([], order) == []


def test_rare_words_are_rarer() -> None:
    rows = [{"target": t, "synthetic": False} for t in ("in atl", "in in", "in tepetl", "in atl")]
    rare = {row["target"]: row["order"] for row in ordered(rows, "rarity")}
    assert rare["in in"] < rare["in atl"] < rare["in tepetl"]


def test_majority_leaves_a_tie_unsure() -> None:
    said = [Verdict("1", "good", "a"), Verdict("1", "bad", "b"), Verdict("2", "", "a")]
    assert majority(said) == {"1": "unsure"}


def test_agreement_is_krippendorffs_alpha() -> None:
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example A: two observers,
    # ten binary units, alpha 0.095
    one, two = "0100000000", "1110010010"
    label = {"0": "good", "1": "bad"}
    said = [
        Verdict(str(unit), label[value], reviewer)
        for reviewer, values in (("ana", one), ("eva", two))
        for unit, value in enumerate(values)
    ]
    found = agreement([*said, Verdict("alone", "bad", "ana")])
    assert found["alpha"] == pytest.approx(0.095, abs=0.0005)
    assert found["rows"] == 10
    assert agreement([]) == {"alpha": None, "rows": 0}


def test_wilson_interval() -> None:
    figures = bad_share(["bad"] * 1 + ["good"] * 9 + ["unsure"], 0.95)
    assert (figures["judged"], figures["unsure"]) == (10, 1)
    assert figures["low"] == pytest.approx(0.0179, abs=1e-4)
    assert figures["high"] == pytest.approx(0.4042, abs=1e-4)
    assert bad_share([], 0.95)["bad_share"] is None
