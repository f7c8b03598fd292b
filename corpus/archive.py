"""The members of an archive, taken out with a check that none leaves the folder it is put in."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from corpus.table import InputError

ZIPS = (".whl", ".zip")
TARS = (".tgz", ".tar", ".tar.gz", ".tar.xz", ".tar.bz2")
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError)

Choose = Callable[[list[str]], dict[str, str]]  # names in the archive -> new name: name in it


def is_archive(path: Path) -> bool:
    """Whether a file is one to unpack, by its name.

    >>> is_archive(Path("elotl-0.1.1-py3-none-any.whl")), is_archive(Path("a.jsonl.gz"))
    (True, False)
    """
    return path.name.lower().endswith((*ZIPS, *TARS))


def unpack(path: Path, choose: Choose, out: Path) -> None:
    """Write the chosen members below `out`.

    Raises:
        InputError: the archive is damaged, or a member would leave `out` or is a link.
    """
    try:
        if path.name.lower().endswith(ZIPS):
            unpack_zip(path, choose, out)
        else:
            unpack_tar(path, choose, out)
    except DAMAGE as error:
        raise InputError(f"{path.name} is a damaged archive ({error}); fetch it again") from error


def unpack_zip(path: Path, choose: Choose, out: Path) -> None:
    """Write the chosen members of a zip file or wheel."""
    with zipfile.ZipFile(path) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        for name, member in choose(names).items():
            with archive.open(member) as file:
                write(file, name, out)


def unpack_tar(path: Path, choose: Choose, out: Path) -> None:
    """Write the chosen members of a tar file; links are refused, for they may lead anywhere."""
    with tarfile.open(path) as archive:
        entries = {entry.name: entry for entry in archive.getmembers() if not entry.isdir()}
        for name, member in choose(list(entries)).items():
            file = archive.extractfile(entries[member]) if entries[member].isfile() else None
            if file is None:
                raise InputError(
                    f"{path.name}: {member!r} is a link or device; only files are taken"
                )
            with file:
                write(file, name, out)


def write(file: IO[bytes], name: str, out: Path) -> None:
    """Write one member.

    Raises:
        InputError: its name leads out of `out`.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise InputError(f"the archive's member {name!r} would leave its folder; do not trust it")
    to = out / path
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("wb") as copy:
        shutil.copyfileobj(file, copy)
