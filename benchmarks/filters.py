"""Prints what filters keep and catch: `python -m benchmarks.filters`, after `dvc repro challenge`.

First what planted junk and trusted text come to under the project's limits, beside Gopher's rules
on the same rows (Rae et al. 2021, https://arxiv.org/abs/2112.11446). Then what limits learned from
a few trusted rows of a variety keep of its other documents, with and without its language's rows.
"""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.assess import RULES
from corpus.limits import Learning, limits_of
from corpus.settings import languages, load, owner_of
from corpus.table import digest, place, read

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
SIZES = (50, 200, 500)
DRAWS = 5


def gopher(text: str) -> bool:
    """Whether Gopher's rules for words keep a text; those for lines need documents."""
    words = text.split()
    return (
        50 <= len(words) <= 100000
        and 3 <= sum(map(len, words)) / len(words) <= 10
        and (text.count("#") + text.count("...") + text.count("…")) / len(words) <= 0.1
        and sum(any(map(str.isalpha, word)) for word in words) / len(words) >= 0.8
        and len(STOP_WORDS & set(text.lower().split())) >= 2
    )


def sides() -> None:
    """Print the shares caught by kind and kept by variety."""
    query = (
        "select {0}, trusted, sum({1}) / sum(rows), sum(rows) from 'data/challenge/{2}/*.parquet' "
        "where rule = 'any' group by all order by all"
    )
    for what in (("kind", "caught", "caught"), ("language", "kept", "kept")):
        for name, trusted, share, rows in duckdb.execute(query.format(*what)).fetchall():
            kind = "trusted" if trusted else "untrusted"
            print(f"{what[1]}, {kind} limits: {name} {share:.3f} of {rows:.0f}")
    junk = read(Path("data/challenge/junk"))["target"].to_pylist()
    rows = read(Path("data/clean/rows"), ["target", "language"]).to_pylist()
    active, known = languages(load())
    text = [r["target"] for r in rows if r["target"] and owner_of(r["language"], known) in active]
    caught = np.mean([not gopher(t) for t in junk])
    print(
        f"Gopher: catches {caught:.3f} of junk, keeps {np.mean([*map(gopher, text)]):.4f} of text"
    )


def kept(scores: pa.Table, limits: list[dict[str, object]]) -> float:
    """The share of rows within all limits."""
    good = np.ones(len(scores), dtype=bool)
    for row in limits:
        values = scores[str(row["rule"])].to_numpy()
        good &= ~((values < row.get("least", -np.inf)) | (values > row.get("most", np.inf)))
    return float(good.mean())


def shrinkage() -> None:
    """Print what limits from few rows of half of a variety's documents keep of the other half."""
    rows = read(Path("data/clean/rows"), ["id", "document", "language"])
    scores = read(Path("data/assess/scores"))
    scores = scores.append_column("language", rows["language"])
    half = [place("half", name or "") < 0.5 for name in rows["document"].to_pylist()]
    _, known = languages(load())
    codes = pc.unique(rows["language"]).to_pylist()
    for code in sorted(codes):
        mine = pc.equal(scores["language"], code)
        here = scores.filter(pc.and_(mine, pa.array(half)))
        there = scores.filter(pc.and_(mine, pc.invert(pa.array(half))))
        if min(len(here), len(there)) < SIZES[0]:
            continue
        near = [c for c in codes if owner_of(c, known) == owner_of(code, known) and c != code]
        others = {c: scores.filter(pc.equal(scores["language"], c)) for c in near}
        for size in (n for n in SIZES if n <= len(here)):
            shares: dict[int, list[float]] = {}
            for draw in range(DRAWS):
                order = sorted(range(len(here)), key=lambda n: digest(str(draw), str(n)))
                seed = here.take(order[:size])
                for prior in (0, 30, 100, 300):
                    how = Learning({"default": 0.998, "word_order": 0.98}, prior or 1, 1, {})
                    lent = others if prior else {}
                    made = limits_of("all", {code: seed}, lent, RULES, how)
                    own = [row for row in made if row["language"] == code]
                    shares.setdefault(prior, []).append(kept(there, own))
            said = ", ".join(
                f"prior_rows {prior}: {np.mean(some):.3f} [{min(some):.3f}, {max(some):.3f}]"
                for prior, some in shares.items()
            )
            print(f"{code}, {size} rows, kept of {len(there)} of other documents: {said}")


if __name__ == "__main__":
    sides()
    shrinkage()
