"""What is pushed comes back byte by byte, whatever the remote, and whoever is killed.

One law for every kind of remote, over real servers on loopback (servers.py, objectstore.py).
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import begin, dvc
from remotes import (
    REMOTE,
    USERS,
    Remote,
    clone,
    commit,
    digests,
    empty,
    git,
    make,
    served,
    unsound,
    write,
)

KINDS = ("local", "ssh", "webdav", "s3", "http")
WRITTEN = KINDS[:-1]  # HTTP is read only: somebody else fills its folder
REFUSED = {  # what DVC says to a wrong password, what check-remote does
    "ssh": ("failed to connect to ssh", "password:"),  # both ask for another one
    "webdav": ("received 401 (Not Authorized)", "received 401 (Not Authorized)"),
    "s3": ("Forbidden", "files/md5: Forbidden"),
    "http": ("Missing cache files", "password are wrong"),  # DVC takes a refusal for an absence
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "project"
    make(folder)
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the bytes of a remote lie on this disk."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def remote(request: pytest.FixtureRequest, store: Path) -> Iterator[Remote]:
    with served(request.param, store) as found:
        yield found


def every(*kinds: str) -> pytest.MarkDecorator:
    """The law holds for remotes of these kinds."""
    return pytest.mark.parametrize("remote", kinds, indirect=True)


def either(*kinds: str) -> pytest.MarkDecorator:
    """The law holds whether the server is killed or DVC; a folder has no server."""
    cases = [
        (kind, who)
        for kind in kinds
        for who in ("server", "dvc")
        if (kind, who) != ("local", "server")
    ]
    return pytest.mark.parametrize(("remote", "victim"), cases, indirect=["remote"])


@every(*KINDS)
def test_a_fresh_clone_has_the_same_bytes(project: Path, remote: Remote, tmp_path: Path) -> None:
    remote.configure(project, remote.store)
    dvc(project, "push", "--run-cache")
    other = clone(project, tmp_path / "other")
    remote.configure(other, remote.url)
    dvc(other, "pull", "--run-cache")
    assert digests(other) == digests(project)
    (other / "dvc.lock").unlink()
    dvc(other, "repro")
    ran = (other / "ran.txt").exists()
    assert ran == remote.url.startswith("http")  # DVC lists no folder over HTTP: no run-cache


@either(*WRITTEN)
def test_a_push_that_was_killed(
    project: Path, remote: Remote, store: Path, tmp_path: Path, victim: str
) -> None:
    remote.configure(project, remote.url)
    call = begin(project, "dvc", "push")
    remote.interrupt(call, victim, store)
    status, said = call.ended()
    assert status != 0, said
    remote.restart()
    assert not unsound(store) or remote.kind == "webdav"  # the others rename what is whole
    mended(project, remote)
    arrives(project, remote, tmp_path / "other")


@either(*KINDS)
def test_a_pull_that_was_killed(project: Path, remote: Remote, tmp_path: Path, victim: str) -> None:
    remote.configure(project, remote.store)
    dvc(project, "push")
    other = clone(project, tmp_path / "other")
    remote.configure(other, remote.url)
    call = begin(other, "dvc", "pull")
    remote.interrupt(call, victim, other / ".dvc/cache")
    status, said = call.ended()
    assert status != 0, said
    assert digests(other).items() <= digests(project).items()
    remote.restart()
    dvc(other, "pull")
    assert digests(other) == digests(project)
    assert not unsound(other / ".dvc/cache")


@every(*KINDS)
def test_an_altered_object_is_refused_and_named(
    project: Path, remote: Remote, tmp_path: Path
) -> None:
    remote.configure(project, remote.store)
    dvc(project, "push")
    name = digests(project)["data/texts/07.txt"]
    remote.alter(name)
    other = clone(project, tmp_path / "other")
    remote.configure(other, remote.url)
    status, said = begin(other, "dvc", "pull").ended()
    assert status != 0, said
    assert digests(other).items() <= digests(project).items()
    status, said = begin(other, "milpa", "check-remote", "--read").ended()
    assert status != 0, said
    assert f"{name} (data/texts/07.txt): its bytes have the MD5" in said
    assert said.count("its bytes have") == 1


@every("local", "webdav")
def test_another_project_imports_with_credentials_that_it_does_not_keep(
    project: Path, remote: Remote, tmp_path: Path
) -> None:
    remote.configure(project, remote.url)
    dvc(project, "push")
    commit(project, ".dvc/config")
    git(tmp_path, "clone", "-q", "--bare", str(project), "ours.git")
    theirs = empty(tmp_path / "theirs")
    write(theirs / USERS / "config", {REMOTE: {"url": remote.url, **remote.credentials}})
    url = f"file://{tmp_path / 'ours.git'}"
    dvc(theirs, "import", url, "data/texts", "-o", "texts")
    dvc(theirs, "get", url, "size.txt")
    assert (theirs / "size.txt").read_bytes() == (project / "size.txt").read_bytes()
    names = sorted(path.name for path in (project / "data/texts").iterdir())
    assert sorted(path.name for path in (theirs / "texts").iterdir()) == names
    for name in names:
        assert (theirs / "texts" / name).read_bytes() == (
            project / "data/texts" / name
        ).read_bytes()
    assert all(
        word not in (theirs / "texts.dvc").read_text() for word in remote.credentials.values()
    )


@every(*KINDS[1:])
def test_wrong_credentials_are_refused(project: Path, remote: Remote, tmp_path: Path) -> None:
    remote.configure(project, remote.store)
    dvc(project, "push")
    other = clone(project, tmp_path / "other")
    remote.configure(other, remote.url, **remote.wrong)
    for program, words, wanted in zip(
        ("dvc", "milpa"), ("pull", "check-remote"), REFUSED[remote.kind], strict=True
    ):
        status, said = begin(other, program, words).ended()
        assert status != 0, said
        assert wanted in said
        assert "Traceback" not in said
    assert not digests(other)


@pytest.mark.skipif(os.getuid() != 0, reason="a disk of two megabytes can only be mounted by root")
@pytest.mark.parametrize("kind", WRITTEN)
def test_a_full_disk(project: Path, store: Path, tmp_path: Path, kind: str) -> None:
    mount(store, "size=2m")
    try:
        with served(kind, store) as remote:
            remote.configure(project, remote.url)
            status, said = begin(project, "dvc", "push").ended()
            assert status != 0, said
            mount(store, "remount,size=64m")
            mended(project, remote)
            arrives(project, remote, tmp_path / "other")
    finally:
        subprocess.run(["umount", "-l", store], check=True)


def mount(store: Path, size: str) -> None:
    """A disk of this size."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", store], capture_output=True)
    if made.returncode:
        pytest.skip(f"no disk can be mounted here: {made.stderr.decode().strip()}")


def mended(project: Path, remote: Remote) -> None:
    """What is bad after another push is named; once it is removed, a push sends it again."""
    dvc(project, "push")
    bad = unsound(remote.folder)
    status, said = begin(project, "milpa", "check-remote", "--remove").ended()
    assert status == bool(bad), said
    assert all(name in said for name in bad), (bad, said)
    dvc(project, "push")
    status, said = begin(project, "milpa", "check-remote").ended()
    assert status == 0, said
    assert not unsound(remote.folder)


def arrives(project: Path, remote: Remote, place: Path) -> None:
    """A fresh clone gets the bytes."""
    other = clone(project, place)
    remote.configure(other, remote.url)
    dvc(other, "pull")
    assert digests(other) == digests(project)
