"""A text with part of it hidden, to be found again: masked tokens, or spans that are taken out."""

from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

from corpus.settings import settings
from train.examples import IGNORED, Example
from train.sides import frame, said_by_decoder

if TYPE_CHECKING:
    from train.model import Speaker

TO_MASK, TO_RANDOM = 0.8, 0.9  # of the chosen tokens, cumulated; the rest stay (Devlin et al. 2019)


@settings
class Masking:
    """How much of a text is hidden, for mlm and denoise."""

    share: float  # of its tokens
    mean_span: float  # tokens in a span that denoise takes out

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or not self.mean_span >= 1:
            raise ValueError(f"need 0 < share < 1 and mean_span at least 1, got {self}")


def masked(code: list[int], speaker: "Speaker", masking: Masking, chance: Random) -> Example:
    """A text with some tokens masked, which are learned; at least one.

    Source: Devlin et al. 2019, https://aclanthology.org/N19-1423
    """
    number = min(len(code), max(1, round(masking.share * len(code))))
    chosen = set(chance.sample(range(len(code)), number))
    read = list(code)
    for at in sorted(chosen):
        lot = chance.random()
        if lot < TO_MASK:
            read[at] = speaker.tokenizer.mask_token_id
        elif lot < TO_RANDOM:
            read[at] = any_token(speaker, chance)
    labels = [i if at in chosen else IGNORED for at, i in enumerate(code)]
    first, last = speaker.frame
    return Example([first, *read, last], [IGNORED, *labels, IGNORED])


def any_token(speaker: "Speaker", chance: Random) -> int:
    """A token of the vocabulary that a text may hold."""
    while (token := chance.randrange(len(speaker.tokenizer))) in speaker.control:
        pass
    return token


def denoised(
    code: list[int], speaker: "Speaker", masking: Masking, chance: Random, language: str
) -> Example:
    """A text with spans taken out for the encoder, and what the decoder must say.

    With sentinels the spans, each after its sentinel (T5); with a mask token the whole text (BART).

    Source: Raffel et al. 2020, https://jmlr.org/papers/v21/20-074.html;
    Lewis et al. 2020, https://aclanthology.org/2020.acl-main.703
    """
    found = hiders(speaker)
    spans = spans_of(len(code), masking, chance)
    if len(found) > 1:
        spans = spans[: len(found)]
    source: list[int] = []
    said: list[int] = []
    end = 0
    for number, (start, stop) in enumerate(spans):
        hider = found[number] if len(found) > 1 else found[0]
        source += [*code[end:start], hider]
        said += [hider, *code[start:stop]]
        end = stop
    before, after = frame(speaker, language, target=False)
    source = [*before, *source, *code[end:], *after]
    return said_by_decoder(source, said if len(found) > 1 else code, speaker, language)


def spans_of(length: int, masking: Masking, chance: Random) -> list[tuple[int, int]]:
    """Start and end of the spans that are taken out, as T5 draws them: gap, span, gap, span."""
    if length < 2:
        return [(0, length)]
    hidden = min(max(round(length * masking.share), 1), length - 1)
    number = min(max(round(hidden / masking.mean_span), 1), hidden, length - hidden)
    gaps, sizes = parts(length - hidden, number, chance), parts(hidden, number, chance)
    spans = []
    at = 0
    for gap, size in zip(gaps, sizes, strict=True):
        spans.append((at + gap, at + gap + size))
        at += gap + size
    return spans


def parts(total: int, number: int, chance: Random) -> list[int]:
    """`number` whole numbers above 0 that add up to `total`, all ways equally likely.

    >>> parts(3, 3, Random(0))
    [1, 1, 1]
    """
    cuts = [0, *sorted(chance.sample(range(1, total), number - 1)), total]
    return [end - start for start, end in pairwise(cuts)]


def hiders(speaker: "Speaker") -> list[int]:
    """Sentinel tokens in their order, or the mask token alone."""
    vocabulary = speaker.tokenizer.get_vocab()
    found: list[int] = []
    while (name := f"<extra_id_{len(found)}>") in vocabulary:
        found.append(vocabulary[name])
    mask = speaker.tokenizer.mask_token_id
    return found or ([] if mask is None else [mask])
