"""The methods of peft on a small model of each family: what they train, save, load and merge."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_adapt import ADAPT, settled

from corpus.table import InputError
from tests import models
from train.adapt import Adapt, plan
from train.initialise import ROWS

NEW = ("tlācatl", "ሰዎች", "មនុស្ស")  # tokens that the bases lack
LORA = ADAPT["method"]
METHODS: dict[str, dict[str, Any]] = {
    "lora": LORA,
    "rslora": {**LORA, "rslora": True},
    "dora": {**LORA, "dora": True},
    "lora+": {**LORA, "plus": 16.0},
    "last layer": {**LORA, "layers": [-1]},
    "ia3": {"kind": "ia3", "bits": None},
    "full": {"kind": "full"},
}
CODES = {"spa_Latn": "spa_Latn", "default": "gaz_Latn"}
OBJECTIVES = {"llama": "clm", "bert": "mlm", "madlad": "sft", "nllb": "sft"}


def bert(folder: Path) -> Path:
    """A BERT over WordPiece."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from tokenizers.models import WordPiece
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer, set_seed

    trained = Tokenizer(WordPiece(unk_token="[UNK]"))
    trained.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    teacher = trainers.WordPieceTrainer(vocab_size=models.PIECES, special_tokens=special)
    trained.train_from_iterator(models.corpus(), teacher)
    tokenizer = BertTokenizer(vocab=trained.get_vocab(), do_lower_case=False)
    set_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.3,
    )
    return models.saved(BertForMaskedLM(config), tokenizer, folder)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "llama": models.llama,
    "bert": bert,
    "madlad": models.madlad,  # rows of its input and output layer apart
    "nllb": models.nllb,  # and tied
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """Folders of a base, and of its tokenizer with the new tokens; each made once."""
    from transformers import AutoTokenizer

    made: dict[str, tuple[Path, Path]] = {}

    def of(name: str) -> tuple[Path, Path]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            base = MAKERS[name](folder / "base")
            if name == "nllb":
                config = json.loads((base / "config.json").read_text("utf-8"))
                config["language_codes"] = CODES  # as stage base writes them
                (base / "config.json").write_text(json.dumps(config), "utf-8")
            tokenizer: Any = AutoTokenizer.from_pretrained(base)
            parts = {new: tokenizer(new, add_special_tokens=False)["input_ids"] for new in NEW}
            tokenizer.add_tokens(list(NEW))
            tokenizer.save_pretrained(folder / "tokenizer")
            rows = {new: {i: ids.count(i) / len(ids) for i in ids} for new, ids in parts.items()}
            (folder / "tokenizer" / ROWS).write_text(json.dumps(rows), "utf-8")
            made[name] = base, folder / "tokenizer"
        return made[name]

    return of


def rows() -> list[dict[str, Any]]:
    """Pairs whose targets have the new tokens."""
    pairs = zip(models.declaration("spa"), models.declaration("gax"), strict=False)
    return [
        {
            "id": f"{n:03}",
            "document": None,
            "position": None,
            "origin": "udhr",
            "source": source[:80],
            "target": f"{NEW[n % 3]} {target[:80]}",
            "source_language": "spa_Latn",
            "language": "gax_Latn",
            "weight": 1.0,
            "synthetic": False,
            "bitext": True,
            "order": None,
        }
        for n, (source, target) in enumerate(pairs)
    ][:24]


def settings(method: dict[str, Any], objective: str) -> Adapt:
    """Six steps by one method."""
    phase = {"objective": objective, "steps": 6, "learning_rate": 0.02, "warmup_steps": 1}
    return settled(method=method, phases=[phase], sampled_tokens=None)


def fitted(places: tuple[Path, Path], params: Adapt, scratch: Path) -> Any:
    """A model trained for some steps."""
    from train.adapt import learned
    from train.adapters import add_adapter
    from train.model import load_base
    from train.tasks import taught_by
    from train.trainer import Plan, optimizer_of, train

    speaker = load_base(*places, bits=getattr(params.method, "bits", None))
    taught = taught_by(params.tasks, rows(), {})
    (batches,) = plan(params, rows(), taught, speaker)
    speaker = add_adapter(speaker, params.method, params.seed)
    train(
        speaker,
        Plan(batches, learned([[batches]])),
        params,
        params.phases[0],
        optimizer_of(speaker, params),
        (scratch, None),
    )
    speaker.model.eval()
    return speaker


def told(speaker: Any) -> Any:
    """Scores of some tokens, the new ones among them."""
    import torch

    ids = torch.tensor([[*speaker.new_ids, 7, 8, 9, *speaker.new_ids]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if speaker.family == "encoder-decoder":
        inputs["decoder_input_ids"] = ids
    with torch.no_grad():
        return speaker.model(**inputs).logits.float()


def weights(speaker: Any) -> dict[str, Any]:
    """The base's own weights, by their names in the base."""
    ours = re.compile(r"lora_|ia3_|trainable_tokens")
    wrapped = re.compile(r"^base_model\.model\.|\.base_layer|\.token_adapter|\.original_module")
    found = speaker.model.state_dict()
    return {wrapped.sub("", name): w.clone() for name, w in found.items() if not ours.search(name)}


def numbers(speaker: Any) -> list[Any]:
    """All trained and frozen weights, as they are after saving."""
    return [weight.float() for weight in speaker.model.parameters()]


def hashes(folder: Path) -> dict[str, str]:
    """What each file of a folder holds."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", MAKERS)
def test_a_method_trains_saves_and_loads(
    name: str, method: str, bases: Callable[[str], tuple[Path, Path]], tmp_path: Path
) -> None:
    import torch

    from train.adapters import load_adapter, save_adapter
    from train.model import head, load_base

    places = bases(name)
    before = load_base(*places)
    old, said = weights(before), told(before)
    speaker = fitted(places, settings(METHODS[method], OBJECTIVES[name]), tmp_path / "scratch")
    assert not torch.allclose(told(speaker), said, atol=0.01)
    new = list(speaker.new_ids)
    assert len(new) == 3
    moved = (head(speaker).rows.float() != head(before).rows.float()).any(1)
    assert moved[new].all()
    if method != "full":
        now = weights(speaker)
        assert now.keys() == old.keys()
        assert all(torch.equal(now[key], old[key]) for key in old)
        assert moved.sum() == 3
    for folder in ("one", "two"):
        save_adapter(speaker, tmp_path / folder)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    read = load_adapter(*places, tmp_path / "one")
    if method == "full":  # trained in float32, loaded in bfloat16
        assert all(map(torch.equal, numbers(read), numbers(speaker)))
    else:
        assert torch.equal(told(read), told(speaker))
    if method == "last layer":
        names = [key for key in speaker.model.state_dict() if "lora_" in key]
        assert names and all(re.search(r"^\D+\.1\.", key) for key in names)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "dora", "ia3"])
@pytest.mark.parametrize("name", MAKERS)
def test_merged_is_the_same_and_unmerged_is_the_base(
    name: str, method: str, bases: Callable[[str], tuple[Path, Path]], tmp_path: Path
) -> None:
    import torch

    from train.adapters import merged

    places = bases(name)
    speaker = fitted(places, settings(METHODS[method], OBJECTIVES[name]), tmp_path / "scratch")
    speaker.model.float()
    before, wanted = weights(speaker), told(speaker)
    spread = float(wanted.std())
    speaker.model.merge_adapter()
    assert torch.allclose(told(speaker), wanted, rtol=0, atol=1e-4 * spread)
    assert any(not torch.equal(w, before[key]) for key, w in weights(speaker).items())
    speaker.model.unmerge_adapter()
    after = weights(speaker)
    for key, weight in before.items():
        # a sum and a difference in float32 leave the last bits, the rows of tokens none
        assert torch.allclose(after[key], weight, rtol=1e-5, atol=1e-6), key
    one = merged(speaker)
    assert not any("lora_" in key or "ia3_" in key for key in one.model.state_dict())
    assert torch.allclose(told(one), wanted, rtol=0, atol=1e-4 * spread)


@pytest.mark.slow
def test_qlora_learns_by_the_gradient_of_its_base(tmp_path: Path) -> None:
    """Even after it was asked something, when bitsandbytes packs weights for inference."""
    pytest.importorskip("bitsandbytes")
    import torch
    from bitsandbytes.functional import dequantize_4bit

    from train.adapters import Lora, add_adapter, merged
    from train.model import load_base

    base = models.llama(tmp_path / "base")
    method = Lora(**{**LORA, "bits": 4})
    quantised, plain = load_base(base, base, bits=4), load_base(base, base)
    for name, module in quantised.model.named_modules():
        if hasattr(module.weight if hasattr(module, "weight") else None, "quant_state"):
            whole = dequantize_4bit(module.weight.data, module.weight.quant_state)
            plain.model.get_submodule(name).weight.data = whole.to(torch.bfloat16)
    gradients = []
    for speaker in (quantised, plain):
        speaker = add_adapter(speaker, method, 0)
        speaker.model.eval()
        told(speaker)
        speaker.model.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = speaker.model(input_ids=torch.arange(64)[None]).logits
        logits.float().square().mean().backward()
        named = speaker.model.named_parameters()
        gradients.append(
            torch.cat([p.grad.flatten() for n, p in named if "lora_B" in n and p.grad is not None])
        )
    likeness = torch.nn.functional.cosine_similarity(*gradients, dim=0)
    assert likeness > 0.99
    with pytest.raises(InputError, match="not merged into four bits"):
        merged(add_adapter(load_base(base, base, bits=4), method, 0))


@pytest.mark.slow
def test_what_the_base_lacks_is_one_line(bases: Callable[[str], tuple[Path, Path]]) -> None:
    from train.adapters import Ia3, Lora, add_adapter
    from train.model import load_base

    speaker = load_base(*bases("llama"))
    said = r"layers: the base has layers 0 to 1, or -2 to -1, got \[2, -3\]"
    with pytest.raises(InputError, match=said):
        add_adapter(speaker, Lora(**{**LORA, "layers": (0, 2, -3)}), 0)
    speaker.model.config.model_type = "mamba"
    with pytest.raises(InputError, match="peft does not know where IA³ goes in 'mamba', only in"):
        add_adapter(speaker, Ia3("ia3", bits=None), 0)
