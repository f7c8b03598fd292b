"""Tokens per CPU-second of adapt's loop beside plain Trainer with peft, in the other families.

    python -m benchmarks.loop_families [STEPS]

An encoder and an encoder-decoder of BERT's and Marian's architecture, six layers of width 512 a
side, with random weights: speed alone means something. Both train the same LoRA on the same
batches under bfloat16 autocast over bfloat16 weights, Trainer with the model's own loss.
"""

import multiprocessing
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.loop import shared
from benchmarks.throughput import shape
from corpus.settings import load, section
from tests import models
from train.adapt import Adapt
from train.adapters import add_adapter
from train.fitting import learned, plan
from train.model import load_base, one_thread
from train.tasks import taught_by
from train.trainer import Plan, optimizer_of, train

OBJECTIVES = {"encoder": "mlm", "encoder-decoder": "denoise"}


def bert(folder: Path) -> Path:
    """An encoder with a WordPiece vocabulary of 20,000, most of it never seen."""
    from tokenizers import Tokenizer, pre_tokenizers, processors, trainers
    from tokenizers.models import WordPiece
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast, set_seed

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = Tokenizer(WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=2000, special_tokens=special)
    made.train_from_iterator(models.corpus(), trainer)
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, **dict(zip(names, special, strict=True))
    )
    set_seed(0)
    config = BertConfig(
        hidden_size=512,
        num_hidden_layers=6,
        num_attention_heads=8,
        intermediate_size=2048,
        vocab_size=20000,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return models.saved(BertForMaskedLM(config), tokenizer, folder)


def marian(folder: Path) -> Path:
    """An encoder-decoder, its mask token one that text does not have."""
    from transformers import AutoTokenizer

    models.marian(folder, size={**shape(512, 8), "max_position_embeddings": 512})
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.mask_token = "<unk>"
    tokenizer.save_pretrained(folder)
    return folder


def measured(family: str, ours: bool, steps: int, base: Path) -> float:
    """Tokens per CPU-second of all steps."""
    import torch
    from transformers import Trainer, TrainingArguments

    one_thread()
    params = replace(section(Adapt, "adapt", load()), validation=None, seed=0)
    phase: Any = replace(params.phases[0], objective=OBJECTIVES[family], steps=steps)
    params = replace(params, phases=(phase,))
    rows = [
        {"id": str(n), "target": text, "language": "spa_Latn", "weight": 1.0}
        | {"synthetic": False, "order": None}
        for n, text in enumerate(models.declaration("spa"))
    ]
    speaker = load_base(base, base)
    (batches,) = plan(params, rows, taught_by(replace(params.tasks), [], {}), speaker)
    speaker = add_adapter(speaker, params.method, params.seed)
    some = Plan(batches, learned([[batches]]))
    with tempfile.TemporaryDirectory() as folder:
        if ours:
            place = (Path(folder), None)
            optimizer = optimizer_of(speaker, params)
            run = lambda: train(speaker, some, params, phase, optimizer, place)  # noqa: E731
        else:
            told = {**shared(params, folder, bf16=True), "per_device_train_batch_size": 1}
            arguments = TrainingArguments(**told, train_sampling_strategy="sequential")
            torch.manual_seed(0)
            run = Trainer(
                speaker.model,
                arguments,
                train_dataset=some,
                data_collator=lambda batches: batches[0],
            ).train
        begun = time.process_time()
        run()
        spent = time.process_time() - begun
    return sum(batch.labels.size for batch in batches) / spent


def main(steps: int) -> None:
    """One line a family."""
    with tempfile.TemporaryDirectory() as scratch:
        for family, make in (("encoder", bert), ("encoder-decoder", marian)):
            base = make(Path(scratch, family))
            found = []
            for ours in (True, False):
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    found.append(pool.apply(measured, (family, ours, steps, base)))
            print(
                f"{family}: {found[0]:.0f} tokens a CPU-second, Trainer {found[1]:.0f}: "
                f"{found[0] / found[1]:.2f} x",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
