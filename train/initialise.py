"""The rows of new tokens in a model: what they begin as, and whether all is well with them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.table import InputError

if TYPE_CHECKING:
    from torch import Tensor

PIECES = "pieces.json"  # of each new token, the base token ids that it stands for
ROWS = "rows.json"  # of each new token, the share of each base token's row in its first row
Rows = Mapping[int, Mapping[int, float]]


def new_rows(folder: Path, tokenizer: Any) -> dict[int, dict[int, float]]:  # noqa: ANN401
    """By id of each new token of a tokenizer's folder, the share of each base token's row.

    Raises:
        InputError: the tokenizer does not have one of them, or was extended without saying how.
    """
    path = folder / ROWS
    if not path.exists():
        if (folder / PIECES).exists():
            raise InputError(f"{folder} has {PIECES} but no {ROWS}; run 'dvc repro tokenizer'")
        return {}
    weights = json.loads(path.read_text("utf-8"))
    vocabulary = tokenizer.get_vocab()
    if missing := [token for token in weights if token not in vocabulary]:
        raise InputError(
            f"{folder}: the tokenizer lacks {len(missing)} of the {len(weights)} tokens of {ROWS}, "
            f"{missing[0]!r} first; run 'dvc repro tokenizer' again"
        )
    return {
        vocabulary[token]: {int(i): share for i, share in shares.items()}
        for token, shares in weights.items()
    }


def grow(model: Any, rows: Rows) -> None:  # noqa: ANN401
    """Rows for new tokens, in and out, mixed from the base's; an output bias likewise."""
    settle_ties(model)
    if not rows:
        return
    size = max(max(rows) + 1, model.get_input_embeddings().num_embeddings)
    model.resize_token_embeddings(size, mean_resizing=False)
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        for tensor in (getattr(layer, "weight", None), getattr(layer, "bias", None)):
            if tensor is not None:
                mix(tensor.data, rows)


def settle_ties(model: Any) -> None:  # noqa: ANN401
    """Say in the configuration whether input and output rows are one.

    T5's always says so, even of mT5, whose checkpoints hold two: growing would tie them, and so
    destroy the output layer.
    """
    outward = model.get_output_embeddings()
    if outward is not None and model.config.tie_word_embeddings:
        model.config.tie_word_embeddings = outward.weight is model.get_input_embeddings().weight


def mix(tensor: "Tensor", rows: Rows) -> None:
    """Write the new rows of a (V, D) or (V,) tensor."""
    import torch

    made = [
        torch.tensor(list(shares.values()), device=tensor.device) @ tensor[list(shares)].float()
        for shares in rows.values()
    ]
    tensor[list(rows)] = torch.stack(made).to(tensor.dtype)


def rows_of(layer: Any) -> "Tensor":  # noqa: ANN401
    """(V, D): the rows of an embedding or output layer, those that an adapter trains in place."""
    from peft.utils.other import TrainableTokensWrapper

    if isinstance(layer, TrainableTokensWrapper):
        tokens = layer.token_adapter
        trained: Tensor = tokens.get_merged_weights(tokens.active_adapters)
        return trained
    plain: Tensor = layer.weight
    return plain


def check_embeddings(model: Any, new_ids: Iterable[int]) -> None:  # noqa: ANN401
    """Check, before a model or adapter is saved, that each token has a row and tied ones are one.

    A base may have rows of zeros for padding; a new token may not.

    Raises:
        RuntimeError: a row is not finite, a new token's is zero or missing, or input and output
            layers that the configuration ties have come apart.
    """
    new = sorted(new_ids)
    inward, outward = model.get_input_embeddings(), model.get_output_embeddings()
    layers = {"input": rows_of(inward)}
    if outward is not None:
        layers["output"] = rows_of(outward)
    for name, rows in layers.items():
        check_rows(name, rows, new)
    if model.config.tie_word_embeddings and outward is not None:
        differ = (layers["input"] != layers["output"]).any(dim=1).nonzero().flatten().tolist()
        if differ:
            raise RuntimeError(
                f"the model's input and output embeddings are tied, but {len(differ)} rows differ, "
                f"first that of token {differ[0]}; nothing was saved"
            )


def check_rows(name: str, rows: "Tensor", new: list[int]) -> None:
    """Check the rows of one layer.

    Raises:
        RuntimeError: one is not finite, or a new token's is zero or missing.
    """
    if new and new[-1] >= len(rows):
        raise RuntimeError(
            f"the {name} embeddings have {len(rows)} rows, none for the new token {new[-1]}; "
            "nothing was saved"
        )
    broken = (~rows.isfinite().all(dim=1)).nonzero().flatten().tolist()
    empty = [i for i, full in zip(new, rows[new].any(dim=1).tolist(), strict=True) if not full]
    for what, ids in (("not finite", broken), ("zero", empty)):
        if ids:
            raise RuntimeError(
                f"{len(ids)} {name} embeddings are {what}, first that of token {ids[0]}; nothing "
                "was saved"
            )
