"""Equal seeds give equal bytes; nothing made gains nothing; good pairs help, shuffled ones hurt."""

import json
import lzma
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from augment import cache
from augment.engine import OWN, Engines
from augment.engines import thot
from corpus.settings import Language, section
from corpus.shards import Shards
from corpus.table import SCHEMA, SYNTHETIC, InputError
from train import ngrams
from train.ablation import Ablation, Draw, ablation, drawn, gains, new_texts, task
from train.gains_page import page_of
from train.little import Measured, measure
from train.methods import Copied, Method, World, copied, made

RAW = Path(__file__).parent.parent / "languages/orm/data/raw/libreoffice-help.om.jsonl.xz"
HERE = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
ENGINES: Engines = {OWN: thot.Thot(kind="thot")}
OROMO = Language(
    name="Oromo",
    varieties=("orm",),
    script="Latn",
    pivot="spa_Latn",
    neighbours=(),
    orthography=None,
)
NOTHING = {
    "stage": "backtranslate",
    "settings": {"engine": "own", "monolingual_share": 0.0, "most_rows": 0},
    "gates": None,
    "control": None,
}
COPIED = {"stage": "copied", "settings": {}, "gates": None, "control": None}
PARAMS: dict[str, Any] = {
    "sizes": [60, None],
    "seeds": [0, 1],
    "monolingual_rows": 20,
    "pivot_rows": 10,
    "most_tokens": 40,
    "most_test": 20,
    "order": 8,
    "discount": 0.9,
    "human_weight": 3.0,
    "resamples": 200,
    "bootstrap_seed": 0,
    "methods": {"nothing": NOTHING, "copied": COPIED},
}
Corpus = Callable[..., pa.Table]


def params(**changed: object) -> Ablation:
    return section(Ablation, "ablation", {"ablation": {**PARAMS, **changed}})


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return cache.path()


def oromo(start: int, count: int) -> list[dict[str, Any]]:
    """Real pairs in an order of their own, each with both sides."""
    with lzma.open(RAW, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    pairs = sorted({(row["spa"], row["orm"]) for row in rows if row["spa"] and row["orm"]})
    some = pairs[:: max(1, len(pairs) // (start + count))][start : start + count]
    return [
        {
            **dict.fromkeys(SYNTHETIC.names),
            "id": f"{start + number:05}",
            "source": source,
            "target": target,
            "language": "orm_Latn",
            "origin": "test",
        }
        for number, (source, target) in enumerate(some)
    ]


def told(human: list[dict[str, Any]], synthetic: list[dict[str, Any]], test: list[Any]) -> Any:
    """The gains of some rows over the human ones alone; two seeds draw two halves of them."""
    found: list[list[Measured]] = []
    for rows in ([], synthetic):
        halves = [Draw(None, seed, human[seed::2], []) for seed in (0, 1)]
        found.append([measure(task(half, rows, test, params())) for half in halves])
    return gains(found[1], found[0], params())


def test_a_draw_depends_on_hashes_and_seed_alone() -> None:
    rows = oromo(0, 300)
    one = drawn(rows, params(), 60, 0)
    assert one == drawn(rows[::-1], params(), 60, 0)
    assert one != drawn(rows, params(), 60, 1)
    larger = drawn(rows, params(), None, 0)
    assert {row["id"] for row in one.pairs} < {row["id"] for row in larger.pairs}
    assert one.alone == larger.alone  # equal monolingual text at every size
    assert (len(one.pairs), len(one.alone), len(larger.pairs)) == (60, 30, 270)
    assert not {r["id"] for r in larger.pairs} & {r["id"] for r in larger.alone}
    assert [(r["source"] is None, r["target"] is None) for r in one.alone] == (
        [(True, False)] * 20 + [(False, True)] * 10
    )


def test_a_hidden_side_reaches_no_method(corpus: Corpus) -> None:
    rows = oromo(0, 100)
    draw = drawn(rows, params(), 60, 0)
    hidden = {row["source"] for row in rows} - {r["source"] for r in (*draw.pairs, *draw.alone)}
    table = pa.Table.from_pylist([*draw.pairs, *draw.alone], schema=SCHEMA)
    assert hidden
    assert not hidden & set(table["source"].to_pylist())
    new = copied(table, Copied()).tables["rows"].to_pylist()
    assert len(new) == 20
    assert all(row["source"] == row["target"] and row["parent"] for row in new)
    assert new_texts(draw, new) == []  # the language model has seen them


def test_gates_leave_out_what_breaks_them() -> None:
    rows = drawn(oromo(0, 100), params(), 60, 0)
    world = World(
        language="orm",
        languages={"orm": OROMO},
        engines=ENGINES,
        shards=HERE,
        rows=[*rows.pairs, *rows.alone],
        spelling=pa.table({"id": [], "orthography": []}),
        cleaned=Path("none"),
        clusters=Path("none"),
        rules=Path("augment/noise"),
        protected=Path("augment/protected"),
        translator=Path("none"),
    )
    free = Method(**{**COPIED, "gates": {}})
    assert len(made("copied", free, world)) == 20
    assert made("copied", Method(**{**COPIED, "gates": {"most_copied": 0.5}}), world) == []


def test_rows_of_no_new_text_change_no_language_model() -> None:
    draw = drawn(oromo(0, 100), params(), 60, 0)
    plain = task(draw, [], [], params())
    again = task(draw, [{**draw.pairs[0], "id": "x", "source": "otra"}], [], params())
    assert (again.texts, again.weights) == (plain.texts, plain.weights)
    assert len(again.pairs) == len(plain.pairs) + 1
    heavy = task(draw, [{**draw.pairs[0], "id": "x", "target": "haaraa"}], [], params())
    assert heavy.texts == [*plain.texts, "haaraa"]
    assert heavy.weights == [*plain.weights, pytest.approx(1 / 3)]


@pytest.mark.parametrize(("shuffled", "verdict"), [(False, "helps"), (True, "hurts")])
def test_the_language_model_tells_good_text_from_shuffled_letters(
    shuffled: bool, verdict: str
) -> None:
    human, more, test = oromo(0, 400), oromo(400, 400), oromo(800, 60)
    generator = np.random.default_rng(0)

    def text(row: dict[str, Any]) -> str:
        letters = list(row["target"])
        return "".join(generator.permutation(letters)) if shuffled else "".join(letters)

    spent: list[list[Measured]] = [[], []]
    for seed in (0, 1):
        mine = [row["target"] for row in human[seed::2]]
        extra = [text(row) for row in more]
        for found, texts in zip(spent, (mine, mine + extra), strict=True):
            model = ngrams.train(texts, [1.0] * len(texts), 8, 0.9)
            targets = [row["target"] for row in test]
            sizes = [float(len(target.encode()) + 1) for target in targets]
            bits = np.array([-ngrams.bits(model, targets), sizes]).T
            found.append(Measured(np.ones((len(test), 24)), bits))
    assert gains(spent[1], spent[0], params())["bits_per_byte"]["verdict"] == verdict


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"seeds": [0]}, "two or more"),
        ({"seeds": [0, 0]}, "two or more"),
        ({"sizes": []}, "null or at least 2"),
        ({"order": 9}, "order must be 1 to 8"),
        ({"human_weight": 0.5}, "human_weight"),
        ({"methods": {"x": {**NOTHING, "stage": "magic"}}}, "no stage 'magic'"),
        ({"methods": {"x": {**NOTHING, "gates": {"most_magic": 1.0}}}}, "no gates"),
        ({"methods": {"x": {**NOTHING, "control": "y"}}}, "control 'y' is not in methods"),
    ],
)
def test_settings_out_of_range_are_errors_that_name_them(
    changed: dict[str, Any], says: str
) -> None:
    with pytest.raises((ValidationError, InputError), match=says):
        params(**changed)


def stage(tmp_path: Path, name: str, count: int, settings: Ablation) -> tuple[Any, bytes, bytes]:
    """The whole stage on real pairs: its report, page and figure."""
    rows = oromo(0, count + 40)
    train, test = (pa.Table.from_pylist(some, schema=SCHEMA) for some in (rows[40:], rows[:40]))
    paths = tmp_path / f"{name}.md", tmp_path / f"{name}.svg"
    spelling = pa.table({"id": [row["id"] for row in rows], "orthography": [None] * len(rows)})
    kept = (spelling, *[Path("none")] * 4)
    found = ablation(settings, {"orm": OROMO}, ENGINES, HERE, "orm", train, test, *kept, *paths)
    return found.report, paths[0].read_bytes(), paths[1].read_bytes()


def test_too_few_rows_are_an_error_of_one_line(tmp_path: Path, own_cache: Path) -> None:
    with pytest.raises(InputError, match=r"^'orm' has 28 training and 20 test pairs: too few"):
        stage(tmp_path, "few", 30, params())


@pytest.mark.slow
def test_equal_seeds_give_equal_bytes_and_nothing_gains_nothing(
    tmp_path: Path, own_cache: Path
) -> None:
    first = stage(tmp_path, "first", 120, params(sizes=[60, 1000]))
    found = first[0]["sizes"]["60"]["methods"]
    assert found["nothing"]["rows"] == [0, 0]
    for measure_ in ("chrf", "bits_per_byte"):
        nothing = found["nothing"][measure_]
        assert (nothing["gain"], nothing["least"], nothing["most"]) == (0, 0, 0)
        assert nothing["verdict"] == "can't tell"
    assert found["copied"]["rows"] == [20, 20]
    assert found["copied"]["bits_per_byte"]["gain"] == 0
    assert any(found["copied"]["chrf"]["by_seed"])
    assert first[0]["sizes_left_out"] == [1000]
    assert b"| nothing | 0 | 0 | 0 |" in first[1]
    own_cache.unlink()  # not from the records
    assert stage(tmp_path, "second", 120, params(sizes=[60, 1000])) == first
    assert not Path("scratch/ablation/orm").exists()


@pytest.mark.slow
def test_an_oracle_helps_and_shuffled_pairs_hurt_the_translator(own_cache: Path) -> None:
    human, more = oromo(0, 200), oromo(200, 300)
    test = [(row["source"], row["target"]) for row in oromo(500, 50)]
    oracle = told(human, more, test)
    assert oracle["chrf"]["verdict"] == "helps"
    assert oracle["bits_per_byte"]["verdict"] == "helps"
    turned = [
        {**row, "target": other["target"]}
        for row, other in zip(more, more[7:] + more[:7], strict=True)
    ]
    assert told(human, turned, test)["chrf"]["gain"] < 0


def test_the_page_tells_size_gain_and_verdict() -> None:
    gain = {"gain": 0.5, "least": 0.1, "most": 0.9, "by_seed": [0.4, 0.6], "verdict": "helps"}
    none = {"gain": 0.0, "least": 0.0, "most": 0.0, "by_seed": [0.0, 0.0], "verdict": "can't tell"}
    found = {"rows": [10, 12], "texts": [0, 0], "chrf": gain, "bits_per_byte": none}
    report = {
        "test_rows": 20,
        "sizes": {
            "all": {
                "pairs": [1400, 1402],
                "targets": [1500, 1502],
                "chrf": [20.0, 22.0],
                "bits_per_byte": [2.0, 2.5],
                "methods": {
                    "x": found,
                    "y": {**found, "over_control": {"chrf": gain, "bits_per_byte": none}},
                },
            }
        },
    }
    methods: dict[str, Method] = {
        "x": Method(**COPIED),
        "y": Method(**{**COPIED, "control": "x"}),
    }
    page = page_of("Nahuatl", report, methods)
    lines: Sequence[str] = page.splitlines()
    assert "## 1,401 human pairs (all)" in lines
    assert "| x | 11 | 0 | +0.50 [+0.10, +0.90] | **helps** | 0 | – |" in lines
    assert "| … over x | 11 | 0 | +0.50 [+0.10, +0.90] | **helps** | 0 | – |" in lines
