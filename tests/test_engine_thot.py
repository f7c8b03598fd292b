"""The phrase-based engine: pieces join without loss, lists are in order, bytes are equal."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from test_translator import oromo

from augment.engines import segmentation, thot
from augment.engines.phrases import Training, saved
from augment.engines.segmentation import INNER, JOINER, Kind, join
from augment.engines.tuning import START, Offer, searched
from augment.translation import Translation
from corpus.table import InputError

CUT: tuple[Kind, ...] = ("sentencepiece", "morfessor")
TEXTS = (
    "In tlahtolli: ¿tlein (ātl)? nimitztlazohtla, nimitznotza...",
    "Nama oromoo, namoota hundi; o’odham qo'om",
    "ውሃ ንጹህ ነው። ውሃው፣ ንጹሕ፤",
    "ទឹក\u200bស្អាត។ ទឹកភ្លៀង",
    "می‌خواهم، آب می‌خواهد",
    "a\u0304tl k\u0331alli ꞌatl 12,5 % ||| <unk> ￭ ￮",
)


def counted(texts: tuple[str, ...]) -> Counter[str]:
    return Counter(word for text in texts for word in thot.WORD.findall(text.lower()))


@pytest.mark.parametrize("kind", CUT)
def test_pieces_join_to_the_text_whatever_the_script(kind: Kind, tmp_path: Path) -> None:
    segmentation.learn(kind, counted(TEXTS * 3), 90, tmp_path / "cut")
    cut = segmentation.load(kind, tmp_path / "cut")
    pieces = [piece for text in TEXTS for piece in thot.divided(thot.tokens(text), cut)]
    assert any(piece.startswith(INNER) for piece in pieces)
    unseen = ("Xōchipilli ꞌitlahtōl", "ግዕዝ\u135f", "𞤀𞤁", "ក្រុម", "t" * 300)
    for text in (*TEXTS, *unseen, "", "—"):
        words = thot.tokens(text)
        made = thot.divided(words, cut)
        assert join(made) == join(words)
        assert len(made) - sum(p.startswith(INNER) for p in made) == len(words)


def test_whole_words_are_not_touched() -> None:
    words = thot.tokens("¿Tlein, ātl? a-b")
    assert thot.divided(words, segmentation.load("words", Path("none"))) == words
    assert INNER not in join(thot.tokens(f"a{INNER}b{JOINER}c"))


def test_a_missing_cut_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cut does not exist; run 'dvc repro translator' first"):
        segmentation.load("morfessor", tmp_path / "cut")


@pytest.mark.parametrize("kind", CUT)
def test_learning_to_cut_depends_on_the_words_alone(kind: Kind, tmp_path: Path) -> None:
    words = counted(tuple(text for pair in oromo(60) for text in pair))
    turned = Counter(dict(reversed(words.items())))
    random.seed(7)
    state = random.getstate()
    segmentation.learn(kind, words, 300, tmp_path / "a")
    assert random.getstate() == state
    segmentation.learn(kind, turned, 300, tmp_path / "b")
    program = (
        "import json, sys; from collections import Counter; from pathlib import Path\n"
        "from augment.engines import segmentation\n"
        "words = Counter(json.load(sys.stdin))\n"
        f"segmentation.learn({kind!r}, words, 300, Path({str(tmp_path / 'c')!r}))"
    )
    root = str(Path(__file__).parent.parent)
    subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(words),
        text=True,
        env={**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": "5"},
        check=True,
    )
    made = {(tmp_path / name).read_bytes() for name in "abc"}
    assert len(made) == 1
    assert made != {b""}


def test_weights_are_found_that_rank_the_better_translation_first() -> None:
    from sacrebleu.metrics.chrf import CHRF

    measure = CHRF(word_order=2)

    def offer(text: str, *parts: float) -> Offer:
        counts = measure._extract_corpus_statistics([text], [["in ātl cenca cuālli"]])[0]
        return Offer(np.array(parts), np.array(counts))

    lists = [{"bad": offer("calli", -1.0, -2.0), "good": offer("in ātl cualli", -2.0, -1.5)}] * 3
    found = searched(measure, lists, np.array([1.0, 1.0]))
    good, bad = lists[0]["good"], lists[0]["bad"]
    assert bad.parts.sum() > good.parts.sum()
    assert good.parts @ found > bad.parts @ found
    same = searched(measure, [{"good": good}], np.array(START[:2]))
    assert same.tolist() == list(START[:2])  # nothing to choose: nothing moves


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        Training(),
        Training(target="morfessor"),
        Training(alignment="ibm1", source="sentencepiece", most_pieces=600),
        Training(tuning_rounds=1),
    ],
    ids=str,
)
def test_each_way_of_training_gives_lists_and_the_same_bytes(how: Training, tmp_path: Path) -> None:
    pairs = oromo(150)
    pairs.append((" ".join(["agua"] * 201), "bishaan"))
    assert thot.train(pairs, tmp_path / "a", how) == 1  # more than Thot takes, and counted
    thot.train(pairs, tmp_path / "b", how)
    assert thot.weights(tmp_path / "a") == thot.weights(tmp_path / "b")
    assert thot.trained_as(tmp_path / "a") == how
    assert bool(saved(tmp_path / "a").weights) == bool(how.tuning_rounds)
    texts = [source for source, _ in oromo(300)[1::8]]
    texts += ["", "—", "xyzzy ទឹក ውሃ", " ".join(texts[:12])]
    best, lists = thot.load(tmp_path / "a"), thot.load(tmp_path / "a", 8)
    alone, several = best(texts), lists(texts)
    assert [one for (one,) in alone] == [some[0] for some in several]
    assert max(map(len, several)) == 8
    for some in several:
        assert len({one.text for one in some}) == len(some) <= 8
        scores = [one.score for one in some if one.score is not None]
        assert len(scores) == len(some)
        assert scores == sorted(scores, reverse=True)
    assert alone[-4][0] == Translation("", 0.0, 0)
    assert alone[-3][0].unknown == 0  # a mark is no word
    assert alone[-2][0].unknown == 3
    assert alone[-2][0].text.split()[1:] == ["ទឹក", "ውሃ"]
    assert INNER not in "".join(one.text for some in several for one in some)
