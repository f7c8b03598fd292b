"""`milpa new` on files of several formats and scripts, and the corpus stages on what it wrote."""

import gzip
import json
import lzma
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from corpus import stage
from corpus.assess import Assess, assess
from corpus.bitext import Bitext, bitext
from corpus.challenge import Challenge, challenge
from corpus.clean import Clean, clean
from corpus.cli import main
from corpus.dedup import Dedup, dedup
from corpus.formats.readers import records
from corpus.formats.source import Source
from corpus.gather import Gather, gather
from corpus.identify import Identify, identify
from corpus.new import code_of, families, new
from corpus.proposal import Told, propose
from corpus.select import Select, select
from corpus.settings import languages, load, section
from corpus.spelling import Spelling, spelling
from corpus.split import Split, split
from corpus.survey import has_header, named_language, nearest, survey, way_to_cut
from corpus.table import InputError

ROOT = Path(__file__).parent.parent
UDHR = ROOT / "data/raw/udhr.jsonl.xz"
SOME = ("amh", "tir", "eng", "spa", "fra", "ind", "khm", "gle", "hin")  # to be quick
HOME = "languages/amh"
TOLD = Told("unknown", trusted=False, pivot=None)


@cache
def texts(declaration: str) -> list[str]:
    with lzma.open(UDHR, "rt", encoding="utf-8") as lines:
        return [r["text"] for r in map(json.loads, lines) if r["declaration"] == declaration]


def plain(path: Path) -> None:
    """A file of running text."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(texts("amh")), "utf-8")


@pytest.fixture(scope="module")
def declarations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The declarations of a few languages."""
    path = tmp_path_factory.mktemp("udhr") / UDHR.name
    with lzma.open(UDHR, "rt", encoding="utf-8") as rows, lzma.open(path, "wt") as out:
        out.writelines(row for row in rows if json.loads(row)["declaration"] in SOME)
    return path


@pytest.fixture
def project(tmp_path: Path, declarations: Path) -> Path:
    """A project's settings and its declarations."""
    folder = tmp_path / "project"
    (folder / "data/raw").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    shutil.copy(declarations, folder / "data/raw")
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Amharic and English, in every way that people keep text."""
    folder = tmp_path / "files"
    folder.mkdir()
    amharic, english = texts("amh")[:60], texts("eng")[:60]
    rows = list(zip(english, amharic, strict=False))
    quoted = "".join(
        f'page {n // 9},"{a}","{e}"\n'.replace("\t", " ") for n, (e, a) in enumerate(rows)
    )
    (folder / "pairs.csv").write_text("page,sagal,qoosa\n" + quoted, "utf-8")
    lines = "".join(f"{e}\t{a}\n" for e, a in rows).encode("utf-16")
    (folder / "table.tsv").write_bytes(lines)
    rows = [{"translation": {"en": e, "am": a}} for e, a in rows]
    packed = gzip.compress("\n".join(map(json.dumps, rows)).encode())
    (folder / "lines.jsonl.gz").write_bytes(packed)
    (folder / "book.txt").write_text("\n".join(amharic), "utf-8")
    (folder / "chapter.am").write_text("\n".join(amharic), "utf-8")
    (folder / "chapter.en").write_text("\n".join(english[1:]), "utf-8")
    (folder / "scan.pdf").write_bytes(b"%PDF\0\1\2")
    (folder / "noise.txt").write_bytes(bytes(range(256)) * 4)
    return folder


def run(project: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    monkeypatch.chdir(project)
    done = CliRunner().invoke(main, ["new", *words])
    return done.exit_code, done.output


def test_it_says_what_it_found_and_what_is_missing(
    project: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = run(project, monkeypatch, "Amharic", str(files))
    assert code == 0, said
    assert "Amharic (amh), script Ethi, pivot eng_Latn, neighbours none" in said
    for line in (
        "left out: scan.pdf is of no format that is read",
        "left out: noise.txt is no text",
        "read as utf_16, written as UTF-8: table.tsv",
        "most like Amharic (amh",
        "missing: licence; it is 'unknown', and so no text is passed on",
        "missing: trusted",
        "missing: orthography",
    ):
        assert line in said
    root, mine = (
        [line.partition("# ")[2] for line in path.read_text("utf-8").splitlines() if "# " in line]
        for path in (project / "params.yaml", project / HOME / "params.yaml")
    )
    first = (ROOT / "params.yaml").read_text("utf-8")
    assert root == [line.partition("# ")[2] for line in first.splitlines() if "# " in line]
    assert len(mine) > 0.9 * len(root) and set(mine) <= set(root)
    assert load(project / "params.yaml")["projects"]["amh"] == f"{HOME}/"
    tree = load(project / HOME / "params.yaml")
    assert languages(tree)[0] == ("amh",)
    assert list(tree["languages"]) == ["amh"]
    sources = tree["gather"]["sources"]
    found = {n: (s["columns"]["source"], s["columns"]["target"]) for n, s in sources.items()}
    assert found == {
        "amh_book": (None, 1),
        "amh_chapter": ("en", "am"),
        "amh_lines": ("translation.en", "translation.am"),
        "amh_pairs": ("qoosa", "sagal"),  # by their letters: the names say nothing
        "amh_table": (1, 2),
    }
    assert {s["licence"] for s in sources.values()} == {"unknown"}
    assert not any(s["redistribute"] or s["trusted"] for s in sources.values())
    assert sources["amh_pairs"]["columns"]["document"] == "page"
    assert sources["amh_chapter"]["format"] == "documents"  # its files differ in lines


def test_the_corpus_stages_run_on_what_it_wrote(
    project: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    new("amh", files, Path(), TOLD)
    Path(HOME, "data/fetch/corpora").mkdir(parents=True)
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    for function, settings, enters in (
        (gather, Gather, ()),
        (clean, Clean, ("rows",)),
        (identify, Identify, ()),
        (assess, Assess, ()),
        (dedup, Dedup, ()),
        (spelling, Spelling, ()),
        (bitext, Bitext, ()),
        (select, Select, ("rows",)),
        (challenge, Challenge, ()),
        (split, Split, ()),
    ):
        words = graph[function.__name__]["do"]["cmd"].replace("${item}", f"{HOME}/").split()[3:]
        stage.perform(function, settings, dict(word.split("=", 1) for word in words), enters)
    report = json.loads(Path(HOME, "reports/split.json").read_text("utf-8"))
    assert report["rows"]["train"] > 50
    kept = json.loads(Path(HOME, "reports/select.json").read_text("utf-8"))
    assert kept["entered"] == kept["kept"] + kept["dropped"]
    assert kept["kept"] == sum(report["rows"].values())


@pytest.mark.parametrize(
    ("language", "prepare", "said"),
    [
        ("qwertyuiop", lambda f: None, "no language is called 'qwertyuiop'; give its ISO 639-3"),
        ("nah", lambda f: None, "nah has a project; edit its params.yaml"),
        ("amh", lambda f: None, "holds no file; put the texts there first"),
        ("amh", lambda f: f.rmdir(), "is no folder; give one with files of text"),
        ("amh", lambda f: (f / "a.txt").write_bytes(bytes(range(256))), "holds no text that can"),
        ("amh", lambda f: (f / "a.csv").write_text("a;b\nc;d\n"), "a.csv is parted by semicolons"),
        ("amh", lambda f: (f / "a.csv").write_text("1,2\n3,4\n"), "has no column of running text"),
        ("amh", lambda f: (f / "a.csv.gz").write_bytes(b"\x1f\x8b\0"), "cut short or damaged"),
        ("amh", lambda f: plain(f / "a.es.txt"), "has text of spa by its name 'es'"),
        ("amh", lambda f: (plain(f / "a"), plain(f / "a.txt")), "would both become a.txt"),
        ("amh", lambda f: (plain(f / "b/c.txt"), plain(f / "b_c.txt")), "would be the source"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_nothing_is_written(
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    prepare: Any,
    said: str,
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    prepare(folder)
    code, output = run(project, monkeypatch, language, str(folder))
    assert code == 1
    assert said in output
    assert output.count("\n") == 1
    assert (project / "params.yaml").read_bytes() == (ROOT / "params.yaml").read_bytes()
    assert [path.name for path in (project / "data/raw").iterdir()] == ["udhr.jsonl.xz"]
    assert not [*project.glob("languages/*")]


def test_where_the_first_settings_are_at_fault_there_is_no_project(
    project: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "params.yaml"
    broken = path.read_text("utf-8").replace("active: [nah]", "active: [none]")
    path.write_text(broken, "utf-8")
    code, said = run(project, monkeypatch, "Amharic", str(files))
    assert code == 1 and "'none'" in said
    assert path.read_text("utf-8") == broken
    assert not [*project.glob("languages/*")]


@pytest.mark.parametrize(
    ("name", "code"),
    [("nah", "nah"), ("gn", "grn"), ("Irish", "gle"), ("Papantla Totonac", "top")],
)
def test_codes_and_english_names_are_languages(name: str, code: str) -> None:
    assert code_of(name) == code


@pytest.mark.parametrize("name", ["Totonac", "Guarani Mbya", "Náhuatl de la Huasteca"])
def test_the_beginning_of_a_name_is_no_name(name: str) -> None:
    with pytest.raises(InputError, match="no language is called"):
        code_of(name)


def test_words_that_yaml_takes_for_others_are_quoted(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = [f"{a}\t{b}" for a, b in zip(texts("amh")[5:45], texts("eng")[5:45], strict=True)]
    (folder / "pairs.tsv").write_text("\n".join(["on\tno", *rows]) + "\n", "utf-8")
    new("amh", folder, project, TOLD)
    source = load(project / HOME / "params.yaml")["gather"]["sources"]["amh_pairs"]
    assert {source["columns"]["target"], source["columns"]["source"]} == {"on", "no"}


def test_programs_own_folders_are_no_text(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / ".git/logs").mkdir(parents=True)
    (folder / ".git/logs/HEAD.txt").write_text(
        "a line of a program's own, with a name in it\n" * 40
    )
    (folder / "book.txt").write_text("\n".join(texts("amh")), "utf-8")
    new("amh", folder, project, TOLD)
    sources = load(project / HOME / "params.yaml")["gather"]["sources"]
    assert [name for name, one in sources.items() if one["language"] == "amh"] == ["amh_book"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("es", "spa"), ("es-MX", "spa"), ("text_nah", "nah"), ("Spanish", "spa"), ("columna", None)],
)
def test_names_of_columns(name: str, code: str | None) -> None:
    assert named_language(name) == code


@pytest.mark.parametrize("code", ["spa", "ind", "khm", "gle", "hin"])
def test_a_text_is_known_by_its_letters(code: str, declarations: Path) -> None:
    assert nearest(texts(code)[20:40], declarations)[0][0] == code


def test_dictionaries_are_known(tmp_path: Path, declarations: Path) -> None:
    said = list(zip(texts("eng")[:40], texts("amh")[:40], strict=False))
    words = "".join(f"\\lx ቤት\n\\ge house\n\\xv {a}\n\\xe {e}\n" for e, a in said)
    (tmp_path / "words.sfm").write_text("\\_sh v3.0 400 MDF 4.0\n" + words, "utf-8")
    entry = (
        '<entry><lexical-unit><form lang="am"><text>ቤት</text></form></lexical-unit><sense>'
        '<gloss lang="en"><text>house</text></gloss></sense></entry>'
    )
    (tmp_path / "words.lift").write_text(f"<lift>{entry * 3}</lift>", "utf-8")
    names = ["words.lift", "words.sfm"]
    trees = [propose(one, "amh", declarations, TOLD) for one in survey(tmp_path, names)]
    found = {
        tree["format"]: (tree["columns"]["source"], tree["columns"]["target"], tree["segment"])
        for tree in trees
    }
    assert found == {"lift": ("en", "am", None), "sfm": ("ge", "lx", None)}
    assert {tree["source_language"] for tree in trees} == {"eng_Latn"}
    for tree in trees:
        known = section(Source, "source", {"source": tree})
        (tmp_path / "amh").mkdir(exist_ok=True)
        path = tmp_path / known.path.removeprefix("raw/")
        shutil.copy(tmp_path / path.name, path)
        rows = [record for _, record in records(known, {"raw": tmp_path}) if record.values]
        assert ("house", "ቤት") in {record.values[:2] for record in rows}


def test_relatives() -> None:
    assert families("nci") & families("azz")
    assert not families("nci") & families("ote")
    assert families("no such") == frozenset()


def test_headers_and_broken_lines() -> None:
    assert has_header([["es", "nah"], ["el agua es fría", "in ātl cecec"]])
    assert has_header([["page", "left"], ["1", "el agua es fría y está honda, dijo"]])
    assert not has_header([["el agua", "in ātl"], ["el agua es fría", "in ātl cecec"]])
    assert not has_header([["agua", "ātl"], ["fuego", "tletl"]])
    lines = (
        "Ce tlacatl quihto inic ce tlamantli ca",
        "yehuatl in tlein mochihua axcan, auh occe ca",
    )
    broken = [*lines, *lines, "nican."]
    assert way_to_cut([*broken, "", *broken]) == "wrapped"
    assert way_to_cut(["Ce. Ome. Yei.", "Nahui. Macuilli."]) == "sentences"
    assert way_to_cut(["Ce tlacatl.", "Ome."]) is None


def test_a_licence_that_nobody_knows_is_never_passed_on() -> None:
    tree = load(ROOT / "params.yaml")
    source = next(iter(tree["gather"]["sources"].values()))
    with pytest.raises(InputError, match="a licence that is unknown needs redistribute: false"):
        from corpus.settings import section

        changed = {**source, "licence": "unknown", "redistribute": True}
        section(Gather, "gather", {"gather": {"most_characters": 9, "sources": {"a": changed}}})
