"""The base model as an ordinary folder: bf16 weights and tokenizer, trainable and saveable.

A GGUF file is dequantised once, here: loaded as it is, transformers marks it as neither trainable
nor saveable.
"""

from pathlib import Path
from typing import Any

from augment.engines.codes import BEFORE, CODES, known
from corpus.settings import settings
from corpus.stage import Output, run
from corpus.table import InputError
from train.families import CODES_OF_BASE, family_of, loader


@settings
class Base:
    """Which model is adapted."""

    name: str  # a GGUF file in the fetched folder, a model of the Hub, or a local folder
    revision: str | None  # commit of a Hub model
    separator: str | None  # token between documents in pre-training; null: the tokenizer's end
    codes: dict[str, str | None] | None  # the base's code of a row's language; null: takes none

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name must name a GGUF file, a Hub model or a folder, got ''")
        if self.revision is not None and self.name.endswith(".gguf"):
            raise ValueError(f"revision is for Hub models; {self.name} is a file")


def base(params: Base, folder: Path, out: Path) -> Output:
    """The base model and its tokenizer, written to `out`."""
    import torch

    where, options = location(params, folder)
    model, tokenizer, new = load(where, options)
    if new:
        tie_head(model)
    separate(model, tokenizer, params.separator)
    set_codes(model, tokenizer, params)
    model.to(torch.bfloat16)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    config = model.config
    return Output(
        report={
            "model": shown(params.name),
            "revision": params.revision,
            "family": family_of(config),
            "head": "new: no word is known before training" if new else "the base's own",
            "codes": params.codes,
            "parameters": sum(p.numel() for p in model.parameters()),
            "separator": tokenizer.eos_token or tokenizer.sep_token,
            "vocabulary_tokens": config.vocab_size,
            "layers": config.num_hidden_layers,
            "tied_embeddings": bool(config.tie_word_embeddings),
        }
    )


def shown(name: str) -> str:
    """The model's name as cards give it: a Hub id whole, a path of this machine without folders."""
    return Path(name).name if name.endswith(".gguf") or Path(name).exists() else name


def location(params: Base, folder: Path) -> tuple[str, dict[str, str]]:
    """Where transformers finds the model, and what else it must be told.

    Raises:
        InputError: the fetched folder holds no such GGUF file, or several.
    """
    if not params.name.endswith(".gguf"):
        return params.name, {} if params.revision is None else {"revision": params.revision}
    found = sorted(folder.rglob(params.name))
    if len(found) != 1:
        held = sorted(p.name for p in folder.rglob("*.gguf"))
        raise InputError(
            f"base.name: {folder} holds {len(found)} files {params.name!r}; it has {held}; "
            "name one of them, or run 'dvc repro fetch'"
        )
    return str(found[0].parent), {"gguf_file": found[0].name}


def load(where: str, options: dict[str, str]) -> tuple[Any, Any, list[str]]:
    """Model and tokenizer, dequantised where they come from GGUF, and the weights of a new head.

    Raises:
        InputError: the file, folder or Hub model cannot be read, or is no language model.
    """
    import torch
    from transformers import AutoConfig, AutoTokenizer, GgufConfig

    quantised = (
        {"quantization_config": GgufConfig(dequantize=True)} if "gguf_file" in options else {}
    )
    name = "/".join([where, *options.values()]) if options else where
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        family = family_of(AutoConfig.from_pretrained(where, **options))
        model, info = loader(family).from_pretrained(
            where, dtype=torch.bfloat16, output_loading_info=True, **quantised, **options
        )
    except (OSError, ValueError, RuntimeError, IndexError, KeyError, ImportError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"base.name: {name} cannot be loaded as a language model ({reason}); "
            "fetch it again, or name another"
        ) from error
    lacking = sorted(info["missing_keys"])
    in_body = any(weight.startswith(f"{model.base_model_prefix}.") for weight in lacking)
    if lacking and (family != "encoder" or in_body):
        raise InputError(
            f"base.name: {name} cannot be loaded as {type(model).__name__}: its weights lack "
            f"{len(lacking)}, such as {lacking[0]!r}; name a model that says text"
        )
    return model, tokenizer, lacking


def tie_head(model: Any) -> None:  # noqa: ANN401
    """Begin the head of an encoder that came without one: it looks for the nearest embedding.

    Its output layer is the embeddings; what stands before it begins as close to nothing as it can.
    """
    import torch

    layer = model.get_output_embeddings()
    layer.weight = model.get_input_embeddings().weight
    body = f"{model.base_model_prefix}."
    for name, module in model.named_modules():
        if name.startswith(body) or not isinstance(module, torch.nn.Linear):
            continue
        if module is not layer:
            torch.nn.init.eye_(module.weight)
        if module.bias is not None:
            module.bias.data.zero_()


def set_codes(model: Any, tokenizer: Any, params: Base) -> None:  # noqa: ANN401
    """Write the codes of languages into the model's configuration, where all that load it see them.

    Raises:
        InputError: the model takes codes and none is named, or does not know one of them.
    """
    kind = model.config.model_type
    if params.codes is None:
        if kind in CODES and kind not in BEFORE:
            raise InputError(
                f"base.codes: {shown(params.name)} ({kind}) writes the code of its language before "
                "every text; name one for each language of the rows, or one as 'default'"
            )
        return
    for code in params.codes.values():
        known(tokenizer, kind, code, shown(params.name))
    setattr(model.config, CODES_OF_BASE, dict(params.codes))


def separate(model: Any, tokenizer: Any, separator: str | None) -> None:  # noqa: ANN401
    """Make `separator` the end token of model and tokenizer: it stands before and after a text.

    Raises:
        InputError: the tokenizer has no such token, or none at all.
    """
    if separator is None and tokenizer.eos_token is None and tokenizer.sep_token is not None:
        return  # an encoder frames its texts
    token = separator or tokenizer.eos_token
    if token is None or token not in tokenizer.get_vocab():
        raise InputError(f"base.separator: the tokenizer has no token {token!r}; name one it has")
    tokenizer.eos_token = token
    number = tokenizer.convert_tokens_to_ids(token)
    model.config.eos_token_id = number
    said = getattr(model, "generation_config", None)  # an encoder may have none
    if said is not None:
        said.eos_token_id = number


if __name__ == "__main__":
    run(base, Base)
