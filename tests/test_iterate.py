"""Rounds of back-translation: the best by validation stays, hidden sources are never read."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from test_translator import HERE, KNOWN, language, oromo, settings_of

from augment.chrf import corpus_chrf
from augment.engines import thot
from augment.iterate import OTHER, Job, best, improve, later, translations
from augment.making import held_back, without_source, without_target
from augment.translation import Pair
from augment.translator import Texts, directions, learn, translator
from corpus.shards import Shards
from models import declaration

Corpus = Callable[..., pa.Table]
TWO = Shards(most_bytes=10**6, workers=2, runner="pool", most_retries=0)
PARAMS = settings_of()
KHMER: list[Pair] = list(zip(declaration("spa"), declaration("khm"), strict=False))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def trained(texts: Texts, folder: Path) -> list[Job]:
    jobs = directions(texts, folder / "orm", ("orm", "spa_Latn"), PARAMS)
    assert [learn(job) for job in jobs] == [0, 0]
    return jobs


def texts_of(pairs: Sequence[Pair], human: int, alone: int, checks: int) -> Texts:
    """Pairs for four uses, none for two of them."""
    ends = (0, human, human + alone, human + 2 * alone, human + 2 * alone + checks)
    one, two, three, four = (list(pairs[a:b]) for a, b in pairwise(ends))
    return Texts(one, [target for _, target in two], [source for source, _ in three], four)


@pytest.mark.parametrize(
    ("scores", "round_"),
    [([30.0], 0), ([30.0, 31.0, 30.5], 1), ([30.0, 30.0], 0), ([30.0, 29.0, 31.0], 2), ([None], 0)],
)
def test_the_first_of_the_best_rounds_is_kept(scores: list[float | None], round_: int) -> None:
    course = [{"round": number, "chrf": chrf} for number, chrf in enumerate(scores)]
    assert best(course) == round_


def test_text_alone_is_what_has_one_side_that_may_be_seen() -> None:
    sides = [("agua", "bishaan"), ("fuego", None), (None, "ውሃ"), (None, None), ("mar", "ទឹក")]
    rows = [
        {"id": str(number), "source": source, "target": target}
        for number, (source, target) in enumerate(sides * 20)
    ]
    targets, sources = without_source(rows, 0.5), without_target(rows, 0.5)
    hidden = {row["id"] for row in rows if held_back(row["id"], 0.5)}
    assert [r["id"] for r in targets] == [
        r["id"] for r in rows if r["target"] and (not r["source"] or r["id"] in hidden)
    ]
    assert not hidden & {row["id"] for row in sources}
    assert sources
    assert all(row["source"] and not row["target"] for row in sources)


@pytest.mark.slow
def test_the_kept_round_is_the_best_and_the_rounds_end(tmp_path: Path) -> None:
    texts = texts_of(oromo(120), 30, 30, 15)
    jobs = trained(texts, tmp_path / "a")
    first = [bytes_of(job.folder) for job in jobs]
    found = improve(jobs, 3, tmp_path / "work", TWO)
    courses = {job.direction.way: course for job, course in zip(jobs, found, strict=True)}
    for job, round_0 in zip(jobs, first, strict=True):
        course = courses[job.direction.way]
        lines, kept = course["rounds"], course["kept"]
        assert lines[kept]["chrf"] == max(line["chrf"] for line in lines)
        model = bytes_of(later(job, tmp_path / "work", kept)) if kept else round_0
        assert bytes_of(job.folder) == model
        read, human = zip(*job.validation, strict=True)
        again = corpus_chrf(translations(job.folder, list(read)), list(human))
        assert again["chrf"] == lines[kept]["chrf"]  # measured on the validation pairs, all of them
        assert [line["round"] for line in lines][:2] == [0, 1]
        assert all(0 < line["made"] <= 30 for line in lines[1:])
        others = courses[OTHER[job.direction.way]]["rounds"]
        for line in lines[2:]:  # only after a round in which the other direction became better
            before = [one for one in others if one["round"] < line["round"]]
            assert best(before) == line["round"] - 1
    assert all(job.folder.is_dir() for job in jobs)


@pytest.mark.slow
def test_one_side_without_text_alone_leaves_its_direction_as_it_is(tmp_path: Path) -> None:
    texts = texts_of(KHMER, 40, 20, 10)._replace(sources=[])
    jobs = trained(texts, tmp_path)
    backward = bytes_of(jobs[1].folder)
    forward, unmoved = improve(jobs, 5, tmp_path / "work", HERE)
    assert [line["round"] for line in forward["rounds"]] == [0, 1]  # its maker never changes
    assert "not_improved" not in forward
    assert unmoved["not_improved"] == "no monolingual text of spa_Latn"
    assert (unmoved["monolingual"], unmoved["kept"], len(unmoved["rounds"])) == (0, 0, 1)
    assert bytes_of(jobs[1].folder) == backward
    unjudged = improve([job._replace(validation=()) for job in jobs], 5, tmp_path / "none", HERE)
    assert {one["not_improved"] for one in unjudged} == {"no validation pairs to choose a round by"}
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_the_stage_sees_no_hidden_source_and_gives_the_same_bytes(
    corpus: Corpus, tmp_path: Path
) -> None:
    pairs = [pair for pair in oromo(300) if len(thot.tokens(pair[0])) < 20][:100]
    sources, targets = zip(*pairs, strict=True)
    hidden = [held_back(str(number), 0.5) for number in range(90)]
    lies = tuple("mentira" if h else s for h, s in zip(hidden, sources, strict=False))
    some = tuple(None if number > 60 else target for number, target in enumerate(targets[:90]))
    whole = corpus(*some, sources=sources[:90], language="orm_Latn")
    lied = corpus(*some, sources=lies, language="orm_Latn")
    checks = corpus(*targets[90:], sources=sources[90:], language="orm_Latn")
    params = settings_of(rounds=1, most_made=20)

    def made(train: pa.Table, shards: Shards, name: str) -> dict[str, object]:
        out = tmp_path / name
        return translator(train, checks, "0.5", params, ("orm",), KNOWN, shards, out).report

    first = made(whole, HERE, "a")
    assert made(lied.take(list(range(90))[::-1]), TWO, "b") == first
    assert bytes_of(tmp_path / "b") == bytes_of(tmp_path / "a")
    found = first["languages"]["orm"]  # type: ignore[index]
    assert {way: one["monolingual"] for way, one in found["iterated"].items()} == {
        "forward": 20,
        "backward": min(20, sum(not h for h in hidden[61:])),
    }
    for way, engine in found["engines"].items():
        direction = directions(Texts([]), tmp_path / "a" / "orm", ("orm", "spa_Latn"), params)
        job = direction[way == "backward"]
        assert engine == thot.name(job.folder, job.direction)


@pytest.mark.slow
def test_no_rounds_leave_the_models_as_the_human_pairs_make_them(
    corpus: Corpus, tmp_path: Path
) -> None:
    sources, targets = zip(*KHMER[:60], strict=True)
    table = corpus(*targets, sources=sources, language="khm_Khmr")
    known = {"khm": language("khm")}
    report = translator(table, table, "0", PARAMS, ("khm",), known, HERE, tmp_path).report
    rows = sorted(table.to_pylist(), key=lambda row: row["id"])
    pairs = [(row["source"], row["target"]) for row in rows if thot.tokens(row["source"])]
    short = [pair for pair in pairs if max(len(thot.tokens(side)) for side in pair) <= 60]
    thot.train(short, tmp_path / "alone")
    assert bytes_of(tmp_path / "khm" / "forward") == bytes_of(tmp_path / "alone")
    assert "iterated" not in report["languages"]["khm"]
