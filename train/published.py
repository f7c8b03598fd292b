"""The folder of a published data set: Parquet files, card, attribution and Croissant metadata.

Every count in it is one of the rows in it.
"""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from datasets import DatasetInfo, Features, SplitDict, SplitInfo

from augment.making import Row
from corpus import settings
from corpus.licences import facts, page
from corpus.results import Tree
from corpus.rights import ATTRIBUTION, heeded
from corpus.settings import Languages
from corpus.shards import Shards
from corpus.table import SCHEMA, SYNTHETIC, canonical, counts, write
from train.cards import data_card, hashed, of_corpus, rendered
from train.croissant import Part, described
from train.report import Report
from train.statement import Statement, gaps_of, read_statement
from train.terms import Bounds, combined

CARD, NAMES = "README.md", "ATTRIBUTION.md"
MIXED = "synthetic"  # the configuration of the mixture's synthetic rows
CHANGES = (
    "Unicode, markup and spacing were repaired, segments were cut where a source is running text, "
    "and rows that failed a limit or repeat another were left out, by Milpa"
)
HUMAN = pa.schema([*SCHEMA, pa.field("split", pa.string())])
MADE = pa.schema([*SYNTHETIC, pa.field("split", pa.string())])
COLUMNS = {
    "id": "hash of origin and texts; the same in all versions",
    "document": "book, page or file",
    "position": "place in the document",
    "source": "side in the pivot language; null in monolingual rows",
    "target": "side in the low-resource language",
    "source_language": "ISO 639-3 and ISO 15924 of the source",
    "language": "ISO 639-3 and ISO 15924 of the target: its variety",
    "origin": "source of the text, or the method that made a synthetic row",
    "licence": "SPDX expression, or the terms by name, of this row",
    "parent": "row that a synthetic row was made from; null in human rows",
    "engine": "what made a synthetic row: name@hash",
    "others": "further rows that a synthetic row was made of",
    "split": "train, validation or test",
}
Tables = dict[str, pa.Table]  # by folder


class Project(NamedTuple):
    """What is published, and what is known of it."""

    root: Path  # the folder of params.yaml
    key: str  # of languages
    languages: Languages
    tree: Tree  # params.yaml
    reports: Tree  # by stage

    @property
    def sources(self) -> Tree:
        """What gather says of each origin."""
        found: Tree = self.reports["gather"]["sources"]
        return found

    @property
    def redistribute(self) -> dict[str, bool]:
        """By origin, whether its text may be passed on."""
        return {name: told["redistribute"] for name, told in self.sources.items()}


class Chosen(NamedTuple):
    """The rows that are wanted, and what binds each of the language's."""

    parts: dict[str, list[Row]]  # by folder: data/train, synthetic/train
    bounds: Bounds
    left_out: int

    @property
    def bound(self) -> Bounds:
        """What binds the rows that are wanted."""
        return {row["id"]: self.bounds[row["id"]] for rows in self.parts.values() for row in rows}


def write_all(project: Project, rows: Chosen, version: str | None, out: Path) -> list[str]:
    """Write the folder; returns what there is to say of it, as lines."""
    most = settings.section(Shards, "shards", project.tree).most_bytes
    tables = {
        name: canonical(pa.Table.from_pylist(part, MADE if name.startswith(MIXED) else HUMAN))
        for name, part in rows.parts.items()
    }
    for name, table in tables.items():
        write(table, out / name, most)
    statement = read_statement(project.root / "statements", project.key)
    origins = origins_of(project, rows)
    labels = {one["origin"]: one["rights"]["labels"] for one in origins}
    terms = heeded(combined(rows.bound.values(), project.redistribute), labels)
    told = {"origins": origins, "engines": engines_of(project, rows.bound), "changes": CHANGES}
    (out / NAMES).write_text(rendered("attribution.md.j2", told), "utf-8")
    card = card_of(project, tables, out, {**told, "terms": terms, "statement": statement})
    (out / CARD).write_text(card, "utf-8")
    parts = [
        Part(name.removeprefix("data/").replace("/", "-"), name, table.schema, COLUMNS)
        for name, table in tables.items()
    ]
    lacking = described(out, parts, metadata(project, origins, terms, version))
    return [*lines_of(terms, origins, statement), f"croissant.json: valid{without(lacking)}"]


def without(lacking: list[str]) -> str:
    """What valid metadata lack.

    >>> without(["citeAs"])
    ', without the recommended citeAs'
    """
    return f", without the recommended {', '.join(lacking)}" if lacking else ""


def origins_of(project: Project, rows: Chosen) -> list[Tree]:
    """What is known of each origin that rows go back to, with how many, and its licence's page."""
    sizes = Counter(bound.source for row in rows.bound.values() for bound in row)
    return [
        {**told, "here": sizes[name], "page": page(told["licence"])}
        for name, told in project.sources.items()
        if sizes[name]
    ]


def engines_of(project: Project, bounds: Bounds) -> dict[str, str]:
    """The licence of each engine that is no origin."""
    every = {bound for row in bounds.values() for bound in row}
    return {b.source: b.licence for b in sorted(every) if b.source not in project.sources}


def metadata(project: Project, origins: list[Tree], terms: Tree, version: str | None) -> Tree:
    """What Croissant says of the whole."""
    name = project.languages[project.key].name
    cited = [one["rights"]["cite"] for one in origins if one["rights"]["cite"]]
    return {
        "name": f"{name} corpus",
        "description": f"Segments and segment pairs of {name}, gathered and split by Milpa.",
        "licences": list(terms["licences"]),
        "version": version,
        "cite": "; ".join(cited) or None,
        "url": None,
        "keywords": ["milpa", "low-resource", project.languages[project.key].varieties[0]],
    }


def card_of(project: Project, tables: Tables, out: Path, told: Tree) -> str:
    """The card of the folder, with counts and hashes of what lies in it."""
    key = project.key
    params = settings.section(Report, "report", project.tree)
    said = {
        "maintainer": params.maintainer,
        "cautions": [c for k in ("default", key) for c in params.cautions.get(k, ())],
        "hashes": {name: hashed(out / name) for name in tables},
        "terms": {key: told["terms"]},
        "statements": {key: told["statement"]},
    }
    facts = of_corpus(project.reports, (key,), project.languages, said)
    folder = {
        "heads": [name.removeprefix("data/") for name in tables],
        "varieties": varieties(tables),
        "rows": sum(map(len, tables.values())),
        "bound": [{"licence": name} for name in told["terms"]["licences"]],
        "header": dataset_info(tables, out),
    }
    return data_card({**facts, "origins": told["origins"], "near": []}, folder)


def varieties(tables: Tables) -> list[list[Any]]:
    """Rows of each variety in each table."""
    sizes = {name: counts(table, "language") for name, table in tables.items()}
    codes = sorted({code for found in sizes.values() for code in found})
    return [[code, *(found.get(code, 0) for found in sizes.values())] for code in codes]


def dataset_info(tables: Tables, out: Path) -> Tree:
    """Configurations, columns and sizes, as the header of a card on the Hub has them."""
    groups = {"default": [n for n in tables if n.startswith("data/")]}
    if made := [n for n in tables if n.startswith(MIXED)]:
        groups[MIXED] = made
    configs = [
        {
            "config_name": config,
            "data_files": [
                {"split": name.split("/")[1], "path": f"{name}/*.parquet"} for name in names
            ],
        }
        for config, names in groups.items()
    ]
    infos = [info(config, {n: tables[n] for n in names}, out) for config, names in groups.items()]
    return {"configs": configs, "dataset_info": infos}


def info(config: str, tables: Tables, out: Path) -> Tree:
    """The columns and sizes of a configuration."""
    splits = {
        name.split("/")[1]: SplitInfo(name.split("/")[1], table.nbytes, len(table))
        for name, table in tables.items()
    }
    files = [path for name in tables for path in (out / name).iterdir()]
    made = DatasetInfo(
        features=Features.from_arrow_schema(next(iter(tables.values())).schema),
        splits=SplitDict(splits),
        download_size=sum(path.stat().st_size for path in files),
        dataset_size=sum(table.nbytes for table in tables.values()),
    )
    told: Tree = made._to_yaml_dict()  # its only way to a card's header
    return {"config_name": config, **told}


def lines_of(terms: Tree, origins: list[Tree], statement: Statement) -> list[str]:
    """The terms, and what people have yet to say."""
    lines = [f"terms: {'; '.join(terms['licences'])}"]
    lines += [f"{' and '.join(pair)}: no one licence for both" for pair in terms["conflicts"]]
    nameless = [one["origin"] for one in origins if due(one) and not named(one)]
    if nameless:
        lines.append(
            f"attribution is due for {', '.join(nameless)} and nobody is named; fill in "
            "gather.sources.….rights"
        )
    if gaps := gaps_of(statement):
        lines.append(f"the data statement leaves {len(gaps)} questions open: {', '.join(gaps)}")
    return lines


def due(origin: Tree) -> bool:
    """Whether licence or community ask to be named."""
    asked = facts(origin["licence"])["attribution"]
    return asked is True or bool(ATTRIBUTION & set(origin["rights"]["labels"]))


def named(origin: Tree) -> bool:
    """Whether anybody can be named."""
    return bool(origin["rights"]["holder"] or origin["rights"]["cite"])
