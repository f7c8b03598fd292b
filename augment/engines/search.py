"""How a neural model is asked: long texts in parts, batches of one length, the best with scores.

What comes out for a segment should not depend on what else was in its batch, so a batch holds
segments of one length in tokens and nothing is padded. In int8 (CTranslate2) that makes text and
score the same to the bit; in float32 a matrix product of another shape adds up in another order,
and the sixth digit of a score moves: hence the rounding. `batch_tokens: 1` asks for each alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import regex

from augment.translation import Translate, Translation

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CALL = 256  # segments whose translations are recorded together: enough for batches of one length
DIGITS = 3  # of a score; in float32 those beyond depend on the batch
SCORES_BYTES = 1 << 30  # of scores of the whole vocabulary that one batch may hold
GAP = regex.compile(r"[\s\u200b]+")
START = regex.compile(r"(?<=\X)(?=\X)")  # where a character of the reader begins


class Hypothesis(NamedTuple):
    """What a decoder made of one source."""

    tokens: list[int]  # with its end, where it has one
    score: float  # mean log-probability of its tokens and its end


Decode = Callable[[list[list[int]], int], list[list[Hypothesis]]]  # sources of one length; best


class Asked(NamedTuple):
    """A model as its engine asks it."""

    read: Callable[[str], list[int]]  # token ids of a source, all that the model is given
    write: Callable[[list[int]], str]  # the text of what it made
    decode: Decode
    unk: int | None  # the token of what its vocabulary lacks
    most: int  # tokens of a source
    batch: int  # tokens of sources in a batch


def translating(asked: Asked, best: int) -> Translate:
    """The model as a function from texts to their best translations."""

    def fits(text: str) -> bool:
        return len(asked.read(text)) <= asked.most

    def translate(texts: list[str]) -> list[list[Translation]]:
        cut = [parts(text, fits) for text in texts]
        made = iter(decoded(asked, [part for found in cut for part in found], best))
        joiners = [" " if GAP.search(text.strip()) else "" for text in texts]
        return [
            whole([next(made) for _ in found], joiner)
            for found, joiner in zip(cut, joiners, strict=True)
        ]

    return translate


def parts(text: str, fits: Callable[[str], bool]) -> list[str]:
    """The text, cut in two at the gap nearest its middle until every part fits; none for blank.

    >>> parts("bishaan qulqulluu dha", lambda part: len(part) < 14)
    ['bishaan', 'qulqulluu dha']
    """
    text = text.strip()
    if not text or fits(text):
        return [text] if text else []
    near = partial(distance, middle=len(text) / 2)
    gaps = [match.start() for match in GAP.finditer(text)]
    gaps = gaps or [match.start() for match in START.finditer(text)]
    if not gaps:
        return [text]
    at = min(gaps, key=near)
    return parts(text[:at], fits) + parts(text[at:].lstrip("\u200b"), fits)


def distance(place: int, middle: float) -> float:
    """How far a place is from the middle."""
    return abs(place - middle)


def decoded(asked: Asked, texts: Sequence[str], best: int) -> list[list[Translation]]:
    """The translations of texts that fit, in order."""
    ids = [asked.read(text) for text in texts]
    found: list[list[Translation]] = [[] for _ in texts]
    for batch in batches([len(tokens) for tokens in ids], asked.batch):
        made = asked.decode([ids[number] for number in batch], best)
        for number, hypotheses in zip(batch, made, strict=True):
            missed = ids[number].count(asked.unk) if asked.unk is not None else 0
            found[number] = [translation(asked, one, missed) for one in hypotheses]
    return found


def batches(lengths: Sequence[int], most_tokens: int) -> Iterator[list[int]]:
    """Places of equal length, at most so many tokens together, at least one place.

    >>> list(batches([3, 2, 3, 3], 6))
    [[1], [0, 2], [3]]
    """
    equal: dict[int, list[int]] = defaultdict(list)
    for place, length in enumerate(lengths):
        equal[length].append(place)
    for length, places in sorted(equal.items()):
        size = max(1, most_tokens // max(length, 1))
        yield from (places[start : start + size] for start in range(0, len(places), size))


def translation(asked: Asked, made: Hypothesis, missed: int) -> Translation:
    """A hypothesis as text; unknown are the pieces that the model could not read or write."""
    unwritten = made.tokens.count(asked.unk) if asked.unk is not None else 0
    return Translation(asked.write(made.tokens), round(made.score, DIGITS), missed + unwritten)


def whole(made: Sequence[Sequence[Translation]], joiner: str) -> list[Translation]:
    """The translations of a text from its parts: the best joined, then the next; each once."""
    if not made:
        return [Translation("", None, 0)]
    ranks = zip(*made, strict=False)
    joined = [join(rank, joiner) if len(rank) > 1 else rank[0] for rank in ranks]
    return list({found.text: found for found in reversed(joined)}.values())[::-1]


def join(found: Sequence[Translation], joiner: str) -> Translation:
    """One translation of those of a text's parts; the score is their mean."""
    scores = [one.score for one in found if one.score is not None]
    return Translation(
        joiner.join(one.text for one in found),
        round(sum(scores) / len(scores), DIGITS),
        sum(one.unknown for one in found),
    )


def searched(
    model: "PreTrainedModel",
    sources: list[list[int]],
    best: int,
    beam: int,
    options: dict[str, Any],
) -> list[list[Hypothesis]]:
    """What `generate` of transformers finds: beam search, or greedy where one beam is enough.

    A token that the search was forced to begin with (`forced_bos_token_id`) is no choice of the
    model: it is neither in the tokens nor in the score.
    """
    beams = max(beam, best)
    row = 4 * beams * options["max_new_tokens"] * model.config.vocab_size
    size = max(1, SCORES_BYTES // row)
    made: list[Hypothesis] = []
    for start in range(0, len(sources), size):
        made += search(model, sources[start : start + size], (beams, best), options)
    return [made[start : start + best] for start in range(0, len(made), best)]


def search(
    model: "PreTrainedModel",
    sources: list[list[int]],
    beams: tuple[int, int],
    options: dict[str, Any],
) -> list[Hypothesis]:
    """The best hypotheses of one batch, source after source."""
    import torch

    asked: Any = model  # its search is typed as a tensor
    ids = torch.tensor(sources)
    with torch.inference_mode():
        out = asked.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            num_beams=beams[0],
            num_return_sequences=beams[1],
            do_sample=False,
            length_penalty=1.0,
            early_stopping=beams[0] > 1,
            renormalize_logits=True,  # over what may be written
            return_dict_in_generate=True,
            output_scores=True,
            **options,
        )
        scores = asked.compute_transition_scores(
            out.sequences,
            out.scores,
            out.beam_indices if beams[0] > 1 else None,
        )
    begin = 1 if model.config.is_encoder_decoder else ids.shape[1]
    forced = int(options.get("forced_bos_token_id") is not None)
    config: Any = model.generation_config
    end = options.get("eos_token_id", config.eos_token_id)
    ends = set(end if isinstance(end, list) else [end])
    rows = zip(out.sequences[:, begin:].tolist(), scores.tolist(), strict=True)
    return [cut(tokens[forced:], found[forced:], ends) for tokens, found in rows]


def cut(tokens: list[int], scores: list[float], ends: set[int]) -> Hypothesis:
    """A hypothesis up to its end; scores and tokens beyond it are padding."""
    size = next((place for place, token in enumerate(tokens) if token in ends), len(tokens))
    return Hypothesis(tokens[: size + 1], sum(scores[: size + 1]) / max(1, len(scores[: size + 1])))
