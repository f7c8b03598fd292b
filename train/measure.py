"""What a loaded model makes of texts: the bits it spends on them, and what it says when asked."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn import functional as F  # noqa: N812
from tqdm import tqdm

from train.batches import by_length, padded
from train.examples import IGNORED, Example
from train.model import Head, Speaker, device, features, head, scores

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
    by = head(speaker)
    found = [0.0] * len(examples)
    numbered = [replace(example, names=(str(at),)) for at, example in enumerate(examples)]
    with tqdm(total=len(examples), desc=label, leave=False) as bar:
        for group in by_length(numbered, batch_tokens):
            with torch.autocast(device().type, torch.bfloat16):
                spent = batch_bits(speaker, group, by)
            for example, value in zip(group, spent, strict=True):
                found[int(example.names[0])] = value
            bar.update(len(group))
    return found


def batch_bits(speaker: Speaker, examples: Sequence[Example], by: Head) -> list[float]:
    """Bits of each example of a batch."""
    batch = padded(examples, speaker.family, speaker.padding)
    inputs = {name: torch.from_numpy(some).to(device()) for name, some in batch.inputs.items()}
    labels = torch.from_numpy(batch.labels).to(device())
    counted = labels != IGNORED
    if speaker.plain:
        states = features(speaker, inputs)[counted].split(MOST_SCORES)
        told = (scores(some, by) for some in states)
    else:
        told = speaker.model(**inputs).logits[counted].float().split(MOST_SCORES)
    wanted = labels[counted].split(MOST_SCORES)
    nats = torch.cat(
        [
            F.cross_entropy(some, wish, reduction="none").cpu()
            for some, wish in zip(told, wanted, strict=True)
        ]
    ).double()
    owners = torch.arange(len(examples)).unsqueeze(1).expand_as(counted)[counted.cpu()]
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
