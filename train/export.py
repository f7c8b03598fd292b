"""An adapter and its base as one model: a folder of transformers, or a GGUF file.

The two are added in float32 and rounded once. What was written is read back and held against the
unmerged model on a few rows of tokens, the new ones among them: it is there only if it agrees.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.table import InputError
from train import adapters
from train.llamacpp import write

if TYPE_CHECKING:
    import torch

    from train.model import Speaker
    from train.systems import Models

MOST_LOST = 0.01  # share of what the adapter changes that rounding may take
TOKENS = 64  # in a row that is compared
ASIDE = ("own.model", "pieces.json", "rows.json")  # in a tokenizer's folder, for this project only


@dataclass(frozen=True)
class Merged:
    """One model, and what it must agree with."""

    speaker: "Speaker"  # float32
    rows: "list[torch.Tensor]"  # (1, TOKENS) token ids to compare on
    wanted: "list[torch.Tensor]"  # (1, TOKENS, V) log probabilities of the unmerged model
    changed: float | None  # divergence of the base from it, nats a token; null: there is no base


def export(models: "Models", system: str, place: Path, dtype: str) -> str:
    """Write base and adapter as one model; returns how near it is to the two.

    Args:
        place: a folder, or a file that ends in .gguf.
        dtype: bfloat16 or float32.

    Raises:
        InputError: it is there already, a model is missing or of a kind that is not written, or
            too much would be lost.
    """
    if place.exists():
        raise InputError(f"{place} exists; name a place where nothing is")
    one = merged(models, system)
    place.parent.mkdir(parents=True, exist_ok=True)
    made = place.with_name(f".partial.{place.name}")
    remove(made)
    try:
        if place.suffix == ".gguf":
            write(one.speaker, models.tokenizer, made, dtype)
            read = reread(one.speaker, made.parent, {"gguf_file": made.name})
        else:
            save(one.speaker, models.tokenizer, made, dtype)
            read = reread(one.speaker, made, {})
        said = agreement(one, read, place)
        made.rename(place)
    finally:
        remove(made)
    return said


def save(speaker: "Speaker", tokenizer: Path, folder: Path, dtype: str) -> None:
    """Write model and tokenizer as transformers reads them."""
    import torch

    kind = {"bfloat16": torch.bfloat16, "float32": torch.float32}[dtype]
    speaker.model.to(kind).save_pretrained(folder)
    for path in sorted(tokenizer.iterdir()):
        if path.name not in ASIDE:
            shutil.copyfile(path, folder / path.name)


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def merged(models: "Models", system: str) -> Merged:
    """The adapter added to the base, in float32."""
    import torch

    from train.systems import loaded

    speaker, _ = loaded(system, models)
    model: Any = speaker.model.float().eval()
    rows = probes(len(speaker.tokenizer))
    with torch.no_grad():
        wanted = [told(speaker, row) for row in rows]
        if not hasattr(model, "merge_and_unload"):
            return Merged(speaker, rows, wanted, None)
        with model.disable_adapter():
            changed = divergence(wanted, [told(speaker, row) for row in rows])
        return Merged(adapters.merged(speaker), rows, wanted, changed)


def probes(size: int) -> "list[torch.Tensor]":
    """Rows of tokens from everywhere in a vocabulary: its last ones, and every so manieth."""
    import torch

    step = max(1, size // TOKENS)
    rows = [torch.arange(max(0, size - TOKENS), size), torch.arange(0, size, step)[:TOKENS]]
    return [row[None] for row in (*rows, torch.arange(step // 2, size, step)[:TOKENS])]


def told(speaker: "Speaker", row: "torch.Tensor") -> "torch.Tensor":
    """(1, T, V): log probabilities of the next token, float32."""
    from train.model import device

    inputs = {"input_ids": row.to(device())}
    if speaker.family == "encoder-decoder":
        inputs["decoder_input_ids"] = inputs["input_ids"]
    scores: torch.Tensor = speaker.model(**inputs).logits
    return scores.float().log_softmax(-1).cpu()


def divergence(wanted: "list[torch.Tensor]", found: "list[torch.Tensor]") -> float:
    """Mean Kullback-Leibler divergence of what was found from what was wanted, nats a token.

    Raises:
        InputError: they are not over the same vocabulary, or no numbers.
    """
    import torch

    if any(a.shape != b.shape for a, b in zip(wanted, found, strict=True)):
        raise InputError("the written model has another vocabulary than the adapter's; not written")
    parts = [(a.exp() * (a - b)).sum(-1).flatten() for a, b in zip(wanted, found, strict=True)]
    return float(torch.cat(parts).mean())


def reread(speaker: "Speaker", place: Path, options: dict[str, str]) -> "Speaker":
    """What was written, as transformers reads it, in float32.

    Raises:
        InputError: its tokenizer cuts a text otherwise.
    """
    import torch
    from transformers import AutoTokenizer

    from train.families import loader
    from train.model import device

    model = loader(speaker.family).from_pretrained(place, dtype=torch.float32, **options)
    reader = AutoTokenizer.from_pretrained(place, **options)
    vocabulary = speaker.tokenizer.get_vocab()
    if reader.get_vocab() != vocabulary:
        raise InputError("the written tokenizer has another vocabulary; not written")
    return speaker.over(model.to(device()).eval())


def agreement(one: Merged, again: "Speaker", place: Path) -> str:
    """How near what was written is to the unmerged model, as a line.

    Raises:
        InputError: rounding took too much of what the adapter learned.
    """
    import torch

    with torch.no_grad():
        apart = divergence(one.wanted, [told(again, row) for row in one.rows])
    share = apart / one.changed if one.changed else apart
    if not share <= MOST_LOST:
        raise InputError(
            f"{place}: {share:.1%} of what the adapter changes would be lost, at most "
            f"{MOST_LOST:.0%} may be; write it with --dtype float32"
        )
    said = f"{place}: read back, {apart:.1e} nats a token from the unmerged model"
    return said + ("" if one.changed is None else f"; the adapter changes {one.changed:.2g}")
