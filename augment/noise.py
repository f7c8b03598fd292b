"""Training rows with noise as the language's own keyboards, scans and copyists make it.

A row gets one kind of noise: a scan is no keyboard. Kinds are rule files of augment/noise, and what
near-duplicates of training rows teach. On targets it teaches a model to write so too; on sources
(`side`) to read so. Noise for language identification is another thing: corpus/noise.py.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from augment.edits import EDGE, Kind, Learned, by_learning, changed, learn, load
from augment.making import Row, chance, child, lowest, share_of, shown
from augment.protected import Protected, intact
from augment.protected import load as load_protected
from corpus.settings import Language, Languages, owner_of, rows_of, settings
from corpus.stage import Output, run
from corpus.table import SYNTHETIC, canonical, read

LEARNED = "learned"  # the kind that is no file


@settings
class Noise:
    """How many rows, and which noise at which rate."""

    most_rows: int  # per language, chosen by hash of the id; 0: none
    side: Literal["source", "target"]
    rules: dict[str, dict[str, float]]  # by language or default: files of augment/noise, or learned
    least_words: int  # pairs of words in near-duplicates that a learned change must be seen in
    most_letters: int  # of a learned change

    def __post_init__(self) -> None:
        if "default" not in self.rules:
            raise ValueError(f"rules lacks 'default'; it names {sorted(self.rules)}")
        for kinds in self.rules.values():
            for name, rate in kinds.items():
                if rate <= 0 or (rate > 1 and name != LEARNED):
                    raise ValueError(f"a rate is above 0 and at most 1, got {rate} for {name!r}")
        if self.side == "source" and any(LEARNED in kinds for kinds in self.rules.values()):
            raise ValueError(
                f"{LEARNED!r} is learned from targets; set side to target, or take it out of rules"
            )
        if self.most_rows < 0 or min(self.least_words, self.most_letters) < 1:
            raise ValueError("most_rows must be at least 0, least_words and most_letters 1")


def noise(  # noqa: PLR0913
    train: pa.Table,
    cleaned: Path,
    clusters: Path,
    rules: Path,
    protected: Path,
    monolingual_share: str,
    params: Noise,
    active: tuple[str, ...],
    languages: Languages,
) -> Output:
    """A noisy row for each of so many training rows; one that chance left unchanged is left out.

    Args:
        cleaned: the table of all rows, near-duplicates too.
        clusters: which of them are near-duplicates.
        rules: the folder of rule files.
        protected: the folder of lists of protected expressions.
    """
    share = share_of(monolingual_share)
    made: list[Row] = []
    report = {}
    for key, rows in rows_of(train, active, languages).items():
        human = [{**row, "source": shown(row, share)} for row in rows]
        parents = lowest((row for row in human if row[params.side]), params.most_rows, "noise")
        known = load_protected(protected, read_by(key, languages[key], params.side))
        chosen = params.rules.get(key, params.rules["default"]) if parents else {}
        pairs = near_pairs(train, cleaned, clusters, languages) if LEARNED in chosen else {}
        learned = learn(pairs.get(key, ()), params.least_words, params.most_letters)
        kinds = [
            by_learning(learned, rate) if name == LEARNED else load(rules, name, rate)
            for name, rate in sorted(chosen.items())
        ]
        new = noised(parents, kinds, params.side, known)
        safe, expressions = intact(parents, new, (params.side, params.side), known)
        made += safe
        report[key] = {
            "tried": len(parents),
            "unchanged": len(parents) - len(new),
            "kinds": Counter(row["engine"].partition("@")[0] for row in new),
            "near_duplicates": len(pairs.get(key, ())),
            "learned": [told(change) for change in likeliest(learned)],
            "protected": expressions,
        }
    table = canonical(pa.Table.from_pylist(made, schema=SYNTHETIC))
    return Output({"rows": table}, {"languages": report})


def read_by(key: str, language: Language, side: str) -> str:
    """The name of the list of expressions for a side: the language's key, or its pivot."""
    return key if side == "target" else language.pivot


def noised(rows: Iterable[Row], kinds: Sequence[Kind], side: str, known: Protected) -> list[Row]:
    """A row with noise on a side for each row that chance changes; its kind is drawn for it."""
    made = []
    for row in rows:
        draw = chance("noise", row["id"])
        spans = dict(known.spans(row[side]))
        for kind in draw.sample(kinds, len(kinds)):
            text = changed(row[side], kind.changes, spans, draw)
            if text != row[side] and text.strip():
                made.append(child(row, "noise", kind.name, **{side: text}))
                break
    return made


def near_pairs(
    train: pa.Table, cleaned: Path, clusters: Path, languages: Languages
) -> Mapping[str, list[tuple[str, str]]]:
    """Each target near-duplicate with the centre of its cluster, by language.

    Only clusters of a training row with a target are looked at: of a cluster one row is left, so
    no held-out text, nor one near it, nor another's row teaches.
    """
    named = read(clusters, ["id", "cluster"])
    written = train.filter(pc.is_valid(train["target"]))["id"].combine_chunks()
    trained = named.filter(pc.is_in(named["id"], value_set=written))
    mine = named.filter(pc.is_in(named["cluster"], value_set=pc.unique(trained["cluster"])))
    texts = read(cleaned, ["id", "target", "language"])
    texts = texts.filter(pc.is_in(texts["id"], value_set=mine["id"].combine_chunks()))
    rows: dict[str, dict[str, Any]] = {row["id"]: row for row in texts.to_pylist()}
    found: dict[str, list[tuple[str, str]]] = {key: [] for key in languages}
    for pair in mine.filter(pc.not_equal(mine["id"], mine["cluster"])).to_pylist():
        one, centre = rows[pair["id"]], rows[pair["cluster"]]
        owner = owner_of(one["language"], languages)
        if owner and one["target"] and centre["target"] and one["target"] != centre["target"]:
            found[owner].append((one["target"], centre["target"]))
    return found


def likeliest(learned: Sequence[Learned]) -> list[Learned]:
    """The changes of highest rate, for the report."""
    return sorted(learned, key=lambda change: (-change.rate, change))[:20]


def told(change: Learned) -> dict[str, Any]:
    """A learned change as the report has it.

    >>> told(Learned(" ", "c", "a", "k", 0.25))
    {'change': '_[c>k]a', 'rate': 0.25}
    """
    run = f"{change.before}[{change.old}>{change.new}]{change.after}".replace(EDGE, "_")
    return {"change": run, "rate": change.rate}


if __name__ == "__main__":
    run(noise, Noise)
