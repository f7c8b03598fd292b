"""The retrained model and its yardstick differ in the synthetic pairs and in nothing else."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from augment.engines import thot
from corpus.table import InputError
from train.retrain import Retrain, added, retrain, tagged, without_new_bitext

ALL = Retrain(most_synthetic=None, most_tokens=60, tag=None)
Corpus = Callable[..., pa.Table]


def mixture(table: pa.Table, synthetic: list[bool]) -> pa.Table:
    bitext = [
        s is not None and t is not None
        for s, t in zip(table["source"].to_pylist(), table["target"].to_pylist(), strict=True)
    ]
    table = table.append_column("synthetic", pa.array(synthetic, pa.bool_()))
    return table.append_column("bitext", pa.array(bitext, pa.bool_()))


def ids(folder: Path, *names: str) -> Path:
    path = folder / "nah/ids.txt"
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{name}\n" for name in names), "utf-8")
    return path


def test_no_human_pair_comes_in_by_its_synthetic_child(corpus: Corpus) -> None:
    table = mixture(corpus(*["ātl"] * 5, sources=("agua",) * 5), [False] + [True] * 4)
    born = (
        ("axolotl", None),
        ("respell", "0"),
        ("respell", "over the cap"),
        ("paraphrase", "too long"),
        ("backtranslate", "monolingual"),
    )
    rows = [
        row | {"origin": origin, "parent": parent}
        for row, (origin, parent) in zip(table.to_pylist(), born, strict=True)
    ]
    free, foreign = without_new_bitext(rows, {"0"})
    assert [row["id"] for row in free] == ["1", "4"]
    assert foreign == 2
    joined = [rows[1] | {"origin": "concatenate", "others": ["x"]}]
    assert without_new_bitext(joined, {"0"}) == ([], 1)
    assert without_new_bitext(joined, {"0", "x"}) == (joined, 0)
    alone = [rows[2] | {"origin": "forward"}, rows[2] | {"origin": "pivot"}]
    assert without_new_bitext(alone, {"0"}) == (alone[:1], 1)


def test_without_a_translator_nothing_is_trained(corpus: Corpus, tmp_path: Path) -> None:
    ids(tmp_path)
    made = retrain("nah", mixture(corpus("ātl"), [False]), tmp_path, ALL, tmp_path / "out")
    assert made.report == {"human": 0, "synthetic": 0, "engine": None}
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match=r"ids.txt does not exist; run 'dvc repro translator'"):
        retrain("oto", mixture(corpus("ātl"), [False]), tmp_path, ALL, tmp_path / "out")


@pytest.mark.parametrize(("most", "count"), [(None, 30), (0.5, 10), (0.0, 0), (9.0, 30)])
def test_synthetic_pairs_are_capped_by_human_ones(
    corpus: Corpus, most: float | None, count: int
) -> None:
    long = "ātl " * 61
    texts = corpus(*["ውሃ"] * 30, long, None, sources=("agua",) * 32, origin="backtranslate")
    rows, _ = without_new_bitext(mixture(texts, [True] * 32).to_pylist(), set())
    chosen = added(rows, 20, Retrain(most_synthetic=most, most_tokens=60, tag=None))
    assert len(chosen) == count
    assert chosen == added(rows[::-1], 20, Retrain(most_synthetic=most, most_tokens=60, tag=None))


@pytest.mark.parametrize("count", [0, 1])
def test_a_mixture_without_pairs_is_an_error_of_one_line(
    corpus: Corpus, tmp_path: Path, count: int
) -> None:
    table = mixture(corpus(*["ātl"] * count, sources=("agua",) * count), [False] * count)
    ids(tmp_path, "0")
    (tmp_path / "nah/forward").mkdir()
    with pytest.raises(InputError, match=r"^the mixture of 'nah' has \d pairs to train on"):
        retrain("nah", table, tmp_path, ALL, tmp_path / "out")


@pytest.mark.parametrize(("most", "tokens"), [(-1.0, 60), (1.0, 0), ("some", 60)])
def test_settings_out_of_range_are_errors(most: object, tokens: object) -> None:
    with pytest.raises(ValidationError):
        Retrain(most_synthetic=most, most_tokens=tokens, tag=None)


def test_only_made_sources_are_tagged(corpus: Corpus) -> None:
    (row,) = corpus("ውሃ", sources=("agua",)).to_pylist()
    made = row | {"origin": "backtranslate"}
    assert tagged(made, "zzmade") == "zzmade agua"
    assert tagged(row | {"origin": "respell"}, "zzmade") == tagged(row, "zzmade") == "agua"
    assert tagged(made, None) == "agua"
    for wrong in ("<BT>", "two words", ""):
        with pytest.raises(ValidationError):
            Retrain(most_synthetic=None, most_tokens=60, tag=wrong)


@pytest.mark.slow
def test_without_synthetic_rows_it_is_the_yardstick_byte_for_byte(
    corpus: Corpus, tmp_path: Path
) -> None:
    spanish = ("agua", "casa", "agua casa", "flor", "flor agua") * 12
    targets = ("ātl", "calli", "ātl calli", "xōchitl", "xōchitl ātl") * 12
    table = mixture(
        corpus(*targets, "tlālli ātl", sources=(*spanish, "tierra agua")), [False] * 60 + [True]
    )
    names = sorted(map(str, range(60)))
    ids(tmp_path, *names)
    yardstick = tmp_path / "nah/forward"
    thot.train([(spanish[int(n)], targets[int(n)]) for n in names], yardstick)
    none = Retrain(most_synthetic=0.0, most_tokens=60, tag=None)
    alone = retrain("nah", table, tmp_path, none, tmp_path / "alone")
    assert alone.report["engine"] == f"thot@{thot.weights(yardstick)}"
    column = table.schema.get_field_index("parent")
    table = table.set_column(column, "parent", pa.array([None] * 60 + ["0"], pa.string()))
    more = retrain("nah", table, tmp_path, ALL, tmp_path / "more")
    assert (more.report["human"], more.report["synthetic"]) == (60, 1)
    assert more.report["human_of_translator_not_in_mixture"] == 0
    assert more.report["engine"] != alone.report["engine"]
