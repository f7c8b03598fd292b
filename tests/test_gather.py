"""Every record of every format is a row or a ledger line; every bad input is one line."""

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.formats import arrow, delimited, jsonl, text
from corpus.formats.record import line_count
from corpus.gather import Gather, gather
from corpus.settings import Language, section
from corpus.stage import Output
from corpus.table import InputError, conserve, row_id

RAW = Path(__file__).parent.parent / "data" / "raw"
PAIRS = [
    ("la tierra", "in tlalticpac"),
    ("Ocho Venado", "Iꞌà Nacuaa"),
    ("agua", "ውሃ"),  # not Latin
]


def language(*varieties: str, neighbours: tuple[str, ...] = ()) -> Language:
    return Language(
        name=varieties[0],
        varieties=varieties,
        script="Latn",
        pivot="spa_Latn",
        neighbours=neighbours,
        orthography=None,
    )


LANGUAGES = {
    "nah": language("nah", "nci", neighbours=("mix",)),
    "mix": language("mix", "mig"),
    "orm": language("orm"),
}
SOURCE = {
    "language": "nah",
    "path": "raw/book.csv",
    "format": "csv",
    "header": False,
    "revision": None,
    "columns": {"source": 1, "target": 2, "document": None, "position": None, "variety": None},
    "segment": None,
    "alone": [],
    "domains": {},
    "varieties": {"": "nah"},
    "source_language": "spa_Latn",
    "licence": "CC0-1.0",
    "redistribute": True,
    "trusted": True,
}
Tree = dict[str, object]


def sourced(columns: Tree | None = None, **keys: object) -> Tree:
    return {**SOURCE, "columns": {**SOURCE["columns"], **(columns or {})}, **keys}  # type: ignore[dict-item]


def gathered(folder: Path, active: str = "nah", most: int = 1000, **sources: Tree) -> Output:
    params = section(Gather, "gather", {"gather": {"most_characters": most, "sources": sources}})
    return gather(params, (active,), LANGUAGES, folder, folder, Path(os.devnull))


def book(folder: Path, data: str | bytes, name: str = "book.csv", **keys: object) -> Output:
    """What gather makes of one file."""
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return gathered(folder, book=sourced(**keys))


def sides(made: Output) -> list[tuple[str | None, str | None]]:
    rows = made.tables["rows"]
    return list(zip(rows["source"].to_pylist(), rows["target"].to_pylist(), strict=True))


def dropped(made: Output) -> list[tuple[str, str]]:
    ledger = made.tables["ledger"].filter(pc.invert(made.tables["ledger"]["kept"]))
    return sorted(zip(ledger["reason"].to_pylist(), ledger["value"].to_pylist(), strict=True))


CSV = "".join(f'{s},"{t}"\n' for s, t in PAIRS)
TSV = "spa\tnah\n" + "".join(f"{s}\t{t}\n" for s, t in PAIRS)
JSONL = "".join(json.dumps({"spa": s, "translation": {"nah": t}}) + "\n" for s, t in PAIRS)
UNIT = '<tu><tuv xml:lang="ES-MX"><seg>{}</seg></tuv><tuv xml:lang="nah"><seg>{}</seg></tuv></tu>\n'
TMX = f'<?xml version="1.0"?>\n<tmx><body>{"".join(UNIT.format(*p) for p in PAIRS)}</body></tmx>'
NAMED = {"source": "spa", "target": "nah"}
NESTED = {"source": "spa", "target": "translation.nah"}


def packed_zst(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


def parquet(rows: pa.Table | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    pairs = {"spa": [s for s, _ in PAIRS], "nah": [t for _, t in PAIRS]}
    pq.write_table(pa.table(pairs) if rows is None else rows, sink)
    return sink.getvalue().to_pybytes()


FORMATS: dict[str, tuple[bytes, str, dict[str, object], bool]] = {
    "book.csv": (CSV.encode(), "csv", {}, False),
    "bom.csv": (b"\xef\xbb\xbf" + CSV.encode(), "csv", {}, False),
    "crlf.csv": (CSV.replace("\n", "\r\n").encode(), "csv", {}, False),
    "book.tsv": (TSV.encode(), "tsv", NAMED, True),
    "book.tsv.gz": (gzip.compress(TSV.encode()), "tsv", NAMED, True),
    "book.jsonl": (JSONL.encode(), "jsonl", NESTED, False),
    "book.jsonl.gz": (gzip.compress(JSONL.encode()), "jsonl", NESTED, False),
    "book.jsonl.xz": (lzma.compress(JSONL.encode()), "jsonl", NESTED, False),
    "book.jsonl.bz2": (bz2.compress(JSONL.encode()), "jsonl", NESTED, False),
    "book.jsonl.zst": (
        packed_zst(JSONL[:20].encode()) + packed_zst(JSONL[20:].encode()),
        "jsonl",
        NESTED,
        False,
    ),
    "book.parquet": (parquet(), "parquet", NAMED, False),
    "book.tmx": (TMX.encode(), "tmx", {"source": "es", "target": "nah"}, False),
    "utf16.tmx": (
        TMX.replace('"1.0"', '"1.0" encoding="utf-16"').encode("utf-16"),
        "tmx",
        {"source": "es", "target": "nah"},
        False,
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_pairs(tmp_path: Path, name: str) -> None:
    data, kind, columns, header = FORMATS[name]
    made = book(
        tmp_path, data, name, path=f"raw/{name}", format=kind, columns=columns, header=header
    )
    assert sorted(sides(made)) == sorted(PAIRS)
    assert made.report["entered"] == made.report["kept"] == len(PAIRS)
    assert made.tables["rows"]["document"].to_pylist() == [name] * 3
    assert made.tables["rows"]["position"].to_pylist() == [0, 1, 2]


def test_moses_files_are_paired_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "book.spa").write_text("".join(f"{s}\n" for s, _ in PAIRS))
    (tmp_path / "book.nah.gz").write_bytes(gzip.compress("\n".join(t for _, t in PAIRS).encode()))
    columns = {"source": "spa", "target": "nah.gz"}
    made = gathered(tmp_path, book=sourced(columns, format="moses", path="raw/book"))
    assert sides(made) == PAIRS


def test_plain_text_files_are_named_by_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "books/b.txt").write_text("in tlalticpac\n\nin atl")
    (tmp_path / "books/a.txt").write_text("in tepetl\n")
    alone = {"source": None, "target": 1}
    keys = {"format": "text", "path": "raw/books/*.txt", "alone": ["target"]}
    made = gathered(tmp_path, book=sourced(alone, **keys, source_language=None))
    assert sides(made) == [(None, "in tepetl"), (None, "in tlalticpac"), (None, "in atl")]
    assert made.tables["rows"]["document"].to_pylist() == [
        "books/a.txt",
        "books/b.txt",
        "books/b.txt",
    ]
    assert dropped(made) == [("empty row", "books/b.txt:2")]


@pytest.mark.slow
def test_a_saved_data_set_and_a_folder_of_its_files_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    rows = [{"translation": {"spa": s, "nah": t}} for s, t in PAIRS]
    data = datasets.Dataset.from_list(rows)
    data.save_to_disk(tmp_path / "saved")
    (tmp_path / "files").mkdir()
    data.to_json(tmp_path / "files/train.jsonl", force_ascii=False)
    columns = {"source": "translation.spa", "target": "translation.nah"}
    for name in ("saved", "files"):
        made = gathered(tmp_path, book=sourced(columns, format="datasets", path=f"raw/{name}"))
        assert sides(made) == PAIRS


ROWS: dict[str, tuple[str | bytes, Tree, list[tuple[str, str]]]] = {  # beside one good first row
    "bad UTF-8": (b"agua,atl \xff\n", {}, [("not UTF-8 text", "book.csv:2")]),
    "Latin-1": ("año,xihuitl\n".encode("latin-1"), {}, [("not UTF-8 text", "book.csv:2")]),
    "too few columns": ("agua\n", {}, [("wrong number of columns", "book.csv:2")]),
    "too many columns": ("agua,atl,\n", {}, [("wrong number of columns", "book.csv:2")]),
    "broken quoting": ('"agua"x,atl\nsol,tonatiuh\n', {}, [("broken quoting", "book.csv:2")]),
    "blank line": ("\n \n", {}, [("empty row", "book.csv:2"), ("empty row", "book.csv:3")]),
    "empty target": ("agua, \n", {}, [("empty target", "book.csv:2")]),
    "empty source": (",atl\n", {}, [("empty source", "book.csv:2")]),
    "source may stand alone": (
        "agua,\n,atl\n",
        {"alone": ["source"]},
        [("empty source", "book.csv:3")],
    ),
    "over-long": (f"agua,{'a' * 1001}\n", {}, [("over-long", "book.csv:2")]),
    "UTF-16": ("agua,atl\n".encode("utf-16-be"), {}, [("not UTF-8 text", "book.csv:2")]),
    "after a line break": ('"a\nb",c\nagua\n', {}, [("wrong number of columns", "book.csv:4")]),
}


@pytest.mark.parametrize("case", ROWS)
def test_an_unreadable_row_is_dropped_with_its_reason_and_line(tmp_path: Path, case: str) -> None:
    data, keys, said = ROWS[case]
    data = data if isinstance(data, bytes) else data.encode()
    made = book(tmp_path, b"la tierra,in tlalticpac\n" + data, **keys)
    assert dropped(made) == said
    assert made.report["dropped"] == len(said)
    assert made.report["entered"] == made.report["kept"] + len(said)


LINES: dict[str, tuple[bytes, str]] = {
    "cut": (b'{"spa": "agua", "nah": "a', "bad JSON"),
    "deep": (b"[" * 100_000, "bad JSON"),
    "list": (b'["agua", "atl"]', "no JSON object"),
    "number": (b'{"spa": "uno", "nah": 1}', "not text"),
    "null": (b'{"spa": "uno", "nah": null}', "empty target"),
    "lone surrogate": (b'{"spa": "uno", "nah": "\\ud800"}', "not UTF-8 text"),
    "bad UTF-8": (b'{"spa": "uno", "nah": "\xff"}', "not UTF-8 text"),
    "position": (b'{"spa": "uno", "nah": "ce", "n": "first"}', "position is no number"),
    "variety": (b'{"spa": "uno", "nah": "ce", "v": "zzz"}', "unknown variety"),
}


@pytest.mark.parametrize("case", LINES)
def test_an_unreadable_json_line_is_dropped_with_its_reason(tmp_path: Path, case: str) -> None:
    line, said = LINES[case]
    good = b'{"spa": "agua", "nah": "atl", "n": 7, "v": "classical"}\n'
    columns = {"source": "spa", "target": "nah", "position": "n", "variety": "v"}
    keys = {"format": "jsonl", "varieties": {"classical": "nci", "": "nah"}}
    made = book(tmp_path, good + line + b"\n" + good, columns=columns, **keys)
    assert dropped(made) == [(said, "book.csv:2")]
    assert made.tables["rows"]["language"].to_pylist() == ["nci_Latn"] * 2
    assert made.tables["rows"]["position"].to_pylist() == [7, 7]


def test_varieties_are_mapped_and_strange_ones_are_lost_or_kept_as_said(tmp_path: Path) -> None:
    data = "a,b,Classical\nc,d,\ne,f,Tetzcoco\n"
    keys = {"columns": {"variety": 3}, "varieties": {"Classical": "nci", "": "nah"}}
    made = book(tmp_path, data, **keys)
    assert made.report["sources"]["book"]["varieties"] == {"nah_Latn": 1, "nci_Latn": 1}
    assert dropped(made) == [("unknown variety", "book.csv:3")]
    kept = book(
        tmp_path, data, **{**keys, "varieties": {"Classical": "nci", "": "nah", "*": "nah"}}
    )
    assert kept.report["sources"]["book"]["varieties"] == {"nah_Latn": 2, "nci_Latn": 1}


def test_ids_come_from_raw_text_and_equal_rows_are_counted(tmp_path: Path) -> None:
    made = book(tmp_path, " agua ,atl\n agua ,atl\n")
    wanted = {row_id("book", " agua ", "atl", earlier) for earlier in (0, 1)}
    assert set(made.tables["rows"]["id"].to_pylist()) == wanted
    assert sides(made) == [(" agua ", "atl")] * 2


def test_position_is_the_place_in_the_document(tmp_path: Path) -> None:
    data = "a,b,Nican Mopohua\nc,d,Diario\ne,f,Nican Mopohua\ng,h,\n"
    rows = book(tmp_path, data, columns={"document": 3}).tables["rows"]
    found = zip(rows["document"].to_pylist(), rows["position"].to_pylist(), strict=True)
    assert list(found) == [
        ("Diario", 0),
        ("Nican Mopohua", 0),
        ("Nican Mopohua", 1),
        ("book.csv", 0),
    ]


def test_only_active_languages_and_their_neighbours_are_read(tmp_path: Path) -> None:
    (tmp_path / "book.csv").write_text(CSV)
    other = {
        "nah": sourced(),
        "oromo": sourced(language="orm", path="raw/none.csv", varieties={"": "orm"}),
    }
    near = sourced(language="mix", varieties={"": "mig"}, trusted=False, redistribute=False)
    made = gathered(tmp_path, **other, kolo=near)
    facts = made.tables["sources"].to_pylist()
    assert [(f["origin"], f["language"], f["trusted"], f["rows"]) for f in facts] == [
        ("kolo", "mix", False, 3),
        ("nah", "nah", True, 3),
    ]


def test_the_same_call_twice_gives_the_same_and_conserves(tmp_path: Path) -> None:
    data = CSV + "agua\n\nagua\n"
    one, two = book(tmp_path, data), book(tmp_path, data)
    for name, table in one.tables.items():
        assert table.equals(two.tables[name])
    ledger, rows = one.tables["ledger"], one.tables["rows"]
    conserve("gather", ledger["id"], ledger, rows["id"])
    assert len(ledger) == line_count(tmp_path / "book.csv")


def test_the_oromo_help_is_read_whole() -> None:
    columns = {"source": "spa", "target": "orm", "document": "document"}
    keys = {"language": "orm", "path": "raw/libreoffice-help.om.jsonl.xz", "format": "jsonl"}
    raw = RAW.parents[1] / "languages/orm/data/raw"
    made = gathered(
        raw, "orm", 100_000, help=sourced(columns, **keys, alone=["target"], varieties={"": "orm"})
    )
    assert made.report["entered"] == made.report["kept"] == 18362
    assert (
        made.report["sources"]["help"]["target_alone"]
        == pc.sum(pc.is_null(made.tables["rows"]["source"])).as_py()
    )


PIECES = st.text(st.sampled_from('aꞌ,"\n\r\t 水'), max_size=6)


@given(st.lists(st.tuples(PIECES, PIECES), max_size=8))
def test_a_reader_accounts_for_every_line(rows: list[tuple[str, str]]) -> None:
    import tempfile

    written = "".join(f"{a},{b}\n" for a, b in rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any"
        path.write_bytes(written.encode())
        readers: list[Callable[..., object]] = [delimited.read_tsv, text.read, jsonl.read]
        for read in readers:
            assert sum(r.lines for r in read(path, (None,), False)) == line_count(path)  # type: ignore[attr-defined]
        try:
            assert sum(r.lines for r in delimited.read_csv(path, (None,), False)) == line_count(
                path
            )
        except InputError as error:
            assert "does not end" in str(error)


BOMB = '<!DOCTYPE tmx [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><tmx><body>&b;</body></tmx>'
BAD: dict[str, tuple[bytes | None, Tree, str]] = {
    "missing file": (None, {}, "book.csv does not exist; mend gather.sources"),
    "empty file": (b"", {}, "raw/book.csv holds no row"),
    "truncated gz": (gzip.compress(CSV.encode())[:-9], {"path": "raw/book.csv.gz"}, "cut short"),
    "no gz at all": (CSV.encode(), {"path": "raw/book.csv.gz"}, "cut short or damaged"),
    "truncated xz": (lzma.compress(CSV.encode())[:-9], {"path": "raw/book.csv.xz"}, "cut short"),
    "truncated zst": (packed_zst(CSV.encode())[:-4], {"path": "raw/book.csv.zst"}, "cut short"),
    "truncated parquet": (parquet()[:-9], {"format": "parquet", "columns": NAMED}, "cut short"),
    "quote never closed": (b'a,b\n"c,d\ne,f\n', {}, "book.csv:2 has a field that does not end"),
    "all rows dropped": (
        b"a,\nb,\n",
        {},
        "all 2 rows are dropped, most for 'empty target', as book.csv:1",
    ),
    "column number": (CSV.encode(), {"columns": {"target": 3}}, r"has no columns \[3\]; it has 2"),
    "column name": (
        TSV.encode(),
        {"format": "tsv", "header": True, "columns": {"source": "es", "target": "nah"}},
        r"no columns \['es'\]; it has \['spa', 'nah'\]",
    ),
    "json key": (
        JSONL.encode(),
        {"format": "jsonl", "columns": {"source": "spa", "target": "nah"}},
        r"no columns \['nah'\]; it has \['spa', 'translation'\]",
    ),
    "parquet column": (
        parquet(),
        {"format": "parquet", "columns": {"source": "spa", "target": "orm"}},
        r"no columns \['orm'\]",
    ),
    "number for a name": (
        JSONL.encode(),
        {"format": "jsonl"},
        r"has columns by name only, got \[1, 2\]",
    ),
    "entity bomb": (BOMB.encode(), {"format": "tmx", "columns": NAMED}, "declares the entity 'a'"),
    "lost entity": (
        TMX.replace("<tmx>", '<!DOCTYPE tmx SYSTEM "a.dtd"><tmx>')
        .replace("agua", "&agua;")
        .encode(),
        {"format": "tmx", "columns": NAMED},
        "uses the entity 'agua', which it does not define",
    ),
    "broken XML": (TMX.encode()[:-9], {"format": "tmx", "columns": NAMED}, "is no well-formed XML"),
    "language absent in TMX": (
        TMX.encode(),
        {"format": "tmx", "columns": NAMED},
        r"no columns \['spa'\]",
    ),
    "unknown language": (
        CSV.encode(),
        {"language": "nhuatl"},
        "'nhuatl', which is not in languages",
    ),
    "unknown variety code": (
        CSV.encode(),
        {"varieties": {"": "nhz"}},
        r"varieties \['nhz'\], which are",
    ),
    "source language": (CSV.encode(), {"source_language": "spanish"}, "source_language 'spanish'"),
    "path from the root": (
        CSV.encode(),
        {"path": "raw//etc/hosts"},
        "without .. or //, got 'raw//",
    ),
    "path outside": (CSV.encode(), {"path": "raw/../book.csv"}, "path must be fetched/…, raw/… or"),
    "hub without commit": (
        CSV.encode(),
        {"path": "hub/a/b", "format": "datasets"},
        "revision is the 40 hex digits",
    ),
    "header of JSON": (
        JSONL.encode(),
        {"format": "jsonl", "header": True},
        "header is true for csv",
    ),
    "format": (CSV.encode(), {"format": "xlsx"}, "format: Input should be 'csv'"),
    "one side": (
        CSV.encode(),
        {"columns": {"source": None}, "source_language": None},
        "needs alone",
    ),
    "no such key": (CSV.encode(), {"colums": {}}, r"has unknown \['sources.book.colums'\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_source_is_one_line(tmp_path: Path, case: str) -> None:
    data, keys, said = BAD[case]
    with pytest.raises(InputError, match=said) as caught:
        name = str(keys.get("path", "book.csv")).split("/")[-1]
        if data is None:
            gathered(tmp_path, book=sourced())
        else:
            book(tmp_path, data, name, **keys)
    assert "\n" not in str(caught.value)
    assert "book" in str(caught.value)


UNREADABLE = pa.Array.from_buffers(
    pa.string(), 3, pa.array([b"in tlalticpac", b"\xe9tl\xff", b"tonalli"]).buffers()
)
NESTS: dict[str, pa.Array | pa.ChunkedArray] = {
    "plain": UNREADABLE,
    "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), UNREADABLE),
    "struct": pa.StructArray.from_arrays([UNREADABLE], ["nah"]),
    "dictionary in a struct": pa.StructArray.from_arrays(
        [pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), UNREADABLE)], ["nah"]
    ),
}


@pytest.mark.parametrize("case", NESTS)
def test_bytes_that_are_no_text_are_marked_wherever_they_are(case: str) -> None:
    values = [v["nah"] if isinstance(v, dict) else v for v in arrow.decoded(NESTS[case])]
    assert values == ["in tlalticpac", "\udce9tl\udcff", "tonalli"]


@pytest.mark.parametrize("case", ["plain", "struct"])
def test_bytes_that_are_no_text_are_dropped_wherever_they_are(tmp_path: Path, case: str) -> None:
    column = NESTS[case]
    name = "t.nah" if pa.types.is_struct(column.type) else "t"
    data = parquet(pa.table({"spa": ["la tierra", "agua", "sol"], "t": column}))
    made = book(tmp_path, data, format="parquet", columns={"source": "spa", "target": name})
    assert sides(made) == [("la tierra", "in tlalticpac"), ("sol", "tonalli")]
    assert [reason for reason, _ in dropped(made)] == ["not UTF-8 text"]


def test_a_dictionary_of_bytes_that_are_no_text_is_one_line(tmp_path: Path) -> None:
    data = parquet(pa.table({"spa": ["a", "b", "c"], "t": NESTS["dictionary"]}))
    with pytest.raises(InputError, match="Invalid UTF8"):  # Arrow refuses to read it
        book(tmp_path, data, format="parquet", columns={"source": "spa", "target": "t"})


def test_moses_files_of_different_length_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "book.spa").write_text("agua\nsol\n")
    (tmp_path / "book.nah").write_text("atl\n")
    with pytest.raises(
        InputError, match=r"book.nah'\] ends before line 2 and its partner does not"
    ):
        gathered(tmp_path, book=sourced(NAMED, format="moses", path="raw/book"))


def test_an_active_language_without_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gather.sources has no source for \['orm'\]"):
        gathered(tmp_path, "orm", book=sourced())


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    with pytest.raises(InputError, match=r"books is a folder; name a file, or files as 'books/\*'"):
        gathered(tmp_path, book=sourced(path="raw/books"))


def test_one_row_is_enough(tmp_path: Path) -> None:
    assert sides(book(tmp_path, "la tierra,in tlalticpac")) == [("la tierra", "in tlalticpac")]
