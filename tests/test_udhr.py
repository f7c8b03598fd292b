"""Laws of the UDHR benchmark and its peers, on real text."""

import json
import lzma
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.macro_f1 import macro_f1, resamples, tally
from benchmarks.peers import PEERS, alpha3, claimed_by, claims, known_as
from benchmarks.udhr import (
    HELD_OUT,
    KEY,
    LEAST_SENTENCES,
    TESTED,
    UDHR,
    parted,
    sentences,
)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("es", "spa"),
        ("zh", "zho"),
        ("hbs", "hbs"),
        ("als", "gsw"),  # Wikipedia's code, so lid.176's
        ("nah", "nah"),
        ("zxx", None),
        ("und", None),
    ],
)
def test_labels_become_iso_639_3(tag: str, expected: str | None) -> None:
    assert alpha3(tag) == expected


@pytest.mark.parametrize(
    ("code", "claimed", "expected"),
    [
        ("arb", {"ara", "spa"}, "ara"),
        ("gaz", {"orm"}, "orm"),
        ("nno", {"nno", "nor"}, "nno"),
        ("hrv", {"srp"}, None),
        ("nci", {"nhe"}, None),
        (None, {"spa"}, None),
    ],
)
def test_a_language_is_known_by_its_code_or_its_macrolanguage(
    code: str | None, claimed: set[str], expected: str | None
) -> None:
    assert known_as(code, frozenset(claimed)) == expected


@pytest.mark.parametrize(
    ("code", "claimed"),
    [("cmn", True), ("gaz", True), ("hak", False), ("min", False), ("nci", False), ("cnr", False)],
)
def test_a_macrolanguage_claims_its_usual_member_only(code: str, claimed: bool) -> None:
    assert claimed_by(code, frozenset({"zho", "msa", "orm", "srp"})) is claimed


@pytest.mark.parametrize("name", sorted(PEERS.keys() - {"lid176"}))  # its file is fetched
def test_every_peer_claims_what_it_answers(name: str) -> None:
    pytest.importorskip(name)  # of the extra `bench`
    assert "spa" in claims(name)
    assert None not in claims(name)
    if name != "lingua":  # loads for ten seconds
        texts = [
            "Todos los seres humanos nacen libres e iguales en dignidad",
            "दाजुभाइ\nमान्छे हुन्",
            "አንቀጽ፡፩፤",
        ]
        answers = PEERS[name]()(texts)
        assert answers[0] == "spa"
        assert set(answers) <= claims(name)


def test_sentences_are_paragraphs_that_are_no_heading_and_in_one_language(tmp_path: Path) -> None:
    rows = [("som", "art1", 0, "Qodobka 1-aad ee xeerka")]
    rows += [("som", "art1", n, f"Aadanaha dhammaantiis {n}") for n in range(1, 41)]
    rows += [("som", "art2", 0, "Aadanaha dhammaantiis 7"), ("som", "art3", 0, "Qof kasta 3")]
    rows += [("orm", "art3", 0, "QOF KASTA: 3"), ("orm", "art4", 0, "&1"), ("und", "art5", 0, "Na")]
    path = tmp_path / "udhr.jsonl.xz"
    names = ("iso639_3", "section", "paragraph", "text")
    with lzma.open(path, "wt", encoding="utf-8") as file:
        for row in rows:
            whole = {"declaration": row[0], **dict(zip(names, row, strict=True))}
            file.write(json.dumps(whole) + "\n")
    found = sentences(path)
    assert {s.code for s in found} == {"som"}
    assert len(found) == LEAST_SENTENCES
    assert {s.article for s in found} == {"art1"}


def test_no_article_is_learned_and_tested_and_no_text_either() -> None:
    every = sentences(UDHR)
    learned, tested = parted(every)
    held = {s.article for s in tested}
    assert len(held) == HELD_OUT
    assert not held & {s.article for s in learned}
    assert not {(s.code, KEY(s.text)) for s in learned} & {(s.code, KEY(s.text)) for s in tested}
    assert {s.code for s in learned} == {s.code for s in tested} == {s.code for s in every}
    assert max(Counter(s.code for s in tested).values()) == TESTED
    assert set(parted(every[::-1])[1]) == set(tested)


def test_macro_f1_is_the_mean_of_each_language_by_hand() -> None:
    truth = ["khm", "khm", "amh", "amh", "tha"]
    answers = ["khm", "amh", "amh", None, "lao"]
    counts = tally([f"art{n % 2}" for n in range(5)], truth, answers)
    weights = resamples(2)
    f1 = macro_f1(counts, weights)
    assert f1[0] == pytest.approx((2 / 3 + 2 / 4 + 0) / 3)
    assert (f1 >= 0).all()
    assert (f1 <= 1).all()
    only_first = macro_f1(counts, np.array([[1.0, 0.0]]))  # khm, amh, tha: one each, of art0
    assert only_first[0] == pytest.approx((1 + 1 + 0) / 3)
