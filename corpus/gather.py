"""Every source of params.yaml as one table: each row with its document, language, origin, licence.

Every record that was read has one ledger row, the unreadable ones too: they are dropped with their
reason, file and line. Text is taken over as it stands; repairs are clean's.
"""

from collections import Counter
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from langcodes import Language as Code
from tqdm import tqdm

from corpus.formats.readers import records
from corpus.formats.row import READ, VERDICT, Origin, row
from corpus.formats.segment import segmented
from corpus.formats.source import Source
from corpus.rights import told_of
from corpus.settings import Language, Languages, at_work, settings
from corpus.stage import Output, judged, run
from corpus.table import LEDGER, SCHEMA, InputError, canonical, counts
from corpus.taken import REASON, read_list, taken_out

CHUNK = 50_000  # rows held as Python objects at once
SOURCES = pa.schema(  # what later stages ask about an origin
    [
        pa.field("origin", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),  # key of languages
        pa.field("licence", pa.string(), nullable=False),
        pa.field("redistribute", pa.bool_(), nullable=False),
        pa.field("trusted", pa.bool_(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),  # kept
    ]
)


DOCUMENTS = pa.schema(  # the genre of what was gathered
    [
        pa.field("origin", pa.string(), nullable=False),
        pa.field("document", pa.string()),
        pa.field("domain", pa.string()),  # null: not known
        pa.field("rows", pa.int64(), nullable=False),
    ]
)


@settings
class Gather:
    """The sources, and what is too long for a row."""

    most_characters: int  # of either side; a longer row is no segment
    sources: dict[str, Source]  # the name is the rows' origin

    def __post_init__(self) -> None:
        if self.most_characters < 1:
            raise ValueError(f"most_characters must be at least 1, got {self.most_characters}")


def gather(  # noqa: PLR0913
    params: Gather,
    active: tuple[str, ...],
    languages: Languages,
    fetched: Path,
    raw: Path,
    taken: Path,
) -> Output:
    """The sources of the active languages and their neighbours as one table, with its ledger.

    Args:
        taken: the list of what was taken down; see corpus/taken.py.

    Raises:
        InputError: a source is missing, damaged, or gives no row at all.
    """
    wanted = chosen(params, active, languages)
    requests = read_list(taken)
    read = read_all(params, wanted, languages, {"fetched": fetched, "raw": raw, "hub": Path()})
    entered = taken_out(read, requests, languages, raw)
    kept = pc.is_null(entered["reason"])
    where = pc.if_else(kept, None, entered["value"])
    entered = entered.set_column(entered.schema.get_field_index("value"), "value", where)
    stage = pa.repeat("gather", len(entered))
    said = [entered[name] for name in VERDICT]
    ledger = pa.table([entered["id"], stage, kept, *said], schema=LEDGER)
    rows = entered.filter(kept).select(SCHEMA.names)
    facts = described(wanted, rows)
    report = judged("gather", entered.select(["id", "language", "origin"]), ledger, rows)
    return Output(
        tables={
            "rows": rows,
            "ledger": ledger,
            "sources": facts,
            "documents": documents(wanted, rows),
        },
        report={
            **report,
            "sources": summary(wanted, facts, entered, rows),
            "taken_down": {
                "requests": Counter(one.what for one in requests),
                "rows": pc.sum(pc.equal(entered["reason"], REASON)).as_py() or 0,
            },
        },
    )


def read_all(
    params: Gather, wanted: dict[str, Source], languages: Languages, roots: dict[str, Path]
) -> pa.Table:
    """All rows of these sources as READ has them: value says where a row stands.

    Raises:
        InputError: a source cannot be read.
    """
    tables = []
    for name, source in wanted.items():
        script = languages[source.language].script
        tables.append(read_source(Origin(name, source, script, params.most_characters), roots))
    return canonical(pa.concat_tables(tables))


def chosen(params: Gather, active: tuple[str, ...], languages: Languages) -> dict[str, Source]:
    """The sources of languages at work, by name.

    Raises:
        InputError: a source's language or variety is unknown, or an active language has no source.
    """
    for name, source in params.sources.items():
        if source.language not in languages:
            raise InputError(
                f"source {name!r} has the language {source.language!r}, "
                f"which is not in languages: {sorted(languages)}"
            )
        check_codes(name, source, languages[source.language])
    working = at_work(active, languages)
    wanted = {n: s for n, s in sorted(params.sources.items()) if s.language in working}
    if bare := [key for key in active if key not in {s.language for s in wanted.values()}]:
        raise InputError(
            f"gather.sources has no source for {bare}; add one, or take it from active"
        )
    return wanted


def check_codes(name: str, source: Source, language: Language) -> None:
    """Check that varieties are ones the language may carry, and the source side has a real code.

    Raises:
        InputError: one is not.
    """
    if strange := sorted(set(source.varieties.values()) - set(language.varieties)):
        raise InputError(
            f"source {name!r} has the varieties {strange}, which are not among those of "
            f"languages.{source.language}: {sorted(language.varieties)}"
        )
    if source.source_language is not None:
        code, _, script = source.source_language.partition("_")
        if not (script and Code.get(code).is_valid() and Code.make(script=script).is_valid()):
            raise InputError(
                f"source {name!r} has source_language {source.source_language!r}; "
                "it is an ISO 639-3 code and an ISO 15924 script, as spa_Latn"
            )


def read_source(origin: Origin, roots: dict[str, Path]) -> pa.Table:
    """All rows of a source, unreadable ones too, with what the ledger says of them.

    Raises:
        InputError: it cannot be read, or no row of it can be kept.
    """
    ids: Counter[str] = Counter()
    places: Counter[str] = Counter()
    read = (
        (file, part)
        for file, record in records(origin.source, roots)
        for part in segmented(origin.source, record)
    )
    rows = (row(origin, file, record, ids, places) for file, record in read)
    pieces = []
    try:
        with tqdm(desc=f"gather {origin.name}", unit=" rows", mininterval=1) as bar:
            while chunk := list(islice(rows, CHUNK)):
                pieces.append(pa.table(list(zip(*chunk, strict=True)), schema=READ))
                bar.update(len(chunk))
    except InputError as error:
        raise InputError(f"source {origin.name!r}: {error}") from error
    table = pa.concat_tables(pieces or [READ.empty_table()])
    check_some(origin, table)
    return table


def check_some(origin: Origin, table: pa.Table) -> None:
    """Check that a source gives a row: all lost is a mistake in params.yaml, not in the text.

    Raises:
        InputError: it gives none.
    """
    if not len(table):
        raise InputError(f"source {origin.name!r}: {origin.source.path} holds no row")
    if not table["reason"].null_count:
        often = Counter(table["reason"].to_pylist()).most_common(1)[0][0]
        first = table.filter(pc.equal(table["reason"], often)).slice(0, 1).to_pylist()[0]
        limit = f" ({first['limit']})" if first["limit"] else ""
        raise InputError(
            f"source {origin.name!r}: all {len(table)} rows are dropped, most for {often!r}, as "
            f"{first['value']}{limit}; check its format, columns and varieties"
        )


def described(wanted: dict[str, Source], rows: pa.Table) -> pa.Table:
    """The table of sources, for the stages that learn from trusted text only."""
    kept = counts(rows, "origin")
    facts = [
        {
            "origin": name,
            "language": source.language,
            "licence": source.licence,
            "redistribute": source.redistribute,
            "trusted": source.trusted,
            "path": source.path,
            "rows": kept.get(name, 0),
        }
        for name, source in wanted.items()
    ]
    return pa.Table.from_pylist(facts, schema=SOURCES)


def documents(wanted: dict[str, Source], rows: pa.Table) -> pa.Table:
    """Every document with its domain, as its source has it."""
    facts = [
        {
            "origin": origin,
            "document": document,
            "domain": wanted[origin].domains.get(document, wanted[origin].domains.get("*")),
            "rows": count,
        }
        for origin, found in counts(rows, "origin", "document").items()
        for document, count in found.items()
    ]
    return pa.Table.from_pylist(facts, schema=DOCUMENTS)


def summary(
    wanted: dict[str, Source], facts: pa.Table, entered: pa.Table, rows: pa.Table
) -> dict[str, object]:
    """What the report says of each source: its terms, records read, rows and varieties.

    The rights stand here only: a note of consent changes no table, and so nothing is made anew.
    """
    read = counts(entered, "origin")
    varieties = counts(rows, "origin", "language")
    alone = {
        side: counts(rows.filter(pc.is_null(rows[other])), "origin")
        for side, other in (("source", "target"), ("target", "source"))
    }
    return {
        fact["origin"]: {
            **fact,
            "read": read[fact["origin"]],
            "varieties": varieties.get(fact["origin"], {}),  # none where all is taken down
            "source_alone": alone["source"].get(fact["origin"], 0),
            "target_alone": alone["target"].get(fact["origin"], 0),
            "rights": told_of(wanted[fact["origin"]].rights),
        }
        for fact in facts.to_pylist()
    }


if __name__ == "__main__":
    run(gather, Gather)
