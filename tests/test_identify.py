"""Laws and cases of identification, on Oromo and on the Declaration of Human Rights."""

import json
import lzma
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from corpus.classifier import NOISE, FastText, train, windows
from corpus.crossfit import Plan, Segment, cuts, examples
from corpus.declarations import read_others
from corpus.detection import calibrated, least_score, line, share
from corpus.folds import ALL, deal
from corpus.identify import Identify, check_prior, identify, load
from corpus.mixed import Mixing
from corpus.noise import KINDS, noise
from corpus.proof import Held, drawn, proof
from corpus.script import script
from corpus.seed import label_of
from corpus.settings import Language
from corpus.shards import Shards
from corpus.stage import Output
from corpus.table import SCHEMA, InputError

RAW = Path(__file__).parents[1] / "data/raw"
HELP = RAW.parents[1] / "languages/orm/data/raw/libreoffice-help.om.jsonl.xz"
SOME = ("eng", "glg", "som", "swh", "amh", "rus", "por", "fra")  # of the Declaration's languages
ONE = Shards(most_bytes=10**8, workers=1, runner="pool", most_retries=0)
MIXING = Mixing(least_words=8, most_clear=0.98, window=6, switch=3.0, least_share=0.2, planted=20)
SMALL = Identify(
    false_accepts=0.01,
    prior={"default": 0.01},
    folds=2,
    least_trusted=20,
    least_examples=50,
    most_examples=400,
    noise=20,
    held_out_noise=5,
    fasttext=FastText(
        dimensions=8,
        epochs=6,
        rate=0.5,
        least_letters=1,
        most_letters=3,
        least_count=2,
        buckets=5000,
    ),
    mixing=MIXING,
    seed=1,
)
OROMO = Language("Oromo", ("orm",), "Latn", "spa_Latn", (), None)
LANGUAGES = {"orm": OROMO, "nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}


def oromo(amount: int) -> list[dict[str, Any]]:
    """Rows of the LibreOffice help with both sides."""
    with lzma.open(HELP, "rt", encoding="utf-8") as file:
        pairs = (json.loads(text) for text in file)
        return [
            {
                "id": f"{number:05}",
                "document": pair["document"],
                "position": number,
                "source": pair["spa"],
                "target": pair["orm"],
                "source_language": "spa_Latn",
                "language": "orm_Latn",
                "origin": "help",
                "licence": "MPL-2.0",
                "parent": None,
            }
            for number, pair in enumerate(islice((p for p in pairs if p["spa"]), amount))
        ]


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few languages of the Declaration."""
    path = tmp_path_factory.mktemp("others") / "few.jsonl.xz"
    with lzma.open(RAW / "udhr.jsonl.xz", "rt", encoding="utf-8") as file:
        chosen = [text for text in file if json.loads(text)["iso639_3"] in SOME]
    with lzma.open(path, "wt", encoding="utf-8", preset=0) as file:
        file.writelines(chosen)
    return path


@pytest.fixture(scope="module")
def lid176(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model in place of the fetched one; it knows Spanish, not Oromo."""
    path = tmp_path_factory.mktemp("lid") / "lid.bin"
    examples = [("es", row["source"].lower()) for row in oromo(40)] + [("en", "the file menu")] * 40
    train(examples, SMALL.fasttext, 1).save_model(str(path))
    return path


@pytest.fixture
def stage(others: Path, lid176: Path, tmp_path: Path) -> Callable[..., Output]:
    """The stage on a table, with what else it needs."""

    def call(rows: pa.Table, *trusted: str, **changes: Any) -> Output:
        sources = pa.table(
            {
                "origin": pa.array(trusted or ["help"], pa.string()),
                "language": pa.array(["orm"] * (len(trusted) or 1), pa.string()),
                "trusted": [True] * (len(trusted) or 1),
            }
        )
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        params = replace(SMALL, **changes)
        return identify(rows, sources, others, lid176, params, ("orm",), LANGUAGES, ONE, out)

    return call


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as the table of the graph."""
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def planted(amount: int) -> list[dict[str, Any]]:
    """Oromo rows of which the last three are swapped, without a source and without a target."""
    rows = oromo(amount)
    rows[-3] |= {"source": rows[-3]["target"], "target": rows[-3]["source"]}
    rows[-2] |= {"source": None}
    rows[-1] |= {"target": None}
    return rows


def test_real_rows(stage: Callable[..., Output], tmp_path: Path) -> None:
    """Scores follow the rows, planted faults show, nulls stay null, order changes nothing."""
    rows = planted(400)
    long = max(range(300, 397), key=lambda n: len(rows[n]["source"]))
    rows[long]["source"], rows[long]["target"] = rows[long]["target"], rows[long]["source"]
    made = stage(table(rows))
    scores = made.tables["scores"]
    assert scores["id"].to_pylist() == [row["id"] for row in rows]
    assert scores["swapped"][long].as_py()
    assert scores["language"][long].as_py() == "spa"
    assert scores["source_score"][-2].as_py() is None
    assert scores["language_score"][-1].as_py() is None
    assert json.loads(json.dumps(made.report))["orm"].keys() == made.report["orm"].keys()
    label = made.report["orm"]["labels"]["orm"]
    assert label["recall"]["low"] > 0.5
    passing = label["false_accepts"]  # two rows are swapped: their sources are Oromo
    assert passing["count"] - 2 <= 0.01 * passing["of"]
    assert label["lid176"] is None  # it does not know Oromo
    assert made.report["orm"]["labels"]["spa"]["lid176"]["recall"]["of"] > 0
    limits = made.tables["limits"].to_pylist()
    assert [(x["rule"], x["language"], x["least"]) for x in limits] == [
        ("language_score", "orm", label["limit"])
    ]
    order = random.Random(1).sample(range(len(rows)), len(rows))
    again = stage(table([rows[n] for n in order]))
    assert again.tables["scores"].sort_by("id").equals(scores.sort_by("id"))
    assert again.report == made.report
    first, second = (tmp_path / name / "models/orm" for name in ("out0", "out1"))
    for name in ("model.bin", "about.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    model = load(first)
    good, bad = model["target"]([rows[5]["target"], rows[5]["source"]])
    assert good > bad
    assert model["target"](["", "¡!"]) == pytest.approx(model["target"](["?"]) * 2)


@pytest.mark.parametrize(
    ("rows", "trusted", "said"),
    [
        ([], "help", "none"),
        (oromo(1), "help", "none"),
        (oromo(30), "elsewhere", "none"),  # no trusted row
        ([row | {"document": "one"} for row in oromo(45)], "help", None),  # one document
        ([row | {"source": None} for row in oromo(45)], "help", None),  # monolingual
        ([*oromo(40), oromo(41)[-1] | {"origin": "crawl"}], "help", None),  # one not trusted
        ([*oromo(40), oromo(41)[-1] | {"language": "zzz_Latn"}], "help", None),  # of no language
    ],
)
def test_small(
    stage: Callable[..., Output], rows: list[dict[str, Any]], trusted: str, said: str | None
) -> None:
    """A corpus too small to learn from is said to be; any other gets a score for every target."""
    made = stage(table(rows), trusted)
    assert len(made.tables["scores"]) == len(rows)
    assert str(made.report["orm"].get("model", "")).startswith(said or "")
    known = [row["language"] == "orm_Latn" for row in rows] if said is None else [False] * len(rows)
    scored = [score is not None for score in made.tables["scores"]["language_score"].to_pylist()]
    assert scored == known


TWINS = {
    "orm": replace(OROMO, neighbours=("gax",)),
    "abc": Language("Other Oromo", ("hae",), "Latn", "spa_Latn", ("gax", "orm"), None),
    "gax": Language("Borana", ("gax",), "Latn", "spa_Latn", (), None),
}


def of_three(amounts: dict[str, int]) -> list[dict[str, Any]]:
    """Oromo rows given out as rows of several languages."""
    rows = oromo(sum(amounts.values()))
    codes = [code for code, amount in amounts.items() for _ in range(amount)]
    return [row | {"language": f"{c}_Latn"} for row, c in zip(rows, codes, strict=True)]


@pytest.mark.slow
def test_the_order_of_active_changes_nothing(others: Path, lid176: Path, tmp_path: Path) -> None:
    """A row is scored by its own language's model, a shared neighbour's by the first's; once."""
    rows = table(of_three({"orm": 60, "hae": 50, "gax": 45}))
    sources = pa.table({"origin": ["help"], "language": ["orm"], "trusted": [True]})
    first, second = (
        identify(rows, sources, others, lid176, SMALL, active, TWINS, ONE, tmp_path / active[0])
        for active in (("orm", "abc"), ("abc", "orm"))
    )
    assert first.report == second.report
    for name, made in first.tables.items():
        assert made.equals(second.tables[name])
    limited = first.tables["limits"]["language"].to_pylist()
    assert len(limited) == len(set(limited))
    alone = identify(
        rows, sources, others, lid176, SMALL, ("orm",), TWINS, ONE, tmp_path / "alone"
    ).tables["scores"]
    assert first.tables["scores"].slice(0, 60).equals(alone.slice(0, 60))


def test_a_neighbour_with_little_text_has_no_score(
    others: Path, lid176: Path, tmp_path: Path
) -> None:
    """A score fitted on a few segments, or none, would be an invention."""
    rows = table(of_three({"orm": 60, "gax": 3}))
    sources = pa.table({"origin": ["help"], "language": ["orm"], "trusted": [True]})
    made = identify(rows, sources, others, lid176, SMALL, ("orm",), TWINS, ONE, tmp_path / "out")
    scores = made.tables["scores"]
    assert scores["language_score"].slice(0, 60).null_count == 0
    assert scores["language_score"].slice(60).null_count == 3
    assert scores["source_score"].null_count == 0  # of the pivot there is enough
    assert "gax" not in made.tables["limits"]["language"].to_pylist()
    assert made.report["orm"]["too_few_to_score"] == {"gax": 3}
    assert "gax" not in made.report["orm"]["labels"]


def test_a_limit_that_nothing_reaches_is_none() -> None:
    """Where scores tie at the top, no limit is better than one that drops every row."""
    labels = np.array(["orm", "orm", "spa", "spa"])
    none, zeros, names = [""] * 4, np.zeros(4, int), list(labels)
    chances, all_of_it = np.full((4, 1), 0.9), np.ones(4, bool)
    held = Held(
        labels, names, zeros, none, none, none, zeros, all_of_it, chances, ("orm",), {"orm": None}
    )
    line = drawn(held, "orm", 0.01)
    assert line.least is None
    assert proof(held, "orm", line, 0.01, 0.5)[0]["no_limit"].startswith("no held-out segment")


def test_no_model_learns_the_text_that_it_judges() -> None:
    """A sentence that stands in two documents is learned by neither one's model."""
    texts = [("Jila kana", 0), ("jila kana!", 1), ("mana barumsaa", 0), ("bishaan", 1)]
    segments = [Segment("orm", text, fold, True, 0, "target", "", "") for text, fold in texts]
    plan = Plan(segments, ("orm",), "spa", {}, None, SMALL.fasttext, 0, 100, 0, 0, 20, MIXING, 1)
    learned = {fold: {text for _, text in examples(plan, fold)} for fold in (ALL, 0, 1)}
    assert learned == {
        ALL: {"jila kana", "mana barumsaa", "bishaan"},
        0: {"bishaan"},
        1: {"mana barumsaa"},
    }


def test_a_small_language_is_learned_as_often_as_a_large_one() -> None:
    """A neighbour with ten segments and a pivot with a hundred, beside noise and another one."""
    sizes = {"orm": 10, "spa": 100, "glg": 30}
    segments = [
        Segment(label, f"{label} jecha {n}", 1, True, n, "target", "", "")
        for label, size in sizes.items()
        for n in range(size)
    ]
    plan = Plan(
        segments, ("orm", "spa"), "spa", {}, None, SMALL.fasttext, 0, 100, 5, 0, 20, MIXING, 1
    )
    made = examples(plan, 0)
    count = Counter(label for label, _ in made)
    assert count["orm"] == count["spa"] == max(100, count["noise"])
    assert count["glg"] == 30
    assert {text for label, text in made if label == "orm"} == {f"orm jecha {n}" for n in range(10)}
    assert made == examples(replace(plan, segments=segments[::-1]), 0)


def test_targets_in_the_pivot_are_counted(stage: Callable[..., Output]) -> None:
    """The report says by origin how many targets look like the source's language."""
    rows = planted(400)
    for n in range(300, 310):
        rows[n]["target"] = rows[n + 10]["source"]
    made = stage(table(rows))
    said = made.report["labelled_pivot"]["help"]
    scores = made.tables["scores"]
    assert said["targets"] == scores["language"].to_pylist().count("spa") > 0
    assert said["targets"] >= said["below_limit"] > 0
    assert said["swapped"] <= said["targets"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kamshaan Hojbocquu", "Latn"),
        ("ኢትዮጵያ orm", "Ethi"),
        ("Все люди 1948", "Cyrl"),
        ("ភាសាខ្មែរ", "Khmr"),
        ("1948 — ¡!", None),
        ("", None),
        (None, None),
    ],
)
def test_script(text: str | None, expected: str | None) -> None:
    """The script of most letters, of any language."""
    assert script(text) == expected


def test_deal() -> None:
    """Documents stay whole and loads even; too few documents are dealt in blocks."""
    documents = [("nah", name, n) for name, size in zip("abcd", (9, 5, 4, 1), strict=True)
                 for n in range(size)]  # fmt: skip
    folds = deal(documents, 2)
    assert len({(d[1], fold) for d, fold in zip(documents, folds, strict=True)}) == 4
    assert sorted(folds.count(n) for n in (0, 1)) == [9, 10]
    huge = [("nah", "bible", n) for n in range(500)] + [("nah", name, 0) for name in "abc"]
    loads = Counter(deal(huge, 3))
    assert min(loads.values()) > 150  # or one model would learn from three segments
    alone = deal([("nah", "only", n) for n in range(60)], 2)
    assert {tuple(alone[n : n + 20]) for n in (0, 20, 40)} == {(0,) * 20, (1,) * 20}
    assert deal([], 3) == []


def test_noise() -> None:
    """Every kind makes something of any text, is no copy of it, and the same twice."""
    texts = ["Nican mopohua, motecpana", "ኢትዮጵያ ሰላም", "a", ""]
    made = list(noise(texts, 6, seed=2))
    assert made == list(noise(texts, 6, seed=2))
    assert {kind for kind, _ in made} == KINDS.keys()
    assert not {text for _, text in made if len(text) > 3} & set(texts)
    assert list(noise([], 6, seed=2)) == []


@pytest.mark.parametrize(
    ("negatives", "false_accepts", "accepted"),
    [
        ([0.1, 0.2, 0.3, 0.4], 0.25, 1),
        ([0.1, 0.2, 0.3, 0.4], 0.001, 0),
        ([0.5] * 10, 0.1, 0),  # equal scores go together
    ],
)
def test_least_score(negatives: list[float], false_accepts: float, accepted: int) -> None:
    """At most the stated share of negatives reaches the limit."""
    least = least_score(np.array(negatives), false_accepts)
    assert least is not None
    assert sum(x >= least for x in negatives) == accepted
    assert least_score(np.array([]), false_accepts) is None


def test_line() -> None:
    """Scores too sure of themselves come nearer to the truth and keep their order."""
    chance = np.random.default_rng(1)
    odds = chance.normal(size=4000)
    positive = chance.random(4000) < 1 / (1 + np.exp(-odds))
    slope, intercept = line(1 / (1 + np.exp(-3 * odds)), positive)
    assert slope == pytest.approx(1 / 3, abs=0.05)
    assert intercept == pytest.approx(0, abs=0.1)
    assert (np.diff(calibrated(np.linspace(0.01, 0.99, 9), slope, intercept)) > 0).all()
    assert line(np.array([0.5]), np.array([True])) == (1.0, 0.0)
    assert share(0, 0)["rate"] is None


def test_pieces() -> None:
    """Windows cover the beginning of a text; cuts are runs of its words, as many as are missing."""
    assert windows("") == []
    assert "".join(windows("ab " * 90)) == "ab " * 90
    made = list(cuts(["ma xi walmo tlali"], 4, np.random.default_rng(1)))
    assert len(made) == 3
    assert all(text in "ma xi walmo tlali" for text in made)
    assert list(cuts([], 4, np.random.default_rng(1))) == []
    thai = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ"
    made = list(cuts([thai], 9, np.random.default_rng(1)))
    assert all(text in thai for text in made)
    assert len(set(made)) > 4


@pytest.mark.parametrize("text", ["ᏂᎦᏓ ᎠᏂᏴᏫ", "人権宣言", "모든 인간은", "ᐃᓄᐃᑦ", "in tlacatl"])
def test_another_script_is_never_the_texts_own(text: str) -> None:
    """Letters of a script that some languages are written in are no noise to those languages."""
    own = {script(letter) for letter in text if letter.isalpha()}
    for seed in range(40):
        made = KINDS["other script"](text, np.random.default_rng(seed))
        assert not own & {script(letter) for letter in made if letter.isalpha()}


def test_label_of() -> None:
    """A language of the same macrolanguage is no other language."""
    assert label_of("gaz", {"orm": OROMO}) == "orm"
    assert label_of("som", {"orm": OROMO}) == "som"
    by_chinese = replace(OROMO, pivot="zho_Hans")
    assert label_of("cmn", {"orm": by_chinese}) == "zho"  # the pivot's own text is no other's
    assert NOISE not in SOME


def test_a_prior_is_of_a_language() -> None:
    """A key that nobody reads is an error; pivots are read."""
    check_prior({"default": 0.01, "orm": 0.5, "spa": 0.9}, {"orm": OROMO})
    with pytest.raises(InputError, match=r"prior has unknown \['omr'\]; known are"):
        check_prior({"default": 0.01, "omr": 0.5}, {"orm": OROMO})


def test_bad_files(tmp_path: Path, stage: Callable[..., Output], others: Path) -> None:
    """Files that cannot be used are named in one line with what to do."""
    with pytest.raises(InputError, match=r"none\.xz does not exist; run 'git checkout"):
        read_others(tmp_path / "none.xz")
    (cut := tmp_path / "cut.xz").write_bytes(others.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"cut\.xz cannot be read"):
        read_others(cut)
    with lzma.open(tmp_path / "bare.xz", "wt") as file:
        file.write('{"text": "a"}\n')
    with pytest.raises(InputError, match="row without 'iso639_3'"):
        read_others(tmp_path / "bare.xz")
    with pytest.raises(InputError, match="holds no model"):
        load(tmp_path)


def test_no_lid176(tmp_path: Path, others: Path) -> None:
    """A file that is no fastText model is the user's to mend."""
    (path := tmp_path / "lid.ftz").write_text("<html>not found</html>")
    sources = pa.table({"origin": ["help"], "language": ["orm"], "trusted": [True]})
    rows = table(oromo(30))
    with pytest.raises(InputError, match=r"lid\.ftz is no fastText model"):
        identify(rows, sources, others, path, SMALL, ("orm",), LANGUAGES, ONE, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folds": 1}, "need 2 <= folds <= least_trusted"),
        ({"false_accepts": 0.0}, "false_accepts must be between 0 and 1, got 0.0"),
        ({"noise": -1}, "must be at least 0"),
    ],
)
def test_settings(changes: dict[str, Any], message: str) -> None:
    """Values out of range are named."""
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)


@pytest.mark.slow
def test_all_languages(lid176: Path, tmp_path: Path) -> None:
    """Against all languages of the Declaration, in two processes, as `params.yaml` has it."""
    how = replace(SMALL.fasttext, dimensions=12, epochs=4, most_letters=4, buckets=50000)
    params = replace(SMALL, false_accepts=0.001, most_examples=2000, noise=300, fasttext=how)
    sources = pa.table({"origin": ["help"], "language": ["orm"], "trusted": [True]})
    two = replace(ONE, workers=2)
    rows = table(oromo(2500))
    made = identify(
        rows, sources, RAW / "udhr.jsonl.xz", lid176, params, ("orm",), LANGUAGES, two, tmp_path
    )
    label = made.report["orm"]["labels"]["orm"]
    assert label["false_accepts"]["of"] > 5000
    assert label["limit_chosen_on_other_folds"]["recall"]["low"] > 0.8
    assert label["limit_chosen_on_other_folds"]["false_accepts"]["rate"] < 0.003
    assert made.tables["figures"].num_rows > 400


def test_command_line(tmp_path: Path) -> None:
    """An argument that is missing is one line."""
    (tmp_path / "params.yaml").write_text((RAW.parents[1] / "params.yaml").read_text("utf-8"))
    done = subprocess.run(
        [sys.executable, "-m", "corpus.identify", "rows=nowhere"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(RAW.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "identify: the command line lacks ['sources', 'others', 'lid176']\n"
