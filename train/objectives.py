"""What a model learns from the rows, by the family that it is of: the batches of a phase.

clm: to say the next token of the target text (decoders). mlm: masked tokens of it (encoders).
denoise: spans taken out of it (encoder-decoders). sft: the answers to the questions of tasks.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count, islice
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from corpus.table import InputError, digest
from train.answers import answered
from train.batches import Batch, grouped_batches, packed_batches
from train.examples import (
    Example,
    Row,
    fitting,
    packed_pairs,
    packed_texts,
    texts_drawn,
)
from train.families import Family
from train.hiding import Masking, denoised, hiders, masked
from train.sides import begin, coded, frame
from train.tasks import Taught, questions_drawn

if TYPE_CHECKING:
    from train.model import Speaker

Objective = Literal["clm", "mlm", "denoise", "sft"]
LEARNT_BY: dict[Family, tuple[Objective, ...]] = {
    "decoder": ("clm", "sft"),
    "encoder": ("mlm",),
    "encoder-decoder": ("denoise", "sft"),
}


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
    if coded(speaker) and not speaker.codes:
        raise InputError(
            "base.codes: the base writes the code of its language before every text; name one for "
            "each language, and run 'dvc repro base'"
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


def check_room(speaker: "Speaker", shape: Shape) -> None:
    """Check that a row is no longer than the model has positions, and that its task is told.

    Raises:
        InputError: it is longer, or translation has neither a prompt nor codes.
    """
    most = speaker.most_tokens
    if most is not None and shape.row_tokens > most:
        raise InputError(
            f"adapt.row_tokens {shape.row_tokens} is more than the {most} that the base can read"
        )
    if shape.taught.tasks.translation.prompt is None and not speaker.codes:
        raise InputError(
            "adapt.tasks.translation.prompt is null, which is for a base with codes (base.codes); "
            "name one that holds {source} and {language}"
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
    check_room(speaker, shape)
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
    languages = {row["id"]: row["language"] for row in rows}
    drawn = texts_drawn(rows, speaker.encode, shape.seed, shape.tokens)
    texts = ((name, text, languages[name]) for name, text in drawn)
    return text_examples(objective, texts, speaker, shape)


def text_examples(
    objective: Objective, texts: Iterator[tuple[str, str, str]], speaker: "Speaker", shape: Shape
) -> Iterator[Example]:
    """One document or part of one an example; each time that it is drawn it is hidden anew."""
    hiding = (shape.masking, shape.row_tokens)
    for turn in count():
        name, text, language = next(texts)
        seeds = (str(shape.seed), str(turn), name)
        for made in shown(objective, (text, language), speaker, hiding, seeds):
            yield Example(made.ids, made.labels, (name,), source=made.source)


def shown(
    objective: Objective,
    text: tuple[str, str],
    speaker: "Speaker",
    hiding: tuple[Masking, int],
    seeds: Sequence[str],
) -> Iterator[Example]:
    """A text, in parts that fit into a row, as the objective shows it.

    Args:
        text: and its language.
        hiding: how much of it, and the tokens of a row.
        seeds: what is hidden depends on.
    """
    masking, row_tokens = hiding
    room = row_tokens - around(speaker, text[1])
    (code,) = speaker.encode([text[0]])
    for start in range(0, len(code), room):
        chance = Random(digest(*seeds, str(start)))
        part = code[start : start + room]
        yield example_of(objective, part, speaker, (masking, chance), text[1])


def around(speaker: "Speaker", language: str) -> int:
    """Tokens that stand before and after a text, at most."""
    if speaker.family != "encoder-decoder":
        return len(speaker.frame)
    said = frame(speaker, language, target=True)
    return len(begin(speaker, said)) + len(said.after)


def example_of(
    objective: Objective,
    code: list[int],
    speaker: "Speaker",
    hiding: tuple[Masking, Random],
    language: str = "",
) -> Example:
    """A text as this objective shows it."""
    if objective == "clm":
        ids = [speaker.separator, *code, speaker.separator]
        return Example(ids, ids)
    if objective == "mlm":
        return masked(code, speaker, *hiding)
    return denoised(code, speaker, *hiding, language)
