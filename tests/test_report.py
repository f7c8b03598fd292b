"""The report: the same bytes each time, no network, and no claim that its reports do not hold."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from huggingface_hub import DatasetCard, ModelCard
from jinja2 import UndefinedError
from PIL import Image

from corpus.cli import main
from corpus.rates import RATES
from corpus.results import BY_LANGUAGE, difference, estimate, read_reports, summary
from corpus.select import APPLIED
from corpus.settings import Language
from corpus.table import LEDGER, SCHEMA, InputError, write
from train import figures, filters, outcomes, panels
from train.cards import cell, environment, licence, rendered, saving, size_category, verdicts
from train.evidence import evidence, ratings
from train.figures import Axis, Mark
from train.panels import Facts
from train.report import Report, facts_of, read_curve, report
from train.terms import Bound, combined

ROOT = Path(__file__).parent.parent
OROMO = Language(
    name="Oromo",
    varieties=("orm",),
    script="Latn",
    pivot="spa_Latn",
    neighbours=(),
    orthography=None,
)
LANGUAGES = {"orm": OROMO}
PARAMS = Report(
    bins=4, smoothed_steps=2, maintainer=None, cautions={"default": ("Software help only.",)}
)
WILSON = {"count": 9, "of": 10, "rate": 0.9, "low": 0.6, "high": 0.98}
TEXT = {"value": 2.5, "least": 2.4, "most": 2.6}
WORSE = {"difference": -4.0, "least": -6.0, "most": -2.0, "detectable": 2.8, "verdict": "worse"}
UNSURE = {
    "difference": 0.1,
    "least": -1.0,
    "most": 1.2,
    "detectable": 1.5,
    "verdict": "cannot tell",
}


def share_of(rate: float) -> dict[str, Any]:
    """A share of a hundred rows with an interval."""
    return {"rows": 100, "rate": rate, "low": max(0.0, rate - 0.02), "high": min(1.0, rate + 0.02)}


def challenged(caught: tuple[float, float], kept: tuple[float, float]) -> dict[str, Any]:
    """Junk caught and trusted text kept under the limits of untrusted and of trusted origins."""
    junk, text = (
        {"untrusted": share_of(some[0]), "trusted": share_of(some[1])} for some in (caught, kept)
    )
    return {
        "caught": {"orm": {"all kinds": junk, "repetition": junk}},
        "kept": {"orm_Latn": {"libreoffice": text}, "spa_Latn": {"libreoffice": text}},
        "left_out": ["pair_score"],
        "without_model": [],
    }


def spelled() -> dict[str, Any]:
    """Two orthographies, and a suspected variant in one direction."""
    variant = {
        "one": "", "other": "h", "examples": ["laka lakah"], "likelihood_ratio": 9.0,
        "pairs_apart": 5, "pairs_together": 1, "pairs_linked": 2,
    }  # fmt: skip
    return {
        "by_language": {"orm_Latn": {"libreoffice": {"qubee": 6, "old": 2}}},
        "documents": [],
        "languages": {"orm": {"variants": [variant]}},
    }


def paired() -> dict[str, Any]:
    """Pair scores that tell one kind of false pair and not the other."""
    area = {"value": 0.97, "low": 0.96, "high": 0.98, "true": 50, "false": 40}
    nothing = {"value": None, "low": None, "high": None, "true": 50, "false": 0}
    scores = {"quantiles": [0.1, 0.3, 0.7, 0.8, 0.9], "sure": WILSON}
    return {
        "auc": area,
        "auc_by_kind": {"random": area, "swapped": nothing},
        "by_variety": {"orm_Latn": {"libreoffice": scores}},
    }


NOTHING = {"spearman": None, "low": None, "high": None, "limit": 0.5, "rows": 30}


def whole_run() -> dict[str, Any]:
    """The reports of a run on Oromo with a figure of every kind."""
    rows = {"orm_Latn": {"libreoffice": 8}}
    decided = {"entered": 9, "kept": 8, "dropped": 1, "kept_by_language": rows}
    dropped = {"dropped_by_reason": {"duplicate": {"orm_Latn": {"libreoffice": 1}}}}
    source = {
        "origin": "libreoffice", "language": "orm", "licence": "MPL-2.0", "redistribute": True,
        "path": "hub/citlali/help", "trusted": True, "read": 9, "rows": 9, "target_alone": 1,
        "source_alone": 0,
        "rights": {
            "holder": "The Document Foundation", "cite": None, "url": None, "consent": None,
            "labels": ["TK Attribution"],
        },
    }  # fmt: skip
    label = {"recall": WILSON, "precision": WILSON, "false_accepts": WILSON, "lid176": None}
    gate = {"spearman": -0.6, "low": -0.7, "high": -0.5, "limit": 0.3, "rows": 30}
    method = {"kept": 2, "measured": 3, "passed": 2}
    shares = {
        "units": 2,
        "largest": {"libreoffice: a": 0.7, "libreoffice: b": 0.3},
        "effective": 1.7,
    }
    spread = {kind: {"text": shares, "weight": shares} for kind in ("document", "variety")}
    mixture = {
        "concentration": spread,
        "reviewed": False, "verdicts": 0, "reviewers": 0, "rejected_methods": [], "human": 8,
        "synthetic": {"respell": 2},
        "terms": combined([frozenset([Bound("libreoffice", "MPL-2.0")])], {"libreoffice": True}),
    }  # fmt: skip
    adapter = {
        "in_mixture": {"texts": 1008, "pairs": 1007, "pairs_too_long": 1},
        "drawn": {"texts": 6, "synthetic_texts": 2, "pairs": 5, "synthetic_pairs": 1},
        "steps": 4, "trained_parameters": 64,
    }  # fmt: skip
    words = {"orm_Latn": {"tokens_per_word": {"value": 2.0, "least": 1.9, "most": 2.1}}}
    speakers = {"base": {**TEXT, "value": 4.0}, "human": TEXT, "mixed": TEXT}
    saved = {"value": 0.375, "least": 0.3, "most": 0.4}
    answers = {
        "rows": 4, "copy": TEXT, "translator": TEXT, **speakers, "adapter_over_copy": WORSE,
        "synthetic_in_adapter": UNSURE,
    }  # fmt: skip
    return {
        "fetch": {"assets": {"corpora/x": {"address": "path:x", "sha256": "00", "bytes": 1}}},
        "gather": {
            **decided, **dropped, "sources": {"libreoffice": source},
            "taken_down": {"requests": {"row": 1, "text": 2}, "rows": 1234},
        },
        "clean": {**decided, "dropped_by_reason": {}},
        "identify": {
            "orm": {
                "labels": {"orm": label},
                "by_variety": {"orm_Latn": WILSON},
                "languages": {
                    "macro_f1": WILSON | {"value": 0.5},
                    "abstention": [{"limit": 0.9, "coverage": WILSON, "accuracy": WILSON}],
                },
            }
        },
        "spelling": spelled(),
        "bitext": {"orm": paired()},
        "select": {**decided, **dropped},
        "challenge": challenged((0.97, 0.49), (0.45, 0.96)),
        "split": {"by_split": {"train": rows, "validation": {}, "test": rows}},
        "validate": {
            **decided,
            "kept_by_language": {"orm_Latn": {"respell": 2}},
            "dropped_by_reason": {"lengths differ": {"orm_Latn": {"respell": 1}}},
            "languages": {
                "orm": {
                    "methods": {"respell": method},
                    "calibration": {
                        "respell": {"rows": 0, "truth": "no truth to be held against"},
                        "backtranslate": {
                            "rows": 30, "truth": "human source", "engine": "thot:orm-spa_Latn@0",
                            "gates": {"unseen": gate, "copied": NOTHING}, "together": gate,
                        },
                    },
                }
            },
        },
        "mix": {**decided, **dropped, "reviewed": False, "languages": {"orm": mixture}},
        "base": {"model": "citlali/tiny", "revision": "abc123", "parameters": 1000},
        "tokenizer": {"fertility": {
            "orm": {"new_tokens": 3, "validation": {"base": words, "extended": words}}
        }},
        "adapt": {
            "orm": {
                "human": adapter, "mixed": adapter, "method": "lora",
                "phases": [{"objective": "clm", "steps": 3}, {"objective": "sft", "steps": 1}],
            }
        },
        "retrain": {"orm": {}},
        "contamination": {"orm": {"flores": {"lines_trained_on": share_of(0.02)}}},
        "ratings": {
            "orm": {
                "segments": 2, "reviewers": 2,
                "scales": {
                    "adequacy": {
                        "means": {"reference": {"rows": 2, **TEXT}, "mixed": {"rows": 0}},
                        "differences": {"reference over mixed": {"rows": 2, **UNSURE}},
                        "agreement": {"outputs": 2, **TEXT},
                    },
                },
            },
        },
        "evaluate": {
            "orm": {
                "rows": {"text": 4, "pairs": 4, "translated": 4},
                "bits_per_byte": {
                    "text": {**speakers, "saved": {"mixed": saved}, "synthetic": UNSURE},
                    "by_variety": {"orm_Latn": {"rows": 4, **speakers, "saved": {"mixed": saved}}},
                    "by_origin": {"libreoffice": {"rows": 4, **speakers}},
                    "by_held_out": {
                        "segment": {"rows": 2, **speakers, "saved": {"mixed": saved}},
                        "document": {"rows": 2, **speakers, "saved": {"mixed": saved}},
                    },
                    "by_held_out_document": {
                        "calc": {"rows": 2, **speakers, "saved": {"mixed": saved}},
                    },
                    "forgetting": {
                        "pivot": {
                            "rows": 3, **speakers, "change": {"human": UNSURE, "mixed": WORSE},
                        },
                    },
                    "made_text": {"human": speakers, "made": speakers, "easier": UNSURE},
                },
                "chrf": {
                    "title": "chrF++", "signature": "nrefs:1", "to_target": {"rows": 0},
                    "answers": {**answers, "shows": 1.5}, "on_key": {"answers": answers},
                    "to_source": {
                        "rows": 4, "copy": TEXT, "translator_over_copy": WORSE, "shows": None,
                    },
                },
                "memory": {
                    "mixed": {
                        "rows": 4, "outputs": TEXT, "references": TEXT, "more": UNSURE,
                        "mean_likeness": 0.3,
                    },
                },
            }
        },
    }  # fmt: skip


def bare_run() -> dict[str, Any]:
    """The reports of a run in which all that may be missing is."""
    found = whole_run()
    found["identify"] = {"orm": {"model": "none: trusted segments must be at least 50"}}
    found["spelling"] = {"by_language": {}, "documents": [], "languages": {}}
    found["bitext"] = {"orm": {"rows": 8, "score": "none: trusted pairs must be at least 100"}}
    found["challenge"] = {"caught": {}, "kept": {}, "left_out": [], "without_model": ["orm"]}
    found["validate"] |= {"kept_by_language": {}, "dropped_by_reason": {}, "languages": {}}
    found["tokenizer"] = {}
    found["mix"]["languages"]["orm"]["synthetic"] = {}
    found["evaluate"]["orm"] |= {"bits_per_byte": {}, "chrf": {"signature": "nrefs:1"}}
    found["evaluate"]["orm"]["memory"] = {}
    found["ratings"]["orm"] = {"segments": 0, "reviewers": 0, "scales": {}}
    return found


def write_reports(folder: Path, found: dict[str, Any]) -> Path:
    """Each report as the file that its stage would have written."""
    for stage in (
        *("assess", "dedup", "translator", "backtranslate", "paraphrase", "respell"),
        *("codeswitch", "swap", "noise", "concatenate", "forward", "pivot", "sample"),
    ):
        found.setdefault(stage, {})
    for stage, tree in found.items():
        files = {f"{stage}/orm": tree["orm"]} if stage in BY_LANGUAGE else {
            stage: tree
        }  # fmt: skip
        for name, part in files.items():
            path = folder / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(part), "utf-8")
    return folder


def write_tables(data: Path) -> None:
    """The tables that the stage reads, of four rows."""
    ids = ["0", "1", "2", "3"]
    rows = [{"id": i, "language": "orm_Latn", "origin": "libreoffice"} for i in ids]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    write(table, data / "rows", 1000)
    for name in ("train", "validation", "test"):
        write(table, data / "split" / name, 1000)
    write(pa.table({"id": ids, "language_score": [0.9, 0.8, None, 0.1]}), data / "identify", 1000)
    measures = {n: [1.0, 30.0, 2.0, None] for n in ("target_length", "source_length")}
    shares = {n: [0.5, 1.0, 0.0, None] for n in ("length_ratio", "target_letters")}
    measured = pa.table(
        {"id": ids, **measures, **shares, "target_repetition": [0.0, 0.1, 0.0, 0.2]}
    )
    write(measured, data / "assess", 1000)
    book = [{"id": i, "stage": "select", "kept": i != "3"} for i in ids]
    write(pa.Table.from_pylist(book, schema=LEDGER), data / "select" / "ledger", 1000)
    write(limits(), data / "select" / "limits", 1000)
    write(rates(), data / "select" / "rates", 1000)


def limits() -> pa.Table:
    """A rule's limits for trusted origins, then for the others."""
    of = {"rule": "target_length", "language": "orm", "least": 1.0}
    rows = [{**of, "most": 40.0, "trusted": True}, {**of, "most": 20.0, "trusted": False}]
    return pa.Table.from_pylist(rows, schema=APPLIED)


def rates() -> pa.Table:
    """What two rules keep."""
    row = {"language": "orm_Latn", "origin": "libreoffice", "trusted": True, "rows": 4, "kept": 3}
    found = {"rate": 0.75, "low": 0.3, "high": 0.95}
    rules = [{**row, **found, "rule": rule} for rule in ("target_length", "select")]
    return pa.Table.from_pylist(rules, schema=RATES)


def run_report(folder: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Run the stage in a folder; returns its own report."""
    folder.mkdir(exist_ok=True)
    write_reports(folder / "reports", found)
    write_tables(folder / "data")
    for name in ("human", "mixed"):
        path = folder / "plots" / "orm" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "step,loss,phase,bits_per_byte\n1,4.0,causal,\n2,3.0,causal,2.5\n3,3.5,tuning,\n",
            "utf-8",
        )
    (folder / "reports" / "figures").mkdir(exist_ok=True)
    made = report(
        reports=folder / "reports",
        learning=folder / "plots",
        rows=folder / "data" / "rows",
        identify=folder / "data" / "identify",
        assess=folder / "data" / "assess",
        select=folder / "data" / "select",
        split=folder / "data" / "split",
        synthetic=folder / "data" / "rows",
        statements=folder / "statements",
        page=folder / "reports" / "index.html",
        data=folder / "reports" / "data_card.md",
        model=folder / "reports" / "model_card.md",
        metrics=folder / "reports" / "metrics.json",
        compared=folder / "plots" / "compared",
        params=PARAMS,
        active=("orm",),
        languages=LANGUAGES,
        out=folder / "reports" / "figures",
    )
    return dict(made.report)


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Page(HTMLParser):
    """What a test asks of the page: addresses, alternative texts, tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag says."""
        found = dict(attrs)
        self.tags.add(tag)
        self.addresses += [v for n in ("href", "src") if (v := found.get(n)) is not None]
        self.ids += [found["id"] or ""] if "id" in found else []
        self.images += [found] if tag == "img" else []


@pytest.mark.slow
def test_the_page_opens_offline_and_is_the_same_bytes_twice(tmp_path: Path) -> None:
    made = run_report(tmp_path / "a", whole_run())
    run_report(tmp_path / "b", whole_run())
    assert files(tmp_path / "a") == files(tmp_path / "b")
    reports = tmp_path / "a" / "reports"
    page = Page((reports / "index.html").read_text("utf-8"))
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert len(page.images) == len(made["figures"])
    assert all(len(image["alt"] or "") > 20 for image in page.images)
    assert len(page.ids) == len(set(page.ids))
    for address in page.addresses:
        if address.startswith("#"):
            assert address[1:] in page.ids
        elif not address.startswith("data:image/svg+xml;base64,"):
            assert (reports / address).is_file(), address
    for name in made["figures"]:
        svg = (reports / "figures" / f"{name}.svg").read_text("utf-8")
        assert "dc:date" not in svg and "matplotlib.org" not in svg
        with Image.open(reports / "figures" / f"{name}.png") as image:
            assert "Software" not in image.info
    assert made["reviewed"] is False


def test_a_run_without_optional_parts_has_a_page_and_cards(tmp_path: Path) -> None:
    made = run_report(tmp_path, bare_run())
    drawn = {"rows_lost", "reasons", "kept_orm", "keep_rates_orm", "splits_orm", "learning_orm"}
    assert drawn <= set(made["figures"])
    without = {"identification", "abstention", "gates", "synthetic", "orthographies", "both_sides"}
    without |= {"variants", "pair_kinds", "pair_scores"}
    assert not {f"{name}_orm" for name in without} & set(made["figures"])
    data = DatasetCard.load(tmp_path / "reports" / "data_card.md")
    assert data.data.license == "mpl-2.0"
    assert data.data.language == ["orm", "spa"]
    assert "unreviewed" in data.text and "Software help only." in data.text
    assert made["sha256"]["train"] in data.text
    asked = "1,234 rows are left out because somebody asked for it (requests: row 1, text 2)"
    assert asked in data.text
    model = ModelCard.load(tmp_path / "reports" / "model_card.md")
    assert "unreviewed" in model.data.tags and "Unreviewed" in model.text
    assert "as it is" in model.text


@pytest.mark.parametrize("name", ["select.json", "evaluate/orm.json"])
def test_a_missing_report_is_named(tmp_path: Path, name: str) -> None:
    folder = write_reports(tmp_path, whole_run())
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"{name} does not exist; run 'dvc repro' first"):
        read_reports(folder, ("orm",))


def test_a_damaged_report_is_named(tmp_path: Path) -> None:
    folder = write_reports(tmp_path, whole_run())
    (folder / "mix.json").write_text("{", "utf-8")
    with pytest.raises(InputError, match=r"mix.json is no JSON"):
        read_reports(folder, ("orm",))


def test_a_missing_curve_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"human.csv does not exist; run 'dvc repro' first"):
        read_curve(tmp_path / "human.csv")
    (tmp_path / "human.csv").write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(InputError, match=r"must have the columns step, loss, phase"):
        read_curve(tmp_path / "human.csv")


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"bins": 0}, "at least 1, got 0"), ({"cautions": {"orm": ()}}, "needs the key 'default'")],
)
def test_settings_out_of_range_are_named(changes: dict[str, Any], said: str) -> None:
    values = {"bins": 4, "smoothed_steps": 2, "maintainer": None, "cautions": {"default": ()}}
    with pytest.raises(ValueError, match=said):
        Report(**{**values, **changes})  # type: ignore[arg-type]


def test_results_is_a_table_and_the_place_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "languages/orm/params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["results"])
    assert done.exit_code == 1
    assert done.output.count("\n") == 1 and "run 'dvc repro' first" in done.output
    write_reports(tmp_path / "reports", whole_run())
    (tmp_path / "reports" / "index.html").touch()
    done = CliRunner().invoke(main, ["results"])
    assert done.exit_code == 0, done.output
    assert "Oromo (orm)" in done.output
    assert "0.900 [0.600, 0.980]" in done.output
    assert done.output.endswith("report: reports/index.html\n")


def test_summary_names_what_was_not_measured(tmp_path: Path) -> None:
    lines = summary(read_reports(write_reports(tmp_path, bare_run()), ("orm",)), "orm", LANGUAGES)
    assert ("identification", "none: trusted segments must be at least 50") in lines
    assert ("bits per byte, base model", "not measured") in lines
    assert ("train / validation / test", "8 / 0 / 8") in lines
    assert ("rows by orthography", "not told") in lines
    assert (
        "pair score AUC on planted false pairs",
        "none: trusted pairs must be at least 100",
    ) in lines
    assert ("planted junk caught, untrusted limits", "not measured") in lines
    assert ("trusted text kept, least variety", "not measured") in lines


def test_summary_says_both_sides_of_the_filters_and_how_pairs_are_told() -> None:
    found = whole_run()
    found["challenge"]["kept"]["orm_Arab"] = {"bible": {"trusted": share_of(0.8)}}
    lines = dict(summary(found, "orm", LANGUAGES))
    assert lines["planted junk caught, untrusted limits"] == "0.970 [0.950, 0.990]"
    assert lines["trusted text kept, least variety"] == "0.800 [0.780, 0.820] of orm_Arab"
    assert lines["pair score AUC on planted false pairs"] == "0.970 [0.960, 0.980]"
    assert lines["rows by orthography"] == "qubee 6, old 2"


def test_verdicts_say_worse_and_cannot_tell() -> None:
    found = whole_run()
    lines = verdicts(found["evaluate"]["orm"], found["adapt"]["orm"])
    assert lines[0].startswith("On human test text the adapter spends 37.5% [30.0%, 40.0%] fewer")
    assert any("copying the input: -4.00 [-6.00, -2.00] chrF++: worse." in line for line in lines)
    assert any("too small a difference for this test set to tell" in line for line in lines)
    assert any(line.startswith("The phrase-based translator out of it") for line in lines)
    assert any("1 synthetic pairs of 5 and 2 synthetic texts of 6" in line for line in lines)
    assert verdicts({"bits_per_byte": {}, "chrf": {}}, {}) == []


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [(0.1, 0.3, "20.0% [10.0%, 30.0%] fewer"), (-0.1, 0.3, "as many"), (-0.3, -0.1, "more")],
)
def test_saving_claims_no_more_than_its_interval(least: float, most: float, said: str) -> None:
    assert f"the adapter spends {said}" in saving({"value": 0.2, "least": least, "most": most})


def test_estimates_and_differences_in_words() -> None:
    assert estimate(None) == estimate({"value": None}) == "not measured"
    assert estimate({"rate": 0.5}) == "0.50"
    assert difference(UNSURE) == "+0.10 [-1.00, +1.20]: cannot tell"
    assert cell(None) == "–"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["MPL-2.0"], {"license": "mpl-2.0"}),
        (["MPL-2.0", "CC0-1.0"], {"license": "other", "license_name": "CC0-1.0; MPL-2.0"}),
        (["unclear (books)"], {"license": "other", "license_name": "unclear (books)"}),
    ],
)
def test_licence_of_a_card(names: list[str], expected: dict[str, str]) -> None:
    assert licence([{"licence": name} for name in names]) == expected


def test_sizes_have_the_hubs_names() -> None:
    assert [size_category(n) for n in (0, 999, 1000, 10**9)] == [
        "n<1K",
        "n<1K",
        "1K<n<10K",
        "n>100M",
    ]


@pytest.mark.parametrize("trusted", [True, False])
def test_limits_are_those_of_the_rows_drawn(tmp_path: Path, trusted: bool) -> None:
    write_tables(tmp_path)
    met = rates().to_pylist()
    origins = pa.Table.from_pylist([row | {"trusted": trusted} for row in met], schema=RATES)
    write(origins, tmp_path / "select" / "rates", 1000)
    known = pa.table({"language": ["orm_Latn"]})
    facts = facts_of("orm", known, tmp_path / "select", LANGUAGES)
    found = {"target_length": (1.0, 40.0 if trusted else 20.0)}
    assert (facts.limits, facts.untrusted) == ((found, {}) if trusted else ({}, found))


def test_bits_of_varieties_and_origins_have_intervals() -> None:
    panel = outcomes.bits("orm", whole_run()["evaluate"]["orm"])
    assert panel is not None
    some = [row for row in panel.rows if row[0] in ("orm_Latn", "origin libreoffice")]
    assert len(some) == 6 and all(low < high for *_, low, high in some)
    lines = summary(whole_run(), "orm", LANGUAGES)
    assert ("    orm_Latn, 4 texts", "0.375 [0.300, 0.400]") in lines


def test_evidence_stands_where_a_reader_looks() -> None:
    panels = {p.name: p for p in evidence("orm", whole_run()["evaluate"]["orm"]) if p}
    assert set(panels) == {f"{n}_orm" for n in ("reach", "forgetting", "made_text",
                                                "translation_scores", "memory")}  # fmt: skip
    shown = [row[0] for row in panels["reach_orm"].rows]
    assert shown == [
        "segments of known documents (2)",
        "whole documents held out (2)",
        "  calc (2)",
    ]
    assert panels["forgetting_orm"].rows[1][-1] == difference(WORSE, 3)
    assert panels["translation_scores_orm"].rows[0][-2:] == ["–", None]  # no key, no comparison
    rated = ratings("orm", whole_run()["ratings"]["orm"])
    assert rated is not None
    assert [row[1] for row in rated.rows] == ["reference", "reference over mixed", "agreement"]
    assert ratings("orm", bare_run()["ratings"]["orm"]) is None
    assert list(evidence("orm", bare_run()["evaluate"]["orm"])) == [None] * 5
    lines = summary(whole_run(), "orm", LANGUAGES)
    assert ("    whole documents held out, 2 texts", "0.375 [0.300, 0.400]") in lines
    assert ("  forgotten, pivot", difference(WORSE, 3)) in lines


def test_letters_of_a_figure_stay_text() -> None:
    svg = figures.drawn(figures.bars({"kept": {"clean: duplicate": 3}}, "rows"), "svg")
    assert b">clean: duplicate</text>" in svg
    assert len(svg) < 12_000


def test_a_figure_is_the_same_bytes_twice_and_undated() -> None:
    def draw() -> bytes:
        return figures.drawn(
            figures.bars({"kept": {"nah": 3}, "dropped": {"nah": 1}}, "rows"), "svg"
        )

    assert draw() == draw()
    assert b"dc:date" not in draw()


def test_marks_without_intervals_and_single_values_are_drawn() -> None:
    alone = figures.dots({"a": [Mark("x", "", 1.0)], "b": [Mark("y", "g", 0.5, 0.4, 0.6)]}, "share")
    assert len(alone.axes) == 2
    axis = Axis("characters", np.geomspace(1, 10, 4), log=True, limits=(2.0,))
    drawn = figures.histograms(
        {"target": (axis, {"kept": np.array([1.0]), "dropped": np.array([])})}
    )
    assert drawn.axes[0].get_xscale() == "log"


def test_smoothing_stays_within_its_phase() -> None:
    steps = np.array([1.0, 2.0, 3.0])
    panel = outcomes.learning(
        "orm",
        {
            "human": (
                steps,
                np.array([2.0, 1.0, 9.0]),
                ["causal", "causal", "tuning"],
                {1: 3.0, 2: 3.5},
            )
        },
        2,
    )
    assert panel is not None
    assert panel.rows == [
        ["human", "causal", 2, 2.0, 1.5, 3.5, 3.0],
        ["human", "tuning", 1, 9.0, 9.0, None, None],
    ]
    assert outcomes.learning("orm", {"human": (steps[:0], steps[:0], [], {})}, 2) is None


def test_rules_that_keep_every_trusted_row_are_not_drawn() -> None:
    facts = Facts(rates=rates(), scores=pa.table({}), limits={}, untrusted={})
    panel = filters.keep_rates("orm", facts)
    assert panel is not None
    assert [row[2] for row in panel.rows] == ["target_length"]
    untrusted = Facts(RATES.empty_table(), pa.table({}), {}, {})
    assert filters.keep_rates("orm", untrusted) is None
    assert filters.kept("orm", untrusted) is None


@pytest.mark.parametrize(
    ("caught", "kept", "said"),
    [
        ((0.97, 0.49), (0.45, 0.96), "no single set of limits gives both."),
        ((0.97, 0.49), (0.95, 0.96), ": limits of untrusted origins give both."),
        ((0.94, 0.95), (1.0, 0.95), ": limits of trusted origins give both."),
    ],
)
def test_the_verdict_on_filters_follows_from_both_sides(
    caught: tuple[float, float], kept: tuple[float, float], said: str
) -> None:
    panel = filters.both_sides("orm", challenged(caught, kept), LANGUAGES)
    assert panel is not None and said in panel.note
    assert f"catch {caught[0]:.1%} of the junk and keep {kept[0]:.1%}" in panel.note
    assert len(panel.rows) == 6  # two kinds and one variety under two limits; Spanish is not ours


def test_filters_of_a_language_without_a_model_show_one_side() -> None:
    found = {**challenged((1.0, 1.0), (0.9, 0.9)), "caught": {}}
    panel = filters.both_sides("orm", found, LANGUAGES)
    assert panel is not None and "Only one side was measured" in panel.note
    assert {row[0] for row in panel.rows} == {"trusted text kept"}


def test_kinds_of_false_pairs_that_were_not_planted_are_not_drawn() -> None:
    panel = filters.pair_kinds("orm", paired())
    assert panel is not None
    assert [row[0] for row in panel.rows] == ["all kinds", "random"]
    assert filters.pair_kinds("orm", {}) is None and filters.pair_scores("orm", {}) is None


def test_suspected_variants_are_a_table_alone(tmp_path: Path) -> None:
    made = run_report(tmp_path, whole_run())
    assert "variants_orm" not in made["figures"]
    page = (tmp_path / "reports" / "index.html").read_text("utf-8")
    assert '<section id="variants_orm">' in page
    assert '<th scope="row">nothing</th><td>h</td><td>5</td><td>1</td><td>2</td>' in page
    assert "laka\u00a0~\u00a0lakah" in page


def test_panels_with_labels_of_their_own_stand_one_below_the_other() -> None:
    marks = {"a": [Mark("x", "", 0.5), Mark("y", "", 0.6)], "b": [Mark("z", "", 0.7)]}
    first, second = figures.dots(marks, "share", own=True).axes
    assert [text.get_text() for text in first.get_yticklabels()] == ["x", "y"]
    assert [text.get_text() for text in second.get_yticklabels()] == ["z"]
    assert first.get_position().y0 > second.get_position().y1


def test_lost_rows_add_up() -> None:
    panel = panels.lost(whole_run(), ("orm",), LANGUAGES)
    assert all(entered == kept + dropped for _, entered, kept, dropped in panel.rows)


def test_cells_cannot_break_their_table() -> None:
    table = environment().from_string(
        '{% import "macros.md.j2" as show %}{{ show.table(head, rows) }}'
    )
    assert r"| a\|b c |" in table.render(head=["origin"], rows=[["a|b\nc"]])


def test_what_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendered("model_card.md.j2", {})
