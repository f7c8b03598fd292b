"""A chat model behind an OpenAI-compatible endpoint: vLLM, llama.cpp's server, Ollama, a service.

Each segment is one request. What fails for the moment (no connection, no answer in time, 429, 5xx,
an answer that is no JSON) is asked again, after what Retry-After says or a growing wait; what would
fail for ever is an error at once. An answer that is empty, refused or cut off is no translation.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from augment.engines.prompt import filled
from augment.translation import Direction, Translate, Translation
from corpus.settings import settings
from corpus.table import InputError, digest

if TYPE_CHECKING:
    from httpx2 import Client, Response

PLACES = ("{source_language}", "{language}", "{source}")  # in a prompt; the last must be there
MOMENTARY = {408, 409, 425, 429}  # of 4xx: asked again, as is every 5xx


@settings
class Http:
    """Where the model answers, what it is asked, and what that may cost."""

    kind: Literal["http"]
    address: str  # before /chat/completions, as http://localhost:8000/v1
    model: str  # as the endpoint calls it; name its version, if it has one
    served: str | None  # what an answer must say its model is; null: not looked at
    key_variable: str | None  # environment variable that holds the API key; null: none is sent
    prompt: str  # with {source} and, if need be, {source_language} and {language}
    languages: dict[str, str]  # what the prompt calls the languages, as spa_Latn: Spanish
    seed: int
    most_new_tokens: int  # of an answer; a longer one is cut off, which is no translation
    most_seconds: float  # without a byte of an answer; then it is asked again
    most_attempts: int  # of a request, the first one included
    most_wait: float  # seconds between two attempts; a longer Retry-After is an error
    most_per_minute: int  # requests, those asked again included
    concurrency: int  # requests under way at once
    characters_per_token: float  # for the estimate; 4 for English, nearer 2 for most languages
    price_in: float  # of a million tokens asked; 0 where the model is your own
    price_out: float  # of a million tokens answered
    most_cost: float  # estimated, of all that a stage asks in one direction; more is an error

    def __post_init__(self) -> None:
        if "{source}" not in self.prompt:
            raise ValueError(f"prompt must hold {{source}}, got {self.prompt!r}")
        whole = (self.most_new_tokens, self.most_attempts, self.most_per_minute, self.concurrency)
        if min(whole) < 1 or min(self.most_seconds, self.characters_per_token) <= 0:
            raise ValueError(f"counts must be at least 1, seconds and ratios above 0, got {self}")
        if min(self.price_in, self.price_out, self.most_cost, self.most_wait) < 0:
            raise ValueError(f"prices, most_cost and most_wait must be at least 0, got {self}")


class Momentary(Exception):  # noqa: N818
    """What may go well when asked again, after so many seconds if the server says so."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


def name(spec: Http, direction: Direction) -> str:
    """The name for the column `engine`: model, direction, and a digest of all that is sent.

    Neither address nor price nor pace are in it: they change no answer, and answers cost.
    """
    sent = json.dumps(body(spec, filled(spec, direction, "\0")), sort_keys=True)
    made = digest(sent, spec.served or "")
    return f"http:{spec.model}:{direction.source}-{direction.target}@{made}"


def estimate(spec: Http, direction: Direction, texts: Sequence[str]) -> str:
    """About what the texts cost, in words.

    Tokens are estimated from characters; an answer counts as long as its segment twice, and never
    more than may be answered.

    Raises:
        InputError: more than `most_cost`.
    """
    asked = sum(len(filled(spec, direction, text)) for text in texts) / spec.characters_per_token
    longest = (2 * len(text) / spec.characters_per_token for text in texts)
    answered = sum(min(length, spec.most_new_tokens) for length in longest)
    cost = (asked * spec.price_in + answered * spec.price_out) / 1e6
    said = f"{asked:.0f} tokens asked and {answered:.0f} answered, about {cost:.2f}"
    if cost > spec.most_cost:
        raise InputError(
            f"{spec.model}: {len(texts)} segments are {said}, more than most_cost "
            f"{spec.most_cost:g}; nothing was asked; raise it, or take fewer rows"
        )
    return f" ({said})"


def load(spec: Http, direction: Direction) -> Translate:
    """The endpoint as a function, safe to call in several threads.

    Raises:
        InputError: the key is missing; or, of the function, the endpoint cannot be asked.
    """
    import httpx2  # the extra 'http'

    client = httpx2.Client(
        timeout=spec.most_seconds,
        headers=authorization(spec.key_variable),
        limits=httpx2.Limits(max_connections=spec.concurrency),
    )
    turn = Turns(60 / spec.most_per_minute)

    def translate(texts: list[str]) -> list[list[Translation]]:
        bodies = [body(spec, filled(spec, direction, text)) for text in texts]
        return [[insisted(partial(ask, client, spec, one, turn), spec)] for one in bodies]

    return translate


def authorization(variable: str | None) -> dict[str, str]:
    """The header with the API key; it stands nowhere else.

    Raises:
        InputError: the environment lacks the variable.
    """
    if variable is None:
        return {}
    if not (key := os.environ.get(variable)):
        raise InputError(f"the environment variable {variable} must hold the API key; it is empty")
    return {"Authorization": f"Bearer {key}"}


def body(spec: Http, prompt: str) -> dict[str, Any]:
    """A request."""
    return {
        "model": spec.model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "seed": spec.seed,
        "max_tokens": spec.most_new_tokens,
    }


class Turns:
    """Times at which requests may begin, at least so many seconds apart, for all threads."""

    def __init__(self, apart: float) -> None:
        self.apart = apart
        self.next = 0.0
        self.lock = threading.Lock()

    def wait(self) -> None:
        """Sleep until the caller's turn."""
        with self.lock:
            mine = max(self.next, time.monotonic())
            self.next = mine + self.apart
        time.sleep(max(0.0, mine - time.monotonic()))


def insisted(ask: Callable[[], Translation], spec: Http) -> Translation:
    """What `ask` gives, asked again while the failure is momentary.

    Raises:
        InputError: it failed too often.
    """
    import stamina  # the extra 'http'

    def again(error: Exception) -> bool | timedelta:
        if not isinstance(error, Momentary):
            return False
        return True if error.wait is None else timedelta(seconds=error.wait)

    caller = stamina.RetryingCaller(
        attempts=spec.most_attempts, timeout=None, wait_initial=0.5, wait_max=spec.most_wait
    )
    try:
        return caller(again, ask)
    except Momentary as error:
        raise InputError(
            f"{spec.address} with {spec.model} failed {spec.most_attempts} times: {error}; what "
            "was answered is kept: mend it and run the stage again"
        ) from error


def ask(client: "Client", spec: Http, request: Mapping[str, Any], turn: Turns) -> Translation:
    """The answer to one request.

    Raises:
        Momentary: asked again it may go well.
        InputError: it never will.
    """
    import httpx2

    turn.wait()
    try:
        answer = client.post(f"{spec.address.rstrip('/')}/chat/completions", json=request)
    except httpx2.TransportError as error:
        raise Momentary(f"{type(error).__name__} {error}".strip()) from error
    except httpx2.InvalidURL as error:
        raise InputError(f"{spec.address} is no address: {error}") from error
    if answer.status_code in MOMENTARY or answer.status_code >= 500:
        raise Momentary(said(answer), wanted_wait(answer, spec))
    if answer.status_code != 200:
        raise InputError(f"{spec.address} with {spec.model}: {said(answer)}")
    return understood(answer, spec)


def said(answer: "Response") -> str:
    """Status and first words of an error."""
    return " ".join([str(answer.status_code), *answer.text.split()])[:200]


def wanted_wait(answer: "Response", spec: Http) -> float | None:
    """Seconds of Retry-After, or None: it is missing, or a date.

    Raises:
        InputError: more than may be waited.
    """
    try:
        seconds = max(0.0, float(answer.headers.get("Retry-After", "")))
    except ValueError:
        return None
    if seconds > spec.most_wait:
        raise InputError(
            f"{spec.address} with {spec.model} wants {seconds:g} s of rest, most_wait is "
            f"{spec.most_wait:g}; run the stage again later: what was answered is kept"
        )
    return seconds


def understood(answer: "Response", spec: Http) -> Translation:
    """The translation in an answer of status 200, or why there is none.

    Raises:
        Momentary: it is not what such an endpoint says.
        InputError: another model answered.
    """
    try:
        whole = answer.json()
        choice = whole["choices"][0]
        text = (choice["message"].get("content") or "").strip()
        refusal, reason = choice["message"].get("refusal"), choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Momentary(f"an answer that cannot be read: {answer.text[:80]!r}") from error
    if spec.served is not None and whole.get("model") != spec.served:
        raise InputError(
            f"{spec.address}: {whole.get('model')!r} answered, served is {spec.served!r}"
        )
    if refusal or reason == "content_filter":
        return Translation("", None, 0, "refused")
    if reason == "length":
        return Translation("", None, 0, "cut off")
    return Translation(text, None, 0) if text else Translation("", None, 0, "empty")
