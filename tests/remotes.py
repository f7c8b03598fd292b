"""Projects, and remotes that DVC pushes them to and pulls them from, each over a real server."""

import contextlib
import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from calls import Call, dvc
from servers import Relay, Server, free_port, listens, relay

HERE = Path(__file__).parent
USER, SECRET = "milpa", "in-tlilli-in-tlapalli"
BUCKET = "s3://corpus/dvc"
ACCESS = "milpa:tester"  # Swift's account and user
TEXTS = ("In tlacatl quitta in ātl.", "Namni bishaan arga.", "ሰውየው ውሃ ያያል።")
FILES, LINES = 40, 3000
HALF = 1_500_000  # bytes, of about 3.5 million
STAGE = """stages:
  size:
    cmd: wc -c data/texts/00.txt > size.txt && echo ran >> ran.txt
    deps: [data/texts]
    outs: [size.txt]
"""


@dataclass
class Remote:
    """A remote of DVC over a server, or over none."""

    kind: str
    url: str  # where one reads
    store: str  # where one writes: the same, where the server takes writes
    folder: Path  # where its bytes lie on this disk
    settings: dict[str, str] = field(default_factory=dict)  # git may keep them
    credentials: dict[str, str] = field(default_factory=dict)  # git may not
    wrong: dict[str, str] = field(default_factory=dict)
    server: Server | None = None
    relay: Relay | None = None

    def configure(self, project: Path, url: str, **credentials: str) -> None:
        """Write what `dvc remote add`, `modify` and `modify --local` would."""
        shared, local = project / ".dvc/config", project / ".dvc/config.local"
        plain = {"url": url, "verify": "true"}
        given = self.settings if url == self.url else {}
        secret = {**self.credentials, **credentials} if url == self.url else {}
        write(
            shared, {"core": CORE | {"remote": "store"}, "cache": CACHE, REMOTE: {**plain, **given}}
        )
        write(local, {REMOTE: secret})

    def interrupt(self, call: "Call", victim: str, watched: Path) -> None:
        """Kill the server, or the call, when the transfer is half done."""
        act = self.server.kill if self.server and victim == "server" else call.kill
        if self.relay is None:
            threading.Thread(target=watch, args=(watched, act), daemon=True).start()
        else:
            self.relay.then = act
            self.relay.most_bytes = self.relay.passed + HALF

    def restart(self) -> None:
        """Start the server again if it was killed."""
        if self.server and not listens(self.server.port):
            self.server.start()

    def alter(self, name: str) -> None:
        """Put other bytes of the same length under the name of an object."""
        if self.kind == "s3":
            client, key = storage(self.server.port), f"dvc/files/md5/{name[:2]}/{name[2:]}"
            size = client.head_object(Bucket="corpus", Key=key)["ContentLength"]
            client.put_object(Bucket="corpus", Key=key, Body=b"?" * size)
            return
        path = self.folder / "files/md5" / name[:2] / name[2:]
        path.chmod(0o644)
        path.write_bytes(b"?" * path.stat().st_size)


def watch(folder: Path, act: Callable[[], None]) -> None:
    """Act as soon as half of the files are in the folder."""
    while sum(1 for _ in folder.glob("files/md5/??/*")) < FILES // 4:
        time.sleep(0.001)
    act()


REMOTE = "'remote \"store\"'"
CORE = {"analytics": "false", "check_update": "false"}
USERS = ".dvc/tmp/DVC_GLOBAL_CONFIG_DIR"  # where a user's own settings lie
CACHE = {"type": "reflink,copy"}


def write(path: Path, sections: dict[str, dict[str, str]]) -> None:
    """A file of settings as DVC reads it."""
    settings = ConfigParser(interpolation=None)
    settings.read_dict(sections)
    with path.open("w", encoding="utf-8") as file:
        settings.write(file)


@contextlib.contextmanager
def served(kind: str, folder: Path) -> Iterator[Remote]:
    """A remote of a kind whose bytes lie in `folder`, its server running."""
    if kind == "local":
        yield Remote(kind, str(folder), str(folder), folder)
        return
    needs, program = NEEDS[kind]
    missing = [name for name in needs if not find_spec(name)]
    if missing:
        pytest.skip(f"{kind}: {', '.join(missing)} not installed; 'pip install milpa[dev]' has it")
    port = free_port()
    user = ACCESS if kind == "s3" else USER
    command = [sys.executable, *program, str(folder), str(port), user, SECRET]
    server = Server(folder, command, port)
    with relay(port) as before:
        server.start()
        try:
            yield remote(kind, folder, server, before)
        finally:
            server.kill()


NEEDS = {
    "ssh": (("dvc_ssh", "asyncssh"), (str(HERE / "servers.py"), "ssh")),
    "webdav": (("dvc_webdav", "wsgidav", "cheroot"), (str(HERE / "servers.py"), "webdav")),
    "http": (("wsgidav", "cheroot"), (str(HERE / "servers.py"), "webdav")),
    "s3": (("dvc_s3", "swift"), (str(HERE / "objectstore.py"),)),
}


def remote(kind: str, folder: Path, server: Server, before: Relay) -> Remote:
    """What DVC must be told of a server that runs."""
    place = f"127.0.0.1:{before.port}"
    there = {"folder": folder, "server": server, "relay": before}
    if kind == "s3":
        storage(server.port).create_bucket(Bucket="corpus")
        endpoint = {"endpointurl": f"http://{place}", "region": "us-east-1"}
        keys = {"access_key_id": ACCESS, "secret_access_key": SECRET}
        wrong = {"secret_access_key": "wrong"}
        return Remote(
            kind, BUCKET, BUCKET, settings=endpoint, credentials=keys, wrong=wrong, **there
        )
    url = f"{kind}://{place}/"
    known = {"credentials": {"user": USER, "password": SECRET}, "wrong": {"password": "wrong"}}
    if kind == "http":
        return Remote(kind, url, str(folder), settings={"auth": "basic"}, **known, **there)
    return Remote(kind, url, url, **known, **there)


def storage(port: int) -> Any:
    """The store as its administrator reaches it, past the relay."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
    )


def make(project: Path) -> None:
    """A project with a folder of texts and a stage."""
    texts = project / "data/texts"
    texts.mkdir(parents=True)
    for number in range(FILES):
        line = f"{number} {TEXTS[number % len(TEXTS)]}\n"
        (texts / f"{number:02}.txt").write_text(line * LINES, "utf-8")
    (project / "dvc.yaml").write_text(STAGE)
    empty(project)
    dvc(project, "add", "data/texts")
    dvc(project, "repro")
    commit(project, ".")


def empty(project: Path) -> Path:
    """A project of git and DVC, as `dvc init` makes it."""
    (project / USERS).mkdir(parents=True)
    (project / ".gitignore").write_text("/ran.txt\n/.dvc.log\n")
    (project / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    write(project / ".dvc/config", {"core": CORE, "cache": CACHE})
    git(project, "init", "-q")
    return project


def commit(project: Path, path: str) -> None:
    """Commit a path."""
    git(project, "add", path)
    git(project, "-c", "user.name=m", "-c", "user.email=m@m", "commit", "-qm", path)


def git(project: Path, *words: str) -> None:
    """Run git in a project."""
    subprocess.run(["git", *words], cwd=project, check=True)


def clone(project: Path, place: Path) -> Path:
    """A fresh clone, which holds no data."""
    git(project.parent, "clone", "-q", str(project), str(place))
    (place / ".dvc/tmp").mkdir(exist_ok=True)
    return place


def digests(project: Path) -> dict[str, str]:
    """The MD5 of every file of data."""
    files = [*(project / "data/texts").glob("*"), project / "size.txt"]
    there = [path for path in files if path.exists()]
    return {str(path.relative_to(project)): md5(path.read_bytes()) for path in there}


def md5(content: bytes) -> str:
    """As DVC names objects."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def unsound(store: Path) -> list[str]:
    """Objects in a store on this disk whose bytes are not what their name says."""
    found = {path.parent.name + path.name: path for path in store.glob("files/md5/??/*")}
    named = {name: path for name, path in found.items() if len(name.removesuffix(".dir")) == 32}
    return [name for name, path in named.items() if md5(path.read_bytes()) != name[:32]]
