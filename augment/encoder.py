"""How well the two sides of a made pair match, by a sentence encoder tuned on the human pairs here.

For catching pairs that came apart, and for nothing else: an encoder holds untranslated words for
alike, so that it ranks translations the wrong way round. A LoRA over multilingual-e5-small learns
to tell each human training pair from the other pairs of its batch. What a made pair is given is the
share of human validation pairs that match less well: a limit of 0.02 drops 2 % of human pairs too.

Sources: van den Oord et al. 2018, https://arxiv.org/abs/1807.03748 (InfoNCE);
Henderson et al. 2017, https://arxiv.org/abs/1705.00652 (negatives of the batch)
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from augment import e5
from augment.gates import SIDES
from augment.making import lowest, share_of, shown
from augment.review import Row
from corpus.detection import share
from corpus.fetch import Asset, bring
from corpus.logistic import Floats, auc
from corpus.settings import Languages, rows_of, settings
from corpus.stage import Output, run
from corpus.table import place

MODEL = "model.bin"  # of the asset's files
LEAST_PAIRS = 2  # fewer hold no pair to be told from another
LAYERS = ["query", "key", "value", "dense"]  # that LoRA adapts
AT_ONCE = 64  # texts that are encoded together
SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("match", pa.float64()),  # share of human validation pairs that match less well
    ]
)


@settings
class Encoder:
    """Which encoder, and how long it is tuned."""

    asset: Asset  # fetched by this stage, where it is on
    steps: int  # of tuning; 0: the stage is off, and gives no scores
    batch_pairs: int  # each pair's negatives are the others of its batch
    most_tokens: int  # of a side; what is longer is cut
    rank: int  # of LoRA
    alpha: int  # LoRA's scale is alpha / rank
    learning_rate: float
    temperature: float  # of the softmax over cosines
    seed: int

    def __post_init__(self) -> None:
        if self.steps < 0 or self.batch_pairs < LEAST_PAIRS:
            raise ValueError(
                "steps must be at least 0 and batch_pairs at least 2, "
                f"got {self.steps} and {self.batch_pairs}"
            )
        if min(self.rank, self.alpha, self.most_tokens) < 1:
            raise ValueError(f"rank, alpha and most_tokens must be at least 1, got {self}")
        if min(self.learning_rate, self.temperature) <= 0:
            raise ValueError(f"learning_rate and temperature must be above 0, got {self}")
        if MODEL not in (self.asset.files or {}):
            raise ValueError(f"the asset's files must name {MODEL!r}, got {self.asset.files}")


def encoder(  # noqa: PLR0913
    train: pa.Table,
    validation: pa.Table,
    made: list[pa.Table],
    monolingual_share: str,
    params: Encoder,
    active: tuple[str, ...],
    languages: Languages,
) -> Output:
    """How well the sides of each made pair match; no row where the stage is off."""
    hidden = share_of(monolingual_share)
    if not params.steps:
        return Output({"scores": SCORES.empty_table()}, {"off": "encoder.steps is 0"})
    shown_rows = [{**row, "source": shown(row, hidden)} for row in train.to_pylist()]
    tables = {
        "train": rows_of(pa.Table.from_pylist(shown_rows, train.schema), active, languages),
        "validation": rows_of(validation, active, languages),
        "made": rows_of(pa.concat_tables(made), active, languages),
    }
    scores: list[dict[str, Any]] = []
    report: dict[str, Any] = {}
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "e5"
        bring(params.asset, folder)
        for key in active:
            pairs = {name: both(rows[key]) for name, rows in tables.items()}
            report[key] = {name: len(some) for name, some in pairs.items()}
            if why := lacking(pairs):
                report[key]["scores"] = f"none: {why}"
                continue
            model = e5.load(folder / MODEL, params.most_tokens)
            before = proof(*vectors(model, pairs["validation"]))
            model = tuned(model, pairs["train"], params)
            human = vectors(model, pairs["validation"])
            report[key] |= {"before": before, "after": proof(*human)}
            ranks = below(alike(*vectors(model, pairs["made"])), alike(*human))
            scores += [
                {"id": row["id"], "match": float(rank)}
                for row, rank in zip(pairs["made"], ranks, strict=True)
            ]
    table = pa.Table.from_pylist(sorted(scores, key=lambda row: row["id"]), schema=SCORES)
    return Output({"scores": table}, {"languages": report})


def lacking(pairs: Mapping[str, Sequence[Row]]) -> str | None:
    """What stands in the way of learning, or of knowing how human pairs match."""
    for name in ("train", "validation"):
        for side in SIDES:
            if len({row[side] for row in pairs[name]}) < LEAST_PAIRS:
                return f"{name} has fewer than {LEAST_PAIRS} pairs of different text"
    return None


def both(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that have two sides, by hash."""
    return lowest([row for row in rows if row["source"] and row["target"]], None, "encoder")


def batches(pairs: Sequence[Row], size: int) -> Iterator[list[Row]]:
    """Batches without end, each pass in a new order; no text stands in a batch twice."""
    turn = 0
    while True:
        order = sorted(pairs, key=lambda row: (place("pass", str(turn), row["id"]), row["id"]))
        batch: list[Row] = []
        for row in order:
            if all(row[side] != one[side] for one in batch for side in SIDES):
                batch.append(row)
            if len(batch) == size:
                yield batch
                batch = []
        if len(batch) >= LEAST_PAIRS:
            yield batch
        turn += 1


def vectors(model: e5.E5, rows: Sequence[Row]) -> tuple[Floats, Floats]:
    """The vectors of the rows' sources and of their targets."""
    sources, targets = ([row[side] for row in rows] for side in SIDES)
    return encoded(model, sources), encoded(model, targets)


def encoded(model: e5.E5, texts: Sequence[str]) -> Floats:
    """A vector of length 1 for each text, (n, width); those of one length go together."""
    import torch

    order = sorted(set(texts), key=lambda text: (len(text), text))
    found = np.zeros((len(order), model.model.config.hidden_size))
    with torch.inference_mode():
        for start in range(0, len(order), AT_ONCE):
            some = order[start : start + AT_ONCE]
            found[start : start + AT_ONCE] = e5.embed(model, some).numpy()
    places = {text: n for n, text in enumerate(order)}
    vectors: Floats = found[[places[text] for text in texts]]
    return vectors


def alike(sources: Floats, targets: Floats) -> Floats:
    """The cosine of each pair."""
    cosines: Floats = (sources * targets).sum(axis=1)
    return cosines


def below(values: Floats, human: Floats) -> Floats:
    """The share of the human pairs that match less well than each value.

    >>> below(np.array([0.1, 0.5, 0.9]), np.array([0.4, 0.6])).tolist()
    [0.0, 0.5, 1.0]
    """
    ranks: Floats = np.searchsorted(np.sort(human), values) / len(human)
    return ranks


def proof(sources: Floats, targets: Floats) -> dict[str, Any]:
    """How well pairs are told from pairs of each source with the next row's target, and found.

    `first` is the share of the sources whose nearest target of all is their own.
    """
    nearest = (sources @ targets.T).argmax(axis=1)
    return {
        "auc": auc(alike(sources, targets), alike(sources, np.roll(targets, -1, axis=0))),
        "first": share(int((nearest == np.arange(len(sources))).sum()), len(sources)),
    }


def tuned(model: e5.E5, pairs: Sequence[Row], params: Encoder) -> e5.E5:
    """The model with a LoRA that tells each pair from the others of its batch."""
    import torch
    from peft import LoraConfig, get_peft_model
    from torch.nn.functional import cross_entropy
    from tqdm import tqdm

    torch.set_num_threads(1)  # more may change a byte
    torch.manual_seed(params.seed)
    config = LoraConfig(r=params.rank, lora_alpha=params.alpha, target_modules=LAYERS)
    adapted: Any = get_peft_model(model.model, config)
    model = model._replace(model=adapted)
    learned = [part for part in adapted.parameters() if part.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=params.learning_rate, weight_decay=0.0)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, params.learning_rate, total_steps=params.steps, cycle_momentum=False
    )
    drawn = batches(pairs, params.batch_pairs)
    for _ in tqdm(range(params.steps), desc="encoder"):
        batch = next(drawn)
        sources, targets = (e5.embed(model, [row[side] for row in batch]) for side in SIDES)
        logits = sources @ targets.T / params.temperature
        own = torch.arange(len(batch))
        loss = (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
    return model


if __name__ == "__main__":
    run(encoder, Encoder)
