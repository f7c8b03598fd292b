"""Whether a DVC remote holds what its names promise; DVC itself looks at names only.

A push that breaks off over WebDAV leaves the first half of an object under its final name, and the
next `dvc push` takes it for whole.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.db import HashFileDB

from corpus.project import home
from corpus.table import InputError

BLOCK = 1 << 20  # bytes read at once
DIRECTORY = ".dir"  # ends the name of an object that lists a folder's files
MISSING = "missing"


def check_remote(folder: Path, remote: str | None, read: bool, remove: bool) -> Iterator[str]:
    """A line for each object of the present version that the remote lacks or holds wrongly.

    Args:
        folder: where the project is.
        remote: its name; else the default one.
        read: hash what the remote holds; else sizes are compared, where this clone has the object.
        remove: delete what is wrong from the remote, so that the next push sends it again.

    Raises:
        InputError: the remote cannot be asked, or does not hold all objects whole.
    """
    try:
        with Repo(str(home(folder).root)) as project:
            store = project.cloud.get_remote_odb(remote, "check-remote")
            reach(store)
            yield from checked(project, store, read, remove)
    except (DvcException, OSError) as error:
        raise InputError(f"the remote could not be asked: {error}") from None


def reach(store: HashFileDB) -> None:
    """Ask for anything, so that a wrong address or password is one line."""
    try:
        store.fs.info(store.path)
    except FileNotFoundError:
        return  # nothing was pushed yet, and that is an answer
    except Exception as error:  # every kind of remote has a library, and errors, of its own
        said = str(error) or type(error).__name__
        raise InputError(f"{store.fs.unstrip_protocol(store.path)}: {said}") from None


def checked(project: Repo, store: HashFileDB, read: bool, remove: bool) -> Iterator[str]:
    """The lines of an opened project and remote."""
    found = objects(project, store)
    faults = {name: wrong(store, project.cache.local, name, read) for name in sorted(found)}
    if found and set(faults.values()) == {MISSING}:
        raise InputError(
            f"none of {len(found)} objects is there: nothing was pushed, or address, user or"
            " password are wrong"
        )
    bad = [name for name, fault in faults.items() if fault]
    for name in bad:
        yield f"{name} ({found[name][0]}): {faults[name]}"
        if remove:
            forget(store, name, found[name][1])
    if unread := sum(fault is None for fault in faults.values()):
        yield f"{unread} objects are there, but not here to compare sizes; --read reads them"
    if bad:
        then = "run 'dvc push' where they are whole" if remove else "--remove removes the bad ones"
        raise InputError(f"{len(bad)} objects of {len(found)} are missing or bad; {then}")
    yield f"{len(found)} objects are there; none is found bad"


def forget(store: HashFileDB, name: str, folder: str) -> None:
    """Remove an object, and the list of its folder: DVC asks for no object of a folder it knows."""
    for place in (store.oid_to_path(name), store.oid_to_path(folder)):
        if store.fs.exists(place):
            store.fs.remove(place)


def objects(project: Repo, store: HashFileDB) -> dict[str, tuple[str, str]]:
    """Of each object of the present version, by name: whose it is, and the list that it is in.

    Those of imports lie in another project's remote.
    """
    found = {}
    for out in project.index.outs:
        name, file = out.hash_info.value, str(out)
        if not name or not out.use_cache or out.stage.is_repo_import or out.hash_name != "md5":
            continue
        found[name] = file, name
        if name.endswith(DIRECTORY):
            for entry in listing(store, project.cache.local, name):
                found[entry["md5"]] = f"{file}/{entry['relpath']}", name
    return found


def listing(store: HashFileDB, cache: HashFileDB, name: str) -> list[dict[str, str]]:
    """The files of a folder, from this clone or the remote; none if neither has its list whole."""
    for place in (cache, store):
        try:
            return list(json.loads(content(place, name)))
        except (OSError, ValueError):
            continue
    return []


def content(store: HashFileDB, name: str) -> bytes:
    """The bytes of an object."""
    with store.fs.open(store.oid_to_path(name), "rb") as file:
        return bytes(file.read())


def wrong(store: HashFileDB, cache: HashFileDB, name: str, read: bool) -> str | None:
    """What is wrong with an object; empty if nothing, null if that cannot be told unread."""
    place = store.oid_to_path(name)
    try:
        size = store.fs.info(place)["size"]
    except FileNotFoundError:
        return MISSING
    if read or name.endswith(DIRECTORY):
        found = md5(store, place)
        return "" if found == name.removesuffix(DIRECTORY) else f"its bytes have the MD5 {found}"
    own = Path(cache.oid_to_path(name))
    if not own.exists():
        return None
    whole = own.stat().st_size
    return "" if size == whole else f"{size} bytes of {whole}"


def md5(store: HashFileDB, place: str) -> str:
    """The name that the bytes of a remote's object should have."""
    digest = hashlib.md5(usedforsecurity=False)
    with store.fs.open(place, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
