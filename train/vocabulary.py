"""A base's vocabulary extended with tokens learned from a language's text, by continued merging.

Each new token stands for a fixed run of base tokens, and appears where the base would write that
run, so that the base's segmentation is refined and text without such runs is cut as before:

- BPE: the new merges come after the base's own, and none makes a token that the base has.
- Unigram: a new token scores the sum of its run and a bonus too small to change which base tokens
  are best; among equally good segmentations it favours the one with fewest tokens. This holds
  but for exact ties, in vocabularies where each character of a token is a token, as sentencepiece
  makes them.
- WordPiece takes the longest match, so there a new token may end inside what would have been one
  base token of the run's next; a word without any new token is still cut as before, and none
  becomes unknown: letters that the base has only inside longer tokens are added first.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import regex

from corpus.table import InputError
from train.merges import Word, joined, learn

WORD = regex.compile(r"\p{Zs}?[\p{L}\p{M}]+(?:['’ʼ`´\p{L}\p{M}]*[\p{L}\p{M}])?")
BYTE = regex.compile(r"<0x[0-9A-F]{2}>")  # a byte of a character that the base has no token for
BONUS = 1e-9  # for each token saved; a base's scores are float32 near -10, a thousand times coarser
Cut = Callable[[str], Sequence[str]]  # a word into its morphs
Pieces = dict[str, list[int]]  # of each new token, the base token ids that it stands for
Tree = dict[str, Any]


def extend(
    tokenizer_json: str,
    texts: Iterable[str],
    most_tokens: int,
    least_count: int,
    cut: Cut | None = None,
) -> tuple[str, Pieces]:
    """The tokenizer with up to `most_tokens` new tokens, and each new token's base token ids.

    Args:
        tokenizer_json: a tokenizer.json of the BPE (byte-level or not), Unigram or WordPiece kind.
        least_count: occurrences that a merge needs.
        cut: no token is learned across the borders of what it returns.

    Raises:
        InputError: the tokenizer is of another kind.

    Source: Gage 1994; Sennrich et al. 2016, https://arxiv.org/abs/1508.07909;
    Kudo 2018, https://arxiv.org/abs/1804.10959; Wu et al. 2016, https://arxiv.org/abs/1609.08144
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(tokenizer_json)
    tree = json.loads(tokenizer.to_str())  # in one form, whatever the file's version
    model = tree["model"]
    if model["type"] not in APPEND:
        raise InputError(
            f"tokenizer.new_tokens: the base's tokenizer is {model['type']}, only "
            f"{', '.join(APPEND)} can be extended; set it to null"
        )
    first = number_added(tree)
    known = tokenizer.get_vocab()
    closers = closing(model, tree["added_tokens"], most_tokens)
    words = word_counts(tokenizer, texts, cut)
    limits = most_tokens - len(closers), least_count
    merges = learn(words, set(known), limits, prefix_of(model))
    pieces = closers | runs_of(merges, known, prefix_of(model))
    APPEND[model["type"]](model, pieces, merges, first)
    return json.dumps(tree, ensure_ascii=False), pieces


def prefix_of(model: Tree) -> str:
    """What stands before a token inside a word, as WordPiece's `##`."""
    return model.get("continuing_subword_prefix") or ""


def runs_of(merges: Iterable[tuple[str, str]], known: dict[str, int], prefix: str) -> Pieces:
    """The base token ids that each merge's token stands for, in the order of the merges."""
    pieces: Pieces = {}
    for left, right in merges:
        pieces[joined(left, right, prefix)] = [
            i for part in (left, right) for i in pieces.get(part) or [known[part]]
        ]
    return pieces


def number_added(tree: Tree) -> int:
    """The first free id; added tokens join the vocabulary, else they would be numbered anew."""
    vocab, added = tree["model"]["vocab"], sorted(tree["added_tokens"], key=lambda t: int(t["id"]))
    if tree["model"]["type"] == "Unigram":  # numbered by place; loading has closed any gap
        vocab += [[token["content"], 0.0] for token in added if token["id"] >= len(vocab)]
        return len(vocab)
    for token in added:
        vocab.setdefault(token["content"], token["id"])
    return max(vocab.values(), default=-1) + 1


def closing(model: Tree, added: list[Tree], most_tokens: int) -> Pieces:
    """What a WordPiece vocabulary lacks so that no rest of a word is unknown: letters inside words.

    Each stands for the letter at the beginning of a word, or for the unknown token.

    Raises:
        InputError: they are more than all new tokens.
    """
    if model["type"] != "WordPiece":
        return {}
    vocab, prefix = model["vocab"], prefix_of(model)
    special = {token["content"] for token in added}
    inside = {
        letter
        for token in vocab.keys() - special
        if not (token.startswith("[") and token.endswith("]"))  # [unused1]: never in text
        for letter in (token.removeprefix(prefix) if token.startswith(prefix) else token[1:])
    }
    missing = sorted(letter for letter in inside if prefix + letter not in vocab)
    if len(missing) > most_tokens:
        raise InputError(
            f"tokenizer.new_tokens: the base's tokenizer lacks {len(missing)} letters inside "
            f"words that must be added first, got {most_tokens}; raise it, or set it to null"
        )
    unknown = vocab[model["unk_token"]]
    return {prefix + letter: [vocab.get(letter, unknown)] for letter in missing}


def append_bpe(model: Tree, pieces: Pieces, merges: list[tuple[str, str]], first: int) -> None:
    """New merges after all others."""
    model["merges"] += [list(merge) for merge in merges]
    append_wordpiece(model, pieces, merges, first)


def append_wordpiece(
    model: Tree, pieces: Pieces, merges: list[tuple[str, str]], first: int
) -> None:
    """New tokens, numbered on."""
    model["vocab"] |= {token: first + number for number, token in enumerate(pieces)}


def append_unigram(model: Tree, pieces: Pieces, merges: list[tuple[str, str]], first: int) -> None:
    """New tokens at the score of their run, and a bonus for each token saved."""
    scores = [score for _, score in model["vocab"]]
    model["vocab"] += [
        [token, sum(scores[i] for i in ids) + BONUS * (len(ids) - 1)]
        for token, ids in pieces.items()
    ]


APPEND = {"BPE": append_bpe, "Unigram": append_unigram, "WordPiece": append_wordpiece}


def word_counts(
    tokenizer: Any,  # noqa: ANN401
    texts: Iterable[str],
    cut: Cut | None,
) -> dict[Word, int]:
    """How often each run of base tokens occurs that merges may join: a word, or a morph.

    Only letters, marks and apostrophes inside a word count: no new token glues a sign to a word.
    """
    found = Counter(word for text in texts for word in WORD.findall(text))
    counts: Counter[Word] = Counter()
    names = sorted(found)
    model = json.loads(tokenizer.to_str())["model"]
    unknown = tokenizer.token_to_id(unknown_of(model) or "")
    codes = tokenizer.encode_batch(names, add_special_tokens=False)
    for name, code in zip(names, codes, strict=True):
        for run in runs(code, unknown, borders(name, cut) if cut else []):
            counts[run] += found[name]
    return dict(counts)


def unknown_of(model: Tree) -> str | None:
    """The token of what the vocabulary lacks; a Unigram model names it by its place."""
    if model["type"] == "Unigram":
        return None if model["unk_id"] is None else str(model["vocab"][model["unk_id"]][0])
    return model.get("unk_token")


def borders(word: str, cut: Cut) -> list[int]:
    """Where one morph ends and the next begins, in characters of the word.

    >>> borders(" nocal", lambda word: ["no", "cal"])
    [3]
    """
    bare = word.lstrip()
    ends = [len(word) - len(bare)]
    for morph in cut(bare):
        ends.append(ends[-1] + len(morph))
    return ends[1:-1]


def runs(code: Any, unknown: int | None, borders: Sequence[int]) -> Iterator[Word]:  # noqa: ANN401
    """The runs of tokens of a word that neither the tokenizer nor a border parts.

    A token that is unknown, a lone byte, or lies across a border is in none of them.
    """
    run: list[str] = []
    last = None, 0
    parts = zip(code.tokens, code.ids, code.word_ids, code.offsets, strict=True)
    for token, i, word, (start, end) in parts:
        across = any(start < border < end for border in borders)
        unusable = across or i == unknown or BYTE.fullmatch(token)
        apart = word != last[0] or any(last[1] <= border <= start for border in borders)
        if run and (unusable or apart):
            yield tuple(run)
            run = []
        if not unusable:
            run.append(token)
        last = word, end
    if run:
        yield tuple(run)
