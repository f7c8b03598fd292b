"""Dictionaries of three formats become the same rows; what is wrong is named with its place."""

import os
from pathlib import Path

import pytest

from corpus.formats import glossary, lift, sfm
from corpus.formats.record import Record
from corpus.gather import Gather, gather
from corpus.settings import Language, section
from corpus.stage import Output
from corpus.table import InputError

LIFT = """<?xml version="1.0" encoding="UTF-8"?>
<lift version="0.13"><header/>
<entry id="1"><lexical-unit><form lang="nhn"><text>calli</text></form></lexical-unit>
 <etymology type="proto"><gloss lang="es"><text>x</text></gloss></etymology>
 <sense><gloss lang="es"><text>casa</text></gloss><gloss lang="en"><text>house</text></gloss>
  <gloss lang="es"><text>hogar</text></gloss>
  <example><form lang="nhn"><text>In <span class="b">calli</span> huei.</text></form>
   <translation><form lang="en"><text>The house is big.</text></form>
    <form lang="es"><text>La casa es grande.</text></form></translation></example>
  <subsense><gloss lang="es"><text>familia</text></gloss></subsense></sense></entry>
<entry id="2"><lexical-unit><form lang="nhn"><text>atl</text></form></lexical-unit>
 <sense><gloss lang="en"><text>water</text></gloss>
  <example><form lang="nhn"><text>Nicnequi atl.</text></form></example></sense></entry>
</lift>
"""
SFM = """\\_sh v3.0  400  MDF 4.0
\\_DateStampHasFourDigitYear

\\lx calli
\\ps n
\\sn 1
\\gn casa ; hogar
\\ge house
\\xv In calli
huei.
\\xe The house is big.
\\xn La casa es
grande.
\\sn 2
\\gn familia
\\dt 25/Nov/2026

\\lx atl
\\ge water
\\xv Nicnequi atl.
"""
TSV = (
    "headword\tgloss\texample\ttranslation\n"
    "calli\tcasa\tIn calli huei.\tLa casa es grande.\n"
    "calli\thogar\t\t\n"
    "calli\tfamilia\t\t\n"
    "atl\t\tNicnequi atl.\t\n"
)
FILES = {
    "lift": ("d.lift", LIFT, ("es", "nhn")),
    "sfm": ("d.sfm", SFM, ("gn", "lx")),
    "glossary": ("d.tsv", TSV, ("gloss", "headword")),
}
READ = {"lift": lift.read, "sfm": sfm.read, "glossary": glossary.read}
HEADWORDS = {("casa", "calli"), ("hogar", "calli"), ("familia", "calli"), (None, "atl")}
EXAMPLES = {("La casa es grande.", "In calli huei."), (None, "Nicnequi atl.")}
LANGUAGES = {
    key: Language(key, (key,), script, "spa_Latn", (), None)
    for key, script in (("nhn", "Latn"), ("orm", "Latn"), ("amh", "Ethi"))
}


def records(
    folder: Path,
    kind: str,
    text: str | bytes,
    part: str | None = None,
    columns: tuple[str, ...] = (),
) -> list[Record]:
    """What a reader makes of a text."""
    name, _, usual = FILES[kind]
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(READ[kind](path, (*(columns or usual), None, None, None), part))


def gathered(folder: Path, kind: str, text: str, key: str, **changes: object) -> Output:
    """What gather makes of a dictionary."""
    name, _, (source, target) = FILES[kind]
    (folder / name).write_text(text, "utf-8")
    columns = {"source": source, "target": target, "document": None, "position": None}
    tree = {
        "language": key,
        "path": f"raw/{name}",
        "format": kind,
        "header": False,
        "revision": None,
        "columns": {**columns, "variety": None},
        "segment": None,
        "alone": [],
        "domains": {f"{name} headwords": "dictionary"},
        "varieties": {"": key},
        "source_language": "spa_Latn",
        "licence": "CC0-1.0",
        "redistribute": True,
        "trusted": True,
        **changes,
    }
    whole = {"gather": {"most_characters": 1000, "sources": {"dictionary": tree}}}
    return gather(
        section(Gather, "gather", whole), (key,), LANGUAGES, folder, folder, Path(os.devnull)
    )


@pytest.mark.parametrize("kind", FILES)
def test_one_dictionary_in_three_formats_gives_the_same_pairs(tmp_path: Path, kind: str) -> None:
    text = FILES[kind][1]
    found = records(tmp_path, kind, text)
    assert all(record.fault is None for record in found)
    name = FILES[kind][0]
    for part, expected in (("headwords", HEADWORDS), ("examples", EXAMPLES)):
        mine = [record for record in found if record.values[2] == f"{name} {part}"]
        assert {record.values[:2] for record in mine} == expected
        assert len(mine) == len(expected)
        assert records(tmp_path, kind, text, part) == mine
        places = [record.values[3] for record in mine]
        assert places == sorted(places)


def test_another_gloss_language_gives_its_pairs(tmp_path: Path) -> None:
    for kind, columns in (("lift", ("en", "nhn")), ("sfm", ("ge", "lx"))):
        found = {r.values[:2] for r in records(tmp_path, kind, FILES[kind][1], None, columns)}
        assert ("water", "atl") in found
        assert ("The house is big.", "In calli huei.") in found


@pytest.mark.parametrize(
    ("kind", "key", "text", "expected"),
    [
        ("sfm", "orm", "\\lx mana\n\\gn casa\n\\xv Mana jira.\n\\xn Hay casa.\n", ("casa", "mana")),
        (
            "glossary",
            "amh",
            "headword\tgloss\texample\ttranslation\nቤት\tcasa\tቤት አለ።\tHay casa.\n",
            ("casa", "ቤት"),
        ),
        (
            "sfm",
            "amh",
            "\\lx ቤት\n\\gn casa\n\\se ቤተ ክርስቲያን\n\\gn iglesia\n",
            ("iglesia", "ቤተ ክርስቲያን"),
        ),
        ("lift", "nhn", LIFT, ("casa", "calli")),
    ],
)
def test_rows_of_several_languages_and_scripts(
    tmp_path: Path, kind: str, key: str, text: str, expected: tuple[str, str]
) -> None:
    output = gathered(tmp_path, kind, text, key)
    rows = output.tables["rows"].to_pylist()
    assert expected in {(row["source"], row["target"]) for row in rows}
    assert {row["language"] for row in rows} == {f"{key}_{LANGUAGES[key].script}"}
    domains = {r["document"]: r["domain"] for r in output.tables["documents"].to_pylist()}
    assert domains[f"{FILES[kind][0]} headwords"] == "dictionary"


def test_what_has_no_gloss_or_translation_is_dropped_or_stands_alone(tmp_path: Path) -> None:
    ledger = gathered(tmp_path, "lift", LIFT, "nhn").tables["ledger"].to_pylist()
    assert [row["reason"] for row in ledger if not row["kept"]] == ["empty source"] * 2
    alone = gathered(tmp_path, "lift", LIFT, "nhn", alone=["target"]).tables["rows"]
    assert alone["source"].null_count == 2
    some = gathered(tmp_path, "lift", LIFT, "nhn", segment="examples").tables["rows"]
    assert some["document"].to_pylist() == ["d.lift examples"]
    assert some["position"].to_pylist() == [1]


@pytest.mark.parametrize(
    ("kind", "text", "line", "fault"),
    [
        ("lift", LIFT.replace(">atl<", "> <", 1), 11, "entry without headword"),
        ("sfm", SFM.replace("\\lx atl", "\\lx"), 18, "entry without headword"),
        ("sfm", SFM.replace("\\ps n", "\\xn Hay casa."), 5, "translation without its example"),
        ("glossary", TSV + "mana\n", 6, "wrong number of columns"),
    ],
)
def test_a_fault_has_its_line(tmp_path: Path, kind: str, text: str, line: int, fault: str) -> None:
    assert (line, fault) in [(r.line, r.fault) for r in records(tmp_path, kind, text)]


def test_bytes_that_are_no_text_are_a_fault_of_their_line(tmp_path: Path) -> None:
    for kind, line in (("sfm", 4), ("glossary", 2)):
        text = FILES[kind][1].encode().replace(b"calli", b"c\xe4lli", 1)
        found = [record for record in records(tmp_path, kind, text) if record.fault]
        assert {record.fault for record in found} == {"not UTF-8 text"}
        assert line <= found[0].line <= line + 3


@pytest.mark.parametrize(
    ("kind", "text", "columns", "message"),
    [
        ("lift", LIFT[:-30], (), r"d\.lift is no well-formed XML: .* line 13"),
        ("lift", "<lift/>", (), "holds no entry"),
        (
            "lift",
            LIFT,
            ("fr", "nhn"),
            r"nothing in \['fr'\]; its languages are \['en', 'es', 'nhn'\]",
        ),
        ("lift", '<!DOCTYPE l [<!ENTITY a "b">]><lift/>', (), "declares the entity 'a'"),
        ("sfm", "calli casa\n", (), r"d\.sfm:1 is no field of standard format"),
        ("sfm", "\\_sh v3.0\n", (), "holds no entry"),
        ("sfm", SFM, ("gr", "lx"), r"has no field \\gr; it has"),
        ("glossary", "a\tb\n", (), r"has no columns \['gloss', 'headword'"),
        ("glossary", "headword\tgloss\texample\ttranslation\n", (), "holds no entry"),
    ],
)
def test_a_file_at_fault_is_an_error_of_one_line(
    tmp_path: Path, kind: str, text: str, columns: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        records(tmp_path, kind, text, None, columns)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segment": "sentences"}, "is not for format 'sfm'"),
        ({"format": "tsv", "segment": "headwords"}, "is not for format 'tsv'"),
        (
            {
                "source_language": None,
                "columns": {
                    "source": None,
                    "target": "lx",
                    "document": None,
                    "position": None,
                    "variety": None,
                },
                "alone": ["target"],
            },
            "needs columns.source",
        ),
        (
            {
                "columns": {
                    "source": "gn",
                    "target": "lx",
                    "document": "dt",
                    "position": None,
                    "variety": None,
                }
            },
            "gives document and position",
        ),
    ],
)
def test_settings_that_cannot_be_are_errors(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        gathered(tmp_path, "sfm", SFM, "nhn", **changes)
