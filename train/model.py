"""A base model of any family with a language's own tokens: for adapt and evaluate."""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from corpus.table import InputError
from train.families import CODES_OF_BASE, Family, family_of, loader
from train.initialise import grow, new_rows, rows_of
from train.quantised import four_bits, keep_gradients

AFTER_PADDING = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert")  # positions begin there


@dataclass(frozen=True)
class Speaker:
    """A loaded language model and what it reads with."""

    model: Any  # transformers or peft model, float32 or bfloat16
    tokenizer: Any
    new_ids: tuple[int, ...]  # of the tokens appended to the base's vocabulary
    family: Family
    plain: bool  # its scores are the output layer's product and bias, not capped or scaled
    packs: bool  # documents side by side in a row do not see each other

    def over(self, model: Any) -> "Speaker":  # noqa: ANN401
        """The same, with another model."""
        return replace(self, model=model)

    @property
    def codes(self) -> dict[str, str | None]:
        """The base's code of each language, where it takes codes (see stage base)."""
        return getattr(self.model.config, CODES_OF_BASE, None) or {}

    def encode(self, texts: list[str], target: bool = False) -> list[list[int]]:
        """Token ids of each text; none is a control token, not even where the text spells one.

        Args:
            target: as what a decoder says, for a tokenizer that cuts it in another way (Marian).
        """
        if not texts:
            return []
        options = {"add_special_tokens": False, "split_special_tokens": True}
        some = {"text_target" if target else "text": texts}
        codes = [list(code) for code in self.tokenizer(**some, **options)["input_ids"]]
        for at, code in enumerate(codes):
            if not self.control.isdisjoint(code):  # Unigram knows them as pieces of text
                parts = self.apart(texts[at])
                codes[at] = list(
                    chain.from_iterable(self.encode(parts, target) if parts[1:] else [])
                )
        return codes

    @cached_property
    def control(self) -> frozenset[int]:
        """The tokens that no text may become; the unknown one where it is nothing else."""
        found = {at for at, token in self.tokenizer.added_tokens_decoder.items() if token.special}
        unknown = self.tokenizer.unk_token_id
        return frozenset(found - ({unknown} - {self.separator}))

    def apart(self, text: str) -> list[str]:
        """A text cut behind the first letter of each control token that it spells."""
        names = [self.tokenizer.convert_ids_to_tokens(at) for at in sorted(self.control)]
        borders = [f"(?<={re.escape(n[0])})(?={re.escape(n[1:])})" for n in names if n[1:]]
        return re.split("|".join(borders), normalize("NFKC", text))

    @property
    def most_tokens(self) -> int | None:
        """Of a text with what stands around it; nothing where positions have no end."""
        config = self.model.config
        most = getattr(config, "max_position_embeddings", None)
        if most and config.model_type in AFTER_PADDING:
            most -= config.pad_token_id + 1
        return most

    @property
    def separator(self) -> int:
        """The token before and after a text; of an encoder-decoder, after it."""
        return int(first(self.tokenizer.eos_token_id, self.tokenizer.sep_token_id))

    @property
    def padding(self) -> int:
        """The token that fills a row up."""
        return int(first(self.tokenizer.pad_token_id, self.separator))

    @property
    def frame(self) -> tuple[int, int]:
        """The tokens before and after a text that an encoder reads."""
        found = self.tokenizer
        begin, end = (found.cls_token_id, found.bos_token_id), (found.sep_token_id, self.separator)
        return int(first(*begin, self.separator)), int(first(*end))

    @property
    def decoder_start(self) -> int:
        """What the decoder of an encoder-decoder begins with."""
        config = self.model.config
        return int(first(config.decoder_start_token_id, self.padding))


def first(*numbers: int | None) -> int:
    """The first that there is."""
    return next(number for number in numbers if number is not None)


def device() -> torch.device:
    """The accelerator where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def one_thread() -> None:
    """On a CPU, one thread a process: processes run side by side, and more may change a byte."""
    if device().type == "cpu":
        torch.set_num_threads(1)


def load_base(base: Path, tokenizer: Path, grown: bool = False, bits: int | None = None) -> Speaker:
    """The base model with the tokenizer in `tokenizer`; new tokens begin as `rows.json` says.

    Args:
        grown: the model has the new tokens' rows already.
        bits: 4 loads its linear layers in four bits (QLoRA).

    Raises:
        InputError: a folder is no model or tokenizer.
    """
    from transformers import AutoConfig, AutoTokenizer

    from train.probes import is_plain, keeps_apart

    options = four_bits() if bits else {}
    model: Any
    try:
        reader = AutoTokenizer.from_pretrained(tokenizer)
        family = family_of(AutoConfig.from_pretrained(base))
        model = loader(family).from_pretrained(base, dtype=torch.bfloat16, **options)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{base} and {tokenizer} cannot be loaded ({reason}); run 'dvc repro' first"
        ) from error
    rows = new_rows(tokenizer, reader)
    if not grown:
        grow(model, rows)
    model.config.use_cache = False
    if bits:
        keep_gradients(model)
    else:
        model.to(device())
    model.requires_grad_(False)
    speaker = Speaker(model, reader, tuple(rows), family, plain=True, packs=True)
    return replace(speaker, plain=is_plain(speaker), packs=keeps_apart(speaker))


class Head(NamedTuple):
    """The output layer: the row that scores each token, and what is added to its score."""

    rows: Tensor  # (V, D)
    bias: Tensor | None  # (V,)

    def of(self, tokens: Tensor) -> "Head":
        """That of some tokens."""
        return Head(self.rows[tokens], None if self.bias is None else self.bias[tokens])


def head(speaker: Speaker) -> Head:
    """The output layer, trained rows in place."""
    layer = speaker.model.get_output_embeddings()
    return Head(rows_of(layer), getattr(getattr(layer, "original_module", layer), "bias", None))


def scores(states: Tensor, by: Head) -> Tensor:
    """(N, V): unnormalised log probabilities, in float32."""
    bias = None if by.bias is None else by.bias.to(states.dtype)
    return F.linear(states, by.rows.to(states.dtype), bias).float()


def features(speaker: Speaker, inputs: dict[str, Tensor], wrapped: Any = None) -> Tensor:  # noqa: ANN401
    """(B, T, D): what the output layer is given at each position.

    Args:
        wrapped: the model inside what spreads it over devices, if anything does.
    """
    layer = speaker.model.get_output_embeddings()
    layer.forward = lambda states: states
    try:
        states: Tensor = (wrapped or speaker.model)(**inputs).logits
    finally:
        del layer.forward
    return states
