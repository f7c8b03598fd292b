"""The packaged adapter: its files, its card, and that the card's own code loads it."""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from safetensors.numpy import save_file
from test_report import LANGUAGES, files, whole_run, write_reports, write_tables

from corpus.table import InputError
from train.package import Package, name_of_base, package

ROWS = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"
PARAMS = Package(base_model=None, base_licence="Apache-2.0")


def adapter(folder: Path, rows: int = 3) -> None:
    """An adapter's files with some new tokens' rows, and a tokenizer's."""
    place = folder / "adapt" / "mixed"
    place.mkdir(parents=True)
    save_file({ROWS: np.ones((rows, 4), np.float32)}, place / "adapter_model.safetensors")
    config = {"base_model_name_or_path": "", "peft_type": "LORA", "task_type": "CAUSAL_LM"}
    (place / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    (folder / "adapt" / "prompt.txt").write_text("{source}\n{language}:", "utf-8")
    (folder / "tokenizer").mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "own.model", "pieces.json"):
        (folder / "tokenizer" / name).write_text("{}", "utf-8")


def packaged(
    folder: Path, params: Package = PARAMS, changed: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Run the stage on what lies in a folder; returns its report."""
    reports = write_reports(folder / "reports", whole_run() | (changed or {}))
    write_tables(folder / "data")
    card = {"cautions": {"default": ["Software help only."]}, "maintainer": "Citlali"}
    sums = {"sha256": {"train": "ab12", "test": "cd34"}}
    (reports / "report.json").write_text(json.dumps(card | sums), "utf-8")
    (folder / "out").mkdir()
    made = package(
        params=params,
        languages=LANGUAGES,
        language="orm",
        adapters=folder / "adapt",
        tokenizer=folder / "tokenizer",
        mixture=folder / "data" / "rows",
        reports=reports,
        out=folder / "out",
    )
    return dict(made.report)


def test_the_folder_is_whole_and_the_same_bytes_anywhere(tmp_path: Path) -> None:
    for name in ("a", "b"):
        adapter(tmp_path / name)
        assert packaged(tmp_path / name)["may_be_passed_on"] is True
    found = files(tmp_path / "a" / "out")
    assert found == files(tmp_path / "b" / "out")
    assert "own.model" not in found
    assert {"README.md", "adapter_config.json", "adapter_model.safetensors"} < found.keys()
    assert {"prompt.txt", "tokenizer.json", "tokenizer_config.json"} < found.keys()
    assert not any(str(tmp_path).encode() in content for content in found.values())
    config = json.loads(found["adapter_config.json"])
    assert config["base_model_name_or_path"] == "citlali/tiny"


def test_the_card_says_licences_data_and_figures(tmp_path: Path) -> None:
    adapter(tmp_path)
    report = packaged(tmp_path)
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.base_model == "citlali/tiny"
    assert card.data.library_name == "peft"
    assert card.data.language == ["orm", "spa"]
    assert card.data.datasets == ["citlali/help"]
    assert (card.data.license, card.data.license_name) == ("other", "Apache-2.0; MPL-2.0")
    assert report["licences"] == ["Apache-2.0", "MPL-2.0"]
    bits = card.data.eval_results[0]
    assert (bits.metric_type, bits.metric_value) == ("bits_per_byte", 2.5)
    assert bits.metric_args == {"low": 2.4, "high": 2.6}
    assert "ab12" in card.text and report["sha256"]["adapter_model.safetensors"] in card.text
    assert re.search(r"\| mixture \| `[0-9a-f]{64}` \|", card.text)
    assert "Not to be passed on" not in card.text


def test_text_that_may_not_be_passed_on_binds_the_model(tmp_path: Path) -> None:
    adapter(tmp_path)
    gathered = whole_run()["gather"]
    gathered["sources"]["libreoffice"] |= {"redistribute": False, "licence": "the books' own"}
    report = packaged(tmp_path, changed={"gather": gathered})
    assert report["may_be_passed_on"] is False
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.license_name == "Apache-2.0; the books' own"
    assert "**Not to be passed on**: the terms of libreoffice" in card.text


def test_an_adapter_without_the_rows_of_its_new_tokens_is_not_packaged(tmp_path: Path) -> None:
    adapter(tmp_path, rows=2)
    with pytest.raises(InputError, match="rows for 2 of 3 new tokens"):
        packaged(tmp_path)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    adapter(tmp_path)
    (tmp_path / "tokenizer" / "tokenizer_config.json").unlink()
    with pytest.raises(InputError, match=r"tokenizer_config.json does not exist; run 'dvc repro'"):
        packaged(tmp_path)


@pytest.mark.parametrize(
    ("told", "loaded", "name"),
    [
        (None, "citlali/tiny", "citlali/tiny"),
        ("citlali/tiny", "tiny.Q4_1.gguf", "citlali/tiny"),
        (None, "tiny.Q4_1.gguf", "tiny.Q4_1.gguf"),
    ],
)
def test_the_base_has_the_name_that_others_know(told: str, loaded: str, name: str) -> None:
    assert name_of_base(told, loaded) == name


def test_another_base_than_the_adapted_one_is_not_named() -> None:
    with pytest.raises(InputError, match=r"base_model is a/b, but base.name is c/d"):
        name_of_base("a/b", "c/d")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lora", "ia3"])
def test_the_code_of_the_card_loads_the_adapter(tmp_path: Path, kind: str) -> None:
    from test_adapters import METHODS
    from test_export import trained

    wanted = trained(tmp_path, method=METHODS[kind])
    (tmp_path / "adapt" / "prompt.txt").write_text("{source}\n{language}:", "utf-8")
    fertility = whole_run()["tokenizer"]["fertility"]
    fertility["orm"]["new_tokens"] = len(wanted.new_ids)
    base = Package(base_model=str(tmp_path / "base"), base_licence="Apache-2.0")
    changed = {"base": {"model": "tiny", "revision": None, "parameters": 9}}
    packaged(tmp_path, base, {**changed, "tokenizer": {"fertility": fertility}})
    folder = tmp_path / "out"
    blocks = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.S)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    here = Path.cwd()
    os.chdir(folder)
    try:
        for block in blocks:
            exec(block, names)
    finally:
        os.chdir(here)
    ids = names["torch"].tensor([[0, 5, *wanted.new_ids, 7]])
    found = names["model"](input_ids=ids).logits.float()
    assert names["torch"].allclose(found, wanted.model(input_ids=ids).logits.float(), atol=1e-3)
    text = "in tlacatl quitta in ātl ᐃᓄᒃ"
    assert names["tokenizer"](text)["input_ids"] == wanted.tokenizer(text)["input_ids"]
