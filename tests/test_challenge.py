"""Laws of planted junk, and of what the rules are said to catch of it."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from corpus import noise
from corpus.challenge import ANY, CAUGHT, Challenge, judged, keep, of_own, summary
from corpus.junk import ALONE, MENUS, PAIRS
from corpus.rates import RATES
from corpus.select import Facts
from corpus.settings import Language

Corpus = Callable[..., pa.Table]
TEXT = "In tlakatl kikua tlaxkali uan amo kineki atl."
SPANISH = "El hombre come tortillas y no quiere agua."
LANGUAGES = {"nah": Language("Nahuatl", ("nci", "azz"), "Latn", "spa_Latn", (), "nah")}
BOUNDS = {
    ("nah", "target_length", False): (5.0, 40.0),
    ("nah", "target_length", True): (2.0, None),
}


@pytest.mark.parametrize("kind", [*ALONE, *PAIRS])
def test_each_kind_is_the_same_for_the_same_seed_and_is_not_the_text(kind: str) -> None:
    make = {**ALONE, **PAIRS}[kind]
    one, two = (make(SPANISH, TEXT, np.random.default_rng(3)) for _ in range(2))
    assert one == two
    assert one[1] not in ("", TEXT)
    assert (one[0] is None) == (kind in ALONE)  # no rule for pairs helps to catch text


def test_every_noise_that_identification_learns_is_planted() -> None:
    assert {f"noise: {kind}" for kind in noise.KINDS} <= ALONE.keys()


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        ("shuffled words", lambda text: sorted(text.split()) == sorted(TEXT.split())),
        ("glued words", lambda text: text.replace(" ", "") == TEXT.replace(" ", "")),
        ("truncated words", lambda text: text.startswith("I tlak kik")),
        ("repetition", lambda text: len(set(text.split())) <= 4 and len(text.split()) >= 6),
        ("boilerplate", lambda text: text in MENUS),
        ("index page", lambda text: "kikua, " in text and any(map(str.isdigit, text))),
        ("catalogue", lambda text: "$" in text),
        ("misread letters", lambda text: 0.5 < len(text) / len(TEXT) < 1.5),
    ],
)
def test_what_a_kind_is(kind: str, law: Callable[[str], bool]) -> None:
    for seed in range(20):
        assert law(ALONE[kind](SPANISH, TEXT, np.random.default_rng(seed))[1])


def test_what_a_kind_leaves_as_it_was_is_no_junk() -> None:
    row = {"id": "1", "source": None, "target": "amo", "origin": "test", "fold": 0}
    made = [*of_own("nci_Latn", [row], np.random.default_rng(1))]
    kinds = {one["kind"] for one in made}
    assert not {"shuffled words", "glued words", *PAIRS, "pivot language"} & kinds
    assert all(one["parent"] == "1" and one["fold"] == 0 for one in made)
    pair = {**row, "source": "no"}
    made = [*of_own("nci_Latn", [pair], np.random.default_rng(1))]
    assert {**dict.fromkeys(PAIRS), "pivot language": None}.keys() <= {o["kind"] for o in made}


def test_junk_is_judged_under_both_kinds_of_limits() -> None:
    planted = pa.table(
        {
            "id": ["0", "1", "2"],
            "kind": ["long", "long", "short"],
            "language": ["nci_Latn"] * 3,
            "origin": ["test"] * 3,
        }
    )
    values = {"target_length": np.array([99.0, 9.0, 1.0]), "word_order": np.full(3, np.nan)}
    found, first = judged(planted, values, BOUNDS, LANGUAGES)
    assert first == ["target_length", None, "target_length"]
    caught = {(r["kind"], r["rule"], r["trusted"]): (r["caught"], r["rows"]) for r in found}
    assert caught["long", ANY, False] == (1, 2)
    assert caught["long", ANY, True] == (0, 2)
    assert caught["short", "target_length", True] == (1, 1)
    assert caught["short", "word_order", False] == (0, 1)  # nothing measured, nothing caught
    for row in found:
        assert 0 <= row["low"] <= row["rate"] <= row["high"] <= 1


def test_kept_is_of_active_trusted_rows_and_says_what_untrusted_limits_would_keep(
    corpus: Corpus,
) -> None:
    table = corpus(*["x"] * 4)
    codes = pa.chunked_array([["nci_Latn", "nci_Latn", "spa_Latn", "nci_Latn"]])
    trusted = np.array([True, True, True, False])
    values = {"target_length": np.array([3.0, 9.0, 1.0, 1.0])}
    facts = Facts(table["id"], codes, table["origin"], trusted, values, pa.table({}))
    kept = keep(facts, BOUNDS, ("nah",), LANGUAGES)
    assert kept.schema == RATES
    said = {(r["rule"], r["trusted"]): (r["kept"], r["rows"]) for r in kept.to_pylist()}
    assert said[ANY, True] == (2, 2)
    assert said[ANY, False] == (1, 2)
    said_without_junk = summary(CAUGHT.empty_table(), kept, LANGUAGES)
    assert said_without_junk["kept"]["nci_Latn"] and not said_without_junk["caught"]


def test_junk_is_summed_over_the_varieties_of_a_language_and_over_its_kinds() -> None:
    part = {"trusted": False, "rate": 0.0, "low": 0.0, "high": 1.0}
    found = [
        {**part, "kind": kind, "rule": rule, "language": code, "rows": 4, "caught": caught}
        for kind, rule, code, caught in (
            ("long", ANY, "nci_Latn", 4), ("long", ANY, "azz_Latn", 2),
            ("long", ANY, "gle_Latn", 1), ("short", ANY, "nci_Latn", 0),
            ("long", "target_length", "azz_Latn", 2),
        )
    ]  # fmt: skip
    languages = {**LANGUAGES, "gle": Language("Irish", ("gle",), "Latn", "eng_Latn", (), None)}
    tree = summary(pa.Table.from_pylist(found, schema=CAUGHT), RATES.empty_table(), languages)
    nah = {kind: share["untrusted"] for kind, share in tree["caught"]["nah"].items()}
    counts = {kind: (share["caught"], share["rows"]) for kind, share in nah.items()}
    assert counts == {"long": (6, 8), "short": (0, 4), "all kinds": (6, 12)}
    assert tree["caught"]["gle"]["all kinds"]["untrusted"]["caught"] == 1
    assert tree["caught_by_rule"]["nah"]["long"]["untrusted"]["target_length"]["caught"] == 2


def test_settings_in_range() -> None:
    with pytest.raises(ValueError, match="most_rows must be at least 1, got 0"):
        Challenge(most_rows=0, seed=1)
