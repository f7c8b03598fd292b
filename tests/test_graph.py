"""The real graph, run by DVC on a few hundred real Oromo rows with a tiny model made here."""

import json
import lzma
import os
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpus import settings as config
from corpus.fetch import file_hash, tree_hash
from corpus.leak import leaks
from corpus.split import keys
from corpus.table import read

ROOT = Path(__file__).parent.parent
CODE = ("corpus", "augment", "train", "dvc.yaml", "verdicts", "ratings", "takedown", "statements")
OROMO = "languages/orm/data/raw/libreoffice-help.om.jsonl.xz"
UDHR = "data/raw/udhr.jsonl.xz"
DECLARATIONS = ("gax", "som", "amh", "hau_NG", "swh", "spa", "eng", "fra", "nhn", "ind", "khm")
SETTINGS = ROOT / "languages/orm/params.yaml"
pytestmark = pytest.mark.slow


def dvc(folder: Path, *words: str, cache: str = ".cache") -> subprocess.CompletedProcess[str]:
    """Run dvc in a project, with this environment's python on PATH and a user cache of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {
        "PATH": path,
        "PYTHONHASHSEED": "0",
        "XDG_CACHE_HOME": str(folder / cache),
    }
    command = [sys.executable, "-m", "dvc", *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def ran(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The stages that a repro ran, without the project in their names."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("Running stage")]
    return {line.split("'")[1].partition("@")[0] for line in lines}


def tiny_model(folder: Path) -> None:
    """A random two-layer model and a byte-level tokenizer trained on nothing but bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

    set_seed(0)
    alphabet = ["<|endoftext|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({t: n for n, t in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    config = LlamaConfig(
        vocab_size=len(alphabet), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def identifier(folder: Path) -> None:
    """A fastText model in the place of the off-the-shelf identifier."""
    import fasttext

    folder.mkdir(parents=True)
    lines = ["__label__om Barruun kun maal jedha", "__label__es Este texto dice algo"] * 20
    (folder / "seed.txt").write_text("\n".join(lines), "utf-8")
    model = fasttext.train_supervised(
        str(folder / "seed.txt"), dim=4, epoch=5, thread=1, verbose=0, minn=2, maxn=3, bucket=1000
    )
    model.save_model(str(folder / "lid.176.ftz"))
    (folder / "seed.txt").unlink()


def asset(path: Path) -> dict[str, Any]:
    """A local file or folder as an asset."""
    found = tree_hash(path) if path.is_dir() else file_hash(path)
    return {"address": f"path:{path}", "sha256": found, "files": None}


def small(params: dict[str, Any], assets: Path) -> dict[str, Any]:
    """The settings of a project at the root, made small."""
    names = {"corpora/none": "none.txt", "models/lid176": "lid176", "models/smollm2": "tiny"}
    params["fetch"]["assets"] = {name: asset(assets / path) for name, path in names.items()}
    params["base"]["name"] = "data/fetch/models/smollm2"
    params["identify"] |= {"folds": 2, "noise": 100, "held_out_noise": 50, "most_examples": 1000}
    params["identify"]["fasttext"] |= {"dimensions": 8, "epochs": 3, "buckets": 20000}
    params["tokenizer"] |= {"new_tokens": 50, "least_count": 4, "own_tokens": 600}
    params["translator"] |= {"least_pairs": 50}
    params["adapt"]["row_tokens"] = 512
    for phase, steps in zip(params["adapt"]["phases"], (3, 2), strict=True):
        phase["steps"] = steps
    params["evaluate"] |= {
        "most_texts": 10,
        "most_pairs": 5,
        "most_translated": 10,
        "most_generated": 2,
        "most_new_tokens": 5,
        "resamples": 100,
    }
    return {"projects": {"orm": ""}, "adapters": {"orm": ""}, **params}


def copied(folder: Path, rows: int) -> None:
    """Our code and graph, the first rows of Oromo, the declarations, and small assets."""
    for name in CODE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "data/raw/instructions").mkdir(parents=True)
    with lzma.open(ROOT / UDHR, "rt", encoding="utf-8") as lines:
        few = [line for line in lines if json.loads(line)["declaration"] in DECLARATIONS]
    with lzma.open(folder / UDHR, "wt", encoding="utf-8") as out:
        out.writelines(few)
    with lzma.open(ROOT / OROMO, "rt", encoding="utf-8") as lines:
        some = list(islice(lines, rows))
    with lzma.open(folder / "data/raw" / Path(OROMO).name, "wt", encoding="utf-8") as out:
        out.writelines(some)
    tiny_model(folder / "assets/tiny")
    identifier(folder / "assets/lid176")
    (folder / "assets/none.txt").write_text("nothing\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC project: our code and graph, 400 real rows, small settings."""
    folder = tmp_path_factory.mktemp("milpa")
    copied(folder, 400)
    params = small(yaml.safe_load(SETTINGS.read_text("utf-8")), folder / "assets")
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), "utf-8")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    dvc(folder, "init", "-q")
    dvc(folder, "repro")
    return folder


def test_every_stage_reports(project: Path) -> None:
    graph = yaml.safe_load((project / "dvc.yaml").read_text("utf-8"))["stages"]
    for name in graph:
        assert list((project / "reports").glob(f"{name}*")), name
    assert (project / "reports/index.html").stat().st_size > 1000


def test_rows_in_are_rows_kept_and_dropped(project: Path) -> None:
    for stage in ("gather", "clean", "select", "validate"):
        report = json.loads((project / f"reports/{stage}.json").read_text("utf-8"))
        assert report["entered"] == report["kept"] + report["dropped"], stage
    kept = json.loads((project / "reports/select.json").read_text("utf-8"))["kept"]
    split = json.loads((project / "reports/split.json").read_text("utf-8"))
    assert kept == sum(split["rows"].values())


def test_no_training_row_is_near_a_held_out_row(project: Path) -> None:
    _, known = config.languages(config.load(project / "params.yaml"))
    mixture = keys(read(project / "data/mix/orm/rows"), known)
    assert len(mixture[0]) > 100
    for name in ("validation", "test"):
        held_out = keys(read(project / f"data/split/{name}"), known)
        for mine, theirs in zip(mixture, held_out, strict=True):
            assert not leaks(mine, theirs, 0.8).any()
            planted = [key for key in theirs if key][:1]
            assert leaks(planted, theirs, 0.8).all()  # a planted leak is seen


def test_a_second_repro_does_nothing(project: Path) -> None:
    assert ran(dvc(project, "repro")) == set()


def test_the_same_inputs_give_the_same_lock(project: Path) -> None:
    before = (project / "dvc.lock").read_bytes()
    assert "fetch" in ran(dvc(project, "repro", "--force", cache=".empty"))  # nothing remembered
    assert (project / "dvc.lock").read_bytes() == before


def test_a_limit_reruns_select_and_training_reruns_no_corpus_stage(project: Path) -> None:
    upstream = {"fetch", "gather", "clean", "identify", "assess", "dedup"}
    change = dvc(project, "repro", "--dry", "--downstream", "select@orm")
    assert not ran(change)
    path = project / "params.yaml"
    old = path.read_text("utf-8")
    for section, key, value, must in (
        ("select", "least_kept", {"default": 0.5}, {"select"}),
        ("adapt", "seed", 99, {"adapt"}),
    ):
        tree = yaml.safe_load(old)
        tree[section][key] = value
        path.write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")
        stages = ran(dvc(project, "repro", "--dry"))
        assert must <= stages
        assert not upstream & stages
        if section == "adapt":
            others = {"ratings", "report", "package"}
            assert stages <= {"adapt", "evaluate", *others}
    path.write_text(old, "utf-8")
