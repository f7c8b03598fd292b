"""Lines of test sets that were trained on are named, in any spelling and script."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.settings import Language
from corpus.table import InputError
from train.contamination import Contamination, PublicTest, contamination

Corpus = Callable[..., pa.Table]
LANGUAGES = {
    "nah": Language("Nahuatl", ("nci", "azz"), "Latn", "spa_Latn", (), "nah"),
    "amh": Language("Amharic", ("amh",), "Ethi", "eng_Latn", (), None),
}


def public(path: Path, *lines: str, side: str = "target", language: str = "nah") -> PublicTest:
    """A test set written to a file."""
    path.write_text("\n".join(lines), "utf-8")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return PublicTest(path=str(path), sha256=found, side=side, language=language)  # type: ignore[arg-type]


def test_equal_and_near_lines_are_named(tmp_path: Path, corpus: Corpus) -> None:
    mixture = corpus(
        "Yn quimmopielia tlahtoani in ixquich tlacatl",
        "in cuauhtli patlani ilhuicac yohualnepantla",
        "የሰው ልጅ ሁሉ ነፃ ሆኖ ይወለዳል።",
        sources=("el rey", "vuela el águila por el cielo", None),
    )
    target = public(
        tmp_path / "a",
        "xochitl cuicatl",
        "in kimmopielia tlajtoani in ixkich tlakatl",  # another orthography
        "in cuauhtli patlani ilhuicac yohualnepantlah",
        "የሰው ልጅ ሁሉ ነፃ ሆኖ ይወለዳል",
        "…",
    )
    source = public(tmp_path / "b", "Vuela el águila por el cielo.", side="source")
    other = public(tmp_path / "c", "xochitl", language="amh")
    params = Contamination(similarity=0.8, tests={"t": target, "s": source, "o": other})
    made = contamination(params, LANGUAGES, "nah", mixture)
    found = [(r["test"], r["line"], r["id"], r["equal"]) for r in made.tables["found"].to_pylist()]
    assert found == [("s", 1, "1", True), ("t", 2, "0", True), ("t", 3, "1", False),
                     ("t", 4, "2", True)]  # fmt: skip
    report = made.report["t"]
    assert (report["lines"], report["equal"], report["near"], report["rows"]) == (5, 2, 1, 3)
    assert report["lines_trained_on"]["rate"] == pytest.approx(0.6)
    assert report["first_rows"] == ["0", "1", "2"]
    assert set(made.report) == {"s", "t"}
    assert contamination(params, LANGUAGES, "nah", mixture.take([2, 1, 0])).report == made.report


def test_no_test_sets_no_rows(corpus: Corpus) -> None:
    made = contamination(Contamination(0.8, {}), LANGUAGES, "nah", corpus("in ātl"))
    assert (len(made.tables["found"]), made.report) == (0, {})


def test_an_empty_test_set_is_measured_as_nothing(tmp_path: Path, corpus: Corpus) -> None:
    params = Contamination(0.8, {"t": public(tmp_path / "a")})
    assert contamination(params, LANGUAGES, "nah", corpus("atl")).report["t"]["lines"] == 0


def test_what_the_user_can_mend_is_one_line(tmp_path: Path, corpus: Corpus) -> None:
    def run(test: PublicTest) -> None:
        contamination(Contamination(0.8, {"flores": test}), LANGUAGES, "nah", corpus("atl"))

    with pytest.raises(InputError, match=r"contamination.tests.flores: .*none does not exist"):
        run(PublicTest(str(tmp_path / "none"), "0", "target", "nah"))
    public(tmp_path / "a", "atl")
    with pytest.raises(InputError, match=r"has sha256 .*, named is 00"):
        run(PublicTest(str(tmp_path / "a"), "00", "target", "nah"))
    with pytest.raises(InputError, match="are no languages"):
        run(public(tmp_path / "a", "atl", language="nhn"))
    with pytest.raises(ValueError, match="similarity must be above 0"):
        Contamination(0.0, {})
