"""Train, validation and test by near-duplicate group and document, drawn by hash.

A group (rows near to each other on either side) is drawn whole, by its name; in the origins of
`whole_documents` a document is. A group whose rows were drawn apart, through the documents they
stand in, goes to train whole: a document may lose rows to train, never leak. Documents of
`test_documents` and origins of `test_origins` are held out as wholes: what is near to them goes to
test, so that training loses those rows and the document none. A language that would have no row in
train has them all there, and then no test set, which the report names.

What dedup missed is looked for exactly: held-out rows near to a training row go to train with their
group. That is a repair of a few; surely more than `most_missed` of them mean that something is
broken. Rows of validation near to rows of test are counted: neither is trained on.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.held_out import Mask, document_overlap, grown, kinds, whole
from corpus.leak import near_pairs
from corpus.orthography import matching_key
from corpus.rates import rate
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
    test_documents: float  # of each origin's rows, whole documents for test besides, 0..1
    test_origins: tuple[str, ...]  # held out for test whole
    similarity: float  # Jaccard of the keys' five-character shingles from which rows leak
    most_missed: float  # share of held-out rows that dedup may have missed, 0..1

    def __post_init__(self) -> None:
        if min(self.test_share, self.validation_share) < 0 or self.held_out >= 1:
            raise ValueError(
                f"test_share and validation_share must leave rows for train, got {self}"
            )
        if not 0 <= self.test_documents < 1:
            raise ValueError(
                f"test_documents must be at least 0 and below 1, got {self.test_documents}"
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
        InputError: dedup surely missed more than `most_missed` of the held-out rows.
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
    chosen = whole(rows, params.test_documents, params.test_origins)
    out = grown(chosen, group)
    drawn[out] = TEST
    alone = whole_languages(drawn, rows, languages)
    out &= drawn == TEST
    folded = keys(rows, languages)
    held_out = int((drawn != TRAIN).sum())
    missed = repair(drawn, group, folded, params.similarity, out)
    check_missed(rows, missed, held_out, params)
    told = rows.append_column("held_out", pa.array(kinds(rows, drawn == TRAIN), pa.string()))
    tables = {name: part(told, drawn == number, name) for number, name in enumerate(NAMES)}
    written = pa.chunked_array([c for t in tables.values() for c in t["id"].chunks], pa.string())
    differ("split", "were kept", kept, "were written", written)
    check_leaks(rows, numbers(rows, tables), folded, params.similarity)
    between = near_rows(drawn == VALIDATION, drawn == TEST, folded, params.similarity)
    figures = {"group_drawn_apart": apart, "language_without_train": alone, "missed": len(missed)}
    return Output(
        tables,
        {
            "rows": {name: len(table) for name, table in tables.items()},
            "by_split": {n: counts(t, "language", "origin") for n, t in tables.items()},
            "moved_to_train": figures,
            "test_by_held_out": counts(tables["test"], "language", "held_out"),
            "moved_to_test_near_held_out": int((out & ~chosen).sum()),
            "empty": empty(tables, languages),
            "validation_near_test": len({held for _, held in between}),
            "document_also_in_train": document_overlap(
                rows, drawn == TRAIN, drawn == TEST, languages
            ),
            "whole_documents_without_rows": without(params.whole_documents, rows),
            "test_origins_without_rows": without(params.test_origins, rows),
        },
    )


def without(origins: tuple[str, ...], rows: pa.Table) -> list[str]:
    """The origins that have no row here."""
    return sorted(set(origins) - set(pc.unique(rows["origin"]).to_pylist()))


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
    drawn: Ints, group: pa.Array, keys: list[list[str]], similarity: float, out: Mask
) -> list[tuple[int, int]]:
    """Move held-out rows near to a training row there, with their groups, until none is left.

    Args:
        out: rows of what is held out whole; a training row near to one goes to test, and is marked
            as out itself.

    Returns:
        A training row and the held-out row that was near to it, for each that moved so.
    """
    codes = group.dictionary_encode().indices.to_numpy()
    missed: dict[int, int] = {}
    while pairs := near_rows(drawn == TRAIN, drawn != TRAIN, keys, similarity):
        missed |= {held: trained for trained, held in pairs}
        drawn[np.isin(codes, codes[[held for _, held in pairs if not out[held]]])] = TRAIN
        near = np.isin(codes, codes[[trained for trained, held in pairs if out[held]]])
        drawn[near] = TEST
        out |= near
    return sorted((trained, held) for held, trained in missed.items())


def near_rows(
    some: npt.NDArray[np.bool_],
    others: npt.NDArray[np.bool_],
    keys: list[list[str]],
    similarity: float,
) -> list[tuple[int, int]]:
    """Some rows and the others that are near to them on either side."""
    ones, twos = np.flatnonzero(some), np.flatnonzero(others)
    found = []
    for side in keys:
        left, right = near_pairs([side[n] for n in ones], [side[n] for n in twos], similarity)
        found += list(zip(ones[left].tolist(), twos[right].tolist(), strict=True))
    return found


def check_missed(
    rows: pa.Table, missed: list[tuple[int, int]], held_out: int, params: Split
) -> None:
    """Check that dedup missed few, as far as is sure: one row of fifty proves nothing.

    Args:
        held_out: rows held out before those missed moved to train.

    Raises:
        InputError: the whole interval of the share missed lies above `most_missed`.
    """
    if missed and rate(len(missed), held_out)["low"] > params.most_missed:
        pairs = [rows["id"].take(pair).to_pylist() for pair in missed[:3]]
        raise InputError(
            f"{len(missed)} of {held_out} held-out rows are near to training rows and dedup missed "
            f"it: {pairs}; split.similarity below dedup.similarity does this, else raise "
            f"split.most_missed, which is {params.most_missed}"
        )


def numbers(rows: pa.Table, tables: dict[str, pa.Table]) -> Ints:
    """The split of each row, as the tables to write have it."""
    found: Ints = np.full(len(rows), TRAIN, dtype=np.int64)
    for number, name in enumerate(NAMES):
        held = pc.is_in(rows["id"], value_set=tables[name]["id"].combine_chunks())
        found[held.to_numpy()] = number
    return found


def check_leaks(rows: pa.Table, drawn: Ints, keys: list[list[str]], similarity: float) -> None:
    """Check that no row of validation or test is near to one of train, on either side.

    Raises:
        RuntimeError: one is; names up to three pairs.
    """
    if pairs := near_rows(drawn == TRAIN, drawn != TRAIN, keys, similarity):
        ids = [rows["id"].take(pair).to_pylist() for pair in pairs[:3]]
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
