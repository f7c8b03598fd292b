"""A model of transformers written for CTranslate2, and refused unless both score alike.

The converter reads what transformers loads, attribute by attribute, and is silently wrong where a
release of transformers gives one another meaning. So both libraries score the same sequences.
"""

import math
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from augment.engines import hub
from corpus.table import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOLERANCE = 0.01  # nats of a token between the libraries in float32; other sums make 0.0001
TRIALS = (2, 8, 32)  # about so many tokens have the sequences that both score
FAILURES = (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, RuntimeError)


class Trial(NamedTuple):
    """A source and a translation of it to be scored, each with its end."""

    source: list[int]
    target: list[int]


def convert(folder: Path, model: str, new: Path, quantisation: str) -> None:
    """Write the converted model.

    Raises:
        InputError: CTranslate2 has no conversion for the architecture, or a wrong one.
    """
    try:
        apart = written(folder, model, new, quantisation)
    except FAILURES as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"engines: ctranslate2 cannot convert model {model!r} ({hub.first_line(error)}); "
            "set fast and quantisation to null"
        ) from error
    if not apart <= TOLERANCE:  # nor if it is not a number
        raise InputError(
            f"engines: ctranslate2 scores a token by model {model!r} up to {apart:.3g} nats off "
            f"what transformers does, and {TOLERANCE} may be: its conversion is wrong; "
            "set fast and quantisation to null"
        )


def written(folder: Path, model: str, new: Path, quantisation: str) -> float:
    """How far apart both libraries' scores of a token are; the model is written to `new`.

    They are compared in full precision: what quantisation loses is no fault of the conversion.
    """
    import torch
    from ctranslate2 import Translator
    from ctranslate2.converters import TransformersConverter
    from transformers import AutoModelForSeq2SeqLM

    with hub.loading(model, "an encoder-decoder model"):
        found = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = hub.tokenizer(model, folder)
    trials = trials_of(tokenizer, found.config.vocab_size)
    expected = [scores(found, trial) for trial in trials]
    mend(found)

    class Given(TransformersConverter):
        """The converter, given its model."""

        def load_model(self, *_: object, **__: object) -> object:
            return found

    exact = new.with_name("exact")
    Given(str(folder)).convert(str(exact), quantization="float32")
    translator = Translator(str(exact), device="cpu", compute_type="float32")
    results = translator.score_batch(
        [tokenizer.convert_ids_to_tokens(trial.source) for trial in trials],
        [tokenizer.convert_ids_to_tokens(trial.target[:-1]) for trial in trials],
    )
    made: list[list[float]] = [result.log_probs for result in results]
    Given(str(folder)).convert(str(new), quantization=quantisation)
    if [len(one) for one in expected] != [len(one) for one in made]:
        return math.inf  # a translation begins otherwise
    pairs = zip(chain(*expected), chain(*made), strict=True)
    return max(abs(one - other) for one, other in pairs)


def mend(model: "PreTrainedModel") -> None:
    """Change the model so that the converter, which misreads it, makes what transformers has.

    T5: since transformers 5 `tie_word_embeddings` is true of each, and `scale_decoder_outputs` says
    what the converter takes it for: it would divide the outputs of MADLAD by the root of its width.
    Marian: the converter begins a translation with nothing, transformers with the embedding of
    padding. Marian itself leaves that zero, but whoever trains on with transformers does not, as
    outputs share it. The decoder's first position alone sees it, so it is added to that.
    mBART: a folder that transformers 5 wrote lacks what the converter asks it, which is the same of
    all; of mBART-50 alone a translation begins with the end, and then its language.
    """
    config: Any = model.config
    if config.model_type == "mbart":
        config.normalize_before = config.normalize_embedding = True
        if model.generation_config.decoder_start_token_id == config.eos_token_id:
            config.tokenizer_class = "MBart50Tokenizer"
    if config.model_type in ("t5", "mt5"):
        config.tie_word_embeddings = getattr(config, "scale_decoder_outputs", False)
    if config.model_type == "marian":
        decoder: Any = model.get_decoder()
        start = decoder.embed_tokens.weight.data[config.decoder_start_token_id]
        decoder.embed_positions.weight.data[0] += decoder.embed_scale * start


def trials_of(tokenizer: "PreTrainedTokenizerBase", size: int) -> list[Trial]:
    """Sequences of tokens from all over the vocabulary: a comparison needs no language."""
    known = set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids)
    usual = sorted(number for number in known if number < size)
    steps = [max(1, len(usual) // length) for length in TRIALS]
    end: Any = tokenizer.eos_token_id
    return [Trial([*usual[step // 2 :: step], end], [*usual[::step], end]) for step in steps]


def scores(model: "PreTrainedModel", trial: Trial) -> list[float]:
    """The log-probability by transformers of each token of the target."""
    import torch

    config: Any = model.generation_config
    begun = torch.tensor([[config.decoder_start_token_id, *trial.target[:-1]]])
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([trial.source]), decoder_input_ids=begun).logits[0]
    logits[:, unwritten(model)] = -torch.inf
    chosen = logits.log_softmax(-1).gather(1, torch.tensor(trial.target)[:, None])
    found: list[float] = chosen[:, 0].tolist()
    return found


def unwritten(model: "PreTrainedModel") -> list[int]:
    """Tokens that no translation may hold; the converter takes them out of the vocabulary."""
    config: Any = model.config
    return [config.pad_token_id] if config.model_type == "marian" else []
