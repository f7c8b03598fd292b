"""Licences: known by kept lists, combined by the strictest, never guessed; labels and consent."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from test_mix import DOCUMENTS, LANGUAGES, PARAMS

from corpus.gather import SOURCES, Gather
from corpus.licences import FACTS, USES, clauses, conflicts, facts, joined, order, passes, strictest
from corpus.rights import CLOSED, LABELS, heeded
from corpus.settings import section
from corpus.table import SYNTHETIC, InputError
from train.cli import main
from train.mix import mix
from train.statement import QUESTIONS, form, gaps_of, read_statement
from train.terms import Bound, Licences, bounds_of, combined

ROOT = Path(__file__).parent.parent
SOME = (
    *("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0"),
    *("MPL-2.0", "ODbL-1.0", "MIT OR CC-BY-NC-4.0", "unclear (books' own terms)", "unknown"),
    *("condiciones de la comunidad (amoxtli)", "ለማህበረሰቡ ብቻ"),
)
some = st.lists(st.sampled_from(SOME), min_size=1, max_size=4)
Corpus = Callable[..., pa.Table]


@pytest.mark.parametrize(
    (
        "licence",
        "expected",
    ),  # redistribution, commercial use, derivatives; share-alike, attribution
    [
        ("CC0-1.0", (True, True, True, False, False)),
        ("cc-by-4.0", (True, True, True, False, True)),
        ("CC-BY-SA-3.0-IGO", (True, True, True, True, True)),
        ("CC-BY-NC-ND-2.5", (True, False, False, False, True)),
        ("MPL-2.0", (True, True, True, True, True)),
        ("ODbL-1.0", (True, True, True, True, True)),
        ("ODC-By-1.0", (True, True, True, False, None)),
        ("MIT OR CC-BY-NC-4.0", (True, True, True, False, True)),
        ("MPL-2.0 AND CC-BY-NC-4.0", (True, False, True, True, True)),
        ("CC-BY-4.0 AND unknown", (None, None, None, None, True)),
        ("CC BY 4.0", (None,) * 5),  # as people write it: no SPDX name, so nothing is known
        ("Apache", (None,) * 5),
        ("GPL-2.0-only WITH Classpath-exception-2.0", (True, True, True, True, True)),
        ("unclear (books' own terms)", (None,) * 5),
        ("ለማህበረሰቡ ብቻ", (None,) * 5),
        ("", (None,) * 5),
        (None, (None,) * 5),
    ],
)
def test_what_a_licence_says(licence: str | None, expected: tuple[bool | None, ...]) -> None:
    assert tuple(facts(licence).values()) == expected


@settings(deadline=None)
@given(some)
def test_the_order_of_licences_changes_nothing(licences: list[str]) -> None:
    once = joined(licences)
    assert {joined(turned) for turned in permutations(licences)} == {once}
    assert joined([once]) == once
    every = {clause for one in licences for clause in clauses(one)}
    assert set(clauses(once)) <= every
    assert all(any(set(c) <= set(other) for c in clauses(once)) for other in every)


@settings(deadline=None)
@given(some)
def test_together_they_are_as_strict_as_the_strictest(licences: list[str]) -> None:
    whole, each = facts(joined(licences)), [facts(one) for one in licences]
    for use in FACTS:
        assert whole[use] == strictest(use, [found[use] for found in each])
        assert all(order(use).index(whole[use]) <= order(use).index(found[use]) for found in each)


@settings(deadline=None)
@given(some, some)
def test_a_further_source_never_makes_terms_milder(few: list[str], more: list[str]) -> None:
    def strictness(licences: list[str]) -> list[int]:
        bounds = [frozenset([Bound(one, one)]) for one in licences]
        told = combined(bounds, {})["terms"]
        words = {"no": False, "yes": True, "unknown": None}
        return [order(use).index(words[told[use]["answer"]]) for use in FACTS]

    assert all(a >= b for a, b in zip(strictness(few), strictness(few + more), strict=True))


def test_the_sources_that_bind_are_named() -> None:
    bounds = [
        *[frozenset([Bound("bible", "CC-BY-NC-4.0")])] * 3,
        *[frozenset([Bound("help", "MPL-2.0")])] * 2,
        frozenset([Bound("help", "MPL-2.0"), Bound("seq2seq:spa_Latn-nah", "ODbL-1.0")]),
    ]
    found = combined(bounds, {"bible": True, "help": False})
    assert found["terms"] == {
        "redistribution": {"answer": "no", "by": {"help": 3}},
        "commercial_use": {"answer": "no", "by": {"bible": 3}},
        "derivatives": {"answer": "yes", "by": {}},
        "share_alike": {"answer": "yes", "by": {"help": 3, "seq2seq:spa_Latn-nah": 1}},
        "attribution": {"answer": "yes", "by": {"bible": 3, "help": 3, "seq2seq:spa_Latn-nah": 1}},
    }
    assert found["licences"] == {"CC-BY-NC-4.0": 3, "MPL-2.0": 3, "ODbL-1.0": 1}
    assert found["conflicts"] == [["MPL-2.0", "ODbL-1.0"]]


def test_a_label_asks_for_more_than_a_licence() -> None:
    bounds = [frozenset([Bound("tales", "CC0-1.0")]), frozenset([Bound("bible", "CC-BY-NC-4.0")])]
    found = combined(bounds, {"tales": True, "bible": True})
    told = heeded(found, {"tales": ["TK Non-Commercial", "TK Attribution"], "bible": []})["terms"]
    assert told["commercial_use"] == {"answer": "no", "by": {"bible": 1, "tales": 1}}
    assert told["attribution"] == {"answer": "yes", "by": {"bible": 1, "tales": 1}}
    assert heeded(found, {}) == found


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["CC-BY-SA-3.0", "CC-BY-SA-4.0"], []),
        (["CC-BY-SA-4.0", "GPL-3.0-only"], []),
        (["CC-BY-SA-3.0", "GPL-3.0-only"], [["CC-BY-SA-3.0", "GPL-3.0-only"]]),
        (["CC-BY-SA-4.0", "ODbL-1.0"], [["CC-BY-SA-4.0", "ODbL-1.0"]]),
        (["CC-BY-SA-4.0", "unknown", "MIT"], []),
        (["ODbL-1.0 OR MIT", "CC-BY-SA-4.0"], []),
    ],
)
def test_share_alike_terms_that_cannot_both_be_met(
    licences: list[str], expected: list[list[str]]
) -> None:
    assert conflicts(licences) == expected


def rows(corpus: Corpus) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Human rows of two licences, synthetic rows of both, and the table of sources."""
    free = corpus("in atl", "in tepetl", sources=("el agua", "el cerro"))
    bound = corpus("xochitl", sources=("flor",), id="x", origin="tales", licence="CC-BY-NC-4.0")
    made = [
        {"id": id, "parent": parent, "others": others, "engine": engine, "origin": "respell",
         "language": "nci_Latn", "source": "el agua", "target": "in ātl", "licence": "CC0-1.0"}
        for id, parent, others, engine in (
            ("a", "0", None, "rules@1"),
            ("b", "a", ["x"], "rules@1"),  # made of a made row
            ("c", "1", None, "seq2seq:spa_Latn-nah@1"),
            ("d", "1", None, "thot:spa_Latn-nah@1"),
        )
    ]  # fmt: skip
    sources = [
        {"origin": name, "language": "nah", "licence": licence, "redistribute": True,
         "trusted": True, "path": "raw/x", "rows": 1}
        for name, licence in (("test", "CC0-1.0"), ("tales", "CC-BY-NC-4.0"))
    ]  # fmt: skip
    return (
        pa.concat_tables([free, bound]),
        pa.Table.from_pylist(made, schema=SYNTHETIC),
        pa.Table.from_pylist(sources, schema=SOURCES),
    )


def mixed(
    corpus: Corpus, folder: Path, **change: Any
) -> tuple[dict[str, str], dict[str, Any], dict]:
    """The licence of each row of a mixture, the verdicts on the others, and the figures."""
    train, synthetic, sources = rows(corpus)
    (folder / "verdicts").mkdir(exist_ok=True)
    made = mix(
        train, synthetic, DOCUMENTS, sources, folder / "verdicts", "0",
        replace(PARAMS, **change), ("nah",), LANGUAGES,
    )  # fmt: skip
    licences = {row["id"]: row["licence"] for row in made.tables["nah/rows"].to_pylist()}
    dropped = {r["id"]: r for r in made.tables["ledger"].to_pylist() if not r["kept"]}
    return licences, dropped, made.report["languages"]["nah"]


def test_a_synthetic_row_inherits_from_parents_and_engine(corpus: Corpus, tmp_path: Path) -> None:
    licences, _, figures = mixed(corpus, tmp_path, engine_licences={"seq2seq": "CC-BY-SA-4.0"})
    assert licences == {
        "0": "CC0-1.0",
        "1": "CC0-1.0",
        "x": "CC-BY-NC-4.0",
        "a": "CC0-1.0",
        "b": "CC-BY-NC-4.0 AND CC0-1.0",
        "c": "CC-BY-SA-4.0 AND CC0-1.0",
        "d": "CC-BY-NC-4.0 AND CC0-1.0",  # the translator here learned from the tales too
    }
    told = figures["terms"]["terms"]
    assert told["commercial_use"] == {"answer": "no", "by": {"tales": 3}}
    assert told["share_alike"] == {"answer": "yes", "by": {"seq2seq:spa_Latn-nah": 1}}


def test_an_engine_that_nobody_described_is_unknown(corpus: Corpus, tmp_path: Path) -> None:
    licences, _, figures = mixed(corpus, tmp_path)
    assert licences["c"] == "CC0-1.0 AND unknown"
    assert figures["terms"]["terms"]["redistribution"] == {
        "answer": "unknown", "by": {"seq2seq:spa_Latn-nah": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("licences", "left_out"),
    [
        (None, set()),
        (Licences(("CC0-1.0", "cc-by-nc-4.0", "unknown"), ()), set()),
        (Licences(("CC0-1.0",), ()), {"x", "b", "c", "d"}),
        (Licences(None, ("CC-BY-NC-4.0",)), {"x", "b", "d"}),
        (Licences(None, ("unknown",)), {"c"}),
        (Licences((), ()), {"0", "1", "x", "a", "b", "c", "d"}),
    ],
)
def test_a_mixture_takes_the_licences_that_are_allowed(
    corpus: Corpus, tmp_path: Path, licences: Licences | None, left_out: set[str]
) -> None:
    kept, dropped, figures = mixed(corpus, tmp_path, licences=licences)
    assert set(dropped) == left_out and not left_out & kept.keys()
    assert {row["reason"] for row in dropped.values()} <= {"licence is not mixed in"}
    told = figures["left_out_by_licence"]
    assert sum(n for origins in told.values() for n in origins.values()) == len(left_out)
    if licences == Licences(None, ("CC-BY-NC-4.0",)):
        assert told == {"CC-BY-NC-4.0": {"tales": 1}, "CC-BY-NC-4.0 AND CC0-1.0": {"respell": 2}}
        assert dropped["x"]["value"] == "CC-BY-NC-4.0"
        assert dropped["x"]["limit"] == "any, and none of CC-BY-NC-4.0"


def test_a_lost_parent_is_no_licence() -> None:
    row = {"id": "a", "parent": "gone", "origin": "respell", "engine": None}
    with pytest.raises(RuntimeError, match="parent gone"):
        bounds_of([row], {})


def source(**change: object) -> dict[str, Any]:
    """The section gather with what is changed in the source of Oromo."""
    tree: dict[str, Any] = yaml.safe_load((ROOT / "languages/orm/params.yaml").read_text("utf-8"))[
        "gather"
    ]
    tree["sources"]["libreoffice"] |= change
    return {"gather": tree}


@pytest.mark.parametrize("label", sorted(CLOSED))
def test_what_a_community_keeps_to_itself_is_not_passed_on(label: str) -> None:
    rights = {"holder": None, "cite": None, "url": None, "consent": None, "labels": [label]}
    with pytest.raises(InputError, match=f"labels .*{label}.* need redistribute: false"):
        section(Gather, "gather", source(rights=rights))
    section(Gather, "gather", source(rights=rights, redistribute=False))


def test_rights_are_named_exactly_and_may_be_left_out() -> None:
    rights = {
        "holder": None,
        "cite": None,
        "url": None,
        "consent": None,
        "labels": list(LABELS)[:1],
    }
    whole = section(Gather, "gather", source(rights=rights))
    assert whole.sources["libreoffice"].rights.labels == ("TK Attribution",)
    assert section(Gather, "gather", source(rights=None)).sources["libreoffice"].rights is None
    with pytest.raises(InputError, match=r"unknown \['TK Sacred'\]; Local Contexts have"):
        section(Gather, "gather", source(rights=rights | {"labels": ["TK Sacred"]}))
    with pytest.raises(InputError, match="consent must be null or say something"):
        section(Gather, "gather", source(rights=rights | {"consent": " "}))
    with pytest.raises(InputError, match=r"lacks .*consent"):
        section(Gather, "gather", source(rights={"holder": None}))


def test_the_labels_are_those_of_local_contexts() -> None:
    assert len(LABELS) == len(set(LABELS)) == 20 + 10 + 4
    assert set(LABELS) >= CLOSED
    assert {name.split()[0] for name in LABELS} >= {"TK", "BC"}


def test_the_statement_counts_what_is_not_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["statement"])
    assert done.output.startswith("statements/nah.md: open: Curation rationale, "), done.output
    path = tmp_path / "statements" / "nah.md"
    assert path.read_text("utf-8") == form("Nahuatl")
    assert gaps_of(read_statement(path.parent, "nah")) == [q for q in QUESTIONS if q != "Other"]
    assert read_statement(path.parent, "orm") == dict.fromkeys(QUESTIONS)
    answered = form("Nahuatl").replace("\n## Speech", "Nahuatlahtoh, ተናጋሪዎች.\n\n## Speech", 1)
    path.write_text(answered + "\n## Wishes of the elders\n\nAsk first.\n", "utf-8")
    again = CliRunner().invoke(main, ["statement"])
    assert path.read_text("utf-8").startswith(answered)  # what people wrote is never written over
    assert "Annotator demographic," not in again.output and "Speech situation" in again.output
    found = read_statement(path.parent, "nah")
    assert found["Annotator demographic"] == "Nahuatlahtoh, ተናጋሪዎች."
    assert found["Wishes of the elders"] == "Ask first."
    path.write_text("## Other\na\n## other\nb\n", "utf-8")
    with pytest.raises(InputError, match="has the section 'Other' twice"):
        read_statement(path.parent, "nah")


def test_names_are_compared_as_spdx_writes_them() -> None:
    assert passes("cc-by-4.0", ("CC-BY-4.0",), ()) and passes("Los Libros", ("los libros",), ())
    assert not passes("MPL-2.0 AND CC-BY-4.0", ("CC-BY-4.0",), ())
    assert not passes(None, ("CC-BY-4.0",), ()) and passes(None, ("unknown",), ())
    assert set(USES) < set(FACTS)
