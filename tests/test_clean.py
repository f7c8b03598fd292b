"""Laws and cases of the repairs."""

import json
import lzma
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import regex
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from corpus.clean import RULES, Clean, clean, repaired
from corpus.settings import section
from corpus.table import SCHEMA, InputError, conserve, write

CASES = [
    [json.loads(f'"{cell}"') for cell in line.split("\t")]
    for line in Path(__file__)
    .with_name("cases")
    .joinpath("clean.tsv")
    .read_text("utf-8")
    .splitlines()
    if not line.startswith("#")
]
PARAMS = Clean(rules={"default": tuple(RULES)}, most_unreadable=0.5)
# repairs that take no letter away and add none; the rest is what a test case shows
LETTERS_STAY = {
    "byte-order marks",
    "control characters",
    "soft hyphens",
    "supplied letters",
    "composition",
    "white space",
}
Corpus = Callable[..., pa.Table]


def letters(text: str) -> str:
    """The letters and marks of a text, decomposed."""
    return "".join(regex.findall(r"[\p{L}\p{M}]", unicodedata.normalize("NFD", text)))


@pytest.mark.parametrize(("language", "text", "expected", "kinds", "where"), CASES)
def test_a_repair(language: str, text: str, expected: str, kinds: str, where: str) -> None:
    assert repaired(text, RULES) == (expected, kinds.split("; ") if kinds else []), (
        language,
        where,
    )


@pytest.mark.parametrize("text", [case[2] for case in CASES])
def test_a_repaired_text_is_left_alone(text: str) -> None:
    assert repaired(text, RULES) == (text, [])


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_orthography_is_untouched(text: str) -> None:
    mended, kinds = repaired(text, RULES)
    if set(kinds) <= LETTERS_STAY:
        assert letters(mended) == letters(text)


@given(st.text(alphabet="'ʼ’‘ꞌ`´ā̄̀ãṵ \u200b\u200c\u200dកតﷺＡﬁ³⁴ʔḥɨ"))
def test_signs_of_writing_stay(text: str) -> None:
    mended, kinds = repaired(text, RULES)
    assume("wrong encoding" not in kinds)  # ã‘³ is what 㑳 is, misread
    expected = regex.sub(r" +", " ", unicodedata.normalize("NFC", text)).strip(" ")
    assert mended == expected


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_a_case(name: str) -> None:
    assert any(name in case[3].split("; ") for case in CASES)


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("\ufeff\t", "ahmo", "source empty"),
        ("no", "\u200b \u00ad", "target empty"),
        ("no", "\ufffd\ufffd\ufffda", "target unreadable"),
        ("no", "\ufffdhmo", None),  # one lost letter does not hide the rest
        ("no", None, None),
        (None, "ahmo", None),
        (None, None, None),
        ("|| 12", "ahmo", "source empty"),
    ],
)
def test_what_cannot_be_read_is_dropped_with_its_reason(
    corpus: Corpus, source: str | None, target: str | None, reason: str | None
) -> None:
    rows = corpus(target, sources=(source,))
    made = clean(rows, PARAMS).tables
    assert made["ledger"]["reason"].to_pylist() == [reason]
    assert len(made["rows"]) == (reason is None)
    assert made["rows"].schema == SCHEMA


@pytest.mark.parametrize("targets", [(), ("Auh",), (None,), ("", "a", None, "\u0094", "ក\u200bខ")])
def test_no_row_is_lost_and_ids_stay(corpus: Corpus, targets: tuple[str | None, ...]) -> None:
    rows = corpus(*targets)
    made = clean(rows, PARAMS).tables
    conserve("clean", rows["id"], made["ledger"], made["rows"]["id"])
    assert made["rows"].schema == SCHEMA
    assert clean(rows, PARAMS) == clean(rows, PARAMS)


def test_repairs_are_counted_by_kind_and_language(corpus: Corpus) -> None:
    rows = corpus("auh || 12 yn", "in", sources=("y\tno", "y  sí"))
    assert clean(rows, PARAMS).report == {
        "repaired_texts": {"page marks": {"nci_Latn": 1}, "white space": {"nci_Latn": 3}}
    }


def test_only_the_rules_of_the_settings_apply(corpus: Corpus) -> None:
    only = Clean(rules={"default": ("white space",)}, most_unreadable=1.0)
    rows = clean(corpus("d[on]  \u0094", "\ufffd"), only).tables["rows"]
    assert rows["target"].to_pylist() == ["d[on] \u0094", "\ufffd"]


def test_the_signs_of_an_edition_are_taken_from_its_origin_alone(corpus: Corpus) -> None:
    params = Clean(rules={"default": ("white space",), "book": ("sic",)}, most_unreadable=1.0)
    rows = corpus("Tomas  [sic]").to_pylist()
    rows = [
        row | {"id": f"{n}", "origin": o} for n, o in enumerate(("book", "web")) for row in rows
    ]
    made = clean(pa.Table.from_pylist(rows, schema=SCHEMA), params)
    assert made.tables["rows"]["target"].to_pylist() == ["Tomas", "Tomas [sic]"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rules": {"default": ["nfkc"]}, "most_unreadable": 0.5}, "rules.default names ['nfkc']"),
        ({"rules": {"default": [], "a": ["x"]}, "most_unreadable": 0.5}, "rules.a names ['x']"),
        ({"rules": {"a": []}, "most_unreadable": 0.5}, "rules needs the key 'default', it has"),
        ({"rules": {"default": []}, "most_unreadable": 2}, "must be in 0..1, got 2"),
        ({"rules": {"default": []}}, "lacks ['most_unreadable']"),
        ({"rules": ["sic"], "most_unreadable": 0.5}, "rules: Input should be an object"),
    ],
)
def test_settings_at_fault_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        section(Clean, "clean", {"clean": settings})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_stage_runs_and_names_a_cut_shard(corpus: Corpus, tmp_path: Path) -> None:
    nahuatl = {"name": "Nahuatl", "varieties": ["nci"], "script": "Latn", "pivot": "spa_Latn"}
    tree = {
        "active": ["nah"],
        "languages": {"nah": {**nahuatl, "neighbours": [], "orthography": "nah"}},
        "shards": {"most_bytes": 10**8, "workers": 1, "runner": "pool", "most_retries": 0},
        "clean": {"rules": {"default": ["white space"]}, "most_unreadable": 0.5},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    write(corpus("Auh  yn"), tmp_path / "rows", 10**8)
    assert run_clean(tmp_path).returncode == 0
    report = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert (report["entered"], report["kept"], report["dropped"]) == (1, 1, 0)
    shard = tmp_path / "rows" / "00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-9])
    cut = run_clean(tmp_path)
    assert (cut.returncode, cut.stderr.count("\n")) == (1, 1)
    assert cut.stderr.startswith("clean: rows cannot be read (00000.parquet: ")


def run_clean(folder: Path) -> subprocess.CompletedProcess[str]:
    """The stage as a program, in a project of its own."""
    command = [sys.executable, "-m", "corpus.clean", "rows=rows", "out=data/clean", "report=r.json"]
    env = {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(command, cwd=folder, env=env, text=True, capture_output=True, check=False)


@pytest.mark.slow
def test_no_letter_of_hundreds_of_languages_is_touched() -> None:
    path = Path(__file__).parents[1] / "data" / "raw" / "udhr.jsonl.xz"
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            mended, kinds = repaired(row["text"], RULES)
            assert letters(mended) == letters(row["text"]), row
            assert set(kinds) <= {"composition", "undecoded bytes"}, row
