"""Apertium's pipe gives each segment its own answer, loses no sign, and gets up when it falls."""

import os
import re
import shutil
import signal
import string
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from augment.engine import Engine, Engines, directed, name_of, translate
from augment.engines import apertium, pivot
from augment.engines.apertium import Apertium
from augment.translation import Direction, Translate, Translation
from corpus.shards import Shards
from corpus.table import InputError

HERE = Shards(most_bytes=10**6, workers=1, runner="pool", most_retries=0)
MODES = {
    "spa_Latn-cat_Latn": "spa-cat",
    "cat_Latn-spa_Latn": "cat-spa",
    "spa_Latn-arg": "spa-arg",
    "arg-spa_Latn": "arg-spa",
}
SPEC = Apertium(kind="apertium", folder="/usr/share/apertium", modes=MODES, most_seconds=20.0)
CATALAN = Direction("spa_Latn", "cat_Latn", "forward")
NASTY = (
    "[]{}^$@*#\\~/<>+ \n\t\0\r\v\x85\u2028\u00a0\u200b\u200d\ufeff.,;:!?¿¡'\"-—0123456789%&|_=()`"
)
SCRIPTS = "ātlḥñąŋƙ ውሃንጹህ ទឹកស្អាត 水は清い чистая ماء نظيف हिन्दी ᐃᓄᒃᑎᑐᑦ ꓡꓲ 𞤀𞤣 😀 ꞌ"
ABBREVIATION = re.compile(r"\w\w\.+$")  # it may be written out: "Uds." is "Vostès"


def lacking(*modes: str) -> str:
    """The Debian packages that a test needs and this machine lacks; empty: none."""
    absent = [m for m in modes if not Path(SPEC.folder, "modes", f"{m}.mode").exists()]
    if not shutil.which(apertium.FLUSHING):
        absent = list(modes)
    return f"apt-get install {' '.join(f'apertium-{mode}' for mode in absent)}" if absent else ""


spa_cat = pytest.mark.skipif(bool(lacking("spa-cat")), reason=lacking("spa-cat") or "there")
both = pytest.mark.skipif(
    bool(lacking("spa-cat", "spa-arg")), reason=lacking("spa-cat", "spa-arg") or "there"
)


@pytest.fixture(scope="module")
def catalan() -> Translate:
    return apertium.load(SPEC, CATALAN)


@spa_cat
@pytest.mark.parametrize(
    ("text", "expected", "unknown"),
    [
        ("La casa es blanca.", "La casa és blanca.", 0),  # the final stop stays
        ("Hola...", "Hola...", 0),
        ("V.", "V.", 0),  # found by hypothesis
        ("Vino a.", "Vi a.", 0),
        ("Fue. Vino.", "Va ser. Vi.", 0),
        ("El perro come [carne] y {pan}", "El gos menja [carn] i {pa}", 0),
        ("3*4 {a} ^b$ @c #d ~e f/g \\ <k> a+b.", "3*4 {a} ^b$ @c #d ~e f/g \\ <k> a+b.", 0),
        ("una *casa* blanca", "una *casa* blanca", 0),  # asterisks of the text are no marks
        ("Niquitta in calli huey.", "Niquitta in calli huey.", 4),  # Nahuatl
        ("mana *bishaanii", "raja *bishaanii", 1),  # Oromo, but mana is Spanish too: it flows
        ("ውሃ ንጹህ ነው።", "ውሃ ንጹህ ነው።", 3),
        ("", "", 0),
        (" \n\n ", " \n\n ", 0),
        ("La casa.\n\nLa casa.", "La casa.\n\nLa casa.", 0),
        ("La casa\0la casa", "La casa\0la casa", 0),
        (" casa ", " casa ", 0),
        ("*", "*", 0),
        ("\\", "\\", 0),
        ("[x0][n0]", "[x0][n0]", 2),
    ],
)
def test_nothing_is_lost_and_marks_are_counted(
    catalan: Translate, text: str, expected: str, unknown: int
) -> None:
    assert catalan([text]) == [[Translation(expected, None, unknown)]]


@spa_cat
def test_a_final_stop_stays_after_any_letter(catalan: Translate) -> None:
    texts = [f"{letter}." for letter in string.ascii_letters + "ñÁøаβחუ한水"]
    assert [found.text for (found,) in catalan(texts) if not found.text.endswith(".")] == []


@spa_cat
def test_many_segments_keep_their_order_through_one_process() -> None:
    pipe = apertium.Pipe(apertium.mode_file(SPEC, CATALAN), 20.0)
    texts = [f"la casa {number} {'.' * (number % 3)}" for number in range(300)]
    texts += ["larga " * 1_000 + "casa", "casa"]
    first = [found.text for found in pipe.ask(texts)]
    assert first[:300] == texts[:300]
    assert (len(first[300].split()), first[301]) == (1_001, "casa")
    before = pipe.process
    assert [found.text for found in pipe.ask(["casa"])] == ["casa"]
    assert pipe.process is before
    pipe.end()


@spa_cat
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.text(st.sampled_from(NASTY + SCRIPTS) | st.characters(max_codepoint=0x1FFFF))
        | st.lists(st.sampled_from(["casa", "¿", "de el", "Sr.", "*", "a. ", "\n"])).map("".join),
        min_size=1,
        max_size=8,
    )
)
def test_signs_come_back_whole_and_each_segment_has_an_answer(
    catalan: Translate, texts: list[str]
) -> None:
    made = catalan(texts)
    assert len(made) == len(texts)
    for text, (found,) in zip(texts, made, strict=True):
        assert apertium.APART.findall(found.text) == apertium.APART.findall(text)
        if text.endswith(".") and not ABBREVIATION.search(text):
            assert found.text.endswith(".")
        assert (found.text, found.unknown) == tuple(catalan([text])[0][0][::2])  # alone as together


@spa_cat
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.sampled_from(" .።។،*[]\n" + "".join(c for c in SCRIPTS if ord(c) > 0x370))))
def test_text_of_another_script_comes_back_as_it_was(catalan: Translate, text: str) -> None:
    assert catalan([text])[0][0].text == text


@spa_cat
def test_a_pipe_leaves_no_process_behind() -> None:
    pipe = apertium.Pipe(apertium.mode_file(SPEC, CATALAN), 20.0)
    list(pipe.ask(["casa"]))
    assert pipe.process
    group = pipe.process.pid
    pipe.end()
    until = time.monotonic() + 5
    while members(group) and time.monotonic() < until:
        time.sleep(0.05)
    assert not members(group)


def members(group: int) -> list[str]:
    """The living processes of a process group."""
    said = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True)
    lines = (line.split() for line in said.stdout.splitlines())
    return [state for number, state in lines if number == str(group) and "Z" not in state]


@spa_cat
def test_a_killed_pipe_is_begun_anew() -> None:
    pipe = apertium.Pipe(apertium.mode_file(SPEC, CATALAN), 20.0)
    list(pipe.ask(["casa"]))
    assert pipe.process
    os.killpg(pipe.process.pid, signal.SIGKILL)
    with pytest.raises(apertium.Stopped, match="ended"):
        list(pipe.ask(["casa"]))
    pipe.end()
    assert [found.text for found in pipe.ask(["casa"])] == ["casa"]
    pipe.end()


FALLING = """#!{python}
import pathlib, sys, time
fallen = pathlib.Path({fallen!r})
rest = b""
while more := sys.stdin.buffer.read1():
    *whole, rest = (rest + more).split(b"\\0")
    for said in whole:
        if said.startswith(b"tepetl 4[") and len(fallen.read_text()) < {falls}:
            fallen.write_text(fallen.read_text() + "x")
            {fall}
        sys.stdout.buffer.write(said + b"\\0")
        sys.stdout.flush()
"""


@spa_cat
@pytest.mark.parametrize(
    ("fall", "words"),
    [
        ("sys.exit()", "ended twice on the segment 'tepetl 4'"),
        ("time.sleep(9)", "took longer than 1 s twice on the segment 'tepetl 4'"),
        ("said = b'other'", "lost count twice on the segment 'tepetl 4'"),
        ("said = b'[x9]' + said", "lost a sign twice on the segment 'tepetl 4'"),
    ],
)
@pytest.mark.parametrize("falls", [1, 2])
def test_a_segment_that_stops_the_pipe_is_asked_once_more(
    tmp_path: Path, fall: str, words: str, falls: int
) -> None:
    fallen, program = tmp_path / "fallen", tmp_path / "program"
    fallen.write_text("")
    program.write_text(
        FALLING.format(python=sys.executable, fallen=str(fallen), falls=falls, fall=fall)
    )
    program.chmod(0o755)
    (tmp_path / "modes").mkdir()
    (tmp_path / "modes/a-b.mode").write_text(str(program))
    spec = Apertium("apertium", str(tmp_path), {"spa_Latn-cat_Latn": "a-b"}, 1.0)
    ask = apertium.load(spec, CATALAN)
    texts = [f"tepetl {number}" for number in range(9)]
    if falls == 1:
        assert [found.text for (found,) in ask(texts)] == texts
    else:
        with pytest.raises(InputError, match=words):
            ask(texts)


def test_what_is_not_installed_is_one_line_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = Direction("arg", "cat_Latn", "forward")
    with pytest.raises(InputError, match="no mode for arg-cat_Latn; it has"):
        apertium.mode_file(SPEC, none)
    (tmp_path / apertium.FLUSHING).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    bare = Apertium("apertium", str(tmp_path), {"arg-cat_Latn": "arg-cat_valencia"}, 1.0)
    with pytest.raises(
        InputError, match=r"apt-get install apertium-arg-cat \(or apertium-cat-arg\)"
    ):
        apertium.load(bare, none)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(InputError, match=r"apt-get install apertium$"):
        apertium.load(bare, none)


@spa_cat
def test_the_name_tells_direction_and_data(tmp_path: Path) -> None:
    names = {
        apertium.name(SPEC, direction)
        for direction in (CATALAN, Direction("cat_Latn", "spa_Latn", "backward"))
    }
    assert len(names) == 2
    assert apertium.name(SPEC, CATALAN).startswith("apertium:spa_Latn-cat_Latn@")
    (tmp_path / "modes").mkdir()
    data = tmp_path / "data.bin"
    (tmp_path / "modes/spa-cat.mode").write_text(f"lt-proc '{data}'")
    other = Apertium("apertium", str(tmp_path), MODES, 1.0)
    data.write_bytes(b"1")
    first = apertium.name(other, CATALAN)
    apertium.recipe.cache_clear()
    data.write_bytes(b"2")
    assert apertium.name(other, CATALAN) != first


@both
def test_a_pivot_goes_through_both_engines_and_back_and_asks_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    far = pivot.Pivot(kind="pivot", first="rules", second="rules", middle="spa_Latn")
    engines: Engines = {"rules": SPEC, "far": far}
    there = directed("far", Direction("cat_Latn", "arg", "forward"), engines, tmp_path)
    assert [leg.direction[:2] for leg in there.legs] == [
        ("cat_Latn", "spa_Latn"),
        ("spa_Latn", "arg"),
    ]
    (made,) = translate(there, ["La casa és blanca xochitl."], HERE, "test")
    assert (made.text, made.unknown) == ("La casa ye blanca xochitl.", 2)  # unknown to both
    back = directed("far", Direction("arg", "cat_Latn", "backward"), engines, tmp_path)
    assert [leg.direction[:2] for leg in back.legs] == [
        ("arg", "spa_Latn"),
        ("spa_Latn", "cat_Latn"),
    ]
    assert translate(back, [made.text], HERE, "test")[0].text == "La casa és blanca xochitl."
    assert name_of(there) != name_of(back)
    first = Engine(SPEC, Direction("cat_Latn", "spa_Latn", "forward"), tmp_path)
    monkeypatch.setattr(apertium, "load", None)  # so that asking anything is an error
    assert translate(first, ["La casa és blanca xochitl."], HERE, "test")[0].unknown == 1
    assert translate(there, ["La casa és blanca xochitl."], HERE, "test") == [made]
