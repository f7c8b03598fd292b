"""The training loop: gradients that accumulate, checks, what is kept, and what it needs."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
import yaml
from conftest import table
from test_adapt import ADAPT, ROOT, files, finish, held_out, mixture, project, settled, start, tiny

from corpus.settings import languages
from corpus.table import InputError
from train.adapt import COLUMNS, Adapt
from train.adapters import add_adapter
from train.batches import Batch
from train.estimate import estimate, out_of_memory
from train.examples import IGNORED
from train.fitting import learned, plan
from train.fused import fused, fusible
from train.model import Speaker, load_base
from train.processes import shared
from train.quick import Updated, quickened
from train.softmax import Softmax, loss_of, softmax_over
from train.tasks import taught_by
from train.trainer import Plan, Run, optimizer_of, tensors, train
from train.validation import Held, bits_per_byte, chosen
from train.validation import held_out as shown

Table = Callable[..., pa.Table]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `base` and `tokenizer`."""
    folder = tmp_path_factory.mktemp("models")
    tiny(folder)
    return folder


def begun(models: Path, params: Adapt) -> Speaker:
    """The tiny model with a fresh adapter."""
    speaker = load_base(models / "base", models / "tokenizer")
    return add_adapter(speaker, params.method, params.seed)


def plans(speaker: Speaker, params: Adapt, corpus: Table) -> list[Plan]:
    """What each phase trains on, and is checked by."""
    rows = mixture(corpus).select(COLUMNS).to_pylist()
    made = plan(params, rows, taught_by(params.tasks, rows, {}), speaker)
    shape = (params.tasks, params.masking, params.row_tokens, params.seed)
    found = [shown(p.objective, held(corpus), speaker, shape) for p in params.phases]
    return [Plan(some, learned([made]), one) for some, one in zip(made, found, strict=True)]


def held(corpus: Table) -> Held:
    """The held-out rows of Nahuatl."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    return Held(chosen(held_out(corpus), "nah", languages(tree)[1], 9), {}, frozenset())


def weights(speaker: Speaker) -> dict[str, torch.Tensor]:
    """A copy of what is trained."""
    named = speaker.model.named_parameters()
    return {name: p.detach().clone() for name, p in named if p.requires_grad}


def gradients(speaker: Speaker) -> dict[str, torch.Tensor]:
    """A copy of the gradients."""
    named = speaker.model.named_parameters()
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


def trained(speaker: Speaker, plan_: Plan, params: Adapt, folder: Path) -> Run:
    """The first phase, in place."""
    optimizer = optimizer_of(speaker, params)
    return train(speaker, plan_, params, params.phases[0], optimizer, (folder, None))


def whole(speaker: Speaker) -> Softmax:
    """The softmax over all tokens."""
    return softmax_over([], speaker, None)


def as_one(batches: list[Batch]) -> Batch:
    """The batches' rows in one."""
    names = batches[0].inputs
    inputs = {name: np.concatenate([b.inputs[name] for b in batches]) for name in names}
    return Batch(inputs, np.concatenate([b.labels for b in batches]))


def equally_learned(batch: Batch, count: int) -> Batch:
    """The batch with so many learned tokens, the first ones."""
    labels = batch.labels.copy()
    flat = labels.reshape(-1)
    flat[np.flatnonzero(flat != IGNORED)[count:]] = IGNORED
    return replace(batch, labels=labels)


@pytest.mark.slow
def test_accumulated_gradients_are_those_of_one_large_batch(models: Path, corpus: Table) -> None:
    params = settled()
    speaker = begun(models, params)
    batches = [equally_learned(b, 100) for b in plans(speaker, params, corpus)[1].batches]
    for batch in batches:
        (loss_of(speaker, tensors(batch), whole(speaker), 0) / len(batches)).backward()
    parts = gradients(speaker)
    speaker.model.zero_grad()
    loss_of(speaker, tensors(as_one(batches)), whole(speaker), 0).backward()
    one = gradients(speaker)
    assert parts.keys() == one.keys()
    assert any(float(some.abs().max()) > 0 for some in one.values())
    for name, some in one.items():
        assert float((parts[name] - some).norm()) <= 0.02 * float(some.norm()) + 1e-6, name


@pytest.mark.slow
def test_recomputed_activations_give_the_same_gradients(models: Path, corpus: Table) -> None:
    params = settled()
    speaker = begun(models, params)
    batch = tensors(plans(speaker, params, corpus)[0].batches[0])
    speaker.model.train()
    loss_of(speaker, batch, whole(speaker), 0).backward()
    kept = gradients(speaker)
    speaker.model.zero_grad()
    speaker.model.activation_checkpointing_enable()
    assert speaker.model.is_activation_checkpointing
    loss_of(speaker, batch, whole(speaker), 0).backward()
    again = gradients(speaker)
    assert kept.keys() == again.keys() == weights(speaker).keys()
    assert all(torch.equal(kept[name], again[name]) for name in kept)


@pytest.mark.slow
def test_recomputing_trains_the_same_bytes_and_keeps_less(
    models: Path, corpus: Table, tmp_path: Path
) -> None:
    made, needs = [], []
    for recompute in (False, True):
        params = settled(recompute=recompute, validation=None, batch_rows=8)
        speaker = begun(models, params)
        some = plans(speaker, params, corpus)
        needs.append(estimate(speaker, params, some).kept)
        trained(speaker, some[0], params, tmp_path / f"{recompute}")
        made.append(weights(speaker))
    assert all(torch.equal(one, made[1][name]) for name, one in made[0].items())
    assert needs[1] < 0.7 * needs[0]


@pytest.mark.slow
def test_attention_is_sdpa_and_products_are_bfloat16(models: Path, corpus: Table) -> None:
    params = settled()
    speaker = begun(models, params)
    assert speaker.model.config._attn_implementation == "sdpa"
    seen: set[torch.dtype] = set()
    some = next(m for n, m in speaker.model.named_modules() if n.endswith("q_proj"))
    some.register_forward_hook(lambda _, __, out: seen.add(out.dtype))
    loss = loss_of(
        speaker, tensors(plans(speaker, params, corpus)[0].batches[0]), whole(speaker), 0
    )
    assert seen == {torch.bfloat16}
    assert loss.dtype == torch.float32
    assert {p.dtype for p in weights(speaker).values()} == {torch.float32}


@pytest.mark.slow
def test_an_estimate_changes_nothing(models: Path, corpus: Table) -> None:
    params = settled()
    speaker = begun(models, params)
    some = plans(speaker, params, corpus)
    before, state = weights(speaker), torch.get_rng_state()
    need = estimate(speaker, params, some)
    assert need.bytes > need.kept > 0 < need.seconds
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one, before[name]) for name, one in weights(speaker).items())
    assert not gradients(speaker)
    twice = estimate(
        speaker, replace(params, batch_rows=4), plans(speaker, settled(batch_rows=4), corpus)
    )
    assert twice.kept == pytest.approx(2 * need.kept, rel=0.01)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_used_up_memory_is_one_line_that_names_settings(error: Exception) -> None:
    with pytest.raises(InputError, match=r"lower adapt\.batch_rows") as raised, out_of_memory():
        raise error
    assert "\n" not in str(raised.value)
    with pytest.raises(RuntimeError, match="shape"), out_of_memory():
        raise RuntimeError("shape '[2]' is invalid")


@pytest.mark.slow
def test_a_real_allocation_that_fails_is_one_line() -> None:
    with pytest.raises(InputError, match="memory is used up"), out_of_memory():
        torch.empty(2**60, dtype=torch.uint8)


@pytest.mark.slow
def test_the_best_weights_are_kept_and_a_phase_ends_when_it_gains_nothing(
    models: Path, corpus: Table, tmp_path: Path
) -> None:
    steep = {"objective": "clm", "steps": 40, "learning_rate": 0.3, "warmup_steps": 1}
    params = settled(phases=[steep], validation={"texts": 3, "every_steps": 2, "patience": 2})
    speaker = begun(models, params)
    (some,) = plans(speaker, params, corpus)
    place = tmp_path / "checkpoints"
    run = trained(speaker, some, params, place)
    values = list(run.checks.values())
    assert len(run.losses) < 40  # at such a rate it does worse again
    assert len(values) == values.index(min(values)) + 1 + 2
    assert run.kept == list(run.checks)[values.index(min(values))] < len(run.losses)
    assert some.held is not None
    assert bits_per_byte(speaker, some.held, 256) == pytest.approx(min(values), rel=1e-6)
    again = begun(models, params)
    assert trained(again, some, params, place) == run  # a killed run's next start
    assert all(torch.equal(one, weights(again)[name]) for name, one in weights(speaker).items())


@pytest.mark.slow
def test_checks_change_no_weight(models: Path, corpus: Table, tmp_path: Path) -> None:
    made: list[dict[str, torch.Tensor]] = []
    for validation in (None, ADAPT["validation"]):
        params = settled(validation=validation)
        speaker = begun(models, params)
        some = plans(speaker, params, corpus)[0]
        run = trained(speaker, some, params, tmp_path / str(len(made)))
        assert run.kept == len(run.losses) == 8
        made.append(weights(speaker))
    assert list(run.checks) == [3, 6, 8]
    assert all(torch.equal(one, made[1][name]) for name, one in made[0].items())


@pytest.mark.slow
def test_without_a_compiler_training_is_not_compiled(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from train.fused import compiles; print(compiles())"],
        env={"PATH": str(tmp_path), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "False\n"
    assert "install a C++ compiler" in said.stderr


@pytest.mark.slow
def test_held_out_text_and_answers(models: Path, corpus: Table) -> None:
    params = settled()
    speaker = load_base(models / "base", models / "tokenizer")
    shape = (params.tasks, params.masking, params.row_tokens, params.seed)
    texts = shown("clm", held(corpus), speaker, shape)
    assert texts.size == sum(len(row["target"].encode()) for row in held(corpus).rows)
    answers = shown("sft", held(corpus), speaker, shape)
    assert len(answers.examples) == 4  # two pairs both ways; the row without a source asks nothing
    paired = [row for row in held(corpus).rows if row["source"]]
    assert answers.size == sum(len(r[s].encode()) for r in paired for s in ("source", "target"))


def test_settings_of_checks_say_what_is_wrong() -> None:
    for changed in ({"texts": 0}, {"every_steps": 0}, {"patience": 0}):
        with pytest.raises(InputError, match="must be at least 1"):
            settled(validation={**ADAPT["validation"], **changed})
    assert settled(validation=None).validation is None


def test_processes_share_a_step_or_say_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shared(3) == 3
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert shared(4) == 2
    with pytest.raises(InputError, match=r"set it to a multiple of 2"):
        shared(3)


@pytest.mark.slow
def test_two_processes_of_torchrun_train_what_one_does(
    models: Path, corpus: Table, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    for name in ("one", "two"):
        project(corpus, tmp_path / name, accumulate=2, phases=ADAPT["phases"][:1])
    finish(tmp_path / "one", models)
    many = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    process = start(tmp_path / "two", models, many)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said[-2000:]
    for name in ("human", "mixed"):
        path = Path("out", name, "adapter_model.safetensors")
        one, two = (load_file(tmp_path / some / path) for some in ("one", "two"))
        assert one.keys() == two.keys()
        for key, some in one.items():
            assert torch.allclose(some, two[key], rtol=0.05, atol=2e-3), key
    wrote = [
        {path.relative_to(tmp_path / name) for path in files(tmp_path / name)}
        for name in ("one", "two")
    ]
    assert wrote[0] == wrote[1]  # no folder of a second process, no checkpoint left


@pytest.mark.slow
@pytest.mark.parametrize("fuse", [False, True])
def test_quick_layers_say_what_peft_says_and_learn_what_it_learns(fuse: bool, models: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:  # as it trains: in a fresh process,
        pool.apply(check_quick_layers, (models, fuse))  # where nobody has loaded distutils


def check_quick_layers(models: Path, fuse: bool) -> None:
    """Compare losses and gradients of quick layers, compiled or not, with those of peft's."""
    params = settled()
    speaker = begun(models, params)
    assert fusible(speaker, 256) and not fusible(speaker, 1024)
    with torch.no_grad():
        for p in weights_of(speaker):
            p.add_(torch.randn_like(p) * 0.05)  # B begins at zero, and A would learn nothing
    batch = tensors(plans(speaker, params, table)[0].batches[0])
    speaker.model.train()
    found = {}
    for name, block in (("peft", nullcontext()), ("quick", quickened(speaker))):
        speaker.model.zero_grad()
        with block, fused(speaker) if fuse and name == "quick" else nullcontext():
            loss = loss_of(speaker, batch, whole(speaker), 0)
            loss.backward()
        found[name] = (float(loss.detach()), gradients(speaker))
    loss, kept = found["peft"]
    assert found["quick"][0] == pytest.approx(loss, rel=2e-3)
    assert kept.keys() == weights(speaker).keys()
    for name, some in kept.items():  # in bfloat16 each differs by its rounding
        assert float((found["quick"][1][name] - some).norm()) < 0.03 * float(some.norm()), name
    assert "forward" not in {k for m in speaker.model.modules() for k in vars(m)}


@pytest.mark.slow
def test_in_float64_quick_layers_are_exact() -> None:
    x, weight, bias = torch.randn(2, 3, 5).double(), torch.randn(4, 5).double(), torch.randn(4)
    a, b = torch.randn(2, 5).double(), torch.randn(4, 2).double()
    for some in (x, a, b):
        some.requires_grad_(True)

    def plain(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return x @ weight.T + bias.double() + 0.5 * (x @ a.T) @ b.T

    def quick(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = Updated.apply(x, weight, bias, a, b, 0.5)
        return made

    assert torch.allclose(quick(x, a, b), plain(x, a, b), atol=1e-12)
    given = torch.randn(2, 3, 4).double()
    wanted = torch.autograd.grad(plain(x, a, b), (x, a, b), given)
    found = torch.autograd.grad(quick(x, a, b), (x, a, b), given)
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one.double(), other, rtol=1e-6, atol=1e-6)  # A and B in float32


def weights_of(speaker: Speaker) -> list[torch.nn.Parameter]:
    """What is trained."""
    return [p for p in speaker.model.parameters() if p.requires_grad]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_a_killed_worker_is_one_line_that_names_settings(
    models: Path, corpus: Table, tmp_path: Path
) -> None:
    project(corpus, tmp_path)
    tree = yaml.safe_load((tmp_path / "params.yaml").read_text("utf-8"))
    tree["shards"] |= {"workers": 2, "most_retries": 0}
    tree["adapt"]["phases"][0]["steps"] = 1000  # both are at it when one is killed
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree))
    stage = start(tmp_path, models)
    children = Path(f"/proc/{stage.pid}/task/{stage.pid}/children")
    begun_at = tmp_path / "scratch/adapt/nah"
    while stage.poll() is None:
        some = [pid for pid in children.read_text().split() if "spawn_main" in words_of(pid)]
        if len(some) == 2 and len([*begun_at.glob("*")]) == 2:  # each has an adapter to train
            os.kill(int(some[1]), signal.SIGKILL)
            break
    _, said = stage.communicate(timeout=100)
    assert stage.returncode == 1
    (line,) = [one for one in said.splitlines() if "a worker died 1 times" in one]
    assert line.startswith("adapt: adapt nah: ")  # after it the tracker tells of its semaphore
    assert "lower adapt.batch_rows" in line


def words_of(pid: str) -> str:
    """The command line of a process; nothing once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
