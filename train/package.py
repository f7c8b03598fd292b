"""The adapter of a language as a folder of the Hub: weights, tokenizer, and a card that says all.

The folder holds what the card needs to be true anywhere: it names its base by the name that others
know, loads by the code that the card prints, and says what it was made from by hash and licence.
Packaged is the adapter `mixed`, whose figures the card gives.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors import safe_open

from corpus.results import Tree, read_json, read_reports
from corpus.settings import Language, Languages, settings
from corpus.stage import Output, run
from corpus.table import InputError
from train.adapters import FULL, ROWS
from train.cards import hashed, model_card, shared
from train.prompts import PROMPT

ADAPTER = "mixed"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
ASIDE = {"own.model"}  # in the tokenizer's folder: trained for comparison, no part of the model
NEW_ROWS = "trainable_tokens_delta"  # in peft's name of the tensor of new tokens' rows
TASKS = {  # by peft's name of the family: the class of transformers, and the Hub's task
    "CAUSAL_LM": ("AutoModelForCausalLM", "text-generation"),
    "SEQ_2_SEQ_LM": ("AutoModelForSeq2SeqLM", "translation"),
    None: ("AutoModelForMaskedLM", "fill-mask"),
}


@settings
class Package:
    """What is known of the base model beyond its files."""

    base_model: str | None  # its name on the Hub; null: as base.name has it
    base_licence: str  # SPDX name, or the terms by name

    def __post_init__(self) -> None:
        if not self.base_licence:
            raise ValueError("base_licence must name the base's terms, got ''")
        if self.base_model is not None and not self.base_model:
            raise ValueError("base_model must be a model of the Hub, or null, got ''")


def package(  # noqa: PLR0913
    params: Package,
    languages: Languages,
    language: str,
    adapters: Path,
    tokenizer: Path,
    mixture: Path,
    reports: Path,
    out: Path,
) -> Output:
    """The packaged adapter in `out`.

    Raises:
        InputError: a file or report is missing, or the adapter lacks the rows of its new tokens.
    """
    found = read_reports(reports, (language,))
    adapter = adapters / ADAPTER
    for path in (adapter, tokenizer / "tokenizer_config.json", adapters / PROMPT):
        if not path.exists():
            raise InputError(f"{path} does not exist; run 'dvc repro' or 'dvc pull' first")
    base = name_of_base(params.base_model, found["base"]["model"])
    full = (adapter / FULL).exists()
    if not full:
        check_rows(adapter, found["tokenizer"]["fertility"][language]["new_tokens"])
    copied((adapter, tokenizer), out)
    shutil.copyfile(adapters / PROMPT, out / PROMPT)
    told = facts_of(params, base, languages[language], out)
    if not full:
        write_config(out / CONFIG, base)
    card = read_json(reports / "report.json")
    said = {
        "cautions": [c for k in ("default", language) for c in card["cautions"].get(k, ())],
        "maintainer": card["maintainer"],
        "hashes": {**card["sha256"], "mixture": hashed(mixture)},
    }
    facts = shared(found, (language,), languages, said)
    (out / "README.md").write_text(model_card(facts, told), "utf-8")
    return Output(
        report={
            "base_model": base,
            "licences": sorted({params.base_licence, *(o["licence"] for o in facts["origins"])}),
            "may_be_passed_on": all(o["redistribute"] for o in facts["origins"]),
            "sha256": {path.name: hashed(path) for path in sorted(out.iterdir())},
        }
    )


def name_of_base(told: str | None, loaded: str) -> str:
    """The name by which others load the base.

    Raises:
        InputError: one model of the Hub was adapted, and another is named.
    """
    if told is not None and "/" in loaded and told != loaded:
        raise InputError(f"package.base_model is {told}, but base.name is {loaded}; set it to null")
    return told or loaded


def check_rows(adapter: Path, new_tokens: int) -> None:
    """Check that the adapter carries a row for each new token, or nobody else can load it.

    Raises:
        InputError: there is no adapter, or it has fewer rows.
    """
    if not (adapter / WEIGHTS).exists():
        raise InputError(f"{adapter} holds no {WEIGHTS}; run 'dvc repro adapt' first")
    with safe_open(adapter / WEIGHTS, "np") as file:
        sizes = [
            file.get_slice(name).get_shape()[0]
            for name in file.keys()  # noqa: SIM118 - it is no mapping
            if NEW_ROWS in name
        ]
    if new_tokens and min(sizes, default=0) != new_tokens:
        raise InputError(
            f"{adapter} has rows for {min(sizes, default=0)} of {new_tokens} new tokens, so it "
            "cannot be loaded without this project; run 'dvc repro adapt', or set "
            "tokenizer.new_tokens to null"
        )


def copied(folders: tuple[Path, ...], out: Path) -> None:
    """The files of the folders in `out`, readable by all."""
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name not in ASIDE:
                shutil.copyfile(path, out / path.name)


def write_config(path: Path, base: str) -> None:
    """The adapter's configuration with the name of its base."""
    config = {**read_json(path), "base_model_name_or_path": base}
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")


def facts_of(params: Package, base: str, of: Language, folder: Path) -> Tree:
    """What the card says of the folder that it lies in."""
    full = (folder / FULL).exists()
    config: Any = read_json(folder / ("config.json" if full else CONFIG))
    loader, task = TASKS["CAUSAL_LM"]
    if full:
        loader = config["architectures"][0]
        task = next((t for name, t in TASKS.values() if loader.endswith(name[9:])), task)
    else:
        loader, task = TASKS[config["task_type"]]
    weights = FULL if full else WEIGHTS
    return {
        "adapter": ADAPTER,
        "base_model": base,
        "base_licence": params.base_licence,
        "full": full,
        "rows_apart": config.get("peft_type") == "IA3" and bool(config.get(ROWS)),
        "loader": loader,
        "task": task,
        "pivot": of.pivot,
        "variety": f"{of.varieties[0]}_{of.script}",
        "weights": weights,
        "sha256": hashed(folder / weights),
    }


if __name__ == "__main__":
    run(package, Package)
