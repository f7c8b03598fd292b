"""An engine is found by its name, set to a direction, and a pivot asks each leg in its turn."""

from pathlib import Path

import pytest

from augment.engine import Engine, Engines, directed, name_of, opened, ready, translate
from augment.engines import pivot, thot
from augment.translation import Direction, Translation
from benchmarks.chat import Reply, chat, engine, said
from corpus.settings import Language
from corpus.shards import Shards
from corpus.table import InputError

HERE = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
AMHARIC = ("amh", Language("Amharic", ("amh",), "Ethi", "spa_Latn", (), None))
NAMES = {"spa_Latn": "Spanish", "cat_Latn": "Catalan", "amh": "Amharic"}


def through(address: str) -> Engines:
    """Two endpoints and the way through Catalan by both."""
    there = {"prompt": "{source} {source_language}>{language}", "languages": NAMES}
    return {
        "near": engine(address, **there),
        "own": thot.Thot(kind="thot"),
        "far": engine(address, model="other", **there),
        "both": pivot.Pivot(kind="pivot", first="near", second="far", middle="cat_Latn"),
        "wrong": pivot.Pivot(kind="pivot", first="near", second="own", middle="cat_Latn"),
    }


def test_a_pivot_turns_its_engines_round_for_the_way_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with chat(lambda _, content: said(content)) as server:
        engines = through(server.address)
        there = opened("both", AMHARIC, "forward", engines, tmp_path)
        back = opened("both", AMHARIC, "backward", engines, tmp_path)
        assert translate(there, ["agua", " "], HERE, "t") == [
            Translation("agua Spanish>Catalan Catalan>Amharic", None, 0),
            Translation("", None, 0),
        ]
        assert translate(back, ["ውሃ"], HERE, "t")[0].text == "ውሃ Amharic>Catalan Catalan>Spanish"
        models = [one.body["model"] for one in server.asked]
        assert models == ["tiny", "other", "other", "tiny"]
        first = directed("near", Direction("spa_Latn", "cat_Latn", "forward"), engines, tmp_path)
        assert translate(first, ["agua"], HERE, "t")[0].text == "agua Spanish>Catalan"
        assert translate(there, ["agua"], HERE, "t")[0].text.startswith("agua")
        assert len(server.asked) == 4  # both legs' answers are recorded, each as its engine's own
    assert len({name_of(one) for one in (there, back, first)}) == 3


def test_what_the_first_leg_cannot_say_the_second_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def react(_: int, content: str) -> Reply:
        return said("", "content_filter") if "Spanish" in content else said(content)

    with chat(react) as server:
        there = opened("both", AMHARIC, "forward", through(server.address), tmp_path)
        (made,) = translate(there, ["agua"], HERE, "t")
    assert made == Translation("", None, 0, "refused")
    assert len(server.asked) == 1


def test_the_own_translator_is_asked_for_its_own_languages_only(tmp_path: Path) -> None:
    engines = through("http://a")
    with pytest.raises(
        InputError, match=r"'wrong' asks .* for cat_Latn-amh; it knows spa_Latn-amh"
    ):
        opened("wrong", AMHARIC, "forward", engines, tmp_path)
    assert ready(opened("both", AMHARIC, "forward", engines, tmp_path))
    with pytest.raises(InputError, match=r"ids.txt does not exist"):
        ready(opened("own", AMHARIC, "forward", engines, tmp_path))
    with pytest.raises(InputError, match="engines has no 'none'; it has"):
        opened("none", AMHARIC, "forward", engines, tmp_path)


@pytest.mark.slow
def test_an_endpoint_and_a_trained_translator_make_a_pivot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = [("aigua", "ውሃ"), ("casa", "ቤት"), ("flor", "አበባ")]
    pairs = [(f"{a} {b}", f"{x} {y}") for a, x in words * 2 for b, y in words * 2]
    thot.train(pairs, tmp_path / "amh/forward")
    thot.train([(b, a) for a, b in pairs], tmp_path / "amh/backward")
    spoken = {"agua flor": "aigua flor", "aigua casa": "agua casa"}
    with chat(lambda _, content: said(spoken[content])) as server:
        near = engine(server.address, prompt="{source}", languages=NAMES)
        engines: Engines = through(server.address) | {"near": near}
        for way, ends, text, expected in (
            ("forward", ("spa_Latn", "amh"), "agua flor", "ውሃ አበባ"),
            ("backward", ("amh", "spa_Latn"), "ውሃ ቤት", "agua casa"),
        ):
            asked: Engine = directed("wrong", Direction(*ends, way), engines, tmp_path / "amh")
            assert [one.text for one in translate(asked, [text], HERE, "t")] == [expected]
