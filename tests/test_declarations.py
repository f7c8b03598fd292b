"""Which declarations a language is asked about, and how much of them."""

from pathlib import Path

import pytest

from corpus.declarations import paragraphs
from corpus.settings import Language

RAW = Path(__file__).parent.parent / "data/raw/udhr.jsonl.xz"


@pytest.mark.parametrize(
    ("varieties", "pivot", "roles"),
    [
        (("nci", "nhn"), "spa_Latn", {("own", "nhn"), ("pivot", "spa"), ("english", "eng")}),
        (("orm",), "spa_Latn", {("own", "gaz"), ("pivot", "spa"), ("english", "eng")}),
        (("khm",), "eng_Latn", {("own", "khm"), ("pivot", "eng")}),
        (("oto",), "spa_Latn", {("pivot", "spa"), ("english", "eng")}),  # only ote is declared
    ],
)
def test_roles(varieties: tuple[str, ...], pivot: str, roles: set[tuple[str, str]]) -> None:
    found = paragraphs(RAW, Language("", varieties, "Latn", pivot, (), None), 1500)
    assert {(one.role, one.code) for one in found} == roles
    for role, _ in roles:
        size = sum(len(one.text.encode()) for one in found if one.role == role)
        assert 700 < size <= 1500
    assert len({one.id for one in found}) == len(found)
    assert found == paragraphs(RAW, Language("", varieties, "Latn", pivot, (), None), 1500)


def test_nothing_is_asked_where_no_byte_is() -> None:
    language = Language("", ("nhn",), "Latn", "spa_Latn", (), None)
    assert paragraphs(RAW, language, 0) == []
