"""What is published: all of it may be passed on, its terms are said, and what is not is named."""

import json
from pathlib import Path
from typing import Any

import mlcroissant
import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner
from datasets import load_dataset
from huggingface_hub import DatasetCard
from test_report import files, whole_run, write_reports

from corpus.table import SCHEMA, InputError, write
from corpus.takedown import LIST
from train.cli import main
from train.mix import MIXTURE
from train.publish import Wanted, publish

ROOT = Path(__file__).parent.parent
ALL = Wanted(without=(), synthetic=False, version=None)
HELP = {"origin": "libreoffice", "licence": "MPL-2.0"}
TALES = {"origin": "tales", "licence": "unclear (books' own terms)"}
TEXTS = ("Galmee haaraa banuu", "Seensa", "ቋንቋ", "Fuula duraa", "Maxxansi")  # Oromo; Amharic


def human(**columns: object) -> list[dict[str, Any]]:
    """A row of each text."""
    whole = {"document": "calc", "language": "orm_Latn", "parent": None, "source": "Abrir"}
    return [
        {"id": f"{columns['origin']}{n}", "position": n, "target": text} | whole | columns
        for n, text in enumerate(TEXTS)
    ]


def made(parent: str, engine: str) -> dict[str, Any]:
    """A synthetic row of the mixture."""
    (row, *_) = human(**HELP)
    return row | {
        "id": "made", "origin": "backtranslate", "parent": parent, "engine": engine,
        "weight": 1.0, "synthetic": True, "bitext": True, "target": "Seensa fuula",
    }  # fmt: skip


def project(
    root: Path,
    rows: list[dict[str, Any]],
    synthetic: tuple[dict[str, Any], ...] = (),
    **mix: object,
) -> Path:
    """A folder as a run on Oromo leaves it, with the rows as its training split."""
    found = whole_run()
    (help_,) = found["gather"]["sources"].values()
    nobody = {"holder": None, "cite": None, "url": None, "consent": "elders of Ambo, 2024",
              "labels": ["TK Community Use Only"]}  # fmt: skip
    found["gather"]["sources"]["tales"] = {**help_, **TALES, "redistribute": False,
                                           "rights": nobody}  # fmt: skip
    write_reports(root / "reports", found)
    tree = yaml.safe_load((ROOT / "languages/orm/params.yaml").read_text("utf-8"))
    tree["mix"] |= mix
    (root / "params.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    (root / LIST).parent.mkdir(exist_ok=True)
    (root / LIST).touch()
    empty = SCHEMA.empty_table()
    train = pa.Table.from_pylist(rows, schema=SCHEMA)
    for name, table in {"train": train, "validation": empty, "test": empty}.items():
        write(table, root / "data" / "split" / name, 10_000)
    write(pa.Table.from_pylist(list(synthetic), schema=MIXTURE), root / "data/mix/orm/rows", 10_000)
    return root


def test_the_hubs_own_libraries_read_the_folder(tmp_path: Path) -> None:
    engine = made("libreoffice0", "seq2seq:orm-spa_Latn@1")
    root = project(tmp_path, human(**HELP), (engine,), engine_licences={"seq2seq": "CC-BY-4.0"})
    lines = publish(root, "orm", Wanted((), True, "1.0.0"), tmp_path / "out")
    assert lines[0].endswith("out: 6 rows")
    read = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in read.items()} == {"train": 5}
    assert [row["target"] for row in read["train"]] == list(TEXTS)
    card = DatasetCard.load(tmp_path / "out" / "README.md")
    assert (card.data.license, card.data.license_name) == ("other", "CC-BY-4.0; MPL-2.0")
    infos = {info["config_name"]: info for info in card.data.dataset_info}
    assert infos["default"]["splits"][0]["num_examples"] == 5
    assert [c["config_name"] for c in card.data.configs] == ["default", "synthetic"]
    made_rows = load_dataset(str(tmp_path / "out"), "synthetic", cache_dir=str(tmp_path / "cache"))[
        "train"
    ]
    assert made_rows["licence"] == ["CC-BY-4.0 AND MPL-2.0"]


def test_croissant_gives_each_row_back(tmp_path: Path) -> None:
    publish(project(tmp_path, human(**HELP)), "orm", ALL, tmp_path / "out")
    read = mlcroissant.Dataset(jsonld=tmp_path / "out" / "croissant.json")
    assert not read.metadata.ctx.issues.errors
    assert [row["train/target"].decode() for row in read.records("train")] == list(TEXTS)
    tree = json.loads((tmp_path / "out" / "croissant.json").read_text("utf-8"))
    assert tree["license"] == "https://spdx.org/licenses/MPL-2.0.html"


def test_what_may_not_be_passed_on_stops_it_and_is_named(tmp_path: Path) -> None:
    root = project(tmp_path, [*human(**HELP), *human(**TALES)])
    with pytest.raises(InputError) as stopped:
        publish(root, "orm", ALL, tmp_path / "out")
    assert str(stopped.value) == (
        "not to be passed on: tales (redistribution no; unclear (books' own terms)); "
        "leave them out: --without tales"
    )
    assert not (tmp_path / "out").exists() and not [*tmp_path.glob(".partial*")]
    lines = publish(root, "orm", Wanted(("tales",), False, None), tmp_path / "out")
    assert lines[0].endswith("5 rows, 5 left out with tales")
    said = (tmp_path / "out" / "ATTRIBUTION.md").read_text("utf-8")
    assert "## libreoffice" in said and "tales" not in said
    content = b"".join(files(tmp_path / "out").values())
    assert b"tales" not in content and b"Ambo" not in content


@pytest.mark.parametrize(
    ("engine", "licences", "said"),
    [
        ("seq2seq:orm-spa_Latn@1", {}, "redistribution unknown; unknown"),
        ("seq2seq:orm-spa_Latn@1", {"seq2seq": "CC-BY-ND-4.0"}, "no derivatives"),
        ("seq2seq:orm-spa_Latn@1", {"seq2seq": "ODbL-1.0"}, "MPL-2.0 and ODbL-1.0 cannot both"),
        ("seq2seq:orm-spa_Latn@1", {"seq2seq": "odbl-1.0 AND MIT"}, "MPL-2.0 and ODbL-1.0 cannot"),
    ],
)
def test_a_made_row_is_bound_by_its_engine(
    tmp_path: Path, engine: str, licences: dict[str, str], said: str
) -> None:
    row = made("libreoffice0", engine)
    root = project(tmp_path, human(**HELP), (row,), engine_licences=licences)
    with pytest.raises(InputError, match=said):
        publish(root, "orm", ALL._replace(synthetic=True), tmp_path / "out")
    publish(root, "orm", ALL, tmp_path / "human")


def test_the_translator_trained_here_is_bound_by_its_text(tmp_path: Path) -> None:
    rows = [*human(**HELP), *human(**TALES)]
    root = project(tmp_path, rows, (made("libreoffice0", "thot:orm-spa_Latn@1"),))
    wanted = Wanted(("tales",), True, None)
    lines = publish(root, "orm", wanted, tmp_path / "out")  # the made row goes with the tales
    assert lines[0].endswith("5 rows, 6 left out with tales")


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name, rows in (("a", human(**HELP)), ("b", human(**HELP)[::-1])):
        (tmp_path / name).mkdir()
        publish(project(tmp_path / name, rows), "orm", ALL, tmp_path / name / "out")
    assert files(tmp_path / "a" / "out") == files(tmp_path / "b" / "out")


def test_the_command_says_what_people_have_yet_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project(tmp_path, human(**HELP)))
    done = CliRunner().invoke(main, ["export", "data", "out"])
    assert done.exit_code == 0, done.output
    assert "terms: MPL-2.0\n" in done.output
    assert "the data statement leaves 8 questions open: Curation rationale" in done.output
    assert "without the recommended citeAs, datePublished, version" in done.output
    again = CliRunner().invoke(main, ["export", "data", "out"])
    assert (again.exit_code, again.output) == (
        1,
        "Error: out exists; name a place where nothing is\n",
    )
    strange = CliRunner().invoke(main, ["export", "data", "new", "--without", "bible"])
    assert "there is no origin ['bible']; there are ['libreoffice', 'tales']" in strange.output
    nothing = CliRunner().invoke(main, ["export", "data", "new", "--without", "libreoffice"])
    assert "no row of orm is left" in nothing.output


def test_the_card_counts_what_lies_beside_it(tmp_path: Path) -> None:
    root = project(tmp_path, human(**HELP))
    (root / "statements").mkdir()
    told = "## Language variety\nWestern Oromo, qubee.\n## Other\n<!-- none -->\n"
    (root / "statements" / "orm.md").write_text(told, "utf-8")
    publish(root, "orm", ALL, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "| orm_Latn | 5 |" in card
    assert "| passed on | yes | – |" in card
    assert "| shared under the same licence | yes | libreoffice |" in card
    assert "**Language variety.** Western Oromo, qubee." in card
    assert "Oromo: 1 of 9 sections are filled in." in card
    assert "**Speech situation.** *Not answered yet.*" in card
