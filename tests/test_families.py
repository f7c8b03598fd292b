"""Every family learns, is read back, and is measured as transformers itself would count it."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from corpus.results import model_lines
from corpus.settings import section
from corpus.shards import Shards
from corpus.table import InputError
from tests import families, models
from tests.test_evaluate import LANGUAGES, PARAMS
from train import cards, outcomes
from train.adapt import Adapt, write_settings
from train.base import Base, base
from train.evaluate import evaluate
from train.examples import IGNORED
from train.fitting import learned, plan
from train.prompts import Tasks, Translation
from train.sides import Asked
from train.tasks import Taught, taught_by

os.environ["HF_HUB_OFFLINE"] = "1"
SLOW = pytest.mark.slow
# Spanish with Oromo, Nahuatl, Amharic, Khmer; sentences of our own
PAIRS = [
    ("El agua está limpia.", "Bishaan qulqulluu dha.", "gaz_Latn"),
    ("La casa es grande.", "Ca huēi in calli.", "nci_Latn"),
    ("Buenos días.", "ጤና ይስጥልኝ።", "amh_Ethi"),
    ("El agua", "ទឹក\u200bស្អាត", "khm_Khmr"),
]
MEASURED = replace(PARAMS, most_masked=2, most_pairs=4, most_generated=2, resamples=100)
PROMPT = "{source_language}: {source}\n{language}:"
LORA = {"kind": "lora", "rank": 8, "alpha": 32, "rslora": False, "dora": False, "plus": None}
LEARNS = {
    **dict.fromkeys(families.DECODERS, ("clm", "sft")),
    **dict.fromkeys(families.ENCODERS, ("mlm",)),
    **dict.fromkeys(families.BOTH, ("sft",)),
    "mt5": ("denoise", "sft"),
    "nllb": ("denoise", "sft"),
}


def rows() -> list[dict[str, Any]]:
    """Rows of a mixture."""
    facts = {"weight": 1.0, "synthetic": False, "bitext": True, "order": None}
    return [
        {"id": str(n), "source": source, "target": target, "language": language, **facts}
        | {"source_language": "spa_Latn", "origin": "own", "document": "d", "position": n}
        for n, (source, target, language) in enumerate(PAIRS)
    ]


def settled(*objectives: str, prompt: str | None = PROMPT) -> Adapt:
    """The settings of a short training."""
    phase = {"steps": 30, "learning_rate": 0.02, "warmup_steps": 1}
    tree = {
        "method": {**LORA, "layers": None, "bits": None},
        "phases": [{"objective": name, **phase} for name in objectives],
        "masking": {"share": 0.3, "mean_span": 2.0},
        "batch_rows": 2,
        "row_tokens": 96,
        "accumulate": 1,
        "compile": False,
        "recompute": False,
        "sampled_tokens": 64,
        "tasks": {
            "translation": {"share": 1.0, "prompt": prompt},
            "title": None,
            "instruction": None,
        },
        "validation": None,
        "checkpoint_steps": 100,
        "seed": 0,
    }
    return section(Adapt, "adapt", {"adapt": tree})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder that stage base writes of a family's model, made once."""
    made: dict[str, Path] = {}

    def build(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp("families") / name
            make, codes = families.BOTH.get(name) or (
                (families.DECODERS | families.ENCODERS)[name],
                None,
            )
            stage(make(folder / "raw"), folder / "base", codes)
            made[name] = folder / "base"
        return made[name]

    return build


def stage(raw: Path, out: Path, codes: dict[str, str | None] | None = None) -> dict[str, Any]:
    """The report of stage base."""
    import torch

    torch.set_num_threads(1)
    out.mkdir(parents=True)
    params = Base(name=str(raw), revision=None, separator=None, codes=codes)
    return base(params, raw, out).report


def prompt_of(name: str) -> str | None:
    """No prompt where codes say the languages."""
    return None if name in families.BOTH and families.BOTH[name][1] else PROMPT


def spent(speaker: Any, name: str) -> list[float]:
    """Bits of the answers of an encoder-decoder, of the texts of others."""
    from train.measure import answer_bits, text_bits

    if speaker.family != "encoder-decoder":
        return text_bits(speaker, [target for _, target, _ in PAIRS], 512, name)
    some = taught(name).questions["translation"].values()
    asked = [Asked(one.prompt, *one.languages) for one in some]
    return answer_bits(speaker, asked, [one.answer for one in some], 512, name)


def taught(name: str) -> Taught:
    """The questions of the rows."""
    tasks = Tasks(Translation(1.0, prompt_of(name)), None, None)
    return taught_by(tasks, rows(), {})


@SLOW
@pytest.mark.parametrize("name", LEARNS)
def test_a_family_learns_and_is_read_back(
    name: str, built: Callable[[str], Path], tmp_path: Path
) -> None:
    from train.adapters import add_adapter, load_adapter, save_adapter
    from train.model import load_base
    from train.trainer import Plan, optimizer_of, train

    folder, params = built(name), settled(*LEARNS[name], prompt=prompt_of(name))
    speaker = load_base(folder, folder)
    before = spent(speaker, name)
    phases = plan(params, rows(), taught(name), speaker)
    own = learned([phases])
    speaker = add_adapter(speaker, params.method, 0)
    optimizer = optimizer_of(speaker, params)
    for number, (phase, batches) in enumerate(zip(params.phases, phases, strict=True)):
        places = (tmp_path / str(number), None)
        losses = train(speaker, Plan(batches, own), params, phase, optimizer, places).losses
        assert sum(losses[-5:]) < sum(losses[:5])
    after = spent(speaker, name)
    assert sum(after) < 0.9 * sum(before)
    save_adapter(speaker, tmp_path / "out")
    again = spent(load_adapter(folder, folder, tmp_path / "out"), name)
    assert again == pytest.approx(after, rel=1e-3)


@SLOW
@pytest.mark.parametrize("name", families.BOTH)
@pytest.mark.parametrize("direction", [(0, 1), (1, 0), (2, 0), (0, 3)])
def test_the_loss_is_that_of_transformers(
    name: str, direction: tuple[int, int], built: Callable[[str], Path]
) -> None:
    """The same tokens as the tokenizer's own call, the same loss as by the model's own labels."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from train.batches import padded
    from train.model import load_base
    from train.sides import answers_of

    source, target = (PAIRS[0][0], "spa_Latn"), (PAIRS[0][1], "gaz_Latn")
    sides = {0: source, 1: target, 2: (PAIRS[2][1], "amh_Ethi"), 3: (PAIRS[3][1], "khm_Khmr")}
    (text, reads), (answer, says) = (sides[at] for at in direction)
    speaker = load_base(built(name), built(name))
    (example,) = answers_of(speaker, [Asked(text, reads, says)], [answer])
    tokenizer: Any = AutoTokenizer.from_pretrained(built(name))
    codes = families.BOTH[name][1] or {}
    code = {way: codes.get(way, codes.get("default")) for way in (reads, says)}
    before = {"marian": f">>{code[says]}<< ", "madlad": f"<2{code[says]}> "}.get(name, "")
    tokenizer.src_lang, tokenizer.tgt_lang = code[reads], code[says]
    known = tokenizer(before + text, text_target=answer, return_tensors="pt")
    assert example.source == known["input_ids"][0].tolist()
    assert [label for label in example.labels if label != IGNORED] == known["labels"][0].tolist()
    model: Any = AutoModelForSeq2SeqLM.from_pretrained(built(name), dtype=torch.float32).eval()
    batch = padded([example], speaker.family, speaker.padding)
    inputs = {key: torch.from_numpy(some) for key, some in batch.inputs.items()}
    with torch.no_grad():
        logits = model(**inputs).logits[0]
        ours = torch.nn.functional.cross_entropy(logits, torch.from_numpy(batch.labels[0]))
        assert float(ours) == pytest.approx(float(model(**known).loss), rel=1e-5)


@SLOW
@pytest.mark.parametrize("name", LEARNS)
def test_bits_are_those_of_the_models_own_loss(name: str, built: Callable[[str], Path]) -> None:
    """Whether scores are plain, capped, scaled or added to."""
    import torch

    from train.batches import padded
    from train.measure import bits
    from train.model import load_base
    from train.objectives import one_a_row

    speaker = load_base(built(name), built(name))
    speaker.model.float()
    assert speaker.plain == (name not in ("gemma2", "marian", "mbart"))
    params = settled(LEARNS[name][-1], prompt=prompt_of(name))
    shape = shape_of(params, name)
    drawn = one_a_row(LEARNS[name][-1], rows(), speaker, shape)
    examples = [next(drawn) for _ in range(4)]
    found = bits(speaker, examples, 512, name)
    for example, value in zip(examples, found, strict=True):
        batch = padded([example], speaker.family, speaker.padding)
        inputs = {key: torch.from_numpy(some) for key, some in batch.inputs.items()}
        labels = torch.from_numpy(batch.labels)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            logits = speaker.model(**inputs).logits.float()
        own = torch.nn.functional.cross_entropy(logits[0], labels[0], reduction="sum")
        assert value == pytest.approx(float(own) / math.log(2), rel=0.02)


def shape_of(params: Adapt, name: str) -> Any:
    """What a phase is told."""
    from train.objectives import Shape

    return Shape(2, params.batch_rows, params.row_tokens, taught(name), params.masking, 0)


@SLOW
@pytest.mark.parametrize("name", families.DECODERS)
def test_packed_documents_are_scored_as_each_alone(name: str, built: Callable[[str], Path]) -> None:
    """Where a model packs; BLOOM knows no positions that begin anew, so it does not."""
    import torch

    from train.model import load_base
    from train.objectives import phase_batches

    speaker = load_base(built(name), built(name))
    assert speaker.packs == (name != "bloom")
    if not speaker.packs:
        return
    speaker.model.float()
    params = settled("sft")
    for batch in phase_batches("sft", rows(), speaker, shape_of(params, name)):
        inputs = {key: torch.from_numpy(some) for key, some in batch.inputs.items()}
        with torch.no_grad():
            whole = speaker.model(**inputs).logits
            for row, positions in enumerate(batch.inputs["position_ids"]):
                starts = [*(at for at, place in enumerate(positions) if place == 0), len(positions)]
                assert len(starts) > 2  # documents side by side
                for start, end in pairwise(starts):
                    alone = speaker.model(input_ids=inputs["input_ids"][row : row + 1, start:end])
                    assert torch.allclose(whole[row, start:end], alone.logits[0], atol=1e-3)


@SLOW
def test_a_convolution_reaches_over_the_border(tmp_path: Path) -> None:
    """LFM2 takes positions, but its short convolution sees the document before: no packing."""
    from train.model import load_base

    kinds = ["conv", "full_attention"]
    folder = families.decoder(tmp_path, "Lfm2", num_key_value_heads=1, layer_types=kinds)
    assert not load_base(folder, folder).packs


@SLOW
@pytest.mark.parametrize("name", families.ENCODERS)
def test_pseudo_bits_by_hand(name: str, built: Callable[[str], Path]) -> None:
    import torch

    from train.measure import text_bits
    from train.model import load_base

    speaker = load_base(built(name), built(name))
    tokenizer = speaker.tokenizer
    texts = ["Manni guddaa dha.", "ጤና ይስጥልኝ።", "ទឹក\u200bស្អាត ទឹក", "ā"]
    found = text_bits(speaker, texts, 256, name)
    for text, value in zip(texts, found, strict=True):
        read = tokenizer(text, return_tensors="pt")
        words, ids = read.word_ids(0), read["input_ids"]
        total = 0.0
        for at, word in enumerate(words):
            if word is None:
                continue
            hidden = ids.clone()
            later = [n for n, other in enumerate(words) if other == word and n >= at]
            hidden[0, later] = tokenizer.mask_token_id
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                scores = speaker.model(input_ids=hidden).logits[0, at].float()
            total -= float(scores.log_softmax(-1)[ids[0, at]]) / math.log(2)
        assert value == pytest.approx(total, rel=0.01)


@SLOW
@pytest.mark.parametrize("name", families.ENCODERS)
def test_a_text_longer_than_the_positions_is_counted_whole(
    name: str, built: Callable[[str], Path]
) -> None:
    from train.model import load_base
    from train.pseudo import masked_once

    speaker = load_base(built(name), built(name))
    text = " ".join(models.declaration("amh")[:9])
    (code,) = speaker.encode([text])
    made = list(masked_once(speaker, text))
    assert len(code) + 2 > speaker.most_tokens
    assert [label for one in made for label in one.labels if label != IGNORED] == code
    assert max(len(one.ids) for one in made) == speaker.most_tokens
    assert len(speaker.model(input_ids=ids_of(made[0].ids)).logits[0]) == speaker.most_tokens


def ids_of(ids: list[int]) -> Any:
    """A batch of one."""
    import torch

    return torch.tensor([ids])


@SLOW
@pytest.mark.parametrize("name", ["mt5", "nllb"])
def test_hidden_spans_are_the_rest_of_the_text(name: str, built: Callable[[str], Path]) -> None:
    from random import Random

    from train.hiding import Masking, denoised, hiders
    from train.model import load_base

    speaker = load_base(built(name), built(name))
    found = hiders(speaker)
    for _, text, language in PAIRS:
        (code,) = speaker.encode([text])
        masking = Masking(0.3, 2.0)
        made = denoised(code, speaker, masking, Random(text), language)
        source, said = made.source or [], [i for i in made.labels if i != IGNORED]
        if name == "nllb":  # mask tokens, and the whole text after the code of its language
            expected = speaker.tokenizer.convert_tokens_to_ids("gaz_Latn")
            assert said == [expected, *code, speaker.separator]
            assert found[0] in source and source[0] == expected
            continue
        spans: dict[int, list[int]] = {}
        for token in said[:-1]:
            if token in found:
                spans[token] = []
            else:
                next(reversed(spans.values())).append(token)
        assert [i for one in source[:-1] for i in spans.get(one, [one])] == code


@SLOW
@pytest.mark.parametrize("name", families.BOTH)
def test_an_answer_is_the_engines_translation(name: str, built: Callable[[str], Path]) -> None:
    """What adapt teaches to say is asked for as translation engines ask."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from train.measure import say
    from train.model import load_base

    speaker = load_base(built(name), built(name))
    codes = families.BOTH[name][1] or {}
    texts = [source for source, _, _ in PAIRS]
    answers = say(speaker, [Asked(t, "spa_Latn", "gaz_Latn") for t in texts], 8, 1, "")
    tokenizer: Any = AutoTokenizer.from_pretrained(built(name))
    tokenizer.src_lang = codes.get("spa_Latn")
    model: Any = AutoModelForSeq2SeqLM.from_pretrained(built(name), dtype=torch.bfloat16).eval()
    code = codes.get("default")
    before = {"marian": f">>{code}<< ", "madlad": f"<2{code}> "}.get(name, "")
    written = {"m2m": f"__{code}__", "nllb": code, "mbart": code}.get(name)
    forced = {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(written)} if written else {}
    for text, answer in zip(texts, answers, strict=True):
        read = tokenizer(before + text, return_tensors="pt")
        plain = {"num_beams": 1, "bad_words_ids": [[speaker.padding]], "forced_eos_token_id": None}
        with torch.autocast("cpu", torch.bfloat16):
            made = model.generate(**read, max_new_tokens=8 + bool(written), **plain, **forced)
        known = " ".join(tokenizer.decode(made[0], skip_special_tokens=True).split())
        assert answer == known


@SLOW
@pytest.mark.parametrize("make", [families.bert, families.xlm_r])
def test_a_bare_encoder_gets_a_head_tied_to_its_embeddings(
    make: Callable[..., Path], tmp_path: Path
) -> None:
    import torch

    from train.model import head, load_base

    report = stage(make(tmp_path / "raw", bare=True), tmp_path / "base")
    assert report["family"] == "encoder" and report["head"].startswith("new")
    speaker = load_base(tmp_path / "base", tmp_path / "base")
    assert torch.equal(head(speaker).rows, speaker.model.get_input_embeddings().weight)
    assert not head(speaker).bias.any()
    again = stage(tmp_path / "base", tmp_path / "again")  # from here on the head is its own
    assert again["head"] == "the base's own"


@SLOW
def test_what_cannot_be_a_base_is_one_line(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaModel, T5Config, T5EncoderModel, ViTConfig, ViTModel

    nllb = families.nllb(tmp_path / "nllb")
    with pytest.raises(InputError, match=r"base\.codes: nllb \(m2m_100\) writes the code"):
        stage(nllb, tmp_path / "a")
    with pytest.raises(InputError, match="no language code 'nah_Latn'"):
        stage(nllb, tmp_path / "b", {"default": "nah_Latn"})
    tokenizer = families.bert_tokenizer()
    vision = models.saved(ViTModel(ViTConfig(**families.SIZE | {})), tokenizer, tmp_path / "vit")
    with pytest.raises(InputError, match="cannot be loaded as a language model"):
        stage(vision, tmp_path / "c")
    config = T5Config(vocab_size=90, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2)
    reader = models.saved(T5EncoderModel(config), tokenizer, tmp_path / "t5")
    with pytest.raises(InputError, match="cannot be loaded as a language model"):
        stage(reader, tmp_path / "d")
    config = LlamaConfig(vocab_size=len(tokenizer), **families.SIZE)
    bare = models.saved(LlamaModel(config), tokenizer, tmp_path / "llama")
    with pytest.raises(InputError, match=r"its weights lack 1, such as 'lm_head\.weight'"):
        stage(bare, tmp_path / "e")


@SLOW
def test_what_a_base_cannot_learn_is_one_line(built: Callable[[str], Path]) -> None:
    from train.model import load_base
    from train.objectives import phase_batches

    cases: list[tuple[str, str, dict[str, Any], str]] = [
        ("xlm_r", "mlm", {"row_tokens": 129}, "row_tokens 129 is more than the 128"),
        ("mt5", "sft", {"taught": taught("nllb")}, "prompt is null, which is for a base with"),
        ("marian", "denoise", {}, "'denoise' needs <extra_id_0>"),
        ("bert", "sft", {}, "the base is an encoder, which learns by mlm"),
    ]
    for name, objective, changed, said in cases:
        speaker = load_base(built(name), built(name))
        shape = shape_of(settled("sft"), name)._replace(**changed)
        with pytest.raises(InputError, match=said):
            phase_batches(objective, rows(), speaker, shape)
    nllb = load_base(built("nllb"), built("nllb"))
    nllb.model.config.language_codes = {"spa_Latn": "spa_Latn"}
    with pytest.raises(InputError, match=r"base\.codes lacks 'nci_Latn'; name its code"):
        phase_batches("sft", rows(), nllb, shape_of(settled("sft"), "nllb"))
    nllb.model.config.language_codes = None
    with pytest.raises(InputError, match=r"base\.codes: the base writes the code"):
        phase_batches("sft", rows(), nllb, shape_of(settled("sft"), "nllb"))


@SLOW
@pytest.mark.parametrize("name", ["bert", "nllb"])
def test_a_report_lacks_what_the_family_does_not_do(
    name: str,
    built: Callable[[str], Path],
    corpus: Callable[..., pa.Table],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Absent, not zero; and the page, the cards and the table of results are made all the same."""
    from train.adapters import add_adapter, save_adapter
    from train.model import load_base

    monkeypatch.chdir(Path(__file__).parent.parent)
    for adapter in ("human", "mixed"):
        speaker = load_base(built(name), built(name))
        save_adapter(add_adapter(speaker, settled("sft").method, 0), tmp_path / adapter)
    write_settings(settled("sft", prompt=None), tmp_path)
    (tmp_path / "none" / "nah").mkdir(parents=True)
    (tmp_path / "none" / "nah" / "ids.txt").write_text("")  # too few pairs to train on
    models.pieces(tmp_path / "pieces")
    targets = [target for _, target, _ in PAIRS]
    table = corpus(*targets, sources=tuple(source for source, _, _ in PAIRS))
    test = table.append_column("held_out", pa.nulls(len(targets), pa.string()))
    spelling = pa.table({"id": table["id"], "orthography": pa.nulls(len(targets), pa.string())})
    report = evaluate(
        replace(MEASURED, pieces=str(tmp_path / "pieces.model")),
        LANGUAGES,
        Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0),
        "nah",
        test,
        test.slice(0, 0),
        spelling,
        models.RAW,
        tmp_path / "none",
        tmp_path,
        built(name),
        built(name),
        tmp_path / "none",
        tmp_path / "none",
        tmp_path / "none" / "nah",
    ).report
    found, chrf = report["bits_per_byte"], report["chrf"]
    ways = {"to_target", "to_source"}
    if name == "bert":
        assert found["text"]["rows"] == report["rows"]["text"] == 2  # as many as are masked
        assert not ways & found.keys() and "mixed" not in chrf["answers"]
        assert sum(part["rows"] for part in found["by_variety"].values()) == 2
    else:
        assert ways <= found.keys() and found["to_target"]["rows"] == 4
        assert "text" not in found and not found["by_variety"] and report["rows"]["text"] == 0
        assert chrf["answers"]["mixed"]["value"] >= 0
    assert outcomes.bits("nah", report) and outcomes.differences("nah", report)
    assert cards.evaluations("nah", report) and model_lines(report)
    cards.verdicts(report, {})
