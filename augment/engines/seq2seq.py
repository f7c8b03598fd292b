"""Encoder-decoder models of transformers: NLLB, M2M-100, mBART, MADLAD and other T5, Marian.

Sources: Costa-jussà et al. 2022 (NLLB), https://arxiv.org/abs/2207.04672;
Kudugunta et al. 2023 (MADLAD-400), https://arxiv.org/abs/2309.04662;
Junczys-Dowmunt et al. 2018 (Marian), https://aclanthology.org/P18-4020.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from augment.engines import codes, conversion, fast, hub, search
from augment.engines.codes import BEFORE, known
from augment.engines.search import Asked, Decode, Hypothesis
from augment.translation import Direction, Translate
from corpus.settings import settings
from corpus.table import InputError, digest

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel

MORE = 10  # tokens that any translation may have beyond length_factor: short texts vary most


@settings
class Seq2seq:
    """Which model, how it names the languages, and how it searches."""

    kind: Literal["seq2seq"]
    model: str  # a folder, or a name of the Hub
    revision: str | None  # commit of a Hub model; null: the newest, or a folder's
    sources: dict[str, str | None]  # language it reads: the model's code; null: it takes none
    targets: dict[str, str | None]  # language it writes: the model's code
    beam: int  # 1: greedy
    length_factor: float  # most tokens of a translation for each of its source, and a few more
    most_tokens: int  # of a source or a translation; a longer text is translated in parts
    batch_tokens: int  # of sources in one batch, all of one length; 1: each alone
    threads: int
    fast: Literal["ctranslate2"] | None  # the extra 'fast'; null: transformers
    quantisation: Literal["float32", "int16", "int8"] | None  # of the fast path; null: not used

    def __post_init__(self) -> None:
        least = min(self.beam, self.batch_tokens, self.threads)
        if least < 1 or self.length_factor <= 0 or self.most_tokens < 8:
            raise ValueError(
                "need beam, batch_tokens, threads >= 1, length_factor > 0, most_tokens >= 8"
            )
        if (self.fast is None) != (self.quantisation is None):
            raise ValueError("quantisation goes with fast: ctranslate2, and null without it")


class Tokens(NamedTuple):
    """The tokenizer set to a direction."""

    tokenizer: Any  # src_lang is not of every class
    before: str  # stands before each source
    begin: str  # token that a translation begins with; empty: none

    def read(self, text: str) -> list[int]:
        """The source as token ids."""
        ids: list[int] = self.tokenizer(f"{self.before} {text}").input_ids
        return ids

    def write(self, tokens: list[int]) -> str:
        """The translation of token ids."""
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return text.strip()


def name(spec: Seq2seq, direction: Direction) -> str:
    """The name for the column `engine`: of weights, versions, settings and direction."""
    codes = [spec.sources.get(direction.source), spec.targets.get(direction.target)]
    sizes = (spec.beam, spec.length_factor, spec.most_tokens, spec.batch_tokens, spec.threads)
    own = repr((codes, sizes, spec.fast, spec.quantisation))
    parts = hub.weights(hub.located(spec.model, spec.revision)), recipe(spec), own
    return f"seq2seq:{direction.source}-{direction.target}@{digest(*parts)}"


def recipe(spec: Seq2seq) -> str:
    """A digest of the code and libraries."""
    return hub.recipe(__file__, *(part.__file__ for part in (codes, conversion, fast, search))) + (
        fast.version() if spec.fast else ""
    )


def load(spec: Seq2seq, direction: Direction, best: int) -> Translate:
    """The model as a function from texts to their best translations.

    Raises:
        InputError: the model, its architecture or a code of the direction is not to be had.
    """
    folder = hub.located(spec.model, spec.revision)
    tokens = tokens_of(spec, direction, folder)
    decode = quick(folder, spec, tokens) if spec.fast else plain(folder, spec, tokens)
    unk = tokens.tokenizer.unk_token_id
    asked = Asked(tokens.read, tokens.write, decode, unk, spec.most_tokens, spec.batch_tokens)
    return search.translating(asked, best)


def most_new(spec: Seq2seq, sources: list[list[int]]) -> int:
    """Tokens that translations of these sources, all of one length, may have."""
    return min(spec.most_tokens, int(spec.length_factor * len(sources[0])) + MORE)


def tokens_of(spec: Seq2seq, direction: Direction, folder: Path) -> Tokens:
    """The tokenizer set to the direction, by what the model's family does with codes.

    Raises:
        InputError: the settings have no code for a language, or the model does not know it.
    """
    from transformers import AutoConfig

    with hub.loading(spec.model, "an encoder-decoder model"):
        config = AutoConfig.from_pretrained(folder)
    most = getattr(config, "max_position_embeddings", None)
    if most and spec.most_tokens > most:
        raise InputError(
            f"engines: most_tokens {spec.most_tokens} is more than the {most} of {spec.model!r}"
        )
    tokenizer, family = hub.tokenizer(spec.model, folder), config.model_type
    read, write = code(spec, "sources", direction), code(spec, "targets", direction)
    if family in BEFORE:
        if read is not None:
            raise InputError(f"engines: {spec.model!r} takes no code for a source, got {read!r}")
        return Tokens(tokenizer, known(tokenizer, family, write, spec.model), "")
    begin = known(tokenizer, family, write, spec.model)
    if known(tokenizer, family, read, spec.model):
        tokenizer.src_lang = read
    return Tokens(tokenizer, "", begin)


def code(spec: Seq2seq, side: str, direction: Direction) -> str | None:
    """The model's code for one end of the direction.

    Raises:
        InputError: the settings do not name the language.
    """
    language, codes = {
        "sources": (direction.source, spec.sources),
        "targets": (direction.target, spec.targets),
    }[side]
    if language not in codes:
        raise InputError(
            f"engines: {side} of model {spec.model!r} lacks {language!r}; it has {sorted(codes)}"
        )
    return codes[language]


def plain(folder: Path, spec: Seq2seq, tokens: Tokens) -> Decode:
    """The search of transformers.

    Raises:
        InputError: the folder holds no encoder-decoder model.
    """
    import torch
    from transformers import AutoModelForSeq2SeqLM

    torch.set_num_threads(spec.threads)
    with hub.loading(spec.model, "an encoder-decoder model"):
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config = only_needed(model)
    forced = {"forced_bos_token_id": number(tokens)} if tokens.begin else {}

    def decode(sources: list[list[int]], best: int) -> list[list[Hypothesis]]:
        most = most_new(spec, sources)
        return search.searched(model, sources, best, spec.beam, {"max_new_tokens": most, **forced})

    return decode


def only_needed(model: "PreTrainedModel") -> "GenerationConfig":
    """How the model generates, without what else its folder may say of the search.

    A length to force an end at, or n-grams not to repeat, would change texts in one library only.
    """
    from transformers import GenerationConfig

    own: Any = model.generation_config
    return GenerationConfig(
        bos_token_id=own.bos_token_id,
        decoder_start_token_id=own.decoder_start_token_id,
        eos_token_id=own.eos_token_id,
        pad_token_id=own.pad_token_id,
        bad_words_ids=[[token] for token in conversion.unwritten(model)] or None,
    )


def number(tokens: Tokens) -> int:
    """The id of the token that a translation begins with."""
    id: int = tokens.tokenizer.convert_tokens_to_ids(tokens.begin)
    return id


def quick(folder: Path, spec: Seq2seq, tokens: Tokens) -> Decode:
    """The search of CTranslate2, with the same tokenizer.

    Raises:
        InputError: it is not installed, or has no conversion for the architecture.
    """
    translator = fast.translator(folder, spec.model, str(spec.quantisation), spec.threads)
    ask = partial(fast.searched, translator, tokens.tokenizer, tokens.begin)

    def decode(sources: list[list[int]], best: int) -> list[list[Hypothesis]]:
        return ask(sources, best, spec.beam, most_new(spec, sources))

    return decode
