"""The base model as an ordinary folder: bf16 weights and tokenizer, trainable and saveable.

A GGUF file is dequantised once, here: loaded as it is, transformers marks it as neither trainable
nor saveable.
"""

from pathlib import Path
from typing import Any

from corpus.settings import settings
from corpus.stage import Output, run
from corpus.table import InputError
from train.families import family_of, loader


@settings
class Base:
    """Which model is adapted."""

    name: str  # a GGUF file in the fetched folder, a model of the Hub, or a local folder
    revision: str | None  # commit of a Hub model
    separator: str | None  # token between documents in pre-training; null: the tokenizer's end

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("name must name a GGUF file, a Hub model or a folder, got ''")
        if self.revision is not None and self.name.endswith(".gguf"):
            raise ValueError(f"revision is for Hub models; {self.name} is a file")


def base(params: Base, folder: Path, out: Path) -> Output:
    """The base model and its tokenizer, written to `out`."""
    import torch

    where, options = location(params, folder)
    model, tokenizer = load(where, options)
    separate(model, tokenizer, params.separator)
    model.to(torch.bfloat16)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    config = model.config
    return Output(
        report={
            "model": shown(params.name),
            "revision": params.revision,
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


def load(where: str, options: dict[str, str]) -> tuple[Any, Any]:
    """Model and tokenizer, dequantised where they come from GGUF.

    Raises:
        InputError: the file, folder or Hub model cannot be read.
    """
    import torch
    from transformers import AutoConfig, AutoTokenizer, GgufConfig

    quantised = (
        {"quantization_config": GgufConfig(dequantize=True)} if "gguf_file" in options else {}
    )
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        family = family_of(AutoConfig.from_pretrained(where, **options))
        model = loader(family).from_pretrained(where, dtype=torch.bfloat16, **quantised, **options)
    except (OSError, ValueError, RuntimeError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        name = "/".join([where, *options.values()]) if options else where
        raise InputError(
            f"base.name: {name} cannot be loaded as a language model ({reason}); "
            "fetch it again, or name another"
        ) from error
    return model, tokenizer


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
    if model.generation_config is not None:
        model.generation_config.eos_token_id = number


if __name__ == "__main__":
    run(base, Base)
