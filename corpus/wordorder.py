"""The order of words of every row, by what the documents of other folds teach (fluency.py)."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.fluency import trained, word_order
from corpus.folds import ALL, deal
from corpus.settings import Languages, owner_of, settings
from corpus.shards import Shards, map_shards
from corpus.table import digest, read_shard, shard_paths, write_shard

PLACED = ["id", "document", "position", "target", "language", "origin"]


@settings
class Order:
    """How the order of words is learned."""

    folds: int  # of documents, each scored by what was learned from the others
    least_rows: int  # trusted rows of an active language; with fewer nothing is learned
    most_rows: int  # trusted rows that are learned from, those of lowest hash
    seed: int  # of the shuffles that it is told from

    def __post_init__(self) -> None:
        if self.folds < 2 or not self.folds <= self.least_rows <= self.most_rows:
            raise ValueError(f"need 2 <= folds <= least_rows <= most_rows, got {self}")


def trusted_text(rows: Path, trusted: list[str], languages: Languages) -> pa.Table:
    """The targets of trusted rows with the language they are of, in the order of their ids."""
    known = pa.array(trusted, pa.string())
    shards = [read_shard(path, PLACED) for path in shard_paths(rows)]
    table = pa.concat_tables([s.filter(pc.is_in(s["origin"], value_set=known)) for s in shards])
    keys = {code: owner_of(code, languages) for code in pc.unique(table["language"]).to_pylist()}
    owners = pa.array([keys[code] for code in table["language"].to_pylist()], pa.string())
    table = table.append_column("key", owners)
    return table.filter(pc.and_(table["target"].is_valid(), table["key"].is_valid())).sort_by("id")


def folded(table: pa.Table, folds: int) -> pa.Table:
    """The rows with a fold of documents each, dealt for each language."""
    places = [
        (row["key"], f"{row['origin']}/{row['document']}", row["position"] or 0)
        for row in table.select(["key", "origin", "document", "position"]).to_pylist()
    ]
    return table.append_column("fold", pa.array(deal(places, folds), pa.int64()))


def learn_order(task: tuple[str, int, list[str]], models: Path, seed: int) -> None:
    """Learn a language's order of words without a fold; what is learned is a file."""
    key, fold, texts = task
    place = order_of(models, key, fold)
    place.parent.mkdir(parents=True, exist_ok=True)
    np.save(place, trained(texts, seed))


def lessons(
    table: pa.Table, crawled: set[str], active: tuple[str, ...], params: Order
) -> Iterator[tuple[str, int, list[str]]]:
    """For each active language with enough trusted text, the texts of all folds but one.

    Those of ALL, which are what rows of no fold are held against, only where there are such rows.
    """
    for key in sorted(active):
        rows = table.filter(pc.equal(table["key"], key))
        ids, texts, folds = (rows[name].to_pylist() for name in ("id", "target", "fold"))
        order = sorted(range(len(ids)), key=lambda n: digest(ids[n]))
        for fold in (*([ALL] if key in crawled else []), *range(params.folds)):
            if len(rows) >= params.least_rows:
                some = [texts[n] for n in order if folds[n] != fold]
                yield key, fold, some[: params.most_rows]


def score_order(
    path: Path, folder: Path, models: Path, folds: dict[str, int], languages: Languages
) -> None:
    """Write the fold and the odds of the order of words of a shard's rows."""
    rows = read_shard(path, ["id", "target", "language"])
    keys = {code: owner_of(code, languages) for code in pc.unique(rows["language"]).to_pylist()}
    targets, fold_of = rows["target"].to_pylist(), [folds.get(i) for i in rows["id"].to_pylist()]
    places: dict[Path, list[int]] = {}
    for n, code in enumerate(rows["language"].to_pylist()):
        if targets[n]:
            places.setdefault(order_of(models, str(keys[code]), fold_of[n]), []).append(n)
    odds = np.full(len(rows), np.nan)
    for model, some in places.items():
        if model.exists():
            odds[some] = word_order(np.load(model), [targets[n] for n in some])
    columns = pa.array(odds, from_pandas=True), pa.array(fold_of, pa.int64())
    write_shard(pa.table(columns, ["word_order", "fold"]), folder / path.name)


def order_of(models: Path, key: str, fold: int | None) -> Path:
    """The file of a language's order of words that has not seen a fold."""
    return models / key / f"fold{ALL if fold is None else fold}.npy"


def in_order(  # noqa: PLR0913
    paths: list[Path],
    scores: pa.Table,
    text: pa.Table,
    params: Order,
    active: tuple[str, ...],
    languages: Languages,
    shards: Shards,
    out: Path,
) -> None:
    """Learn the order of words (`order`) and write the odds of each shard's rows (`odds`)."""
    folds = dict(zip(text["id"].to_pylist(), text["fold"].to_pylist(), strict=True))
    known = pc.is_in(scores["id"], value_set=text["id"].combine_chunks())
    codes = pc.unique(scores.filter(pc.invert(known))["language"]).to_pylist()
    crawled = {key for code in codes if (key := owner_of(code, languages))}
    tasks = [*lessons(text, crawled, active, params)]
    learn = partial(learn_order, models=out / "order", seed=params.seed)
    map_shards(learn, tasks, shards, "word order")
    odds = partial(
        score_order, folder=out / "odds", models=out / "order", folds=folds, languages=languages
    )
    map_shards(odds, paths, shards, "assess order")
