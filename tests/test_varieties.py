"""Adapters of varieties: the language's part stays, the sum is one adapter, peft stacks parts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from test_adapt import ADAPT, CLM, ROOT, held_out, mixture, settled, tiny
from test_adapters import MAKERS, OBJECTIVES, bases, fitted, rows, settings, told
from test_evaluate import PARAMS

from corpus.settings import languages as tongues
from corpus.shards import Shards
from corpus.stage import Output
from corpus.table import InputError
from train.adapt import write_settings
from train.fitting import learned, plan
from train.prompts import PROMPT
from train.systems import Models
from train.varied import varied
from train.varieties import Varieties, named, varieties

__all__ = ["bases"]  # a fixture
LORA = ADAPT["method"]
SHARDS = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
LANGUAGES = tongues(yaml.safe_load((ROOT / "params.yaml").read_text("utf-8")))[1]
VARIETIES = {"codes": ("nci", "azz"), "rank": 3, "alpha": 3, "phases": ADAPT["phases"][:1]}
METHODS: dict[str, dict[str, Any]] = {
    "lora": LORA,
    "rslora": {**LORA, "rslora": True},
    "last layer": {**LORA, "layers": [-1]},
}
CASES = [*((name, "lora") for name in MAKERS), ("llama", "rslora"), ("llama", "last layer")]


def gone_over(places: tuple[Path, Path], name: str, method: dict[str, Any], folder: Path) -> Any:
    """The language's adapter in `language`, and a variety's over it, trained for some steps."""
    from train.adapters import load_adapter, save_adapter
    from train.stacked import widened
    from train.tasks import taught_by
    from train.trainer import Plan, optimizer_of, train

    params = settings(method, OBJECTIVES[name])
    save_adapter(fitted(places, params, folder / "scratch"), folder / "language")
    speaker = load_adapter(*places, folder / "language")
    params = settings({**method, "rank": 3, "alpha": 12}, OBJECTIVES[name])
    before = told(speaker)
    speaker = widened(speaker, params.method, 0)
    assert ((told(speaker) - before).abs() <= 0.02 * before.std()).all()  # rounded otherwise
    (batches,) = plan(params, rows(), taught_by(params.tasks, rows(), {}), speaker)
    optimizer = optimizer_of(speaker, params)
    some = Plan(batches, learned([[batches]]))
    train(speaker, some, params, params.phases[0], optimizer, (folder / "checkpoints", None))
    speaker.model.eval()
    return speaker, params.method


@pytest.mark.slow
@pytest.mark.parametrize(("name", "method"), CASES)
def test_a_variety_is_stacked_on_its_language(
    name: str, method: str, bases: Callable[[str], tuple[Path, Path]], tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file

    from train.adapters import load_adapter
    from train.model import load_base
    from train.stacked import own_size, save_stacked

    places = bases(name)
    speaker, own = gone_over(places, name, METHODS[method], tmp_path)
    for folder in ("one", "two"):
        save_stacked(speaker, own, tmp_path / folder)
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two") and len(one) == 4
    assert not any(str(tmp_path).encode() in some for some in one.values())
    names = ("language", "one", "one/own")
    parts = [load_file(tmp_path / name / "adapter_model.safetensors") for name in names]
    check_parts(*parts, method)
    assert sum(w.numel() for w in parts[2].values()) == own_size(speaker, own)
    wanted = told(speaker)
    assert torch.equal(told(load_adapter(*places, tmp_path / "one")), wanted)
    base = load_base(*places)
    model = PeftModel.from_pretrained(base.model, str(tmp_path / "one" / "own"), "variety")
    model.load_adapter(str(tmp_path / "language"), "language")  # last: it alone has tokens' rows
    model.base_model.set_adapter(["language", "variety"])
    stacked = told(base.over(model.eval()))
    assert (stacked - wanted).abs().max() <= 0.05 * wanted.std()
    model.base_model.set_adapter("language")
    assert (told(base.over(model)) - wanted).abs().max() > 0.2 * wanted.std()


def check_parts(
    old: dict[str, Any], whole: dict[str, Any], part: dict[str, Any], method: str
) -> None:
    """The language's adapter stands in the whole as it was, and the variety's beside it."""
    import torch

    assert old.keys() == whole.keys() and part.keys() == {n for n in old if ".lora_" in n}
    scale = 2 / 4 if method != "rslora" else (4 / 2**0.5) / (12 / 3**0.5)  # the variety's is taken
    for key, weight in old.items():
        if ".lora_A." in key:
            assert torch.equal(whole[key][:2], weight) and whole[key].shape[0] == 5
        elif ".lora_B." in key:
            assert torch.equal(whole[key][:, :2], weight * scale) and part[key].any()
        else:
            assert torch.equal(whole[key], weight)  # rows of new tokens


def project(corpus: Callable[..., pa.Table], folder: Path, **method: object) -> tuple[Any, ...]:
    """Tables and folders of a language with an adapter, its rows of two varieties."""
    from train.adapters import add_adapter, save_adapter
    from train.model import load_base

    tiny(folder)
    params = settled(method={**LORA, **method})
    speaker = load_base(folder / "base", folder / "tokenizer")
    speaker = add_adapter(speaker, params.method, 0)
    save_adapter(speaker, folder / "adapt" / "mixed")
    write_settings(params, folder / "adapt")
    codes = ["nci_Latn", "azz_Latn", "nhe_Latn"]
    tables = []
    for table in (mixture(corpus), held_out(corpus)):
        at = table.schema.get_field_index("language")
        of = pa.array([codes[n % 3] for n in range(len(table))])
        tables.append(table.set_column(at, "language", of))
    names = ("none", "base", "tokenizer", "adapt")
    return "nah", LANGUAGES, *tables, *(folder / name for name in names)


def made(places: tuple[Any, ...], out: Path, **changed: object) -> Output:
    """The stage."""
    from corpus.settings import section

    params = section(Varieties, "varieties", {"varieties": {**VARIETIES, **changed}})
    out.mkdir(parents=True)
    return varieties(params, SHARDS, *places, out)


@pytest.mark.slow
def test_each_variety_that_is_named_gets_one_and_all_are_a_yardstick(
    corpus: Callable[..., pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = project(corpus, tmp_path)
    report = made(places, tmp_path / "out").report["varieties"]
    assert report.keys() == {"all", "nci", "azz"}
    assert [report[n]["in_mixture"]["texts"] for n in ("all", "nci", "azz")] == [24, 8, 8]
    assert {n: r["steps"] for n, r in report.items()} == dict.fromkeys(report, 8)
    assert len({r["trained_parameters"] for r in report.values()}) == 1
    found = contents(tmp_path / "out")
    folders = ("all", "all/own", "azz", "azz/own", "nci", "nci/own")
    weights = [found[Path(name, "adapter_model.safetensors")] for name in folders]
    assert len(set(weights)) == len(weights)
    assert not list((tmp_path / "scratch").rglob("checkpoint-*"))
    again = made(places, tmp_path / "again").report["varieties"]
    assert again == report
    assert found == contents(tmp_path / "again")


def contents(folder: Path) -> dict[Path, bytes]:
    """What each file below a folder holds."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in paths}


def test_none_is_asked_for(corpus: Callable[..., pa.Table], tmp_path: Path) -> None:
    (tmp_path / PROMPT).write_text("{source}")
    empty = mixture(corpus).slice(0, 0)
    places = ("nah", LANGUAGES, empty, empty, *[tmp_path] * 4)
    for number, codes in enumerate((None, ("ote",))):  # another language's
        out = tmp_path / str(number)
        assert made(places, out, codes=codes).report == {"varieties": {}}
        assert contents(out).keys() == {Path(PROMPT)}


def test_what_cannot_be_is_one_line(corpus: Callable[..., pa.Table], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\['xyz'\] are no varieties of any language; .*'nci'"):
        named(("nci", "xyz"), "nah", LANGUAGES)
    for changed, said in (
        ({"rank": 0}, "rank and alpha must be at least 1"),
        ({"codes": ("nci", "nci")}, "each once, or be null"),
        ({"codes": ()}, "each once, or be null"),
        ({"phases": []}, "phases must have at least one"),
        ({"phases": [{**CLM, "steps": 0}]}, "need steps at least 1"),
    ):
        with pytest.raises(InputError, match=said):
            made((), tmp_path / "none", **changed)
    (tmp_path / PROMPT).write_text("{source}")
    table = mixture(corpus)
    places = ("nah", LANGUAGES, table, table, *[tmp_path] * 4)
    with pytest.raises(InputError, match=r"settings.json does not exist; run 'dvc repro adapt'"):
        made(places, tmp_path / "a")
    for number, (method, said) in enumerate(
        (
            ({**LORA, "dora": True}, "adapt.method has dora: true"),
            ({"kind": "ia3", "bits": None}, "has kind: ia3"),
        )
    ):
        write_settings(settled(method=method), tmp_path)
        with pytest.raises(InputError, match=said):
            made(places, tmp_path / f"b{number}")
    write_settings(settled(), tmp_path)
    with pytest.raises(InputError, match="rows of azz: none has a target text"):
        made(places, tmp_path / "c")
    assert json.loads((tmp_path / "settings.json").read_text())["seed"] == 0


@pytest.mark.slow
def test_a_variety_is_measured_on_its_own_rows(
    corpus: Callable[..., pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from train.adapters import load_adapter
    from train.measure import text_bits

    monkeypatch.chdir(tmp_path)
    places = project(corpus, tmp_path)
    made(places, tmp_path / "out", codes=("azz", "nhe"))
    models = Models(tmp_path / "adapt", *places[5:7], tmp_path, tmp_path)
    texts = ("in tlacatl 7 quitta in ātl", "ātl", "ᐃᓄᒃᑎᑐᑦ", "in tlacatl")
    test = corpus(*texts, sources=("agua", "agua", "ንጉሥ", None)).to_pylist()
    of = ("azz_Latn", "azz_Cyrl", "nci_Latn", "azz_Latn")
    test = [row | {"language": code} for row, code in zip(test, of, strict=True)]
    bits, report = varied(PARAMS, test, models, tmp_path / "out", SHARDS)
    assert report.keys() == {"azz", "nhe"} and report["nhe"] == {}  # no row of it is held out
    found = report["azz"]
    assert found["text"]["rows"] == 3 and found["to_target"]["rows"] == 2
    sizes = sum(len(texts[n].encode()) + 1 for n in (0, 1, 3))
    for name, folder in (("language", "adapt/mixed"), ("all", "out/all"), ("own", "out/azz")):
        speaker = load_adapter(*places[5:7], tmp_path / folder)
        spent = sum(text_bits(speaker, [texts[n] for n in (0, 1, 3)], 256, name))
        assert found["text"][name]["value"] == pytest.approx(spent / sizes)
    over = found["text"]["over_language"]
    gain = found["text"]["own"]["value"] - found["text"]["language"]["value"]
    assert over["difference"] == pytest.approx(gain) and gain < 0
    assert over["verdict"] == "better" and over["saved"]["least"] > 0
    rows_ = [row for table in bits for row in table.to_pylist()]
    assert {row["task"] for row in rows_} == {"variety text", "variety to_target"}
    assert {row["system"] for row in rows_} == {"mixed", "all", "azz"}
    assert {row["id"] for row in rows_} == {"0", "1", "3"}


def test_none_of_a_variety_is_measured(tmp_path: Path) -> None:
    models = Models(tmp_path, tmp_path, tmp_path, tmp_path, tmp_path)
    assert varied(PARAMS, [], models, tmp_path, SHARDS) == ([], {})
