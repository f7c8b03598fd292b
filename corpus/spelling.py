"""The orthography that each row is most likely written in, and spelling variants of each language.

A profile's signs are the evidence: every distinct word of a row that bears one speaks for the
orthographies that write so, wrongly with a probability of `slip`. Words of the pivot side (names,
loans) and foreign words say nothing. The prior of a row is what its document's other rows say. The
score is the posterior probability, naive Bayes; rows without a sign and without a document that
tells have none. No row is dropped for its orthography: later stages may read the column.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import regex

from corpus.orthography import WORD, Profile, matching_key, pattern_of, plain, profile
from corpus.settings import Languages, owner_of, rows_of, settings
from corpus.stage import Output, run
from corpus.table import counts
from corpus.variants import Variants, variants

SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("orthography", pa.string()),  # of the language's profile; null: nothing tells
        pa.field("score", pa.float64()),  # its posterior probability; null where there is none
        pa.field("signs", pa.int64()),  # signs found, each once a distinct word; null: no profile
    ]
)
Evidence = npt.NDArray[np.float64]  # log-likelihood of each orthography, in order of their names
Row = dict[str, Any]
PLAIN = matching_key(None)
TOKEN = regex.compile(rf"['’‘ʼ]?{WORD.pattern}")  # with the apostrophe that may be its first letter


@settings
class Spelling:
    """How orthographies are told apart, and what is reported."""

    slip: float  # probability that a sign speaks for the wrong orthography, in 0..0.5
    most_documents: int  # the largest, in the report
    variants: Variants

    def __post_init__(self) -> None:
        if not 0 < self.slip < 0.5:
            raise ValueError(f"slip must be between 0 and 0.5, got {self.slip}")


def witness(known: Profile, slip: float) -> Callable[[str], tuple[Evidence, int]]:
    """The function from a word, as `plain` leaves it, to what its signs say, and their number.

    An orthography bears each of its signs with the same probability, so that of two that both
    allow what is found, the one that allows less else is likelier.
    """
    names = sorted(known.orthographies)
    writes = np.array([[name in writers for name in names] for _, writers, _ in known.signs])
    chance = np.where(
        writes,
        (1 - slip) / np.maximum(writes.sum(axis=0), 1),
        slip / np.maximum((~writes).sum(axis=0), 1),
    )
    signs = [
        (pattern_of("signs", sign), evidence)
        for (sign, *_), evidence in zip(known.signs, np.log(chance), strict=True)
    ]
    foreign = pattern_of("foreign", known.foreign) if known.foreign else None

    @cache
    def said(word: str) -> tuple[Evidence, int]:
        if foreign and foreign.search(word):
            return np.zeros(len(names)), 0
        found = [evidence for pattern, evidence in signs if pattern.search(word)]
        return np.sum([np.zeros(len(names)), *found], axis=0), len(found)

    return said


def testimony(row: Row, said: Callable[[str], tuple[Evidence, int]]) -> tuple[Evidence, int]:
    """What the distinct words of a row's target say, those of its source left out."""
    names = set(PLAIN(row["source"] or "").split())
    words = {word for word in TOKEN.findall(plain(row["target"])) if PLAIN(word) not in names}
    heard = [said(word) for word in sorted(words)]
    return sum((one for one, _ in heard), said("")[0]), sum(count for _, count in heard)


def posterior(evidence: Evidence, prior: Evidence) -> Evidence:
    """The probability of each orthography.

    Args:
        evidence: (n, orthographies) log-likelihoods.
        prior: (n, orthographies) probabilities.
    """
    whole = np.log(prior) + evidence
    whole = np.exp(whole - whole.max(axis=1, keepdims=True))
    found: Evidence = whole / whole.sum(axis=1, keepdims=True)
    return found


def priors(alone: Evidence, heard: npt.NDArray[np.int64], documents: list[str]) -> Evidence:
    """What the other rows of each row's document say: their mean posterior, and one even row.

    Args:
        alone: (n, orthographies) each row's posterior under even priors.
        heard: (n,) signs of each row; a row without one says nothing.
        documents: of each row.
    """
    _, place = np.unique(np.array(documents), return_inverse=True)
    voices = alone * (heard > 0)[:, None]
    sums = np.zeros((place.max(initial=0) + 1, alone.shape[1]))
    np.add.at(sums, place, voices)
    others = sums[place] - voices + 1 / alone.shape[1]
    found: Evidence = others / others.sum(axis=1, keepdims=True)
    return found


def document_of(row: Row) -> str:
    """The document of a row, with its origin; a row without one stands alone."""
    return f"id {row['id']}" if row["document"] is None else f"{row['origin']} {row['document']}"


def classified(rows: list[Row], known: Profile, slip: float) -> list[Row]:
    """The scores of the rows of one language that has a profile."""
    names = sorted(known.orthographies)
    told = [row for row in rows if row["target"]]
    if not told or not known.signs:
        return []
    said = witness(known, slip)
    evidence, signs = zip(*(testimony(row, said) for row in told), strict=True)
    likelihoods, heard = np.array(evidence), np.array(signs)
    even = np.full(likelihoods.shape, 1 / len(names))
    prior = priors(posterior(likelihoods, even), heard, [document_of(row) for row in told])
    shares = posterior(likelihoods, prior)
    best, score = shares.argmax(axis=1), shares.max(axis=1)
    # equal shares tell nothing: the first name would be chosen for its letter
    tells = score > 1 / len(names) + 1e-6
    return [
        {
            "id": row["id"],
            "orthography": names[best[number]] if tells[number] else None,
            "score": float(score[number]) if tells[number] else None,
            "signs": int(heard[number]),
        }
        for number, row in enumerate(told)
    ]


def spelling(rows: pa.Table, clusters: pa.Table, params: Spelling, languages: Languages) -> Output:
    """The orthography and score of every row; see the module."""
    by_key = rows_of(rows, sorted(languages), languages)
    groups = dict(zip(*(clusters[name].to_pylist() for name in ("id", "group")), strict=True))
    scores: dict[str, Row] = {}
    report: dict[str, Any] = {}
    for key, some in by_key.items():
        name = languages[key].orthography
        if some and name is not None:
            found = classified(some, profile(name), params.slip)
            scores |= {row["id"]: row for row in found}
        if some:
            report[key] = {"variants": variants(some, groups, params.variants)}
    ids = rows["id"].to_pylist()
    table = pa.Table.from_pylist([scores.get(row_id, {"id": row_id}) for row_id in ids], SCORES)
    told = rows.select(["language", "origin", "document"])
    told = told.append_column("orthography", table["orthography"])
    return Output(
        {"scores": table},
        {
            "by_language": counts(told, "language", "origin", "orthography"),
            "documents": documents_of(told.to_pylist(), languages, params.most_documents),
            "languages": report,
        },
    )


def documents_of(rows: Iterable[Row], languages: Languages, most: int) -> list[Row]:
    """How the largest documents of languages with a profile are written: rows by orthography."""
    found: dict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        owner = owner_of(row["language"], languages)
        if owner and languages[owner].orthography and row["document"]:
            place = (row["origin"], row["document"], row["language"])
            found[place][row["orthography"] or "none"] += 1
    largest = sorted(found, key=lambda place: (-sum(found[place].values()), place))[:most]
    return [
        {"origin": origin, "document": document, "language": language, "rows": dict(found[place])}
        for place in sorted(largest)
        for origin, document, language in [place]
    ]


if __name__ == "__main__":
    run(spelling, Spelling)
