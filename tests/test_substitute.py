"""A word gives way to another of the same meaning and the same affixes, or stays."""

from collections import Counter
from dataclasses import replace

import pytest
from pydantic import ValidationError

from augment.affixes import Affixation, Affixes
from augment.lexicon import Learning, learned
from augment.made import Guard
from augment.making import Row
from augment.protected import protected
from augment.substitute import Substitute, Tool, cosine, substituted, synonyms, tool_of

LEARNING = Learning(
    most_pairs=10**6, most_words=60, iterations=5, strength=0.1, least_confidence=0.5
)
PARAMS = Substitute(
    most_rows=100,
    share=0.5,
    least_confidence=0.5,
    least_links=3,
    least_similarity=0.7,
    most_likeness=0.6,
    affixes=Affixation(least_stem=3, most_letters=5, least_stems=99),
    lexicon=LEARNING,
)
TAUGHT = {
    "nah": [
        ("casa blanca", "iztac calli"),
        ("casa grande", "huey chantli"),
        ("casa grande", "huey calli"),
        ("casa blanca", "iztac chantli"),
        ("piedra blanca", "iztac tetl"),
        ("piedra grande", "huey tetl"),
    ],
    "orm": [
        ("muestra texto", "barruu mul'isa"),
        ("muestra imagen", "fakkii agarsiisa"),
        ("muestra imagen", "fakkii mul'isa"),
        ("muestra texto", "barruu agarsiisa"),
        ("borra texto", "barruu haqa"),
        ("borra letra", "arfii haqa"),
        ("borra imagen", "fakkii haqa"),
    ],
    "amh": [
        ("casa limpia", "ንጹህ መኖሪያ"),
        ("casa grande", "ትልቅ መኖሪያ"),
        ("casa grande", "ትልቅ ቤታችን"),
        ("casa limpia", "ንጹህ ቤታችን"),
        ("agua grande", "ትልቅ ውሃ"),
        ("agua limpia", "ንጹህ ውሃ"),
    ],
}


def row(source: str | None, target: str, id: str = "r", language: str = "x_Latn") -> Row:
    """A row of a training split."""
    return {"id": id, "source": source, "target": target, "language": language}


def tool(key: str, *expressions: str) -> Tool:
    """What a few pairs, each four times, teach."""
    rows = [row(*pair, f"{n}-{m}") for n, pair in enumerate(TAUGHT[key]) for m in range(4)]
    lexicon = learned(rows, "nah" if key == "nah" else None, LEARNING)
    return tool_of(lexicon, Guard(protected(()), protected(expressions)), PARAMS)


@pytest.mark.parametrize(
    ("key", "pair", "expected"),
    [
        ("nah", ("casa blanca", "Iztac calli."), "Iztac chantli."),
        ("nah", ("casa grande", "Chantli huey"), "Calli huey"),  # with its capital
        ("orm", ("muestra imagen", "fakkii mul'isa"), "fakkii agarsiisa"),
        ("orm", ("muestra texto", "Barruu agarsiisa!"), "Barruu mul'isa!"),
        ("amh", ("casa limpia", "ንጹህ መኖሪያ።"), "ንጹህ ቤታችን።"),
    ],
)
def test_a_word_gives_way_to_its_near_synonym(
    key: str, pair: tuple[str, str], expected: str
) -> None:
    (new,) = substituted([row(*pair)], tool(key), PARAMS).rows
    assert (new["source"], new["target"]) == (pair[0], expected)
    assert (new["origin"], new["parent"]) == ("substitute", "r")
    assert new["engine"].startswith("substitute@")


@pytest.mark.parametrize(
    ("key", "pair", "reason"),
    [
        ("nah", (None, "iztac calli"), "one side only"),
        ("nah", ("cielo", "ilhuicatl"), "no word is linked surely"),
        ("nah", ("piedra blanca", "iztac tetl"), "no near-synonym with the same affixes"),
        ("amh", ("agua limpia", "ንጹህ ውሃ"), "no near-synonym with the same affixes"),
    ],
)
def test_a_row_that_is_left_alone_says_why(
    key: str, pair: tuple[str | None, str], reason: str
) -> None:
    made = substituted([row(*pair)], tool(key), PARAMS)
    assert made.rows == []
    assert made.outcome == {reason: 1}


def test_protected_words_stay() -> None:
    made = substituted([row("casa grande", "huey calli")], tool("nah", "huey calli"), PARAMS)
    assert made.rows == []
    assert made.protected == {"kept": 0, "rows_left_alone": 1}


def test_a_word_of_another_variety_is_never_written() -> None:
    made = substituted([row("casa grande", "huey calli", language="y_Latn")], tool("nah"), PARAMS)
    assert made.rows == []


def with_meanings(known: Tool, words: dict[str, str], affixes: Affixes) -> Tool:
    """A tool that knows these words alone, by the source word that each stands for."""
    meanings = {word: Counter({source: 9}) for word, source in words.items()}
    lexicon = replace(known.lexicon)
    lexicon.__dict__["meanings"] = meanings  # what is learned once and kept
    by_source = {source: [w for w in words if words[w] == source] for source in words.values()}
    forms = {("x_Latn", word): word for word in words}
    return known._replace(lexicon=lexicon, words=by_source, forms=forms, affixes=affixes)


def test_affixes_stay_and_stems_are_swapped() -> None:
    words = dict.fromkeys(("nitlahtoa", "titlahtoa", "nikwika", "tikwika"), "habla")
    known = with_meanings(tool("nah"), words, Affixes({"ni": 9, "ti": 9}, {}, 3))
    assert synonyms("nitlahtoa", "habla", known, PARAMS) == ["nikwika"]  # I, never you
    assert synonyms("tikwika", "habla", known, PARAMS) == ["titlahtoa"]


def test_a_stem_is_lent_by_a_word_of_other_affixes() -> None:
    words = {"nitlahtoa": "habla", "tikwika": "habla", "nikwika": "otro"}
    known = with_meanings(tool("nah"), words, Affixes({"ni": 9, "ti": 9}, {}, 3))
    assert synonyms("nitlahtoa", "habla", known, PARAMS) == ["nikwika"]


def test_short_words_are_grammar_and_stay() -> None:
    words = {"aik": "nunca", "kema": "nunca"}
    known = with_meanings(tool("nah"), words, Affixes({}, {}, 4))
    assert synonyms("aik", "nunca", known, PARAMS) == []
    assert synonyms("kema", "nunca", known, PARAMS) == []


def test_a_spelling_of_the_same_word_is_no_synonym() -> None:
    words = {"senka": "muy", "senkah": "muy"}
    known = with_meanings(tool("nah"), words, Affixes({}, {}, 4))
    assert synonyms("senka", "muy", known, PARAMS) == []


def test_meanings_must_be_alike() -> None:
    assert cosine({"agua": 3}, {"agua": 1}) == 1.0
    assert cosine({"agua": 3}, {"casa": 1}) == 0.0
    assert 0.5 < cosine({"agua": 3, "casa": 1}, {"agua": 1, "casa": 1}) < 1.0
    assert cosine({}, {}) == 0.0


def test_a_row_depends_on_nothing_but_itself_and_the_lexicon() -> None:
    known = tool("orm")
    rows = [row("muestra texto", "barruu mul'isa", str(n)) for n in range(9)]
    made = substituted(rows, known, PARAMS).rows
    assert substituted(rows[::-1], known, PARAMS).rows[::-1] == made
    assert substituted(rows[3:4], known, PARAMS).rows == made[3:4]


@pytest.mark.parametrize(
    "wrong", [{"most_rows": -1}, {"share": 1.1}, {"least_links": 0}, {"least_similarity": -0.1}]
)
def test_settings_out_of_range_are_errors(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Substitute(**{**vars(PARAMS), **wrong})  # type: ignore[arg-type]
