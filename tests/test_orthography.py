"""Laws and cases of the matching key."""

import json
import lzma
import unicodedata
from difflib import SequenceMatcher
from pathlib import Path

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from corpus.orthography import FOLDER, MOST_WORDS, NOT_WORD, matching_key, profile
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


PROFILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
DRAFT = """
name: draft
letters: {}
diacritics: []
read: [[c, k, calli]]
fold: [[kk, k, icca]]
foreign: null
orthographies:
  one: {about: "", write: [[k, c, kalli]]}
  two: {about: "", write: null}
signs:
  - [c, [one], calli]
  - [k, [two], kalli]
"""


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_are_sound(name: str) -> None:
    assert matching_key(name)("") == ""
    key = matching_key(name)
    for text in ("Auh ynic amo hueca", "nt'ofo Hñähñu ha̱i", "ƴan'adam", "ئىش", "ўзбек"):
        assert key(unicodedata.normalize("NFD", text)) == key(text)


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        (
            "[[c, k, calli]]",
            "[[c, k, kalli]]",
            "read: rule 'c' does nothing on its example 'kalli'",
        ),
        ("[[kk, k, icca]]", "[[cc, k, icca]]", "which is 'ikka' when its turn comes"),
        ("[[k, c, kalli]]", "[[k, c, nemi]]", "orthographies.one.write: rule 'k' does nothing"),
        ("[[c, k, calli]]", '[["c(", k, calli]]', "read: 'c(' is no regular expression"),
        ("[[c, k, calli]]", '[[c, "\\\\1", calli]]', "read: 'c' cannot give '\\\\1'"),
        ("[[c, k, calli]]", "[[c, k]]", "read.0"),
        ("foreign: null", 'foreign: "["', "foreign: '[' is no regular expression"),
        ("[c, [one], calli]", "[c, [an], calli]", "names unknown ['an']; there are ['one', 'two']"),
        ("[c, [one], calli]", "[c, [one, two], calli]", "tells nothing: 2 of 2 have it"),
        ("[c, [one], calli]", "[c, [one], nemi]", "sign 'c' is not in its example 'nemi'"),
        ("  - [k, [two], kalli]", "", "signs: none is of ['two']"),
        ("letters: {}", "letters: {ch: č}", "letters are single characters"),
        ("letters: {}", "letters: {C: c}", "in lower case and NFKC, got ['C']"),
        ("diacritics: []", "diacritics: [accute accent]", "no 'COMBINING ACCUTE ACCENT'"),
        ("name: draft", "name: draft\nfolds: []", "has unknown ['folds']"),
        ("foreign: null", "", "lacks ['foreign']"),
        ("name: draft", "name: [", "is no YAML"),
    ],
)
def test_mistakes_of_a_profile_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str, now: str, message: str
) -> None:
    monkeypatch.setattr("corpus.orthography.FOLDER", tmp_path / "orthography")
    (tmp_path / "orthography").mkdir()
    draft = tmp_path / "orthography" / "draft.yaml"
    draft.write_text(DRAFT, "utf-8")
    assert profile.__wrapped__("draft").name == "draft"
    assert was in DRAFT
    draft.write_text(DRAFT.replace(was, now), "utf-8")
    with pytest.raises(InputError, match=r"^orthography/draft\.yaml ") as error:
        profile.__wrapped__("draft")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def articles(code: str) -> dict[tuple[str, int], str]:
    """The paragraphs of a text of the UDHR by article and place."""
    path = Path(__file__).parents[1] / "data" / "raw" / "udhr.jsonl.xz"
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["declaration"] == code]
    return {(row["section"], row["paragraph"]): row["text"] for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("orthography", "one", "other", "least"),
    [
        ("uig", "uig_arab", "uig_latn", 0.93),
        ("uzn", "uzn_cyrl", "uzn_latn", 1.0),
        ("hau", "hau_NE", "hau_NG", 1.0),
    ],
)
def test_one_text_in_two_orthographies_meets(
    orthography: str, one: str, other: str, least: float
) -> None:
    key = matching_key(orthography)
    sides = [articles(code) for code in (one, other)]
    both = sorted(sides[0].keys() & sides[1].keys())
    assert len(both) > 85
    words = [[key(side[p]).split() for side in sides] for p in both]
    met = sum(
        block.size for pair in words for block in SequenceMatcher(None, *pair).get_matching_blocks()
    )
    share = met / sum(max(map(len, pair)) for pair in words)
    assert share >= least  # what is missing are misprints of one of the texts
