"""A pair stays a translation when its names and numbers are swapped: both sides change together."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from pydantic import ValidationError

from augment.made import Guard
from augment.making import Row
from augment.names import Naming, find, learned
from augment.numerals import NUMBER, drawn, ethiopic, ethiopic_value, plain_digits, rewritten
from augment.protected import protected
from augment.swap import Swap, Tool, swap, swapped
from corpus.settings import Language, Languages
from corpus.table import SYNTHETIC, canonical

NAMING = Naming(least_likeness=0.9, least_count=2, least_company=0.1)
PARAMS = Swap(most_rows=1000, what=("numbers", "names"), names=NAMING)
KNOWN: Languages = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}
Corpus = Callable[..., pa.Table]
TAUGHT = [
    ("ayer llegó Juan de Texcoco", "yalhua oahcico Xuan Tetzcoco"),  # Texcoco is not like enough
    ("ayer llegó Pedro de México", "yalhua oahcico Pedro Mexico"),
    ("ayer llegó Marcos de Xalapa", "yalhua oahcico Marcos Xalapa"),
    ("vive en México", "chanti Mexico"),
    ("vive en Xalapa", "chanti Xalapa"),
    ("se llama Pedro", "itoca Pedro"),
    ("se llama Marcos", "itoca Marcos"),
]


def row(source: str | None, target: str | None, id: str = "r") -> Row:
    """A row of a training split."""
    return {"id": id, "source": source, "target": target, "language": "nci_Latn"}


def tool(*expressions: str, taught: list[tuple[str, str]] = TAUGHT) -> Tool:
    """What a few pairs teach."""
    rows = [row(*pair, str(number)) for number, pair in enumerate(taught)]
    return Tool(learned(rows, NAMING), Guard(protected(expressions), protected(expressions)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31/12/1519, 8:45", ["31/12/1519", "8:45"]),
        ("१२ किताबें, ٣٫٥ و ៣៤", ["12", "3٫5", "34"]),
        ("በ፲፱፻፹፭ ዓ.ም.", []),  # against a letter, which may bend with it
        ("ዓመት ፲፱፻፹፭ ነው", ["1985"]),
        ("3rd 4º A5 x86", []),
        ("7.2.1, -5 y 50%", ["7.2.1", "5", "50"]),
    ],
)
def test_numbers_are_found_in_any_digits(text: str, expected: list[str]) -> None:
    assert [plain_digits(found[0]) for found in NUMBER.finditer(text)] == expected


def test_ethiopic_numbers_are_written_as_they_are_read() -> None:
    for value in (*range(1, 12000), 20000, 123456, 10**6, 10**8, 987654321):
        assert ethiopic_value(ethiopic(value)) == value
    signs = {"፩": 1, "፲": 10, "፻": 100, "፻፩": 101, "፲፻": 1000, "፼": 10000, "፲፱፻፺፱": 1999}
    for text, value in signs.items():
        assert (ethiopic_value(text), ethiopic(value)) == (value, text)


@pytest.mark.parametrize(
    ("number", "news", "expected"),
    [
        ("१२/०५", {"12": "11", "05": "07"}, "११/०७"),
        ("٢٥", {"25": "17"}, "١٧"),
        ("፳፭", {"25": "17"}, "፲፯"),
        ("12.05", {"12": "10"}, "10.05"),
    ],
)
def test_a_number_keeps_its_script(number: str, news: dict[str, str], expected: str) -> None:
    assert rewritten(number, news) == expected


def test_a_date_stays_a_date_a_time_a_time() -> None:
    for seed in range(300):
        random = Random(seed)
        day = date.fromordinal(random.randrange(365001, 766000))  # 1000 to 2098
        year, month, number = (drawn(part, random, set()) for part in f"{day}".split("-"))
        date(int(year), int(month), int(number))
        assert (year[:2], len(month), len(number)) == (f"{day.year:04}"[:2], 2, 2)
        hour, minute = drawn("23", random, set()), drawn("59", random, set())
        assert int(hour) < 24
        assert int(minute) < 60


@pytest.mark.parametrize("run", ["0", "1", "2", "00", "01", "100"])
def test_small_numbers_bend_the_noun_and_stay(run: str) -> None:
    assert all(drawn(run, Random(seed), set()) == run for seed in range(9))


@pytest.mark.parametrize("run", ["3", "11", "07", "25", "31", "45", "77", "365", "1519", "123456"])
def test_another_number_of_the_same_shape_is_drawn(run: str) -> None:
    for seed in range(20):
        new = drawn(run, Random(seed), {"4", "12", "20"})
        assert len(new) == len(run)
        assert new != run
        assert new not in ("4", "12", "20")


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("llegó Juan de México", "oahcico Xuan Mexico"), [("México", "Mexico")]),
        (("llegó Pedro a la Casa", "oahcico Pedro calli"), [("Pedro", "Pedro")]),
        (("Pedro llegó", "oahcico Pedro"), []),  # it opens the sentence
        (("vino San Juan", "ohualla San Juan"), [("San Juan", "San Juan")]),
        (("vino Pedro con Pedro", "ohualla Pedro"), []),  # not equally often
        (("vino a Xalapa", "ohualla Xalapapan"), []),  # an affix would be lost
        (("está en la ONU", "ipan ONU"), []),
        (("πήγε στην Αθήνα χθες", "είδε την Αθήνα"), [("Αθήνα", "Αθήνα")]),
        (("vio a Marcos", "ማርቆስ Marcos አየ"), [("Marcos", "Marcos")]),
        (("vio a Marcos", "ማርቆስን አየ"), []),
    ],
)
def test_names_of_both_sides_are_found(
    pair: tuple[str, str], expected: list[tuple[str, str]]
) -> None:
    assert [found.name for found in find(row(*pair), tool().names)] == expected


def test_words_that_are_mostly_small_are_no_names() -> None:
    taught = [*TAUGHT, ("la casa de Pedro", "ical Pedro"), ("otra casa", "oc ce calli")]
    names = tool(taught=taught).names
    assert find(row("llegó Casa Pedro", "oahcico Casa Pedro"), names) == []
    assert [name.source for name in names.peers["Pedro"]] == ["Marcos"]


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (
            ("se llama Pedro, Pedro", "itoca Pedro, Pedro"),
            ("se llama Marcos, Marcos", "itoca Marcos, Marcos"),
        ),
        (
            ("vive en México hoy", "axcan Mexico chanti"),
            ("vive en Xalapa hoy", "axcan Xalapa chanti"),
        ),
    ],
)
def test_names_are_swapped_on_both_sides(pair: tuple[str, str], expected: tuple[str, str]) -> None:
    (new,) = swapped([row(*pair)], tool(), PARAMS).rows
    assert (new["source"], new["target"]) == expected
    assert (new["origin"], new["parent"]) == ("swap", "r")
    assert new["engine"].startswith("swap@")


@pytest.mark.parametrize(
    "pair",
    [
        ("nació en 1985, sí, en 1985, el 23", "omotlacatili 1985, ca 1985, ic 23"),
        ("leyó 45 libros el 25/12/1999", "४५ किताबें, २५/१२/१९९९"),
        ("son 77 casas", "٧٧ بيتا"),
        ("el año 1985", "ዓመት ፲፱፻፹፭ ነው"),
        ("suma =B1+350", "ida'ama 350 agarsiisa"),
    ],
)
def test_numbers_are_swapped_on_both_sides(pair: tuple[str, str]) -> None:
    rows = [row(*pair, str(number)) for number in range(20)]
    made = swapped(rows, tool(), PARAMS).rows
    assert len(made) == 20
    for new in made:
        one, other = (
            [plain_digits(found[0]) for found in NUMBER.finditer(new[side])]
            for side in ("source", "target")
        )
        assert sorted(one) == sorted(other)
        for old, text in zip(pair, (new["source"], new["target"]), strict=True):
            assert NUMBER.sub("#", text) == NUMBER.sub("#", old)
            assert text != old
            count = len(set(NUMBER.findall(old)))
            assert len(set(NUMBER.findall(text))) == count  # what was equal still is, and no other


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ((None, "Mexico 45"), "one side only"),
        (("son 45 casas", "onpoalli calli"), "no name or number on both sides"),
        (("son 45 y 45", "45"), "no name or number on both sides"),
        (("hay 2", "2"), "nothing to put in their place"),
        (("vio a Zutano", "oquittac Zutano"), "nothing to put in their place"),
    ],
)
def test_a_row_that_is_left_alone_says_why(pair: tuple[str | None, str], reason: str) -> None:
    made = swapped([row(*pair)], tool(), PARAMS)
    assert made.rows == []
    assert made.outcome == {reason: 1}


def test_protected_expressions_stay() -> None:
    pair = row("vive en México desde 1999", "1999 Mexico chanti")
    made = swapped([pair], tool("Mexico", "1999"), PARAMS)
    assert made.rows == []
    assert made.protected == {"kept": 0, "rows_left_alone": 1}
    (new,) = swapped([pair], tool("Mexico"), PARAMS).rows
    assert "Mexico chanti" in new["target"]
    assert "1999" not in new["source"] + new["target"]


def test_what_is_swapped_is_chosen() -> None:
    pair = row("vive en México desde 1999", "1999 Mexico chanti")
    names = Swap(most_rows=1, what=("names",), names=NAMING)
    (new,) = swapped([pair], tool(), names).rows
    assert (new["source"], new["target"]) == ("vive en Xalapa desde 1999", "1999 Xalapa chanti")


def test_the_stage_needs_no_order_and_no_held_back_source(corpus: Corpus) -> None:
    targets = [target for _, target in TAUGHT] * 3 + ["45", None]
    sources = tuple([source for source, _ in TAUGHT] * 3 + [None, "45"])
    table = corpus(*targets, sources=sources)
    made = swap(table, Path("nowhere"), "0", PARAMS, ("nah",), KNOWN)
    rows = made.tables["rows"]
    assert rows.schema == SYNTHETIC
    assert rows.equals(canonical(rows))
    assert len(rows) > 9
    again = table.take(list(range(len(table)))[::-1])
    assert swap(again, Path("nowhere"), "0", PARAMS, ("nah",), KNOWN).tables["rows"].equals(rows)
    assert len(swap(table, Path("nowhere"), "1", PARAMS, ("nah",), KNOWN).tables["rows"]) == 0
    off = Swap(**{**vars(PARAMS), "most_rows": 0})
    none = swap(table, Path("nowhere"), "0", off, ("nah",), KNOWN)
    assert (len(none.tables["rows"]), none.report) == (0, {"languages": {}})


@pytest.mark.parametrize("wrong", [{"most_rows": -1}, {"what": ()}, {"what": ("dates",)}])
def test_settings_out_of_range_are_errors(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Swap(**{**vars(PARAMS), **wrong})  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        Naming(least_likeness=0.0, least_count=1, least_company=0.5)
