"""Prints how well planted false pairs are found, and what leaving them out does for a translator.

`python -m benchmarks.bitext nah auc data/split/train 0.1 0.3 0.5` and `… nah chrf data/split/train
0.5`, after `dvc repro split`; areas under the curve for any rows and their clusters.
Plants false pairs among the training pairs of a language; the stage then sees the noisy corpus as a
user's: all of it trusted, no one knows which pairs are false, and the foreign text is of languages
that it has not met. Beside it: length alone, alignment alone, and rules without learning in the
manner of Bicleaner's hard rules. Then the same with few trusted pairs, known to be true.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from augment.engines import thot
from augment.translation import best_texts
from corpus import settings
from corpus.alignment import Numbers
from corpus.bitext import SURE, Bitext, Judged, foreign, judge, lowest, row_of
from corpus.declarations import read_others
from corpus.false_pairs import KINDS, Row, planted
from corpus.logistic import Floats, Mask, auc
from corpus.orthography import matching_key
from corpus.pairs import MEASURES, Key
from corpus.settings import owner_of
from corpus.shards import Shards, map_shards
from corpus.table import place, read
from train.scores import chrf_score, chrf_statistics
from train.statistics import compare, interval

FEW = 300  # trusted pairs of the run with few
TRAINED, TESTED = 2500, 300  # pairs of the translators
MOST_TOKENS = 60  # of a side of a pair that a translator learns from
DRAW = (1000, 0)  # resamples and seed
OTHERS = Path("data/raw/udhr.jsonl.xz")


def show(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def noisy(rows: Sequence[Row], share: float, texts: Sequence[str]) -> tuple[list[Row], list[str]]:
    """The rows, a share of them made false, and the kind of each; the kind of a true row is ''."""
    made = {
        false.row: false
        for false in planted(rows, texts, 1, "benchmark")
        if place("noise", rows[false.row].id) < share
    }
    mixed = [
        row._replace(source=made[n].pair[0], target=made[n].pair[1]) if n in made else row
        for n, row in enumerate(rows)
    ]
    return grouped(mixed), [made[n].kind if n in made else "" for n in range(len(rows))]


def grouped(rows: Sequence[Row]) -> list[Row]:
    """The rows with the groups that dedup would find: rows that share a text are in one."""
    names: dict[tuple[str, str], int] = {}
    tags = [[("group", row.group), ("source", row.source), ("target", row.target)] for row in rows]
    ends = [
        [n, len(rows) + names.setdefault(t, len(names))] for n, of in enumerate(tags) for t in of
    ]
    size = len(rows) + len(names)
    left, right = np.array(ends).T
    graph = coo_array((np.ones(len(left)), (left, right)), (size, size))
    labels = connected_components(graph, directed=False)[1]
    return [row._replace(group=str(label)) for row, label in zip(rows, labels, strict=False)]


def rules(found: Judged) -> dict[str, Floats]:
    """Scores without learning: closeness to the usual length, and how few rules are broken."""
    column = {name: found.measures[:, n] for n, name in enumerate(MEASURES)}
    broken = [
        column["length_gap"] > np.log(2),
        column["shared_words"] > 0.5,
        column["numbers_missing"] > 0,
        column["names_missing"] > 0.5,
        column["other_end"] > 0,
        column["target_leans"] < 0,
        column["source_leans"] < 0,
    ]
    return {
        "length alone": -column["length_gap"],
        "rules": -np.sum(broken, axis=0, dtype=np.float64) - 1e-3 * column["length_gap"],
        "alignment alone": column["evidence_target"] + column["evidence_source"],
    }


def proof(name: str, scores: Floats, kinds: Numbers) -> None:
    """One line of areas under the curve, over all and by kind."""
    true = scores[kinds == ""]
    whole = auc(true, scores[kinds != ""])
    parts = [f"{k} {auc(true, scores[kinds == k])['value']:.3f}" for k in KINDS]
    show(f"  {name}: AUC {whole['value']:.4f} [{whole['low']:.4f}, {whole['high']:.4f}]; "
         + ", ".join(parts))  # fmt: skip


def decisions(scores: Floats, kinds: Numbers) -> None:
    """What limits drop of the false and of the true pairs."""
    for limit in (0.1, 0.2, 0.3, SURE):
        drop, false = scores < limit, kinds != ""
        precision = (drop & false).sum() / max(drop.sum(), 1)
        show(f"  below {limit}: {drop[false].mean():.3f} of the false pairs, "
             f"{drop[~false].mean():.3f} of the true; precision {precision:.3f}")  # fmt: skip


def translators(
    rows: Sequence[Row], scores: Floats, kinds: Numbers, test: Sequence[Row], shards: Shards
) -> None:
    """chrF++ of translators that learn from all, from what passes, as many at random, the true."""
    order = np.array([place("train", row.id) for row in rows])
    short = [n for n, row in enumerate(rows) if most_tokens(row) <= MOST_TOKENS]
    chosen = lowest(np.array(short), order, TRAINED)
    passing = chosen[scores[chosen] >= SURE]
    sets = {
        "all": chosen,
        "passing": passing,
        "as many at random": lowest(chosen, order, len(passing)),
        "true": chosen[kinds[chosen] == ""],
    }
    jobs = [
        ([(rows[n].source, rows[n].target) for n in some], [row.source for row in test])
        for some in sets.values()
    ]
    found = {}
    for name, made in zip(sets, map_shards(translated, jobs, shards, "translators"), strict=True):
        some = sets[name]
        found[name] = np.array(
            [chrf_statistics(m, row.target) for m, row in zip(made, test, strict=True)]
        )
        value = interval(found[name], chrf_score, *DRAW)
        false = np.mean(kinds[some] != "")
        show(f"  translator from {name}: {len(some)} pairs, {false:.3f} of them false, chrF++ "
             f"{value['value']:.2f} [{value['least']:.2f}, {value['most']:.2f}]")  # fmt: skip
    for new, old in (("passing", "all"), ("passing", "as many at random"), ("passing", "true")):
        gap = compare(found[new], found[old], chrf_score, True, DRAW)
        show(f"  {new} less {old}: {gap['difference']:+.2f} [{gap['least']:+.2f}, "
             f"{gap['most']:+.2f}], {gap['verdict']}")  # fmt: skip


def translated(job: tuple[list[tuple[str, str]], list[str]]) -> list[str]:
    """What a translator that learns from these pairs makes of these sources."""
    pairs, sources = job
    with tempfile.TemporaryDirectory() as work:
        thot.train(pairs, Path(work))
        return best_texts(thot.load(Path(work))(sources))


def most_tokens(row: Row) -> int:
    """Tokens of the longer side."""
    return max(len(thot.tokens(side)) for side in (row.source, row.target))


def pairs_of(folder: str, name: str, known: settings.Languages) -> tuple[list[Row], list[Any]]:
    """The pairs of a language in a table, and all its rows."""
    clusters = read(Path("data/dedup/clusters"))
    groups = dict(zip(clusters["id"].to_pylist(), clusters["group"].to_pylist(), strict=True))
    facts = read(Path(folder)).to_pylist()
    key = matching_key(known[name].orthography)
    mine = [f for f in facts if owner_of(f["language"], known) == name]
    whole = [f for f in mine if key(f["source"] or "") and key(f["target"] or "")]
    return [row_of(f, groups) for f in whole], facts


def main(name: str, figure: str, folder: str, *shares: str) -> None:
    """Print the figures for each share of false pairs."""
    tree = settings.load()
    _, known = settings.languages(tree)
    setup = (settings.section(Bitext, "bitext", tree), settings.section(Shards, "shards", tree))
    key = matching_key(known[name].orthography)
    rows, facts = pairs_of(folder, name, known)
    owners = {fact["language"]: owner_of(fact["language"], known) for fact in facts}
    near = foreign(facts, owners, name)
    ours = {code for language in known.values() for code in language.varieties}
    far = [f["text"] for f in read_others(OTHERS) if f["iso639_3"] not in ours]
    far = sorted(far, key=lambda text: place("far", text))
    for share in map(float, shares):
        mixed, labels = noisy(rows, share, far)
        worded = [n for n, row in enumerate(mixed) if key(row.source) and key(row.target)]
        mixed, kinds = [mixed[n] for n in worded], np.array(labels)[worded]
        show(f"{name}: {len(mixed)} pairs, {np.mean(kinds != ''):.3f} of them false")
        found = judge(mixed, np.ones(len(mixed), np.bool_), near, key, setup)
        if figure == "auc":
            proof("pair_score", found.scores, kinds)
            for other, scores in rules(found).items():
                proof(other, scores, kinds)
            few(mixed, kinds, near, key, setup)
        decisions(found.scores, kinds)
        if figure == "chrf":
            test = lowest_rows(pairs_of("data/split/test", name, known)[0], TESTED)
            translators(mixed, found.scores, kinds, test, setup[1])


def few(
    rows: Sequence[Row], kinds: Numbers, near: Sequence[str], key: Key, setup: tuple[Bitext, Shards]
) -> None:
    """The same where only a few pairs, known to be true, are trusted."""
    order = np.array([place("few", row.id) for row in rows])
    some = lowest(np.flatnonzero(kinds == ""), order, FEW)
    trusted: Mask = np.isin(np.arange(len(rows)), some)
    found = judge(rows, trusted, near, key, (replace(setup[0], copies=7), setup[1]))
    proof(f"pair_score, {FEW} trusted pairs", found.scores[~trusted], kinds[~trusted])


def lowest_rows(rows: Sequence[Row], most: int) -> list[Row]:
    """Those of lowest hash."""
    return sorted(rows, key=lambda row: (place("test", row.id), row.id))[:most]


if __name__ == "__main__":
    main(*sys.argv[1:])
