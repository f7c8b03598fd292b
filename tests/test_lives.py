"""A row found by its text, whatever its spelling, and what became of it over versions."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from corpus import minhash
from corpus.lives import lives
from corpus.orthography import matching_key
from corpus.settings import Language
from corpus.table import InputError, write
from tests.projects import Segment, begin, commit, grown

LANGUAGES = {
    "nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah"),
    "amh": Language("Amharic", ("amh",), "Ethi", "eng_Latn", (), None),
}
BOOK: list[Segment] = [
    ("axolotl", "a", "la casa", "Yn quimmopielia."),
    ("axolotl", "a", "el agua", "in ātl ihuan in tepētl"),
    ("radio", "1", "hello world", "ሰላም ዓለም እንዴት ነህ"),
    ("radio", "2", "hello", "ሰላም ዓለም እንዴት ነህ"),
    ("help", "x", "ok", "eeyyee"),
]


def with_keys(tables: dict[str, pa.Table], orthography: str | None) -> dict[str, pa.Table]:
    """The tables and the keys that dedup writes."""
    rows = tables["clean/rows"]
    key = {"target": matching_key(orthography), "source": matching_key(None)}
    columns = {
        side: minhash.whole_hashes([key[side](text) for text in rows[side].to_pylist()])[:, 0]
        for side in key
    }
    return {**tables, "dedup/keys": pa.table({"id": rows["id"], **columns})}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A version on disk."""
    for name, table in with_keys(grown(BOOK), "nah").items():
        write(table, tmp_path / "data" / name, 10**9)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("asked", "source"),
    [
        ("in kimmopielia", "la casa"),  # another spelling of it
        ("IN ATL, ihuan in tepetl!", "el agua"),
        ("¿Hello, World?", "hello world"),  # the other side
        ("EEYYEE", "ok"),
    ],
)
def test_a_text_is_found_whatever_its_spelling(asked: str, source: str, data: Path) -> None:
    lines = list(lives(data, asked, LANGUAGES, revisions=False))
    assert f"                source spa_Latn: {source!r}" in lines


def test_all_rows_of_a_text_are_told(data: Path) -> None:
    first, *lines = lives(data, "ሰላም፣ ዓለም እንዴት ነህ", LANGUAGES, revisions=False)
    assert first == "2 rows have this text under the matching key"
    assert sum("target nci_Latn: 'ሰላም ዓለም እንዴት ነህ'" in line for line in lines) == 2


@pytest.mark.parametrize("asked", ["xochitl in cuicatl", "ātl", "?"])
def test_a_text_that_is_no_row_is_one_line(asked: str, data: Path) -> None:
    with pytest.raises(InputError, match="a part of a row is not found") as raised:
        list(lives(data, asked, LANGUAGES, revisions=False))
    assert "\n" not in str(raised.value)


def test_an_unknown_id_is_told_as_an_id(data: Path) -> None:
    with pytest.raises(InputError, match="no row has an id that begins with 'ffff'"):
        list(lives(data, "ffff", LANGUAGES, revisions=False))


def test_versions_that_agree_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    begin(folder)
    for tag, book, least in (("v1", BOOK[1:], 4), ("v2", BOOK, 4), ("v3", BOOK[:4], 18)):
        commit(folder, tag, grown(book, least), least)
    monkeypatch.chdir(folder)
    tell: Callable[[str], list[str]] = lambda row: list(  # noqa: E731
        lives(Path("data"), row, LANGUAGES, revisions=True)
    )
    row_id = grown(BOOK)["gather/rows"]["id"][0].as_py()
    lines = tell(row_id)
    past = lines[next(n for n, line in enumerate(lines) if line.startswith("  in ")) :]
    assert past[0].endswith(" v1")
    assert past[1].strip() == "no such row"
    assert past[2].endswith(" v2")
    assert past[3:6] == [f"{'':16}{s}: kept" for s in ("gather", "clean", "select")]
    assert past[7].endswith(" v3 … workspace")
    assert past[10] == f"{'':16}select: dropped: target length too low"
