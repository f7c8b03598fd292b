"""An encoder-decoder engine says the same of a segment however it is batched, in any family."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from augment.engines import fast, seq2seq
from augment.engines.search import parts
from augment.engines.seq2seq import Seq2seq
from augment.translation import Direction, Translation
from corpus.table import InputError
from tests import models

os.environ["HF_HUB_OFFLINE"] = "1"  # before huggingface_hub is imported: no test asks the Hub
FORWARD = Direction("spa_Latn", "orm", "forward")
# Spanish, Oromo, Amharic, Khmer; phrases of our own
PHRASES = {
    "El agua está limpia.": "Bishaan qulqulluu dha.",
    "La casa es grande.": "Manni guddaa dha.",
    "Los niños juegan.": "Daa'imman ni taphatu.",
    "Hoy no llueve.": "Har'a roobni hin jiru.",
    "Buenos días.": "ጤና ይስጥልኝ።",
    "El maíz crece.": "ពោតលូតលាស់។",
}
TEXTS = [*PHRASES, "Agua.", "ውሃ ንጹህ ነው።", "ទឹក​ស្អាត", "Manni guddaa dha, bishaan qulqulluu dha."]
SLOW = pytest.mark.slow


def spec(model: Path | str, **more: Any) -> Seq2seq:
    settings = {
        "kind": "seq2seq",
        "model": str(model),
        "revision": None,
        "sources": {"spa_Latn": None},
        "targets": {"orm": None},
        "beam": 3,
        "length_factor": 2.0,
        "most_tokens": 100,
        "batch_tokens": 64,
        "threads": 1,
        "fast": None,
        "quantisation": None,
    }
    return Seq2seq(**{**settings, **more})


FAMILIES: dict[str, tuple[Callable[[Path], Path], str | None, str]] = {
    "marian": (lambda folder: models.marian(folder, ["orm", "amh"]), None, "orm"),
    "nllb": (models.nllb, "spa_Latn", "gaz_Latn"),
    "m2m": (models.m2m, "es", "am"),
    "mbart": (models.mbart, "spa_Latn", "gaz_Latn"),
    "madlad": (models.madlad, None, "om"),
    "t5": (lambda folder: models.madlad(folder, tie_word_embeddings=True), None, "om"),
}


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Seq2seq]:
    """The settings of a random model of a family, made once."""
    made: dict[str, Path] = {}

    def build(name: str, **more: Any) -> Seq2seq:
        make, source, target = FAMILIES[name]
        if name not in made:
            made[name] = make(tmp_path_factory.mktemp("models") / name)
        codes = {"sources": {"spa_Latn": source}, "targets": {"orm": target}}
        return spec(made[name], **{**codes, **more})

    return build


SIZE = models.small(d_model=64, encoder_ffn_dim=128, decoder_ffn_dim=128, init_std=0.02)
PUPILS: dict[str, tuple[Callable[..., Path], dict[str, Any]]] = {
    "marian": (models.marian, {}),
    "nllb": (models.nllb, {"sources": {"spa_Latn": "spa_Latn"}, "targets": {"orm": "gaz_Latn"}}),
}


@pytest.fixture(scope="module", params=PUPILS)
def taught(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Seq2seq]:
    """The settings of a tiny model that has learned the phrases by heart."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, set_seed

    make, codes = PUPILS[request.param]
    folder = make(tmp_path_factory.mktemp("taught") / request.param, size=SIZE)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.src_lang, tokenizer.tgt_lang = "spa_Latn", "gaz_Latn"  # Marian has none
    batch = tokenizer(
        [*PHRASES], text_target=[*PHRASES.values()], padding=True, return_tensors="pt"
    )
    batch["labels"][batch["labels"] == tokenizer.pad_token_id] = -100
    set_seed(0)
    torch.set_num_threads(1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    slower = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, total_iters=500)
    model.train()
    for _ in range(500):
        model(**batch).loss.backward()
        optimiser.step()
        slower.step()
        optimiser.zero_grad()
    model.eval().save_pretrained(folder)
    return lambda **more: spec(folder, **codes, **more)


def ask(settings: Seq2seq, texts: list[str], best: int = 1) -> list[list[Translation]]:
    return seq2seq.load(settings, FORWARD, best)(texts)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Conversions go to a folder of the tests."""
    base = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(base))


ENGINES = {
    "transformers": {},
    "ctranslate2": {"fast": "ctranslate2", "quantisation": "float32"},
    "int8": {"fast": "ctranslate2", "quantisation": "int8"},
}


@SLOW
@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_model_learned_comes_out(
    taught: Callable[..., Seq2seq], engine: str, beam: int
) -> None:
    found = ask(taught(beam=beam, **ENGINES[engine]), [*PHRASES])
    assert [best[0].text for best in found] == [*PHRASES.values()]
    assert all(best[0].score is not None and -0.5 < best[0].score <= 0 for best in found)


@SLOW
@pytest.mark.parametrize("beam", [1, 3])
def test_both_libraries_find_what_was_learned(taught: Callable[..., Seq2seq], beam: int) -> None:
    """Training moves the embedding of padding, which the converter takes to be zero."""
    plain, quick = (
        ask(taught(beam=beam, **ENGINES[name]), [*PHRASES], beam)
        for name in ("transformers", "ctranslate2")
    )
    alike(plain, quick)


def alike(plain: list[list[Translation]], quick: list[list[Translation]]) -> None:
    """The translations are the same, and their scores to rounding."""
    for best, others in zip(plain, quick, strict=True):
        assert [one.text for one in best] == [one.text for one in others]
        scores = [one.score for one in others]
        assert [one.score for one in best] == pytest.approx(scores, abs=0.0011)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("engine", ["transformers", "ctranslate2"])
@SLOW
def test_every_family_answers_in_every_script(
    family: Callable[..., Seq2seq], name: str, engine: str
) -> None:
    settings = family(name, **ENGINES[engine])
    found = ask(settings, ["", *TEXTS, "ᐃᓅᓯᖅ"], 2)
    assert found[0] == [Translation("", None, 0)]
    assert all(1 <= len(best) <= 2 for best in found)
    assert all(best[0].score is not None and best[0].score <= 0 for best in found[1:])
    assert found[-1][0].unknown > 0  # no model here knows Inuktitut's script
    assert found == ask(settings, ["", *TEXTS, "ᐃᓅᓯᖅ"], 2)


@SLOW
@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_both_libraries_find_and_score_alike(
    family: Callable[..., Seq2seq], name: str, beam: int
) -> None:
    """A language's code that a translation begins with counts in no score."""
    plain = ask(family(name, beam=beam), TEXTS)
    alike(plain, ask(family(name, beam=beam, **ENGINES["ctranslate2"]), TEXTS))


@SLOW
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_segment_does_not_depend_on_its_batch(
    family: Callable[..., Seq2seq], name: str, engine: str
) -> None:
    alone = ask(family(name, batch_tokens=1, **ENGINES[engine]), TEXTS, 2)
    together = ask(family(name, batch_tokens=1000, **ENGINES[engine]), TEXTS[::-1] * 3, 2)
    assert together[: len(TEXTS)][::-1] == alone


@pytest.mark.parametrize("text", ["bishaan qulqulluu dha bishaan", "ውሃንጹህነው", "កខ\u200bគឃ ងច"])
def test_parts_fit_and_hold_every_letter(text: str) -> None:
    found = parts(text, lambda part: len(part) <= 5)
    assert all(len(part) <= 10 for part in found)
    assert [c for c in text if c.isalpha()] == [c for part in found for c in part if c.isalpha()]


@SLOW
def test_long_text_goes_in_parts(family: Callable[..., Seq2seq]) -> None:
    (found,) = ask(family("nllb", most_tokens=12), [" ".join(TEXTS * 3)])
    assert found[0].text and found[0].score is not None


@pytest.mark.parametrize("wrong", [{"beam": 0}, {"length_factor": 0.0}, {"quantisation": "int8"}])
def test_settings_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec("x", **wrong)


@SLOW
def test_what_the_user_can_mend_is_one_line(family: Callable[..., Seq2seq], tmp_path: Path) -> None:
    cases = {
        "HF_HUB_OFFLINE": spec("nobody/nothing"),
        "cannot be loaded as": spec(tmp_path),
        "lacks 'orm'": family("nllb", targets={"nah": "gaz_Latn"}),
        "near to it are": family("nllb", targets={"orm": "gaz_Lat"}),
        "no language code 'zz'": family("madlad", targets={"orm": "zz"}),
        "more than the 128": family("marian", most_tokens=500),
    }
    for said, settings in cases.items():
        with pytest.raises(InputError, match=said) as caught:
            seq2seq.load(settings, FORWARD, 1)
        assert "\n" not in str(caught.value)


@SLOW
def test_a_conversion_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    folder = models.llama(tmp_path / "llama")
    with pytest.raises(InputError, match="cannot be loaded as an encoder-decoder"):
        seq2seq.load(spec(folder), FORWARD, 1)


@SLOW
@pytest.mark.parametrize("name", FAMILIES)
def test_both_libraries_score_one_target_alike(family: Callable[..., Seq2seq], name: str) -> None:
    """The loss of transformers is the mean score of the same tokens."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = Path(family(name).model)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    quick = fast.translator(folder, name, "float32", 1)
    for source, target in PHRASES.items():
        read, said = (tokenizer(text).input_ids for text in (source, target))
        begun = torch.tensor([[model.generation_config.decoder_start_token_id, *said[:-1]]])
        with torch.no_grad():
            logits = model(torch.tensor([read]), decoder_input_ids=begun).logits[0]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(said))
        read, said = map(tokenizer.convert_ids_to_tokens, (read, said))
        (scored,) = quick.score_batch([read], [said[:-1]])
        assert len(scored.log_probs) == len(said)
        assert -sum(scored.log_probs) / len(said) == pytest.approx(float(loss), abs=0.001)


@SLOW
def test_a_conversion_that_scores_otherwise_is_refused(tmp_path: Path) -> None:
    """CTranslate2 knows one epsilon of T5's normalisation only, and says nothing of another."""
    folder = models.madlad(tmp_path / "t5", layer_norm_epsilon=0.1)
    settings = spec(folder, targets={"orm": "om"})
    seq2seq.load(settings, FORWARD, 1)
    with pytest.raises(InputError, match="its conversion is wrong; set fast") as caught:
        seq2seq.load(replace(settings, **ENGINES["ctranslate2"]), FORWARD, 1)
    assert "\n" not in str(caught.value)


@SLOW
def test_the_name_changes_with_what_changes_the_text(family: Callable[..., Seq2seq]) -> None:
    settings = family("nllb")
    names = [
        seq2seq.name(one, FORWARD)
        for one in (settings, replace(settings, beam=2), family("nllb", **ENGINES["int8"]))
    ]
    assert len(set(names)) == 3
    assert seq2seq.name(settings, FORWARD) == names[0]
