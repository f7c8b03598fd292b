"""Laws and cases of the matching key."""

import json
import lzma
import unicodedata
from pathlib import Path

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from corpus.orthography import MOST_WORDS, NOT_WORD, matching_key
from corpus.table import InputError

CASES = [
    [json.loads(f'"{cell}"') for cell in line.split("\t")]
    for line in Path(__file__)
    .with_name("cases")
    .joinpath("orthography.tsv")
    .read_text("utf-8")
    .splitlines()
    if not line.startswith("#")
]
NAHUATL = "Yn iquac omomiquilli, niman quihualquetzque yn tlahtohuani Axayacatzin"
PLAIN, NAH = matching_key(None), matching_key("nah")


@pytest.mark.parametrize(("orthography", "one", "other", "meet", "where"), CASES)
def test_two_writings_meet_or_not(
    orthography: str, one: str, other: str, meet: str, where: str
) -> None:
    key = matching_key(orthography or None)
    assert (key(one) == key(other)) == (meet == "yes"), where


@pytest.mark.parametrize("text", ["", "   ", "¡…!", "\u200b", "—'—", "«»"])
@pytest.mark.parametrize("key", [PLAIN, NAH])
def test_a_text_without_letter_or_digit_has_the_empty_key(key: object, text: str) -> None:
    assert callable(key)
    assert key(text) == ""


@given(st.text())
def test_the_key_of_a_default_key_is_itself(text: str) -> None:
    assert PLAIN(PLAIN(text)) == PLAIN(text)


@given(st.text())
@example("\u1ab0")  # a mark alone
def test_composition_and_outer_space_do_not_matter(text: str) -> None:
    for key in (PLAIN, NAH):
        assert key(f" {text}\n") == key(text)
        assert key(unicodedata.normalize("NFD", text)) == key(unicodedata.normalize("NFC", text))


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Lo", "Nd"])))
def test_the_default_key_drops_no_letter(text: str) -> None:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    assert letters(PLAIN(text)) == letters(folded)


WAS = regex.compile(r"^[^\p{L}\p{N}]+|[^\p{L}\p{M}\p{N}][^\p{L}\p{N}]*")
AWKWARD = st.sampled_from("a1 \n.\u0301\u1ab0\u200b\u2003\x1c\x1f\x85\u00a0_-'")


@given(st.text(alphabet=st.one_of(AWKWARD, st.characters())))
@example("a \u0301b")  # a mark that no letter carries
def test_words_part_as_by_the_plain_pattern(text: str) -> None:
    assert NOT_WORD.sub(" ", text).split() == WAS.sub(" ", text).split()


@given(st.lists(st.sampled_from([*NAHUATL.split(), "a'mo", "XII", "1478", "iwki"])))
def test_the_key_of_a_text_is_the_keys_of_its_words(words: list[str]) -> None:
    assert NAH(" ".join(words)) == " ".join(NAH(word) for word in words)


def test_the_remembered_words_do_not_change_a_key() -> None:
    key = matching_key("nah")
    before = key(NAHUATL)
    for number in range(MOST_WORDS + 1):
        key(f"x{number}")
    assert key(NAHUATL) == before == matching_key("nah")(NAHUATL)


def test_an_unknown_orthography_is_named() -> None:
    with pytest.raises(InputError, match=r"^orthography 'nahua' has no nahua.yaml; there are \["):
        matching_key("nahua")


@pytest.mark.slow
def test_no_letter_of_hundreds_of_languages_is_dropped() -> None:
    path = Path(__file__).parents[1] / "data" / "raw" / "udhr.jsonl.xz"
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = unicodedata.normalize("NFKC", json.loads(line)["text"])
            folded = unicodedata.normalize("NFC", text.casefold())
            assert letters(PLAIN(text)) == letters(folded), line


def letters(text: str) -> str:
    """The letters and digits of a text."""
    return regex.sub(r"[^\p{L}\p{N}]", "", text)
