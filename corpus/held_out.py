"""Documents and origins held out whole, and how far each held-out row is from what is trained on.

A sentence of a book whose other sentences were learned is easier than one of another book, and one
of another collection is harder still: a test says which of them its rows are.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.settings import Languages, owner_of
from corpus.table import place

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def names_of(rows: pa.Table) -> list[str | None]:
    """Origin and document of each row; null where it has no document."""
    found: list[str | None] = pc.binary_join_element_wise(
        rows["origin"], rows["document"], "\n"
    ).to_pylist()
    return found


def whole(rows: pa.Table, share: float, origins: tuple[str, ...]) -> Mask:
    """The rows of the documents and origins that are held out for test.

    Args:
        share: of the rows of each other origin. Documents are taken by lowest hash, one that would
            take the rows past the share is passed over, and so is one that is its whole origin.
    """
    sizes: dict[str, dict[str, int]] = {}
    names = names_of(rows)
    counted = pc.value_counts(rows["origin"]).to_pylist()
    budget = {found["values"]: share * found["counts"] for found in counted}
    for name, origin in zip(names, rows["origin"].to_pylist(), strict=True):
        if name is not None:
            of = sizes.setdefault(origin, {})
            of[name] = of.get(name, 0) + 1
    chosen: set[str | None] = set()
    for origin, of in sizes.items():
        left = budget[origin]
        for name in sorted(of, key=lambda name: (place("document", name), name)):
            if of[name] <= left:
                chosen.add(name)
                left -= of[name]
    known = pc.is_in(rows["origin"], value_set=pa.array(origins, pa.string()))
    found: Mask = known.to_numpy() | np.array([name in chosen for name in names], dtype=bool)
    return found


def grown(kept_out: Mask, group: pa.Array) -> Mask:
    """The rows in a group with a row that is kept out."""
    codes = group.dictionary_encode().indices.to_numpy()
    found: Mask = np.isin(codes, codes[kept_out])
    return found


def kinds(rows: pa.Table, trained: Mask) -> list[str | None]:
    """The largest thing of each row of which nothing is trained on: origin, document or segment.

    Null for the rows that are trained on.
    """
    names, origins = names_of(rows), rows["origin"].to_pylist()
    seen = {name for name, learned in zip(names, trained, strict=True) if learned}
    seen_origins = {origin for origin, learned in zip(origins, trained, strict=True) if learned}
    return [
        None
        if learned
        else "origin"
        if origin not in seen_origins
        else "document"
        if name is not None and name not in seen
        else "segment"
        for name, origin, learned in zip(names, origins, trained, strict=True)
    ]


def document_overlap(
    rows: pa.Table, trained: Mask, test: Mask, languages: Languages
) -> dict[str, float]:
    """By language, the share of test rows with training rows in their document.

    A high share says that the test is of books seen in training: it asks no more of a model.
    """
    names = names_of(rows)
    learned = {name for name, known in zip(names, trained, strict=True) if known}
    seen: dict[str, list[bool]] = {}
    for name, tested, code in zip(names, test, rows["language"].to_pylist(), strict=True):
        if tested:
            known = name is not None and name in learned
            seen.setdefault(owner_of(code, languages) or "none", []).append(known)
    return {key: sum(known) / len(known) for key, known in sorted(seen.items())}
