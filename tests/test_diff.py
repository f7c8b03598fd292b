"""What differs between two versions: counted by law, against brute force, and told in words."""

import csv
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.aspects import ASPECT, ASPECTS, IDENTITY
from corpus.changes import Comparison, compared
from corpus.cli import main
from corpus.differing import Counts
from corpus.listing import rows
from corpus.settings import Language
from corpus.versions import Place, Version
from tests.projects import GRAPH, Segment, begin, commit, git, grown, write_all

ROOT = Path(__file__).parent.parent
LANGUAGES = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}
WORDS = (
    "in",
    "calli",
    "kalli",
    "ātl",
    "tepētl",
    "ሰላም",
    "ዓለም",
    "ភាសា",
    "ខ្មែរ",
    "mana",
    "barumsaa",
    "ō",
)
BOOK: list[Segment] = [
    ("axolotl", "a", "la casa", "in calli"),
    ("axolotl", "a", "el agua", "in ātl ihuan in tepētl"),
    ("axolotl", "a", None, "tlahtoāni ōquihtoh in tlahtolli"),
    ("axolotl", "b", "el perro", "in itzcuintli"),
    ("help", "x", "open the file", "faayilicha bani barumsaa jalqabaa"),
    ("radio", "1", "hello world", "ሰላም ዓለም እንዴት ነህ"),
    ("radio", "1", "ok", "ō"),
]


def on_disk(folder: Path, tables: dict[str, pa.Table]) -> Version:
    """The version that lies in a folder."""
    write_all(tables, folder)
    lock = {
        name: {
            "outs": [{"path": f"data/{name}", "md5": f"{name}.dir"}],
            "deps": [{"path": dep} for dep in deps],
        }
        for name, deps in GRAPH.items()
    }
    return Version(folder.name, None, Place(None, None, str(folder)), lock)


def both(
    old: dict[str, pa.Table], new: dict[str, pa.Table], check: Callable[[Comparison], None]
) -> None:
    """Compare two sets of tables and hand the comparison on."""
    with tempfile.TemporaryDirectory() as folder:
        sides = [on_disk(Path(folder) / n, t) for n, t in (("old", old), ("new", new))]
        with compared(*sides, list(GRAPH), LANGUAGES) as found:
            check(found)


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
segments = st.tuples(
    st.sampled_from(("axolotl", "radio")),
    st.sampled_from("ab"),
    st.one_of(st.none(), texts),
    texts,
)
edits = st.lists(
    st.tuples(st.sampled_from(("add", "remove", "edit", "move")), st.integers(0, 99), segments),
    max_size=6,
)


def edited(book: list[Segment], changes: list[tuple[str, int, Segment]]) -> list[Segment]:
    """The book after some edits."""
    book = list(book)
    for what, number, segment in changes:
        place = number % (len(book) or 1)
        if what == "add":
            book.insert(place, segment)
        elif book and what == "remove":
            book.pop(place)
        elif book and what == "edit":
            origin, document, source, target = book[place]
            book[place] = (origin, document, source, f"{target} {segment[3][:2]}")
        elif book:
            book.insert(number % 7, book.pop(place))
    return book


def ids(tables: dict[str, pa.Table], stage: str) -> set[str]:
    """The ids of all rows that a stage wrote or judged."""
    return {i for n, t in tables.items() if n.startswith(f"{stage}/") for i in t["id"].to_pylist()}


def plainly(
    stage: str, tables: tuple[dict[str, pa.Table], ...], pairs: dict[str, str]
) -> dict[tuple[str | None, str | None], list[str]]:
    """The rows that differ in more than values, row by row: their ids and aspects."""
    sides: list[dict[str, dict[str, Any]]] = [{}, {}]
    for side, version in zip(sides, tables, strict=True):
        for name, table in version.items():
            for row in table.to_pylist() if name.startswith(f"{stage}/") else []:
                kind = "ledger" if name.endswith("ledger") else "rows"
                values = {f"{kind}.{column}": value for column, value in row.items()}
                side.setdefault(row["id"], {}).update({f"{kind}.": True, **values})
    old, new = sides
    twos: set[tuple[str | None, str | None]] = {(i, i) for i in old.keys() & new.keys()}
    twos |= {(o, n) for o, n in pairs.items() if o in old.keys() - new and n in new.keys() - old}
    twos |= {(i, None) for i in old.keys() - {o for o, _ in twos}}
    twos |= {(None, i) for i in new.keys() - {n for _, n in twos}}
    found = {}
    for o, n in twos:
        left, right = old.get(o or "", {}), new.get(n or "", {})
        unlike = {
            ASPECT.get(name.split(".")[1], "values")
            for name in {*left, *right}
            if left.get(name) != right.get(name) or (name in left) != (name in right)
            if name.split(".")[1] not in {"", *IDENTITY}
        }
        aspects = [name for name in ASPECTS if name in unlike]
        if o is None or n is None:
            found[o, n] = []
        elif aspects not in ([], ["values"]):
            found[o, n] = aspects
    return found


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(segments, max_size=12), edits, st.integers(1, 9), st.integers(1, 9))
def test_old_rows_and_added_less_removed_are_new_rows(
    book: list[Segment], changes: list[tuple[str, int, Segment]], least: int, then: int
) -> None:
    old, new = grown(book, least), grown(edited(book, changes), then)

    def check(found: Comparison) -> None:
        pairs = dict(found.db.execute("select old, new from pairs").fetchall())
        assert len(set(pairs.values())) == len(pairs)
        assert not pairs.keys() & ids(new, "gather")
        assert not set(pairs.values()) & ids(old, "gather")
        for stage in GRAPH:
            counts, before, after = found.counts[stage], ids(old, stage), ids(new, stage)
            assert (counts.old, counts.new) == (len(before), len(after))
            assert counts.old + counts.added - counts.removed == counts.new
            joined = {o for o, n in pairs.items() if o in before - after and n in after - before}
            assert counts.removed == len(before - after - joined)
            assert counts.added == len(after - before) - len(joined)
            listed = list(rows(found, stage, None))
            kinds = [row["kind"] for row in listed]
            assert [kinds.count(k) for k in ("added", "removed", "changed")] == [
                counts.added,
                counts.removed,
                counts.changed,
            ]
            assert plainly(stage, (old, new), pairs) == {
                (row["old"] and row["old"]["id"], row["new"] and row["new"]["id"]): row["aspects"]
                for row in listed
            }
            kept = lambda side: side is not None and side["kept"]  # noqa: E731
            if counts.old_kept is not None and counts.new_kept is not None:
                moved = sum(bool(kept(row["new"])) - bool(kept(row["old"])) for row in listed)
                assert counts.old_kept + moved == counts.new_kept

    both(old, new, check)


def test_a_version_differs_in_nothing_from_itself() -> None:
    def check(found: Comparison) -> None:
        assert found.db.execute("select count(*) from changes").fetchall() == [(0,)]
        assert {c.values for c in found.counts.values()} == {0}

    both(grown(BOOK), grown(BOOK), check)


def changes_of(old: list[Segment], new: list[Segment], stage: str = "gather") -> list[Any]:
    """Kind, how it was matched and the targets of each row that differs."""
    seen: list[Any] = []

    def check(found: Comparison) -> None:
        for row in rows(found, stage, None):
            sides = [row[side] and row[side]["target"] for side in ("old", "new")]
            seen.append((row["kind"], row["how"], *sides))

    both(grown(old), grown(new), check)
    return seen


def test_an_edited_text_is_one_row_by_its_place_though_its_id_and_position_changed() -> None:
    new = [("axolotl", "a", None, "xochitl cuicatl"), *BOOK]
    new[2] = ("axolotl", "a", "el agua", "in ātl ihuan in tepētzintli")
    assert changes_of(BOOK, new) == [
        ("added", "id", None, "xochitl cuicatl"),
        ("changed", "place", "in ātl ihuan in tepētl", "in ātl ihuan in tepētzintli"),
    ]


def test_a_row_that_only_the_split_lacks_is_not_taken_for_another() -> None:
    book: list[Segment] = [("radio", "1", None, word) for word in ("ō in calli", "ō in kalli")]
    old, new = grown(book), grown(book)
    for tables, drop in ((old, 0), (new, 1)):  # each version drops another of two alike rows
        gone = tables["gather/rows"]["id"][drop].as_py()
        for name in ("split/train", "split/test"):
            kept = [row for row in tables[name].to_pylist() if row["id"] != gone]
            tables[name] = pa.Table.from_pylist(kept, schema=tables[name].schema)

    def check(found: Comparison) -> None:
        assert found.db.execute("select * from pairs").fetchall() == []
        assert (found.counts["split"].added, found.counts["split"].removed) == (1, 1)

    both(old, new, check)


def test_another_text_in_the_same_place_is_another_row() -> None:
    new = [*BOOK[:3], ("axolotl", "b", "azul", "xoxoctic"), *BOOK[4:]]
    assert [row[0] for row in changes_of(BOOK, new)] == ["added", "removed"]


def test_a_renamed_origin_is_the_same_row_by_its_text() -> None:
    new = [("wireless" if s[0] == "radio" else s[0], *s[1:]) for s in BOOK]
    assert {row[:2] for row in changes_of(BOOK, new)} == {("changed", "text")}


def test_a_respelled_and_moved_row_is_the_same_by_its_matching_key() -> None:
    new = [("other", "z", "la casa", "in kalli") if s == BOOK[0] else s for s in BOOK]
    found = [row for row in changes_of(BOOK, new) if row[1] != "id"]
    assert found == [("changed", "key", "in calli", "in kalli")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three versions: v1; v2 with a row edited and one removed; v3 with another limit."""
    folder = tmp_path_factory.mktemp("versions") / "nahuatl"
    begin(folder)
    commit(folder, "v1", grown(BOOK))
    book = [
        ("radio", "1", "hello world", "ሰላም ዓለም እንዴት ነሽ") if s == BOOK[5] else s for s in BOOK[1:]
    ]
    commit(folder, "v2", grown(book))
    commit(folder, "v3", grown(book, 20), 20)
    return folder


@pytest.fixture
def milpa(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line in the project's folder."""
    whole = (ROOT / "params.yaml").read_bytes()
    monkeypatch.chdir(project)
    monkeypatch.setattr("corpus.settings.PARAMS", project.parent / "params.yaml")
    (project.parent / "params.yaml").write_bytes(whole)
    monkeypatch.setattr("corpus.settings.load.__defaults__", (project.parent / "params.yaml",))
    return lambda *words: CliRunner().invoke(main, words)


def test_a_text_edit_its_cause_and_its_marked_letters(milpa: Callable[..., Result]) -> None:
    said = milpa("diff", "v1", "v2", "clean", "--rows").output
    assert "clean         7      0       −1         6        1" in said
    assert "taken for one row by place" in said
    assert "    - ሰላም ዓለም እንዴት ነ[-ህ-]" in said
    assert "    + ሰላም ዓለም እንዴት ነ{+ሽ+}" in said
    assert "with gather, where they differ first" in said
    assert "input data/raw: " in milpa("diff", "v1", "v2", "gather").output


def test_a_changed_limit_is_the_cause_where_the_decision_changed(
    milpa: Callable[..., Result],
) -> None:
    said = milpa("diff", "v2", "v3").output
    assert "unchanged, by DVC's hash: gather, clean\n" in said
    assert "by decision: kept → target length too low 2" in said
    assert "why       2 here: params select.least: 4 → 20" in said
    assert "why       2 with select, where they differ first" in said
    assert said.index("\nselect\n") < said.index("\nsplit\n")


def test_programs_get_all_rows(milpa: Callable[..., Result]) -> None:
    tree = json.loads(milpa("diff", "v1", "v3", "--json", "--rows").output)
    lines = list(csv.DictReader(milpa("diff", "v1", "v3", "--csv").output.splitlines()))
    assert len(tree["rows"]) == len(lines) > 0
    most = milpa("diff", "v1", "v3", "--csv", "--most", "1").output.splitlines()[1:]
    assert [line.split(",")[0] for line in most] == list(dict.fromkeys(x["stage"] for x in lines))
    counts = tree["stages"]["split"]
    assert counts["old"] + counts["added"] - counts["removed"] == counts["new"]
    assert {line["causes"] for line in lines if line["first"] == "select"} == {
        "params select.least: 4 → 20"
    }
    assert json.loads(milpa("diff", "v1", "v1", "--json", "--rows").output)["rows"] == []


def test_the_page_holds_its_rows_and_reaches_for_nothing(
    milpa: Callable[..., Result], tmp_path: Path
) -> None:
    assert milpa("diff", "v1", "v3", "--html", str(tmp_path / "p.html")).exit_code == 0
    page = (tmp_path / "p.html").read_text("utf-8")
    assert "ሰላም ዓለም እንዴት ነ" in page
    assert not [word for word in ("http:", "https:", "src=", "@import", "url(") if word in page]
    data = page.split('id="data">')[1].split("</script>")[0]
    assert len(json.loads(data)) == len(milpa("diff", "v1", "v3", "--csv").output.splitlines()) - 1


def test_the_workspace_and_another_repository_are_versions_too(
    milpa: Callable[..., Result], project: Path, tmp_path: Path
) -> None:
    changed = milpa("diff", "v1", "workspace")
    assert changed.exit_code == 0
    assert "no stage that was compared came out otherwise" not in changed.output
    alike = milpa("diff", "v3", "workspace").output
    assert "select         6      0        0         6        0       0  3 → 3" in alike
    other = tmp_path / "oromo"
    begin(other)
    commit(other, "v1", grown(BOOK[4:]))
    said = milpa("diff", "v1", f"{other}#v1", "gather").output
    assert "gather         7      0       −4         3" in said
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "--bare", str(other), str(bare))
    assert "not in the cache" in milpa("diff", "v1", f"{bare}#v1", "gather").output


def test_data_come_from_the_remote_and_nothing_is_checked_out(
    milpa: Callable[..., Result],
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dvc.repo import Repo

    clone = tmp_path / "clone"
    with Repo(str(project)) as repo, repo.config.edit("local") as config:
        config["remote"]["stick"] = {"url": str(tmp_path / "stick")}
        config["core"] = {"remote": "stick"}
    with Repo(str(project)) as repo:
        repo.push(all_commits=True)
    git(tmp_path, "clone", str(project), str(clone))
    shutil.copy(project / ".dvc/config.local", clone / ".dvc/config.local")
    monkeypatch.chdir(clone)
    assert (
        "unchanged, by DVC's hash: gather, clean, select, split" in milpa("diff", "v1", "v1").output
    )
    assert not [*(clone / ".dvc").rglob("*.dir")]  # what did not change is not fetched
    assert "\nclean\n  removed   1\n" in milpa("diff", "v1", "v2").output
    assert not (clone / "data/clean").exists()
    gone = next((tmp_path / "stick").rglob("*.dir"))
    for path in [*(tmp_path / "stick").rglob("*.dir"), *(clone / ".dvc/cache").rglob("*.dir")]:
        path.chmod(0o644)
        path.unlink()
    assert gone.suffix == ".dir"
    said = milpa("diff", "v1", "v2")
    assert said.exit_code == 1
    assert "gather's data are not in the cache" in said.output
    assert "nor in the remote" in said.output
    (project / ".dvc/config.local").unlink()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("v1", "v9"), "has no revision 'v9': neither commit, branch, tag nor experiment"),
        (("v1", "v2", "slect"), "no version has a stage 'slect'; they have gather, clean"),
        (("v1", "/nowhere#main"), "'/nowhere' cannot be cloned or has no revision 'main'"),
    ],
)
def test_what_is_unknown_is_one_line(
    words: tuple[str, ...], message: str, milpa: Callable[..., Result]
) -> None:
    answer = milpa("diff", *words)
    assert (answer.exit_code, answer.output.count("\n")) == (1, 1)
    assert message in answer.output


def test_an_id_that_stands_twice_is_no_answer() -> None:
    with pytest.raises(RuntimeError, match="an id stands twice"):
        Counts(1, 1, None, None, 1, 0, 0, 0).check("split")


def test_a_stage_of_one_version_alone_is_named(
    milpa: Callable[..., Result], project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "fewer"
    shutil.copytree(project, other)
    lock = yaml.safe_load((other / "dvc.lock").read_text())
    del lock["stages"]["split"]
    (other / "dvc.lock").write_text(yaml.safe_dump(lock))
    assert "only in v3: split" in milpa("diff", "v3", f"{other}#workspace").output
    said = milpa("diff", "v3", f"{other}#workspace", "split").output
    assert "has no stage 'split', so its rows cannot be compared" in said
