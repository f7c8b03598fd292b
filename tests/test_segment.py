"""Sentences of any script without a lost character; beads that hold each sentence once."""

import json
import lzma
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.formats import align as alignment
from corpus.formats.align import align
from corpus.formats.segment import sentences, unwrapped
from corpus.gather import Gather, gather
from corpus.settings import Language, section
from corpus.table import InputError

RAW = Path(__file__).parent.parent / "data/raw"
TEXT = st.text(
    alphabet=st.sampled_from(list("ab. A\n!?1។།༎ ።ማ人。؟ل\u200b\u200f་ང'\"«»…\x85\u2028\t"))
    | st.characters(codec="utf-8"),  # gather lets no lone surrogate through
    max_size=60,
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Yn acattopa xihuitl. Auh in ihcuac ohualacico, quitoque: “Nican tiezque.”", 2),
        ("¿Tlein? ¡Ximehua! Niauh.", 3),
        ("J. A. Pérez quihto. 3. Occe.", 2),  # initials end nothing, a number is no sentence
        ("In c. 1550 omochiuh.", 1),
        ("Barruun kun maal jedha? Deebii isaa caqasi.", 2),
        ("ሁሉም ሰዎች ነጻ ናቸው። እኩል ክብር አላቸው። ይህ ምንድነው?", 3),  # Amharic
        ("មនុស្សទាំងអស់ កើតមកមានសេរីភាព។ មនុស្ស មានវិចារណញ្ញាណ។", 2),  # Khmer
        ("सभी मनुष्यों को स्वतन्त्रता प्राप्त है। उन्हें बुद्धि की देन है। क्या है?", 3),  # Hindi
        ("يولد جميع الناس أحرارا. وقد وهبوا عقلا؟ نعم.", 3),  # Arabic
        ("تمام انسان آزاد ہیں۔ انہیں ضمیر ہے۔", 2),  # Urdu
        ("Բոլոր մարդիկ ծնվում են ազատ։ Նրանք ունեն բանականություն։", 2),  # Armenian
        ("人人生而自由。他们赋有理性和良心。", 2),  # Chinese, without a space
        ("လူတိုင်းသည် တူညီသည်။ အခွင့်အရေးများ ရှိသည်။", 2),  # Burmese
        ("འགྲོ་བ་མིའི་རིགས། ཐོབ་ཐངགི་རང་དབང་ཡོད།", 2),  # Tibetan
        ("มนุษย์ทั้งหลายเกิดมามีอิสระ ต่างมีเหตุผล", 1),  # Thai has no mark for the end
        ("ce\nome\n", 2),  # a line break ends a sentence
        ("", 0),
        ("  \n", 1),
        ("…", 1),
    ],
)
def test_sentences_of_many_scripts(text: str, count: int) -> None:
    found = sentences(text)
    assert len(found) == count
    assert "".join(found) == text


@given(TEXT)
def test_no_character_is_lost_or_changed(text: str) -> None:
    assert "".join(sentences(text)) == text
    assert all(sentences(text))


@given(st.text(alphabet="ab ១។ម\n\t人", max_size=40))
def test_unwrapping_touches_nothing_but_white_space(text: str) -> None:
    assert "".join(unwrapped(text).split()) == "".join(text.split())


SIDE = st.lists(st.sampled_from(["Atl 1531.", "Ce.", "Nican mopohua in huey.", "agua", " "]))


@given(SIDE, SIDE)
def test_each_sentence_is_in_one_bead_and_in_order(source: list[str], target: list[str]) -> None:
    beads = align(source, target)
    for side, text in enumerate((source, target)):
        cuts = [bead[side] for bead in beads]
        assert [n for a, b in cuts for n in range(a, b)] == list(range(len(text)))
        assert (
            all(end == start for (_, end), (start, _) in pairwise(cuts)) or not source or not target
        )
    assert all(a < b or c < d for (a, b), (c, d) in beads)


def test_numbers_and_names_settle_what_length_cannot() -> None:
    source = ["El año 1531.", "Fue en México.", "Vino Juan Diego.", "Murió en 1548."]
    target = ["Xihuitl 1531.", "Juan Diego huala.", "Omic ipan 1548."]
    assert [bead for bead in align(source, target) if bead[0][0] < bead[0][1] > bead[1][0]]
    assert ((1, 2), (1, 1)) in align(source, target)


def test_texts_too_long_to_align_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "MOST_CELLS", 3)
    with pytest.raises(InputError, match="two texts of 2 and 2 sentences are too long to align"):
        align(["ce", "ome"], ["uno", "dos"])


def paragraphs(declaration: str) -> list[str]:
    with lzma.open(RAW / "udhr.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = map(json.loads, lines)
        return [row["text"] for row in rows if row["declaration"] == declaration]


LANGUAGES = {"nah": Language("Nahuatl", ("nah",), "Latn", "spa_Latn", (), None)}
SOURCE: dict[str, object] = {
    "language": "nah",
    "path": "raw/book",
    "format": "documents",
    "header": False,
    "revision": None,
    "segment": "sentences",
    "alone": [],
    "varieties": {"": "nah"},
    "domains": {},
    "licence": "CC0-1.0",
    "redistribute": True,
    "trusted": True,
}


def gathered(folder: Path, source: str | None, **keys: object) -> tuple[list[dict], list[dict]]:
    """Rows and dropped rows of book.spa and book.nah."""
    columns = {"source": source, "target": "nah"} | dict.fromkeys(
        ("document", "position", "variety")
    )
    language = "spa_Latn" if source else None
    tree = {**SOURCE, "columns": columns, "source_language": language, **keys}
    params = section(Gather, "gather", {"gather": {"most_characters": 900, "sources": {"b": tree}}})
    made = gather(params, ("nah",), LANGUAGES, folder, folder, Path(os.devnull)).tables
    assert len(made["ledger"]) == len(made["rows"]) + sum(
        not kept for kept in made["ledger"]["kept"].to_pylist()
    )
    return made["rows"].to_pylist(), [r for r in made["ledger"].to_pylist() if not r["kept"]]


def test_plain_text_becomes_segments_with_document_and_position(tmp_path: Path) -> None:
    (tmp_path / "book.nah").write_text("Ce tlacatl\nhuala. Occe\n\nyaz. 2. Ome.\n", "utf-8")
    rows, dropped = gathered(tmp_path, None, segment="wrapped", alone=["target"])
    assert [row["target"] for row in rows] == ["Ce tlacatl huala.", "Occe", "yaz.", "2. Ome."]
    assert [row["position"] for row in rows] == [0, 1, 2, 3]
    assert {row["document"] for row in rows} == {"book"}
    assert not dropped
    again, _ = gathered(tmp_path, None, segment="wrapped", alone=["target"])
    assert rows == again


def test_nothing_of_a_document_is_lost(tmp_path: Path) -> None:
    for declaration in ("amh", "khm", "nhn"):
        text = "\n".join(paragraphs(declaration))
        (tmp_path / "book.nah").write_text(text, "utf-8")
        rows, dropped = gathered(tmp_path, None, alone=["target"])
        assert not dropped
        assert "".join("".join(r["target"] for r in rows).split()) == "".join(text.split())


def test_a_line_that_is_no_text_is_a_ledger_row_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "book.nah").write_bytes("Ce tlacatl.\n\xff\nOme.\n".encode("latin-1"))
    rows, dropped = gathered(tmp_path, None, alone=["target"])
    assert [row["target"] for row in rows] == ["Ce tlacatl.", "Ome."]
    assert [(row["reason"], row["value"]) for row in dropped] == [("not UTF-8 text", "book:2")]


def test_two_documents_become_pairs_and_what_has_no_partner_is_kept_or_named(
    tmp_path: Path,
) -> None:
    spanish, nahuatl = paragraphs("spa"), paragraphs("nhn")
    (tmp_path / "book.spa").write_text("\n".join(spanish), "utf-8")
    (tmp_path / "book.nah").write_text("\n".join(nahuatl[:5] + nahuatl[8:]), "utf-8")
    rows, dropped = gathered(tmp_path, "spa")
    assert rows and all(row["source"] and row["target"] for row in rows)
    assert {row["reason"] for row in dropped} == {"not aligned"}
    alone, none = gathered(tmp_path, "spa", alone=["source", "target"])
    assert len(alone) == len(rows) + len(dropped)
    assert not none
    for side, text in (("source", spanish), ("target", nahuatl[:5] + nahuatl[8:])):
        told = "".join(row[side] or "" for row in alone)
        assert "".join(told.split()) == "".join("".join(text).split())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"segment": None}, "format documents has a document a file; segment says how to cut it"),
        ({"segment": "words"}, "segment"),
    ],
)
def test_what_cannot_be_cut_is_one_line(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        gathered(tmp_path, None, alone=["target"], **change)
