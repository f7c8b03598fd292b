"""What a model learns from the rows, by the family that it is of: the batches of a phase.

clm: to say the next token of the target text (decoders). mlm: masked tokens of it (encoders).
denoise: spans taken out of it (encoder-decoders). sft: the answers to the questions of tasks.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count, islice, pairwise
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from corpus.settings import settings
from corpus.table import InputError, digest
from train.answers import answered, said_by_decoder
from train.batches import Batch, grouped_batches, packed_batches
from train.examples import (
    IGNORED,
    Example,
    Row,
    fitting,
    packed_pairs,
    packed_texts,
    texts_drawn,
)
from train.families import Family
from train.tasks import Taught, questions_drawn

if TYPE_CHECKING:
    from train.model import Speaker

Objective = Literal["clm", "mlm", "denoise", "sft"]
LEARNT_BY: dict[Family, tuple[Objective, ...]] = {
    "decoder": ("clm", "sft"),
    "encoder": ("mlm",),
    "encoder-decoder": ("denoise", "sft"),
}
TO_MASK, TO_RANDOM = 0.8, 0.9  # of the chosen tokens, cumulated; the rest stay (Devlin et al. 2019)


@settings
class Masking:
    """How much of a text is hidden, for mlm and denoise."""

    share: float  # of its tokens
    mean_span: float  # tokens in a span that denoise takes out

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or not self.mean_span >= 1:
            raise ValueError(f"need 0 < share < 1 and mean_span at least 1, got {self}")


class Shape(NamedTuple):
    """How much a phase reads, and how."""

    batches: int
    batch_rows: int
    row_tokens: int
    taught: Taught  # by sft
    masking: Masking
    seed: int

    @property
    def tokens(self) -> int:
        """Of the whole phase, padding too."""
        return self.batches * self.batch_rows * self.row_tokens


def check_objective(objective: Objective, speaker: "Speaker") -> None:
    """Check that a model of this family learns by this objective.

    Raises:
        InputError: it does not, or it has no token to hide text behind.
    """
    known = LEARNT_BY[speaker.family]
    if objective not in known:
        raise InputError(
            f"adapt.phases: the base is {a(speaker.family)}, which learns by "
            f"{' or '.join(known)}, not by {objective!r}"
        )
    if objective == "mlm" and speaker.tokenizer.mask_token_id is None:
        raise InputError(
            "adapt.phases: 'mlm' needs a mask token, and the base's tokenizer has none"
        )
    if objective == "denoise" and not hiders(speaker):
        raise InputError(
            "adapt.phases: 'denoise' needs <extra_id_0> and the like, or a mask token, and the "
            "base's tokenizer has neither; use 'sft' alone"
        )


def a(noun: str) -> str:
    """The noun with its article.

    >>> a("encoder")
    'an encoder'
    """
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def phase_batches(
    objective: Objective, rows: Sequence[Row], speaker: "Speaker", shape: Shape
) -> list[Batch]:
    """The batches of a phase, in the order of training.

    Raises:
        InputError: the model does not learn that way, or no pair fits.
    """
    check_objective(objective, speaker)
    length, size = shape.row_tokens, shape.batch_rows
    if speaker.packs:
        rows_of = packed_rows(objective, rows, speaker, shape)
        return list(packed_batches(rows_of, shape.batches, size))
    examples = fitting(one_a_row(objective, rows, speaker, shape), length)
    reader = (speaker.family, speaker.padding)
    made = grouped_batches(examples, shape.batches, size * length, reader, shape.seed)
    return list(islice(made, shape.batches))


def packed_rows(
    objective: Objective, rows: Sequence[Row], speaker: "Speaker", shape: Shape
) -> Iterator[Example]:
    """Rows of documents side by side, for a decoder that keeps them apart."""
    if objective == "clm":
        texts = texts_drawn(rows, speaker.encode, shape.seed, shape.tokens)
        return packed_texts(texts, speaker.encode, speaker.separator, shape.row_tokens)
    examples = one_a_row(objective, rows, speaker, shape)
    return packed_pairs(examples, speaker.separator, shape.row_tokens)


def one_a_row(
    objective: Objective, rows: Sequence[Row], speaker: "Speaker", shape: Shape
) -> Iterator[Example]:
    """Examples as they are drawn."""
    if objective == "sft":
        make = partial(
            answered,
            speaker=speaker,
            template=shape.taught.tasks.template,
            length=shape.row_tokens,
        )
        return questions_drawn(shape.taught, make, shape.seed, shape.tokens)
    texts = texts_drawn(rows, speaker.encode, shape.seed, shape.tokens)
    return text_examples(objective, texts, speaker, shape)


def text_examples(
    objective: Objective, texts: Iterator[tuple[str, str]], speaker: "Speaker", shape: Shape
) -> Iterator[Example]:
    """One document or part of one an example; each time that it is drawn it is hidden anew."""
    room = shape.row_tokens - 2
    for turn in count():
        name, text = next(texts)
        (code,) = speaker.encode([text])
        for start in range(0, len(code), room):
            part = code[start : start + room]
            chance = Random(digest(str(shape.seed), str(turn), name, str(start)))
            made = example_of(objective, part, speaker, (shape.masking, chance))
            yield Example(made.ids, made.labels, (name,), source=made.source)


def example_of(
    objective: Objective, code: list[int], speaker: "Speaker", hiding: tuple[Masking, Random]
) -> Example:
    """A text as this objective shows it."""
    if objective == "clm":
        ids = [speaker.separator, *code, speaker.separator]
        return Example(ids, ids)
    if objective == "mlm":
        return masked(code, speaker, *hiding)
    return denoised(code, speaker, *hiding)


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
            read[at] = chance.choice(code)
    labels = [i if at in chosen else IGNORED for at, i in enumerate(code)]
    first, last = speaker.frame
    return Example([first, *read, last], [IGNORED, *labels, IGNORED])


def denoised(code: list[int], speaker: "Speaker", masking: Masking, chance: Random) -> Example:
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
    source += [*code[end:], speaker.separator]
    return said_by_decoder(source, said if len(found) > 1 else code, speaker)


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
