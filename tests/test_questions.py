"""What is measured of titles and conversations: bits of the last answer, and the model's own."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from test_adapt import ADAPT, settled
from test_evaluate import LANGUAGES, PARAMS
from test_tasks import TEMPLATE, spoken

from corpus.orthography import matching_key
from corpus.results import model_lines
from corpus.shards import Shards
from corpus.table import SCHEMA, InputError
from tests import models
from train.adapt import write_settings
from train.evaluate import evaluate
from train.prompts import PROMPT
from train.questions import Exam, exam_of, examined
from train.systems import Models
from train.tasks import HERE, Question

SHARDS = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
KEY = matching_key(None)
TRANSLATION = ADAPT["tasks"]["translation"]
TITLE = {"share": 1.0, "prompt": "{text}\nTitle:", "titles": {"test": "name"}}
INSTRUCTION = {"share": 1.0, "template": TEMPLATE, "held_out": 0.9}
TITLES = [
    Question("a", 1.0, f"{HERE}\nTitle:", "In ātl", "tlacatl quitta"),
    Question("b", 1.0, f"{HERE}\nTitle:", "ውሃ ንጹህ ነው።" * 40, "ንጉሥ"),  # fits into no row
    Question("c", 1.0, f"{HERE}\nTitle:", "ទឹក", "calli tetl"),
]
TALKS = [
    Question("d", 1.0, turns=spoken("agua", "ātl")),
    Question("e", 1.0, turns=spoken("agua", "ātl", "ውሃ", "bishaan")),
]
PARAMS_HERE = replace(PARAMS, most_generated=2, most_new_tokens=6)


def built(folder: Path, make: Callable[[Path], Path]) -> Models:
    """A base with two adapters of it that change nothing yet, and how they say they were taught."""
    from train.adapters import add_adapter, save_adapter
    from train.model import load_base

    base = make(folder / "base")
    for seed, name in enumerate(("human", "mixed")):
        speaker = add_adapter(load_base(base, base), settled().method, seed)
        if name == "mixed":
            for weight in speaker.model.parameters():
                weight.data += 0.02 * weight.requires_grad
        save_adapter(speaker, folder / "adapt" / name)
    write_settings(settled(), folder / "adapt")
    return Models(folder / "adapt", base, base, folder, folder)


def counted(model: Any, ids: list[int], last: int) -> float:
    """Bits of the last tokens, by the model alone."""
    import math

    import torch

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return -sum(float(logits[at - 1, ids[at]]) for at in range(len(ids) - last, len(ids))) / (
        math.log(2)
    )


@pytest.mark.slow
def test_bits_and_answers_of_a_decoder(tmp_path: Path) -> None:
    from train.adapters import load_adapter
    from train.measure import answer_bits, say
    from train.sides import Asked

    places = built(tmp_path, lambda folder: models.llama(folder, TEMPLATE))
    exam = Exam({"instruction": TALKS, "title": TITLES}, None, 120)
    bits, said, report = examined(PARAMS_HERE, exam, places, KEY, SHARDS)
    assert {(r["id"], r["system"], r["task"]) for r in bits.to_pylist()} == {
        (name, system, task)
        for task, names in (("title", "ac"), ("instruction", "de"))
        for name in names
        for system in ("base", "human", "mixed")
    }
    title = report["title"]
    assert title["too_long"] == 1 and report["instruction"]["too_long"] == 0
    assert title["bits_per_byte"]["rows"] == 2
    speaker = load_adapter(places.base, places.tokenizer, places.adapters / "mixed")
    prompts = [Asked(TITLES[n].prompt.replace(HERE, TITLES[n].text or "")) for n in (0, 2)]
    wanted = [TITLES[n].answer for n in (0, 2)]
    spent = sum(answer_bits(speaker, prompts, wanted, 256, ""))
    size = sum(len(answer.encode()) + 1 for answer in wanted)
    assert title["bits_per_byte"]["mixed"]["value"] == pytest.approx(spent / size)
    rows = {(r["id"], r["system"]): r["hypothesis"] for r in said.to_pylist()}
    assert rows["a", "mixed"] == say(speaker, prompts[:1], 6, 1, "")[0]
    assert ("c", "mixed") not in rows  # the third of the questions, and two are asked
    assert title["rouge_l"]["answers"]["rows"] == 1
    assert "adapter_over_base" in report["instruction"]["rouge_l"]["on_key"]
    whole = speaker.tokenizer.apply_chat_template(
        [{"role": t.role, "content": t.content} for t in TALKS[1].turns], tokenize=True
    )["input_ids"]
    whole = whole[: len(whole) - whole[::-1].index(0)]  # the end of the last turn is the last <eos>
    last = len(speaker.encode(["bishaan"])[0]) + 1
    (found,) = (r for r in bits.to_pylist() if r["id"] == "e" and r["system"] == "mixed")
    assert found["bits"] == pytest.approx(counted(speaker.model, whole, last), rel=0.02)
    assert found["bytes"] == len("bishaan") + 1


@pytest.mark.slow
def test_bits_and_answers_of_an_encoder_decoder(tmp_path: Path) -> None:
    from train.adapters import load_adapter
    from train.measure import answer_bits, say
    from train.sides import Asked

    places = built(tmp_path, lambda folder: models.madlad(folder))
    exam = Exam({"title": TITLES}, None, 120)
    _, said, report = examined(PARAMS_HERE, exam, places, KEY, SHARDS)
    speaker = load_adapter(places.base, places.tokenizer, places.adapters / "human")
    prompts = [Asked(TITLES[n].prompt.replace(HERE, TITLES[n].text or "")) for n in (0, 2)]
    wanted = [TITLES[n].answer for n in (0, 2)]
    spent = sum(answer_bits(speaker, prompts, wanted, 256, ""))
    size = sum(len(answer.encode()) + 1 for answer in wanted)
    found = report["title"]["bits_per_byte"]
    assert found["human"]["value"] == pytest.approx(spent / size)
    assert found["synthetic"]["verdict"] in ("better", "worse", "cannot tell")
    rows = {(r["id"], r["system"]): r["hypothesis"] for r in said.to_pylist()}
    assert rows["a", "human"] == say(speaker, prompts[:1], 6, 1, "")[0]


@pytest.mark.slow
def test_evaluate_says_it_beside_the_rest(
    corpus: Callable[..., pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a task and of a variety; its tables hold the rows of both, and no row twice."""
    monkeypatch.chdir(Path(__file__).parent.parent)
    places = built(tmp_path, models.llama)
    tasks = {"translation": TRANSLATION, "title": TITLE, "instruction": None}
    write_settings(settled(tasks=tasks), tmp_path / "adapt")
    for name in ("all", "azz"):
        shutil.copytree(tmp_path / "adapt" / "human", tmp_path / "varieties" / name)
    shutil.copy(tmp_path / "adapt" / PROMPT, tmp_path / "varieties")
    (tmp_path / "none" / "nah").mkdir(parents=True)
    (tmp_path / "none" / "nah" / "ids.txt").write_text("")  # no translator
    models.pieces(tmp_path / "pieces")
    rows = corpus("tlacatl quitta", "calli tetl", "ንጉሥ", sources=("agua", None, "casa")).to_pylist()
    rows = [row | {"language": "azz_Latn", "document": f"In ātl {row['id']}"} for row in rows]
    test = pa.Table.from_pylist(rows, schema=SCHEMA)
    ids = pa.table({"id": test["id"], "orthography": pa.nulls(3, pa.string())})
    made = evaluate(
        replace(PARAMS_HERE, pieces=str(tmp_path / "pieces.model")),
        LANGUAGES,
        SHARDS,
        "nah",
        test.append_column("held_out", pa.nulls(3, pa.string())),
        test.slice(0, 0),
        ids,
        models.RAW,
        tmp_path / "none",
        *(places.adapters, places.base, places.tokenizer),
        *(tmp_path / "none", tmp_path / "none", tmp_path / "varieties"),
    )
    assert made.report["tasks"]["title"]["bits_per_byte"]["rows"] == 3
    own = made.report["varieties"]["azz"]["text"]
    assert own["rows"] == 3 and own["over_all"]["difference"] == 0  # a copy of it
    tables = made.tables
    assert {"text", "to_target", "title", "variety text"} <= set(tables["bits"]["task"].to_pylist())
    assert "title" in tables["predictions"]["task"].to_pylist()
    for table in tables.values():
        keys = list(zip(*(table[n].to_pylist() for n in ("id", "system", "task")), strict=True))
        assert len(keys) == len(set(keys))
    lines = dict(model_lines(made.report))
    assert lines["adapter of azz, text, over as much training on all"].endswith("cannot tell")
    assert lines["title: bits per byte, base model"] and "ROUGE-L" in " ".join(lines)


def test_only_what_was_taught_and_is_held_out_is_asked(
    corpus: Callable[..., pa.Table], tmp_path: Path
) -> None:
    test = corpus("tlacatl quitta", "In ātl, tepētl", document="In ātl").to_pylist()
    test += corpus("ንጉሥ", document="ውሃ").to_pylist()
    mixture = corpus("calli", document="ውሃ")  # its title is known
    told = tmp_path / "nah.jsonl"
    told.write_text("".join(f'{{"instruction": "{n}", "output": "ātl"}}\n' for n in range(20)))
    write_settings(settled(), tmp_path)
    assert exam_of(tmp_path, test, mixture, told, 9).asked == {}
    tasks = {"translation": TRANSLATION, "title": TITLE, "instruction": INSTRUCTION}
    write_settings(settled(tasks=tasks), tmp_path)
    exam = exam_of(tmp_path, test, mixture, told, 9)
    (title,) = exam.asked["title"]
    assert (title.answer, title.text) == ("In ātl", "tlacatl quitta")
    assert len(exam.asked["instruction"]) == 9 and exam.template == TEMPLATE
    assert exam_of(tmp_path, test, mixture, tmp_path / "none", 9).asked.keys() == {"title"}
    assert exam_of(tmp_path, test, mixture, told, 0).asked == {}


def test_where_nothing_else_was_taught_no_model_is_loaded(tmp_path: Path) -> None:
    places = Models(*[tmp_path] * 5)
    bits, said, report = examined(PARAMS, Exam({}, None, 0), places, KEY, SHARDS)
    assert (len(bits), len(said), report) == (0, 0, {})
    with pytest.raises(InputError, match=r"settings.json does not exist; run 'dvc repro adapt'"):
        exam_of(tmp_path, [], pa.table({}), tmp_path, 9)
