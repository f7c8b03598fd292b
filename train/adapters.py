"""What of the base is trained, and how it is saved: the methods of peft, or all weights."""

import json
import re
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
    layers: tuple[int, ...] | None  # that get one, from 0, or from -1 at the end; null: all
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
LAYER = re.compile(r"\D*\.(\d+)\b")
ALIKE = {"marian": "bart", "mbart": "bart", "m2m_100": "bart", "xlm-roberta": "roberta"}  # for IA³
CONFIG = "adapter_config.json"
ROWS = "trainable_token_indices"
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
    """What peft is told.

    Raises:
        InputError: the model has no such layer, or peft does not know where its IA³ goes.
    """
    from peft import LoraConfig

    if isinstance(method, Ia3):
        return ia3_config(speaker)
    return LoraConfig(
        r=method.rank,
        lora_alpha=method.alpha,
        use_rslora=method.rslora,
        use_dora=method.dora,
        lora_dropout=0.0,
        target_modules="all-linear",
        exclude_modules=None if method.layers is None else all_but(method.layers, speaker),
        task_type=task_type(speaker),
        trainable_token_indices=token_layers(speaker),
    )


def ia3_config(speaker: "Speaker") -> Any:  # noqa: ANN401
    """The scales where peft knows to put them; its own settings have no field for tokens' rows.

    Raises:
        InputError: it does not know the architecture.
    """
    from peft import IA3Config
    from peft.utils import constants

    kind = speaker.model.config.model_type
    kind = ALIKE.get(kind, kind)
    targets = constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING
    if kind not in targets:
        raise InputError(
            f"adapt.method: peft does not know where IA³ goes in {kind!r}, only in "
            f"{', '.join(sorted(targets))}; use kind 'lora'"
        )
    config: Any = IA3Config(
        task_type=task_type(speaker),
        target_modules=targets[kind],
        feedforward_modules=constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING[kind],
    )
    config.trainable_token_indices = token_layers(speaker)  # peft reads it of any settings
    return config


def all_but(layers: tuple[int, ...], speaker: "Speaker") -> str:
    """A pattern of the modules that are in none of these layers.

    A layer's number is the first one in a module's name; an encoder-decoder has each twice.

    Raises:
        InputError: the model has no such layer.
    """
    names = [name for name, _ in speaker.model.named_modules()]
    count = 1 + max(int(found[1]) for found in map(LAYER.match, names) if found)
    wrong = [number for number in layers if not -count <= number < count]
    if wrong:
        raise InputError(
            f"adapt.method.layers: the base has layers 0 to {count - 1}, or -{count} to -1, "
            f"got {wrong}"
        )
    chosen = sorted({number % count for number in layers})
    return rf"(?!\D*\.({'|'.join(map(str, chosen))})\.).*"


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
    """What was trained alone, the new tokens' rows among it; same weights, same bytes.

    A model whose weights were all trained is rounded to bfloat16, here too.
    """
    from train.initialise import check_embeddings

    check_embeddings(speaker.model, speaker.new_ids)
    if not hasattr(speaker.model, "peft_config"):
        import torch

        weights = list(speaker.model.parameters())  # not the buffers: positions need their bits
        for weight in weights:
            weight.data = weight.data.to(torch.bfloat16)
        speaker.model.save_pretrained(folder)
        for weight in weights:
            weight.data = weight.data.float()
        return
    speaker.model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card; ours is in reports/
    path = folder / CONFIG
    config = json.loads(path.read_text("utf-8"))
    config["target_modules"] = sorted(config["target_modules"])
    rows = getattr(speaker.model.peft_config["default"], ROWS, None)
    config[ROWS] = rows  # of IA³ peft leaves them out
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")


def load_adapter(base: Path, tokenizer: Path, folder: Path, bits: int | None = None) -> "Speaker":
    """The base with a saved adapter over it, or the whole model where all weights were trained.

    Args:
        bits: 4 loads the base as QLoRA trains over it.

    Raises:
        InputError: the folder holds no adapter for this model.
    """
    from train.model import load_base

    if (folder / FULL).exists():
        return load_base(folder, tokenizer, grown=True)
    from peft import PeftConfig, PeftModel

    speaker = load_base(base, tokenizer, bits=bits)
    try:
        config: Any = PeftConfig.from_pretrained(str(folder))
        told = json.loads((folder / CONFIG).read_text("utf-8"))
        config.trainable_token_indices = told.get(ROWS)
        model = PeftModel.from_pretrained(speaker.model, str(folder), config=config)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{folder} holds no adapter for this base ({reason}); run 'dvc repro adapt' first"
        ) from error
    return speaker.over(model)


def merged(speaker: "Speaker") -> "Speaker":
    """The model with what was trained written into its weights, in float32: no adapter is left.

    The sum is made in float32: of an update as small as an adapter's a weight in bfloat16 keeps
    little, or nothing. Who stores it in fewer bits rounds once.

    Raises:
        InputError: the base is in four bits.
    """
    if not hasattr(speaker.model, "peft_config"):
        return speaker.over(speaker.model.float())
    if getattr(speaker.model, "is_loaded_in_4bit", False):
        raise InputError("an adapter is not merged into four bits; load it without 'bits' first")
    from peft.utils.other import TrainableTokensWrapper

    model = speaker.model.float()
    for name, module in list(model.named_modules()):
        if isinstance(module, TrainableTokensWrapper):  # peft's IA³ cannot take them away
            holder, _, own = name.rpartition(".")
            plain = module.unload_and_optionally_merge_module(True, False, None)
            setattr(model.get_submodule(holder), own, plain)
    return speaker.over(model.merge_and_unload(safe_merge=True))
