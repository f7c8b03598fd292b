"""What is exported says what base and adapter say together, and is not there when it does not."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from test_adapt import ADAPT, settled, tiny

from corpus.table import InputError
from train.ask import Question, chosen, row
from train.cli import main, terms
from train.llamacpp import cutting
from train.systems import Models

if TYPE_CHECKING:
    from train.model import Speaker

TEXTS = ("in tlacatl quitta in ātl", "ᐃᓄᒃᑎᑐᑦ", "ውሃ 2026")


def trained(
    folder: Path, change: float = 0.05, method: dict[str, Any] = ADAPT["method"]
) -> "Speaker":
    """A base, a tokenizer with new tokens, and an adapter that changes the base by chance."""
    import torch

    from train.adapters import add_adapter, load_adapter, save_adapter
    from train.model import load_base

    tiny(folder)
    places = (folder / "base", folder / "tokenizer")
    speaker = add_adapter(load_base(*places), settled(method=method).method, 0)
    torch.manual_seed(1)
    for parameter in speaker.model.parameters():
        if parameter.requires_grad:
            parameter.data += change * torch.randn_like(parameter)
    save_adapter(speaker, folder / "adapt" / "mixed")
    (folder / "adapt" / "prompt.txt").write_text(ADAPT["tasks"]["translation"]["prompt"], "utf-8")
    wanted = load_adapter(*places, folder / "adapt" / "mixed")
    return wanted.over(wanted.model.eval())


def models(folder: Path) -> Models:
    """Where they lie."""
    none = folder / "none"
    return Models(folder / "adapt", folder / "base", folder / "tokenizer", none, none)


def ids(speaker: "Speaker", reader: Any) -> list[Any]:
    """Rows of tokens of each text, as a tokenizer cuts it: the adapter's own, if all is well."""
    import torch

    cut = [reader(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
    assert cut == speaker.encode(list(TEXTS))
    return [torch.tensor([row]) for row in cut]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["merged", "merged.gguf"])
def test_one_model_says_what_base_and_adapter_say(tmp_path: Path, name: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from train.export import export

    wanted = trained(tmp_path)
    said = export(models(tmp_path), "mixed", tmp_path / name, "float32")
    assert "nats a token from the unmerged model; the adapter changes" in said
    single = name.endswith(".gguf")
    options = {"gguf_file": name} if single else {}
    where = tmp_path if single else tmp_path / name
    model = AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32, **options)
    rows = ids(wanted, AutoTokenizer.from_pretrained(where, **options))
    wanted.model.float()
    for some in rows:
        found = model(input_ids=some).logits
        assert torch.allclose(found, wanted.model(input_ids=some).logits, atol=1e-4)
    with pytest.raises(InputError, match="exists; name a place where nothing is"):
        export(models(tmp_path), "mixed", tmp_path / name, "float32")


@pytest.mark.slow
def test_what_rounding_would_lose_is_not_written(tmp_path: Path) -> None:
    from train.export import export

    trained(tmp_path, change=1e-4)  # less than a bfloat16 can say
    with pytest.raises(InputError, match="of what the adapter changes would be lost"):
        export(models(tmp_path), "mixed", tmp_path / "merged", "bfloat16")
    assert not list(tmp_path.glob("*merged*"))


@pytest.mark.slow
def test_a_model_that_gguf_is_not_written_of_is_named(tmp_path: Path) -> None:
    from train.export import export

    trained(tmp_path)
    path = tmp_path / "base" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(config | {"attention_bias": True}), "utf-8")
    with pytest.raises(InputError, match="attention_bias True; write 'milpa export"):
        export(models(tmp_path), "mixed", tmp_path / "merged.gguf", "bfloat16")
    assert not list(tmp_path.glob("*merged*"))


@pytest.mark.slow
def test_try_answers_as_evaluate_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    from train.examples import asked
    from train.measure import say

    root = Path(__file__).parent.parent
    tree = yaml.safe_load((root / "params.yaml").read_text("utf-8"))
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree | {"active": ["nah"]}), "utf-8")
    place = tmp_path / "models"
    wanted = trained(place)
    for name in ("adapt", "tokenizer"):
        (place / name).rename(place / "moved")
        (place / name).mkdir()
        (place / "moved").rename(place / name / "nah")
    monkeypatch.chdir(tmp_path)
    pairs = [{"source": "", "target": t, "source_language": "spa_Latn"} for t in TEXTS]
    prompts = [
        asked(
            {**p, "language": "nah_Latn"}, ADAPT["tasks"]["translation"]["prompt"], backward=True
        )[0]
        for p in pairs
    ]
    most = tree["evaluate"]["most_new_tokens"]
    expected = [say(wanted, [prompt], most, 1, "")[0] for prompt in prompts]
    done = CliRunner().invoke(main, ["try", "--backward"], input="\n".join([*TEXTS, ""]) + "\n")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines == [*expected, ""]  # an empty line has an empty answer
    assert any(expected)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["try", "ātl"], "models/adapt/nah does not exist; run 'dvc repro' or 'dvc pull' first"),
        (["try", "ātl", "--system", "translator"], "models/translator/nah holds no translator"),
        (["try", "ātl", "--language", "orm"], "active has ['nah']; 'orm' is none of them"),
        (["try", "ātl", "--variety", "que"], "nah has the varieties ['nah', "),
        (["export", "model", "there"], "models/adapt/nah does not exist; run 'dvc repro'"),
    ],
)
def test_what_is_not_there_is_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parent.parent
    (tmp_path / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert done.output.count("\n") == 1 and said in done.output, done.output


def test_several_languages_need_a_name() -> None:
    assert chosen("orm", ("nah", "orm")) == "orm"
    with pytest.raises(InputError, match="name one with --language"):
        chosen(None, ("nah", "orm"))


def test_the_text_stands_on_the_side_that_is_asked() -> None:
    from test_report import OROMO

    question = Question("mixed", "orm", None, backward=True)
    assert row("bishaan", question, OROMO) == {
        "source": "", "target": "bishaan", "source_language": "spa_Latn", "language": "orm_Latn",
    }  # fmt: skip


def test_terms_are_those_of_the_package(tmp_path: Path) -> None:
    path = tmp_path / "nah.json"
    assert "are not known" in terms(path)
    path.write_text('{"licences": ["MIT", "ours"], "may_be_passed_on": false}', "utf-8")
    assert terms(path) == "terms: MIT; ours: not to be passed on"


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ({"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}, "gpt-2"),
        ({"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}, None),
        ({"type": "Metaspace"}, None),
        (None, None),
    ],
)
def test_only_known_ways_of_cutting_are_written(rule: object, name: str | None) -> None:
    assert cutting({"pre_tokenizer": rule}) == name
