"""Noise falls as its rules say, by each row's own chance; digits and protected spans stay."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from augment.edits import Learned, by_learning, by_rules, changed, learn, load, neighbours
from augment.edits import Rules as RuleFile
from augment.noise import Noise, near_pairs, noise, noised
from augment.protected import lost, protected
from corpus.settings import Language
from corpus.table import SYNTHETIC, InputError, canonical, write

RULES = Path(__file__).parent.parent / "augment/noise"
KINDS = sorted(path.stem for path in RULES.glob("*.yaml"))
KNOWN = {
    "nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah"),
    "orm": Language("Oromo", ("orm",), "Latn", "spa_Latn", (), None),
}
ALL = Noise(100, "target", {"default": {"no_diacritics": 1.0}}, 2, 2)
NONE = protected(())
Corpus = Callable[..., pa.Table]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [  # at rate 1 each place changes, to one of what its rule has
        ("no_diacritics", "Kuālli tlāltikpak, 1521", {"Kualli tlaltikpak, 1521"}),
        ("no_diacritics", "ñuu ꞌɨ̱", {"nuu ꞌɨ"}),  # Mixtec; U+0331 has no composed letter
        ("no_diacritics", "barreessuu", {"barreessuu"}),  # Oromo
        ("no_diacritics", "ភាសាខ្មែរ", {"ភាសាខ្មែរ"}),  # Khmer vowels are letters
        ("no_diacritics", "Tiếng Việt", {"Tieng Viet"}),
        ("khmer_breaks", "ភាសា\u200bខ្មែរ", {"ភាសាខ្មែរ"}),
        ("ethiopic_homophones", "ጸሎት", {"ፀሎት"}),
        ("ethiopic_homophones", "ሀገር", {"ሐገር", "ኀገር"}),
        ("scan_ethiopic", "ነገ", {"ኘገ"}),
        ("scan_latin", "rna", {"ma"}),
        ("apostrophes", "ma'a", {"ma’a", "ma´a", "maʼa", "maa"}),  # Oromo's hudhaa
        ("qwerty", "q1", {"w1", "a1"}),
        ("qwerty", "Q", {"W", "A"}),
        ("qwerty_spanish", "ñ", {"l", "p"}),
    ],
)
def test_what_a_kind_makes(kind: str, text: str, expected: set[str]) -> None:
    changes = load(RULES, kind, 1.0).changes
    made = {changed(text, changes, {}, Random(seed)) for seed in range(200)}
    assert made <= expected
    assert len(made) >= min(2, len(expected))


@given(
    st.text(alphabet="aeinrl'ꞌā ñ01ጸሀកា\u200b", max_size=30), st.sampled_from(KINDS), st.integers()
)
def test_digits_and_protected_spans_stay(text: str, kind: str, seed: int) -> None:
    changes = load(RULES, kind, 1.0).changes
    known = protected(["in rna", "ጸሀ", "ānna"])
    text = f"{text} in rna {text} ጸሀ ānna"
    made = changed(text, changes, dict(known.spans(text)), Random(seed))
    assert lost(text, made, known) == []
    digits = [letter for letter in made if letter.isdigit()]
    if kind != "scan_latin":  # it reads letters as digits, too
        assert digits == [letter for letter in text if letter.isdigit()]
    assert changed(text, changes, {0: len(text)}, Random(seed)) == text


def test_a_rate_is_the_share_of_places_that_change() -> None:
    text = "ā" * 20_000
    made = changed(text, load(RULES, "no_diacritics", 0.3).changes, {}, Random(1))
    assert 0.28 < made.count("a") / len(text) < 0.32


PAIRS = [
    ("calli in cuahuitl", "kalli in kuawitl"),
    ("icalli cactli", "icalli kactli"),
    ("cualli", "kualli"),
    ("Camatl 12", "kamatl 13"),
    ("ictli octli", "ijtli ojtli"),
    ("in XVIII xihuitl, XIII acatl", "in XVII xihuitl, XII acatl"),  # numerals are no spelling
]


def test_changes_are_learned_from_near_duplicates_with_context_and_rate() -> None:
    learned = learn(PAIRS, 2, 2)
    found = {change[:4]: change.rate for change in learned}
    assert found[" ", "c", "a", "k"] == pytest.approx(3 / 3)  # calli, cactli, camatl
    assert found[" ", "k", "a", "c"] == 1.0
    assert found[" ", "c", "u", "k"] == pytest.approx(2 / 2)
    assert not any({"1", "i"} & {*change.old, *change.new} for change in learned)
    assert learn(PAIRS[::-1], 2, 2) == learned
    assert found[" ", "c", "", "k"] == pytest.approx(5 / 5)
    assert ("", "c", "", "k") not in found  # at the edge of words only
    assert found["", "c", "t", "j"] == pytest.approx(2 / 4)  # kactli twice, ictli, octli
    assert learn(PAIRS, 9, 2) == []
    assert learn([], 1, 2) == []


def test_a_rate_counts_the_places_that_did_not_change() -> None:
    pairs = [("calli", "kalli"), ("cactli", "kactli"), ("camatl xochitl", "camatl xuchitl")]
    rates = {change[:4]: change.rate for change in learn(pairs, 2, 2)}
    assert rates[" ", "c", "a", "k"] == pytest.approx(2 / 4)  # camatl stands twice
    assert rates[" ", "c", "", "k"] == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        (Learned(" ", "c", "a", "k", 1.0), "Calli, (cactli) icalli", "Kalli, (kactli) icalli"),
        (Learned("a", "", "h", "'", 1.0), "tlahtoa", "tla'htoa"),
        (Learned("i", "", " ", "h", 1.0), "nemi, nemi. in", "nemih, nemih. in"),
        (Learned("a", "h", "t", "", 1.0), "tlahtoa", "tlatoa"),
        (Learned("", "c", "", "k", 1.0), "icalli cactli", "ikalli kaktli"),
        (Learned("ሰ", "ላ", "ም", "ለ", 1.0), "ሰላም", "ሰለም"),
        (Learned("a", "a", " ", "", 1.0), "barataa mana", "barata mana"),  # Oromo
    ],
)
def test_a_learned_change_falls_in_its_context_alone(
    change: Learned, text: str, expected: str
) -> None:
    assert changed(text, by_learning([change], 1.0).changes, {}, Random(0)) == expected


def test_of_one_change_the_narrowest_context_counts() -> None:
    learned = [Learned("", "c", "", "k", 1.0), Learned(" ", "c", "a", "k", 0.0)]
    for some in (learned, learned[::-1]):
        assert changed("calli cuahuitl", by_learning(some, 1.0).changes, {}, Random(0)) == (
            "calli kuahuitl"
        )


def test_keys_have_neighbours_in_their_row_and_the_next() -> None:
    near = neighbours(["qwe", "asd"])
    assert {key: set(keys) for key, keys in near.items()}["w"] == set("qeas")
    assert all(key in near[other] for key, keys in near.items() for other in keys)


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., object]:
    """The stage on a training split, with the tables of a corpus that has near-duplicates."""

    def build(train: pa.Table, params: Noise = ALL, share: str = "0", taught: int = 0) -> object:
        texts = [text for pair in PAIRS for text in pair]
        rows = train.to_pylist()[:1] * (len(texts) if len(train) else 0)
        more = (
            [
                row | {"id": f"d{n}", "target": text}
                for n, (row, text) in enumerate(zip(rows, texts, strict=True))
            ]
            if rows
            else []
        )
        ids = [*train["id"].to_pylist(), *(row["id"] for row in more)]
        centre = [*train["id"].to_pylist(), *(f"d{n - n % 2}" for n in range(len(more)))]
        mine = more[::2][:taught]  # centres that are training rows too
        write(
            pa.Table.from_pylist(train.to_pylist() + more, train.schema), tmp_path / "clean", 10**6
        )
        write(pa.table({"id": ids, "cluster": centre}), tmp_path / "clusters", 10**6)
        lists = tmp_path / "lists"
        return noise(
            pa.concat_tables([train, pa.Table.from_pylist(mine, train.schema)]),
            tmp_path / "clean",
            tmp_path / "clusters",
            RULES,
            lists,
            share,
            params,
            ("nah", "orm"),
            KNOWN,
        )

    return build


def test_rows_name_their_parent_and_kind_and_unchanged_ones_are_counted(
    corpus: Corpus, stage: Callable[..., pa.Table]
) -> None:
    train = corpus("kuālli", "kualli", "ñuu", None, sources=("bueno",) * 4)
    output = stage(train)
    rows = output.tables["rows"]
    assert rows.schema == SYNTHETIC
    assert rows == canonical(rows)
    assert {row["parent"]: row["target"] for row in rows.to_pylist()} == {"0": "kualli", "2": "nuu"}
    assert set(rows["source"].to_pylist()) == {"bueno"}
    assert all(name.startswith("no_diacritics@") for name in rows["engine"].to_pylist())
    figures = output.report["languages"]["nah"]
    assert (figures["tried"], figures["unchanged"]) == (3, 1)
    assert stage(train.take([3, 1, 2, 0])).tables["rows"] == rows
    assert stage(train.slice(0, 1)).tables["rows"].to_pylist() == [
        row for row in rows.to_pylist() if row["parent"] == "0"
    ]
    assert stage(train, share="1").tables["rows"]["source"].null_count == 2


def test_near_duplicates_of_training_rows_teach_and_others_do_not(
    corpus: Corpus, stage: Callable[..., pa.Table]
) -> None:
    params = Noise(100, "target", {"default": {"learned": 1.0}}, 2, 2)
    train = corpus("calpolli cactli cuauhtli", "atl")
    rows = stage(train, params, taught=99).tables["rows"].to_pylist()
    (row,) = (row for row in rows if row["parent"] == "0")
    assert "k" in row["target"]
    assert len(stage(train, params).tables["rows"]) == 0


def test_a_hidden_target_teaches_nothing(tmp_path: Path, corpus: Corpus) -> None:
    cleaned = corpus("in calli", "in kalli", language="nci_Latn")
    write(cleaned, tmp_path / "clean", 10**6)
    write(pa.table({"id": ["0", "1"], "cluster": ["0", "0"]}), tmp_path / "clusters", 10**6)
    shown, hidden = cleaned.slice(0, 1), corpus(None, sources=("la casa",))
    found = [
        near_pairs(some, tmp_path / "clean", tmp_path / "clusters", KNOWN)["nah"]
        for some in (shown, hidden)
    ]
    assert found == [[("in kalli", "in calli")], []]


def test_sources_can_have_the_noise(corpus: Corpus, stage: Callable[..., pa.Table]) -> None:
    params = Noise(100, "source", {"default": {"no_diacritics": 1.0}}, 2, 2)
    made = stage(corpus("ātl", "ātl", sources=("árbol", None)), params).tables["rows"]
    assert [(row["source"], row["target"]) for row in made.to_pylist()] == [("arbol", "ātl")]
    assert len(stage(corpus("ātl", sources=("árbol",)), params, share="1").tables["rows"]) == 0


@pytest.mark.parametrize("targets", [(), (None,), ("1521",), ("ខ្មែរ",)])
def test_small_tables(
    corpus: Corpus, stage: Callable[..., pa.Table], targets: tuple[str | None, ...]
) -> None:
    assert len(stage(corpus(*targets)).tables["rows"]) == 0


def test_off_nothing_is_read(corpus: Corpus) -> None:
    gone = Path("nowhere")
    off = Noise(0, "target", {"default": {"learned": 1.0}}, 2, 2)
    made = noise(corpus("ātl"), gone, gone, gone, gone, "0", off, ("nah",), KNOWN)
    assert len(made.tables["rows"]) == 0


def test_a_row_has_one_kind_of_noise(corpus: Corpus) -> None:
    rows = corpus(*(f"ānrnā'ā {n}" for n in range(50))).to_pylist()
    kinds = [load(RULES, name, 1.0) for name in ("no_diacritics", "apostrophes")]
    for row in noised(rows, kinds, "target", NONE):
        accents = "ā" in row["target"]
        assert accents == row["engine"].startswith("apostrophes")
        assert accents != ("'" in row["target"])


@pytest.mark.parametrize(
    ("text", "message"),
    [("marks: [", "is no YAML"), ("marks: true\nedits: {}\n", "lacks"), ("- a", "should be")],
)
def test_a_rule_file_at_fault_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"bad\.yaml") as error:
        load(tmp_path, "bad", 0.5)
    assert message in str(error.value)
    with pytest.raises(InputError, match=r"has \['bad'\], and 'learned'"):
        load(tmp_path, "typo", 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_this_project_are_sound(kind: str) -> None:
    assert load(RULES, kind, 0.5).name.startswith(f"{kind}@")


def test_a_rule_file_without_rules_changes_nothing() -> None:
    nothing = by_rules(RuleFile(marks=False, edits={}, keys=()), 1.0)
    assert changed("ātl ውሃ", nothing, {}, Random(0)) == "ātl ውሃ"


@pytest.mark.parametrize(
    "change",
    [{"most_rows": -1}, {"rules": {}}, {"rules": {"default": {"qwerty": 0.0}}}, {"side": "both"}],
)
def test_settings_out_of_range_are_errors(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Noise(**{**vars(ALL), **change})
