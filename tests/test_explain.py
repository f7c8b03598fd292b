"""What `milpa identify` says of a text, with a small real model."""

from pathlib import Path

import pytest

from corpus.classifier import FastText, as_bytes, save, train
from corpus.explain import explain
from corpus.settings import Language
from corpus.table import InputError

LANGUAGES = {"orm": Language("Oromo", ("orm",), "Latn", "spa_Latn", (), None)}
HOW = FastText(
    dimensions=8, epochs=25, rate=0.5, least_letters=1, most_letters=3, least_count=1, buckets=5000
)
OROMO = ("galmee banuu barbaadde", "barruu kana keessatti argama", "qindaa'ina jijjiiruuf")
SPANISH = ("el documento que se abre", "este texto de la página", "para cambiar la opción")


def model(folder: Path) -> Path:
    """A model of two languages under `folder`."""
    texts = [("orm", t) for t in OROMO] + [("spa", t) for t in SPANISH]
    made = train([text for text in texts for _ in range(10)], HOW, seed=1)
    line = {"label": "orm", "slope": 1.0, "intercept": 0.0, "least": 0.7}
    save(as_bytes(made), folder / "orm", {"orthography": None, "target": line})
    return folder


def test_the_words_of_the_language_say_so(tmp_path: Path) -> None:
    lines = explain(model(tmp_path), "barruu banuu para", ("orm",), LANGUAGES)
    assert lines[0].startswith("Oromo: 0.")
    assert lines[0].endswith("the limit for untrusted text is 0.700")
    assert lines[1].startswith("  labels  orm 0.")
    words = [part.split() for part in lines[2].removeprefix("  words   ").split(", ")]
    assert {word for word, _ in words} == {"barruu", "banuu", "para"}
    assert words[-1][0] == "para"
    assert float(words[-1][1]) < 0 < float(words[0][1])


def test_what_cannot_be_explained_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no model of \['orm'\]; run 'dvc repro' first"):
        explain(tmp_path, "barruu", ("orm",), LANGUAGES)
    with pytest.raises(InputError, match="the text has no word"):
        explain(model(tmp_path), "  ", ("orm",), LANGUAGES)
