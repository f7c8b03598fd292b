"""What a loaded model makes of texts: the bits it spends on them, and what it says when asked."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from tqdm import tqdm

from train.examples import IGNORED, Example
from train.model import Speaker, device, hidden, output_rows, scores

MOST_SCORES = 512  # positions whose scores over the whole vocabulary are held at once


def text_examples(speaker: Speaker, texts: Sequence[str]) -> list[Example]:
    """Each text after a separator; the text is counted, and that it ends."""
    ends = speaker.separator
    codes = speaker.encode(list(texts))
    return [Example([ends, *ids, ends], [IGNORED, *ids, ends]) for ids in codes]


@torch.no_grad()
def bits(
    speaker: Speaker, examples: Sequence[Example], batch_tokens: int, label: str
) -> list[float]:
    """Bits that the model spends on the labels of each example, by the softmax over all tokens."""
    speaker.model.eval()
    rows = output_rows(speaker)
    found = [0.0] * len(examples)
    with tqdm(total=len(examples), desc=label, leave=False) as bar:
        for batch in batches(examples, batch_tokens):
            with torch.autocast(device().type, torch.bfloat16):
                spent = batch_bits(speaker, [examples[at] for at in batch], rows)
            for at, value in zip(batch, spent, strict=True):
                found[at] = value
            bar.update(len(batch))
    return found


def batches(examples: Sequence[Example], batch_tokens: int) -> Iterator[list[int]]:
    """Places of examples of like length, at most `batch_tokens` padded, or one that is longer."""
    batch: list[int] = []
    for at in sorted(range(len(examples)), key=lambda at: len(examples[at].ids)):
        if batch and (len(batch) + 1) * len(examples[at].ids) > batch_tokens:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def batch_bits(speaker: Speaker, examples: Sequence[Example], rows: Tensor) -> list[float]:
    """Bits of each example of a batch, padded on the right."""
    length = max(len(e.ids) for e in examples)
    padding = speaker.separator
    ids = torch.tensor([e.ids + [padding] * (length - len(e.ids)) for e in examples])
    labels = torch.tensor([e.labels + [IGNORED] * (length - len(e.labels)) for e in examples])
    mask = torch.tensor([[1] * len(e.ids) + [0] * (length - len(e.ids)) for e in examples])
    states = hidden(speaker, ids.to(device()), mask.to(device()))[:, :-1]
    counted = labels[:, 1:] != IGNORED
    chosen, wanted = states[counted.to(device())], labels[:, 1:][counted].to(device())
    nats = torch.cat(
        [
            F.cross_entropy(scores(part, rows), wish, reduction="none").cpu()
            for part, wish in zip(
                torch.split(chosen, MOST_SCORES), torch.split(wanted, MOST_SCORES), strict=True
            )
        ]
    ).double()
    owners = torch.arange(len(examples)).unsqueeze(1).expand_as(counted)[counted]
    sums = torch.zeros(len(examples), dtype=torch.float64).index_add_(0, owners, nats)
    return [value / math.log(2) for value in sums.tolist()]


@torch.no_grad()
def say(
    speaker: Speaker, prompts: Sequence[str], most_tokens: int, batch_rows: int, label: str
) -> list[str]:
    """What the model answers to each prompt, always its likeliest token, up to the separator."""
    speaker.model.eval()
    said = [""] * len(prompts)
    every = speaker.encode(list(prompts))
    order = sorted(range(len(every)), key=lambda at: len(every[at]))  # little to pad
    for start in tqdm(range(0, len(order), batch_rows), desc=label, leave=False):
        places = order[start : start + batch_rows]
        codes = [every[at] for at in places]
        length = max(map(len, codes)) + 1
        ends = speaker.separator
        ids = torch.tensor([[ends] * (length - len(c)) + c for c in codes], device=device())
        mask = torch.tensor(
            [[0] * (length - len(c) - 1) + [1] * (len(c) + 1) for c in codes], device=device()
        )
        with torch.autocast(device().type, torch.bfloat16):
            made = speaker.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=most_tokens,
                do_sample=False,
                eos_token_id=ends,
                pad_token_id=ends,
            )
        texts = speaker.tokenizer.batch_decode(made[:, length:], skip_special_tokens=True)
        for at, text in zip(places, texts, strict=True):
            said[at] = " ".join(text.split())
    return said
