"""Apertium's rule-based translation between close languages, through one long-lived pipe.

A segment goes in between NULs, at which every program of the pipe flushes. Characters that mean
something in Apertium's stream format, and all that no dictionary holds (line breaks, NULs), go
through as numbered superblanks, so that a mark in the answer is a mark. The segment's own number
follows it as the last superblank, twice: an answer without it is none. They also save a final full
stop, which Apertium's morphological analyser drops where nothing follows, and after some words
("V.") even where one superblank does.

Source: Forcada et al. 2011, https://doi.org/10.1007/s10590-011-9090-0
"""

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from threading import Thread
from typing import Literal

import regex

from augment.translation import Direction, Translate, Translation
from corpus.settings import settings
from corpus.table import InputError, digest

FLUSHING = "apertium-wblank-mode"  # writes a mode's pipeline so that all of it flushes at a NUL
CALL = 100  # segments in the pipe at a time
APART = regex.compile(r"[][{}^$@*#\\~/<>+]|\p{C}|(?! )\s")  # what goes through as a superblank
BLANK = regex.compile(r"\[(\w+)\]|\\(.)|([*@#])", regex.DOTALL)  # in an answer, and marks


@settings
class Apertium:
    """Which modes translate, and how long a segment may take."""

    kind: Literal["apertium"]
    folder: str  # of Apertium's data; Debian's is /usr/share/apertium
    modes: dict[str, str]  # by direction, as spa_Latn-cat_Latn: its mode, of `apertium -l`
    most_seconds: float  # for one segment; then the pipe is begun anew

    def __post_init__(self) -> None:
        if self.most_seconds <= 0:
            raise ValueError(f"most_seconds must be above 0, got {self.most_seconds}")


class Stopped(Exception):  # noqa: N818
    """The pipe ended, hung, or lost count."""


def mode_file(spec: Apertium, direction: Direction) -> Path:
    """The pipeline of a direction.

    Raises:
        InputError: the settings name no mode for it, or Apertium or the mode is not installed.
    """
    ends = f"{direction.source}-{direction.target}"
    if ends not in spec.modes:
        raise InputError(f"params.yaml: apertium has no mode for {ends}; it has {spec.modes}")
    mode = spec.modes[ends]
    if not shutil.which(FLUSHING):
        raise InputError(
            "apertium 3.8 or newer is not installed; on Debian: apt-get install apertium"
        )
    path = Path(spec.folder, "modes", f"{mode}.mode")
    if not path.exists():
        turned = "-".join(reversed(mode.split("_")[0].split("-")))
        raise InputError(
            f"{path} does not exist; on Debian: apt-get install apertium-{mode.split('_')[0]} "
            f"(or apertium-{turned}); installed modes: apertium -l"
        )
    return path


def name(spec: Apertium, direction: Direction) -> str:
    """The name for the column `engine`: direction, and a digest of version, mode and its data."""
    made = recipe(mode_file(spec, direction))
    return f"apertium:{direction.source}-{direction.target}@{made}"


@cache
def recipe(mode: Path) -> str:
    """A digest of all that a translation depends on: this file, the programs, the pair's data."""
    said = mode.read_text("utf-8")
    whole = blake2b(digest_size=10)
    for path in sorted(map(Path, set(regex.findall(r"'([^']+)'", said)))):
        data = path.read_bytes() if path.is_file() else b""
        for part in (path.name.encode(), data):
            whole.update(len(part).to_bytes(8) + part)
    versions = [
        subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stdout
        for program in ("apertium", "lt-proc")
    ]
    return digest(Path(__file__).read_text("utf-8"), said, whole.hexdigest(), *versions)


def load(spec: Apertium, direction: Direction) -> Translate:
    """A pipe as a function; it is begun anew, and a segment asked once more, when it stops.

    Raises:
        InputError: it is not installed; or, of the function, a segment stopped it twice.
    """
    mode = mode_file(spec, direction)
    pipe = Pipe(mode, spec.most_seconds)

    def translate(texts: list[str]) -> list[list[Translation]]:
        made: list[Translation] = []
        failed = -1
        while len(made) < len(texts):
            try:
                for translation in pipe.ask(texts[len(made) :]):
                    made.append(translation)
            except Stopped as error:
                pipe.end()
                if failed == len(made):
                    raise InputError(
                        f"apertium {mode.stem} {error} twice on the segment {texts[failed]!r:.80}; "
                        "try it by hand, or raise most_seconds"
                    ) from error
                failed = len(made)
        return [[translation] for translation in made]

    return translate


class Pipe:
    """The programs of a mode, begun when first asked and kept."""

    def __init__(self, mode: Path, most_seconds: float) -> None:
        self.mode = mode
        self.most_seconds = most_seconds
        self.process: subprocess.Popen[bytes] | None = None
        self.count = 0  # segments asked, ever

    def ask(self, texts: list[str]) -> Iterator[Translation]:
        """The translation of each text, in order.

        Raises:
            Stopped: the pipe ended or hung, or an answer is not the next text's.
        """
        if self.process is None:
            self.process = begin(self.mode)
        start, self.count = self.count, self.count + len(texts)
        asked = [escape(text, start + number) for number, text in enumerate(texts)]
        whole = "".join(f"{text}\0" for text in asked).encode()
        writer = Thread(target=write, args=(self.process, whole), daemon=True)
        writer.start()
        answers = listen(self.process, self.most_seconds)
        for number, text in enumerate(texts, start):
            yield reading(next(answers), text, number)
        writer.join()

    def end(self) -> None:
        """Kill what is left of the pipe, so that the next question begins a new one."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()
            self.process = None

    def __del__(self) -> None:
        """Leave no process behind."""
        self.end()


def begin(mode: Path) -> subprocess.Popen[bytes]:
    """The mode's programs, in a process group of their own; without us they read an end.

    `apertium -z` would do, but for the gawk in it, which waits for what follows a NUL.
    """
    flushing = subprocess.run([FLUSHING, "-z", mode], capture_output=True, text=True, check=True)
    return subprocess.Popen(
        ["bash", "-c", flushing.stdout, mode.stem, "-g"],  # its $1: generate, marks and all
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        start_new_session=True,
    )


def write(process: subprocess.Popen[bytes], whole: bytes) -> None:
    """Hand the pipe its segments; who listens finds out if it breaks."""
    assert process.stdin
    with suppress(OSError, ValueError):
        process.stdin.write(whole)
        process.stdin.flush()


def listen(process: subprocess.Popen[bytes], most_seconds: float) -> Iterator[str]:
    """What stands before each NUL.

    Raises:
        Stopped: the pipe ended, or said nothing whole for so long.
    """
    assert process.stdout
    rest = b""
    until = time.monotonic() + most_seconds
    while True:
        *whole, rest = rest.split(b"\0")
        for answer in whole:
            yield answer.decode("utf-8", "replace")
            until = time.monotonic() + most_seconds
        left = max(0.0, until - time.monotonic())
        if not select.select([process.stdout], [], [], left)[0]:
            raise Stopped(f"took longer than {most_seconds:g} s")
        if not (more := os.read(process.stdout.fileno(), 2**16)):
            raise Stopped("ended")
        rest += more


def escape(text: str, number: int) -> str:
    """The text in Apertium's stream format, its number behind it.

    >>> escape("3*4 = 12.", 7)
    '3[x0]4 = 12.[n7][n7]'
    """
    signs = iter(range(len(text)))
    inner: str = APART.sub(lambda _: f"[x{next(signs)}]", text)
    return f"{inner}[n{number}][n{number}]"


def reading(answer: str, text: str, number: int) -> Translation:
    """The translation in an answer, its marks counted and removed.

    Raises:
        Stopped: it is no answer to the text of that number, or a sign of it is lost.
    """
    signs = APART.findall(text)
    blanks = [found[1] for found in BLANK.finditer(answer) if found[1]]
    if blanks[-2:] != [f"n{number}"] * 2:
        raise Stopped("lost count")
    if sorted(blanks[:-2]) != sorted(f"x{place}" for place in range(len(signs))):
        raise Stopped("lost a sign")
    unknown = sum(1 for found in BLANK.finditer(answer) if found[3])

    def plain(found: regex.Match[str]) -> str:
        if found[1]:
            return str(signs[int(found[1][1:])]) if found[1][0] == "x" else ""
        return found[2] or ""

    return Translation(BLANK.sub(plain, answer), None, unknown)
