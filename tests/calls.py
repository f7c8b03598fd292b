"""DVC and milpa in processes of their own, which can be killed, without the imports of each."""

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

LOADED = ("dvc.cli", "dvc.repo", "dvc.commands.data_sync", "dvc_ssh", "dvc_s3", "dvc_webdav")
FORKS = get_context("forkserver")  # every call is a process, but the imports are made once
FORKS.set_forkserver_preload([name for name in LOADED if find_spec(name.split(".")[0])])


@dataclass
class Call:
    """A call of DVC in a process of its own."""

    process: Any
    log: Path

    def kill(self) -> None:
        """Kill it at once."""
        self.process.kill()

    def ended(self) -> tuple[int, str]:
        """Its exit status and all that it said."""
        self.process.join(100)
        assert self.process.exitcode is not None, self.log.read_text()
        return self.process.exitcode, self.log.read_text("utf-8")


def begin(project: Path, *words: str) -> Call:
    """Start `dvc`, or `milpa`, with these words in a project."""
    log = project / ".dvc.log"
    process = FORKS.Process(target=enter, args=(project, words, log))
    process.start()
    return Call(process, log)


def enter(project: Path, words: tuple[str, ...], log: Path) -> None:
    """What the process does."""
    os.setsid()
    os.chdir(project)
    own = project / ".dvc/tmp"
    for name in ("DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        os.environ[name] = str(own / name)
    os.environ |= {"AWS_MAX_ATTEMPTS": "1", "DVC_NO_ANALYTICS": "1", "HOME": str(own)}
    os.environ.pop("SSH_AUTH_SOCK", None)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, out, out)):
        os.dup2(file, number)
    program, *rest = words
    if program == "milpa":
        from corpus.cli import main as milpa

        milpa(rest)
    from dvc.cli import main

    sys.exit(main(rest))


def dvc(project: Path, *words: str) -> str:
    """What `dvc` says when all goes well."""
    status, said = begin(project, "dvc", *words).ended()
    assert status == 0, said
    return said
