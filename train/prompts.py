"""The settings of the tasks that supervised fine-tuning teaches: their shares and their prompts."""

from collections.abc import Iterable

from corpus.settings import settings
from train.titles import Where

PROMPT = "prompt.txt"  # beside the adapters: what they were asked with
SETTINGS = "settings.json"  # and all of how they were trained
ALONE = "{source}"  # the prompt of a base whose codes say the languages


@settings
class Translation:
    """Pairs, both ways."""

    share: float  # of the examples drawn, against the shares of the other tasks; 0: not taught
    prompt: str | None  # with {source_language}, {source}, {language}; null: base.codes tell them

    def __post_init__(self) -> None:
        if not self.share >= 0:
            raise ValueError(f"share must be at least 0, got {self.share}")
        if self.prompt is not None:
            check_prompt(
                self.prompt, ("source", "source_language", "language"), ("source", "language")
            )


@settings
class Title:
    """A document's title from its text."""

    share: float
    prompt: str  # with {text} and, if wanted, {language}
    titles: dict[str, Where]  # of an origin's documents: their name, or their first segment

    def __post_init__(self) -> None:
        check_share(self.share)
        check_prompt(self.prompt, ("text", "language"), ("text",))


@settings
class Instruction:
    """Conversations, in the chat template of the base."""

    share: float
    template: str | None  # of Jinja; null: the base's own
    held_out: float  # share of the conversations that are not trained on, by hash

    def __post_init__(self) -> None:
        check_share(self.share)
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out must be at least 0 and below 1, got {self.held_out}")


@settings
class Tasks:
    """The tasks; null: not taught."""

    translation: Translation  # evaluate asks with its prompt, taught or not
    title: Title | None
    instruction: Instruction | None

    def __post_init__(self) -> None:
        if not self.shares():
            raise ValueError("one task must have a share above 0")

    def shares(self) -> dict[str, float]:
        """The share of each task that is taught, by its name."""
        tasks = {
            "translation": self.translation,
            "title": self.title,
            "instruction": self.instruction,
        }
        return {name: task.share for name, task in tasks.items() if task and task.share}

    @property
    def template(self) -> str | None:
        """Of conversations; null: the base's own."""
        return self.instruction.template if self.instruction else None


def check_share(share: float) -> None:
    """Check that a task that may be left out is taught.

    Raises:
        ValueError: it has no share.
    """
    if not share > 0:
        raise ValueError(f"share must be above 0, got {share}; null leaves the task out")


def check_prompt(prompt: str, known: Iterable[str], needed: Iterable[str]) -> None:
    """Check that a prompt has the fields that it needs, and no other.

    Raises:
        ValueError: it lacks one of them, or has a field of its own.
    """
    try:
        told = prompt.format(**{name: f"\0{name}\0" for name in known})
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"prompt has an unknown field {error}, got {prompt!r}") from None
    if not all(f"\0{name}\0" in told for name in needed):
        fields = " and ".join(f"{{{name}}}" for name in needed)
        raise ValueError(f"prompt must hold {fields}, got {prompt!r}")
