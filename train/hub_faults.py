"""What goes wrong at a Hugging Face Hub, as one line that says what to mend."""

from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from corpus.table import InputError
from train.hub_plan import Target

HTTPError: type[Exception] = HfHubHTTPError.__bases__[0]  # httpx's or httpx2's: the library's own
TOO_MANY, SERVERS = 429, 500  # answers that another time may not be given
AGAIN = "; run the same command again, it goes on from what is there"


@contextmanager
def mendable(api: HfApi, target: Target) -> Iterator[None]:
    """What goes wrong at the Hub, as one line."""
    try:
        yield
    except InputError:
        raise
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        raise InputError(fault(error, api, target)) from error


def fault(error: BaseException, api: HfApi, target: Target) -> str:
    """What an error of the client comes to, and what to mend. No token stands in it."""
    if isinstance(error, JSONDecodeError):
        return f"{api.endpoint} does not answer as a Hub does; look at HF_ENDPOINT"
    if isinstance(error, ValueError):  # a name or a card that the Hub does not take
        return f"{target.page} cannot be published: {' '.join(str(error).split())}"
    while error.__cause__ is not None and not isinstance(error, HfHubHTTPError):
        error = error.__cause__
    if not isinstance(error, HfHubHTTPError):
        said = " ".join(str(error).split()) or type(error).__name__
        return f"{api.endpoint} cannot be reached, or broke off ({said}){AGAIN}"
    status = error.response.status_code
    said = error.server_message or error.response.reason_phrase
    known = {
        401: f"{api.endpoint} does not know the token; run 'hf auth login', or mend HF_TOKEN",
        403: f"the token may not write to {target.page} ({said}); give it that permission at "
        f"{api.endpoint}/settings/tokens, or name a place of your own",
        409: f"{target.page} changed meanwhile ({said}){AGAIN}",
        412: f"{target.page} changed meanwhile ({said}){AGAIN}",
    }
    later = AGAIN if status == TOO_MANY or status >= SERVERS else ""
    return known.get(status, f"{api.endpoint} answers {status} ({said}) for {target.page}{later}")
