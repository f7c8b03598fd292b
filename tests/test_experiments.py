"""What runs are compared by: few figures with names that the page explains, and tables to draw."""

import csv
import json
import lzma
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from dvc_render.vega_templates import TEMPLATES
from test_graph import CODE, SETTINGS, dvc
from test_graph import OROMO as FILE
from test_report import LANGUAGES, OROMO, bare_run, limits, rates, whole_run, write_reports

from corpus import settings
from corpus.results import read_json, read_reports
from corpus.table import write
from tests.projects import git, grown
from train.compared import tables
from train.headline import DIGITS, headline, metrics

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/experiments.md").read_text("utf-8")
MOST = 15  # figures a language: a table that fits a screen
GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]


def stages() -> dict[str, dict[str, Any]]:
    """Every stage of the graph, and of what stands aside."""
    files = [
        yaml.safe_load((ROOT / n).read_text("utf-8")) for n in ("dvc.yaml", "ablation/dvc.yaml")
    ]
    return {name: s.get("do", s) for file in files for name, s in file["stages"].items()}


def declared(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and attributes of the outputs of one kind."""
    for stage in stages().values():
        for entry in stage.get(kind, []):
            yield from entry.items() if isinstance(entry, dict) else [(entry, {})]


def test_the_committed_reports_give_few_finite_figures() -> None:
    active, languages = settings.languages(settings.load(ROOT / "params.yaml"))
    found = read_reports(ROOT / "reports", active)
    for key in active:
        figures = headline(found, key, languages)
        assert 5 < len(figures) <= MOST
        assert all(isfinite(value) for value in figures.values())
        assert figures["rows_train"] < found["select"]["entered"]
        assert 0 < figures["share_kept"] < 1 and 0 < figures["trusted_kept"] <= 1


def test_every_figure_is_explained_on_the_page() -> None:
    assert len(DIGITS) <= MOST
    explained = re.findall(r"(?m)^\| `(\w+)` \|", PAGE)
    assert sorted(explained) == sorted(DIGITS)


def test_figures_are_those_of_the_reports() -> None:
    found = whole_run()
    found["gather"]["sources"]["libreoffice"]["read"] = 10
    assert headline(found, "orm", LANGUAGES) == {
        "share_kept": 0.8,
        "rows_train": 8,
        "rows_synthetic": 2,
        "trusted_kept": 0.45 + 0.51,
        "junk_caught": 0.97,
        "identification_f1": 0.5,
        "bits_per_byte_base": 4.0,
        "bits_per_byte_adapter": 2.5,
        "bits_per_byte_adapter_margin": 0.1,
        "bits_per_byte_new_documents": 2.5,
        "forgetting": -4.0,
    }  # no translator there: no chrF++ of one


def test_trusted_text_of_all_varieties_counts_by_its_rows() -> None:
    found = whole_run()
    few = {"trusted": {"rows": 300, "rate": 0.8}}
    found["challenge"]["kept"]["orm_Ethi"] = {"old": few}
    figures = headline(found, "orm", LANGUAGES)
    assert figures["trusted_kept"] == pytest.approx((100 * 0.96 + 300 * 0.8) / 400)


@pytest.mark.parametrize(
    ("key", "code"), [("amh", "amh_Ethi"), ("khm", "khm_Khmr"), ("nah", "nci_Latn")]
)
def test_a_language_counts_its_own_rows_only(key: str, code: str) -> None:
    other = replace(OROMO, name=key, varieties=(code[:3],), script=code[4:])
    languages = {**LANGUAGES, key: other}
    found = whole_run()
    found["split"]["by_split"]["train"] = {"orm_Latn": {"a": 8}, code: {"b": 5, "c": 2}}
    found["mix"]["languages"][key] = {"synthetic": {}}
    found["evaluate"][key] = {"bits_per_byte": {}, "chrf": {}}
    figures = headline(found, key, languages)
    assert figures == {"rows_train": 7, "rows_synthetic": 0}  # it has no source: nothing was read
    assert headline(found, "orm", languages)["rows_train"] == 8


def test_what_was_not_measured_is_left_out() -> None:
    assert set(headline(bare_run(), "orm", LANGUAGES)) == {
        *("share_kept", "rows_train", "rows_synthetic")
    }


@pytest.mark.parametrize(
    ("where", "gone"),
    [
        (("evaluate", "orm", "bits_per_byte", "text"), "bits_per_byte_(base|adapter)"),
        (("evaluate", "orm", "bits_per_byte", "by_held_out"), "bits_per_byte_new"),
        (("evaluate", "orm", "bits_per_byte", "forgetting"), "forgetting"),
        (("challenge", "caught", "orm"), "junk_caught"),
        (("challenge", "kept", "orm_Latn"), "trusted_kept"),
        (("identify", "orm"), "identification"),
    ],
)
def test_a_part_that_is_missing_takes_only_its_own_figures(
    where: tuple[str, ...], gone: str
) -> None:
    whole, less = whole_run(), deepcopy(whole_run())
    tree = less
    for name in where[:-1]:
        tree = tree[name]
    del tree[where[-1]]
    before, after = (headline(found, "orm", LANGUAGES) for found in (whole, less))
    assert after == {name: v for name, v in before.items() if not re.match(gone, name)}
    assert after != before


def test_a_translator_has_four_figures() -> None:
    found = whole_run()
    there = {"rows": 4, "translator": {"value": 30.004, "least": 28.0, "most": 33.0}}
    found["evaluate"]["orm"]["chrf"]["to_target"] = there
    figures = headline(found, "orm", LANGUAGES)
    assert (figures["chrf_into"], figures["chrf_into_margin"]) == (30.0, 2.5)
    assert "chrf_into_with_synthetic" not in figures and "chrf_out_of" not in figures


def test_one_file_of_a_project_is_its_metrics() -> None:
    assert [path.split("}")[-1] for path, _ in declared("metrics")] == ["reports/metrics.json"]
    kept = [path for path, how in declared("outs") if re.search(r"reports/.*\.json$", path)]
    assert len(kept) == len(stages())  # one report a stage
    assert all(how == {"cache": False} for path, how in declared("outs") if path in kept)


def test_tables_have_the_columns_that_are_drawn() -> None:
    made = tables(whole_run(), ("orm",), LANGUAGES)
    drawn = {Path(path).stem: how for path, how in declared("plots") if "compared/" in path}
    assert made.keys() == drawn.keys()
    known = {template.DEFAULT_NAME for template in TEMPLATES}
    for name, how in drawn.items():
        assert how["template"] in known and how["title"] and how["x_label"] and how["y_label"]
        lines = list(csv.DictReader(made[name].splitlines()))
        assert list(lines[0]) == [how["y"], how["x"]]
        assert all(isfinite(float(line[how["x"]])) for line in lines)
        labels = [line[how["y"]] for line in lines]
        assert len(set(labels)) == len(labels)
        assert all(label.startswith("orm: ") and len(label) < 30 for label in labels)


def test_tables_of_a_run_without_models_are_heads() -> None:
    made = tables(bare_run(), ("orm",), LANGUAGES)
    assert made["gates"] == "method,share_passed\n" and made["bits"] == "text,bits_per_byte\n"
    assert "orm: synthetic,0\n" in made["rows"]


def test_committed_metrics_are_what_the_committed_reports_say() -> None:
    for key, at in settings.load(ROOT / "params.yaml")["projects"].items():
        active, languages = settings.languages(settings.load(ROOT / at / "params.yaml"))
        found = read_reports(ROOT / at / "reports", active)
        written = read_json(ROOT / at / "reports/metrics.json")
        assert written == metrics(found, active, languages) == headline(found, key, languages)


def test_several_languages_of_a_project_are_told_apart() -> None:
    found = whole_run()
    found["mix"]["languages"]["amh"] = {"synthetic": {}}
    found["evaluate"]["amh"] = {"bits_per_byte": {}, "chrf": {}}
    languages = {**LANGUAGES, "amh": replace(OROMO, name="amh", varieties=("amh",))}
    figures = metrics(found, ("orm", "amh"), languages)
    assert list(figures) == ["orm", "amh"]
    assert figures["orm"] == headline(found, "orm", languages)


def real_rows() -> dict[str, pa.Table]:
    """Oromo help as cleaned rows, short ones dropped by select, each row a cluster of its own."""
    with lzma.open(ROOT / FILE, "rt", encoding="utf-8") as lines:
        records = map(json.loads, islice(lines, 300))
        found = [record for record in records if record["orm"] and record["spa"]]
    segments = [("libreoffice", f["document"], f["spa"], f["orm"]) for f in found]
    made = grown(segments, least=9, variety="orm_Latn")
    ids = made["clean/rows"]["id"]
    some = [0.5] * len(ids)
    names = ("target_length", "source_length", "length_ratio", "target_letters")
    measures = dict.fromkeys((*names, "target_repetition"), some)
    return {
        **{name: made[name] for name in ("clean/rows", "select/ledger")},
        "dedup/clusters": pa.table({"id": ids, "cluster": ids, "group": ids}),
        "identify/scores": pa.table({"id": ids, "language_score": some}),
        "assess/scores": pa.table({"id": ids, **measures}),
        "select/limits": limits(),
        "select/rates": rates(),
        "validate/rows": made["clean/rows"].slice(0, 3),
    }


def two_stages(folder: Path) -> None:
    """Our code, and of our graph `split` and `report`; what other stages give lies there."""
    for name in CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for name, table in real_rows().items():
        write(table, folder / "data" / name, 10**9)
    found = whole_run()
    del found["split"]
    write_reports(folder / "reports", found)
    for name in ("human", "mixed"):
        curve = folder / f"plots/adapt/orm/{name}.csv"
        curve.parent.mkdir(parents=True, exist_ok=True)
        curve.write_text("step,loss,phase,bits_per_byte\n1,4.0,clm,\n2,3.0,clm,2.5\n")
    graph = {name: stage for name, stage in GRAPH.items() if name in ("split", "report")}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": graph}))
    params = {**settings.load(SETTINGS), "projects": {"orm": ""}, "adapters": {"orm": ""}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), "utf-8")
    (folder / ".gitignore").write_text(".cache/\n__pycache__/\n")


@pytest.mark.slow
def test_an_experiment_is_compared_by_few_figures_and_drawn_tables(tmp_path: Path) -> None:
    two_stages(tmp_path)
    git(tmp_path, "init", "-b", "main")
    git(tmp_path, "config", "user.email", "a@b.c")
    git(tmp_path, "config", "user.name", "a")
    dvc(tmp_path, "init", "-q")
    dvc(tmp_path, "repro")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "-m", "first")
    (tmp_path / "untracked.txt").write_text("stays")
    dvc(tmp_path, "exp", "run", "-n", "more", "-S", "split.test_documents=0.3")
    told = json.loads(dvc(tmp_path, "metrics", "diff", "HEAD", "more", "--all", "--json").stdout)
    figures = told["reports/metrics.json"]
    assert list(told) == ["reports/metrics.json"]
    assert figures.keys() <= DIGITS.keys()
    rows = figures["rows_train"]
    assert rows["new"] < rows["old"] and rows["diff"] == rows["new"] - rows["old"]
    shown = json.loads(dvc(tmp_path, "exp", "show", "--json").stdout)[1]
    whole, (tried,) = shown["data"], shown["experiments"]
    for run, side in ((whole, "old"), (tried["revs"][0]["data"], "new")):
        assert list(run["metrics"]) == ["reports/metrics.json"]
        own = run["metrics"]["reports/metrics.json"]["data"]
        assert own == {name: both[side] for name, both in figures.items()}
    drawn = json.loads(dvc(tmp_path, "plots", "diff", "HEAD", "more", "--json").stdout)
    assert "errors" not in drawn
    (table,) = drawn["data"]["plots/compared/rows.csv"]
    bars = {(b["rev"], b["part"]): int(b["rows"]) for b in table["content"]["data"]["values"]}
    assert bars["HEAD", "orm: train"] == rows["old"] and bars["more", "orm: train"] == rows["new"]
