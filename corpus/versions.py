"""Versions of a project: its locks and tables at a revision, without checking anything out.

A version is named as git names it (a commit, branch or tag), as DVC names an experiment, as
`workspace`, which is what lies in the folder now, or as PROJECT#REVISION, where PROJECT is another
repository's folder or address. Tables are read where they lie in DVC's cache; what the cache lacks
is fetched into it from the remote, table by table.
"""

import logging
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from corpus.project import LOCK, Home, home, own
from corpus.table import InputError

WORKSPACE = "workspace"
SEPARATOR = "#"  # between a project and its revision; git and pip know it from addresses
PINS = "constraints.txt"
KINDS = {  # what the folders of a stage's output hold, by their name
    "rows": "rows", "train": "rows", "validation": "rows", "test": "rows",
    "ledger": "ledger", "scores": "scores", "clusters": "scores",
}  # fmt: skip
Tree = dict[str, Any]
Paths = dict[str, list[str]]  # of the shards, by kind of table


@dataclass(frozen=True)
class Place:
    """Where a version lies: DVC's repository, a file system, and the project's folder in it."""

    repo: Any  # dvc.repo.Repo: DVC has no types
    fs: Any
    root: str  # of dvc.lock
    at: str = ""  # the project's folder below it

    def text(self, name: str) -> str | None:
        """A tracked file of the version, or None where it has none of that name."""
        path = self.fs.join(self.root, name)
        if not self.fs.exists(path):
            return None
        with self.fs.open(path, "r", encoding="utf-8") as file:
            return str(file.read())


@dataclass(frozen=True)
class Version:
    """A project at a revision: what each stage was made of, and where its tables are."""

    name: str  # as it was asked for
    commit: str | None  # null: the workspace
    place: Place
    lock: dict[str, Tree]  # by stage, in the order of the graph
    pins: dict[str, str] = field(default_factory=dict)  # versions of packages
    found: dict[str, Paths] = field(default_factory=dict)  # the tables that were looked for

    def out(self, stage: str) -> str | None:
        """The hash of all that a stage made; null where it is not told, as on disk."""
        outs = self.lock.get(stage, {}).get("outs", [])
        return None if self.commit is None else "".join(sorted(out["md5"] for out in outs))

    def tables(self, stage: str, fetch: bool = True) -> Paths:
        """The shards of a stage's tables.

        Args:
            fetch: bring what the cache lacks from the remote.

        Raises:
            InputError: they are neither in the cache nor in the remote.
        """
        if stage in self.found:
            return self.found[stage]
        outs = [out for out in self.lock[stage].get("outs", []) if out["md5"].endswith(".dir")]
        found: Paths = {}
        for out in outs:
            on_disk = Path(self.place.root, self.place.at, out["path"])
            shards = (
                disk(on_disk)
                if self.commit is None and on_disk.exists()
                else self.cached(stage, out, fetch)
            )
            for kind, path in shards:
                found.setdefault(kind, []).append(path)
        self.found[stage] = found
        return found

    def cached(self, stage: str, out: Tree, fetch: bool) -> list[tuple[str, str]]:
        """The shards of an output in DVC's cache, fetched where they are not there."""
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_data.hashfile.tree import Tree as Listing

        cache = self.place.repo.cache.local
        self.ensure(stage, [out["md5"]], fetch)
        listing = Listing.load(cache, HashInfo("md5", out["md5"]))
        shards = sorted(
            (key, found.value)
            for key, (_, found) in listing.iteritems()
            if len(key) > 1 and key[-1].endswith(".parquet") and key[-2] in KINDS
        )
        self.ensure(stage, [oid for _, oid in shards], fetch)
        return [(KINDS[key[-2]], cache.oid_to_path(oid)) for key, oid in shards]

    def ensure(self, stage: str, oids: list[str], fetch: bool) -> None:
        """Bring objects from the remote that the cache lacks.

        Raises:
            InputError: there is no remote, or it cannot be read or lacks them too.
        """
        from dvc.config import ConfigError
        from dvc.exceptions import DvcException
        from dvc_data.hashfile.hash_info import HashInfo

        repo = self.place.repo
        missing = {HashInfo("md5", oid) for oid in oids if not repo.cache.local.exists(oid)}
        if not missing:
            return
        start = f"{self.name}: {stage}'s data are not in the cache {repo.cache.local.path}"
        if not fetch:
            raise InputError(f"{start}; 'dvc fetch --all-commits' brings them from a remote")
        try:
            remote = repo.cloud.get_remote_odb(None, "pull")
            failed = repo.cloud.transfer(remote, repo.cache.local, missing, shallow=True).failed
        except ConfigError:
            raise InputError(
                f"{start}, and no default remote is set to fetch them from; name one by "
                "'dvc remote default NAME', or build the revision anew"
            ) from None
        except (OSError, DvcException) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{start}, and the remote cannot be read ({reason})") from None
        lost = [found for found in missing if not repo.cache.local.exists(found.value)]
        if failed or lost:
            raise InputError(
                f"{start}, nor in the remote {remote.path}; whoever built the revision can "
                "'dvc push' them, else it has to be built anew"
            )


def disk(folder: Path) -> list[tuple[str, str]]:
    """The shards of a stage's output on disk, with the kind of their table."""
    paths = sorted(folder.rglob("*.parquet"))
    return [(KINDS[p.parent.name], str(p)) for p in paths if p.parent.name in KINDS]


@contextmanager
def versions(root: Path, *names: str) -> Iterator[list[Version]]:
    """The versions of these names; clones of other repositories are gone afterwards.

    Raises:
        InputError: a revision or repository is unknown, or nothing was built there.
    """
    from dvc.repo.open_repo import clean_repos

    logging.getLogger("dvc").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch:
        opened: dict[Path, Any] = {}
        try:
            yield [version(root, name, Path(scratch), opened) for name in names]
        finally:
            clean_repos()


def version(root: Path, name: str, scratch: Path, opened: dict[Path, Any]) -> Version:
    """The version of a name; see the module.

    Args:
        scratch: where what is fetched for another repository's version lies.
        opened: DVC's repositories by folder; those that are opened are added.
    """
    project, mark, revision = name.rpartition(SEPARATOR)
    if not mark:
        project, revision = (name, "") if (Path(name) / LOCK).exists() else ("", name)
    folder = Path(project) if project else root
    found = home(folder)
    if not folder.is_dir() or not (found.root / ".dvc").is_dir():
        if not project:
            raise InputError(f"{root.resolve()} is no DVC project; run from the folder of dvc.yaml")
        return read(name, *elsewhere(project, revision or None, (home(root).at, scratch)))
    return read(name, *here(found, revision or WORKSPACE, opened))


def here(project: Home, revision: str, opened: dict[Path, Any]) -> tuple[str | None, Place]:
    """The commit of a revision of a project on this machine, and where it lies."""
    from dvc.repo import Repo
    from dvc.scm import RevError, resolve_rev
    from scmrepo.exceptions import SCMError

    if project.root not in opened:
        opened[project.root] = Repo(str(project.root))
    repo = opened[project.root]
    if revision == WORKSPACE:
        return None, Place(repo, repo.fs, repo.root_dir, project.at)
    try:
        commit = resolve_rev(repo.scm, revision)
    except (RevError, SCMError):
        tags = ", ".join(sorted(repo.scm.list_tags())[-3:])
        raise InputError(
            f"{project.root} has no revision {revision!r}: neither commit, branch, tag nor "
            f"experiment{f'; the last tags are {tags}' if tags else ''}; 'workspace' is what lies "
            "in the folder now"
        ) from None
    inside = Path(repo.root_dir).resolve().relative_to(Path(repo.scm.root_dir).resolve())
    top = f"/{inside}" if inside.parts else "/"
    return commit, Place(repo, repo.scm.get_fs(commit), top, project.at)


def elsewhere(
    project: str, revision: str | None, how: tuple[str, Path]
) -> tuple[str | None, Place]:
    """The commit of a revision of another repository, cloned for now, and where it lies.

    Args:
        how: the project's folder in it, and a folder for what is fetched.
    """
    from dvc.exceptions import DvcException
    from dvc.repo.open_repo import open_repo
    from scmrepo.exceptions import SCMError

    at, scratch = how
    try:
        repo = open_repo(project, rev=revision, config={"cache": {"dir": str(scratch)}})
    except (DvcException, SCMError, OSError) as error:
        wanted = f" or has no revision {revision!r}" if revision else ""
        reason = str(error.__cause__ or error).strip().splitlines()[-1]
        raise InputError(f"{project!r} cannot be cloned{wanted} ({reason})") from None
    return str(repo.get_rev()), Place(repo, repo.fs, repo.root_dir, at)


def read(name: str, commit: str | None, place: Place) -> Version:
    """A version with what its lock says.

    Raises:
        InputError: it has no lock, or one that cannot be read.
    """
    found = place.text(LOCK)
    if found is None:
        raise InputError(f"{name} has no {LOCK}: nothing was built or committed there")
    try:
        stages = yaml.load(found, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["stages"]
    except (yaml.YAMLError, KeyError, TypeError):
        raise InputError(f"{name}: {LOCK} is no lock of DVC 3; is a merge unfinished?") from None
    mine = own(stages, place.at)
    if not mine:
        raise InputError(f"{name}: {LOCK} has no stage of {place.at or 'the project at its root'}")
    return Version(name, commit, place, ordered(mine), pinned(place.text(PINS) or ""))


def ordered(stages: Mapping[str, Tree]) -> dict[str, Tree]:
    """The stages of a lock, each after those that it depends on.

    >>> one, two = {"outs": [{"path": "a"}]}, {"deps": [{"path": "a/rows"}]}
    >>> list(ordered({"two": two, "one": one}))
    ['one', 'two']
    """
    done: dict[str, Tree] = {}

    def visit(name: str) -> None:
        if name not in done:
            for before in parents(stages, name):
                visit(before)
            done[name] = stages[name]

    for name in stages:
        visit(name)
    return done


def parents(stages: Mapping[str, Tree], name: str) -> list[str]:
    """The stages whose outputs a stage reads."""
    deps = [dep["path"] for dep in stages[name].get("deps", [])]
    return [
        other
        for other, entry in stages.items()
        if other != name
        and any(
            dep == out["path"] or dep.startswith(f"{out['path']}/")
            for out in entry.get("outs", [])
            for dep in deps
        )
    ]


def pinned(text: str) -> dict[str, str]:
    """The versions of packages that constraints name.

    >>> pinned("pyarrow==26.0.1  # the bytes of Parquet")
    {'pyarrow': '26.0.1'}
    """
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("#")[0].partition("==")
        if equals:
            found[name.strip()] = value.strip()
    return found


def history(root: Path) -> list[tuple[str, str]]:
    """The commits up to HEAD whose lock is another than before, oldest first, and what each is.

    Raises:
        InputError: the folder is in no git repository, or git is missing.
    """
    form = "%H%x09%cs %D%x09%s"
    whole = ("--full-history", "--topo-order", "--diff-filter=AM", "--reverse")
    command = ["git", "log", *whole, f"--format={form}", "--decorate-refs=refs/tags/*"]
    top = home(root).root
    try:
        done = subprocess.run(
            [*command, "--", LOCK], check=True, capture_output=True, text=True, cwd=top
        )
    except (OSError, subprocess.CalledProcessError):
        raise InputError(
            f"{root.resolve()} has no history of git; there are no revisions to look at"
        ) from None
    found = []
    for line in done.stdout.splitlines():
        commit, when, subject = line.split("\t", 2)
        date, _, tags = when.partition(" ")
        found.append((commit, f"{date} {tags.replace('tag: ', '') or subject}"))
    return found
