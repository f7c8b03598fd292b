"""What the systems are asked about and what they answered: test rows, declarations, made text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.declarations import Paragraph
from corpus.leak import near_pairs
from corpus.orthography import matching_key
from corpus.settings import Languages, owner_of
from corpus.table import InputError, place
from train import parts
from train.examples import Row, asked
from train.parts import SPEAKERS, Draw, Spent
from train.scores import size
from train.translations import Way

WAYS = {"to_target": False, "to_source": True}  # backward?
FEW = ("copy", "translator", *SPEAKERS)  # compared on the rows that the models answered
PLAIN = matching_key(None)
Fold = Callable[[str], str]
Found = dict[tuple[str, str], list[Any]]  # by system and task, a value a row
COLUMNS = [
    *("id", "document", "position", "source", "target", "source_language", "language", "origin"),
    "held_out",
]
BITS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),  # but answers
        pa.field("bits", pa.float64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)
PREDICTIONS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("hypothesis", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Work:
    """What the systems are asked about."""

    rows: list[Row]  # of test, by hash
    foreign: tuple[Paragraph, ...] = ()
    made: tuple[str, ...] = ()  # target text that the translator made of the first pairs

    @property
    def pairs(self) -> list[Row]:
        """The rows with a source, in the same order."""
        return [row for row in self.rows if row["source"]]

    def texts(self, task: str) -> list[tuple[str, str]]:
        """Id and text of what a task counts bits of."""
        if task == "declarations":
            return [(one.id, one.text) for one in self.foreign]
        if task == "made":
            return [(row["id"], text) for row, text in zip(self.pairs, self.made, strict=False)]
        if task == "text":
            return [(row["id"], row["target"]) for row in self.rows]
        backward = WAYS.get(task, False)  # answers are into the language
        return [(row["id"], asked(row, "", backward)[1]) for row in self.pairs]


def chosen(test: pa.Table, language: str, languages: Languages, most: int) -> list[Row]:
    """The test rows of a language that are measured, by lowest hash: they stay as the corpus grows.

    Raises:
        InputError: there is none.
    """
    rows = [
        row
        for row in test.select(COLUMNS).to_pylist()
        if row["target"] and owner_of(row["language"], languages) == language
    ]
    if not rows:
        raise InputError(
            f"the test split holds no text of language {language!r}; raise split's share of test"
        )
    return sorted(rows, key=lambda row: (place("evaluate", row["id"]), row["id"]))[:most]


def with_orthography(rows: Sequence[Row], spelling: pa.Table) -> list[Row]:
    """The rows with their likeliest orthography; null where nothing tells."""
    names = dict(zip(*(spelling[n].to_pylist() for n in ("id", "orthography")), strict=True))
    return [row | {"orthography": names.get(row["id"])} for row in rows]


def unlike(
    declared: Sequence[Paragraph], trained: Sequence[tuple[Fold, Sequence[str]]], near: float
) -> list[Paragraph]:
    """The paragraphs that are near to nothing that was trained on, on either side.

    Args:
        trained: of each side, what makes keys of its texts, and the keys.
    """
    found = set()
    for fold, keys in trained:
        found |= set(near_pairs(keys, [fold(one.text) for one in declared], near)[1].tolist())
    return [one for number, one in enumerate(declared) if number not in found]


def tables(work: Work, found: Found) -> tuple[pa.Table, pa.Table]:
    """The bits and the predictions of every system, a row a text."""
    bits: list[dict[str, Any]] = []
    predictions: list[dict[str, Any]] = []
    for (name, task), values in sorted(found.items(), key=lambda item: item[0]):
        system, _, is_bits = name.partition(" ")
        for (id, text), value in zip(work.texts(task)[: len(values)], values, strict=True):
            head = {"id": id, "system": system, "task": task}
            if is_bits:
                bits.append({**head, "bits": value, "bytes": size(text)})
            else:
                predictions.append({**head, "hypothesis": value})
    return (
        pa.Table.from_pylist(bits, schema=BITS),
        pa.Table.from_pylist(predictions, schema=PREDICTIONS),
    )


def ways_of(pairs: Sequence[Row], found: Found, key: Callable[[str], str]) -> dict[str, Way]:
    """The translations of the translators on all pairs, and of all systems on the first few."""
    of: dict[str, dict[str, list[str]]] = {way: {} for way in WAYS}
    for (name, task), values in found.items():
        if not name.endswith(" bits"):
            of[task][name] = values
    ways = {}
    for way, fold in (("to_target", key), ("to_source", PLAIN)):
        most = max(map(len, of[way].values()), default=0)
        wanted = [asked(row, "", WAYS[way])[1] for row in pairs[:most]]
        ways[way] = Way(of[way], wanted, fold)
    answered = len(of["to_target"].get("mixed", []))
    whole = [name for name in of["to_target"] if name not in SPEAKERS]
    few = ways["to_target"].few(FEW, answered)
    return {**ways, "to_target": ways["to_target"].few(whole, len(pairs)), "answers": few}


def bits_report(bits: pa.Table, work: Work, draw: Draw) -> dict[str, Any]:
    """Bits per byte of each system by task, by the parts of the test, and of other text."""
    report: dict[str, Any] = {}
    for task in ("text", *WAYS):
        of = spent_on(bits, task)
        if len(of["base"]):
            report[task] = parts.task(of, draw)
    text = spent_on(bits, "text")
    report |= parts.parts(text, work.rows[: len(text["base"])], draw)
    roles = np.array([one.role for one in work.foreign])
    declared = spent_on(bits, "declarations")
    roles = roles[: len(declared["base"])]
    for role in sorted(set(roles.tolist())):
        some = {name: values[roles == role] for name, values in declared.items()}
        if role == "own":
            report["by_held_out"]["declaration"] = parts.spent(some, draw)
        else:
            report.setdefault("forgetting", {})[role] = parts.forgotten(some, draw)
    made = spent_on(bits, "made")
    if len(made["base"]):
        paired = np.array([bool(row["source"]) for row in work.rows[: len(text["base"])]])
        least = min(len(made["base"]), int(paired.sum()))
        human = {name: values[paired][:least] for name, values in text.items()}
        report["made_text"] = parts.made({n: v[:least] for n, v in made.items()}, human, draw)
    return report


def spent_on(bits: pa.Table, task: str) -> Spent:
    """Bits and bytes of a task's texts, by system, in the order of the table."""
    found = {}
    for name in SPEAKERS:
        some = bits.filter(pc.and_(pc.equal(bits["system"], name), pc.equal(bits["task"], task)))
        found[name] = np.array([some[column].to_numpy() for column in ("bits", "bytes")]).T
    return found
