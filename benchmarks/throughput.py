"""Segments per CPU-second of each engine, beside plain `generate` of transformers, in one run.

    python -m benchmarks.throughput [segments] [base | wide] [beam] [folder of a translator]

The model has Marian's base shape (6+6 layers, width 512) or half of NLLB-600M's layers (6+6, width
1024), and random weights, which never end by themselves: every translation has the limit's length,
so that all do the same work. The vocabulary is small. The folder is models/translator/<key>/forward
of a run; its texts are Spanish.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from augment.engines import seq2seq, thot
from augment.engines.seq2seq import Seq2seq
from augment.translation import Direction
from tests import models

LAYERS = {"encoder_layers": 6, "decoder_layers": 6}
SHAPES: dict[str, Callable[[Path], Path]] = {
    "base": lambda folder: models.marian(folder, size=shape(512, 8)),
    "wide": lambda folder: models.nllb(folder, shape(1024, 16)),
}
CODES = {"base": (None, None), "wide": ("spa_Latn", "gaz_Latn")}
NEW = 32  # tokens of every translation; no source is longer, so none is cut in parts
Ask = Callable[[list[str]], object]


def shape(width: int, heads: int) -> dict[str, Any]:
    """The size of a model, as both families name it."""
    return models.small(
        **LAYERS,
        d_model=width,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        init_std=0.08,
    )


def texts(count: int) -> list[str]:
    """Spanish segments of two to four words."""
    words = " ".join(models.declaration("spa")).split()
    starts = range(0, len(words) - 4, 4)
    return [" ".join(words[s : s + 2 + n % 3]) for n, s in enumerate(starts)][:count]


def plain(folder: Path, size: int, beam: int) -> Ask:
    """`generate` as its documentation shows it: texts in their order, padded, so many at a time."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()

    def ask(segments: list[str]) -> None:
        for start in range(0, len(segments), size):
            batch = tokenizer(segments[start : start + size], return_tensors="pt", padding=True)
            with torch.inference_mode():
                out = model.generate(**batch, num_beams=beam, max_new_tokens=NEW, do_sample=False)
            tokenizer.batch_decode(out, skip_special_tokens=True)

    return ask


def spec(folder: Path, shape: str, beam: int) -> Seq2seq:
    """The settings of the engine with transformers."""
    source, target = CODES[shape]
    return Seq2seq(
        kind="seq2seq",
        model=str(folder),
        revision=None,
        sources={"spa_Latn": source},
        targets={"orm": target},
        beam=beam,
        length_factor=100.0,
        most_tokens=NEW,
        batch_tokens=500,
        threads=1,
        fast=None,
        quantisation=None,
    )


def ours(spec: Seq2seq, quantisation: Literal["float32", "int8"] | None, batch: int) -> Ask:
    """The engine `seq2seq`."""
    quick: Literal["ctranslate2"] | None = "ctranslate2" if quantisation else None
    own = replace(spec, fast=quick, quantisation=quantisation, batch_tokens=batch)
    return seq2seq.load(own, Direction("spa_Latn", "orm", "forward"), 1)


def rate(ask: Ask, segments: list[str]) -> float:
    """Segments per CPU-second, after one to warm up."""
    ask(segments[:1])
    start = time.process_time()
    ask(segments)
    return len(segments) / (time.process_time() - start)


def main(count: int, shape: str, beam: int, translator: str | None) -> None:
    """One line an engine."""
    import torch

    torch.set_num_threads(1)
    segments = texts(count)
    with tempfile.TemporaryDirectory() as scratch:
        folder = SHAPES[shape](Path(scratch, shape))
        settings = spec(folder, shape, beam)
        engines = {
            "generate, one by one": plain(folder, 1, beam),
            "generate, padded batches of 16": plain(folder, 16, beam),
            "seq2seq, transformers": ours(settings, None, 500),
            "seq2seq, ctranslate2 float32": ours(settings, "float32", 500),
            "seq2seq, ctranslate2 int8": ours(settings, "int8", 500),
            "seq2seq, ctranslate2 int8, each alone": ours(settings, "int8", 1),
        }
        if translator:
            engines["thot"] = thot.load(Path(translator), 1)
        base = {}
        for name, ask in engines.items():
            base[name] = found = rate(ask, segments)
            one, many = list(base.values())[:2] if len(base) > 1 else (found, found)
            print(
                f"{name}: {found:.1f} a CPU-second, {found / one:.2f} x one by one, "
                f"{found / many:.2f} x batches",
                flush=True,
            )


if __name__ == "__main__":
    count, shape_, beam, translator = [
        *sys.argv[1:],
        *["128", "base", "1", ""][len(sys.argv) - 1 :],
    ]
    main(int(count), shape_, int(beam), translator or None)
