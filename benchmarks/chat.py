"""A chat endpoint on loopback that answers as it is told, and keeps what it was asked."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from augment.engines.http import Http


class Reply(NamedTuple):
    """How the server reacts to one request."""

    body: bytes
    status: int = 200
    wait: str | None = None  # Retry-After
    seconds: float = 0.0  # before the answer
    cut: bool = False  # the connection closes before the body is whole


class Asked(NamedTuple):
    """What came in."""

    content: str
    begun: float
    headers: dict[str, str]
    body: dict[str, Any]


class Server(NamedTuple):
    """Where it answers, what it was asked, and how many requests were open at once."""

    address: str
    asked: list[Asked]
    open: list[int]


def said(text: str | None, reason: str = "stop", **message: str) -> Reply:
    """An answer as OpenAI's API has it."""
    choice = {"message": {"content": text, **message}, "finish_reason": reason}
    return Reply(json.dumps({"model": "tiny-1", "choices": [choice]}).encode())


@contextmanager
def chat(react: Callable[[int, str], Reply]) -> Iterator[Server]:
    """Serve as long as the block lasts; `react` gets the number of the request and its prompt."""
    lock = threading.Lock()
    served = Server("", [], [0])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            """Serve one connection; who asked may be killed while asking."""
            with suppress(ConnectionError):
                super().handle()

        def do_POST(self) -> None:
            """Keep what is asked, and react."""
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            if len(raw) < int(self.headers["Content-Length"]):  # who asked was killed asking
                self.close_connection = True
                return
            body = json.loads(raw)
            content = body["messages"][0]["content"]
            with lock:
                number = len(served.asked)
                served.asked.append(Asked(content, time.monotonic(), dict(self.headers), body))
                served.open.append(served.open[-1] + 1)
            try:
                self.reply(react(number, content))
            except OSError:  # who asked is gone
                self.close_connection = True
            finally:
                with lock:
                    served.open.append(served.open[-1] - 1)

        def reply(self, how: Reply) -> None:
            """Send an answer, or a part of it."""
            time.sleep(how.seconds)
            self.send_response(how.status)
            if how.wait is not None:
                self.send_header("Retry-After", how.wait)
            self.send_header("Content-Length", str(len(how.body)))
            self.end_headers()
            self.wfile.write(how.body[: 10 if how.cut else None])
            self.close_connection = how.cut

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    try:
        yield served._replace(address=f"http://127.0.0.1:{server.server_port}/v1")
    finally:
        server.shutdown()
        server.server_close()


def engine(address: str, **changed: object) -> Http:
    """Settings for the endpoint, quick to give up, but for what is changed."""
    settings: dict[str, Any] = {
        "kind": "http",
        "address": address,
        "model": "tiny",
        "served": None,
        "key_variable": None,
        "prompt": "{source_language} to {language}: {source}",
        "languages": {"spa_Latn": "Spanish", "nah": "Nahuatl", "amh": "Amharic"},
        "seed": 0,
        "most_new_tokens": 100,
        "most_seconds": 5.0,
        "most_attempts": 3,
        "most_wait": 0.3,
        "most_per_minute": 60000,
        "concurrency": 3,
        "characters_per_token": 2.0,
        "price_in": 1.0,
        "price_out": 10.0,
        "most_cost": 1.0,
    }
    return Http(**{**settings, **changed})
