"""What pairs teach of words: links in both directions, meanings, and a language's own affixes."""

import json
import lzma
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from augment.affixes import Affixation, affixes
from augment.lexicon import Learning, free, learned, opens, words
from augment.making import Row

ROOT = Path(__file__).parent.parent
LEARNING = Learning(
    most_pairs=10**6, most_words=60, iterations=5, strength=1.0, least_confidence=0.5
)
AFFIXATION = Affixation(least_stem=4, most_letters=5, least_stems=5)
SENTENCES = {
    "nah": [
        ("el agua blanca", "in atl iztac"),
        ("la casa blanca", "in calli iztac"),
        ("el agua grande", "in atl huey"),
        ("la casa grande", "in calli huey"),
        ("la piedra grande", "in tetl huey"),
        ("la piedra blanca", "in tetl iztac"),
    ],
    "amh": [
        ("agua limpia", "ንጹህ ውሃ"),
        ("casa limpia", "ንጹህ ቤት"),
        ("agua grande", "ትልቅ ውሃ"),
        ("casa grande", "ትልቅ ቤት"),
        ("libro grande", "ትልቅ መጽሐፍ"),
        ("libro nuevo", "አዲስ መጽሐፍ"),
    ],
    "khm": [
        ("agua limpia", "ទឹក\u200bស្អាត"),
        ("casa limpia", "ផ្ទះ\u200bស្អាត"),
        ("agua grande", "ទឹក\u200bធំ"),
        ("casa grande", "ផ្ទះ\u200bធំ"),
        ("libro grande", "សៀវភៅ\u200bធំ"),
        ("libro nuevo", "សៀវភៅ\u200bថ្មី"),
    ],
}


def pairs(key: str, copies: int = 3) -> list[Row]:
    """Rows of a few pairs, each some times over."""
    return [
        {"id": f"{n}-{copy}", "source": source, "target": target, "language": f"{key}_X"}
        for n, (source, target) in enumerate(SENTENCES[key])
        for copy in range(copies)
    ]


@pytest.mark.parametrize(
    ("key", "row", "expected"),
    [
        ("nah", ("la casa blanca", "in calli iztac"), {"casa": "kali", "blanca": "istak"}),
        ("nah", ("¿Agua grande?", "¡Huey ATL!"), {"agua": "atl", "grande": "wei"}),
        ("amh", ("casa limpia", "ንጹህ ቤት"), {"casa": "ቤት", "limpia": "ንጹህ"}),
        ("amh", ("libro azul", "መጽሐፍ ሰማያዊ"), {"libro": "መጽሐፍ"}),  # new words stand for nothing
        ("khm", ("agua limpia", "ទឹក\u200bស្អាត"), {"agua": "ទឹក", "limpia": "ស្អាត"}),
        ("nah", ("", "in atl"), {}),
        ("nah", ("agua", "12"), {}),
    ],
)
def test_words_that_stand_for_each_other_are_linked(
    key: str, row: tuple[str, str], expected: dict[str, str]
) -> None:
    lexicon = learned(pairs(key), "nah" if key == "nah" else None, LEARNING)
    source, target = lexicon.words({"source": row[0], "target": row[1]})
    links = [link for link in lexicon.links(source, target) if link.confidence >= 0.5]
    found = {source[link.source].key: target[link.target].key for link in links}
    content = {one: other for one, other in found.items() if one not in ("la", "el")}
    assert content == expected


@pytest.mark.parametrize("key", SENTENCES)
def test_order_changes_nothing_and_a_pair_does(key: str) -> None:
    rows = pairs(key)
    one, other = learned(rows, None, LEARNING), learned(rows[::-1], None, LEARNING)
    assert one.name == other.name
    assert one.meanings == other.meanings
    assert one.there.counts.tobytes() == other.there.counts.tobytes()
    assert learned(rows[:-1], None, LEARNING).name != one.name


def test_without_pairs_nothing_is_linked() -> None:
    held_back = [{**row, "source": None} for row in pairs("nah")]
    for rows in ([], held_back):
        lexicon = learned(rows, None, LEARNING)
        assert lexicon.links(*lexicon.words(pairs("nah")[0])) == []
        assert lexicon.meanings == {}


def test_a_repeated_word_is_linked_to_its_neighbour_in_place() -> None:
    lexicon = learned(pairs("nah"), None, LEARNING)
    source, target = lexicon.words({"source": "agua casa agua", "target": "atl calli atl"})
    assert [(a, b) for a, b, _ in lexicon.links(source, target)] == [(0, 0), (1, 1), (2, 2)]


def test_long_pairs_and_pairs_beyond_the_most_teach_nothing() -> None:
    few = Learning(most_pairs=2, most_words=2, iterations=5, strength=1.0, least_confidence=0.5)
    assert learned(pairs("nah"), None, few).pairs == ()  # all have three words
    assert len(learned(pairs("amh"), None, few).pairs) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dijo Juan. Ella, Ana", [True, False, True, False]),
        ("¿Quién? ¡Ana!", [True, True]),
        ("el 3 Calli", [True, False]),
        ("«ውሃ» ቤት", [True, True]),
    ],
)
def test_what_opens_a_sentence(text: str, expected: list[bool]) -> None:
    known = words(text, None)
    assert [opens(text, known, place) for place in range(len(known))] == expected


def test_words_within_a_span_are_not_free() -> None:
    text = "in atl in tepetl huey"
    assert free(words(text, None), [(3, 16)]) == {0, 4}
    assert free(words(text, None), []) == {0, 1, 2, 3, 4}


NAHUATL = {  # word: source; single words of any grammar
    stem: [f"{prefix}{stem}{suffix}" for prefix in ("", "ni", "ti") for suffix in ("", "h")]
    for stem in ("tlahtoa", "choca", "cochi", "nemi", "huetzi", "cuica")
} | {
    stem: [f"{stem}{suffix}" for suffix in ("tl", "meh", "tzin")]
    for stem in ("michi", "cihua", "siwa", "koyo", "masa", "mista")
}


def test_affixes_of_nahuatl_are_found() -> None:
    meanings = {
        word: Counter({f"{stem[:5]}": 1}) for stem, forms in NAHUATL.items() for word in forms
    }
    found = affixes(meanings, AFFIXATION)
    assert {"ni", "ti"} <= found.prefixes.keys()
    assert {"tl", "meh", "tzin"} <= found.suffixes.keys()
    assert found.cut("nitlahtoa") == ("ni", "tlahtoa", "")
    assert found.cut("cihuameh") == ("", "cihua", "meh")
    assert found.cut("atl") == ("", "atl", "")  # nothing would be left of the stem


def test_without_a_common_meaning_nothing_is_an_affix() -> None:
    forms = [word for forms in NAHUATL.values() for word in forms]
    apart = {word: Counter({f"{n:05}": 1}) for n, word in enumerate(forms)}
    assert affixes(apart, AFFIXATION)[:2] == ({}, {})
    assert affixes({}, AFFIXATION)[:2] == ({}, {})


def test_affixes_of_oromo_are_found_in_software_help() -> None:
    rows = []
    with lzma.open(
        ROOT / "languages/orm/data/raw/libreoffice-help.om.jsonl.xz", "rt", encoding="utf-8"
    ) as file:
        for n, line in enumerate(islice(file, 4000)):
            row = json.loads(line)
            rows.append({"id": str(n), "source": row["spa"], "target": row["orm"]})
    lexicon = learned(rows, None, LEARNING)
    found = affixes(lexicon.meanings, AFFIXATION)
    assert {"oota", "tti", "wwan", "lee", "uuf"} <= found.suffixes.keys()
    best = sorted(found.suffixes, key=lambda end: (-found.suffixes[end], end))[:20]
    assert {"oota", "tti", "wwan"} <= set(best)
    assert len(found.prefixes) < len(found.suffixes) / 4  # a language of suffixes


@pytest.mark.parametrize(
    "wrong", [{"most_pairs": 0}, {"strength": 0.0}, {"least_confidence": 1.5}, {"most_words": 0}]
)
def test_settings_out_of_range_are_errors(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be|at least"):
        Learning(**{**vars(LEARNING), **wrong})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1"):
        Affixation(least_stem=0, most_letters=5, least_stems=5)
