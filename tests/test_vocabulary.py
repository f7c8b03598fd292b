"""Laws of the extended vocabulary, for each kind of tokenizer that a base may have.

The bases are trained here on Spanish, Oromo, Amharic and Khmer, and extended for Nahuatl; they are
asked for those, English, Cherokee and what hypothesis makes of all their letters.
"""

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from corpus.table import InputError
from models import corpus, declaration, nllb_tokenizer
from train.merges import learn
from train.vocabulary import Pieces, borders, extend

SIZE = 900
NEW = 150


def byte_level(**options: Any) -> Tokenizer:
    """As SmolLM, Qwen, BLOOM; with `ignore_merges`, as Llama 3, known words are taken whole."""
    base = Tokenizer(models.BPE(**options))
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    base.decoder = decoders.ByteLevel()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, initial_alphabet=letters, special_tokens=special, show_progress=False
    )
    base.train_from_iterator(corpus(), trainer)
    return base


def byte_fallback() -> Tokenizer:
    """As Llama 2 and Gemma: characters, ▁ for spaces, and bytes for what is missing."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    base = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    base.normalizer = normalizers.Replace(" ", "▁")
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    base.decoder = decoders.Sequence(steps)
    words = (f" {word}" for text in corpus() for word in text.split())
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        limit_alphabet=150,
        special_tokens=["<unk>", *bytes_],
        show_progress=False,
    )
    base.train_from_iterator(words, trainer)
    return base


def unigram(**options: Any) -> Tokenizer:
    """As XLM-R and T5: pieces and scores of sentencepiece, and tokens added after them."""
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()),
        model_writer=model,
        vocab_size=SIZE,
        num_threads=1,
        character_coverage=0.999,
        minloglevel=2,
        **options,
    )
    found = SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [(found.id_to_piece(i), found.get_score(i)) for i in range(found.get_piece_size())]
    base = Tokenizer(models.Unigram(pieces, found.unk_id(), "byte_fallback" in options))
    base.normalizer = normalizers.NFKC()
    base.pre_tokenizer = pre_tokenizers.Metaspace()
    base.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    base.add_special_tokens(["<extra_id_0>", "<mask>"])
    return base


def marked(**marks: str) -> Tokenizer:
    """Characters with a mark at a word's end, as XLM and CLIP, or inside it."""
    base = Tokenizer(models.BPE(unk_token="<unk>", **marks))
    base.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if suffix := marks.get("end_of_word_suffix"):
        base.decoder = decoders.BPEDecoder(suffix)
    else:
        base.decoder = decoders.WordPiece()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=["<unk>"], show_progress=False, **marks
    )
    base.train_from_iterator(corpus(), trainer)
    return base


def wordpiece() -> Tokenizer:
    """As mBERT."""
    base = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    base.normalizer = normalizers.BertNormalizer(lowercase=False)
    base.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    base.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=SIZE, special_tokens=special, show_progress=False
    )
    base.train_from_iterator(corpus(), trainer)
    return base


BASES: dict[str, Callable[[], Tokenizer]] = {
    "byte-level BPE": byte_level,
    "BPE of whole words": lambda: byte_level(ignore_merges=True),
    "BPE with bytes": byte_fallback,
    "BPE with word ends": lambda: marked(end_of_word_suffix="</w>"),
    "BPE with word insides": lambda: marked(continuing_subword_prefix="##"),
    "Unigram": unigram,
    "Unigram with bytes": lambda: unigram(byte_fallback=True),
    "WordPiece": wordpiece,
}
EXACT = [name for name in BASES if name != "WordPiece"]
TEXTS = [t for code in ("nhn", "spa", "gax", "amh", "khm", "eng") for t in declaration(code)]
TEXTS += [
    "ᏣᎳᎩ ātl, tepētl (tlahtolli) ʼatl",
    "12 <|endoftext|> x",
    "tlatoani  tlatoani\ntlatoque",
    "",
]
LETTERS = st.sampled_from("tlaoinhcuzāē' ñkhbዲሞክ្ភាស")


@cache
def extended(name: str) -> tuple[Tokenizer, Tokenizer, Pieces]:
    """The base of that name, extended for Nahuatl, and the new tokens' pieces."""
    base = BASES[name]()
    tree, pieces = extend(base.to_str(), declaration("nhn"), NEW, 2)
    return base, Tokenizer.from_str(tree), pieces


def ids(tokenizer: Tokenizer, text: str) -> list[int]:
    found: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return found


def plain(new: Tokenizer, pieces: Pieces, text: str) -> list[int]:
    """The text's tokens with each new token written as its pieces."""
    parts = {new.token_to_id(token): run for token, run in pieces.items()}
    return [i for j in ids(new, text) for i in parts.get(j, [j])]


@pytest.mark.parametrize("name", BASES)
def test_what_the_base_decodes_the_extended_one_does(name: str) -> None:
    base, new, pieces = extended(name)
    assert len(pieces) == NEW
    first = base.get_vocab_size()
    assert [new.token_to_id(token) for token in pieces] == list(range(first, first + NEW))
    shorter = 0
    for text in TEXTS:
        before, after = ids(base, text), ids(new, text)
        assert new.decode(after, skip_special_tokens=False) == base.decode(
            before, skip_special_tokens=False
        )
        shorter += len(after) < len(before)
    assert shorter > len(declaration("nhn")) / 2
    for token, i in base.get_vocab().items():
        assert new.token_to_id(token) == i


@pytest.mark.parametrize("name", EXACT)
def test_each_new_token_stands_for_its_run_and_the_rest_is_cut_as_before(name: str) -> None:
    base, new, pieces = extended(name)
    for text in TEXTS:
        assert plain(new, pieces, text) == ids(base, text)


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=60, deadline=None)
@given(text=st.text(LETTERS, max_size=40))
def test_so_it_is_for_any_text(name: str, text: str) -> None:
    base, new, pieces = extended(name)
    assert plain(new, pieces, text) == ids(base, text)


@settings(max_examples=300, deadline=None)
@given(word=st.text(LETTERS.filter(str.isalpha), min_size=1, max_size=12))
def test_wordpiece_takes_the_longest_match_and_knows_all_that_it_knew(word: str) -> None:
    base, new, _ = extended("WordPiece")
    before, after = ids(base, word), ids(new, word)
    unknown = base.token_to_id("[UNK]")
    assert after.count(unknown) <= before.count(unknown)
    if all(i < base.get_vocab_size() for i in after):
        assert after == before
    if unknown not in before:
        assert new.decode(after) == base.decode(before)


def test_wordpiece_pieces_are_how_the_base_cuts_the_token() -> None:
    base, _, pieces = extended("WordPiece")
    whole = [token for token in pieces if not token.startswith("##")]
    assert len(whole) > NEW / 4
    for token in whole:
        assert ids(base, token) == pieces[token]


def test_wordpiece_gets_the_letters_that_stand_only_inside_longer_tokens() -> None:
    names = ["[UNK]", "[unused1]", "a", "ā", "d", "tl", "##ā", "##tl", "##cd"]
    base = Tokenizer(models.WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    tree, pieces = extend(base.to_str(), ["ātl ātl"], 5, 2)
    assert pieces == {"##c": [0], "##d": [4], "##l": [0], "##t": [0], "ātl": [3, 7]}
    assert Tokenizer.from_str(tree).encode("ātlcd").tokens == ["ātl", "##cd"]
    with pytest.raises(InputError, match="lacks 4 letters inside words that must be added first"):
        extend(base.to_str(), ["ātl ātl"], 2, 2)


@pytest.mark.parametrize("name", BASES)
def test_the_order_of_the_texts_changes_nothing(name: str) -> None:
    base = extended(name)[0].to_str()
    texts = declaration("nhn")[:20]
    assert extend(base, texts, 20, 2) == extend(base, texts[::-1], 20, 2)


@pytest.mark.parametrize("name", BASES)
def test_no_token_is_learned_across_a_border(name: str) -> None:
    base = extended(name)[0]
    texts = ["nocal mocal icalpan nochan mochan"] * 5

    def cut(word: str) -> list[str]:
        parts = {"no": 2, "mo": 2, "ic": 1}
        at = parts[word[:2]]
        return [word[:at], word[at:]]

    _, free = extend(base.to_str(), texts, 40, 2)
    _, kept = extend(base.to_str(), texts, 40, 2, cut)
    bare = [{t.strip("Ġ▁#").removesuffix("</w>") for t in found} for found in (free, kept)]
    across = {"nocal", "mocal", "nochan", "mochan"}
    assert bare[0] & across
    assert not bare[1] & across
    assert bare[1] & {"chan", "calpan", "cal"}


def test_borders_are_characters_of_the_word_with_its_space() -> None:
    assert borders(" ātlān", lambda word: ["ā", "tl", "ān"]) == [2, 4]
    assert borders("ātl", lambda word: ["ātl"]) == []


def test_merges_are_the_commonest_pairs_by_brute_force() -> None:
    counts = {("t", "l", "a"): 3, ("a", "t", "l"): 2, ("t", "e"): 4}
    assert learn(counts, set("tlae"), (2, 1), "") == [("t", "l"), ("t", "e")]
    assert learn(counts, {*"tlae", "tl"}, (1, 1), "") == [("t", "e")]
    assert learn(counts, set("tlae"), (9, 5), "") == [("t", "l")]
    assert learn({}, set(), (9, 1), "") == []
    assert learn({("a", "##t", "##l"): 3}, set(), (9, 3), "##") == [("##t", "##l"), ("a", "##tl")]


def test_a_tokenizer_of_another_kind_is_one_line() -> None:
    words = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>")).to_str()
    with pytest.raises(
        InputError, match="is WordLevel, only BPE, Unigram, WordPiece can be extended; set it to nu"
    ):
        extend(words, TEXTS, 10, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("LlamaTokenizer", "BPE with bytes"),
        ("GemmaTokenizer", "BPE with bytes"),
        ("Qwen2Tokenizer", "byte-level BPE"),
        ("GPT2Tokenizer", "byte-level BPE"),
        ("NllbTokenizer", None),
    ],
)
def test_classes_of_transformers_read_it_alike(kind: str, name: str | None, tmp_path: Path) -> None:
    """They build a tokenizer of their own from the file; XLM-R, T5 and BERT in test_initialise."""
    import transformers

    if name is None:
        made = nllb_tokenizer()
    else:
        model = json.loads(extended(name)[0].to_str())["model"]
        merges = [tuple(merge) for merge in model["merges"]]
        made = getattr(transformers, kind)(vocab=model["vocab"], merges=merges)
    made.save_pretrained(tmp_path)
    base = transformers.AutoTokenizer.from_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    tree, pieces = extend(path.read_text("utf-8"), declaration("nhn"), NEW, 2)
    path.write_text(tree, "utf-8")
    new = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert type(new).__name__ == kind
    parts = {new.convert_tokens_to_ids(token): run for token, run in pieces.items()}
    used = 0
    for text in TEXTS:
        before, after = (t(text, add_special_tokens=False)["input_ids"] for t in (base, new))
        assert [i for j in after for i in parts.get(j, [j])] == before
        assert new.decode(after) == base.decode(before)
        used += after != before
    assert used > len(declaration("nhn"))
