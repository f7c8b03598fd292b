"""What a loaded model makes of texts and answers: the bits that it spends on them."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch.nn import functional as F  # noqa: N812
from tqdm import tqdm

from train.batches import by_length, padded
from train.examples import IGNORED, Example, pair_example
from train.model import Head, Speaker, device, features, head, scores
from train.pseudo import masked_once
from train.sides import Asked, answers_of, begin, frame, given, read

MOST_SCORES = 512  # positions whose scores over the whole vocabulary are held at once
MASKED = 8  # texts whose tokens are masked in turn together: little is held, and batches are full


def text_examples(speaker: Speaker, texts: Sequence[str]) -> list[Example]:
    """Each text after a separator; the text is counted, and that it ends."""
    ends = speaker.separator
    codes = speaker.encode(list(texts))
    return [Example([ends, *ids, ends], [IGNORED, *ids, ends]) for ids in codes]


def text_bits(speaker: Speaker, texts: Sequence[str], batch_tokens: int, label: str) -> list[float]:
    """Bits that the model spends on each text: an encoder's are pseudo-bits of train/pseudo.py.

    None for an encoder-decoder: it says a text only in answer to another.
    """
    if speaker.family == "encoder-decoder":
        return []
    if speaker.family == "encoder":
        return pseudo_bits(speaker, texts, batch_tokens, label)
    return bits(speaker, text_examples(speaker, texts), batch_tokens, label)


def pseudo_bits(
    speaker: Speaker, texts: Sequence[str], batch_tokens: int, label: str
) -> list[float]:
    """Bits of each text for a masked language model; a pass for each of its tokens.

    A text longer than the model reads is cut into windows, none of which sees another.
    """
    found = [0.0] * len(texts)
    for start in range(0, len(texts), MASKED):
        some = enumerate(texts[start : start + MASKED], start)
        owned = [(at, example) for at, text in some for example in masked_once(speaker, text)]
        examples = [example for _, example in owned]
        spent = bits(speaker, examples, batch_tokens, f"{label}, {start} of {len(texts)}")
        for (at, _), value in zip(owned, spent, strict=True):
            found[at] += value
    return found


def answer_bits(
    speaker: Speaker,
    asked: Sequence[Asked],
    answers: Sequence[str],
    batch_tokens: int,
    label: str,
) -> list[float]:
    """Bits that the model spends on each answer, and that it ends; none for an encoder.

    The code of the language that an encoder-decoder answers in is given, as a prompt names it.
    """
    if speaker.family == "encoder":
        return []
    if speaker.family == "encoder-decoder":
        made = answers_of(speaker, asked, answers)
        examples = [given(e, speaker, one.says) for e, one in zip(made, asked, strict=True)]
    else:
        examples = [
            pair_example(one.text, answer, speaker.encode, speaker.separator)
            for one, answer in zip(asked, answers, strict=True)
        ]
    return bits(speaker, examples, batch_tokens, label)


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


class Opening(NamedTuple):
    """What stands before an answer, and the token that ends it."""

    read: list[int]  # by the decoder, or by the encoder where there is one
    start: tuple[int, ...]  # of what the decoder of an encoder-decoder says
    stop: int


def say(
    speaker: Speaker,
    prompts: Sequence[str | Asked],
    most_tokens: int,
    batch_rows: int,
    label: str,
) -> list[str]:
    """What the model answers to each prompt, always its likeliest token, up to the separator.

    An encoder answers nothing. A prompt that is plain text is of no language.
    """
    if speaker.family == "encoder":
        return []
    asked = [Asked(one) if isinstance(one, str) else one for one in prompts]
    starts = [start_of(speaker, one.says) for one in asked]
    sources = sources_of(speaker, asked)
    openings = [Opening(*two, speaker.separator) for two in zip(sources, starts, strict=True)]
    return said_after(speaker, openings, most_tokens, batch_rows, label)


@torch.no_grad()
def said_after(
    speaker: Speaker, openings: Sequence[Opening], most_tokens: int, batch_rows: int, label: str
) -> list[str]:
    """What a decoder or encoder-decoder says after each opening, always its likeliest token."""
    speaker.model.eval()
    said = [""] * len(openings)
    alike: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for at, one in enumerate(openings):
        alike.setdefault((one.start, one.stop), []).append(at)
    jobs = [
        places[at : at + batch_rows]
        for _, some in sorted(alike.items())
        for places in [sorted(some, key=lambda at: len(openings[at].read))]  # little to pad
        for at in range(0, len(places), batch_rows)
    ]
    for places in tqdm(jobs, desc=label, leave=False):
        with torch.autocast(device().type, torch.bfloat16):
            made = generated(speaker, [openings[at] for at in places], most_tokens)
        texts = speaker.tokenizer.batch_decode(made, skip_special_tokens=True)
        for at, text in zip(places, texts, strict=True):
            said[at] = " ".join(text.split())
    return said


def start_of(speaker: Speaker, language: str) -> tuple[int, ...]:
    """What the decoder of an encoder-decoder is given first, its language's code with it."""
    if speaker.family == "decoder":
        return ()
    return tuple(begin(speaker, frame(speaker, language, target=True)))


def sources_of(speaker: Speaker, asked: Sequence[Asked]) -> list[list[int]]:
    """What the model reads of each prompt."""
    if speaker.family == "encoder-decoder":
        return read(speaker, asked)
    codes = speaker.encode([one.text for one in asked])
    return [[speaker.separator, *code] for code in codes]


def generated(speaker: Speaker, openings: Sequence[Opening], most_tokens: int) -> torch.Tensor:
    """(B, T): the tokens of each answer; all start and stop alike."""
    start, stop = openings[0].start, openings[0].stop
    sources = [one.read for one in openings]
    length = max(map(len, sources))
    fill = speaker.padding if start else speaker.separator
    sides = [(length - len(one), one) for one in sources]
    rows = [one + [fill] * n if start else [fill] * n + one for n, one in sides]
    seen = [[1] * len(c) + [0] * n if start else [0] * n + [1] * len(c) for n, c in sides]
    options: dict[str, Any] = {
        "input_ids": torch.tensor(rows, device=device()),
        "attention_mask": torch.tensor(seen, device=device()),
        "max_new_tokens": most_tokens,
        "do_sample": False,
        "eos_token_id": stop,
        "pad_token_id": fill,
    }
    if start:
        options["decoder_input_ids"] = torch.tensor([start] * len(rows), device=device())
        speaker.model.generation_config = plain_search(speaker)
    made: torch.Tensor = speaker.model.generate(**options)
    return made[:, len(start) or length :]


def plain_search(speaker: Speaker) -> Any:  # noqa: ANN401
    """How an encoder-decoder answers, without what else its folder may say of the search."""
    from transformers import GenerationConfig

    return GenerationConfig(
        decoder_start_token_id=speaker.decoder_start,
        eos_token_id=speaker.separator,
        pad_token_id=speaker.padding,
        bad_words_ids=[[speaker.padding]],
    )
