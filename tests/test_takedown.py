"""What somebody asked to be removed is removed, in whatever spelling, and nothing else is."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from corpus import settings as config
from corpus.gather import Gather, gather
from corpus.requests import asked_in
from corpus.stage import Output
from corpus.table import InputError, conserve
from corpus.takedown import LIST, merged, take_down
from corpus.taken import Request, holding, keys_of, parts_of, read_list, taken

CSV = {  # origin: spa, target, document
    "tales": [
        ("la tierra", "in tlalticpac", "Xochitl"),
        ("El señor habló.", "Oquihtoh in tlahtoani quenin monequi.", "Xochitl"),
        ("Sí.", "Quema.", "Xochitl"),
        ("la tierra", "in tlalticpac", "Xochitl"),
        ("Y el señor habló así.", "Auh oquihtoh in tlahtoani quenin monequi axcan.", "Citlali"),
        ("Sí.", "Quema.", "Citlali"),
    ],
    "help": [
        ("El señor habló.", "Okihtoh in tlahtoani kenin moneki.", "site"),
        ("el agua", "ውሃ ንጹህ ነው።", "site"),
        ("abrir", "Barruun kun <b>banamuu</b> hin danda'u.", "site"),
    ],
}
REASONS = {"reason": "consent withdrawn", "date": "2026-11-25"}
Tree = dict[str, object]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two sources of Nahuatl, Amharic and Oromo text, and who told which document."""
    raw = tmp_path / "data/raw"
    raw.mkdir(parents=True)
    (tmp_path / "takedown").mkdir()
    (tmp_path / LIST).touch()
    for name, rows in CSV.items():
        lines = [json.dumps(dict(zip("sdt", (s, d, t), strict=True))) for s, t, d in rows]
        (raw / f"{name}.jsonl").write_text("\n".join(lines), "utf-8")
    (raw / "contributors.csv").write_text(
        "origin,document,contributor\ntales,Citlali,Doña Citlali\nhelp,site,Doña Citlali\n"
    )
    language = {
        "name": "Nahuatl", "varieties": ["nah"], "script": "Latn", "pivot": "spa_Latn",
        "neighbours": [], "orthography": "nah",
    }  # fmt: skip
    sources = {
        name: {
            "language": "nah", "path": f"raw/{name}.jsonl", "format": "jsonl", "header": False,
            "revision": None, "segment": None, "alone": [], "domains": {}, "varieties": {"": "nah"},
            "columns": {"source": "s", "target": "t", "document": "d", "position": None,
                        "variety": None},
            "source_language": "spa_Latn", "licence": "CC0-1.0", "redistribute": True,
            "trusted": True,
        }
        for name in CSV
    }  # fmt: skip
    tree = {"active": ["nah"], "languages": {"nah": language}}
    tree["gather"] = {"most_characters": 1000, "sources": sources}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    return tmp_path


def asked(project: Path, *requests: Tree) -> list[str]:
    """What the command says."""
    file = project / "ask.jsonl"
    file.write_text("\n".join(json.dumps({**REASONS, **one}) for one in requests), "utf-8")
    return take_down(file, project)[1]


def gathered(project: Path) -> Output:
    tree = config.load(project / "params.yaml")
    active, known = config.languages(tree)
    params = config.section(Gather, "gather", tree)
    return gather(params, active, known, project, project / "data/raw", project / LIST)


def gone(project: Path) -> list[str]:
    """Places of the rows that gather leaves out, and the proof that none is lost."""
    made = gathered(project)
    ledger, rows = made.tables["ledger"], made.tables["rows"]
    left = ledger.filter(pa.compute.invert(ledger["kept"]))
    assert set(left["reason"].to_pylist()) <= {"taken down"}
    conserve("gather", ledger["id"], ledger, rows["id"])
    assert made.report["taken_down"]["rows"] == len(left)
    return sorted(left["value"].to_pylist())


def id_at(project: Path, line: int) -> str:
    """The id of a row of tales by the line of its file."""
    rows = gathered(project).tables["rows"].to_pylist()
    _, target, _ = CSV["tales"][line - 1]
    equal = [r["id"] for r in rows if r["origin"] == "tales" and r["target"] == target]
    return str(equal[0])


SPEECH = "Oquihtoh in tlahtoani quenin monequi."
WHOLE = ["help.jsonl:1", "tales.jsonl:2"]
CASES = {  # what is asked: what goes
    "a text, in whatever spelling, and where it stands inside": (
        {"what": "text", "name": SPEECH}, [*WHOLE, "tales.jsonl:5"]),
    "in another spelling, case and punctuation": (
        {"what": "text", "name": "OKIHTOH in tlahtoani… kenin (moneki)"},
        [*WHOLE, "tales.jsonl:5"]),
    "a text where it is a whole row": (
        {"what": "text", "name": SPEECH, "elsewhere": "equal"}, WHOLE),
    "the pivot's text": (
        {"what": "text", "name": "la tierra"}, ["tales.jsonl:1", "tales.jsonl:4"]),
    "Ethiopic": ({"what": "text", "name": "ውሃ ንጹህ ነው"}, ["help.jsonl:2"]),
    "behind markup": (
        {"what": "text", "name": "Barruun kun banamuu hin danda'u."}, ["help.jsonl:3"]),
    "part of a word is no part": ({"what": "text", "name": "in tlal"}, []),
    "a document": (
        {"what": "document", "name": "Xochitl", "origin": "tales"},
        [f"tales.jsonl:{n}" for n in range(1, 5)]),
    "a document, and its texts in others": (
        {"what": "document", "name": "Xochitl", "elsewhere": "equal"},
        ["help.jsonl:1", *(f"tales.jsonl:{n}" for n in (1, 2, 3, 4, 6))]),
    "an origin": ({"what": "origin", "name": "help"}, [f"help.jsonl:{n}" for n in (1, 2, 3)]),
    "a contributor": (
        {"what": "contributor", "name": "Doña Citlali"},
        [*(f"help.jsonl:{n}" for n in (1, 2, 3)), "tales.jsonl:5", "tales.jsonl:6"]),
    "a contributor to one origin": (
        {"what": "contributor", "name": "Doña Citlali", "origin": "tales"},
        ["tales.jsonl:5", "tales.jsonl:6"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_falls_under_a_request_is_left_out_and_the_rest_is_not(
    name: str, project: Path
) -> None:
    request, places = CASES[name]
    before = {row["id"]: row for row in gathered(project).tables["rows"].to_pylist()}
    asked(project, request)
    assert gone(project) == places
    kept = gathered(project).tables["rows"].to_pylist()
    assert all(row == before[row["id"]] for row in kept), "ids and positions are as before"


@pytest.mark.parametrize(
    ("line", "elsewhere", "places"),
    [
        (1, None, ["tales.jsonl:1", "tales.jsonl:4"]),  # its equals in the same origin
        (2, None, ["tales.jsonl:2"]),
        (2, "equal", WHOLE),
        (2, "inside", [*WHOLE, "tales.jsonl:5"]),
    ],
)
def test_a_row_goes_by_its_id(
    line: int, elsewhere: str | None, places: list[str], project: Path
) -> None:
    asked(project, {"what": "row", "name": id_at(project, line), "elsewhere": elsewhere})
    assert gone(project) == places


def test_the_list_holds_no_text_and_no_name(project: Path) -> None:
    asked(
        project,
        {"what": "text", "name": SPEECH},
        {"what": "document", "name": "Xochitl"},
        {"what": "contributor", "name": "Doña Citlali"},
    )
    said = (project / LIST).read_text("utf-8").casefold()
    for word in ("tlahtoani", "monequi", "señor", "xochitl", "citlali", "tales"):
        assert word not in said
    assert "consent withdrawn" in said


def test_the_same_request_twice_in_any_order_changes_nothing(project: Path) -> None:
    requests: list[Tree] = [{"what": "text", "name": SPEECH}, {"what": "origin", "name": "help"}]
    asked(project, *requests)
    before = (project / LIST).read_bytes()
    raw = project / "data/raw/help.jsonl"  # the team took the text out of the source
    raw.write_text("\n".join(raw.read_text("utf-8").splitlines()[1:]), "utf-8")
    again = asked(project, *reversed(requests), requests[0] | {"date": "2027-01-01"})
    assert (project / LIST).read_bytes() == before
    assert all("on the list already" in line for line in again if not line.startswith(" "))


def test_a_row_stays_known_when_its_source_is_edited(project: Path) -> None:
    name = id_at(project, 2)
    asked(project, {"what": "row", "name": name})
    raw = project / "data/raw/tales.jsonl"
    lines = raw.read_text("utf-8").splitlines()
    raw.write_text("\n".join(lines[:1] + lines[2:]), "utf-8")
    assert "on the list already" in asked(project, {"what": "row", "name": name})[0]
    assert gone(project) == []
    raw.write_text("\n".join(lines), "utf-8")  # somebody brings it back
    assert gone(project) == ["tales.jsonl:2"]


def test_an_orthography_that_is_given_up_sets_no_text_free(project: Path) -> None:
    asked(project, {"what": "text", "name": SPEECH, "elsewhere": "equal"})
    path = project / "params.yaml"
    path.write_text(path.read_text("utf-8").replace("orthography: nah", "orthography: null"))
    assert "tales.jsonl:2" in gone(project)


def test_what_is_not_there_is_said_with_what_is_near(project: Path) -> None:
    lines = asked(project, {"what": "text", "name": "Oquihtoh tlahtoani quenin monequi"})
    assert lines[0].endswith("0 rows")
    assert "kept out from now on" in lines[1]
    assert "tales.jsonl:2: 0.69 alike" in lines[2]
    assert gone(project) == []


def test_rows_that_are_part_of_a_text_are_named_and_stay(project: Path) -> None:
    lines = asked(project, {"what": "text", "name": f"{SPEECH} Auh niman oyah."})
    assert any("tales.jsonl:2" in line for line in lines[1:])
    assert "1 rows are part of it and stay" in "\n".join(lines)
    assert gone(project) == []


HEAD = "what,name,reason,date"
BAD = {  # a file: what is said of it
    "": "holds no request",
    f"{HEAD}\n": "holds no request",
    "what,name\ntext,atl": "lacks ['date', 'reason']",
    f"{HEAD},why\ntext,atl,x,2026-11-25,y": "has unknown ['why']",
    f"{HEAD}\ntext,atl,x,25.11.2026": "date is a day as 2026-11-25, got '25.11.2026'",
    f"{HEAD}\nbook,atl,x,2026-11-25": "what: Input should be",
    f"{HEAD}\ntext,...,x,2026-11-25": "has no letter or digit",
    f"{HEAD}\nrow,feed,x,2026-11-25": "no row has the id 'feed'",
    f"{HEAD}\ndocument,Xochitlan,x,2026-11-25": "near it are ['Xochitl', 'Citlali']",
    f"{HEAD}\norigin,tale,x,2026-11-25": "near it are ['tales']",
    f"{HEAD}\ncontributor,Citlali,x,2026-11-25": "near it are ['Doña Citlali']",
    f"{HEAD},origin\ntext,atl,x,2026-11-25,tales": "origin is for a document or contributor",
    f"{HEAD},elsewhere\ntext,atl,x,2026-11-25,no": "wherever it stands",
    f'{HEAD}\ntext,"atl,x,2026-11-25': "no CSV",
    f"{HEAD}\ntext,atl,x,2026-11-25,help,equal": "has unknown ['None']",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_file_is_one_line_and_loses_nothing(text: str, project: Path) -> None:
    asked(project, {"what": "text", "name": SPEECH})
    before = (project / LIST).read_bytes()
    file = project / "ask.csv"
    first = f"{HEAD}\norigin,help,x,2026-11-25"
    file.write_text(text.replace(HEAD, first) if text.startswith(f"{HEAD}\n") else text, "utf-8")
    if text == f"{HEAD}\n":
        file.write_text(text)
    with pytest.raises(InputError) as error:
        take_down(file, project)
    assert BAD[text] in str(error.value)
    assert "\n" not in str(error.value)
    assert (project / LIST).read_bytes() == before


@pytest.mark.parametrize("line", ["{", '{"what": "text"}', '{"what": 1, "more": 2}'])
def test_a_damaged_list_stops_the_run(line: str, project: Path) -> None:
    (project / LIST).write_text(line)
    with pytest.raises(InputError, match=r"list.jsonl:1 .*git checkout"):
        gathered(project)


def test_csv_and_json_lines_ask_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "\ufeffwhat,name,reason,date,elsewhere\r\n"
        'text,"El señor, habló.",x,2026-11-25,\r\nrow,ab,x,2026-11-25,equal\r\n'
    )
    tree = {"what": "text", "name": "El señor, habló.", "reason": "x", "date": "2026-11-25"}
    other = {"what": "row", "name": "ab", "elsewhere": "equal"}
    (tmp_path / "b.jsonl").write_text(f"{json.dumps(tree)}\n\n{json.dumps({**tree, **other})}\n")
    assert asked_in(tmp_path / "a.csv") == asked_in(tmp_path / "b.jsonl")


def test_an_empty_list_costs_nothing(project: Path) -> None:
    made = gathered(project)
    assert made.report["taken_down"] == {"requests": {}, "rows": 0}
    assert len(made.tables["rows"]) == sum(map(len, CSV.values()))


@pytest.mark.parametrize(
    ("text", "part", "there"),
    [
        ("in tlalticpac cenca huey", "tlalticpac cenca", True),
        ("in tlalticpac cenca huey", "tlalticpac cen", False),
        ("ข้อความนี้ถูกลบออกแล้ว", "ถูกลบออก", True),  # Thai has no spaces
        ("አማርኛ ጽሑፍ ነው ይህ", "ጽሑፍ ነው", True),
        ("", "atl", False),
        ("atl", "in atl in tepetl", False),
    ],
)
def test_a_part_is_found_at_the_borders_of_words(text: str, part: str, there: bool) -> None:
    request = Request(
        "text", "n", "inside", "x", "2026-11-25", tuple(keys_of(part, [None])), (), ()
    )
    assert any(holding(taken([request]), text, [None])) == there
    assert list(holding(taken([replace(request, elsewhere="no")]), text, [None])) == []


def test_parts_are_those_of_brute_force() -> None:
    words = ["in", "atl", "in", "tepetl"]
    runs = {"".join(words[a:b]) for a in range(4) for b in range(a + 1, 5)}
    found = set(parts_of(words, range(1, 20)))
    assert found == {key for run in runs for key in keys_of(run, [None])}


def test_a_wider_request_widens_and_a_narrower_one_does_not() -> None:
    one = Request("document", "n", "no", "first", "2026-01-01", ("1:a",), (), ("r1",))
    two = Request("document", "n", "equal", "second", "2026-02-01", ("1:b",), (), ("r2",))
    wide = Request(
        "document", "n", "equal", "first", "2026-01-01", ("1:a", "1:b"), (), ("r1", "r2")
    )
    assert merged([one], [two]) == [wide]
    assert merged([wide], [one]) == [wide]


def test_the_projects_own_list_can_be_read() -> None:
    read_list(Path(__file__).parent.parent / LIST)
