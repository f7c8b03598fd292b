"""An endpoint fails in every way it can, and no failure becomes a translation or a second bill."""

import time
from pathlib import Path

import pytest

from augment import cache
from augment.engine import Engine, name_of, translate
from augment.engines import http
from augment.translation import Direction, Translation, faults
from benchmarks.chat import Reply, chat, engine, said
from corpus.shards import Shards
from corpus.table import InputError

HERE = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
BACK = Direction("nah", "spa_Latn", "backward")
TEXTS = ["In ātl.", "ውሃ ንጹህ ነው።", "ទឹក", "bishaan {source}"]
LATER = {"most_wait": 1.0}  # so that a Retry-After is heeded


@pytest.fixture(autouse=True)
def _own_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def echo(_: int, content: str) -> Reply:
    return said(f" {content} \n")


def test_each_segment_is_asked_once_ever_in_order_and_in_its_own_words(tmp_path: Path) -> None:
    with chat(echo) as server:
        asked = Engine(engine(server.address), BACK, tmp_path)
        made = translate(asked, [*TEXTS, TEXTS[0], " "], HERE, "test")
        again = translate(asked, TEXTS[::-1], HERE, "test")
    expected = [f"Nahuatl to Spanish: {text}" for text in TEXTS]
    assert [found.text for found in made] == [*expected, expected[0], ""]
    assert [found.text for found in again] == expected[::-1]
    assert sorted(one.content for one in server.asked) == sorted(expected)
    body = server.asked[0].body
    assert (body["model"], body["temperature"], body["seed"]) == ("tiny", 0, 0)
    assert body["max_tokens"] == 100
    assert 1 <= max(server.open) <= 3


@pytest.mark.parametrize(
    ("first", "settings", "seconds"),
    [
        (Reply(b"busy", 500), {}, 0.0),
        (Reply(b"busy", 503), {}, 0.0),
        (Reply(b"slow down", 429, wait="0.6"), LATER, 0.6),
        (Reply(b"slow down", 429, wait="Wed, 25 Nov 2026 04:00:00 GMT"), {}, 0.0),
        (Reply(b"x" * 100, cut=True), {}, 0.0),
        (Reply(b'{"choices": [{"mess'), {}, 0.0),
        (Reply(b"<html>proxy</html>"), {}, 0.0),
        (Reply(b'{"choices": []}'), {}, 0.0),
        (Reply(b'{"choices": null}'), {}, 0.0),
        (Reply(b"[]"), {}, 0.0),
        (said("late")._replace(seconds=1.0), {"most_seconds": 0.3}, 0.3),
    ],
)
def test_what_fails_for_the_moment_is_asked_again(
    first: Reply, settings: dict[str, float], seconds: float
) -> None:
    with chat(lambda number, _: first if number == 0 else said("agua")) as server:
        begun = time.monotonic()
        made = http.load(engine(server.address, **settings), BACK)(["ātl"])
        assert time.monotonic() - begun >= seconds
    assert made == [[Translation("agua", None, 0)]]
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(b'{"error": "model tiny does not exist"}', 404), "404 .*tiny does not exist"),
        (Reply(b"bad key", 401), "401 bad key"),
        (Reply(b"too many tokens", 400), "400 too many tokens"),
        (Reply(b"", 429, wait="3600"), "wants 3600 s of rest, most_wait is 0.3"),
    ],
)
def test_what_fails_for_ever_is_an_error_at_once(reply: Reply, words: str) -> None:
    with chat(lambda *_: reply) as server, pytest.raises(InputError, match=words):
        http.load(engine(server.address), BACK)(["ātl"])
    assert len(server.asked) == 1


def test_after_the_last_attempt_what_was_answered_is_kept(tmp_path: Path) -> None:
    texts = [f"ātl {number}" for number in range(8)]
    broken = [True]

    def react(_: int, content: str) -> Reply:
        return Reply(b"", 500) if broken[0] and content.endswith("5") else echo(0, content)

    with chat(react) as server:
        asked = Engine(engine(server.address), BACK, tmp_path)
        with pytest.raises(InputError, match=r"failed 3 times: 500; .*run the stage again"):
            translate(asked, texts, HERE, "test")
        assert [one.content[-1] for one in server.asked].count("5") == 3
        broken[0] = False
        assert len(translate(asked, texts, HERE, "test")) == 8
    contents = [one.content for one in server.asked]
    assert all(contents.count(one) == (4 if one.endswith("5") else 1) for one in contents)


def test_nobody_there_is_one_line() -> None:
    with chat(echo) as server:
        pass
    with pytest.raises(InputError, match=r"http://127.* with tiny failed 3 times: ConnectError"):
        http.load(engine(server.address), BACK)(["ātl"])


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (said(""), "empty"),
        (said(None), "empty"),
        (said(" \n"), "empty"),
        (said("agua que", "length"), "cut off"),
        (said("", "length"), "cut off"),
        (said("", "content_filter"), "refused"),
        (said(None, refusal="I cannot"), "refused"),
    ],
)
def test_no_answer_that_is_none_becomes_a_translation(reply: Reply, fault: str) -> None:
    with chat(lambda *_: reply) as server:
        ((made,),) = http.load(engine(server.address), BACK)(["ātl"])
    assert made == Translation("", None, 0, fault)
    assert faults([made, Translation("agua", None, 0)]) == {fault: 1}
    assert len(server.asked) == 1


def test_another_model_is_an_error_where_the_settings_say_which() -> None:
    with chat(echo) as server:
        assert http.load(engine(server.address, served="tiny-1"), BACK)(["ātl"])
        with pytest.raises(InputError, match="'tiny-1' answered, served is 'tiny-2'"):
            http.load(engine(server.address, served="tiny-2"), BACK)(["ātl"])


def test_requests_keep_their_distance(tmp_path: Path) -> None:
    texts = [f"calli {number}" for number in range(8)]
    with chat(echo) as server:
        slow = engine(server.address, most_per_minute=600)
        begun = time.monotonic()
        translate(Engine(slow, BACK, tmp_path), texts, HERE, "test")
    arrived = sorted(one.begun - begun for one in server.asked)
    assert all(when >= 0.1 * number for number, when in enumerate(arrived))


def test_the_estimate_comes_before_the_first_request(tmp_path: Path) -> None:
    spec = engine("", prompt="{language}: {source}", most_new_tokens=30)
    # 9 characters of prompt each; answers: twice the 20 characters; 30 tokens of the 400's 400
    expected = "219 tokens asked and 50 answered, about 0.00"
    assert http.estimate(spec, BACK, ["x" * 20, "x" * 400]) == f" ({expected})"
    with chat(echo) as server:
        dear = Engine(engine(server.address, price_in=10.0, most_cost=0.001), BACK, tmp_path)
        with pytest.raises(InputError, match=r"about 0.01, more than most_cost 0.001; nothing was"):
            translate(dear, ["x" * 1000], HERE, "test")
        assert server.asked == []
        assert len(translate(dear, ["x"], HERE, "test")) == 1


def test_the_key_is_sent_and_stands_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat(echo) as server:
        asked = Engine(engine(server.address, key_variable="A_KEY_FOR_TESTS"), BACK, tmp_path)
        monkeypatch.delenv("A_KEY_FOR_TESTS", raising=False)
        with pytest.raises(InputError, match="A_KEY_FOR_TESTS must hold the API key"):
            http.load(asked.spec, BACK)
        monkeypatch.setenv("A_KEY_FOR_TESTS", "sesame-7")
        translate(asked, ["ātl"], HERE, "test")
    assert server.asked[0].headers["Authorization"] == "Bearer sesame-7"
    assert "sesame" not in name_of(asked) + repr(asked)
    assert not [p for p in cache.path().parent.iterdir() if b"sesame" in p.read_bytes()]


def test_the_name_changes_with_all_that_changes_an_answer(tmp_path: Path) -> None:
    def named(direction: Direction = BACK, **changed: object) -> str:
        return name_of(Engine(engine(**{"address": "http://a/v1", **changed}), direction, tmp_path))

    others = [
        {"model": "tinier"},
        {"prompt": "{source}"},
        {"seed": 1},
        {"most_new_tokens": 9},
        {"served": "tiny-1"},
        {"languages": {"spa_Latn": "Castilian", "nah": "Nahuatl"}},
        {"direction": Direction("spa_Latn", "nah", "forward")},
    ]
    assert len({named(), *(named(**other) for other in others)}) == len(others) + 1  # type: ignore[arg-type]
    same = [{"address": "http://b"}, {"price_in": 9.0}, {"concurrency": 9}, {"most_seconds": 9.0}]
    assert {named(**other) for other in same} == {named()}
    assert named().startswith("http:tiny:nah-spa_Latn@")
    with pytest.raises(InputError, match="lack 'ote'"):
        named(Direction("ote", "spa_Latn", "backward"))


@pytest.mark.parametrize("wrong", [{"prompt": "{text}"}, {"concurrency": 0}, {"price_in": -1.0}])
def test_settings_out_of_range_are_errors(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        engine("http://a", **wrong)
