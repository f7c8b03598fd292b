"""A stand-in of the Hugging Face Hub on loopback: the part of its API that publishing uses.

`python tests/hubserver.py PORT` serves in the foreground, for trying by hand: HF_TOKEN=hf_writes.
Repositories are commits of whole files in memory. A commit comes to be at once or not at all, a
large file is stored only whole and under its own hash, and both need a token that may write there.
Large files come by LFS, where the client has HF_HUB_DISABLE_XET=1, or by Xet into a folder.
"""

import contextlib
import hashlib
import json
import socket
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from hubxet import fetched

USERS = {  # by token: name, role, organisations
    "hf_writes": ("citlali", "write", ("amoxtli",)),
    "hf_reads": ("citlali", "read", ("amoxtli",)),
    "hf_stranger": ("ana", "write", ()),
}
LARGE = (".parquet", ".safetensors")  # as the Hub's .gitattributes has them
ATTRIBUTES = "".join(f"*{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in LARGE)


class File(NamedTuple):
    """A file of a commit."""

    content: bytes
    large: bool

    @property
    def sha256(self) -> str:
        """The name of a large file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def oid(self) -> str:
        """Git's hash; of a large file that of what the Hub keeps in git."""
        kept = f"oid sha256:{self.sha256}\n".encode() if self.large else self.content
        return hashlib.sha1(b"blob %d\0" % len(kept) + kept).hexdigest()

    @property
    def tag(self) -> str:
        """By which the client tells whether it has it."""
        return self.sha256 if self.large else self.oid


Files = dict[str, File]


@dataclass
class Repository:
    """Branches and tags over commits, and the large files that were uploaded."""

    private: bool
    commits: dict[str, Files] = field(default_factory=dict)
    history: dict[str, list[str]] = field(default_factory=dict)  # of each branch, oldest first
    tags: dict[str, str] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)  # by SHA-256

    def at(self, revision: str) -> str | None:
        """The commit that a branch, a tag or a commit's hash names."""
        if revision in self.history:
            return self.history[revision][-1]
        return self.tags.get(revision) or (revision if revision in self.commits else None)

    def commit(self, branch: str, files: Files, message: str) -> str:
        """Add a commit to a branch; returns its name."""
        before = self.history.get(branch, [])
        whole = [*before[-1:], message, *sorted((n, f.oid) for n, f in files.items())]
        name = hashlib.sha1(json.dumps(whole).encode()).hexdigest()
        self.commits[name] = dict(files)
        self.history[branch] = [*before, name]
        return name

    def squash(self, branch: str, message: str) -> None:
        """Forget the commits of a branch but for its last."""
        files = self.commits[self.history.pop(branch)[-1]]
        self.commit(branch, files, message)
        kept = {*self.tags.values(), *(c for of in self.history.values() for c in of)}
        self.commits = {name: of for name, of in self.commits.items() if name in kept}


class Refused(Exception):  # noqa: N818 - it is an answer
    """An answer that is no success."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Hub:
    """All that the server has, and how it is to fail."""

    address: str = ""
    xet: Path | None = None  # where large files come to that are sent by Xet; null: none may
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)  # kind, name
    asked: list[tuple[str, str]] = field(default_factory=list)  # method and path of each request
    ignored: tuple[str, ...] = ()  # files that a .gitignore keeps out
    dies: Callable[[str, str], bool] = lambda method, path: False  # whether it dies at a request
    dead: bool = False
    open: bool = False  # whether whatever is made is public
    full: bool = False  # whether there is no room for large files
    meanwhile: Callable[[], None] | None = None  # before the next commit
    lock: Any = field(default_factory=threading.RLock)


class Handler(BaseHTTPRequestHandler):
    """A connection; the server that it belongs to has the `hub`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits 40 ms
    server: Any

    def do_GET(self) -> None:
        """Answer whatever is asked."""
        self.answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        """Answer, unless the server is dead."""
        hub: Hub = self.server.hub
        path = urlsplit(self.path).path
        with hub.lock:
            hub.asked.append((self.command, path))
            hub.dead = hub.dead or hub.dies(self.command, path)
        self.close_connection = hub.dead
        if hub.dead:
            self.rfile.read1(1000)  # a part of what was sent, then nothing
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = self.body()
        try:
            with hub.lock:
                self.send(*respond(hub, self, path.strip("/").split("/"), body))
        except Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": str(refused)}
            self.send(refused.status, {"error": str(refused)}, headers)

    def body(self) -> bytes:
        """What was sent, whole; a client that dies leaves less than it said."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def send(self, status: int, what: object, headers: dict[str, str] | None = None) -> None:
        """Send an answer."""
        content = what if isinstance(what, bytes) else json.dumps(what).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # the client is dead
                self.wfile.write(content)


Answer = tuple[int, object, dict[str, str]]


def respond(hub: Hub, asked: Handler, parts: list[str], body: bytes) -> Answer:
    """The answer to a request."""
    if parts[0] == "stored":
        return kept(hub, parts, body)
    user = USERS.get((asked.headers.get("Authorization") or "").removeprefix("Bearer "))
    if asked.headers.get("Authorization") and user is None:
        raise Refused(401, "Invalid credentials in Authorization header")
    form = asked.headers.get("Content-Type", "")
    plain = body.decode() if form.endswith("urlencoded") else urlsplit(asked.path).query
    of_json = form.endswith("json") and "ndjson" not in form
    tree = json.loads(body) if of_json else parse_qs(plain)
    if parts == ["api", "whoami-v2"]:
        if user is None:
            raise Refused(401, "Invalid username or password.")
        orgs = [{"name": name} for name in user[2]]
        token = {"accessToken": {"role": user[1]}}
        return 200, {"type": "user", "name": user[0], "orgs": orgs, "auth": token}, {}
    if parts == ["api", "validate-yaml"]:
        return validated(tree["content"])
    if parts == ["api", "repos", "create"]:
        return created(hub, tree, user)
    return of_repository(hub, parts, (asked.command, tree, body), user)


def kept(hub: Hub, parts: list[str], body: bytes) -> Answer:
    """Take a large file at a signed address: without a token."""
    repository = hub.repositories[parts[1], "/".join(parts[2:4])]
    if hub.full:
        raise Refused(507, "no space left")
    if hashlib.sha256(body).hexdigest() != parts[4]:
        raise Refused(400, "the content is not what was announced")
    repository.stored[parts[4]] = body
    return 200, {}, {}


def validated(card: str) -> Answer:
    """Whether the header of a card is YAML."""
    try:
        yaml.safe_load(card.split("---\n")[1])
    except (IndexError, yaml.YAMLError):
        return 400, {"errors": [{"message": "no YAML"}], "warnings": []}, {}
    return 200, {"errors": [], "warnings": []}, {}


def may_write(user: Any, owner: str) -> None:
    """Pass where a user may write to what an owner has."""
    if user is None or user[1] != "write" or owner not in (user[0], *user[2]):
        raise Refused(403, f"you have no right to write to {owner}")


def created(hub: Hub, tree: Any, user: Any) -> Answer:
    """Make a repository."""
    owner = tree["organization"] or (user or ("",))[0]
    may_write(user, owner)
    key = tree.get("type", "model"), f"{owner}/{tree['name']}"
    if key in hub.repositories:
        raise Refused(409, "You already created this repo")
    made = hub.repositories[key] = Repository(tree["visibility"] == "private" and not hub.open)
    made.commit("main", {".gitattributes": File(ATTRIBUTES.encode(), False)}, "initial commit")
    return 200, {"url": f"{hub.address}/{'datasets/' * (key[0] == 'dataset')}{key[1]}"}, {}


def of_repository(hub: Hub, parts: list[str], sent: tuple[str, Any, bytes], user: Any) -> Answer:
    """The answer to a request about a repository."""
    api = parts[0] == "api"
    if len(parts) < 2 + api:
        raise Refused(404, "no such page")
    kind = "dataset" if "datasets" in parts[:2] else "model"
    parts = parts[2:] if api else parts[kind == "dataset" :]
    owner, name, *rest = *parts[:2], *(unquote(part) for part in parts[2:])
    found = hub.repositories.get((kind, f"{owner}/{name.removesuffix('.git')}"))
    may_read = user is not None and owner in (user[0], *user[2])
    if found is None or (found.private and not may_read):
        raise Refused(404 if user else 401, "Repository not found", "RepoNotFound")
    method, tree, body = sent
    if rest[:1] == ["xet-write-token"]:
        may_write(user, owner)
        later = str(int(time.time()) + 3600)
        told = {"Cas-Url": f"local://{hub.xet}", "Access-Token": "x", "Token-Expiration": later}
        tree = {"casUrl": told["Cas-Url"], "accessToken": "x", "exp": int(later)}
        return 200, tree, {f"X-Xet-{name}": value for name, value in told.items()}
    if method in ("GET", "HEAD") or rest[0] == "paths-info":
        return 200, *read(found, f"{owner}/{name}", rest or [""], tree)
    may_write(user, owner)
    if rest[:2] == ["info", "lfs"]:
        place = f"{hub.address}/stored/{kind}/{owner}/{name.removesuffix('.git')}"
        return 200, {"transfer": "basic", "objects": [
            {**one, **({} if one["oid"] in found.stored else
                       {"actions": {"upload": {"href": f"{place}/{one['oid']}"}}})}
            for one in tree["objects"]
        ]}, {}  # fmt: skip
    return 200, written(hub, found, rest, tree, body), {}


def read(found: Repository, name: str, rest: list[str], tree: Any) -> tuple[object, dict[str, str]]:
    """What is asked about a repository."""
    if rest[0] == "refs":
        heads = {branch: commits[-1] for branch, commits in found.history.items()}
        return {
            "converts": [],
            **{
                kind: [{"name": n, "ref": f"refs/{n}", "targetCommit": c} for n, c in of.items()]
                for kind, of in (("branches", heads), ("tags", found.tags))
            },
        }, {}
    if rest[0] == "lfs-files":
        return [
            {"fileOid": sha, "oid": sha, "filename": sha, "size": len(content), "ref": None,
             "pushedAt": "2026-11-25T00:00:00.000Z"}
            for sha, content in found.stored.items()
        ], {}  # fmt: skip
    commit = found.at(rest[1] if len(rest) > 1 else "main")
    if commit is None:
        raise Refused(404, "Invalid rev id", "RevisionNotFound")
    files = found.commits[commit]
    if rest[0] == "tree":
        return listing(files, "/".join(rest[2:]), tree["recursive"] == ["true"]), {}
    if rest[0] == "paths-info":
        return [entry(path, files[path]) for path in tree["paths"] if path in files], {}
    if rest[0] == "resolve":
        path = "/".join(rest[2:])
        if path not in files:
            raise Refused(404, "Entry not found", "EntryNotFound")
        return files[path].content, {"ETag": f'"{files[path].tag}"', "X-Repo-Commit": commit}
    siblings = [{"rfilename": path} for path in files]
    return {"id": name, "sha": commit, "private": found.private, "tags": [],
            "siblings": siblings, "lastModified": "2026-11-25T00:00:00.000Z"}, {}  # fmt: skip


def listing(files: Files, folder: str, deep: bool) -> list[dict[str, Any]]:
    """The files of a folder and of those in it, or its files and folders."""
    start, found = f"{folder}/" if folder else "", {}
    for path, one in files.items():
        if path.startswith(start):
            name = path if deep else start + path.removeprefix(start).split("/")[0]
            nested = {"type": "directory", "path": name, "oid": "0" * 40}
            found[name] = entry(path, one) if name == path else nested
    if not found:
        raise Refused(404, "Entry not found", "EntryNotFound")
    return [*found.values()]


def entry(path: str, one: File) -> dict[str, Any]:
    """A file as a listing has it."""
    large = {"oid": one.sha256, "size": len(one.content), "pointerSize": 134}
    told = {"type": "file", "path": path, "size": len(one.content), "oid": one.oid}
    return told | ({"lfs": large} if one.large else {})


def written(hub: Hub, found: Repository, rest: list[str], tree: Any, body: bytes) -> object:
    """What comes of a change."""
    what, revision = rest[0], rest[1]
    if what == "preupload":
        return announced(hub, found.commits[found.at(revision) or ""], tree["files"])
    if what == "commit":
        return committed(hub, found, revision, [json.loads(line) for line in body.splitlines()])
    if what == "super-squash":
        found.squash(revision, tree["message"])
    elif what == "lfs-files":
        found.stored = {k: v for k, v in found.stored.items() if k not in tree["deletions"]["sha"]}
    elif what == "branch":
        found.history[revision] = list(found.history["main"])
    elif what == "tag":
        found.tags[tree["tag"]] = found.at(revision) or ""
    return {}


def announced(hub: Hub, files: Files, asked: list[Any]) -> object:
    """How each file is to be sent, and what is there under its name."""
    return {"files": [
        {"path": one["path"], "shouldIgnore": one["path"] in hub.ignored,
         "uploadMode": "lfs" if one["path"].endswith(LARGE) else "regular",
         "oid": files[one["path"]].tag if one["path"] in files else None}
        for one in asked
    ]}  # fmt: skip


def committed(hub: Hub, found: Repository, branch: str, lines: list[Any]) -> object:
    """Make a commit of all of its lines, or none."""
    if hub.meanwhile:
        hub.meanwhile()
        hub.meanwhile = None
    head = lines[0]["value"]
    if head.get("parentCommit") not in (None, found.at(branch)):
        raise Refused(412, "A commit has happened since. Please refresh and try again.")
    files = dict(found.commits[found.at(branch) or ""])
    for line in lines[1:]:
        value = line["value"]
        if line["key"] == "deletedFile":
            del files[value["path"]]
        elif line["key"] == "file":
            files[value["path"]] = File(b64decode(value["content"]), False)
        else:
            files[value["path"]] = File(content(hub, found, value), True)
    name = found.commit(branch, files, head["summary"])
    return {"commitUrl": f"{hub.address}/any/one/commit/{name}", "commitOid": name}


def content(hub: Hub, found: Repository, value: Any) -> bytes:
    """What was sent of a large file before the commit."""
    if value["oid"] not in found.stored and hub.xet:
        whole = fetched(hub.xet, value["oid"], value["size"]) or b""
        found.stored[hashlib.sha256(whole).hexdigest()] = whole
    if value["oid"] not in found.stored:
        raise Refused(400, f"no content was uploaded for {value['path']}")
    return found.stored[value["oid"]]


@contextlib.contextmanager
def hub(port: int = 0) -> Iterator[Hub]:
    """A Hub with nothing in it, in threads of this process."""
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        server.hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.hub  # type: ignore[attr-defined]
        finally:
            server.shutdown()


if __name__ == "__main__":
    with hub(int(sys.argv[1])):
        threading.Event().wait()
