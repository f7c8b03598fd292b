"""What publishing a folder would change at a Hugging Face Hub, and whether that may be."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import yaml
from huggingface_hub import HfApi, RepoCard, get_token
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from corpus.table import InputError
from train.cards import hashed

OWN = ".gitattributes"  # the Hub's own file
CARD, MARK = "README.md", "milpa"  # a tag of every card that Milpa writes
Changes = dict[str, Literal["new", "changed", "same", "deleted"]]  # by a file's name
Files = dict[str, RepoFile]  # by name


@dataclass(frozen=True)
class Target:
    """Where a folder is to go, and what may happen there."""

    name: str  # owner/name
    kind: Literal["dataset", "model"]  # as the Hub has it
    private: bool
    branch: str
    tag: str | None  # of the commit that is made; null: none
    message: str
    replace: bool  # whether files that Milpa did not put there may go
    squash: bool  # whether earlier versions are to be forgotten

    @property
    def page(self) -> str:
        """The end of its address."""
        return f"datasets/{self.name}" if self.kind == "dataset" else self.name


class Plan(NamedTuple):
    """What the Hub has, and what would change there."""

    exists: bool
    head: str | None  # commit of the branch; null: there is no such branch yet
    changes: Changes
    done: bool  # whether all of it is there already, the tag too


def files_in(folder: Path) -> dict[str, Path]:
    """The files of a folder by their names there, sorted."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return dict(sorted((path.relative_to(folder).as_posix(), path) for path in paths))


def planned(api: HfApi, local: dict[str, Path], target: Target) -> Plan:
    """What would change; nothing is written.

    Raises:
        InputError: nobody is logged in, or what is there must not be changed in this way.
        HfHubHTTPError: the Hub refuses.
    """
    if target.name.count("/") != 1:
        raise InputError(f"a repository is named OWNER/NAME, got {target.name!r}")
    if get_token() is None and api.token is None:
        raise InputError(f"not logged in to {api.endpoint}; run 'hf auth login', or set HF_TOKEN")
    check_account(api, target)
    try:
        info = api.repo_info(target.name, repo_type=target.kind)
    except RepositoryNotFoundError:
        return Plan(False, None, dict.fromkeys(local, "new"), False)
    if info.private is not target.private:
        raise InputError(seen(info.private is True, target))
    refs = api.list_repo_refs(target.name, repo_type=target.kind)
    heads = {ref.name: ref.target_commit for ref in refs.branches}
    head = heads.pop(target.branch, None)
    start = head or info.sha  # a new branch begins as the main one
    there = files_at(api, target, start) if start else {}
    changes = changed(local, there)
    if not target.replace:
        check_card(api, local, target, (start, there))
    moved = head is None or set(changes.values()) != {"same"}
    tags = {ref.name: ref.target_commit for ref in refs.tags}
    check_refs(target, [*tags, *heads], moved or tags.get(target.tag or "", head) != head)
    return Plan(True, head, changes, not moved and (target.tag is None or target.tag in tags))


def check_account(api: HfApi, target: Target) -> None:
    """Pass where the token is known and not one that only reads.

    Raises:
        InputError: it only reads.
    """
    user = api.whoami()
    token = user.get("auth", {}).get("accessToken", {})
    if token.get("role") == "read":
        raise InputError(
            f"the token of {user['name']} only reads, and cannot write to {target.page}; make one "
            f"that writes at {api.endpoint}/settings/tokens, then 'hf auth login'"
        )


def seen(private: bool, target: Target) -> str:
    """What to do where a repository is not as visible as was asked."""
    kind = f" --repo-type {target.kind}" if target.kind == "dataset" else ""
    if private:
        return (
            f"{target.page} is private; leave out --public, or open it to all first: "
            f"'hf repos settings {target.name}{kind} --public'"
        )
    return f"{target.page} is public: everybody would have it; say --public, or name another place"


def files_at(api: HfApi, target: Target, commit: str) -> Files:
    """The files of a commit, but for the Hub's own."""
    tree = api.list_repo_tree(
        target.name, repo_type=target.kind, revision=commit, recursive=True
    )  # fmt: skip
    return {f.path: f for f in tree if isinstance(f, RepoFile) and f.path != OWN}


def changed(local: dict[str, Path], there: Files) -> Changes:
    """What becomes of each file, here or there."""
    found: Changes = {}
    for name, path in local.items():
        if name not in there:
            found[name] = "new"
        else:
            found[name] = "same" if same(path, there[name]) else "changed"
    return found | dict.fromkeys(sorted(there.keys() - local.keys()), "deleted")


def same(path: Path, there: RepoFile) -> bool:
    """Whether a file has the bytes that the Hub has, by the hash that it keeps of them."""
    if there.lfs is not None:
        return bool(there.lfs.sha256 == hashed(path))
    content = path.read_bytes()  # git's own file: a few megabytes at most
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return bool(there.blob_id == blob.hexdigest())


def check_card(
    api: HfApi, local: dict[str, Path], target: Target, was: tuple[str | None, Files]
) -> None:
    """Pass where nothing is there, or an earlier version of the same by Milpa.

    Args:
        was: commit and files of what is there.

    Raises:
        InputError: something else is there.
    """
    commit, there = was
    if not there:
        return
    here, _ = titled(local[CARD].read_text("utf-8"))
    title, ours = "", False
    if CARD in there:
        text = api.hf_hub_download(target.name, CARD, repo_type=target.kind, revision=commit)
        title, ours = titled(Path(text).read_text("utf-8", "replace"))
    if not ours or title != here:
        held = f"{title!r}" if title else ", ".join(sorted(there)[:3])
        raise InputError(
            f"{target.page} holds something else ({held}, {len(there)} files), not {here!r} by "
            "Milpa; name another place, or say --replace to delete what is there"
        )


def titled(text: str) -> tuple[str, bool]:
    """The title of a card, and whether Milpa wrote it."""
    try:
        card = RepoCard(text, ignore_metadata_errors=True)
    except (ValueError, yaml.YAMLError):
        return "", False
    lines = (line for line in card.text.splitlines() if line.startswith("# "))
    return next(lines, "").removeprefix("# "), MARK in (card.data.get("tags") or [])


def check_refs(target: Target, others: list[str], moves: bool) -> None:
    """Pass where the tag is free, or already where it should be, and nothing keeps old versions.

    Args:
        others: tags and other branches.
        moves: whether the tag would name something else than it does.

    Raises:
        InputError: the tag names another version, or squashing would leave old ones.
    """
    if target.tag in others and moves:
        raise InputError(f"{target.page} has a version {target.tag} already; name another --tag")
    if target.squash and others:
        raise InputError(
            f"{', '.join(sorted(others))} would keep what --squash is to forget; delete these tags "
            "and branches first: 'hf repos tag delete', 'hf repos branch delete'"
        )
