"""CTranslate2: the same encoder-decoder models, two to ten times faster on a processor.

A model is converted once, into a folder of the user's cache that is keyed by its hash.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment import cache as records
from augment.engines import conversion, hub
from augment.engines.search import Hypothesis
from corpus.table import InputError, digest

if TYPE_CHECKING:
    from ctranslate2 import Translator
    from transformers import PreTrainedTokenizerBase


def version() -> str:
    """The version of CTranslate2.

    Raises:
        InputError: it is not installed.
    """
    try:
        return metadata.version("ctranslate2")
    except metadata.PackageNotFoundError:
        raise InputError(
            "engines: fast: ctranslate2 needs the package ctranslate2; install the extra 'fast' "
            "(pip install 'milpa[fast]'), or set fast and quantisation to null"
        ) from None


@cache
def translator(folder: Path, model: str, quantisation: str, threads: int) -> "Translator":
    """The converted model, loaded; each batch goes to one of so many threads.

    Raises:
        InputError: CTranslate2 is not installed, or has no conversion for the architecture.
    """
    version()
    import ctranslate2

    where = converted(folder, model, quantisation)
    return ctranslate2.Translator(
        str(where),
        device="cpu",
        compute_type=quantisation,
        inter_threads=threads,
        intra_threads=1,
    )


def converted(folder: Path, model: str, quantisation: str) -> Path:
    """The folder of the converted model, whole or not there at all; made if need be.

    Raises:
        InputError: CTranslate2 has no conversion for the architecture, or a wrong one.
    """
    recipe = hub.recipe(__file__, conversion.__file__)
    key = digest(hub.weights(folder), quantisation, recipe, version())
    where = records.path().parent / "ctranslate2" / key
    if where.exists():
        return where
    where.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=where.parent) as scratch:
        new = Path(scratch, key)
        conversion.convert(folder, model, new, quantisation)
        with suppress(OSError):  # another process was faster
            new.rename(where)
    if not where.exists():
        raise InputError(f"{where} could not be written; free some space or make it writable")
    return where


def searched(  # noqa: PLR0913
    translator: "Translator",
    tokenizer: "PreTrainedTokenizerBase",
    begin: str,
    sources: list[list[int]],
    best: int,
    beam: int,
    most_new: int,
) -> list[list[Hypothesis]]:
    """What CTranslate2 finds for sources of one length; see search.searched."""
    results = translator.translate_batch(
        [tokenizer.convert_ids_to_tokens(ids) for ids in sources],
        target_prefix=[[begin]] * len(sources) if begin else None,
        beam_size=max(beam, best),
        num_hypotheses=best,
        max_input_length=0,
        max_decoding_length=most_new,
        min_decoding_length=0,  # as transformers: nothing may be a translation
        length_penalty=1.0,
        return_scores=True,
        return_end_token=True,
    )
    id_of: Callable[[str], Any] = tokenizer.convert_tokens_to_ids
    skip = 1 if begin else 0
    return [
        [
            Hypothesis(
                [id_of(token) for token in tokens[skip:]], per_choice(score, len(tokens), skip)
            )
            for tokens, score in zip(found.hypotheses, found.scores, strict=True)
        ]
        for found in results
    ]


def per_choice(score: float, length: int, forced: int) -> float:
    """The mean over what the model chose: CTranslate2 divides by the forced beginning too.

    `length` counts the end, where there is one, as CTranslate2 does.
    """
    return score * length / max(1, length - forced)
