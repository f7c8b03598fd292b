"""Every stage's verdict on one row, asked from the finished tables: nothing is lost silently."""

from pathlib import Path
from typing import Any

import duckdb

from corpus.settings import Languages, owner_of
from corpus.table import InputError, text

METHODS = (  # stages that make rows
    *("backtranslate", "paraphrase", "codeswitch", "swap", "respell"),
    *("noise", "concatenate", "forward", "pivot"),
)
STAGES = (
    *("gather", "clean", "identify", "assess", "dedup", "spelling", "bitext"),
    *("select", "split", "validate", "mix"),
)
SPLITS = ("train", "validation", "test")
WIDTH = 14  # of the column of stage names
Row = dict[str, Any]


def why(data: Path, prefix: str, languages: Languages) -> list[str]:
    """One line or more for each stage that had to do with the row, in the order of the graph.

    Args:
        data: the folder of the stages' outputs.
        prefix: the row's id, or its beginning.

    Raises:
        InputError: no row or several begin so.
    """
    return life(data, whole_id(data, prefix), languages)


def life(data: Path, row_id: str, languages: Languages) -> list[str]:
    """The same of a row whose id is known to be one."""
    made = [(m, r) for m in METHODS for r in found(data / m / "rows", row_id)]
    lines = [row_id, *synthetic(data, made), *human(data, row_id, languages)]
    lines += said("split", [name for name in SPLITS if found(data / "split" / name, row_id)])
    lines += said("made from it", children(data, row_id))
    lines += said("mix", mixture(data, row_id))
    missing = ", ".join(stage for stage in STAGES if not (data / stage).exists())
    return lines + ([f"  no output yet of {missing}"] if missing else [])


def whole_id(data: Path, prefix: str) -> str:
    """The one id that begins with the prefix.

    Raises:
        InputError: none does, or several do.
    """
    folders = [data / "gather" / "ledger", *(data / method / "rows" for method in METHODS)]
    known = [folder for folder in folders if any(folder.glob("*.parquet"))]
    if not known:
        raise InputError(f"{folders[0]} holds no table; run 'dvc repro' or 'dvc pull' first")
    paths = [str(path) for folder in known for path in sorted(folder.glob("*.parquet"))]
    query = "select distinct id from read_parquet($1) where id = $2"
    if duckdb.execute(query, [paths, prefix]).fetchone():
        return prefix  # quick: the shards' filters tell which of them have a whole id
    query = "select distinct id from read_parquet($1) where starts_with(id, $2) order by id limit 4"
    ids = [row[0] for row in duckdb.execute(query, [paths, prefix]).fetchall()]
    if not prefix or not ids:
        raise InputError(
            f"no row has an id that begins with {prefix!r}; ids stand in the column id of "
            f"{data}/*/ledger and {data}/*/rows"
        )
    if len(ids) > 1:
        raise InputError(f"several ids begin with {prefix!r}: {ids}; give more of it")
    return str(ids[0])


def found(
    folder: Path, value: str, column: str = "id", test: str = "{column} = {value}"
) -> list[Row]:
    """The rows of a table with a value in a column; none where the table is not there."""
    return found_in([str(path) for path in sorted(folder.glob("*.parquet"))], value, column, test)


def found_in(
    paths: list[str], value: str, column: str = "id", test: str = "{column} = {value}"
) -> list[Row]:
    """The rows of some shards with a value in a column."""
    if not paths:
        return []
    where = test.format(column=f'"{column}"', value="$2")
    query = f"select * from read_parquet($1) where {where}"
    relation = duckdb.execute(query, [paths, value])
    names = [name for name, *_ in relation.description]
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def said(stage: str, lines: list[str]) -> list[str]:
    """The lines under the name of their stage."""
    return [
        f"  {'' if number else stage:{WIDTH}}{line}".rstrip() for number, line in enumerate(lines)
    ]


def human(data: Path, row_id: str, languages: Languages) -> list[str]:
    """What the stages of the corpus say of a row that was gathered."""
    gathered, cleaned = (found(data / stage / "rows", row_id) for stage in ("gather", "clean"))
    limits = limits_of(data, gathered, languages)
    lines = said("gather", verdicts(data, "gather", row_id) + texts(gathered))
    changed = [line for line in texts(cleaned) if line not in texts(gathered)]
    lines += said("clean", verdicts(data, "clean", row_id) + changed)
    for stage in ("identify", "assess", "bitext"):
        scores = found(data / stage / "scores", row_id)
        lines += said(stage, [measure(n, v, limits) for r in scores for n, v in measures(r)])
    lines += said("dedup", cluster(data / "dedup" / "clusters", row_id))
    lines += said("spelling", [written(row) for row in found(data / "spelling" / "scores", row_id)])
    return lines + said("select", verdicts(data, "select", row_id))


def limits_of(data: Path, rows: list[Row], languages: Languages) -> dict[str, Row]:
    """The limits that select held a row against, by rule."""
    if not rows:
        return {}
    code = rows[0]["language"]
    key = owner_of(code, languages) or "default"
    origins = found(data / "gather" / "sources", rows[0]["origin"], "origin")
    trusted = any(row["trusted"] for row in origins)
    limits = [
        row
        for name in (key, code)  # a variety's own limits come before its language's
        for row in found(data / "select" / "limits", name or "", "language")
    ]
    return {row["rule"]: row for row in limits if row["trusted"] == trusted}


def verdicts(data: Path, stage: str, row_id: str) -> list[str]:
    """What the ledger of a stage says of a row."""
    return [verdict(row) for row in found(data / stage / "ledger", row_id)]


def verdict(row: Row) -> str:
    """A ledger row in words.

    >>> verdict({"kept": False, "reason": "duplicate", "value": "ab12", "limit": "one a cluster"})
    'dropped: duplicate: ab12 (one a cluster)'
    """
    words = ["kept" if row["kept"] else "dropped", row["reason"], row["value"]]
    limit = f" ({row['limit']})" if row["limit"] else ""
    return ": ".join(word for word in words if word) + limit


def texts(rows: list[Row]) -> list[str]:
    """What a row holds, a line for each side and one for where it is from."""
    lines = []
    for row in rows:
        for side, code in (("source", "source_language"), ("target", "language")):
            lines += [] if row[side] is None else [f"{side} {row[code]}: {row[side]!r}"]
        lines.append(
            f"from {row['origin']}, document {row['document']!r}, position {row['position']}, "
            f"licence {row['licence']}"
        )
    return lines


def measures(row: Row) -> list[tuple[str, object]]:
    """The scores of a row by name."""
    return [(name, value) for name, value in row.items() if name != "id"]


def measure(name: str, value: object, limits: dict[str, Row]) -> str:
    """A score with the limits that select held it against.

    >>> measure("length_ratio", 0.5, {"length_ratio": {"least": 0.1, "most": None}})
    'length_ratio 0.5 (at least 0.1)'
    """
    limit = limits.get(name, {})
    bounds = [
        f"at {side} {text(limit[side])}"
        for side in ("least", "most")
        if limit.get(side) is not None
    ]
    shown = "nothing to measure" if value is None else text(value)
    return f"{name} {shown}" + (f" ({', '.join(bounds)})" if bounds else "")


def cluster(folder: Path, row_id: str) -> list[str]:
    """The near-duplicates of a row."""
    lines = []
    for row in found(folder, row_id):
        size, group = (len(found(folder, row[name], name)) for name in ("cluster", "group"))
        place = (
            "the centre" if row["cluster"] == row_id else f"{row['similarity']:.3f} to the centre"
        )
        lines.append(f"cluster {row['cluster']} of {size} rows, {place}")
        lines.append(f"group {row['group']} of {group} rows")
    return lines


def written(row: Row) -> str:
    """The orthography that a row is most likely written in.

    >>> written({"orthography": "sep", "score": 0.98, "signs": 12})
    'orthography sep, probability 0.98, by 12 signs'
    """
    if row["orthography"] is None:
        return "orthography not told"
    score = text(row["score"])
    return f"orthography {row['orthography']}, probability {score}, by {row['signs']} signs"


def synthetic(data: Path, made: list[tuple[str, Row]]) -> list[str]:
    """How a synthetic row was made and what validate says of it."""
    lines = []
    for method, row in made:
        parents = ", ".join([row["parent"], *(row["others"] or ())])
        lines += said(method, [f"made from {parents} by {row['engine']}", *texts([row])])
        scores = found(data / "validate" / "scores", row["id"])
        shown = [measure(n, v, {}) for r in scores for n, v in measures(r)]
        lines += said("validate", verdicts(data, "validate", row["id"]) + shown)
    return lines


def children(data: Path, row_id: str) -> list[str]:
    """The synthetic rows made from a row, each with what validate says of it."""
    lines = []
    for method in METHODS:
        folder = data / method / "rows"
        further = found(folder, row_id, "others", "list_contains({column}, {value})")
        for row in found(folder, row_id, "parent") + further:
            judged = verdicts(data, "validate", row["id"]) or ["not validated"]
            lines.append(f"{row['id']} {method}: {judged[0]}")
    return lines


def mixture(data: Path, row_id: str) -> list[str]:
    """The mixtures that a row is in, with its weight, or why it is in none."""
    lines = [line for line in verdicts(data, "mix", row_id) if line != "kept"]
    for folder in sorted((data / "mix").glob("*/rows")):
        for row in found(folder, row_id):
            lines.append(f"kept: {folder.parent.name}, weight {text(row['weight'])}")
    return lines
