"""Small real models of every family the engines load: tokenizers trained here, random weights.

The text is the Universal Declaration of Human Rights in Spanish, Oromo, Amharic and Khmer. What a
model with random weights says means nothing; how it is asked, batched, scored and read is the same.
"""

import json
import lzma
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

RAW = Path(__file__).parent.parent / "data/raw/udhr.jsonl.xz"
PIECES = 800


@cache
def declaration(code: str) -> tuple[str, ...]:
    """The paragraphs of one declaration."""
    with lzma.open(RAW, "rt", encoding="utf-8") as lines:
        rows = map(json.loads, lines)
        return tuple(row["text"] for row in rows if row["declaration"] == code)


def corpus() -> list[str]:
    """Text of four languages and three scripts."""
    return [text for code in ("spa", "gax", "amh", "khm") for text in declaration(code)]


def pieces(prefix: Path, **options: Any) -> list[str]:
    """The vocabulary of a SentencePiece model trained and written at `prefix`.model."""
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()),
        model_prefix=str(prefix),
        vocab_size=PIECES,
        hard_vocab_limit=False,
        num_threads=1,
        character_coverage=1.0,
        minloglevel=2,
        **options,
    )
    model = SentencePieceProcessor(model_file=f"{prefix}.model")
    return [model.id_to_piece(number) for number in range(model.get_piece_size())]


def small(**more: Any) -> dict[str, Any]:
    """The size of an encoder-decoder model as its configuration names it."""
    return {
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "max_position_embeddings": 128,
        "init_std": 0.5,
        **more,
    }


def marian(folder: Path, codes: Sequence[str] = (), size: Mapping[str, Any] | None = None) -> Path:
    """A Marian model; the codes stand before a text to say into which language."""
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer, set_seed

    folder.mkdir(parents=True)
    found = pieces(folder / "source")
    (folder / "source.model").rename(folder / "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    usual = [piece for piece in found if piece not in ("<unk>", "<s>", "</s>")]
    names = ["</s>", "<unk>", *usual, *(f">>{code}<<" for code in codes), "<pad>"]
    vocabulary = {name: number for number, name in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    tokenizer = MarianTokenizer(
        *(str(folder / name) for name in ("source.spm", "target.spm", "vocab.json"))
    )
    pad = vocabulary["<pad>"]
    set_seed(0)
    config = MarianConfig(
        **(size or small()),
        vocab_size=len(names),
        pad_token_id=pad,
        decoder_start_token_id=pad,
        eos_token_id=0,
        forced_eos_token_id=0,
        scale_embedding=True,
    )
    model = MarianMTModel(config)
    model.generation_config.bad_words_ids = [[pad]]
    return saved(model, tokenizer, folder)


def nllb_tokenizer() -> Any:
    """A tokenizer of NLLB's class, with all of its languages."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import NllbTokenizer

    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trained.train_from_iterator(
        corpus(), trainers.BpeTrainer(vocab_size=PIECES, special_tokens=special)
    )
    model = json.loads(trained.to_str())["model"]
    return NllbTokenizer(vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]])


def nllb(folder: Path, size: Mapping[str, Any] | None = None) -> Path:
    """A model of NLLB's architecture and tokenizer."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, set_seed

    tokenizer = nllb_tokenizer()
    set_seed(0)
    config = M2M100Config(**(size or small()), vocab_size=len(tokenizer), scale_embedding=True)
    return saved(M2M100ForConditionalGeneration(config), tokenizer, folder)


def mbart(folder: Path) -> Path:
    """A model of mBART-50's architecture, with NLLB's tokenizer."""
    from transformers import MBartConfig, MBartForConditionalGeneration, set_seed

    tokenizer = nllb_tokenizer()
    set_seed(0)
    config = MBartConfig(
        **small(), vocab_size=len(tokenizer), scale_embedding=True, decoder_start_token_id=2
    )
    return saved(MBartForConditionalGeneration(config), tokenizer, folder)


def m2m(folder: Path) -> Path:
    """A model of M2M-100's architecture and tokenizer."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer, set_seed
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    folder.mkdir(parents=True)
    found = pieces(folder / "sentencepiece.bpe", model_type="bpe")
    usual = [piece for piece in found if piece not in ("<unk>", "<s>", "</s>")]
    names = ["<s>", "<pad>", "</s>", "<unk>", *usual]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({name: n for n, name in enumerate(names)}), "utf-8")
    languages = [f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]]
    tokenizer = M2M100Tokenizer(
        str(vocabulary),
        str(folder / "sentencepiece.bpe.model"),
        additional_special_tokens=languages,
        num_madeup_words=0,
    )
    set_seed(0)
    size = len(names) + len(languages)
    config = M2M100Config(**small(), vocab_size=size, scale_embedding=True)
    return saved(M2M100ForConditionalGeneration(config), tokenizer, folder)


def madlad(folder: Path, **more: Any) -> Path:
    """A T5 model whose vocabulary has MADLAD's tokens for the language to translate into."""
    from sentencepiece import SentencePieceProcessor
    from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer, set_seed

    folder.mkdir(parents=True)
    codes = ["<2om>", "<2es>", "<2am>"]
    found = pieces(folder / "spiece", user_defined_symbols=codes)
    model = SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    scores = {piece: model.get_score(number) for number, piece in enumerate(found)}
    usual = [(p, score) for p, score in scores.items() if p not in ("<unk>", "<s>", "</s>")]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *usual]
    tokenizer = T5Tokenizer(vocab=vocabulary, extra_ids=0)
    set_seed(0)
    config = T5Config(
        vocab_size=len(vocabulary),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=0,
        feed_forward_proj="gated-gelu",
        **{"tie_word_embeddings": False, **more},
    )
    return saved(T5ForConditionalGeneration(config), tokenizer, folder)


def llama(folder: Path, template: str | None = None) -> Path:
    """A Llama model over bytes, with or without a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    special = ["<eos>", "<turn>"]
    bytes_ = pre_tokenizers.ByteLevel.alphabet()
    trained.train_from_iterator(
        corpus(),
        trainers.BpeTrainer(vocab_size=600, special_tokens=special, initial_alphabet=bytes_),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained, eos_token="<eos>")
    tokenizer.chat_template = template
    set_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=0,
        initializer_range=0.3,
    )
    return saved(LlamaForCausalLM(config), tokenizer, folder)


def saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    """The folder that the model and its tokenizer were written to."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
