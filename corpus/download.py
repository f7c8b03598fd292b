"""Brings what an address names, one function a scheme, as a file or folder not yet checked.

Each uses the program that people know (pip, npm, the Hugging Face client) with their own
configuration.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from ssl import SSLError
from textwrap import shorten
from urllib.error import URLError
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from tqdm import tqdm

from corpus.table import InputError

BLOCK = 1 << 20  # bytes
SAFE = "%/?:@!$&'()*+,;=~[]"  # stays as it stands in an address
STDERR = 2  # the file descriptor: a program shows its progress there
HUB = re.compile(  # owner/name@commit[/file], as the Hub's own file system writes it
    r"(?P<kind>datasets/|spaces/)?(?P<repo>[\w.-]+(/[\w.-]+)?)@(?P<commit>[0-9a-f]{40})(/(?P<file>.+))?"
)


def from_pypi(requirement: str, scratch: Path) -> Path:
    """The wheel that pip downloads with the user's own configuration; nothing is installed."""
    program = [sys.executable, "-m", "pip"] if find_spec("pip") else [program_path("pip")]
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
    command = [*program, "download", *options, "--dest", str(scratch), "--", requirement]
    return from_program("pip", command, scratch)


def from_npm(package: str, scratch: Path) -> Path:
    """The tarball that `npm pack` downloads with the user's own configuration; no script is run."""
    options = ["--ignore-scripts", "--pack-destination", str(scratch)]
    return from_program("npm", [program_path("npm"), "pack", *options, "--", package], scratch)


def program_path(name: str) -> str:
    """Where a program is.

    Raises:
        InputError: it is not on PATH.
    """
    if path := shutil.which(name):
        return path
    raise InputError(f"needs the program {name!r}, which is not on PATH; install it")


def from_program(name: str, command: list[str], scratch: Path) -> Path:
    """The one file that a program leaves in `scratch`, whatever it prints.

    Raises:
        InputError: it fails, or leaves another number of files.
    """
    made = subprocess.run(command, stdout=STDERR, stderr=subprocess.PIPE)
    files = [path for path in scratch.iterdir() if path.is_file()]
    if made.returncode or len(files) != 1:
        said = made.stderr.decode("utf-8", "replace")
        raise InputError(
            f"{name} could not bring {command[-1]!r} ({complaint(said)}); "
            f"check the name, the network and {name}'s own configuration"
        )
    return files[0]


def complaint(said: str) -> str:
    r"""What a program complains of, on one line: its lines with an error, else all it said.

    >>> complaint("notice: a new version\nERROR: no such package\n")
    'ERROR: no such package'
    """
    lines = [" ".join(line.split()) for line in said.splitlines()]
    errors = [line for line in lines if "error" in line.lower() and "log of this run" not in line]
    return shorten(" ".join(errors or lines), 400, placeholder=" …") or "it said nothing"


def from_hub(address: str, scratch: Path) -> Path:
    """A file, or a folder with all files, of a Hugging Face repository at a commit.

    Raises:
        InputError: the address lacks a commit, or the Hub cannot be reached or has no such thing.
    """
    parts = HUB.fullmatch(address)
    if parts is None:
        raise InputError(
            f"hf: needs owner/name@<40 hex digits of a commit>[/file], got {address!r}"
        )
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    name, commit, file = parts["repo"], parts["commit"], parts["file"]
    kind = {"datasets/": "dataset", "spaces/": "space"}.get(parts["kind"], "model")
    try:
        if file:
            return Path(hf_hub_download(name, file, revision=commit, repo_type=kind))
        return Path(snapshot_download(name, revision=commit, repo_type=kind))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"the Hugging Face Hub did not give {address!r} ({said(error)}); "
            "check the name, the commit, the network and HF_ENDPOINT"
        ) from error


def from_url(scheme: str) -> Callable[[str, Path], Path]:
    """The function that downloads a file by HTTP or HTTPS."""

    def download(rest: str, scratch: Path) -> Path:
        url = f"{scheme}:{rest}"
        path = scratch / (PurePosixPath(rest.split("?")[0]).name or "file")
        try:
            with urlopen(
                Request(ascii_only(url), headers={"User-Agent": "milpa"}), timeout=60
            ) as answer:
                size = int(answer.headers.get("Content-Length") or 0)
                with (
                    path.open("wb") as file,
                    tqdm(total=size or None, unit="B", unit_scale=True, desc=path.name) as bar,
                ):
                    while block := answer.read(BLOCK):
                        file.write(block)
                        bar.update(len(block))
        except (
            URLError,
            HTTPException,
            TimeoutError,
            ConnectionError,
            SSLError,
            ValueError,
        ) as error:
            raise InputError(
                f"{url} cannot be had ({said(error)}); check the address and the network"
            ) from error
        if size and path.stat().st_size != size:
            raise InputError(f"{url} broke off at {path.stat().st_size} of {size} bytes; run again")
        return path

    return download


def ascii_only(url: str) -> str:
    """An address as HTTP takes it: letters beyond ASCII quoted, the host's in IDNA.

    >>> ascii_only("https://nāhuatl.mx/ꞌa b.txt?q=é%20#é")
    'https://xn--nhuatl-3za.mx/%EA%9E%8Ca%20b.txt?q=%C3%A9%20#%C3%A9'
    """
    parts = urlsplit(url)
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    path, query, fragment = (quote(part, safe=SAFE) for part in parts[2:])
    return urlunsplit((parts.scheme, host, path, query, fragment))


def said(error: Exception) -> str:
    """What an error says, on one line."""
    return shorten(str(error), 300, placeholder=" …") or type(error).__name__


def from_path(path: str, scratch: Path) -> Path:
    """A file or folder of this machine, relative to params.yaml.

    Raises:
        InputError: it does not exist.
    """
    if not Path(path).exists():
        raise InputError(f"{path} does not exist; put it there, or mend the address")
    return Path(path)


SCHEMES: dict[str, Callable[[str, Path], Path]] = {
    "pypi": from_pypi,
    "npm": from_npm,
    "hf": from_hub,
    "http": from_url("http"),
    "https": from_url("https"),
    "path": from_path,
}
