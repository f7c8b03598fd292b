"""The base's vocabulary extended with a language's own tokens, and what each tokenizer costs."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from tokenizers import Tokenizer as Fast
from tokenizers import decoders, models, pre_tokenizers

from corpus.settings import Language
from corpus.table import InputError
from train.tokenizer import PIECES, Tokenizer, by_variety, fertility, tokenizer
from train.vocabulary import extend, learn

LANGUAGES = {"nah": Language("Nahuatl", ("nah", "nci"), "Latn", "spa_Latn", (), None)}
TEXTS = (
    "Niltze, tlacatl! Quenin timoyetztica?",
    "in tlacatl huan in cihuatl quinotza in tlahtoani",
    "ātl tepētl, tlahtolli: amo nicmati",
)


def byte_level() -> str:
    """A BPE tokenizer of single bytes."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    fast = Fast(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    fast.add_special_tokens(["<|endoftext|>"])
    return fast.to_str()


def test_every_new_token_is_a_run_of_base_tokens() -> None:
    base = byte_level()
    extended, pieces = extend(base, TEXTS * 5, 40, 2)
    old, new = Fast.from_str(base), Fast.from_str(extended)
    assert len(pieces) == 40
    parts = {new.token_to_id(token): ids for token, ids in pieces.items()}
    assert sorted(parts) == list(range(old.get_vocab_size(), old.get_vocab_size() + 40))
    for text in (*TEXTS, "xochitl ᐃᓄᒃᑎᑐᑦ ភាសាខ្មែរ <|endoftext|> 12"):
        ids = new.encode(text, add_special_tokens=False).ids
        assert new.decode(ids, skip_special_tokens=False) == text
        plain = [i for j in ids for i in parts.get(j, [j])]
        assert plain == old.encode(text, add_special_tokens=False).ids
        assert len(ids) <= len(plain)


def test_merges_are_the_commonest_pairs_by_brute_force() -> None:
    counts = {("t", "l", "a"): 3, ("a", "t", "l"): 2, ("t", "e"): 4}
    assert learn(counts, set("tlae"), 2, 1) == [("t", "l"), ("t", "e")]
    assert learn(counts, {*"tlae", "tl"}, 1, 1) == [("t", "e")]
    assert learn(counts, set("tlae"), 9, 5) == [("t", "l")]
    assert learn({}, set(), 9, 1) == []


def test_extension_does_not_depend_on_the_order_of_texts() -> None:
    assert extend(byte_level(), TEXTS, 20, 2) == extend(byte_level(), TEXTS[::-1], 20, 2)


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    unigram = Fast(models.Unigram([("a", -1.0)], 0)).to_str()
    with pytest.raises(InputError, match="is Unigram, only BPE can be extended; set it to null"):
        extend(unigram, TEXTS, 10, 2)


def test_fertility_of_nothing_is_null() -> None:
    assert fertility([], lambda texts: []) == {"tokens_per_word": None, "bytes_per_token": None}


def test_by_variety_leaves_out_other_languages_and_nulls(
    corpus: Callable[..., pa.Table],
) -> None:
    rows = corpus("atl", None)
    assert by_variety(rows, "nah", LANGUAGES) == {"nci_Latn": ["atl"]}
    assert by_variety(corpus("yaa", language="ote_Latn"), "nah", LANGUAGES) == {}


def test_stage(corpus: Callable[..., pa.Table], tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "tokenizer.json").write_text(byte_level(), "utf-8")
    rows = corpus(*TEXTS * 30)
    reports, folders = [], []
    for name in ("first", "second"):
        out = tmp_path / name
        params = Tokenizer(new_tokens=30, least_count=2, own_tokens=400)
        made = tokenizer(
            params, ("nah",), LANGUAGES, rows, corpus(TEXTS[0]), tmp_path / "base", out
        )
        reports.append(made.report)
        folders.append({p.name: p.read_bytes() for p in (out / "nah").iterdir()})
    assert reports[0] == reports[1]
    assert folders[0] == folders[1]
    found = reports[0]["fertility"]["nah"]
    assert found["new_tokens"] == len(json.loads(folders[0][PIECES])) == 30
    costs = {
        name: found["validation"][name]["all"]["tokens_per_word"] for name in ("base", "extended")
    }
    assert costs["extended"] < costs["base"]
    assert found["validation"]["own"]["nci_Latn"]["bytes_per_token"] > 0


def test_no_text_of_the_language_is_one_line(
    corpus: Callable[..., pa.Table], tmp_path: Path
) -> None:
    params = Tokenizer(new_tokens=None, least_count=2, own_tokens=400)
    with pytest.raises(InputError, match="holds no target text of language 'nah'"):
        tokenizer(params, ("nah",), LANGUAGES, corpus(), corpus(), tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match=r"holds no tokenizer.json"):
        tokenizer(params, ("nah",), LANGUAGES, corpus("a"), corpus(), tmp_path, tmp_path / "out")


def test_settings_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="new_tokens must be at least 1, or null for none, got 0"):
        Tokenizer(new_tokens=0, least_count=1, own_tokens=400)
