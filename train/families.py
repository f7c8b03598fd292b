"""The families of language models: what each reads and says, and what loads it."""

from typing import Any, Literal

Family = Literal["decoder", "encoder", "encoder-decoder"]
LOADERS: dict[Family, str] = {
    "decoder": "AutoModelForCausalLM",
    "encoder": "AutoModelForMaskedLM",
    "encoder-decoder": "AutoModelForSeq2SeqLM",
}


def family_of(config: Any) -> Family:  # noqa: ANN401
    """Decoder, encoder or both, by a configuration of transformers."""
    if config.is_encoder_decoder:
        return "encoder-decoder"
    masked = any(name.endswith("ForMaskedLM") for name in config.architectures or ())
    return "encoder" if masked else "decoder"


def loader(family: Family) -> Any:  # noqa: ANN401
    """The class of transformers that loads a family."""
    import transformers

    return getattr(transformers, LOADERS[family])
