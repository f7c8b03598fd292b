"""Segments per CPU-second of each engine, beside plain `generate` of transformers, in one run.

    python -m benchmarks.throughput [segments] [folder of a translator]

The model has Marian's base shape (6+6 layers, width 512) and random weights, which never end by
themselves: every translation has the limit's length, so that all do the same work. The folder is
models/translator/<key>/forward of a run; its texts are Spanish.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from augment.engines import seq2seq, thot
from augment.translation import Direction
from tests import models

SHAPE = models.small(
    d_model=512,
    encoder_layers=6,
    decoder_layers=6,
    encoder_attention_heads=8,
    decoder_attention_heads=8,
    encoder_ffn_dim=2048,
    decoder_ffn_dim=2048,
    init_std=0.08,
)
NEW = 32  # tokens of every translation; no source is longer, so none is cut in parts
Ask = Callable[[list[str]], object]


def texts(count: int) -> list[str]:
    """Spanish segments of two to four words."""
    words = " ".join(models.declaration("spa")).split()
    starts = range(0, len(words) - 4, 4)
    return [" ".join(words[s : s + 2 + n % 3]) for n, s in enumerate(starts)][:count]


def plain(folder: Path, size: int) -> Ask:
    """`generate` as its documentation shows it: texts in their order, padded, so many at a time."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()

    def ask(segments: list[str]) -> None:
        for start in range(0, len(segments), size):
            batch = tokenizer(segments[start : start + size], return_tensors="pt", padding=True)
            with torch.inference_mode():
                out = model.generate(**batch, num_beams=1, max_new_tokens=NEW, do_sample=False)
            tokenizer.batch_decode(out, skip_special_tokens=True)

    return ask


def ours(folder: Path, quantisation: str | None, batch: int) -> Ask:
    """The engine `seq2seq`."""
    spec = seq2seq.Seq2seq(
        kind="seq2seq",
        model=str(folder),
        revision=None,
        sources={"spa_Latn": None},
        targets={"orm": None},
        beam=1,
        length_factor=100.0,
        most_tokens=NEW,
        batch_tokens=batch,
        threads=1,
        fast=quantisation and "ctranslate2",
        quantisation=quantisation,
    )
    return seq2seq.load(spec, Direction("spa_Latn", "orm", "forward"), 1)


def rate(ask: Ask, segments: list[str]) -> float:
    """Segments per CPU-second, after one to warm up."""
    ask(segments[:1])
    start = time.process_time()
    ask(segments)
    return len(segments) / (time.process_time() - start)


def main(count: int, translator: str | None) -> None:
    """One line an engine."""
    import torch

    torch.set_num_threads(1)
    segments = texts(count)
    with tempfile.TemporaryDirectory() as scratch:
        folder = models.marian(Path(scratch, "marian"), size=SHAPE)
        engines = {
            "generate, one by one": plain(folder, 1),
            "generate, padded batches of 16": plain(folder, 16),
            "seq2seq, transformers": ours(folder, None, 500),
            "seq2seq, ctranslate2 float32": ours(folder, "float32", 500),
            "seq2seq, ctranslate2 int8": ours(folder, "int8", 500),
            "seq2seq, ctranslate2 int8, each alone": ours(folder, "int8", 1),
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
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 128, (sys.argv[2:] or [None])[0])
