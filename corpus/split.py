"""Train, validation and test by near-duplicate group and document, drawn by hash.

A group (rows near to each other on either side) is drawn whole, by its name; in the origins of
`whole_documents` a document is. A group whose rows were drawn apart, through the documents they
stand in, goes to train whole: a document may lose rows to train, never leak. A language that would
have no row in train has them all there, and then no test set, which the report names.

What dedup missed is looked for exactly: held-out rows near to a training row go to train with their
group. That is a repair of a few; more than `most_missed` of them mean that something is broken.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.leak import near_pairs
from corpus.orthography import matching_key
from corpus.settings import Languages, owner_of, settings
from corpus.stage import Output, run
from corpus.table import InputError, counts, differ, place

Ints = npt.NDArray[np.int64]
NAMES = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)


@settings
class Split:
    """The sizes of the splits and what must not be cut."""

    test_share: float  # of groups or documents, 0..1
    validation_share: float  # of groups or documents, 0..1; train is the rest
    whole_documents: tuple[str, ...]  # origins whose documents are drawn whole
    similarity: float  # Jaccard of the keys' five-character shingles from which rows leak
    most_missed: float  # share of held-out rows that dedup may have missed, 0..1

    def __post_init__(self) -> None:
        if min(self.test_share, self.validation_share) < 0 or self.held_out >= 1:
            raise ValueError(
                f"test_share and validation_share must leave rows for train, got {self}"
            )
        if not 0 < self.similarity <= 1:
            raise ValueError(f"similarity must be above 0 and at most 1, got {self.similarity}")
        if not 0 <= self.most_missed <= 1:
            raise ValueError(f"most_missed must be from 0 to 1, got {self.most_missed}")

    @property
    def held_out(self) -> float:
        """The share that is not for training."""
        return self.test_share + self.validation_share


def split(
    rows: pa.Table, ledger: pa.Table, clusters: pa.Table, params: Split, languages: Languages
) -> Output:
    """The rows that select kept as `train`, `validation` and `test`, each with its split's name.

    Raises:
        InputError: no row was kept.
        RuntimeError: a row is lost, or a held-out row is near to a training row.
    """
    kept = ledger.filter(ledger["kept"])["id"]
    if not len(kept):
        raise InputError(
            f"none of the {len(ledger)} rows was kept; reports/select.json says why, "
            "select.limits in params.yaml says how"
        )
    rows = rows.filter(pc.is_in(rows["id"], value_set=kept.combine_chunks()))
    group = groups_of(rows, clusters)
    drawn = units(rows, group, params)
    apart = whole_groups(drawn, group)
    alone = whole_languages(drawn, rows, languages)
    missed = repair(drawn, group, keys(rows, languages), params.similarity)
    check_missed(rows, missed, int((drawn != TRAIN).sum()), params)
    tables = {name: part(rows, drawn == number, name) for number, name in enumerate(NAMES)}
    written = pa.chunked_array([c for t in tables.values() for c in t["id"].chunks], pa.string())
    differ("split", "were kept", kept, "were written", written)
    check_leaks(tables, languages, params.similarity)
    figures = {"group_drawn_apart": apart, "language_without_train": alone, "missed": len(missed)}
    return Output(
        tables,
        {
            "rows": {name: len(table) for name, table in tables.items()},
            "by_split": {n: counts(t, "language", "origin") for n, t in tables.items()},
            "moved_to_train": figures,
            "empty": empty(tables, languages),
        },
    )


def groups_of(rows: pa.Table, clusters: pa.Table) -> pa.Array:
    """The group of each row.

    Raises:
        RuntimeError: a row has none.
    """
    places = pc.index_in(rows["id"], value_set=clusters["id"].combine_chunks())
    if places.null_count:
        raise RuntimeError(f"split: {places.null_count} rows have no group")
    return clusters["group"].take(places).combine_chunks()


def units(rows: pa.Table, group: pa.Array, params: Split) -> Ints:
    """The split that each row's document or group draws."""
    documents = pc.binary_join_element_wise(rows["origin"], rows["document"], "\n")
    origins = pa.array(params.whole_documents, pa.string())
    whole = pc.and_(pc.is_in(rows["origin"], value_set=origins), pc.is_valid(documents))
    names = pc.if_else(whole, documents, group)
    names = names.combine_chunks() if isinstance(names, pa.ChunkedArray) else names
    coded = names.dictionary_encode()
    draws = np.array([place("split", name) for name in coded.dictionary.to_pylist()])
    found: Ints = np.full(len(draws), TRAIN, dtype=np.int64)
    found[draws < params.held_out] = VALIDATION
    found[draws < params.test_share] = TEST
    chosen: Ints = found[coded.indices.to_numpy()]
    return chosen


def whole_groups(drawn: Ints, group: pa.Array) -> int:
    """Move groups that were drawn apart to train; return how many rows moved."""
    codes = group.dictionary_encode().indices.to_numpy()
    least, most = np.full(len(codes), TEST), np.full(len(codes), TRAIN)
    np.minimum.at(least, codes, drawn)
    np.maximum.at(most, codes, drawn)
    return to_train(drawn, (least != most)[codes])


def whole_languages(drawn: Ints, rows: pa.Table, languages: Languages) -> int:
    """Move languages without a row in train there; return how many rows moved."""
    keys = [owner_of(code, languages) or code for code in rows["language"].to_pylist()]
    trained = {key for key, number in zip(keys, drawn, strict=True) if number == TRAIN}
    return to_train(drawn, np.array([key not in trained for key in keys], dtype=bool))


def to_train(drawn: Ints, chosen: npt.NDArray[np.bool_]) -> int:
    """Move rows to train; return how many were elsewhere."""
    moved = int((drawn[chosen] != TRAIN).sum())
    drawn[chosen] = TRAIN
    return moved


def keys(rows: pa.Table, languages: Languages) -> list[list[str]]:
    """The keys of targets, by their language's orthography, and of sources, by the safe default."""
    by_code: dict[str | None, Callable[[str], str]] = {}
    for code in pc.unique(rows["language"]).to_pylist():
        owner = owner_of(code, languages)
        by_code[code] = matching_key(languages[owner].orthography if owner else None)
    columns = zip(rows["target"].to_pylist(), rows["language"].to_pylist(), strict=True)
    plain = matching_key(None)
    return [
        [by_code[code](text) if text else "" for text, code in columns],
        [plain(text) if text else "" for text in rows["source"].to_pylist()],
    ]


def repair(
    drawn: Ints, group: pa.Array, keys: list[list[str]], similarity: float
) -> list[tuple[int, int]]:
    """Move held-out rows near to a training row there, with their groups, until none is left.

    Returns:
        A training row and the held-out row that was near to it, for each that moved so.
    """
    codes = group.dictionary_encode().indices.to_numpy()
    missed: dict[int, int] = {}
    while pairs := near_rows(drawn, keys, similarity):
        missed |= {held: trained for trained, held in pairs}
        drawn[np.isin(codes, codes[[held for _, held in pairs]])] = TRAIN
    return sorted((trained, held) for held, trained in missed.items())


def near_rows(drawn: Ints, keys: list[list[str]], similarity: float) -> list[tuple[int, int]]:
    """Training rows and the held-out rows that are near to them on either side."""
    train, held = np.flatnonzero(drawn == TRAIN), np.flatnonzero(drawn != TRAIN)
    found = []
    for side in keys:
        left, right = near_pairs([side[n] for n in train], [side[n] for n in held], similarity)
        found += list(zip(train[left].tolist(), held[right].tolist(), strict=True))
    return found


def check_missed(
    rows: pa.Table, missed: list[tuple[int, int]], held_out: int, params: Split
) -> None:
    """Check that dedup missed few.

    Raises:
        RuntimeError: it missed more than `most_missed` of the held-out rows.
    """
    if len(missed) > params.most_missed * (held_out + len(missed)):
        pairs = [rows["id"].take(pair).to_pylist() for pair in missed[:3]]
        raise RuntimeError(
            f"split: {len(missed)} held-out rows leak into train through near-duplicates that "
            f"dedup missed, of {held_out + len(missed)}; most_missed is {params.most_missed}: "
            f"{pairs}"
        )


def check_leaks(tables: dict[str, pa.Table], languages: Languages, similarity: float) -> None:
    """Check that no row of validation or test is near to one of train, on either side.

    Raises:
        RuntimeError: one is; names up to three pairs.
    """
    whole = pa.concat_tables([tables[name] for name in NAMES])
    drawn = np.repeat(range(3), [len(tables[name]) for name in NAMES])
    if pairs := near_rows(drawn, keys(whole, languages), similarity):
        ids = [whole["id"].take(pair).to_pylist() for pair in pairs[:3]]
        raise RuntimeError(f"split: {len(pairs)} training rows are near to held-out rows: {ids}")


def part(rows: pa.Table, chosen: npt.NDArray[np.bool_], name: str) -> pa.Table:
    """The chosen rows with the name of their split."""
    some = rows.filter(pa.array(chosen))
    return some.append_column("split", pa.repeat(pa.scalar(name), len(some)))


def empty(tables: dict[str, pa.Table], languages: Languages) -> list[str]:
    """Languages that have rows but none in a split, as `nah: test`: evaluate cannot judge them."""
    owners = {
        name: {owner_of(code, languages) for code in pc.unique(table["language"]).to_pylist()}
        for name, table in tables.items()
    }
    known = sorted(key for key in set().union(*owners.values()) if key)
    return [f"{key}: {name}" for key in known for name in NAMES if key not in owners[name]]


if __name__ == "__main__":
    run(split, Split)
