"""How the base's tokenizer cuts a language, and its vocabulary extended with the language's own.

Fertility is measured on validation text by variety; on training text, where the new tokens were
learned, only as a whole, to show how much of the gain carries over.
"""

import io
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from corpus.settings import Languages, owner_of, settings
from corpus.stage import Output, run
from corpus.table import InputError
from train.vocabulary import extend

PIECES = "pieces.json"  # of each new token, its base token ids
Count = Callable[[list[str]], list[int]]  # tokens of each text


@settings
class Tokenizer:
    """How many tokens are learned."""

    new_tokens: int | None  # most tokens to append; null: none
    least_count: int  # occurrences that a new token needs
    own_tokens: int  # most tokens of the sentencepiece tokenizer trained here

    def __post_init__(self) -> None:
        if self.new_tokens is not None and self.new_tokens < 1:
            raise ValueError(
                f"new_tokens must be at least 1, or null for none, got {self.new_tokens}"
            )
        if self.least_count < 1 or self.own_tokens < 300:
            raise ValueError(f"need least_count at least 1 and own_tokens at least 300, got {self}")


def tokenizer(  # noqa: PLR0913
    params: Tokenizer,
    active: tuple[str, ...],
    languages: Languages,
    train: pa.Table,
    validation: pa.Table,
    base: Path,
    out: Path,
) -> Output:
    """A folder per language: the extended tokenizer, its pieces, and a sentencepiece model."""
    report = {}
    for key in active:
        texts = by_variety(train, key, languages)
        learned = [text for some in texts.values() for text in some]
        if not learned:
            raise InputError(f"the training split holds no target text of language {key!r}")
        pieces = save(params, learned, base, out / key)
        counters = {
            "base": counter(base),
            "extended": counter(out / key),
            "own": own(learned, params.own_tokens, out / key / "own.model"),
        }
        held = by_variety(validation, key, languages)
        report[key] = {
            "new_tokens": len(pieces),
            "training": {name: fertility(learned, count) for name, count in counters.items()},
            "validation": {name: table(held, count) for name, count in counters.items()},
        }
    return Output(report={"fertility": report})


def by_variety(rows: pa.Table, key: str, languages: Languages) -> dict[str, list[str]]:
    """The target texts of a language by their code, codes sorted."""
    texts: dict[str, list[str]] = {}
    columns = (rows["language"].to_pylist(), rows["target"].to_pylist())
    for language, target in zip(*columns, strict=True):
        if target and owner_of(language, languages) == key:
            texts.setdefault(language, []).append(target)
    return dict(sorted(texts.items()))


def save(params: Tokenizer, texts: list[str], base: Path, folder: Path) -> dict[str, list[int]]:
    """Write the base's tokenizer, extended where asked; returns the pieces of the new tokens.

    Raises:
        InputError: the base's folder holds no tokenizer.json.
    """
    from tokenizers import Tokenizer as Fast

    if not (base / "tokenizer.json").exists():
        raise InputError(
            f"{base} holds no tokenizer.json; run 'dvc repro base', or name another base"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(base.iterdir()):
        if "token" in path.name or path.name == "chat_template.jinja":
            shutil.copyfile(path, folder / path.name)
    pieces: dict[str, list[int]] = {}
    if params.new_tokens is not None:
        whole = (base / "tokenizer.json").read_text("utf-8")
        extended, pieces = extend(whole, texts, params.new_tokens, params.least_count)
        Fast.from_str(extended).save(str(folder / "tokenizer.json"))
    lines = json.dumps(pieces, ensure_ascii=False, indent=0)
    (folder / PIECES).write_text(lines + "\n", "utf-8")
    return pieces


def counter(folder: Path) -> Count:
    """Tokens that a saved tokenizer makes of each text."""
    from tokenizers import Tokenizer as Fast

    fast = Fast.from_file(str(folder / "tokenizer.json"))
    return lambda texts: [len(c) for c in fast.encode_batch(texts, add_special_tokens=False)]


def own(texts: list[str], most_tokens: int, path: Path) -> Count:
    """Tokens that a unigram model trained here makes; it is saved at `path`.

    Raises:
        InputError: there are more characters than tokens.

    Source: Kudo 2018, https://arxiv.org/abs/1804.10959
    """
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(" ".join(text.split()) for text in texts),
            model_writer=model,
            vocab_size=most_tokens,
            hard_vocab_limit=False,  # a small corpus gives fewer
            character_coverage=1.0,
            byte_fallback=True,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = str(error).rpartition("] ")[2]
        raise InputError(f"tokenizer.own_tokens, {most_tokens}, will not do: {reason}") from error
    path.write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return lambda texts: [len(ids) for ids in processor.encode(texts)]


def table(texts: dict[str, list[str]], count: Count) -> dict[str, Any]:
    """Fertility by variety, and of all together."""
    every = [text for some in texts.values() for text in some]
    return {"all": fertility(every, count)} | {k: fertility(v, count) for k, v in texts.items()}


def fertility(texts: Iterable[str], count: Count) -> dict[str, float | None]:
    """Tokens to a word, words being what white space parts, and UTF-8 bytes to a token.

    >>> fertility(["niltze tlacatl"], lambda texts: [4])
    {'tokens_per_word': 2.0, 'bytes_per_token': 3.5}
    """
    texts = list(texts)
    tokens = sum(count(texts))
    words = sum(len(text.split()) for text in texts)
    size = sum(len(text.encode()) for text in texts)
    return {
        "tokens_per_word": tokens / words if words else None,
        "bytes_per_token": size / tokens if tokens else None,
    }


if __name__ == "__main__":
    run(tokenizer, Tokenizer)
