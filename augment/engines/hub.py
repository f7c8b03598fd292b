"""Where a model of transformers lies, what it is by its bytes, and how it is loaded."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.table import InputError, digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXTS = ("*.json", "*.txt", "*.model", "*.spm", "*.jinja")  # configuration and tokenizer
WEIGHTS = ("*.safetensors", "*.bin")  # the second only where the first is not to be had


@cache
def located(model: str, revision: str | None) -> Path:
    """The folder of a model: one of this machine, or the Hub's, fetched once.

    Raises:
        InputError: neither is there.
    """
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download

    for weights in WEIGHTS:
        try:
            folder = snapshot_download(
                model, revision=revision, allow_patterns=[*TEXTS, weights], max_workers=1
            )
        except (OSError, ValueError) as error:
            mode = "HF_HUB_OFFLINE is set" if offline() else first_line(error)
            raise InputError(
                f"engines: model {model!r} is no folder, nor to be had from the Hub ({mode}); "
                "give a folder that holds config.json, or a name of the Hub and a network"
            ) from error
        if any(Path(folder).glob(weights)):
            break
    return Path(folder)


def offline() -> bool:
    """Whether the Hub may not be asked."""
    return os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on")


def first_line(error: Exception) -> str:
    """What an error says first, without its full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


@cache
def weights(folder: Path) -> str:
    """A digest of the model's files; read once a process."""
    whole = blake2b(digest_size=10)
    paths = {path for pattern in (*TEXTS, *WEIGHTS) for path in folder.glob(pattern)}
    for path in sorted(paths):
        with path.open("rb") as file:
            inner = blake2b(digest_size=20)
            while part := file.read(1 << 20):
                inner.update(part)
        whole.update(path.name.encode() + b"\0" + inner.digest())
    return whole.hexdigest()


@cache
def recipe(*files: str) -> str:
    """A digest of these source files and of the libraries' versions."""
    names = ("transformers", "tokenizers", "sentencepiece", "torch")
    code = [Path(file).read_text("utf-8") for file in (__file__, *files)]
    return digest(*code, *map(metadata.version, names))


@contextmanager
def loading(model: str, what: str) -> Iterator[None]:
    """Say in one line that a model is not what it should be.

    Raises:
        InputError: it cannot be loaded as such.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise InputError(
            f"engines: model {model!r} cannot be loaded as {what}: {first_line(error)}"
        ) from error


def tokenizer(model: str, folder: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer of the model.

    Raises:
        InputError: there is none.
    """
    from transformers import AutoTokenizer

    with loading(model, "one with a tokenizer"):
        found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return found
