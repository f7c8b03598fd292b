"""The engine loses no text, the stage learns from free human pairs only, the cache makes once."""

import json
import lzma
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from augment import cache
from augment.engine import OWN, Engine, Engines, loaded, opened, translate
from augment.engines import thot
from augment.engines.segmentation import join
from augment.making import held_back, share_of
from augment.translation import best_texts
from augment.translator import Translator, choose, translator
from corpus.settings import Language, Languages, rows_of
from corpus.shards import Shards
from corpus.table import InputError

RAW = Path(__file__).parent.parent / "languages/orm/data/raw/libreoffice-help.om.jsonl.xz"
HERE = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
ENGINES: Engines = {OWN: thot.Thot(kind="thot")}
PLAIN = {
    "most_pairs": None,
    "least_pairs": 2,
    "most_tokens": 60,
    "alignment": "hmm",
    "iterations": 5,
    "segmentation": {"source": "words", "target": "words"},
    "most_pieces": 4000,
    "tuning_rounds": 0,
    "rounds": 0,
    "most_made": None,
}


def settings_of(**changed: object) -> Translator:
    return TypeAdapter(Translator).validate_json(json.dumps({**PLAIN, **changed}))


PARAMS = settings_of()
Corpus = Callable[..., pa.Table]


def language(*varieties: str) -> Language:
    return Language(
        name="a language",
        varieties=varieties,
        script="Latn",
        pivot="spa_Latn",
        neighbours=(),
        orthography=None,
    )


KNOWN: Languages = {"nah": language("nah", "nci"), "orm": language("orm"), "oto": language("ote")}


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache.path()


def oromo(count: int) -> list[tuple[str, str]]:
    with lzma.open(RAW, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    pairs = sorted({(row["spa"], row["orm"]) for row in rows if row["spa"] and row["orm"]})
    return pairs[:: len(pairs) // count][:count]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("¿Tlein, ātl?", 5),
        ('nê kīttak "in" calli: (a-b)—c...', 17),
        ("ꞌatl koꞌyotl", 2),  # the saltillo is a letter
        ("ka\u0304 n\u0331a n\u0323\u0304ahñu", 3),  # combining marks belong to their letter
        ("o’odham n’diaye qo'om", 3),  # one apostrophe inside a word
        ("ទឹក\u200bស្អាត។", 4),  # U+200B stands between Khmer words and stays
        ("می‌خواهم، آب", 3),  # U+200C stands inside a Persian word
        ("ውሃ ንጹህ ነው።", 4),
        ("मैं पानी पीता हूँ।", 5),
        ("3.5% ||| <unk> </s>", 14),
    ],
)
def test_tokens_join_to_the_text(text: str, count: int) -> None:
    assert join(thot.tokens(text)) == text.lower()
    assert len(thot.tokens(text)) == count


def test_capitals_come_from_usual_writing_names_and_the_beginning() -> None:
    cases = thot.truecaser(None)
    for text in ("in Motēuczōma", "niman Motēuczōma", "in calli", "niman calli"):
        cases.train_segment(thot.PIECE.findall(text))
    made = thot.recase("in motēuczōma ichan maría", "La casa de Moctezuma y María", cases)
    assert made == "In Motēuczōma ichan María"
    assert thot.recase("¿in calli", "¿la casa", cases) == "¿in calli"
    assert thot.recase("", "La casa", cases) == ""


def test_a_share_is_held_back_by_id() -> None:
    ids = [str(number) for number in range(2000)]
    some = {row for row in ids if held_back(row, 0.25)}
    assert 400 < len(some) < 600
    assert some <= {row for row in ids if held_back(row, 0.5)}


@pytest.mark.parametrize("word", ["", "a quarter", "1.5", "-0.1", "nan", "None"])
def test_a_share_is_from_0_to_1(word: str) -> None:
    with pytest.raises(InputError, match="monolingual_share must be from 0 to 1"):
        share_of(word)


def test_only_free_short_pairs_of_active_languages_are_learned_from(corpus: Corpus) -> None:
    targets = ("ātl", "calli", None, "tlālli", "xōchitl " * 61, *map(str, range(40)))
    sources = ("agua", None, "fuego", "tierra", "flor", *map(str, range(40)))
    table = corpus(*targets, sources=sources)
    assert rows_of(table, ("orm",), KNOWN) == {"orm": []}
    rows = rows_of(table, ("nah",), KNOWN)["nah"]
    assert len(rows) == len(targets)
    chosen, counts = choose(rows, 0.5, PARAMS)
    ids = [row["id"] for row in chosen]
    assert ids == sorted(ids)
    assert not {"1", "2", "4"} & set(ids)
    assert not [row for row in ids if held_back(row, 0.5)]
    assert counts["bitext"] == 43
    assert counts["bitext"] == sum(
        counts[name] for name in ("held_back", "too_long", "over_most_pairs", "trained_on")
    )


def test_fewer_pairs_are_a_part_of_more_and_order_does_not_matter(corpus: Corpus) -> None:
    table = corpus(*map(str, range(50)), sources=tuple(map(str, range(50))))
    rows = table.to_pylist()

    def ids(most: int | None, rows: list[dict[str, str]]) -> list[str]:
        params = settings_of(most_pairs=most)
        return [row["id"] for row in choose(rows, 0.0, params)[0]]

    assert len(ids(10, rows)) == 10
    assert set(ids(10, rows)) < set(ids(20, rows)) < set(ids(None, rows))
    assert ids(10, rows) == ids(10, rows[::-1])


@pytest.mark.parametrize("targets", [(), ("ātl",), (None, None)])
def test_too_few_pairs_make_no_translator_and_the_report_says_so(
    corpus: Corpus, tmp_path: Path, targets: tuple[str | None, ...]
) -> None:
    table = corpus(*targets, sources=("agua",) * len(targets))
    report = translator(table, table, "0", PARAMS, ("nah",), KNOWN, HERE, tmp_path).report
    found = report["languages"]["nah"]
    pairs = sum(target is not None for target in targets)
    assert found["model"] == f"none: {pairs} pairs to train on, least_pairs is 2"
    assert "engines" not in found
    assert not thot.trained(tmp_path / "nah")
    with pytest.raises(InputError, match=r"ids.txt does not exist; run 'dvc repro translator'"):
        thot.trained(tmp_path / "oto")


@pytest.mark.parametrize(
    "wrong",
    [
        {"most_pairs": 1},
        {"least_pairs": 1},
        {"most_tokens": 0},
        {"most_pairs": "all"},
        {"alignment": "fast_align"},
        {"iterations": 0},
        {"segmentation": {"source": "words", "target": "bpe"}},
        {"most_pieces": 0},
        {"tuning_rounds": -1},
        {"rounds": -1},
        {"most_made": -1},
    ],
)
def test_settings_out_of_range_are_errors(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings_of(**wrong)


def test_the_cache_makes_each_text_once(own_cache: Path) -> None:
    made: list[str] = []

    def shout(texts: list[str]) -> list[str]:
        made.extend(texts)
        return [text.upper() for text in texts]

    assert cache.remembered(shout, ("m", "e@1"), ["ātl", "calli", "ātl"], 2) == [
        "ĀTL",
        "CALLI",
        "ĀTL",
    ]
    assert cache.remembered(shout, ("m", "e@1"), ["calli", "xōchitl"], 2) == ["CALLI", "XŌCHITL"]
    assert made == ["ātl", "calli", "xōchitl"]
    assert cache.recall(("m", "e@2"), ["ātl"]) == {}  # another engine is another maker
    assert cache.remembered(shout, ("m", "e@1"), [], 1) == []
    assert own_cache.exists()


def test_a_cache_that_is_none_says_so(own_cache: Path) -> None:
    own_cache.parent.mkdir(parents=True)
    own_cache.write_bytes(b"no database at all" * 100)
    with pytest.raises(InputError, match=r"cannot be used as a cache .*delete it"):
        cache.recall(("m",), ["ātl"])


def test_a_maker_that_loses_a_text_is_an_error(own_cache: Path) -> None:
    with pytest.raises(RuntimeError, match="m made 0 segments of 1"):
        cache.remembered(lambda _: [], ("m",), ["ātl"], 1)


def test_records_survive_a_kill(own_cache: Path) -> None:
    program = """
import os, signal
from augment import cache
cache.remembered(lambda texts: texts, ("m",), ["atl", "calli"], 1)
with cache.records() as connection:
    connection.execute("INSERT INTO made VALUES ('half', 'done', NULL)")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": root}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert cache.recall(("m",), ["atl", "calli"]) == {"atl": "atl", "calli": "calli"}
    with cache.records() as connection:
        assert connection.execute("SELECT count(*) FROM made").fetchone() == (2,)


@pytest.mark.slow
def test_the_stage_learns_both_ways_and_gives_the_same_bytes(
    corpus: Corpus, tmp_path: Path, own_cache: Path
) -> None:
    spanish, targets = zip(*oromo(300), strict=True)
    table = corpus(*targets, sources=spanish, language="orm_Latn")
    turned = table.take(list(range(len(table)))[::-1])
    two = Shards(most_bytes=10**6, workers=2, runner="pool", most_retries=0)
    first = translator(table, table, "0.1", PARAMS, ("orm",), KNOWN, HERE, tmp_path / "a")
    second = translator(turned, turned, "0.1", PARAMS, ("orm",), KNOWN, two, tmp_path / "b")
    assert first == second
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    assert Path("orm/ids.txt") in files
    assert all(
        (tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files
    )

    def forward(models: Path) -> Engine:
        return opened(OWN, ("orm", KNOWN["orm"]), "forward", ENGINES, models)

    model = forward(tmp_path / "a")
    texts = [*spanish[:60], "", "—", "ꞌ " * 300, "ទឹក", spanish[0]]
    at_once = [found.text for found in translate(model, texts, HERE, "test")]
    assert at_once == best_texts(loaded(model, 1)(texts))  # what was recorded is what is made
    again = translate(forward(tmp_path / "b"), texts, two, "test")
    assert at_once == [found.text for found in again]
    assert at_once[60] == ""
    assert at_once[-2] == "ទឹក"  # an unseen word is copied
    assert len(at_once[62].split()) == 300  # long text is not cut
    assert sum(made != text for made, text in zip(at_once, texts, strict=True)) > 50
