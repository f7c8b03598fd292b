"""How the base's tokenizer cuts a language, and its vocabulary extended with the language's own.

Measured on validation text by variety and by script; on training text, where the new tokens were
learned, only as a whole, to show how much of the gain carries over.
"""

import io
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from augment.engines import segmentation
from corpus.script import script
from corpus.settings import Languages, owner_of, settings
from corpus.stage import Output, run
from corpus.table import InputError
from train.fertility import Reader, by_group, counts, measure, read_sentencepiece, read_tokenizer
from train.focus import Method, weights, write
from train.initialise import PIECES, ROWS
from train.vocabulary import WORD, Cut, extend

Texts = Sequence[tuple[str, str]]  # the language code and the target


@settings
class Tokenizer:
    """How many tokens are learned, from what, and what their rows begin as."""

    new_tokens: int | None  # most tokens to append; null: none
    least_count: int  # occurrences that a new token needs
    segment: Literal["morfessor"] | None  # new tokens are not learned across morphs; null: they are
    initialise: Method  # what the row of a new token begins as
    own_tokens: int  # most tokens of the sentencepiece tokenizer trained here
    resamples: int  # of the bootstrap
    seed: int

    def __post_init__(self) -> None:
        if self.new_tokens is not None and self.new_tokens < 1:
            raise ValueError(
                f"new_tokens must be at least 1, or null for none, got {self.new_tokens}"
            )
        if self.least_count < 1 or self.own_tokens < 300:
            raise ValueError(f"need least_count at least 1 and own_tokens at least 300, got {self}")
        if self.resamples < 100 or self.seed < 0:
            raise ValueError(f"need resamples at least 100 and seed at least 0, got {self}")


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
        learned = [text for _, text in target_texts(train, key, languages)]
        if not learned:
            raise InputError(f"the training split holds no target text of language {key!r}")
        pieces = save(params, learned, base, out / key)
        readers = {
            "base": read_tokenizer(base),
            "extended": read_tokenizer(out / key),
            "own": own(learned, params.own_tokens, out / key / "own.model"),
        }
        held = target_texts(validation, key, languages)
        draw = params.resamples, params.seed
        report[key] = {
            "new_tokens": len(pieces),
            "training": {n: measure(counts(learned, r), *draw) for n, r in readers.items()},
            "validation": {n: by_variety(held, r, draw) for n, r in readers.items()},
            "scripts": {n: by_script(held, r, draw) for n, r in readers.items()},
        }
    return Output(report={"fertility": report})


def target_texts(rows: pa.Table, key: str, languages: Languages) -> Texts:
    """The code and the text of each target of a language, by code."""
    columns = (rows["language"].to_pylist(), rows["target"].to_pylist())
    found = (
        (language, target)
        for language, target in zip(*columns, strict=True)
        if target and owner_of(language, languages) == key
    )
    return sorted(found, key=lambda text: text[0])


def by_variety(held: Texts, reader: Reader, draw: tuple[int, int]) -> dict[str, Any]:
    """The measures of all texts together, and of each variety."""
    texts = [text for _, text in held]
    every = {"all": measure(counts(texts, reader), *draw)}
    return every | by_group(texts, [code for code, _ in held], reader, draw)


def by_script(held: Texts, reader: Reader, draw: tuple[int, int]) -> dict[str, Any]:
    """The measures by the script of most of a text's letters; a text without letters is in none."""
    texts = [text for _, text in held]
    return by_group(texts, [script(text) for text in texts], reader, draw)


def save(params: Tokenizer, texts: list[str], base: Path, folder: Path) -> dict[str, list[int]]:
    """Write the base's tokenizer, extended where asked; returns the pieces of the new tokens.

    Raises:
        InputError: the base holds no tokenizer, or one that cannot be extended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy(params, base, folder)
    pieces: dict[str, list[int]] = {}
    rows: dict[str, dict[int, float]] = {}
    if params.new_tokens is not None:
        from tokenizers import Tokenizer as Fast

        whole = (base / "tokenizer.json").read_text("utf-8")
        cut = morphs(texts) if params.segment else None
        tree, pieces = extend(whole, texts, params.new_tokens, params.least_count, cut)
        extended = Fast.from_str(tree)
        extended.save(str(folder / "tokenizer.json"))
        rows = weights(params.initialise, pieces, extended, texts)
    lines = json.dumps(pieces, ensure_ascii=False, indent=0)
    (folder / PIECES).write_text(lines + "\n", "utf-8")
    write(rows, folder / ROWS)
    return pieces


def copy(params: Tokenizer, base: Path, folder: Path) -> None:
    """The base's tokenizer as it is.

    What is no tokenizer.json, as Marian's, is copied by transformers and cannot be extended. A
    sentencepiece model beside a tokenizer.json would lack the new tokens: it is left out.

    Raises:
        InputError: the base holds no tokenizer, or none that can be extended where that is asked.
    """
    if (base / "tokenizer.json").exists():
        for path in sorted(base.iterdir()):
            if path.suffix != ".model" and (
                "token" in path.name or path.name == "chat_template.jinja"
            ):
                shutil.copyfile(path, folder / path.name)
        return
    if params.new_tokens is not None:
        raise InputError(
            f"{base} holds no tokenizer.json, so tokenizer.new_tokens must be null; or run "
            "'dvc repro base', or name another base"
        )
    from transformers import AutoTokenizer

    try:
        AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{base} holds no tokenizer ({reason}); run 'dvc repro base', or name another base"
        ) from error


def morphs(texts: list[str]) -> Cut:
    """Where Morfessor cuts a word, learned from the words of the texts."""
    words = Counter(word.strip() for text in texts for word in WORD.findall(text))
    return segmentation.by_morphs(segmentation.morphs(words))


def own(texts: list[str], most_tokens: int, path: Path) -> Reader:
    """A unigram model trained here; it is saved at `path`.

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
    return read_sentencepiece(processor)


if __name__ == "__main__":
    run(tokenizer, Tokenizer)
