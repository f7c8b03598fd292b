"""The base model's name in cards: a Hub id stays whole, a path tells nothing of this machine."""

from pathlib import Path

import pytest

from train.base import shown


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HuggingFaceTB/SmolLM2-135M", "HuggingFaceTB/SmolLM2-135M"),
        ("gpt2", "gpt2"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct.Q4_1.gguf"),
        ("/home/citlali/models/base.gguf", "base.gguf"),
    ],
)
def test_a_hub_id_stays_whole(name: str, said: str) -> None:
    assert shown(name) == said


def test_a_local_folder_loses_its_path(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    assert shown(str(tmp_path / "tiny")) == "tiny"
