"""The prompt that an instruction model is given for a segment."""

from typing import Protocol

from augment.translation import Direction
from corpus.table import InputError


class Prompted(Protocol):
    """Settings that hold a prompt."""

    @property
    def model(self) -> str:
        """For messages."""

    @property
    def prompt(self) -> str:
        """With {source} and, if need be, {source_language} and {language}."""

    @property
    def languages(self) -> dict[str, str]:
        """What the prompt calls the languages, as spa_Latn: Spanish."""


def called(spec: Prompted, language: str) -> str:
    """What the prompt calls a language.

    Raises:
        InputError: the settings don't say.
    """
    if language not in spec.languages:
        raise InputError(
            f"params.yaml: the languages of engine {spec.model!r} lack {language!r}; say what the "
            "prompt should call it"
        )
    return spec.languages[language]


def filled(spec: Prompted, direction: Direction, text: str) -> str:
    """The prompt for a segment; braces in the segment are text."""
    source, target = (called(spec, language) for language in direction[:2])
    before, _, after = spec.prompt.partition("{source}")
    parts = [
        part.replace("{source_language}", source).replace("{language}", target)
        for part in (before, after)
    ]
    return text.join(parts)
