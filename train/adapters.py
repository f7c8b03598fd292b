"""What of the base is trained, and how it is saved: the methods of peft, or all weights."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from corpus.settings import settings
from corpus.table import InputError

if TYPE_CHECKING:
    from train.model import Speaker


@settings
class Lora:
    """Low-rank updates of all linear layers (Hu et al. 2021, https://arxiv.org/abs/2106.09685)."""

    kind: Literal["lora"]
    rank: int
    alpha: int  # the scale of the update is alpha / rank
    rslora: bool  # scale alpha / sqrt(rank): Kalajdzievski 2023, https://arxiv.org/abs/2312.03732
    dora: bool  # direction apart from length: Liu et al. 2024, https://arxiv.org/abs/2402.09353
    plus: float | None  # LoRA+: learning rate of B over A's; https://arxiv.org/abs/2402.12354
    layers: tuple[int, ...] | None  # numbers of the layers that get one; null: all
    bits: Literal[4] | None  # of the frozen base (QLoRA, https://arxiv.org/abs/2305.14314)

    def __post_init__(self) -> None:
        if min(self.rank, self.alpha) < 1:
            raise ValueError(f"rank and alpha must be at least 1, got {self.rank}, {self.alpha}")
        if self.plus is not None and not self.plus > 0:
            raise ValueError(f"plus must be above 0, or null, got {self.plus}")


@settings
class Ia3:
    """Learned scales of keys, values and feed-forward (https://arxiv.org/abs/2205.05638)."""

    kind: Literal["ia3"]
    bits: Literal[4] | None


@settings
class Full:
    """All weights of the base: the yardstick, and as large as the base to store."""

    kind: Literal["full"]


Method = Annotated[Lora | Ia3 | Full, Field(discriminator="kind")]
FULL = "model.safetensors"  # in the folder of a base whose weights were all trained


def add_adapter(speaker: "Speaker", method: Method, seed: int) -> "Speaker":
    """The base with fresh weights to train, the rows of the new tokens among them."""
    import torch

    torch.manual_seed(seed)
    if isinstance(method, Full):
        speaker.model.float().requires_grad_(True)
        return speaker
    from peft import get_peft_model

    model = get_peft_model(speaker.model, peft_config(method, speaker))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    settled: Any = model.peft_config["default"]
    settled.target_modules = sorted(settled.target_modules)  # a set has no order
    settled.base_model_name_or_path = ""  # no path of this machine; so peft saves no embeddings
    return speaker.over(model)


def peft_config(method: Lora | Ia3, speaker: "Speaker") -> Any:  # noqa: ANN401
    """What peft is told."""
    from peft import IA3Config, LoraConfig

    if isinstance(method, Ia3):
        return IA3Config(task_type=task_type(speaker))
    return LoraConfig(
        r=method.rank,
        lora_alpha=method.alpha,
        use_rslora=method.rslora,
        use_dora=method.dora,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type=task_type(speaker),
        trainable_token_indices=token_layers(speaker),
        layers_to_transform=None if method.layers is None else list(method.layers),
    )


def task_type(speaker: "Speaker") -> str | None:
    """The family, as peft calls it; an encoder has no name of its own there."""
    return {"decoder": "CAUSAL_LM", "encoder-decoder": "SEQ_2_SEQ_LM"}.get(speaker.family)


def token_layers(speaker: "Speaker") -> dict[str, list[int]] | None:
    """Where the new tokens' rows are trained: in the input layer, and in an untied output layer."""
    if not speaker.new_ids:
        return None
    model = speaker.model
    layers = [model.get_input_embeddings()]
    if not model.config.tie_word_embeddings:
        layers.append(model.get_output_embeddings())
    names = {id(module): name.rpartition(".")[2] for name, module in model.named_modules()}
    return {names[id(layer)]: list(speaker.new_ids) for layer in layers}


def save_adapter(speaker: "Speaker", folder: Path) -> None:
    """What was trained alone, the new tokens' rows among it; same weights, same bytes."""
    from train.initialise import check_embeddings

    check_embeddings(speaker.model, speaker.new_ids)
    if not hasattr(speaker.model, "peft_config"):
        import torch

        speaker.model.to(torch.bfloat16).save_pretrained(folder)
        return
    speaker.model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card; ours is in reports/
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text("utf-8"))
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")


def load_adapter(base: Path, tokenizer: Path, folder: Path) -> "Speaker":
    """The base with a saved adapter over it, or the whole model where all weights were trained.

    Raises:
        InputError: the folder holds no adapter for this model.
    """
    from train.model import load_base

    if (folder / FULL).exists():
        return load_base(folder, tokenizer, grown=True)
    from peft import PeftModel

    speaker = load_base(base, tokenizer)
    try:
        model = PeftModel.from_pretrained(speaker.model, str(folder))
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{folder} holds no adapter for this base ({reason}); run 'dvc repro adapt' first"
        ) from error
    return speaker.over(model)
