"""Two versions of one stage's rows as arrays: what differs, in which aspects, and how many."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.aspects import ASPECTS, LABELS, VALUES
from corpus.numbering import (
    Flags,
    Ints,
    Numbering,
    Side,
    as_ints,
    distinct,
    joined,
    present,
    unlike,
)

NOWHERE = -1  # of a place that there is not


@dataclass(frozen=True)
class Counts:
    """Rows of a stage in both versions; `kept` is null where the stage decides nothing."""

    old: int | None  # null where nothing changed and the data are not at hand
    new: int | None
    old_kept: int | None
    new_kept: int | None
    added: int
    removed: int
    changed: int  # in text, language, split, decision, place or licence
    values: int  # in nothing but what was measured, or the id of an edited text
    same: bool = False  # DVC has one hash for both: nothing was compared

    def check(self, stage: str) -> None:
        """Check old + added - removed = new.

        Raises:
            RuntimeError: a row is lost or invented by the comparison.
        """
        if (self.old or 0) + self.added - self.removed != (self.new or 0):
            raise RuntimeError(
                f"{stage}: {self.old} + {self.added} - {self.removed} is not {self.new}: "
                "an id stands twice in one of its tables"
            )


@dataclass
class Known:
    """What the stages so far told of rows, by the number of their ids."""

    numbering: Numbering
    seen: list[Flags] = field(default_factory=lambda: [np.zeros(0, np.bool_)] * 2)  # old and new
    tried: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))  # to be paired
    unread: list[str] = field(default_factory=list)  # stages of one output, not yet among `seen`
    pairs: tuple[Ints, Ints, Ints] = field(
        default_factory=lambda: (np.zeros(0, np.int32),) * 3  # old, new, and by what, of HOWS
    )
    notes: list[str] = field(default_factory=list)  # decisions
    differs: dict[str, Ints] = field(default_factory=dict)  # by stage: its note, 0: none, or -1

    def see(self, number: int, found: Flags) -> None:
        """Remember which ids a version has had."""
        self.seen[number] = padded(self.seen[number], len(found)) | found

    def canon(self) -> Ints:
        """The number that a row is known by in both versions."""
        numbers = np.arange(len(self.numbering.ids), dtype=np.int32)
        numbers[self.pairs[1]] = self.pairs[0]
        return numbers

    def noted(self, notes: pa.ChunkedArray) -> Ints:
        """Decisions by their places in `notes`, from 1 on; 0: none."""
        coded = notes.combine_chunks().dictionary_encode()
        self.notes += [n for n in coded.dictionary.to_pylist() if n not in self.notes]
        places = np.array([0, *(self.notes.index(n) + 1 for n in coded.dictionary.to_pylist())])
        return places[as_ints(coded.indices) + 1]


def padded(flags: Flags, size: int) -> Flags:
    """Flags of the first numbers as flags of all."""
    return np.pad(flags, (0, size - len(flags)))


@dataclass(frozen=True)
class Differing:
    """The rows of a stage that differ, by number; -1 where a version has none."""

    old: Ints
    new: Ints
    how: Ints  # of HOWS
    bits: Ints


def paired(known: Known, both: tuple[Side, Side], aspects: Sequence[str]) -> Differing:
    """The rows that differ: by id, but for known pairs, whose rows are one that changed."""
    old, new = (present(side, len(known.numbering.ids)) for side in both)
    left, right, how = known.pairs
    holds = old[left] & ~new[left] & new[right] & ~old[right]
    left, right, how = left[holds], right[holds], how[holds]
    common = np.flatnonzero(old & new)
    bits = bits_of(both, aspects, common, common)
    common, bits = common[bits > 0], bits[bits > 0]
    old[left], new[right] = False, False
    gone, come = np.flatnonzero(old & ~new), np.flatnonzero(new & ~old)
    absent = [np.full(len(some), NOWHERE, np.int32) for some in (come, gone)]
    zeros = [np.zeros(len(some), np.int32) for some in (common, gone, come)]
    return Differing(
        np.concatenate([common, gone, absent[0], left]),
        np.concatenate([common, absent[1], come, right]),
        np.concatenate([*zeros, how]),
        np.concatenate([bits, *zeros[1:], bits_of(both, aspects, left, right)]),
    )


def bits_of(both: tuple[Side, Side], aspects: Sequence[str], left: Ints, right: Ints) -> Ints:
    """What rows of both versions, two and two, differ in: a bit for each aspect."""
    none = np.zeros(len(left), np.bool_)
    found = unlike(*both, left, right)
    return joined([found[n] if n in found and n in aspects else none for n in ASPECTS])


def label(side: Side, name: str, numbers: Ints) -> pa.ChunkedArray:
    """A label of rows; null where they, or the stage, have none."""
    kind, column = LABELS[name]
    plain = pa.bool_() if name == "kept" else pa.string()
    if kind in side and column in side[kind].labels.column_names:
        return side[kind].label(column, numbers).cast(plain)  # a column of nulls may have no type
    return pa.chunked_array([pa.nulls(len(numbers), plain)])


def decisions(both: tuple[Side, Side], differing: Differing) -> pa.ChunkedArray:
    """What a stage newly decided of each row; null where it decided the same, or nothing."""
    numbers = (differing.old, differing.new)
    kept, reason = (
        [label(side, name, n) for side, n in zip(both, numbers, strict=True)]
        for name in ("kept", "reason")
    )
    said = pc.coalesce(reason[1], pc.if_else(kept[1], "kept", None))
    moved = pc.or_(distinct(*kept), distinct(*reason))
    return pc.if_else(moved, said, None)


def counted(both: tuple[Side, Side], differing: Differing, size: int) -> Counts:
    """The counts of a stage."""
    old, new = (int(np.count_nonzero(present(side, size))) for side in both)
    kept = [sum_kept(side) for side in both]
    decides = any(count is not None for count in kept)
    alone = (differing.old < 0) | (differing.new < 0)
    slight = np.isin(differing.bits, (0, VALUES))
    return Counts(
        old,
        new,
        old_kept=(kept[0] or 0) if decides else None,
        new_kept=(kept[1] or 0) if decides else None,
        added=int(np.count_nonzero(differing.old < 0)),
        removed=int(np.count_nonzero(differing.new < 0)),
        changed=int(np.count_nonzero(~slight)),
        values=int(np.count_nonzero(slight & ~alone)),
    )


def sum_kept(side: Side) -> int | None:
    """How many rows a stage kept; null where its ledger judged none."""
    labels = side["ledger"].labels if "ledger" in side else pa.table({})
    if "kept" not in labels.column_names or not len(labels):
        return None
    return int(pc.sum(labels["kept"]).as_py() or 0)
