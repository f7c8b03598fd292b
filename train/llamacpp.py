"""A model of the Llama architecture as a GGUF file, for llama.cpp and what is built on it.

Metadata and tensors as ggml-org's specification of GGUF 3 names them. Queries and keys are stored
in llama.cpp's order of rotary pairs. Only what is written faithfully is written: plain rotary
positions, no biases, a byte-level vocabulary whose rule of cutting llama.cpp has.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.table import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from train.model import Speaker

PLAIN = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
DIGITS = {"type": "Digits", "individual_digits": True}
CUTS = {"gpt-2": [PLAIN], "smollm": [DIGITS, PLAIN]}  # llama.cpp's name: what is cut, in order
ELSE = "write 'milpa export model merged' and turn that folder into GGUF by llama.cpp's own program"


def write(speaker: "Speaker", tokenizer: Path, path: Path, dtype: str) -> None:
    """Write the model, whole.

    Args:
        speaker: float32.
        tokenizer: the folder with its tokenizer.json.
        dtype: of the matrices; vectors are float32.

    Raises:
        InputError: the model or the vocabulary is of a kind that is not written.
    """
    from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType

    config = speaker.model.config
    check(config)
    words = vocabulary(speaker, tokenizer)
    writer = GGUFWriter(path, "llama")
    writer.add_type("model")
    files = {"bfloat16": LlamaFileType.MOSTLY_BF16, "float32": LlamaFileType.ALL_F32}
    writer.add_file_type(files[dtype])
    add_shape(writer, config)
    add_words(writer, words, speaker.tokenizer)
    kinds = {"bfloat16": GGMLQuantizationType.BF16, "float32": GGMLQuantizationType.F32}
    for name, tensor in tensors(speaker.model):
        add_tensor(writer, name, tensor, kinds[dtype])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def check(config: Any) -> None:  # noqa: ANN401
    """Check that all of the model has a place in the file.

    Raises:
        InputError: it has not.
    """
    rope = config.rope_parameters or {}
    wanted = {
        "model_type": (config.model_type, "llama"),
        "hidden_act": (getattr(config, "hidden_act", None), "silu"),
        "rope_type": (rope.get("rope_type", "default"), "default"),
        "attention_bias": (getattr(config, "attention_bias", False), False),
        "mlp_bias": (getattr(config, "mlp_bias", False), False),
    }
    wrong = [f"{name} {found!r}" for name, (found, right) in wanted.items() if found != right]
    if wrong:
        raise InputError(f"no GGUF is written of a model with {', '.join(wrong)}; {ELSE}")


def add_shape(writer: Any, config: Any) -> None:  # noqa: ANN401
    """The sizes of the model."""
    size = config.head_dim or config.hidden_size // config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)


def vocabulary(speaker: "Speaker", folder: Path) -> dict[str, Any]:
    """What llama.cpp is told of the vocabulary: its way of cutting, tokens, types, merges.

    Raises:
        InputError: it is no byte-level BPE, or is cut in a way that llama.cpp is not known to have.
    """
    from gguf import TokenType

    path = folder / "tokenizer.json"
    tree: Any = json.loads(path.read_text("utf-8")) if path.exists() else {}
    cut = cutting(tree)
    if cut is None or tree["model"]["type"] != "BPE" or tree["normalizer"] is not None:
        raise InputError(f"{path}: no GGUF is written of this kind of vocabulary; {ELSE}")
    size = speaker.model.config.vocab_size
    tokens = [f"[PAD{number}]" for number in range(size)]
    types = [int(TokenType.UNUSED)] * size
    for token, number in tree["model"]["vocab"].items():
        tokens[number], types[number] = token, int(TokenType.NORMAL)
    for added in tree["added_tokens"]:
        control = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
        tokens[added["id"]], types[added["id"]] = added["content"], int(control)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in tree["model"]["merges"]]
    return {"pre": cut, "tokens": tokens, "types": types, "merges": merges}


def cutting(tree: dict[str, Any]) -> str | None:
    """llama.cpp's name for the way in which a tokenizer.json cuts text before its merges."""
    rule = tree.get("pre_tokenizer") or {}
    steps = rule["pretokenizers"] if rule.get("type") == "Sequence" else [rule]
    bare = [{k: v for k, v in step.items() if k != "trim_offsets"} for step in steps]
    return next((name for name, known in CUTS.items() if bare == known), None)


def add_words(writer: Any, words: dict[str, Any], reader: Any) -> None:  # noqa: ANN401
    """The vocabulary, and the tokens with a job."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(words["pre"])
    writer.add_token_list(words["tokens"])
    writer.add_token_types(words["types"])
    writer.add_token_merges(words["merges"])
    jobs = {
        writer.add_bos_token_id: reader.bos_token_id,
        writer.add_eos_token_id: reader.eos_token_id,
        writer.add_unk_token_id: reader.unk_token_id,
        writer.add_pad_token_id: reader.pad_token_id,
    }
    for add, number in jobs.items():
        if number is not None:
            add(number)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    if reader.chat_template:
        writer.add_chat_template(reader.chat_template)


def tensors(model: Any) -> "list[tuple[str, Tensor]]":  # noqa: ANN401
    """The tensors by their names in the file; queries and keys in llama.cpp's order."""
    from gguf import MODEL_ARCH, get_tensor_name_map

    config = model.config
    names = get_tensor_name_map(MODEL_ARCH.LLAMA, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    found = []
    for name, tensor in model.state_dict().items():
        stem, _, suffix = name.rpartition(".")
        if stem == "lm_head" and config.tie_word_embeddings:
            continue
        known = names.get_name(stem)
        if known is None or suffix != "weight":
            raise InputError(f"no GGUF is written of a model with the tensor {name}; {ELSE}")
        of = heads.get(stem.rpartition(".")[2])
        found.append((f"{known}.weight", tensor if of is None else turned(tensor, of)))
    return found


def turned(tensor: "Tensor", heads: int) -> "Tensor":
    """Rows of a projection with the two halves of each head's rotary pairs interleaved.

    Args:
        tensor: (heads * 2n, D).
    """
    pairs = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, tensor.shape[1])
    return pairs.swapaxes(1, 2).reshape(tensor.shape)


def add_tensor(writer: Any, name: str, tensor: "Tensor", kind: Any) -> None:  # noqa: ANN401
    """A tensor of the file; a vector is float32, a matrix of the file's kind."""
    from gguf import GGMLQuantizationType
    from gguf.quants import quantize

    values = tensor.detach().cpu().float().contiguous().numpy()
    if values.ndim == 1 or kind == GGMLQuantizationType.F32:
        writer.add_tensor(name, values)
        return
    writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)
