"""What `milpa why` says of rows of each fate, on a small tree of finished tables."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pyarrow as pa
import pytest
from click.testing import CliRunner

from corpus.cli import main
from corpus.select import APPLIED
from corpus.settings import Language
from corpus.table import SYNTHETIC, InputError, ledger, write, write_shard
from corpus.why import why

Corpus = Callable[..., pa.Table]
ROOT = Path(__file__).parent.parent
LANGUAGES = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}


@pytest.fixture
def data(tmp_path: Path, corpus: Corpus) -> Path:
    """Three rows, one of them unread, one a duplicate, one with a synthetic child."""
    rows = corpus("in calli", "In  calli", sources=("la casa", "la casa"))
    folder = tmp_path / "data"
    ids = ["0", "1"]
    unread = {"bad7": ("not UTF-8", "axolotl.csv:17", None)}
    made = {
        "gather/rows": rows,
        "gather/ledger": ledger([*ids, "bad7"], "gather", unread),
        "clean/rows": corpus("in calli", "In calli", sources=("la casa", "la casa")),
        "clean/ledger": ledger(ids, "clean", {}),
        "identify/scores": pa.table({"id": ids, "language_score": [0.99, 0.98]}),
        "assess/scores": pa.table({"id": ids, "target_length": [8.0, None]}),
        "bitext/scores": pa.table({"id": ids, "pair_score": [0.75, 0.5]}),
        "dedup/clusters": pa.table(
            {"id": ids, "cluster": ["0", "0"], "group": ["0", "0"], "similarity": [1.0, 0.9]}
        ),
        "spelling/scores": pa.table(
            {"id": ids, "orthography": ["ack", None], "score": [0.91, None], "signs": [2, 0]}
        ),
        "select/ledger": ledger(ids, "select", {"1": ("duplicate", "0", "one row a cluster")}),
        "select/limits": pa.Table.from_pylist(
            [
                {"rule": "target_length", "language": "nah", "least": 3.0, "trusted": True},
                {"rule": "target_length", "language": "nah", "least": 9.0, "trusted": False},
            ],
            schema=APPLIED,
        ),
        "gather/sources": pa.table({"origin": ["test"], "trusted": [True]}),
        "split/train": rows.slice(0, 1),
        "split/test": rows.slice(0, 0),
    }
    child = {**rows.to_pylist()[0], "id": "c1", "parent": "0", "origin": "respell"}
    child |= {"target": "in kalli", "engine": "nah@77"}
    made |= {
        "respell/rows": pa.Table.from_pylist([child], schema=SYNTHETIC),
        "validate/ledger": ledger(["c1"], "validate", {"c1": ("copies", 0.91234, "at most 0.9")}),
        "validate/scores": pa.table({"id": ["c1"], "copied": [0.91234]}),
        "mix/nah/rows": pa.table({"id": ["0"], "weight": [3.0]}),
    }
    for name, table in made.items():
        write(table, folder / name, 10**6)
    return folder


def test_the_limits_of_a_variety_come_before_its_language_s(data: Path) -> None:
    own = {"rule": "target_length", "language": "nci_Latn", "least": 1.0, "trusted": True}
    write_shard(pa.Table.from_pylist([own], schema=APPLIED), data / "select/limits/00001.parquet")
    assert "  assess        target_length 8 (at least 1)" in why(data, "0", LANGUAGES)


def test_a_kept_row(data: Path) -> None:
    assert why(data, "0", LANGUAGES) == [
        "0",
        "  gather        kept",
        "                source spa_Latn: 'la casa'",
        "                target nci_Latn: 'in calli'",
        "                from test, document 'book', position 0, licence CC0-1.0",
        "  clean         kept",
        "  identify      language_score 0.99",
        "  assess        target_length 8 (at least 3)",
        "  bitext        pair_score 0.75",
        "  dedup         cluster 0 of 2 rows, the centre",
        "                group 0 of 2 rows",
        "  spelling      orthography ack, probability 0.91, by 2 signs",
        "  select        kept",
        "  split         train",
        "  made from it  c1 respell: dropped: copies: 0.9123 (at most 0.9)",
        "  mix           kept: nah, weight 3",
    ]


def test_a_row_of_several_parents_names_and_is_named_by_each(data: Path) -> None:
    row = {"id": "j1", "parent": "0", "others": ["1"], "target": "in calli in calli"}
    row |= {"origin": "concatenate", "engine": "concatenate@1"}
    table = pa.Table.from_pylist([row], schema=SYNTHETIC)
    write(table, data / "concatenate/rows", 10**6)
    assert "  concatenate   made from 0, 1 by concatenate@1" in why(data, "j1", LANGUAGES)
    assert any(line.endswith("j1 concatenate: not validated") for line in why(data, "1", LANGUAGES))


def test_a_dropped_row(data: Path) -> None:
    lines = why(data, "1", LANGUAGES)
    assert "                target nci_Latn: 'In calli'" in lines  # as clean left it
    assert "  assess        target_length nothing to measure (at least 3)" in lines
    assert "  dedup         cluster 0 of 2 rows, 0.900 to the centre" in lines
    assert "  spelling      orthography not told" in lines
    assert lines[-1] == "  select        dropped: duplicate: 0 (one row a cluster)"


def test_a_row_that_could_not_be_read(data: Path) -> None:
    assert why(data, "b", LANGUAGES) == [
        "bad7",
        "  gather        dropped: not UTF-8: axolotl.csv:17",
    ]


def test_a_synthetic_row(data: Path) -> None:
    assert why(data, "c", LANGUAGES) == [
        "c1",
        "  respell       made from 0 by nah@77",
        "                source spa_Latn: 'la casa'",
        "                target nci_Latn: 'in kalli'",
        "                from respell, document 'book', position 0, licence CC0-1.0",
        "  validate      dropped: copies: 0.9123 (at most 0.9)",
        "                copied 0.9123",
    ]


def test_stages_that_have_not_run_are_named(data: Path) -> None:
    (data / "mix").rename(data / "later")
    assert why(data, "0", LANGUAGES)[-1] == "  no output yet of mix"


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("ffff", "no row has an id that begins with 'ffff'; ids stand in the column id of"),
        ("", "no row has an id that begins with ''"),
        ("x' or '1'='1", "no row has an id that begins with"),
    ],
)
def test_an_unknown_id_is_one_line(prefix: str, message: str, data: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        why(data, prefix, LANGUAGES)
    assert "\n" not in str(raised.value)


def test_an_ambiguous_prefix_names_the_ids(data: Path) -> None:
    twins = ledger(["ab1", "ab2"], "gather", {})
    write(twins, data / "gather/ledger", 10**6)
    with pytest.raises(InputError, match=r"several ids begin with 'ab': \['ab1', 'ab2'\]"):
        why(data, "ab", LANGUAGES)


def test_no_tables_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no table; run 'dvc repro'"):
        why(tmp_path, "0", LANGUAGES)


def test_the_command(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data.parent)
    runner = CliRunner()
    assert "params.yaml does not exist" in runner.invoke(main, ["why", "0"]).output
    (data.parent / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    answer = runner.invoke(main, ["why", "0"])
    assert (answer.exit_code, answer.output.splitlines()[:2]) == (0, ["0", "  gather        kept"])
    wrong = runner.invoke(main, ["why", "ffff"])
    assert (wrong.exit_code, wrong.output.count("\n")) == (1, 1)
    assert wrong.output.startswith("Error: no row has an id that begins with 'ffff'")


@pytest.mark.parametrize("name", [None, *main.commands])
def test_every_command_has_help(name: str | None) -> None:
    command: click.Command = main.commands[name] if name else main
    assert command.help
    words = [name, "--help"] if name else ["--help"]
    answer = CliRunner().invoke(main, words)
    assert answer.exit_code == 0
    assert command.help.split("\n")[0] in " ".join(answer.output.split())


def test_it_imports_nothing_slow() -> None:
    code = (
        "import sys, corpus.cli, corpus.why\n"
        "print([m for m in ('torch', 'datasets', 'scipy', 'fasttext') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
