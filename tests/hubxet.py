"""Xet, the Hub's storage of large files, as a folder: read by the client's own library.

The client writes a file as chunks, and a shard that says which; a commit names it by its SHA-256.
Source: https://huggingface.co/docs/xet/shard
"""

import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hf_xet

ROW = 48  # bytes of each entry of a shard, and of its head
PROVED, TOLD = 1 << 31, 1 << 30  # flags of a file: entries twice, and the SHA-256 at the end


def words(name: bytes) -> str:
    """A hash as it is written out: four little-endian words."""
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", name))


def listed(shard: bytes) -> Iterator[tuple[str, str]]:
    """SHA-256 and Xet's own hash of each file in a shard."""
    place = ROW
    while shard[place : place + 32] != b"\xff" * 32:
        flags, entries = struct.unpack_from("<II", shard, place + 32)
        last = place + ROW * (1 + entries * (2 if flags & PROVED else 1))
        if flags & TOLD:
            yield words(shard[last : last + 32]), words(shard[place : place + 32])
        place = last + ROW * bool(flags & TOLD)


def fetched(store: Path, sha256: str, size: int) -> bytes | None:
    """The content of a file, put together of its chunks; null where no shard tells of it."""
    for shard in sorted(store.rglob("*.mdb")):
        name = dict(listed(shard.read_bytes())).get(sha256)
        if name is not None:
            with tempfile.TemporaryDirectory() as scratch:
                path = Path(scratch) / "file"
                later = int(time.time()) + 3600
                with hf_xet.XetSession().new_file_download_group(
                    endpoint=f"local://{store}", token="", token_expiry_unix_secs=later
                ) as group:
                    group.start_download_file(hf_xet.XetFileInfo(name, size), str(path))
                return path.read_bytes()
    return None
