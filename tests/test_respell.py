"""Laws and cases of respelling."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from augment.respell import Respell, respell, writers_of, written
from corpus.orthography import matching_key
from corpus.settings import Language, section
from corpus.table import SYNTHETIC, InputError, canonical

CASES = [
    line.split("\t")
    for line in Path(__file__)
    .with_name("cases")
    .joinpath("respell.tsv")
    .read_text("utf-8")
    .splitlines()
    if not line.startswith("#")
]
ALL = Respell(share={"default": 1.0}, least_changed=0.3)
LISTS = Path("no lists")
KEY = matching_key("nah")
NAHUATL = (
    "Auh ynic amo hueca quitztica yn Aztlan",
    "Uajkino ya tonilitiya uan kinejki kimachilis.",
    "kimaka nečtla'ilihta kimaka ničpokaton",
    "Tlahco xonacatl in ahmo huehyi",
    "pueblo de Santiago",  # foreign words only
    None,
    "ក\u200bខ",
    "1478",
)
Corpus = Callable[..., pa.Table]


def languages(orthography: str | None) -> dict[str, Language]:
    """Nahuatl and a neighbour that is not built."""
    made = {}
    for key, code in (("nah", "nci"), ("oto", "ote")):
        made[key] = Language(key, (code,), "Latn", "spa_Latn", (), orthography)
    return made


def told(train: pa.Table, orthography: str | None = None) -> pa.Table:
    """What `spelling` says of rows that are all in one orthography, or that tell nothing."""
    return pa.table(
        {"id": train["id"], "orthography": pa.array([orthography] * len(train), pa.string())}
    )


def rows_of(train: pa.Table, params: Respell = ALL, orthography: str | None = "nah") -> pa.Table:
    """The rows that respell makes of a training split of Nahuatl."""
    made = respell(train, told(train), "0", LISTS, params, ("nah",), languages(orthography))
    return made.tables["rows"]


@pytest.mark.parametrize(("orthography", "spelling", "text", "expected", "where"), CASES)
def test_a_text_in_another_spelling(
    orthography: str, spelling: str, text: str, expected: str, where: str
) -> None:
    made, changed = written(text, writers_of(orthography)[spelling])
    assert made == expected, where
    assert (changed > 0) == (made != text)


@pytest.mark.parametrize(("orthography", "text"), sorted({(case[0], case[2]) for case in CASES}))
def test_the_key_stays_and_a_second_writing_changes_nothing(orthography: str, text: str) -> None:
    key = matching_key(orthography)
    for write in writers_of(orthography).values():
        made, _ = written(text, write)
        assert key(made) == key(text)
        assert written(made, write)[0] == made


@pytest.mark.parametrize("own", ["ack", "sep", "inali"])
def test_a_row_is_never_written_in_its_own_orthography(corpus: Corpus, own: str) -> None:
    train = corpus(*(f"quichihua yn {number} tlacatl" for number in range(20)))
    output = respell(train, told(train, own), "0", LISTS, ALL, ("nah",), languages("nah"))
    tried = output.report["tried_by_spelling"]["nah"]
    assert own not in tried
    assert sum(tried.values()) == 20


def test_rows_name_their_parent_method_and_rules(corpus: Corpus) -> None:
    train = corpus(*NAHUATL, sources=tuple("abcdefgh"))
    made = rows_of(train)
    parents = {row["id"]: row for row in train.to_pylist()}
    assert made.schema == SYNTHETIC
    assert sorted(made["parent"].to_pylist()) == ["0", "1", "2", "3"]
    assert len(set(made["id"].to_pylist()) | set(parents)) == len(made) + len(parents)
    for row in made.to_pylist():
        parent = parents[row["parent"]]
        assert row["source"] == parent["source"]
        assert row["target"] != parent["target"]
        assert KEY(row["target"]) == KEY(parent["target"])
        assert row["origin"] == "respell"
        assert row["engine"].startswith("respell@")
        assert row["language"] == parent["language"]


def test_a_source_that_is_held_back_stays_hidden(corpus: Corpus) -> None:
    train = corpus(*NAHUATL, sources=tuple("abcdefgh"))
    held = respell(train, told(train), "1", LISTS, ALL, ("nah",), languages("nah")).tables["rows"]
    assert len(held) == 4
    assert held["source"].null_count == 4


def test_the_id_changes_with_the_text(corpus: Corpus) -> None:
    ids = [
        rows_of(corpus(text, id="0"))["id"].to_pylist()
        for text in ("quichihua yn tlacatl", "quichihua yn cihuatl")
    ]
    assert ids[0] != ids[1]


def test_a_name_that_stands_on_both_sides_stays(corpus: Corpus) -> None:
    train = corpus("yn iquac Ana Xoco quichihuaz", sources=("cuando ANA Xoco, lo hará",))
    (made,) = rows_of(train)["target"].to_pylist()
    assert "Ana Xoco" in made


def test_a_protected_expression_keeps_its_spelling(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "nah.tsv").write_text("expression\tnote\nquetzalli chalchihuitl\t\n", "utf-8")
    train = corpus("Quichihua in Quetzalli  chalchihuitl quitta.", "quichihua quetzalli")
    made = respell(train, told(train), "0", tmp_path, ALL, ("nah",), languages("nah"))
    texts = {row["parent"]: row["target"] for row in made.tables["rows"].to_pylist()}
    assert "in Quetzalli  chalchihuitl " in texts["0"]
    assert "uichihua" not in texts["0"]
    assert "quetzalli" not in texts["1"]  # alone it is a word like others
    kept = {"quetzalli chalchihuitl": {"kept": 1, "left_out": 0}}
    assert made.report["protected"] == {"nah": kept}


def test_order_does_not_matter_and_the_same_call_gives_the_same_rows(corpus: Corpus) -> None:
    train = corpus(*NAHUATL)
    turned = train.take(list(range(len(train)))[::-1])
    assert rows_of(turned) == rows_of(train) == canonical(rows_of(train))


@pytest.mark.parametrize("targets", [(), (None,), ("Auh",)])
def test_small_tables(corpus: Corpus, targets: tuple[str | None, ...]) -> None:
    made = rows_of(corpus(*targets))
    assert made.schema == SYNTHETIC
    assert len(made) <= len(targets)


def test_off_without_rules_or_share_or_activity(corpus: Corpus) -> None:
    train = corpus(*NAHUATL)
    assert len(rows_of(train, orthography=None)) == 0
    assert len(rows_of(train, Respell(share={"default": 1.0, "nah": 0.0}, least_changed=0.3))) == 0
    assert len(rows_of(corpus(*NAHUATL, language="ote_Latn"))) == 0
    assert len(rows_of(corpus(*NAHUATL, language=None))) == 0


def test_a_larger_share_keeps_the_rows_of_a_smaller_one(corpus: Corpus) -> None:
    train = corpus(*(f"quichihua yn {number}" for number in range(200)))
    made = [
        set(rows_of(train, Respell(share={"default": share}, least_changed=0.3))["id"].to_pylist())
        for share in (0.2, 0.5)
    ]
    assert made[0] < made[1]
    assert 60 < len(made[1]) < 140


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": {"nah": 0.1}, "least_changed": 0.1}, "share lacks 'default'; it names ['nah']"),
        ({"share": {"default": 1.5}, "least_changed": 0.1}, "must be in 0..1, got 1.5"),
        ({"share": {"default": 0.1}, "least": 0.1}, "lacks ['least_changed'] and"),
    ],
)
def test_settings_at_fault_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match="section 'respell'") as error:
        section(Respell, "respell", {"respell": settings})
    assert message.split(" and")[0] in str(error.value)
    assert "\n" not in str(error.value)
