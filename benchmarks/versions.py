"""`milpa diff` and `milpa why` over a million rows: seconds, CPU seconds and peak memory.

`python -m benchmarks.versions FOLDER [ROWS]` makes a project of two versions under git and DVC in
FOLDER, if it is not there, then runs each command three times. Its rows are random words: 1 % are
removed, 1 % added, 2 % edited (in one character, so that their ids change), in every stage from
gather to mix; 1 % are decided otherwise, and all scores of one stage differ.
"""

import itertools
import resource
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path

import numpy as np
import pyarrow as pa
import yaml

from corpus import minhash
from corpus.orthography import matching_key
from corpus.table import SCHEMA, place, row_id, write

GRAPH = {
    "gather": [],
    "clean": ["gather"],
    "identify": ["clean"],
    "assess": ["clean"],
    "dedup": ["clean"],
    "spelling": ["clean"],
    "bitext": ["clean"],
    "select": ["clean", "identify", "assess", "dedup", "bitext"],
    "split": ["clean", "select"],
    "mix": ["split"],
}
MEASURES = ("target_length", "target_letters", "target_script", "source_length", "length_ratio")
MOST_BYTES = 100_000_000
RUNS = 3


def segments(count: int) -> tuple[list[str], list[str]]:
    """Random targets and sources of 4 to 17 words, Zipf's law among the words."""
    chance = np.random.default_rng(1)
    letters = list("aeioutlkmnpqcsxyzhāēīō")
    words = np.array(["".join(chance.choice(letters, chance.integers(2, 9))) for _ in range(30000)])
    sizes = chance.integers(4, 18, count)
    stream = words[chance.zipf(1.3, sizes.sum()) % len(words)]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    targets = [" ".join(stream[a:b]) for a, b in itertools.pairwise(ends)]
    return targets, [target[::-1] for target in targets]


def version(targets: list[str], sources: list[str], places: list[int], salt: float) -> None:
    """Write all tables of a version into data."""
    ids = [row_id("axolotl", s, t, p) for s, t, p in zip(sources, targets, places, strict=True)]
    count = len(ids)
    same = {
        "id": ids,
        "document": [f"book {p // 2000}" for p in places],
        "position": [p % 2000 for p in places],
        "source": sources,
        "target": targets,
        "source_language": ["spa_Latn"] * count,
        "language": ["nci_Latn" if p % 3 else "azz_Latn" for p in places],
        "origin": ["axolotl"] * count,
        "licence": ["CC0-1.0"] * count,
        "parent": [None] * count,
    }
    rows = pa.table(same, schema=SCHEMA)
    key = matching_key(None)
    keys = minhash.whole_hashes([key(target) for target in targets])[:, 0]
    chance = np.random.default_rng(7)
    score = np.round(chance.random(2 * count)[np.asarray(places) % (2 * count)], 4)
    kept = np.array([place("kept", i) < 0.9 for i in ids]) ^ (score < 0.01 * salt)
    split = np.array([place("split", i) < 0.8 for i in ids])
    narrow = dict.fromkeys(MEASURES, score)
    tables = {
        "gather/rows": rows,
        "gather/ledger": verdicts("gather", ids, np.ones(count, bool)),
        "clean/rows": rows,
        "clean/ledger": verdicts("clean", ids, np.ones(count, bool)),
        "identify/scores": pa.table({"id": ids, "language_score": score + salt}),
        "assess/scores": pa.table({"id": ids, **narrow}),
        "dedup/clusters": pa.table({"id": ids, "cluster": ids, "group": ids, "similarity": score}),
        "dedup/keys": pa.table({"id": ids, "target": keys, "source": keys}),
        "spelling/scores": pa.table(
            {"id": ids, "orthography": ["ack"] * count, "score": score, "signs": [2] * count}
        ),
        "bitext/scores": pa.table({"id": ids, "pair_score": score}),
        "select/ledger": verdicts("select", ids, kept),
        "mix/ledger": verdicts("mix", rows.filter(pa.array(kept & split))["id"].to_pylist(), None),
    }
    for name, some in (("train", kept & split), ("test", kept & ~split)):
        part = rows.filter(pa.array(some))
        tables[f"split/{name}"] = part.append_column("split", pa.array([name] * len(part)))
    tables["mix/nah/rows"] = tables["split/train"].append_column(
        "weight", pa.array(np.ones(len(tables["split/train"])))
    )
    for name, table in tables.items():
        write(table, Path("data") / name, MOST_BYTES)


def verdicts(stage: str, ids: list[str], kept: np.ndarray | None) -> pa.Table:
    """A ledger."""
    keep = np.ones(len(ids), bool) if kept is None else kept
    reason = [None if k else "target length too low" for k in keep]
    empty = pa.nulls(len(ids), pa.string())
    columns = [ids, [stage] * len(ids), keep, reason, empty, empty]
    return pa.table(columns, ["id", "stage", "kept", "reason", "value", "limit"])


def make(folder: Path, count: int) -> None:
    """The project with its two versions, v1 and v2."""
    folder.mkdir(parents=True)
    params = (Path(__file__).parent.parent / "params.yaml").read_bytes()
    with chdir(folder):
        call("git", "init", "-b", "main")
        call("dvc", "init")
        stages = {
            name: {"cmd": "true", "deps": [f"data/{d}" for d in deps], "outs": [f"data/{name}"]}
            for name, deps in GRAPH.items()
        }
        Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
        Path("params.yaml").write_bytes(params)
        targets, sources = segments(count + count // 100)
        places = list(range(len(targets)))
        chance = np.random.default_rng(2).random(len(targets))
        version(targets[:count], sources[:count], places[:count], 0.0)
        commit("v1")
        for number in np.flatnonzero(chance < 0.02):
            targets[number] = f"{targets[number][:3]}ʼ{targets[number][4:]}"
        stay = [p for p in places if chance[p] < 0.99]
        version([targets[p] for p in stay], [sources[p] for p in stay], stay, 1.0)
        commit("v2")


def commit(tag: str) -> None:
    """What lies there as a version."""
    call("dvc", "commit", "--force")
    call("git", "add", "--all")
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    call("git", *who, "commit", "-m", tag)
    call("git", "tag", tag)


def call(*words: str) -> None:
    """Run a command that must succeed; dvc is that of this Python."""
    first = [sys.executable, "-m", "dvc"] if words[0] == "dvc" else [words[0]]
    subprocess.run([*first, *words[1:]], check=True, capture_output=True)


def timed(*words: str) -> None:
    """Print what a command takes, each run, and the last line that it says."""
    code = "from corpus.cli import main; main()"
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
        took = time.perf_counter() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        said = (done.stdout or done.stderr).splitlines()
        print(f"milpa {' '.join(words)[:60]}: {took:.2f} s, {spent:.2f} CPU-s, {len(said)} lines")
    print(f"  most memory of any so far {after.ru_maxrss / 1024:.0f} MB; last line {said[-1]!r}")


def main() -> None:
    """Make the project where it is missing, then measure."""
    folder = Path(sys.argv[1]).resolve()
    if not folder.exists():
        make(folder, int(sys.argv[2]) if sys.argv[2:] else 1_000_000)
    with chdir(folder):
        import pyarrow.parquet as pq

        some = pq.ParquetFile(sorted(Path("data/clean/rows").glob("*.parquet"))[-1])
        line = some.read_row_group(some.num_row_groups - 1, ["id", "target"]).slice(5, 1)
        timed("why", line["id"][0].as_py())
        timed("why", line["target"][0].as_py().upper())
        timed("why", line["id"][0].as_py(), "--revisions")
        timed("diff", "v1", "v2", "gather")
        timed("diff", "v1", "v2")


if __name__ == "__main__":
    main()
