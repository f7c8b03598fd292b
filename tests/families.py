"""Small random models of the families that are adapted, beside those of the engines (models.py)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.models import corpus, llama, m2m, madlad, marian, mbart, nllb, pieces, saved

SIZE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
}


def byte_level(folder: Path) -> Any:
    """A byte-level tokenizer, as Llama 3, Mistral's newest, Qwen and BLOOM have one."""
    from transformers import AutoTokenizer

    llama(folder)
    return AutoTokenizer.from_pretrained(folder)


def unigram(folder: Path, special: dict[str, str], **options: Any) -> Any:
    """A Unigram tokenizer trained by SentencePiece, as XLM-R and T5 have one."""
    from sentencepiece import SentencePieceProcessor
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    found = pieces(folder / "spiece", **options)
    model = SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    scores = {piece: model.get_score(number) for number, piece in enumerate(found)}
    names = [*dict.fromkeys(special.values())]
    usual = [(p, score) for p, score in scores.items() if p not in ("<unk>", "<s>", "</s>", *names)]
    vocabulary = [*((name, 0.0) for name in names), *usual]
    made = Tokenizer(models.Unigram(vocabulary, names.index(special["unk_token"])))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    if "cls_token" in special:
        begin, end = special["cls_token"], special["sep_token"]
        made.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A {end}",
            special_tokens=[(begin, names.index(begin)), (end, names.index(end))],
        )
    return PreTrainedTokenizerFast(tokenizer_object=made, **special)


def decoder(folder: Path, kind: str, **more: Any) -> Path:
    """A decoder of an architecture of transformers, by the beginning of its classes' names."""
    import transformers

    tokenizer = byte_level(folder)
    transformers.set_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        **{**SIZE, "vocab_size": len(tokenizer), "bos_token_id": None, "eos_token_id": 0},
        pad_token_id=None,
        **more,
    )
    return saved(getattr(transformers, f"{kind}ForCausalLM")(config), tokenizer, folder)


def mistral(folder: Path) -> Path:
    """With a window that slides, shorter than the rows."""
    return decoder(folder, "Mistral", num_key_value_heads=1, sliding_window=8)


def qwen(folder: Path) -> Path:
    """Qwen 3."""
    return decoder(folder, "Qwen3", num_key_value_heads=1, head_dim=16)


def gemma2(folder: Path) -> Path:
    """With capped scores."""
    more = {"num_key_value_heads": 1, "head_dim": 16, "sliding_window": 8}
    return decoder(folder, "Gemma2", final_logit_softcapping=3.0, **more)


def gemma3(folder: Path) -> Path:
    """The text model of Gemma 3: layers that see a window, and layers that see all."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, set_seed

    tokenizer = byte_level(folder)
    set_seed(0)
    config = Gemma3TextConfig(
        **SIZE,
        vocab_size=len(tokenizer),
        num_key_value_heads=1,
        head_dim=16,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention"],
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
    )
    return saved(Gemma3ForCausalLM(config), tokenizer, folder)


def bloom(folder: Path) -> Path:
    """BLOOM, which tells positions by distance and not by number."""
    from transformers import BloomConfig, BloomForCausalLM, set_seed

    tokenizer = byte_level(folder)
    set_seed(0)
    config = BloomConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        n_layer=2,
        n_head=2,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
        initializer_range=0.2,
    )
    return saved(BloomForCausalLM(config), tokenizer, folder)


def bert_tokenizer() -> Any:
    """A WordPiece tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(
        corpus(), trainers.WordPieceTrainer(vocab_size=800, special_tokens=special)
    )
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(tokenizer_object=made, **dict(zip(names, special, strict=True)))


def bert(folder: Path, bare: bool = False) -> Path:
    """BERT, with or without the head that scores tokens."""
    from transformers import BertConfig, BertForMaskedLM, BertModel, set_seed

    tokenizer = bert_tokenizer()
    set_seed(0)
    config = BertConfig(**SIZE, vocab_size=len(tokenizer))
    model = BertModel(config, add_pooling_layer=False) if bare else BertForMaskedLM(config)
    return saved(model, tokenizer, folder)


XLM_R = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}


def xlm_r(folder: Path, bare: bool = False) -> Path:
    """XLM-RoBERTa, whose positions begin after the padding's."""
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM, XLMRobertaModel, set_seed

    tokenizer = unigram(folder, {**XLM_R, "cls_token": "<s>", "sep_token": "</s>"})
    set_seed(0)
    config = XLMRobertaConfig(
        **{**SIZE, "max_position_embeddings": 130},
        vocab_size=len(tokenizer),
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        type_vocab_size=1,
    )
    if bare:
        return saved(XLMRobertaModel(config, add_pooling_layer=False), tokenizer, folder)
    return saved(XLMRobertaForMaskedLM(config), tokenizer, folder)


def mt5(folder: Path) -> Path:
    """mT5, with T5's sentinels."""
    from sentencepiece import SentencePieceProcessor
    from transformers import MT5Config, MT5ForConditionalGeneration, T5Tokenizer, set_seed

    folder.mkdir(parents=True)
    found = pieces(folder / "spiece")
    model = SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    usual = [
        (piece, model.get_score(n))
        for n, piece in enumerate(found)
        if piece not in ("<unk>", "<s>", "</s>")
    ]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *usual]
    tokenizer = T5Tokenizer(vocab=vocabulary, extra_ids=20)
    set_seed(0)
    config = MT5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=0,
    )
    return saved(MT5ForConditionalGeneration(config), tokenizer, folder)


def marian_apart(folder: Path) -> Path:
    """A Marian whose sides are cut apart, with scores that have something added to them."""
    import torch
    from transformers import MarianMTModel, MarianTokenizer

    marian(folder, ["orm", "spa"])
    pieces(folder / "other", model_type="bpe")
    (folder / "other.model").rename(folder / "target.spm")
    model = MarianMTModel.from_pretrained(folder)
    torch.manual_seed(0)
    model.final_logits_bias = torch.randn_like(model.final_logits_bias)
    vocabulary = folder / "vocab.json"
    names = json.loads(vocabulary.read_text("utf-8"))
    tokenizer = MarianTokenizer(
        *(str(folder / n) for n in ("source.spm", "target.spm", "vocab.json"))
    )
    assert len(names) == model.config.vocab_size
    return saved(model, tokenizer, folder)


DECODERS: dict[str, Callable[[Path], Path]] = {
    "llama": llama,
    "mistral": mistral,
    "qwen": qwen,
    "gemma2": gemma2,
    "gemma3": gemma3,
    "bloom": bloom,
}
ENCODERS: dict[str, Callable[[Path], Path]] = {"bert": bert, "xlm_r": xlm_r}
BOTH: dict[str, tuple[Callable[[Path], Path], dict[str, str | None] | None]] = {
    "marian": (marian_apart, {"spa_Latn": "spa", "default": "orm"}),
    "nllb": (nllb, {"spa_Latn": "spa_Latn", "default": "gaz_Latn"}),
    "m2m": (m2m, {"spa_Latn": "es", "default": "am"}),
    "mbart": (mbart, {"spa_Latn": "spa_Latn", "default": "gaz_Latn"}),
    "madlad": (madlad, {"spa_Latn": "es", "default": "om"}),
    "mt5": (mt5, None),
}
