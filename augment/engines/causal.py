"""Instruction models of transformers: a prompt, a few pairs of the training split, an answer.

A model with a chat template sees each pair as a turn of its own; any other sees prompts and answers
one after the other. The answer ends with its first line. Pairs come from `examples.jsonl`, which
stage translator leaves; a pair that holds the segment, or lies within it, is never shown with it.

Source: Brown et al. 2020, https://arxiv.org/abs/2005.14165
"""

import json
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from augment.engines import hub, prompt, search
from augment.engines.search import Asked, Decode, Hypothesis
from augment.translation import EXAMPLES, Direction, Translate
from corpus.settings import settings
from corpus.table import InputError, digest

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@settings
class Causal:
    """Which model, what it is asked, and what it is shown before."""

    kind: Literal["causal"]
    model: str  # a folder, or a name of the Hub
    revision: str | None  # commit of a Hub model; null: the newest, or a folder's
    prompt: str  # with {source} and, if need be, {source_language} and {language}
    languages: dict[str, str]  # what the prompt calls the languages, as spa_Latn: Spanish
    examples: int  # pairs of the training split shown before each segment; 0: none
    beam: int  # 1: greedy
    most_tokens: int  # of prompt and examples; a segment that leaves no room goes in parts
    most_new_tokens: int
    batch_tokens: int  # of prompts in one batch, all of one length; 1: each alone
    threads: int

    def __post_init__(self) -> None:
        if "{source}" not in self.prompt:
            raise ValueError(f"prompt must hold {{source}}, got {self.prompt!r}")
        counts = (self.beam, self.most_tokens, self.most_new_tokens, self.batch_tokens)
        if min(*counts, self.threads) < 1 or self.examples < 0:
            raise ValueError(f"counts must be at least 1, and examples at least 0, got {self}")


Pair = tuple[str, str]


class Prompts(NamedTuple):
    """What stands in every prompt of a direction."""

    spec: Causal
    direction: Direction
    tokenizer: "PreTrainedTokenizerBase"
    pairs: list[Pair]  # to choose the examples from

    def read(self, text: str) -> list[int]:
        """The whole prompt as token ids; it depends on the segment alone."""
        text = one_line(text)
        shown = [pair for pair in self.pairs if apart(pair[0], text)][: self.spec.examples]
        turns = [(self.asked(source), target) for source, target in shown]
        if self.tokenizer.chat_template is None:
            before = "".join(f"{question} {answer}\n\n" for question, answer in turns)
            plain: list[int] = self.tokenizer(before + self.asked(text)).input_ids
            return plain
        chat = [
            {"role": role, "content": said}
            for turn in turns
            for role, said in zip(("user", "assistant"), turn, strict=True)
        ]
        chat.append({"role": "user", "content": self.asked(text)})
        ids = self.tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        return list(map(int, ids))

    def asked(self, text: str) -> str:
        """One question."""
        return prompt.filled(self.spec, self.direction, text)

    def write(self, tokens: list[int]) -> str:
        """The first line of an answer."""
        text = str(self.tokenizer.decode(tokens, skip_special_tokens=True))
        return text.strip(" ").partition("\n")[0].strip()


def one_line(text: str) -> str:
    """The text with single spaces: a line break would end its turn."""
    return " ".join(text.split())


def apart(shown: str, text: str) -> bool:
    """Whether neither text holds the other; case does not count.

    >>> apart("Bishaan qulqulluu dha.", "bishaan"), apart("ātl", "calli")
    (False, True)
    """
    one, other = shown.casefold(), text.casefold()
    return one not in other and other not in one


def name(spec: Causal, direction: Direction, folder: Path) -> str:
    """The name for the column `engine`: of weights, versions, settings, pairs and direction."""
    weights = hub.weights(hub.located(spec.model, spec.revision))
    recipe = hub.recipe(__file__, prompt.__file__, search.__file__)
    counts = (spec.examples, spec.beam, spec.most_tokens, spec.most_new_tokens)
    own = json.dumps([spec.prompt, spec.languages, *counts, spec.batch_tokens, spec.threads])
    shown = json.dumps(pairs(spec, direction, folder))
    return f"causal:{direction.source}-{direction.target}@{digest(weights, recipe, own, shown)}"


def pairs(spec: Causal, direction: Direction, folder: Path) -> list[Pair]:
    """The pairs of the direction that examples are chosen from, in order.

    Raises:
        InputError: stage translator left none, or not in these languages.
    """
    if not spec.examples:
        return []
    if direction.source == direction.target:
        raise InputError(
            f"engines: {spec.model!r} is asked within one language, where examples would show it "
            "copies; set its examples to 0"
        )
    path = folder / EXAMPLES
    if not path.exists():
        raise InputError(
            f"{path} does not exist; run 'dvc repro translator' first, or set examples of engine "
            f"{spec.model!r} to 0"
        )
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    ends = direction[:2]
    if rows and not set(ends) <= rows[0].keys():
        raise InputError(
            f"{path} pairs {sorted(rows[0])}, not {sorted(ends)}; set examples of engine "
            f"{spec.model!r} to 0"
        )
    return [(one_line(row[ends[0]]), one_line(row[ends[1]])) for row in rows]


def load(spec: Causal, direction: Direction, folder: Path, best: int) -> Translate:
    """The model as a function from texts to their best translations.

    Raises:
        InputError: the model is not to be had, or its prompt leaves no room for a segment.
    """
    where = hub.located(spec.model, spec.revision)
    tokenizer = hub.tokenizer(spec.model, where)
    prompts = Prompts(spec, direction, tokenizer, pairs(spec, direction, folder))
    if (used := len(prompts.read("\0"))) * 2 > spec.most_tokens:
        raise InputError(
            f"engines: prompt and examples of {spec.model!r} take {used} tokens, which most_tokens "
            f"{spec.most_tokens} must be at least twice; show fewer examples or allow more"
        )
    asked = Asked(
        prompts.read,
        prompts.write,
        decoder(where, spec, tokenizer),
        None,  # such models read every byte
        spec.most_tokens,
        spec.batch_tokens,
    )
    return search.translating(asked, best)


def decoder(where: Path, spec: Causal, tokenizer: "PreTrainedTokenizerBase") -> Decode:
    """The search of transformers, up to the end of the model's turn or of the line.

    Raises:
        InputError: the folder holds no causal model.
    """
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(spec.threads)
    with hub.loading(spec.model, "a causal language model"):
        model = AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32).eval()
    own = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])} - {None}
    ends |= lines(tokenizer)
    return partial(searched, model, spec, {"eos_token_id": sorted(ends), "pad_token_id": min(ends)})


@cache
def lines(tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """The tokens that hold a line break."""
    return frozenset(
        number
        for token, number in tokenizer.get_vocab().items()
        if "\n" in tokenizer.convert_tokens_to_string([token])
    )


def searched(
    model: "PreTrainedModel",
    spec: Causal,
    ends: dict[str, Any],
    sources: list[list[int]],
    best: int,
) -> list[list[Hypothesis]]:
    """What the model answers to prompts of one length."""
    options = {"max_new_tokens": spec.most_new_tokens, **ends}
    return search.searched(model, sources, best, spec.beam, options)
