"""How much planted junk the rules catch, beside how much trusted text they keep.

Junk is made from trusted rows that `select` kept (corpus/junk.py), and of text in other
languages. It goes through the functions that measure, score and judge real rows, under the limits
that `select` applied. No model judges what it has learned: a junk row made of a trusted row of a
fold, or of a text of that fold, is scored by the models that have not seen the fold. Rules that
cannot be measured on junk are left out, and named in the report.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.assess import measured, with_repeats
from corpus.classifier import load
from corpus.declarations import read_others
from corpus.fluency import word_order
from corpus.junk import ALONE, PAIRS, Sides, pivot
from corpus.rates import RATES, Mask, rate
from corpus.seed import other_segments
from corpus.select import Bounds, Facts, gathered, held
from corpus.settings import Languages, at_work, owner_of, settings
from corpus.stage import Output, run
from corpus.table import digest, read
from corpus.wordorder import order_of

READ = ["id", "document", "position", "source", "target", "language", "origin"]
CAUGHT = pa.schema(  # how much junk each rule catches
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),  # any: at least one of the rules
        pa.field("language", pa.string(), nullable=False),  # that the junk claims to be in
        pa.field("trusted", pa.bool_(), nullable=False),  # under the limits of trusted origins
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("caught", pa.int64(), nullable=False),
        pa.field("rate", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),  # Wilson's 95 % interval
        pa.field("high", pa.float64(), nullable=False),
    ]
)
JUNK = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("parent", pa.string()),  # the row it was made of; null: a text of no row
        pa.field("document", pa.string()),
        pa.field("source", pa.string()),
        pa.field("target", pa.string()),
        pa.field("language", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("fold", pa.int64()),
    ]
)
Floats = npt.NDArray[np.float64]
ANY, ALL_KINDS = "any", "all kinds"
SHARE = ("rows", "rate", "low", "high")
COUSIN, FOREIGN, PIVOT = "cousin language", "other language", "pivot language"


@settings
class Challenge:
    """How much junk is planted."""

    most_rows: int  # of each kind and variety
    seed: int

    def __post_init__(self) -> None:
        if self.most_rows < 1:
            raise ValueError(f"most_rows must be at least 1, got {self.most_rows}")


def challenge(  # noqa: PLR0913
    rows: Path,
    sources: pa.Table,
    others: Path,
    identify: Path,
    assess: Path,
    bitext: Path,
    dedup: Path,
    select: Path,
    params: Challenge,
    active: tuple[str, ...],
    languages: Languages,
) -> Output:
    """The junk with its fate, what each rule catches of it, and what it keeps of trusted text."""
    facts = gathered(rows, sources, (identify, assess, bitext), dedup)
    applied = read(select / "limits")
    bounds: Bounds = {
        (r["language"], r["rule"], r["trusted"]): (r["least"], r["most"])
        for r in applied.to_pylist()
    }
    seed = trusted_rows(rows, facts, identify, select, languages)
    foreign = read_others(others)
    caught, rows_made, without = [], [], []
    met: set[str] = set()  # rules that junk was held against
    left_out: set[str] = set()
    for key in sorted(active):
        folds = len(list((identify / "models" / key).glob("fold*")))
        if not folds:  # too little trusted text: no model that junk could be held against
            without.append(key)
            continue
        planted = plant(key, seed, foreign, folds, (params, languages))
        values = scored(key, planted, (identify, assess), languages)
        values.pop("repeats")  # each junk row is a document of its own
        met |= values.keys()
        left_out |= set(applied["rule"].to_pylist()) - values.keys()
        found, fate = judged(planted, values, bounds, languages)
        caught += found
        rows_made.append(planted.append_column("caught_by", pa.array(fate, pa.string())))
    alike = {rule: some for rule, some in facts.values.items() if rule in met} or facts.values
    kept = keep(replace(facts, values=alike), bounds, active, languages)
    made = pa.Table.from_pylist(caught, schema=CAUGHT)
    empty = JUNK.append(pa.field("caught_by", pa.string())).empty_table()
    tables = {
        "caught": made,
        "kept": kept,
        "junk": pa.concat_tables(rows_made) if rows_made else empty,
    }
    said = {"left_out": sorted(left_out), "without_model": without}
    return Output(tables, {**said, **summary(made, kept, languages)})


def trusted_rows(
    rows: Path, facts: Facts, identify: Path, select: Path, languages: Languages
) -> list[dict[str, Any]]:
    """Trusted rows that `select` kept, with both sides as they are and their fold, by hash."""
    table = read(rows, READ)
    folds = dict(
        zip(
            *(read(identify / "scores", ["id", "fold"])[n].to_pylist() for n in ("id", "fold")),
            strict=True,
        )
    )
    ledger = read(select / "ledger", ["id", "kept"])
    kept = set(ledger.filter(ledger["kept"])["id"].to_pylist())
    wanted = table.filter(pa.array(facts.trusted)).to_pylist()
    found = [
        {**row, "fold": folds[row["id"]], "key": owner_of(row["language"], languages)}
        for row in wanted
        if row["target"] and row["id"] in kept and folds[row["id"]] is not None
    ]
    return sorted(found, key=lambda row: digest(row["id"], "challenge"))


def plant(
    key: str,
    seed: list[dict[str, Any]],
    foreign: list[dict[str, Any]],
    folds: int,
    plan: tuple[Challenge, Languages],
) -> pa.Table:
    """The junk of one language: as much of each kind for each variety, however small that is.

    What a kind leaves as it was, as a word alone whose order is shuffled, is no junk.
    """
    params, languages = plan
    near = {name: languages[name] for name in at_work((key,), languages)}
    cousins = [row for row in seed if row["key"] in near and row["key"] != key]
    strangers = [s for s in other_segments(foreign, near, folds) if s.label not in near]
    strangers = [s for s in strangers if len(s.text.split()) > 1]
    made: list[dict[str, Any]] = []
    for code in sorted({row["language"] for row in seed if row["key"] == key}):
        own = [row for row in seed if row["language"] == code][: params.most_rows]
        chance = np.random.default_rng(int(digest(code, str(params.seed)), 16))
        made += [row for row in of_own(code, own, chance) if row["target"]]
        for row in drawn(cousins, params.most_rows, chance):
            made.append(junk(COUSIN, code, row, (None, row["target"])))
        for segment in drawn(strangers, params.most_rows, chance):
            facts = {"id": None, "origin": "others", "fold": segment.fold}
            made.append(junk(FOREIGN, code, facts, (None, segment.text)))
    for number, row in enumerate(made):
        row["id"] = row["document"] = f"{key}-{number}"
    return pa.Table.from_pylist(made, schema=JUNK)


def of_own(
    code: str, rows: list[dict[str, Any]], chance: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """The junk made of a variety's own rows; that of pairs only from pairs."""
    for kind, make in {**ALONE, **PAIRS, PIVOT: pivot}.items():
        for row in rows:
            if row["source"] or kind in ALONE:
                sides = make(row["source"] or "", row["target"], chance)
                if sides[1] != row["target"]:
                    yield junk(kind, code, row, sides)


def drawn(rows: list[Any], most: int, chance: np.random.Generator) -> list[Any]:
    """Some of the rows, each once."""
    places = chance.permutation(len(rows))[:most]
    return [rows[place] for place in places]


def junk(kind: str, code: str, parent: dict[str, Any], sides: Sides) -> dict[str, Any]:
    """A junk row that claims to be in a variety, with the fold of what it was made of."""
    source, target = sides
    facts = {"parent": parent["id"], "origin": parent["origin"], "fold": parent["fold"]}
    return {"kind": kind, "source": source, "target": target, "language": code, **facts}


def scored(
    key: str, planted: pa.Table, scoring: tuple[Path, Path], languages: Languages
) -> dict[str, Floats]:
    """Every measure of the junk that real rows have, NaN where there is nothing to measure."""
    identify, assess = scoring
    table = with_repeats(measured(planted, languages)).drop_columns(["id", "language", "origin"])
    values = {name: table[name].to_numpy() for name in table.column_names}
    targets, sources = planted["target"].to_pylist(), planted["source"].to_pylist()
    folds = planted["fold"].to_numpy()
    found = {n: np.full(len(folds), np.nan) for n in ("language_score", "source_score")}
    for fold in np.unique(folds):
        model = load(identify / "models" / key / f"fold{fold}")
        for name, side, texts in (
            ("language_score", "target", targets),
            ("source_score", "source", sources),
        ):
            places = [n for n in np.flatnonzero(folds == fold) if texts[n]]
            if side in model and places:
                found[name][places] = model[side]([texts[n] for n in places])
    return {**values, **found, "word_order": ordered(key, planted, assess)}


def ordered(key: str, planted: pa.Table, assess: Path) -> Floats:
    """The odds of the junk's order of words by what has not seen the fold of its parent."""
    table = read(assess / "scores", ["id", "fold"])
    known = dict(zip(table["id"].to_pylist(), table["fold"].to_pylist(), strict=True))
    folds = np.array([known.get(parent) or 0 for parent in planted["parent"].to_pylist()])
    targets = planted["target"].to_pylist()
    odds = np.full(len(targets), np.nan)
    for fold in np.unique(folds):
        places = np.flatnonzero(folds == fold)
        model = order_of(assess / "order", key, int(fold))
        if model.exists():
            odds[places] = word_order(np.load(model), [targets[n] for n in places])
    return odds


def judged(
    planted: pa.Table, values: dict[str, Floats], bounds: Bounds, languages: Languages
) -> tuple[list[dict[str, Any]], list[str | None]]:
    """What each rule catches of each kind and variety, and the first rule that caught each row.

    The first rule is that of an untrusted origin, in the order of the rules.
    """
    size = len(planted)
    nothing = pa.table({})
    parts = planted.select(["kind", "language"])
    first = np.full(size, None, dtype=object)
    found: list[dict[str, Any]] = []
    for trusted in (False, True):
        mask = np.full(size, trusted)
        ids, codes, origins = (planted[name] for name in ("id", "language", "origin"))
        facts = Facts(ids, codes, origins, mask, values, nothing)
        fails = failing(facts, bounds, languages)
        for row in shares(parts, fails):
            found.append({**row, "trusted": trusted})
        if not trusted:
            for rule, some in reversed(fails.items()):
                first[some] = rule if rule != ANY else None
    return found, first.tolist()


def failing(facts: Facts, bounds: Bounds, languages: Languages) -> dict[str, Mask]:
    """Which rows each rule would drop, and which any would."""
    fails = {}
    for rule in facts.values:
        low, high, *_ = held(facts, bounds, rule, languages)
        fails[rule] = low | high
    return {**fails, ANY: np.logical_or.reduce([*fails.values()])}


def shares(parts: pa.Table, masks: dict[str, Mask]) -> Iterator[dict[str, Any]]:
    """How many rows of each part each mask holds, with the interval of the share."""
    names = parts.column_names
    for rule, mask in masks.items():
        counted = parts.append_column("caught", pa.array(mask.astype(np.int64)))
        sums = counted.group_by(names).aggregate([("caught", "sum"), ([], "count_all")])
        for row in sums.sort_by([(name, "ascending") for name in names]).to_pylist():
            share = rate(row.pop("caught_sum"), row.pop("count_all"))
            yield {"rule": rule, **row, "caught": share.pop("kept"), **share}


def keep(facts: Facts, bounds: Bounds, active: tuple[str, ...], languages: Languages) -> pa.Table:
    """What each rule and all together keep of trusted rows, under either kind of limits."""
    codes = facts.language.to_pylist()
    mine = np.array([owner_of(code, languages) in active for code in codes]) & facts.trusted
    parts = pa.table({"language": facts.language, "origin": facts.origin}).filter(pa.array(mine))
    found = []
    for trusted in (False, True):
        some = replace(facts, trusted=np.full(len(codes), trusted))
        fails = failing(some, bounds, languages)
        kept = {rule: ~mask[mine] for rule, mask in fails.items()}
        for row in shares(parts, kept):
            found.append({**row, "kept": row.pop("caught"), "trusted": trusted})
    return pa.Table.from_pylist(found, schema=RATES)


def summary(caught: pa.Table, kept: pa.Table, languages: Languages) -> dict[str, Any]:
    """Both sides: shares caught by language and kind, kept by variety, under either limits."""
    tree: dict[str, Any] = {"caught": {}, "kept": {}, "caught_by_rule": {}}
    parts: dict[tuple[str | None, bool], list[dict[str, Any]]] = {}
    for row in caught.to_pylist():
        parts.setdefault((owner_of(row["language"], languages), row["trusted"]), []).append(row)
    for (key, trusted), some in parts.items():
        limits = "trusted" if trusted else "untrusted"
        for kind in (*dict.fromkeys(row["kind"] for row in some), ALL_KINDS):
            total = by_rule([row for row in some if kind in (row["kind"], ALL_KINDS)])
            of = tree["caught"].setdefault(key, {}).setdefault(kind, {})
            of[limits] = total.pop(ANY)
            if kind != ALL_KINDS:
                of = tree["caught_by_rule"].setdefault(key, {}).setdefault(kind, {})
                of[limits] = {rule: share for rule, share in total.items() if share["caught"]}
    for row in kept.to_pylist():
        if row["rule"] == ANY:
            of = tree["kept"].setdefault(row["language"], {}).setdefault(row["origin"], {})
            of["trusted" if row["trusted"] else "untrusted"] = {name: row[name] for name in SHARE}
    return tree


def by_rule(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The share that each rule catches of all the rows together."""
    rules = dict.fromkeys(row["rule"] for row in rows)
    return {rule: added([row for row in rows if row["rule"] == rule], "caught") for rule in rules}


def added(rows: list[dict[str, Any]], name: str) -> dict[str, float]:
    """The share of all rows together."""
    share = rate(sum(row[name] for row in rows), sum(row["rows"] for row in rows))
    return {**{n: share[n] for n in SHARE}, name: share["kept"]}


if __name__ == "__main__":
    run(challenge, Challenge)
