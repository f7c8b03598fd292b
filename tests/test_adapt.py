"""Adapters trained on a tiny real model: same bytes again, the same after a kill, and better."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from corpus.settings import languages as tongues
from corpus.settings import section
from corpus.table import SYNTHETIC, InputError, write
from train.adapt import Adapt, Phase, check_rows, without_questions, write_curve
from train.batches import Batch
from train.checkpoints import CODE, forget, last_checkpoint, recipe
from train.examples import IGNORED
from train.fitting import learned
from train.tasks import taught_by

ROOT = Path(__file__).parent.parent
ADAPT: dict[str, Any] = {
    "method": {
        "kind": "lora",
        "rank": 2,
        "alpha": 4,
        "rslora": False,
        "dora": False,
        "plus": None,
        "layers": None,
        "bits": None,
    },
    "phases": [
        {"objective": "clm", "steps": 8, "learning_rate": 0.01, "warmup_steps": 1},
        {"objective": "sft", "steps": 4, "learning_rate": 0.01, "warmup_steps": 1},
    ],
    "masking": {"share": 0.15, "mean_span": 3.0},
    "batch_rows": 2,
    "row_tokens": 128,
    "accumulate": 1,
    "compile": False,
    "recompute": False,
    "sampled_tokens": 8,
    "tasks": {
        "translation": {"share": 1.0, "prompt": "{source_language}: {source}\n{language}:"},
        "title": None,
        "instruction": None,
    },
    "validation": {"texts": 3, "every_steps": 3, "patience": None},
    "checkpoint_steps": 3,
    "seed": 0,
}
CLM = ADAPT["phases"][0]
MIXTURE = pa.schema(
    [
        *SYNTHETIC,
        pa.field("split", pa.string()),
        pa.field("weight", pa.float64()),
        pa.field("synthetic", pa.bool_()),
        pa.field("bitext", pa.bool_()),
        pa.field("order", pa.float64()),
    ]
)


def settled(**changed: object) -> Adapt:
    """The settings as they are read."""
    return section(Adapt, "adapt", {"adapt": {**ADAPT, **changed}})


def mixture(corpus: Callable[..., pa.Table]) -> pa.Table:
    """Rows of a mixture, one in four synthetic."""
    targets = [f"in tlacatl {n} quitta in ātl" for n in range(24)]
    rows = corpus(*targets, sources=tuple(f"la persona {n} ve el agua" for n in range(24)))
    kinds = {"engine": None, "split": "train"}
    return pa.Table.from_pylist(
        [
            {**row, **kinds, "weight": 1.0, "synthetic": n % 4 == 0, "bitext": n % 4 > 0}
            | {"order": None}
            for n, row in enumerate(rows.to_pylist())
        ],
        schema=MIXTURE,
    )


def tiny(folder: Path) -> None:
    """A base model of two layers with a byte-level tokenizer, and that tokenizer extended."""
    import torch
    from test_tokenizer import TOKENIZER, byte_level
    from tokenizers import Tokenizer as Fast
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from train.tokenizer import Tokenizer, save

    torch.manual_seed(0)
    fast = PreTrainedTokenizerFast(tokenizer_object=Fast.from_str(byte_level()))
    fast.eos_token = "<|endoftext|>"
    fast.save_pretrained(folder / "base")
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        eos_token_id=fast.eos_token_id,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder / "base")
    params = Tokenizer(**TOKENIZER)
    save(params, ["in tlacatl quitta in ātl"] * 9, folder / "base", folder / "tokenizer")


def project(corpus: Callable[..., pa.Table], folder: Path, **changed: object) -> None:
    """A folder in which the stage can run."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    some = {name: tree[name] for name in ("active", "languages", "shards")}
    some["shards"]["workers"] = 1
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump({**some, "adapt": {**ADAPT, **changed}}))
    write(mixture(corpus), folder / "mixture", 10**6)
    write(held_out(corpus), folder / "validation", 10**6)


def held_out(corpus: Callable[..., pa.Table]) -> pa.Table:
    """Rows of a validation split; one has no source."""
    sources = ("el perro ve la casa", "la mujer oye el viento", None)
    return corpus(
        "in chichi quitta in calli", "in cihuatl quicaqui ehecatl", "ātl", sources=sources
    )


def start(
    folder: Path, models: Path, program: Sequence[str] = (sys.executable,)
) -> "subprocess.Popen[str]":
    """The stage as a process."""
    words = (
        "language=nah",
        "mixture=mixture",
        "validation=validation",
        "curves=curves",
        "out=out",
        "report=report.json",
        "instructions=none",
    )
    models_at = (f"base={models / 'base'}", f"tokenizer={models / 'tokenizer'}")
    return subprocess.Popen(
        [*program, "-m", "train.adapt", *words, *models_at],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder: Path, models: Path) -> dict[str, str]:
    """Run the stage; the hashes of all it wrote."""
    process = start(folder, models)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said[-2000:]
    paths = [p for name in ("out", "curves", "report.json") for p in files(folder / name)]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def files(path: Path) -> list[Path]:
    """A file, or the files of a folder."""
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


@pytest.mark.slow
@pytest.mark.parametrize("phase", [0, 1])
def test_same_bytes_again_and_after_a_kill(
    phase: int, corpus: Callable[..., pa.Table], tmp_path: Path
) -> None:
    tiny(tmp_path)
    project(corpus, tmp_path / "whole")
    project(corpus, tmp_path / "killed")
    whole = finish(tmp_path / "whole", tmp_path)
    assert {"out/human/adapter_model.safetensors", "out/mixed/adapter_config.json"} < whole.keys()
    scratch = tmp_path / "killed" / "scratch" / "adapt" / "nah"
    process = start(tmp_path / "killed", tmp_path)
    deadline = time.monotonic() + 200
    while not list(scratch.glob(f"human-*/{phase}/checkpoint-*/trainer_state.json")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "killed" / "out").exists()
    assert finish(tmp_path / "killed", tmp_path) == whole
    assert not list(scratch.iterdir())
    config = (tmp_path / "whole" / "out" / "human" / "adapter_config.json").read_text("utf-8")
    assert str(tmp_path) not in config


@pytest.mark.slow
def test_the_adapter_is_read_back_and_spends_fewer_bits(
    corpus: Callable[..., pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpus.shards import Shards
    from train.adapt import adapt
    from train.adapters import load_adapter
    from train.measure import bits, say, text_examples
    from train.model import load_base

    tiny(tmp_path)
    monkeypatch.chdir(tmp_path)
    shards = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
    places = [tmp_path / name for name in ("none", "base", "tokenizer", "curves", "out")]
    (tmp_path / "out").mkdir()
    _, languages = tongues(yaml.safe_load((ROOT / "params.yaml").read_text("utf-8")))
    tables = (mixture(corpus), held_out(corpus))
    report = adapt(settled(), shards, "nah", languages, *tables, *places).report
    assert report["human"]["steps"] == report["mixed"]["steps"] == 12
    assert report["human"]["in_mixture"] == {"texts": 18, "pairs": 18, "pairs_too_long": 0}
    assert report["mixed"]["in_mixture"]["texts"] == 24
    assert report["human"]["drawn"]["synthetic_texts"] == 0
    assert 0 < report["mixed"]["drawn"]["synthetic_pairs"] <= 6
    texts = ["in tlacatl 3 quitta in ātl", "ātl", "ᐃᓄᒃᑎᑐᑦ", ""]
    spent = {}
    for name in ("base", "human"):
        places = (tmp_path / "base", tmp_path / "tokenizer")
        speaker = load_base(*places)
        if name == "human":
            speaker = load_adapter(*places, tmp_path / "out" / name)
        examples = text_examples(speaker, texts)
        spent[name] = bits(speaker, examples, 64, name)
        alone = [bits(speaker, [example], 64, name)[0] for example in examples]
        assert spent[name] == pytest.approx(alone, rel=0.02)  # padding changes nothing
        assert len(say(speaker, texts, 3, 2, name)) == len(texts)
    assert spent["human"][0] < spent["base"][0]


@pytest.mark.slow
def test_sampled_loss_is_the_whole_softmax_when_all_are_drawn() -> None:
    import torch
    from torch.nn import functional as F  # noqa: N812

    from train.model import Head
    from train.softmax import sampled_loss

    states, by = torch.randn(6, 8), Head(torch.randn(30, 8), torch.randn(30))
    own = torch.arange(10)
    labels = torch.tensor([0, 9, 3, 3, 7, 1])
    exact = F.cross_entropy(states @ by.rows.T + by.bias, labels)
    assert torch.allclose(sampled_loss(states, labels, by, own, 20), exact, atol=1e-5)
    kept = F.cross_entropy(states @ by.rows[:10].T + by.bias[:10], labels)
    assert torch.allclose(sampled_loss(states, labels, by.of(own), own, 20), kept, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"phases": []}, "phases must have at least one"),
        ({"method": {**ADAPT["method"], "rank": 0}}, "must be at least 1"),
        ({"method": {"kind": "prompt"}}, "kind"),
        ({"phases": [{**CLM, "learning_rate": 0.0}]}, "learning_rate must be above 0, got 0.0"),
        ({"phases": [{**CLM, "steps": 0}]}, "need steps at least 1"),
        ({"masking": {"share": 1.0, "mean_span": 3.0}}, "need 0 < share < 1"),
    ],
)
def test_settings_say_what_is_wrong(changed: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as error:
        settled(**changed)
    assert said in str(error.value)


ALONE = {"id": "a", "weight": 1.0, "target": "ātl", "source": None, "bitext": False}
ALONE |= {"synthetic": False, "order": None, "source_language": "spa_Latn", "language": "nah_Latn"}


def test_a_phase_without_rows_is_one_line() -> None:
    with pytest.raises(InputError, match=r"human rows of nah: none is a pair, .* take 'sft' out"):
        check_rows(settled(), [ALONE], {}, "human rows of nah")
    with pytest.raises(InputError, match="none has a target text"):
        check_rows(settled(), [], {}, "human rows of nah")


def test_a_language_that_nothing_is_asked_in_is_not_fine_tuned() -> None:
    params = settled()
    none, some = (
        taught_by(params.tasks, [ALONE | {"source": source, "bitext": True}], {})
        for source in (None, "agua")
    )
    assert without_questions(params, none).phases == params.phases[:1]
    assert without_questions(params, some) == params


def test_a_half_written_checkpoint_is_passed_over(tmp_path: Path) -> None:
    for step, state in ((3, "{}"), (12, "{")):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoint-15").mkdir()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-3"
    assert last_checkpoint(tmp_path / "none") is None


def test_a_checkpoint_is_of_this_code_and_these_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    first = recipe()
    for change in (("CODE", CODE[1:]), ("LIBRARIES", ("torch", "pytest"))):
        with monkeypatch.context() as patched:
            patched.setattr(f"train.checkpoints.{change[0]}", change[1])
            recipe.cache_clear()
            assert recipe() != first
    recipe.cache_clear()
    assert recipe() == first


def test_checkpoints_of_other_keys_go_and_those_of_the_other_adapter_stay(tmp_path: Path) -> None:
    for name in ("human-old", "human-new", "mixed-old"):
        (tmp_path / name / "checkpoint-3").mkdir(parents=True)
    forget(tmp_path / "human-new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["human-new", "mixed-old"]
    forget(tmp_path / "none" / "human-new")


def test_both_adapters_score_the_same_tokens() -> None:
    human, mixed = (Batch({}, np.array([[IGNORED, n]])) for n in (7, 5))
    assert learned([[[human]], [[human], [mixed]]]) == [5, 7]


def test_curve(tmp_path: Path) -> None:
    from train.trainer import Run

    phases = [Phase(**{**CLM, "objective": name, "steps": 2}) for name in ("clm", "sft")]
    runs = [Run([2.0, 1.8], {2: 3.25}, 2), Run([1.5], {}, 1)]  # the second stopped early
    write_curve(runs, phases, tmp_path / "human.csv")
    said = (tmp_path / "human.csv").read_text()
    assert said == (
        "step,loss,phase,bits_per_byte\n1,2.0000,clm,\n2,1.8000,clm,3.2500\n3,1.5000,sft,\n"
    )
