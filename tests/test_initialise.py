"""New tokens' rows in models of each family: what they begin as, saved alone, and broken ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_tokenizer import TOKENIZER
from test_vocabulary import BASES

from corpus.table import InputError
from models import llama, madlad, marian, small
from train.initialise import PIECES, ROWS
from train.tokenizer import Tokenizer, save

pytestmark = pytest.mark.slow
TEXTS = ["in tlacatl quitta in ātl", "akka namni hundi walqixa", "ሰው ሁሉ እኩል ነው"] * 9


def encoder(folder: Path, tied: bool = True) -> Path:
    """A BERT for masked modelling, over a WordPiece tokenizer of BERT's class."""
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer, set_seed

    vocabulary = BASES["WordPiece"]().get_vocab()
    set_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        tie_word_embeddings=tied,
    )
    model = BertForMaskedLM(config)
    model.get_output_embeddings().bias.data.normal_()
    model.save_pretrained(folder)
    BertTokenizer(vocab=vocabulary, do_lower_case=False).save_pretrained(folder)
    return folder


def roberta(folder: Path) -> Path:
    """An XLM-R for masked modelling, over a Unigram tokenizer of its class."""
    from transformers import (
        XLMRobertaConfig,
        XLMRobertaForMaskedLM,
        XLMRobertaTokenizer,
        set_seed,
    )

    model = json.loads(BASES["Unigram"]().to_str())["model"]
    usual = [(p, score) for p, score in model["vocab"] if p not in ("<unk>", "<s>", "</s>")]
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    tokenizer = XLMRobertaTokenizer(vocab=[*special, *usual, ("<mask>", 0.0)])
    set_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        pad_token_id=1,
    )
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def mt5(folder: Path) -> Path:
    """A T5 whose checkpoint has an output layer of its own, whatever its configuration says."""
    import torch
    from safetensors.torch import load_file, save_file

    path = madlad(folder) / "model.safetensors"
    weights = load_file(path)
    generator = torch.Generator().manual_seed(0)
    weights["lm_head.weight"] = torch.randn(weights["shared.weight"].shape, generator=generator)
    save_file(weights, path, metadata={"format": "pt"})
    return folder


FAMILIES: dict[str, tuple[Any, str]] = {
    "llama": (llama, "AutoModelForCausalLM"),
    "bert": (encoder, "AutoModelForMaskedLM"),
    "bert untied": (lambda folder: encoder(folder, tied=False), "AutoModelForMaskedLM"),
    "xlm-r": (roberta, "AutoModelForMaskedLM"),
    "t5": (madlad, "AutoModelForSeq2SeqLM"),
    "mt5": (mt5, "AutoModelForSeq2SeqLM"),
}


def grown(name: str, folder: Path, method: str = "mean") -> tuple[Any, Any, Any, Any]:
    """The base, the grown model, its tokenizer, and the rows of the new tokens."""
    import transformers

    from train.initialise import grow, new_rows

    make, kind = FAMILIES[name]
    base = make(folder / "base")
    params = Tokenizer(**{**TOKENIZER, "initialise": method})
    save(params, TEXTS, base, folder / "tokenizer")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "tokenizer")
    before, after = (getattr(transformers, kind).from_pretrained(base) for _ in range(2))
    rows = new_rows(folder / "tokenizer", tokenizer)
    grow(after, rows)
    return before, after, tokenizer, rows


@pytest.mark.parametrize("name", FAMILIES)
def test_new_rows_are_mixtures_and_old_rows_stay(name: str, tmp_path: Path) -> None:
    import torch
    from tokenizers import Tokenizer as Fast

    from train.initialise import check_embeddings

    before, after, tokenizer, rows = grown(name, tmp_path)
    assert len(rows) == TOKENIZER["new_tokens"]
    fast = Fast.from_file(str(tmp_path / "tokenizer" / "tokenizer.json"))
    for text in TEXTS[:3]:  # the class of the base reads what the stage wrote
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == (
            fast.encode(text, add_special_tokens=False).ids
        )
    assert set(rows) & {i for text in TEXTS for i in fast.encode(text).ids}
    for old, new in (
        (before.get_input_embeddings(), after.get_input_embeddings()),
        (before.get_output_embeddings(), after.get_output_embeddings()),
    ):
        for side in ("weight", "bias"):
            was, now = getattr(old, side, None), getattr(new, side, None)
            if was is None:
                continue
            kept = [i for i in range(len(was)) if i not in rows]
            assert torch.equal(now[kept], was[kept])
            for i, shares in rows.items():
                mixed = sum(share * was[piece] for piece, share in shares.items())
                assert torch.allclose(now[i], mixed, atol=1e-5)
    check_embeddings(after, rows)
    untied = name in ("llama", "bert untied", "mt5")
    assert after.config.tie_word_embeddings is not untied


def test_a_model_without_output_layer_grows_too(tmp_path: Path) -> None:
    from transformers import AutoModel

    from train.initialise import check_embeddings, grow

    model = AutoModel.from_pretrained(encoder(tmp_path))
    size = model.get_input_embeddings().num_embeddings
    grow(model, {size: {5: 0.5, 6: 0.5}})
    check_embeddings(model, [size])
    with pytest.raises(
        RuntimeError, match=f"have {size + 1} rows, none for the new token {size + 1}"
    ):
        check_embeddings(model, [size, size + 1])


def broken(model: Any, what: str, i: int) -> None:
    """Break a model as users of other toolkits found theirs."""
    import torch

    inward, outward = model.get_input_embeddings(), model.get_output_embeddings()
    if what == "zero":
        inward.weight.data[i] = 0
    elif what == "not finite":
        inward.weight.data[3, 1] = float("nan")
    elif what == "output not finite":
        outward.weight.data[4, 0] = float("inf")
    else:
        outward.weight = torch.nn.Parameter(outward.weight.data.clone())
        outward.weight.data[7] += 1


@pytest.mark.parametrize(
    ("name", "what", "said"),
    [
        ("llama", "zero", "1 input embeddings are zero, first that of token"),
        ("bert", "not finite", "1 input embeddings are not finite, first that of token 3"),
        ("mt5", "output not finite", "1 output embeddings are not finite, first that of to"),
        ("bert", "untied", "are tied, but 1 rows differ, first that of token 7; nothing was saved"),
        ("t5", "untied", "are tied, but 1 rows differ, first that of token 7"),
    ],
)
def test_a_broken_model_is_not_saved(name: str, what: str, said: str, tmp_path: Path) -> None:
    from train.initialise import check_embeddings

    _, model, _, rows = grown(name, tmp_path)
    check_embeddings(model, rows)
    broken(model, what, max(rows))
    with pytest.raises(RuntimeError, match=said):
        check_embeddings(model, rows)


def test_only_new_rows_are_saved_and_trained_ones_are_checked(tmp_path: Path) -> None:
    """The adapter over a tied base: new rows only, input and output one; a NaN of training seen."""
    import torch
    from safetensors.torch import load_file

    from train.adapters import Lora, add_adapter, save_adapter
    from train.initialise import rows_of
    from train.model import load_base

    base = tiny_base(tmp_path)
    lora = Lora(
        kind="lora", rank=2, alpha=4, rslora=False, dora=False, plus=None, layers=None, bits=None
    )
    speaker = add_adapter(load_base(base, tmp_path / "tokenizer"), lora, 0)
    save_adapter(speaker, tmp_path / "adapter")
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    tokens = {name: value for name, value in saved.items() if "token_adapter" in name}
    assert [len(value) for value in tokens.values()] == [len(speaker.new_ids)]
    assert not any("embed_tokens.weight" in name or "lm_head.weight" in name for name in saved)
    layer = speaker.model.get_input_embeddings()
    with torch.no_grad():
        layer.token_adapter.trainable_tokens_delta["default"][2] = float("nan")
    assert rows_of(layer).isnan().any()
    with pytest.raises(RuntimeError, match="1 input embeddings are not finite, first that of tok"):
        save_adapter(speaker, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def tiny_base(folder: Path) -> Path:
    from test_adapt import tiny

    tiny(folder)
    return folder / "base"


def test_a_tokenizer_of_another_run_is_one_line(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from train.initialise import new_rows

    base = llama(tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(base)
    assert new_rows(base, tokenizer) == {}
    (base / PIECES).write_text("{}", "utf-8")
    with pytest.raises(InputError, match=r"has pieces.json but no rows.json; run 'dvc repro token"):
        new_rows(base, tokenizer)
    (base / ROWS).write_text('{"tlacatl": {"3": 1.0}}', "utf-8")
    with pytest.raises(InputError, match=r"lacks 1 of the 1 tokens of rows.json, 'tla"):
        new_rows(base, tokenizer)


def test_a_base_without_tokenizer_json_is_read_but_not_extended(tmp_path: Path) -> None:
    from train.fertility import counts, read_tokenizer

    base = marian(tmp_path / "base", size=small())
    assert not (base / "tokenizer.json").exists()
    params = Tokenizer(**{**TOKENIZER, "new_tokens": None})
    assert save(params, TEXTS, base, tmp_path / "tokenizer") == {}
    found = counts(TEXTS, read_tokenizer(tmp_path / "tokenizer"))
    assert (found == counts(TEXTS, read_tokenizer(base))).all()
    assert found[0, 0] > found[0, 1] > 0
    with pytest.raises(InputError, match=r"so tokenizer.new_tokens must be null"):
        save(Tokenizer(**TOKENIZER), TEXTS, base, tmp_path / "other")
