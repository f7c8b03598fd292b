"""Code-switching replaces surely linked words only, never protected ones, by the row's chance."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from augment.codeswitch import Codeswitch, Words, codeswitch, codeswitched
from augment.lexicon import Learning, learned
from augment.made import Guard
from augment.making import Row
from augment.protected import protected
from corpus.settings import Language, Languages
from corpus.table import SYNTHETIC, canonical

LEARNING = Learning(
    most_pairs=10**6, most_words=60, iterations=5, strength=1.0, least_confidence=0.5
)
PARAMS = Codeswitch(most_rows=100, side="target", share=1.0, least_confidence=0.5, lexicon=LEARNING)
KNOWN: Languages = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}
TAUGHT = {
    "nah": [
        ("agua blanca", "iztac atl"),
        ("casa blanca", "iztac calli"),
        ("agua grande", "huey atl"),
        ("casa grande", "huey calli"),
        ("piedra grande", "huey tetl"),
        ("piedra roja", "chichiltic tetl"),
    ],
    "orm": [
        ("abrir archivo", "faayilii bani"),
        ("abrir documento", "galmee bani"),
        ("cerrar archivo", "faayilii cufi"),
        ("cerrar documento", "galmee cufi"),
        ("guardar documento", "galmee olkaa'i"),
        ("guardar texto", "barruu olkaa'i"),
    ],
    "amh": [
        ("agua limpia", "ንጹህ ውሃ"),
        ("casa limpia", "ንጹህ ቤት"),
        ("agua grande", "ትልቅ ውሃ"),
        ("casa grande", "ትልቅ ቤት"),
        ("libro grande", "ትልቅ መጽሐፍ"),
        ("libro nuevo", "አዲስ መጽሐፍ"),
    ],
}
Corpus = Callable[..., pa.Table]


def row(source: str | None, target: str | None, id: str = "r") -> Row:
    """A row of a training split."""
    return {"id": id, "source": source, "target": target, "language": "nci_Latn"}


def tool(key: str, *expressions: str) -> Words:
    """What six pairs, each three times, teach of a language."""
    rows = [row(*pair, f"{n}-{m}") for n, pair in enumerate(TAUGHT[key]) for m in range(3)]
    lexicon = learned(rows, "nah" if key == "nah" else None, LEARNING)
    return Words(lexicon, Guard(protected(expressions), protected(expressions)))


@pytest.mark.parametrize(
    ("key", "side", "pair", "expected"),
    [
        ("nah", "target", ("Casa blanca.", "Iztac calli."), "Casa blanca."),  # in its own order
        ("nah", "target", ("agua, piedra", "atl, tetl"), "agua, piedra"),
        ("nah", "target", ("agua de la piedra", "atl tetl"), "agua piedra"),  # apart: one by one
        ("nah", "target", ("Agua azul", "in atl texotic"), "in agua texotic"),  # capitals: its own
        ("nah", "source", ("Agua azul", "in atl texotic"), "Atl azul"),
        ("orm", "target", ("Abrir archivo", "Faayilii bani"), "Abrir archivo"),
        ("orm", "source", ("guardar el texto", "barruu olkaa'i"), "olkaa'i el barruu"),
        ("amh", "target", ("libro nuevo", "አዲስ መጽሐፍ።"), "libro nuevo።"),
        ("amh", "source", ("casa limpia", "ንጹህ ቤት"), "ንጹህ ቤት"),
    ],
)
def test_linked_words_are_replaced(
    key: str, side: str, pair: tuple[str, str], expected: str
) -> None:
    params = Codeswitch(**{**vars(PARAMS), "side": side})  # type: ignore[arg-type]
    made = codeswitched([row(*pair)], tool(key), params)
    (new,) = made.rows
    other = "source" if side == "target" else "target"
    assert new[side] == expected
    assert new[other] == dict(zip(("source", "target"), pair, strict=True))[other]
    assert (new["origin"], new["parent"]) == ("codeswitch", "r")
    assert new["engine"].startswith("codeswitch@")


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ((None, "iztac calli"), "one side only"),
        (("cielo azul", "texotic ilhuicatl"), "no word is linked surely"),
        (("12", "12"), "no word is linked surely"),
        (("agua", "agua"), "no word is linked surely"),  # it would stay as it is
    ],
)
def test_a_row_that_is_left_alone_says_why(pair: tuple[str | None, str], reason: str) -> None:
    made = codeswitched([row(*pair)], tool("nah"), PARAMS)
    assert made.rows == []
    assert made.outcome == {reason: 1}


def test_protected_words_stay() -> None:
    pair = row("piedra grande, agua", "huey tetl, atl")
    made = codeswitched([pair], tool("nah", "huey tetl"), PARAMS)
    assert made.rows[0]["target"] == "huey tetl, agua"
    assert made.protected == {"kept": 1, "rows_left_alone": 0}
    made = codeswitched([pair], tool("nah", "huey tetl", "atl"), PARAMS)
    assert made.rows == []
    assert made.protected == {"kept": 0, "rows_left_alone": 1}


def test_the_share_is_kept_to_and_confidence_too() -> None:
    pair = row("agua blanca casa grande", "iztac atl huey calli")
    half = Codeswitch(**{**vars(PARAMS), "share": 0.5})
    for number in range(20):
        (new,) = codeswitched([{**pair, "id": str(number)}], tool("nah"), half).rows
        kept = set(new["target"].split()) & set(pair["target"].split())
        assert len(kept) == 2
    sure = Codeswitch(**{**vars(PARAMS), "least_confidence": 1.0})
    assert codeswitched([pair], tool("nah"), sure).rows == []


def test_a_row_depends_on_nothing_but_itself_and_the_lexicon() -> None:
    rows = [row("agua blanca casa grande", "iztac atl huey calli", str(n)) for n in range(20)]
    half = Codeswitch(**{**vars(PARAMS), "share": 0.5})
    known = tool("nah")
    made = codeswitched(rows, known, half).rows
    assert codeswitched(rows[::-1], known, half).rows[::-1] == made
    assert codeswitched(rows[5:6], known, half).rows == made[5:6]
    assert len({new["target"] for new in made}) > 1


def test_the_stage_makes_rows_of_pairs_whose_source_is_shown(corpus: Corpus) -> None:
    targets = [target for _, target in TAUGHT["nah"]] * 4 + ["iztac atl", None]
    sources = [source for source, _ in TAUGHT["nah"]] * 4 + [None, "agua"]
    table = corpus(*targets, sources=tuple(sources))
    made = codeswitch(table, Path("nowhere"), "0", PARAMS, ("nah",), KNOWN)
    rows = made.tables["rows"]
    assert rows.schema == SYNTHETIC
    assert rows.equals(canonical(rows))
    assert made.report["languages"]["nah"]["tried"] == 24
    assert len(rows) == 24
    again = table.take(list(range(len(table)))[::-1])
    assert codeswitch(again, Path("nowhere"), "0", PARAMS, ("nah",), KNOWN).tables["rows"] == rows
    held = codeswitch(table, Path("nowhere"), "1", PARAMS, ("nah",), KNOWN)
    assert len(held.tables["rows"]) == 0
    off = Codeswitch(**{**vars(PARAMS), "most_rows": 0})
    none = codeswitch(table, Path("nowhere"), "0", off, ("nah",), KNOWN)
    assert (len(none.tables["rows"]), none.report) == (0, {"languages": {}})


@pytest.mark.parametrize("wrong", [{"most_rows": -1}, {"share": 0.0}, {"least_confidence": 1.1}])
def test_settings_out_of_range_are_errors(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Codeswitch(**{**vars(PARAMS), **wrong})  # type: ignore[arg-type]
