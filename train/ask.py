"""What a model of the last run answers to a text: as evaluate asks it, for `milpa try`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.settings import Language
from corpus.table import InputError

if TYPE_CHECKING:
    from train.systems import Models

ADAPTERS = ("mixed", "human")
SYSTEMS = (*ADAPTERS, "base", "translator")


@dataclass(frozen=True)
class Question:
    """Who is asked, and for which language."""

    system: str  # one of SYSTEMS
    language: str  # key of languages
    variety: str | None  # ISO 639-3, one of the language's; null: the first
    backward: bool  # from the language to its pivot


def chosen(language: str | None, active: tuple[str, ...]) -> str:
    """The language that is meant: the only active one where none is named.

    Raises:
        InputError: none is named and several are active, or another is.
    """
    if language is None and len(active) == 1:
        return active[0]
    if language not in active:
        said = "name one with --language" if language is None else f"{language!r} is none of them"
        raise InputError(f"params.yaml: active has {list(active)}; {said}")
    return language


def row(text: str, question: Question, of: Language) -> dict[str, str]:
    """A row of the table in which the text is what is asked, and the answer is not known.

    Raises:
        InputError: the language has no such variety.
    """
    variety = question.variety or of.varieties[0]
    if variety not in of.varieties:
        raise InputError(
            f"{question.language} has the varieties {list(of.varieties)}, not {variety!r}"
        )
    asked, open_side = ("target", "source") if question.backward else ("source", "target")
    codes = {"source_language": of.pivot, "language": f"{variety}_{of.script}"}
    return {asked: text, open_side: "", **codes}


def trained(folder: Path, language: str) -> None:
    """Check that there are adapters of a language, before what loads them is imported.

    Raises:
        InputError: there are none.
    """
    if not (folder / "adapt" / language).is_dir():
        raise InputError(
            f"{folder / 'adapt' / language} does not exist; run 'dvc repro' or 'dvc pull' first"
        )


def places(folder: Path, language: str) -> "Models":
    """Where the models of a language lie below the folder of models."""
    from train.systems import Models

    return Models(
        adapters=folder / "adapt" / language,
        base=folder / "base",
        tokenizer=folder / "tokenizer" / language,
        translator=folder / "translator" / language,
        retrained=folder / "retrain" / language,
    )


def answerer(
    folder: Path, question: Question, of: Language, most_tokens: int
) -> Callable[[str], str]:
    """The model as a function from a text to its answer.

    Raises:
        InputError: it is not there, or cannot answer.
    """
    row("", question, of)
    if question.system == "translator":
        return translator(folder, question)
    return model(folder, question, of, most_tokens)


def translator(folder: Path, question: Question) -> Callable[[str], str]:
    """The phrase-based translator.

    Raises:
        InputError: it is not there: there were too few pairs, or nothing ran yet.
    """
    from augment.engines import thot
    from augment.translation import best_texts

    place = folder / "translator" / question.language
    if not place.is_dir() or not thot.trained(place):
        raise InputError(f"{place} holds no translator; run 'dvc repro' or 'dvc pull', or mix more")
    translate = thot.load(place / ("backward" if question.backward else "forward"))
    return lambda text: best_texts(translate([text]))[0]


def model(folder: Path, question: Question, of: Language, most_tokens: int) -> Callable[[str], str]:
    """The base, or an adapter over it, asked with the prompt that the adapters learned.

    Raises:
        InputError: it is not there, or says nothing of its own.
    """
    trained(folder, question.language)
    from train.examples import asked, languages_of
    from train.measure import say
    from train.sides import Asked
    from train.systems import loaded

    speaker, prompt = loaded(question.system, places(folder, question.language))
    if speaker.family == "encoder":
        raise InputError("the base model is an encoder, which fills gaps and answers nothing")

    def answer(text: str) -> str:
        one = row(text, question, of)
        words = asked(one, prompt, question.backward)[0]
        told = Asked(words, *languages_of(one, question.backward))
        return say(speaker, [told], most_tokens, 1, question.system)[0]

    return answer
