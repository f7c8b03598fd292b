"""The families of language models: what each reads and says, and what loads it."""

from typing import Any, Literal

Family = Literal["decoder", "encoder", "encoder-decoder"]
CODES_OF_BASE = "language_codes"  # in the configuration of a base that takes them
DECODERS = ("ForCausalLM", "LMHeadModel")  # how the names of their classes end
LOADERS: dict[Family, str] = {
    "decoder": "AutoModelForCausalLM",
    "encoder": "AutoModelForMaskedLM",
    "encoder-decoder": "AutoModelForSeq2SeqLM",
}


def family_of(config: Any) -> Family:  # noqa: ANN401
    """Decoder, encoder or both, by a configuration of transformers.

    An encoder saved without its head (e5: `BertModel`) is one too; one saved as a decoder is not.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    if config.is_encoder_decoder:
        return "encoder-decoder"
    names = config.architectures or ()
    if any(name.endswith("ForMaskedLM") for name in names):
        return "encoder"
    if getattr(config, "is_decoder", False) or any(name.endswith(DECODERS) for name in names):
        return "decoder"
    return "encoder" if config.model_type in MASKED else "decoder"


def loader(family: Family) -> Any:  # noqa: ANN401
    """The class of transformers that loads a family."""
    import transformers

    return getattr(transformers, LOADERS[family])
