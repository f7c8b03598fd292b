"""The base model with a language's own tokens, and the adapter over it: for adapt and evaluate."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from corpus.table import InputError
from train.initialise import check_embeddings, grow, new_rows, rows_of


@dataclass(frozen=True)
class Speaker:
    """A loaded causal model and what it reads with."""

    model: Any  # transformers or peft model, float32 or bfloat16
    tokenizer: Any
    new_ids: tuple[int, ...]  # of the tokens appended to the base's vocabulary

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids of each text, no special token added."""
        codes = self.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
        return [list(code) for code in codes]

    @property
    def separator(self) -> int:
        """The token before and after a text."""
        return int(self.tokenizer.eos_token_id)


def device() -> torch.device:
    """The accelerator where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def one_thread() -> None:
    """On a CPU, one thread a process: processes run side by side, and more may change a byte."""
    if device().type == "cpu":
        torch.set_num_threads(1)


def load_base(base: Path, tokenizer: Path) -> Speaker:
    """The base model with the tokenizer in `tokenizer`; new tokens begin as `rows.json` says.

    Raises:
        InputError: a folder is no model or tokenizer, or the model's scores are no plain product.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any
    try:
        reader = AutoTokenizer.from_pretrained(tokenizer)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{base} and {tokenizer} cannot be loaded ({reason}); run 'dvc repro' first"
        ) from error
    rows = new_rows(tokenizer, reader)
    grow(model, rows)
    model.to(device()).requires_grad_(False)
    speaker = Speaker(model, reader, tuple(rows))
    check_scores(speaker, base)
    return speaker


def add_adapter(speaker: Speaker, rank: int, alpha: int, seed: int) -> Speaker:
    """A fresh LoRA over all linear layers, with the rows of the new tokens trained too.

    Source: Hu et al. 2021, https://arxiv.org/abs/2106.09685
    """
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        trainable_token_indices=token_layers(speaker),
    )
    model = get_peft_model(speaker.model, config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    settled: Any = model.peft_config["default"]
    settled.target_modules = sorted(settled.target_modules)  # a set has no order
    settled.base_model_name_or_path = ""  # no path of this machine; so peft saves no embeddings
    return Speaker(model, speaker.tokenizer, speaker.new_ids)


def token_layers(speaker: Speaker) -> dict[str, list[int]] | None:
    """Where the new tokens' rows are trained: in the input layer, and in an untied output layer."""
    if not speaker.new_ids:
        return None
    model = speaker.model
    layers = [model.get_input_embeddings()]
    if not model.config.tie_word_embeddings:
        layers.append(model.get_output_embeddings())
    names = {id(module): name.rpartition(".")[2] for name, module in model.named_modules()}
    return {names[id(layer)]: list(speaker.new_ids) for layer in layers}


def save_adapter(speaker: Speaker, folder: Path) -> None:
    """The adapter alone: LoRA weights and the new tokens' rows; same weights, same bytes.

    Raises:
        RuntimeError: a row is empty, or tied ones have come apart.
    """
    check_embeddings(speaker.model, speaker.new_ids)
    speaker.model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card; ours is in reports/
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text("utf-8"))
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")


def load_adapter(speaker: Speaker, folder: Path) -> Speaker:
    """The base model with a saved adapter over it.

    Raises:
        InputError: the folder holds no adapter for this model.
    """
    from peft import PeftModel

    try:
        model = PeftModel.from_pretrained(speaker.model, str(folder))
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{folder} holds no adapter for this base ({reason}); run 'dvc repro adapt' first"
        ) from error
    return Speaker(model, speaker.tokenizer, speaker.new_ids)


def hidden(speaker: Speaker, ids: Tensor, mask: Tensor | None = None) -> Tensor:
    """(B, T, D): what the last layer says of each position, before the scores of the tokens."""
    whole = getattr(speaker.model, "get_base_model", lambda: speaker.model)()
    states: Tensor = whole.base_model(
        input_ids=ids, attention_mask=mask, use_cache=False
    ).last_hidden_state
    return states


def output_rows(speaker: Speaker) -> Tensor:
    """(V, D): the row that scores each token, trained rows in place."""
    return rows_of(speaker.model.get_output_embeddings())


def scores(states: Tensor, rows: Tensor) -> Tensor:
    """(N, V): unnormalised log probabilities, in float32."""
    return F.linear(states, rows.to(states.dtype)).float()


@torch.no_grad()
def check_scores(speaker: Speaker, base: Path) -> None:
    """Check that the model scores tokens by a plain product, as `scores` does.

    Raises:
        InputError: it caps or scales them.
    """
    ids = torch.tensor([[speaker.separator] * 2], device=device())
    told = speaker.model(input_ids=ids).logits[0].float()
    ours = scores(hidden(speaker, ids)[0], output_rows(speaker))
    if not torch.allclose(told, ours, rtol=0.05, atol=0.05):
        raise InputError(
            f"{base}: the model caps or scales the scores of its tokens, which adapt does not "
            "follow; choose another base.name"
        )
