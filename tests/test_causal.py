"""A prompt never holds the answer, and depends on its segment alone."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from augment.engines import causal
from augment.engines.causal import Causal, Prompts, pairs
from augment.translation import EXAMPLES, Direction, Translation
from corpus.table import InputError
from tests import models

os.environ["HF_HUB_OFFLINE"] = "1"
BACKWARD = Direction("orm", "spa_Latn", "backward")
SHOWN = [
    {"spa_Latn": "El agua está limpia.", "orm": "Bishaan qulqulluu dha."},
    {"spa_Latn": "La casa es grande.", "orm": "Manni guddaa dha."},
    {"spa_Latn": "Buenos días.", "orm": "ጤና ይስጥልኝ።"},
]
CHAT = "{% for m in messages %}<turn>{{ m.role }}:{{ m.content }}{% endfor %}<turn>assistant:"
TEXTS = ["Har'a roobni hin jiru.", "ውሃ ንጹህ ነው።", "ទឹកស្អាត", "calli", "Manni guddaa dha."]


def spec(model: Path | str, **more: Any) -> Causal:
    settings = {
        "kind": "causal",
        "model": str(model),
        "revision": None,
        "prompt": "{source_language}: {source}\n{language}:",
        "languages": {"spa_Latn": "Spanish", "orm": "Oromo"},
        "examples": 2,
        "beam": 1,
        "most_tokens": 400,
        "most_new_tokens": 12,
        "batch_tokens": 2000,
        "threads": 1,
    }
    return Causal(**{**settings, **more})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in SHOWN]
    (tmp_path / EXAMPLES).write_text("".join(lines), "utf-8")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("template", [None, CHAT])
def test_a_prompt_never_holds_the_answer(folder: Path, template: str | None) -> None:
    from transformers import AutoTokenizer

    settings = spec(models.llama(folder / "model", template))
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    prompts = Prompts(settings, BACKWARD, tokenizer, pairs(settings, BACKWARD, folder))
    for row in SHOWN:
        for text in (row["orm"], row["orm"].upper(), row["orm"].split()[0]):
            said = tokenizer.decode(prompts.read(text))
            assert row["spa_Latn"] not in said
            assert sum(other["spa_Latn"] in said for other in SHOWN) == 2
            assert said.rstrip().endswith("assistant:" if template else "Spanish:")


@pytest.mark.slow
@pytest.mark.parametrize("template", [None, CHAT])
@pytest.mark.parametrize("beam", [1, 3])
def test_an_answer_is_one_line_and_the_same_in_any_batch(
    folder: Path, template: str | None, beam: int
) -> None:
    model = models.llama(folder / "model", template)
    together = causal.load(spec(model, beam=beam), BACKWARD, folder, beam)([*TEXTS, ""])
    alone = causal.load(spec(model, beam=beam, batch_tokens=1), BACKWARD, folder, beam)
    assert together == alone([*TEXTS, ""])
    assert together[-1] == [Translation("", None, 0)]
    for best in together[:-1]:
        assert best[0].score is not None and best[0].score <= 0
        assert all("\n" not in found.text for found in best)


@pytest.mark.slow
def test_what_the_user_can_mend_is_one_line(folder: Path, tmp_path: Path) -> None:
    model = models.llama(tmp_path / "model")
    cases = [
        ("translator", spec(model), tmp_path / "none"),
        ("twice", spec(model, most_tokens=20), folder),
        ("HF_HUB_OFFLINE", spec("nobody/nothing"), folder),
        ("lack 'orm'", spec(model, languages={"spa_Latn": "Spanish"}), folder),
    ]
    for said, settings, where in cases:
        with pytest.raises(InputError, match=said):
            causal.load(settings, BACKWARD, where, 1)
