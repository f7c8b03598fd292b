"""Cost of the dedup stage: documents of 1 KB per CPU-second and its peak memory.

`python -m benchmarks.dedup 1000000` makes that many documents in a temporary folder, 5 % of them
equal to and 10 % near an earlier one, runs the stage as a program of one process and prints what it
took. Cost of making the documents is not in the figures; start-up, reading and writing are.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml
from tqdm import tqdm

from corpus.table import SCHEMA, write_shard

ROOT = Path(__file__).parent.parent
WORDS, SHARD, CHARACTERS = 50_000, 100_000, 1000
SYLLABLES = [c + v + e for c in "chmntpkqxyz" for v in "aeio" for e in ("", "n", "tl", "uh")]


def vocabulary(random: np.random.Generator) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Words of one to five syllables, and the cumulative share of each: Zipf's law."""
    lengths = random.integers(1, 6, WORDS)
    words = ["".join(random.choice(SYLLABLES, length)) for length in lengths]
    share = 1 / np.arange(1, WORDS + 1)
    return words, np.cumsum(share / share.sum())


def near_copy(text: str, words: list[str], random: np.random.Generator) -> str:
    """The document with 1 to 5 % of its words replaced."""
    tokens = text.split(" ")
    count = max(1, round(len(tokens) * random.uniform(0.01, 0.05)))
    for place in random.integers(0, len(tokens), count):
        tokens[place] = words[random.integers(0, WORDS)]
    return " ".join(tokens)


def documents(count: int, seed: int) -> list[str]:
    """Documents of about 1 KB; some repeat an earlier one of the list."""
    random = np.random.default_rng(seed)
    words, shares = vocabulary(np.random.default_rng(0))
    texts: list[str] = []
    for kind in random.random(count):
        if texts and kind < 0.15:
            earlier = texts[random.integers(0, len(texts))]
            texts.append(earlier if kind < 0.05 else near_copy(earlier, words, random))
            continue
        chosen = np.searchsorted(shares, random.random(CHARACTERS // 4))
        text = " ".join([words[place] for place in chosen.tolist()])
        texts.append(text[:CHARACTERS].rsplit(" ", 1)[0])
    return texts


def make(folder: Path, count: int) -> None:
    """A table of `count` documents."""
    for number, first in enumerate(tqdm(range(0, count, SHARD), "make")):
        texts = documents(min(SHARD, count - first), number)
        rows: dict[str, Any] = {name: [None] * len(texts) for name in SCHEMA.names}
        rows |= {"id": [f"{first + row:020x}" for row in range(len(texts))], "target": texts}
        write_shard(pa.table(rows, SCHEMA), folder / f"{number:05}.parquet")


def measure(folder: Path) -> dict[str, Any]:
    """Run the stage on folder/rows with one worker; what it took."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    tree["shards"] |= {"workers": 1, "runner": "pool"}
    (folder / "params.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    command = [sys.executable, "-m", "corpus.dedup", "rows=rows", "out=out", "report=report.json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=folder, env=environment, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_megabytes": used.ru_maxrss // 1024,
        "report": json.loads((folder / "report.json").read_text("utf-8")),
    }


def main() -> None:
    """Make, measure, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        make(Path(name) / "rows", count)
        taken = measure(Path(name))
    taken |= {"documents": count, "per_cpu_second": round(count / taken["cpu_seconds"])}
    print(json.dumps(taken, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
