"""Laws and cases of telling orthographies apart, and of learning spelling variants."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from augment.respell import writers_of, written
from corpus.orthography import profile
from corpus.settings import PARAMS, Language, load, section
from corpus.spelling import SCORES, Spelling, spelling
from corpus.table import InputError
from corpus.variants import variants

CASES = [
    line.split("\t")
    for line in Path(__file__)
    .with_name("cases")
    .joinpath("spelling.tsv")
    .read_text("utf-8")
    .splitlines()
    if not line.startswith("#")
]
SET = section(Spelling, "spelling", load(Path(__file__).parents[1] / PARAMS))
COLONIAL = "Auh ynic amo hueca quitztica yn Aztlan yn Teocolhuacan çan quichiuh"
SEP = "Uajkino ya tonilitiya uan kinejki kimachilis"
Corpus = Callable[..., pa.Table]


def languages(orthography: str | None) -> dict[str, Language]:
    """One language with a profile or without."""
    return {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), orthography)}


def alone(rows: pa.Table) -> pa.Table:
    """Clusters in which no row is near another."""
    return pa.table({"id": rows["id"], "group": rows["id"]})


def told(rows: pa.Table, orthography: str | None = "nah") -> list[dict[str, object]]:
    """The scores of a table."""
    table = spelling(rows, alone(rows), SET, languages(orthography)).tables["scores"]
    assert table.schema == SCORES
    assert table["id"] == rows["id"]
    found: list[dict[str, object]] = table.to_pylist()
    return found


@pytest.mark.parametrize(("language", "text", "orthography", "where"), CASES)
def test_real_texts(corpus: Corpus, language: str, text: str, orthography: str, where: str) -> None:
    (row,) = told(corpus(text), language)
    assert row["orthography"] == orthography, where


def test_the_cases_have_every_orthography() -> None:
    for language in {case[0] for case in CASES}:
        cased = {case[2] for case in CASES if case[0] == language}
        assert profile(language).orthographies.keys() - cased <= {"plain"}


def test_a_respelled_text_is_told_as_what_it_was_written_in(corpus: Corpus) -> None:
    text = " ".join(case[1] for case in CASES if case[0] == "nah")
    for name, write in writers_of("nah").items():
        made, _ = written(text, write)
        (row,) = told(corpus(made))
        assert row["orthography"] == name, made


def test_a_text_that_tells_nothing_has_no_orthography(corpus: Corpus) -> None:
    for text in ("1478", "amo", "pueblo de Santiago"):
        (row,) = told(corpus(text))
        assert (row["orthography"], row["score"], row["signs"]) == (None, None, 0)
    (row,) = told(corpus(""))
    assert row["signs"] is None
    (row,) = told(corpus(None))
    assert row["signs"] is None
    (row,) = told(corpus(SEP), None)
    assert (row["orthography"], row["signs"]) == (None, None)


def test_words_of_the_source_do_not_count(corpus: Corpus) -> None:
    (row,) = told(corpus("amo Kakaxtla", sources=("no, Kakaxtla",)))
    assert row["signs"] == 0


def test_a_short_row_follows_its_document(corpus: Corpus) -> None:
    rows = corpus(SEP, SEP, SEP, "kali")
    (alike,) = told(corpus("kali"))
    assert told(rows)[3]["orthography"] == "sep"
    assert told(rows)[3]["score"] > (alike["score"] or 0)  # type: ignore[operator]
    apart = rows.set_column(1, rows.schema.field("document"), [["a", "b", "c", "d"]])
    assert told(apart)[3]["score"] == alike["score"]


def test_scores_are_probabilities_whatever_the_order(corpus: Corpus) -> None:
    rows = corpus(COLONIAL, SEP, "kali", "1478")
    scores = told(rows)
    assert all(row["score"] is None or 0.2 < row["score"] <= 1 for row in scores)  # type: ignore[operator]
    turned = rows.take([3, 1, 0, 2])
    assert sorted(told(turned), key=lambda row: str(row["id"])) == scores


def test_the_report_counts_by_document(corpus: Corpus) -> None:
    rows = corpus(COLONIAL, SEP)
    report = spelling(rows, alone(rows), SET, languages("nah")).report
    assert report["by_language"] == {"nci_Latn": {"test": {"colonial": 1, "sep": 1}}}
    assert report["documents"] == [
        {
            "origin": "test",
            "document": "book",
            "language": "nci_Latn",
            "rows": {"colonial": 1, "sep": 1},
        }
    ]


def words(*pairs: tuple[str, str], spell: Callable[[str], str] = str) -> list[dict[str, object]]:
    """A row for each word, with its document."""
    return [
        {"id": f"{number}", "origin": "o", "document": d, "source": None, "target": spell(w)}
        for number, (w, d) in enumerate(pairs)
    ]


STEMS = ("calli", "calpolli", "nacatl", "tlacatl", "cacahuatl", "macehualli", "tlacuilo")
FEW = replace(SET.variants, least_pairs=3, least_context=3)


def test_letters_that_change_with_the_document_are_spelling() -> None:
    rows = words(
        *((stem, "a") for stem in STEMS), *((stem.replace("c", "k"), "b") for stem in STEMS)
    )
    rows += words(*((f"{stem}h", "a") for stem in STEMS), *((f"{stem}", "c") for stem in STEMS))
    (first, *others) = variants(rows, {}, FEW)
    assert (first["one"], first["other"]) == ("c", "k")
    assert all((row["one"], row["other"]) != ("", "h") for row in others)  # grammar: one document


def test_with_sources_a_variant_needs_a_pair_that_shares_one() -> None:
    rows = words(
        *((stem, "a") for stem in STEMS), *((stem.replace("c", "k"), "b") for stem in STEMS)
    )
    rows += words(*((f"{stem}h", "a") for stem in STEMS))
    apart = [{**row, "source": f"x{number}"} for number, row in enumerate(rows)]
    assert variants(apart, {}, FEW) == []
    shared = [{**row, "source": row["target"].replace("k", "c").strip("h")} for row in rows]  # type: ignore[attr-defined]
    beside = [{**row, "source": f"s{row['source']}"} for row in shared]
    assert [(row["one"], row["other"]) for row in variants(beside, {}, FEW)] == [("c", "k")]
    groups = {"0": "g", "7": "g"}  # near-duplicates link too: calli, kalli
    assert [(row["one"], row["other"]) for row in variants(rows, groups, FEW)] == [("c", "k")]


def test_settings_at_fault_are_named() -> None:
    tree = load(Path(__file__).parents[1] / PARAMS)["spelling"]
    with pytest.raises(InputError, match=r"slip must be between 0 and 0\.5, got 0\.7"):
        section(Spelling, "spelling", {"spelling": {**tree, "slip": 0.7}})
