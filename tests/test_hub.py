"""What is published arrives byte by byte, or not at all; real requests of the Hub's own client."""

import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from datasets import Features, load_dataset
from hubserver import File, Hub, hub
from huggingface_hub import DatasetCard, HfApi, constants, snapshot_download
from servers import free_port
from test_package import adapter, packaged
from test_publish import HELP, ROOT, TALES, TEXTS, human, made, project
from test_report import files, whole_run

from corpus.table import InputError
from corpus.takedown import LIST, write_list
from corpus.taken import Request, keys_of
from train.cli import main
from train.hub import publish_to
from train.hub_plan import Target
from train.package import Package

CORPUS = Target(
    name="amoxtli/oromo", kind="dataset", private=True, branch="main", tag=None,
    message="Published by Milpa", replace=False, squash=False,
)  # fmt: skip
CARD = "---\ntags: [milpa]\n---\n\n# Oromo corpus\n"
YES = ["--yes"]
FIRST = constants.ENDPOINT


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub that the client takes for its own, and a token that may write."""
    with hub() as one:
        monkeypatch.setattr(constants, "ENDPOINT", one.address)  # as HF_ENDPOINT at the start does
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(FIRST, one.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # other tests ask no Hub
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setenv("HF_TOKEN", "hf_writes")
        yield one


def folder(place: Path, **changed: str | bytes | None) -> Path:
    """A small data set; null: that file is not there."""
    content = {
        "README.md": CARD, "croissant.json": "{}", "data/train/00000.parquet": b"PAR1" * 9,
        "data/test/00000.parquet": "ውሃ".encode(), **changed,
    }  # fmt: skip
    shutil.rmtree(place, ignore_errors=True)
    for name, what in content.items():
        if what is not None:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(what.encode() if isinstance(what, str) else what)
    return place


def publish(
    place: Path, target: Target = CORPUS, agreed: Callable[[], bool] = lambda: True
) -> list[str]:
    return list(publish_to(HfApi(), place, target, agreed))


def held(server: Hub, target: Target = CORPUS, revision: str = "main") -> dict[str, bytes]:
    """What everybody finds there, by the client's own download."""
    found = snapshot_download(
        target.name, repo_type=target.kind, revision=revision, endpoint=server.address,
    )  # fmt: skip
    return {k: v for k, v in files(Path(found)).items() if k != ".gitattributes"}


def test_a_folder_arrives_byte_by_byte_in_one_commit(server: Hub, tmp_path: Path) -> None:
    place = folder(tmp_path / "out")
    lines = publish(place, replace(CORPUS, tag="v1.0.0"))
    assert held(server) == held(server, revision="v1.0.0") == files(place)
    repository = server.repositories["dataset", CORPUS.name]
    assert repository.private and len(repository.history["main"]) == 2
    assert "data/train/00000.parquet: 36 bytes" in lines
    said = "private, will be made, branch main: 4 new, 0 changed, 0 same, 0 deleted"
    assert f"{server.address}/datasets/amoxtli/oromo: {said}" in lines
    assert lines[-1].startswith(f"published: {server.address}/datasets/amoxtli/oromo/tree/v1.0.0")


def test_what_goes_is_said_and_nothing_is_sent_unless_somebody_agrees(
    server: Hub, tmp_path: Path
) -> None:
    said: list[str] = []
    for line in publish_to(HfApi(), folder(tmp_path / "out"), CORPUS, lambda: bool(said) and False):
        said.append(line)
    assert said[-1] == "nothing was sent" and not server.repositories
    assert {method for method, _ in server.asked} <= {"GET", "HEAD"}
    assert any("data/train/00000.parquet: 36 bytes" in line for line in said)


def test_what_left_the_corpus_leaves_the_repository(server: Hub, tmp_path: Path) -> None:
    place = folder(tmp_path / "out")
    publish(place)
    folder(place, **{"data/test/00000.parquet": None, "croissant.json": "{} "})
    lines = publish(place)
    assert held(server) == files(place)
    assert "deleted: data/test/00000.parquet" in lines and "changed: croissant.json" in lines
    repository = server.repositories["dataset", CORPUS.name]
    first, second, third = repository.history["main"]
    assert "data/test/00000.parquet" in repository.commits[second]  # as docs/sharing.md says
    again = publish(place)
    assert again[-1] == "all of it is there already; nothing to send"
    assert repository.history["main"] == [first, second, third]


def test_squashing_forgets_earlier_versions_and_their_files(server: Hub, tmp_path: Path) -> None:
    place = folder(tmp_path / "out")
    publish(place, replace(CORPUS, tag="v1"))
    folder(place, **{"data/test/00000.parquet": None})
    forget = replace(CORPUS, squash=True, tag="v2")
    for tag in ("v2", None):
        with pytest.raises(InputError, match="v1 would keep what --squash is to forget"):
            publish(place, replace(forget, tag=tag))
    repository = server.repositories["dataset", CORPUS.name]
    repository.tags.clear()
    publish(place, forget)
    assert len(repository.commits) == len(repository.history["main"]) == 1
    assert [*repository.stored.values()] == [b"PAR1" * 9]
    assert held(server, revision="v2") == files(place)
    with pytest.raises(InputError, match="v2 would keep what --squash is to forget"):
        publish(place, forget)  # its tag names the commit that a squash would leave behind


@pytest.mark.parametrize(
    ("token", "target", "said"),
    [
        (None, CORPUS, "not logged in to .*; run 'hf auth login', or set HF_TOKEN"),
        ("hf_wrong", CORPUS, "does not know the token; run 'hf auth login', or mend HF_TOKEN"),
        (
            "hf_reads",
            CORPUS,
            "the token of citlali only reads, and cannot write to datasets/amoxtli",
        ),
        ("hf_stranger", CORPUS, "the token may not write to .* no right to write to amoxtli"),
        ("hf_writes", replace(CORPUS, name="oromo"), "is named OWNER/NAME, got 'oromo'"),
        ("hf_writes", replace(CORPUS, name="amoxtli/a b"), "cannot be published: Repo id must"),
    ],
)
def test_who_may_not_write_is_told_what_to_mend(
    server: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
    target: Target,
    said: str,
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InputError, match=said) as stopped:
        publish(folder(tmp_path / "out"), target)
    assert "\n" not in str(stopped.value) and (token or "\n") not in str(stopped.value)
    assert not server.repositories


def test_a_server_that_nobody_reaches_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_writes")
    with pytest.raises(
        InputError, match=r"127.0.0.1:\d+ cannot be reached, or broke off \(.*refus"
    ):
        publish(folder(tmp_path / "out"))


@pytest.mark.parametrize(
    "there",
    [
        {"README.md": "# Oromo corpus\n"},  # by others, of the same name
        {"README.md": CARD.replace("Oromo", "Nahuatl")},
        {"README.md": None},
        {"README.md": "---\n: [\n---\n# Oromo corpus\n"},
    ],
)
def test_something_else_of_that_name_is_left_alone(
    server: Hub, tmp_path: Path, there: dict[str, str | None]
) -> None:
    HfApi().create_repo(CORPUS.name, repo_type="dataset", private=True)
    place = folder(tmp_path / "theirs", **there, **{"theirs.txt": "ours"})
    theirs = {name: File(content, False) for name, content in files(place).items()}
    server.repositories["dataset", CORPUS.name].commit("main", theirs, "by others")
    before = held(server)
    own = folder(tmp_path / "out")
    with pytest.raises(InputError, match=r"holds something else .* or say --replace to delete"):
        publish(own)
    assert held(server) == before
    publish(own, replace(CORPUS, replace=True))
    assert held(server) == files(own)


def test_a_card_that_the_hub_does_not_take_is_told_before_anything_is_stored(
    server: Hub, tmp_path: Path
) -> None:
    place = folder(tmp_path / "out", **{"README.md": "---\n: [\n---\n# Oromo corpus\n"})
    with pytest.raises(InputError, match=r"cannot be published: Invalid metadata in README.md"):
        publish(place)
    assert not server.repositories["dataset", CORPUS.name].stored


@pytest.mark.parametrize(("there", "asked"), [(True, False), (False, True)])
def test_nothing_becomes_visible_by_mistake(
    server: Hub, tmp_path: Path, there: bool, asked: bool
) -> None:
    HfApi().create_repo(CORPUS.name, repo_type="dataset", private=there)
    said = "is private; leave out --public" if there else "is public: everybody would have it"
    with pytest.raises(InputError, match=said):
        publish(folder(tmp_path / "out"), replace(CORPUS, private=asked))


def test_a_hub_that_makes_public_what_should_be_private_gets_nothing(
    server: Hub, tmp_path: Path
) -> None:
    server.open = True
    with pytest.raises(InputError, match="is public: everybody would have it"):
        publish(folder(tmp_path / "out"))
    repository = server.repositories["dataset", CORPUS.name]
    assert not repository.stored and len(repository.commits) == 1


def test_a_version_is_never_changed(server: Hub, tmp_path: Path) -> None:
    place, first = folder(tmp_path / "out"), replace(CORPUS, tag="v1")
    publish(place, first)
    before = held(server, revision="v1")
    folder(place, **{"croissant.json": "{} "})
    with pytest.raises(InputError, match="has a version v1 already; name another --tag"):
        publish(place, first)
    publish(place, replace(first, tag="v2"))
    assert held(server, revision="v1") == before != held(server, revision="v2")
    with pytest.raises(InputError, match="has a version v1 already"):
        publish(place, first)


def test_a_branch_holds_the_folder_and_leaves_the_main_one(server: Hub, tmp_path: Path) -> None:
    place = folder(tmp_path / "out")
    publish(place)
    before = held(server)
    folder(place, **{"data/test/00000.parquet": None})
    publish(place, replace(CORPUS, branch="next/ኦሮሞ"))
    assert held(server) == before
    assert held(server, revision="next/ኦሮሞ") == files(place)


def test_what_others_write_meanwhile_is_not_written_over(server: Hub, tmp_path: Path) -> None:
    place = folder(tmp_path / "out")
    publish(place)
    folder(place, **{"croissant.json": "{} "})
    repository = server.repositories["dataset", CORPUS.name]

    def other() -> None:
        repository.commit("main", repository.commits[repository.history["main"][-1]], "other")

    server.meanwhile = other
    with pytest.raises(InputError, match=r"changed meanwhile .* run the same command again"):
        publish(place)
    publish(place)
    assert held(server) == files(place)


def test_a_file_that_the_hub_keeps_out_is_named(server: Hub, tmp_path: Path) -> None:
    server.ignored = ("croissant.json",)
    with pytest.raises(InputError, match=r"does not hold what was sent: croissant.json \(new\)"):
        publish(folder(tmp_path / "out"))


def test_a_server_without_room_says_so(server: Hub, tmp_path: Path) -> None:
    server.full = True
    with pytest.raises(InputError, match=r"answers 507 \(no space left\) .*run the same command"):
        publish(folder(tmp_path / "out"))
    server.full = False
    publish(folder(tmp_path / "out"))
    assert held(server) == files(tmp_path / "out")


def test_a_server_that_dies_at_the_commit_leaves_the_old_version(
    server: Hub, tmp_path: Path
) -> None:
    place = folder(tmp_path / "out")
    publish(place)
    before = held(server)
    folder(place, **{"data/test/00000.parquet": None, "README.md": CARD + "\nMore.\n"})
    server.dies = lambda _, path: path.endswith("/commit/main")
    with pytest.raises(InputError, match=r"broke off .* run the same command again, it goes on"):
        publish(place)
    server.dies, server.dead = lambda *_: False, False
    assert held(server) == before
    publish(place)
    assert held(server) == files(place)


def run(*words: str) -> tuple[int, str]:
    """What `milpa export hub` ends with and says."""
    done = CliRunner().invoke(main, ["export", "hub", CORPUS.name, *words])
    return done.exit_code, done.output


def targets(contents: Iterable[bytes]) -> list[str]:
    """The low-resource sides in all the Parquet files among these."""
    tables = [pq.read_table(io.BytesIO(one)) for one in contents if one.startswith(b"PAR1")]
    return [text for table in tables for text in table["target"].to_pylist()]


def test_the_published_corpus_is_what_its_card_says(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project(tmp_path, human(**HELP)))
    asked = run("--kind", "dataset", "--version", "1.0.0")
    assert asked[0] == 1 and "nobody can be asked here; add --yes" in asked[1]
    shown = run("--kind", "dataset", "--dry-run")
    assert shown[0] == 0 and "terms: MPL-2.0" in shown[1] and "nothing was sent" in shown[1]
    assert not server.repositories
    status, said = run("--kind", "dataset", "--version", "1.0.0", "--tag", "v1.0.0", *YES)
    assert status == 0 and "orm: 5 rows" in said and "hf_writes" not in said, said
    place = snapshot_download(CORPUS.name, repo_type="dataset", local_dir=tmp_path / "down")
    (info,) = DatasetCard.load(Path(place) / "README.md").data.dataset_info
    read = load_dataset(place, cache_dir=str(tmp_path / "cache"))
    told = {split["name"]: split["num_examples"] for split in info["splits"]}
    assert {name: len(part) for name, part in read.items()} == told == {"train": 5}
    assert read["train"].features == Features._from_yaml_list(info["features"])
    assert tuple(read["train"]["target"]) == TEXTS


def test_nothing_leaves_the_machine_that_may_not_be_passed_on(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project(tmp_path, [*human(**HELP), *human(**TALES)]))
    status, said = run("--kind", "dataset", "--public", *YES)
    assert status == 1 and "Error: not to be passed on: tales" in said
    assert not server.asked
    assert run("--kind", "dataset", "--without", "tales", *YES)[0] == 0
    sent = held(server)
    assert targets(sent.values()) == [*TEXTS] and b"tales" not in b"".join(sent.values())


def test_a_text_that_is_taken_down_stays_here_until_the_next_run_and_then_leaves_the_hub(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = human(**HELP)
    monkeypatch.chdir(project(tmp_path, rows))
    assert run("--kind", "dataset", *YES)[0] == 0
    keys = sorted(keys_of(TEXTS[2], [None]))  # in Ge'ez script
    request = Request("text", "hash", "inside", "withdrawn", "2026-11-25", tuple(keys), (), ())
    write_list([request], tmp_path / LIST)
    status, said = run("--kind", "dataset", *YES)
    assert status == 1 and "1 rows were taken down and are still there; run 'dvc repro'" in said
    assert TEXTS[2] in targets(held(server).values())
    project(tmp_path, [row for row in rows if row["target"] != TEXTS[2]])
    write_list([request], tmp_path / LIST)
    assert run("--kind", "dataset", "--squash", *YES)[0] == 0
    repository = server.repositories["dataset", CORPUS.name]
    kept = [file.content for of in repository.commits.values() for file in of.values()]
    assert targets(kept) == targets(repository.stored.values()) == [*TEXTS[:2], *TEXTS[3:]]


def adapter_project(root: Path, base: str, rows: int, redistribute: bool = True) -> Path:
    """A folder as a run leaves it with an adapter in adapt/ and a tokenizer, both packaged."""
    project(root, human(**HELP), (made("libreoffice0", "rules@1"),))
    run = whole_run()
    run["gather"]["sources"]["libreoffice"]["redistribute"] = redistribute
    run["tokenizer"]["fertility"]["orm"]["new_tokens"] = rows
    run["base"] = {"model": "tiny", "revision": None, "parameters": 9}
    report = packaged(root, Package(base_model=base, base_licence="Apache-2.0"), run)
    (root / "models" / "package").mkdir(parents=True)
    (root / "out").rename(root / "models" / "package" / "orm")
    (root / "reports" / "package").mkdir()
    (root / "reports" / "package" / "orm.json").write_text(json.dumps(report), "utf-8")
    return root


ADAPTER = replace(CORPUS, kind="model")


def test_an_adapter_is_published_as_it_was_packaged(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter(tmp_path)
    monkeypatch.chdir(adapter_project(tmp_path, "citlali/tiny", 3))
    status, said = run("--kind", "adapter", "--public", *YES)
    assert status == 0, said
    assert "models/package/orm: terms: Apache-2.0; MPL-2.0" in said
    assert "PUBLIC" in said and "publishing cannot be called back" in said
    assert not server.repositories["model", ADAPTER.name].private
    assert held(server, ADAPTER) == files(tmp_path / "models/package/orm")
    refused = run("--kind", "adapter", "--synthetic")
    assert refused[0] == 2 and "are of a dataset" in refused[1]


def closed_source(root: Path) -> None:
    """The origin may not be passed on, and the adapter was packaged with that."""
    for folder in ("adapt", "tokenizer", "models", "reports"):
        shutil.rmtree(root / folder)
    adapter(root)
    adapter_project(root, "citlali/tiny", 3, redistribute=False)


def closed_mixture(root: Path) -> None:
    """The mixture has rows of an engine whose terms nobody knows."""
    path = root / "reports/mix.json"
    tree = json.loads(path.read_text("utf-8"))
    terms = tree["languages"]["orm"]["terms"]["terms"]
    terms["redistribution"] = {"answer": "unknown", "by": {"seq2seq:spa_Latn-orm": 2}}
    path.write_text(json.dumps(tree), "utf-8")


def other_bytes(root: Path) -> None:
    """The folder is not the one that was packaged."""
    (root / "models/package/orm/prompt.txt").write_text("other", "utf-8")


def asked_for(root: Path) -> None:
    """Somebody asks for a text that the adapter learned."""
    keys = tuple(sorted(keys_of("Seensa fuula", [None])))
    write_list(
        [Request("text", "hash", "equal", "withdrawn", "2026-11-25", keys, (), ())], root / LIST
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (closed_source, r"learned from libreoffice \(redistribution no\)"),
        (closed_mixture, r"learned from seq2seq:spa_Latn-orm \(redistribution unknown\)"),
        (other_bytes, r"is not what .*orm.json describes; run 'dvc repro package@orm' first"),
        (asked_for, "1 rows were taken down and are still there; run 'dvc repro' first"),
    ],
)
def test_an_adapter_stands_under_the_terms_of_its_text(
    server: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    said: str,
) -> None:
    adapter(tmp_path)
    monkeypatch.chdir(adapter_project(tmp_path, "citlali/tiny", 3))
    change(tmp_path)
    status, found = run("--kind", "adapter", *YES)
    assert status == 1 and re.search(said, found), found
    assert not server.asked


@pytest.mark.slow
def test_the_downloaded_adapter_loads_on_its_base(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from peft import PeftModel
    from test_export import trained
    from transformers import AutoModelForCausalLM, AutoTokenizer

    wanted = trained(tmp_path)
    monkeypatch.chdir(adapter_project(tmp_path, str(tmp_path / "base"), len(wanted.new_ids)))
    assert run("--kind", "adapter", *YES)[0] == 0
    place = snapshot_download(ADAPTER.name, local_dir=tmp_path / "down")
    tokenizer = AutoTokenizer.from_pretrained(place)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base", dtype=torch.bfloat16)
    base.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model = PeftModel.from_pretrained(base, place).eval()
    ids = torch.tensor([[0, 5, *wanted.new_ids, 7]])
    found, learned = model(input_ids=ids).logits, wanted.model(input_ids=ids).logits
    assert torch.allclose(found.float(), learned.float(), atol=1e-3)


def large(place: Path) -> Path:
    """A data set with a file that does not fit between client and server at once."""
    content = random.Random(0).randbytes(20_000_000)
    return folder(place, **{"data/train/00000.parquet": b"PAR1" + content})


def names(server: Hub, scratch: Path) -> dict[str, str]:
    """The environment of a process whose Hub this is."""
    own = {"HF_ENDPOINT": server.address, "HF_TOKEN": "hf_writes", "HF_HUB_DISABLE_XET": "1"}
    own |= {"HF_HUB_OFFLINE": "0"}  # other tests ask no Hub
    return {**os.environ, **own, "HF_HOME": str(scratch / "hf"), "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
def test_a_person_at_a_terminal_is_asked_and_everybody_loads_it_by_name(
    server: Hub, tmp_path: Path
) -> None:
    project(tmp_path, human(**HELP))
    words = [sys.executable, "-m", "train.cli", "export", "hub", CORPUS.name, "--kind", "dataset"]
    for answer, sent in (("n", False), ("y", True)):
        ours, theirs = os.openpty()
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            words, stdin=theirs, capture_output=True, text=True, cwd=tmp_path,
            env=names(server, tmp_path), check=True,
        )  # fmt: skip
        os.close(ours), os.close(theirs)
        assert "publish it? [y/N]" in done.stdout and ("published: " in done.stdout) is sent
        assert bool(server.repositories) is sent and "hf_writes" not in done.stdout + done.stderr
    load = (
        f"from datasets import load_dataset as l; print(l('{CORPUS.name}')['train']['target'][:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", load], capture_output=True, text=True, cwd=tmp_path,
        env=names(server, tmp_path), check=True,
    )  # fmt: skip
    assert done.stdout == f"{[*TEXTS]}\n"


SCRIPT = """import sys
from pathlib import Path
from huggingface_hub import HfApi
from train.hub import publish_to
from train.hub_plan import Target
for line in publish_to(HfApi(), Path(sys.argv[1]), Target(**eval(sys.argv[2])), lambda: True):
    print(line)
"""


@pytest.mark.slow
def test_a_client_that_is_killed_leaves_no_half_version(server: Hub, tmp_path: Path) -> None:
    target = replace(CORPUS, tag="v1.0.0")
    publish(folder(tmp_path / "first"))
    whole, before = large(tmp_path / "out"), held(server)
    first = server.repositories["dataset", CORPUS.name]
    words = [sys.executable, "-c", SCRIPT, str(whole), repr(asdict(target))]
    after = files(whole)
    for instant in ("/preupload/main", "/objects/batch", "/stored/", "/commit/main", "/tag/"):
        server.repositories["dataset", CORPUS.name] = deepcopy(first)
        client = subprocess.Popen(words, env=names(server, tmp_path))

        def kill(
            method: str, path: str, client: subprocess.Popen = client, instant: str = instant
        ) -> bool:
            if instant in path:
                client.kill()
            return False

        server.dies = kill
        assert client.wait(60) == -signal.SIGKILL, instant
        server.dies = lambda *_: False
        assert held(server) in (before, after), instant
        server.asked.clear()
        publish(whole, target)
        assert held(server) == held(server, revision="v1.0.0") == after, instant
        sent = [path for method, path in server.asked if method == "PUT"]
        assert bool(sent) == (instant in ("/preupload/main", "/objects/batch", "/stored/")), instant


@pytest.mark.slow
def test_a_server_that_dies_in_an_upload_leaves_the_old_version(
    server: Hub, tmp_path: Path
) -> None:
    publish(folder(tmp_path / "first"))
    whole, before = large(tmp_path / "out"), held(server)
    server.dies = lambda _, path: path.startswith("/stored/")
    with pytest.raises(InputError, match=r"broke off \(\D*\); run the same command again"):
        publish(whole)  # the client tries for half a minute
    server.dies, server.dead = lambda *_: False, False
    assert held(server) == before
    publish(whole)
    assert held(server) == files(whole)


@pytest.mark.slow
def test_large_files_arrive_by_xet_too(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setenv("HF_XET_CACHE", str(tmp_path / "cache"))
    place = large(tmp_path / "out")
    server.xet = place / "README.md"  # no folder: nothing can be stored
    with pytest.raises(InputError, match=r"broke off .*Not a directory"):
        publish(place)
    server.xet = tmp_path / "xet"
    publish(place)
    stored = server.repositories["dataset", CORPUS.name].stored
    assert sorted(map(len, stored.values())) == [6, 20_000_004]
    assert not [path for method, path in server.asked if method == "PUT"]
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    assert held(server) == files(place)
