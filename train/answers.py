"""A question of a task and its answer as a model of each family is given them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from unicodedata import normalize

from train.batches import length_of
from train.chat import chat_example
from train.examples import IGNORED, Example, joined, pair_example
from train.sides import Asked, answers_of, frame, said_by_decoder
from train.tasks import HERE, Question
from train.titles import cut

if TYPE_CHECKING:
    from train.model import Speaker


def answered(question: Question, speaker: "Speaker", template: str | None, length: int) -> Example:
    """A question with its answer; a text in it is cut on the right until both fit, if they can."""
    if question.turns:
        return answered_in_turn(question, speaker, template)

    def example(text: str) -> Example:
        prompt = question.prompt.replace(HERE, text)
        if speaker.family == "decoder":
            return pair_example(prompt, question.answer, speaker.encode, speaker.separator)
        asked = Asked(prompt, *question.languages)
        return answers_of(speaker, [asked], [question.answer])[0]

    whole = question.text or ""
    shown = cut(whole, lambda text: length_of(example(text)) <= length)
    return example(shown or whole)  # an answer that leaves no room is too long


def answered_in_turn(question: Question, speaker: "Speaker", template: str | None) -> Example:
    """A conversation; an encoder-decoder says its last turn only."""
    whole = chat_example(question.turns, speaker.tokenizer, template, speaker.encode)
    if speaker.family == "decoder":
        return whole
    labels = whole.labels
    at = max(n for n, label in enumerate(labels) if label != IGNORED == labels[n - 1])
    said = [label for label in labels[at:] if label not in (IGNORED, speaker.separator)]
    around = frame(speaker, "", target=False)
    source = [*around.before, *whole.ids[:at], *around.after]
    return said_by_decoder(source, said, speaker)


def too_long(
    some: Sequence[Question], speaker: "Speaker", template: str | None, length: int
) -> set[str]:
    """The names of which no question fits into a row with its answer, so that none is ever used."""
    plain = [one for one in some if not one.turns and one.text is None]
    fit = {one.name for one in plain if most_tokens(one) <= length}
    for part in (list({one.name: one for one in plain}.values()), plain):  # most fit either way
        unsure = [one for one in part if one.name not in fit]
        found = zip(unsure, sizes(unsure, speaker), strict=True)
        fit |= {one.name for one, size in found if size <= length}
    for one in some:
        if one.turns or one.text:
            made = answered(one, speaker, template, length)
            fit |= {one.name} if length_of(made) <= length else set()
    return {one.name for one in some} - fit


def most_tokens(question: Question) -> int:
    """Tokens that a question and its answer have at most, by any tokenizer: one a byte.

    Of the text as it stands or decomposed, what is longest, and a few before, between and after.
    """
    text = question.prompt + question.answer
    forms = (text, normalize("NFD", text), normalize("NFKD", text))
    return max(len(form.encode()) for form in forms) + 8


def sizes(plain: Sequence[Question], speaker: "Speaker") -> list[int]:
    """Tokens of what is read, or said where that is more; of all questions at once, to be quick."""
    prompts = [one.prompt for one in plain]
    if speaker.family == "encoder-decoder":
        asked = [Asked(one.prompt, *one.languages) for one in plain]
        return [length_of(e) for e in answers_of(speaker, asked, [one.answer for one in plain])]
    found = joined(prompts, [f" {one.answer}" for one in plain], speaker.encode)
    return [len(asked) + len(said) + 2 for asked, said in found]
