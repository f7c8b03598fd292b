"""The base's vocabulary extended with a language's own tokens, and what each tokenizer costs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer as Fast
from tokenizers import decoders, models, pre_tokenizers

from corpus.settings import Language
from corpus.table import InputError
from train.focus import sparsemax
from train.initialise import PIECES, ROWS
from train.tokenizer import Tokenizer, save, target_texts, tokenizer

TOKENIZER: dict[str, Any] = {
    "new_tokens": 12,
    "least_count": 2,
    "segment": None,
    "initialise": "mean",
    "own_tokens": 400,
    "resamples": 100,
    "seed": 0,
}
LANGUAGES = {"nah": Language("Nahuatl", ("nah", "nci"), "Latn", "spa_Latn", (), None)}
TEXTS = (
    "Niltze, tlacatl! Quenin timoyetztica?",
    "in tlacatl huan in cihuatl quinotza in tlahtoani",
    "ātl tepētl, tlahtolli: amo nicmati",
)


def byte_level() -> str:
    """A BPE tokenizer of single bytes."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    fast = Fast(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    fast.add_special_tokens(["<|endoftext|>"])
    return fast.to_str()


def write_base(folder: Path) -> Path:
    (folder / "base").mkdir()
    (folder / "base" / "tokenizer.json").write_text(byte_level(), "utf-8")
    (folder / "base" / "tokenizer.model").write_text("would lack the new tokens", "utf-8")
    return folder / "base"


def test_target_texts_leave_out_other_languages_and_nulls(corpus: Callable[..., pa.Table]) -> None:
    rows = corpus("atl", None)
    assert target_texts(rows, "nah", LANGUAGES) == [("nci_Latn", "atl")]
    assert target_texts(corpus("yaa", language="ote_Latn"), "nah", LANGUAGES) == []


@pytest.mark.parametrize(
    "changed", [{}, {"initialise": "focus"}, {"segment": "morfessor"}, {"new_tokens": None}]
)
def test_the_stage_twice_is_the_same_bytes(
    corpus: Callable[..., pa.Table], tmp_path: Path, changed: dict[str, Any]
) -> None:
    base = write_base(tmp_path)
    rows = corpus(*TEXTS * 30)
    held = corpus(TEXTS[0], "ሁሉም ሰው", "123")
    reports, folders = [], []
    for name in ("first", "second"):
        out = tmp_path / name
        params = Tokenizer(**{**TOKENIZER, "new_tokens": 30, **changed})
        made = tokenizer(params, ("nah",), LANGUAGES, rows, held, base, out)
        reports.append(made.report)
        folders.append({p.name: p.read_bytes() for p in (out / "nah").iterdir()})
    assert reports[0] == reports[1]
    assert folders[0] == folders[1]
    assert sorted(folders[0]) == ["own.model", PIECES, ROWS, "tokenizer.json"]
    found = reports[0]["fertility"]["nah"]
    pieces, shares = (json.loads(folders[0][name]) for name in (PIECES, ROWS))
    assert found["new_tokens"] == len(pieces) == params.new_tokens or not pieces
    assert shares.keys() == pieces.keys()
    whole = {name: found["validation"][name]["all"] for name in ("base", "extended")}
    before, after = (whole[name]["tokens_per_word"] for name in whole)
    assert after["least"] <= after["value"] <= after["most"]
    assert after["value"] < before["value"] or not pieces
    assert list(found["scripts"]["extended"]) == ["Ethi", "Latn"]
    assert found["scripts"]["base"]["Ethi"]["byte_fallback_rate"]["value"] == 15 / 16
    assert found["scripts"]["own"]["Ethi"]["byte_fallback_rate"]["value"] == 15 / 17
    assert found["scripts"]["own"]["Latn"]["byte_fallback_rate"]["value"] == 0
    assert found["validation"]["own"]["nci_Latn"]["bytes_per_token"]["value"] > 0


def test_focus_mixes_the_rows_of_other_tokens(tmp_path: Path) -> None:
    """Shares sum to one; a token that the text has too seldom for a vector keeps its mean."""
    base = write_base(tmp_path)
    texts = [*TEXTS * 30, *["xolotl"] * 3]
    found = {}
    for method in ("mean", "focus"):
        params = Tokenizer(**{**TOKENIZER, "new_tokens": 60, "initialise": method})
        pieces = save(params, texts, base, tmp_path / method)
        found[method] = json.loads((tmp_path / method / ROWS).read_text("utf-8"))
    for token, shares in found["focus"].items():
        assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
        assert min(shares.values()) > 0
        assert max(map(int, shares)) < 257
        run = pieces[token]
        assert found["mean"][token] == {str(i): run.count(i) / len(run) for i in run}
    same = {token for token in pieces if found["focus"][token] == found["mean"][token]}
    assert {token for token in pieces if "xolo" in token} <= same
    assert 0 < len(same) < len(pieces)


def test_sparsemax_is_the_nearest_distribution_by_brute_force() -> None:
    """Over a grid of all distributions of three, none is nearer."""
    grid = [(a, b, 20 - a - b) for a in range(21) for b in range(21 - a)]
    shares = np.array(grid) / 20
    for scores in ([0.9, 0.7, -0.5], [0.1, 0.1, 0.1], [-1.0, 1.0, 0.2], [0.3, 0.8, 0.75]):
        given = np.array([scores])
        made = sparsemax(given)
        assert made.sum() == pytest.approx(1)
        nearest = np.linalg.norm(shares - given, axis=1).min()
        assert np.linalg.norm(made - given) <= nearest + 1e-9


def test_what_is_missing_is_one_line(corpus: Callable[..., pa.Table], tmp_path: Path) -> None:
    params = Tokenizer(**TOKENIZER)
    with pytest.raises(InputError, match="holds no target text of language 'nah'"):
        tokenizer(params, ("nah",), LANGUAGES, corpus(), corpus(), tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match=r"holds no tokenizer.json, so tokenizer.new_tokens must"):
        tokenizer(params, ("nah",), LANGUAGES, corpus("a"), corpus(), tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"new_tokens": 0}, "new_tokens must be at least 1, or null for none, got 0"),
        ({"own_tokens": 3}, "own_tokens at least 300"),
        ({"resamples": 3}, "resamples at least 100"),
        ({"segment": "bpe"}, "morfessor"),
        ({"initialise": "random"}, "mean"),
    ],
)
def test_settings_say_what_is_wrong(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Tokenizer(**{**TOKENIZER, **changed})
