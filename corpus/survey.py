"""What lies in a folder: the format of each file, its columns, and which of them is which language.

A column is known by its name where that is a language's code or name, else by its letters: the
cosine of its character trigrams with those of the Universal Declaration of Human Rights in each
language that has one. Both are guesses, which `milpa new` shows.
"""

import csv
import json
import lzma
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import langcodes
import pyarrow as pa
import pyarrow.parquet as pq
import regex
from unicode_segmentation_rs import text_width

from corpus.formats import lift, sfm, tmx
from corpus.formats.record import OPENERS, Column, line_count, lines, not_text, opened
from corpus.formats.segment import sentences
from corpus.script import script
from corpus.table import InputError

TABLES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".tmx": "tmx",
    ".lift": "lift",
    ".sfm": "sfm",
    ".mdf": "sfm",
}
PLAIN = (".txt", ".text", ".md", "")
SAMPLE = 1000  # records that are looked at
MOST_PROFILE = 20_000  # characters of a column that its trigrams are counted in
LEAST_LETTERS = 8  # in the median value of a column of text
WRAPPED = 0.6  # a broken line is as long as this share of the longest, and most are
TAGGED = regex.compile(  # book.es, book.es.txt, book.nah.gz
    r"(?P<stem>.+?)\.(?P<tag>[A-Za-z]{2,3}(?:[-_]\p{Lu}\p{Ll}{3})?)"
    r"(?P<rest>(?:\.txt)?(?:\.(?:gz|xz|bz2|zst))?)"
)
NO_LANGUAGES = (  # though some are codes
    *("txt", "csv", "tsv", "tab", "tmx", "md"),
    *("src", "tgt", "org", "raw", "doc", "url", "num", "row", "seq", "pos"),
)
LEAST_WRAPPED = 40  # columns of the longest line, if a program broke them
ENDED = regex.compile(r"\p{STerm}\P{L}*\Z")
LETTER = regex.compile(r"\p{L}")
Samples = dict[Column, list[str]]


@dataclass(frozen=True)
class Found:
    """A file, or files that belong together, and a sample of what each column holds."""

    name: str  # below the folder; of pairs the common beginning
    format: str
    header: bool
    samples: Samples
    even: bool = True  # the files of a pair have as many lines


def survey(folder: Path, names: list[str]) -> Iterator[Found]:
    """What the files of a folder are, those that belong together as one.

    Raises:
        InputError: a file cannot be read.
    """
    pairs = parallel(names)
    for stem, endings in sorted(pairs.items()):
        samples: Samples = {e: middle(folder / f"{stem}.{e}") for e in endings}
        counts = {line_count(folder / f"{stem}.{ending}") for ending in endings}
        yield Found(stem, "moses", False, samples, even=len(counts) == 1)
    paired = {f"{stem}.{ending}" for stem, endings in pairs.items() for ending in endings}
    for name in sorted(set(names) - paired):
        kind = format_of(name)
        if kind == "text":
            yield Found(name, kind, False, {1: middle(folder / name)})
        elif kind is not None:
            yield table(folder / name, name, kind)


def format_of(name: str) -> str | None:
    """The format that a file's name tells; null for none of ours.

    >>> format_of("a/book.csv.gz"), format_of("book.txt"), format_of("scan.pdf")
    ('csv', 'text', None)
    """
    path = Path(name)
    bare = path.with_suffix("") if path.suffix in OPENERS else path
    ending = bare.suffix.lower()
    if ending in TABLES:
        return TABLES[ending]
    tagged = TAGGED.fullmatch(bare.name)
    known = ending in PLAIN or (tagged and named_language(tagged["tag"]))
    return "text" if known else None


def parallel(names: list[str]) -> dict[str, list[str]]:
    """Stems of files that differ in a language's code alone, with the ends of their names.

    >>> parallel(["book.es.txt", "book.nah.txt", "other.es", "notes.txt"])
    {'book': ['es.txt', 'nah.txt']}
    """
    found: dict[tuple[str, str], list[str]] = {}
    for name in names:
        parts = TAGGED.fullmatch(name)
        if parts and parts["tag"] not in NO_LANGUAGES and named_language(parts["tag"]):
            found.setdefault((parts["stem"], parts["rest"]), []).append(
                parts["tag"] + parts["rest"]
            )
    return {stem: sorted(ends) for (stem, _), ends in found.items() if len(ends) == 2}


def middle(path: Path) -> list[str]:
    """Lines from the middle of a text, where no contents stand; blank ones too: they part text."""
    start = max(0, line_count(path) - SAMPLE) // 2
    return [line.rstrip("\r\n") for line in islice(lines(path), start, start + SAMPLE)]


def table(path: Path, name: str, kind: str) -> Found:
    """A table's columns.

    Raises:
        InputError: the file is damaged or empty, or its fields are parted by something else.
    """
    if kind in ("csv", "tsv"):
        rows = delimited_rows(path, kind)
        header = has_header(rows)
        names: list[Column] = list(rows[0]) if header else list(range(1, len(rows[0]) + 1))
        body = [row for row in rows[header:] if len(row) == len(names)]
        columns: Samples = {c: [row[n] for row in body] for n, c in enumerate(names)}
        return Found(name, kind, header, columns)
    reader = {
        "jsonl": objects,
        "parquet": records,
        "tmx": units,
        "lift": lift.languages,
        "sfm": sfm.columns,
    }[kind]
    found: Samples = {}
    for record in islice(reader(path), SAMPLE):
        for key, value in flat(record):
            found.setdefault(key, []).append(value)
    if not found:
        raise InputError(f"{path.name} holds no text")
    return Found(name, kind, False, found)


def delimited_rows(path: Path, kind: str) -> list[list[str]]:
    """The first rows of a table.

    Raises:
        InputError: there is none, or a semicolon parts them.
    """
    first = list(islice(lines(path), SAMPLE))
    if kind == "csv":
        if first and first[0].count(";") > first[0].count(","):
            raise InputError(f"{path.name} is parted by semicolons; save it with commas, or as TSV")
        rows = [row for row in csv.reader(first) if row]
    else:
        rows = [line.rstrip("\r\n").split("\t") for line in first if line.strip()]
    if not rows:
        raise InputError(f"{path.name} holds no row")
    return rows


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns, two of them languages or all far shorter than text.

    A row of text that is taken for one is lost, so it needs more than to be short: a list of words
    is short throughout.
    """
    first, rest = rows[0], rows[1:]
    if not rest or len(set(first)) < len(first) or not all(cell.strip() for cell in first):
        return False
    if any(row[n : n + 1] == [cell] for n, cell in enumerate(first) for row in rest):
        return False
    if max(len(cell.split()) for cell in first) > 1:
        return False
    usual = sum(len(cell) for row in rest for cell in row) / len(rest)
    known = sum(named_language(cell) is not None for cell in first)
    return known > 1 or max(map(len, first)) <= usual / 3


def objects(path: Path) -> Iterator[Mapping[str, object]]:
    """The objects of a JSON Lines file."""
    for line in lines(path):
        try:
            row = json.loads(line)
        except ValueError:
            continue  # gather's ledger will name the line
        if isinstance(row, dict):
            yield row


def records(path: Path) -> Iterator[Mapping[str, object]]:
    """The rows of a Parquet file."""
    with opened(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(SAMPLE):
            yield from pa.Table.from_batches([batch]).to_pylist()


def units(path: Path) -> Iterator[Mapping[str, object]]:
    """The units of a translation memory, a text for each language."""
    for _, unit in tmx.units(path):
        yield {name: texts[0] for name, texts in unit.items() if texts}


def flat(row: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The texts of a row by column, nested ones with a dot."""
    for name, value in row.items():
        if isinstance(value, dict):
            yield from flat({f"{name}.{key}": inner for key, inner in value.items()})
        elif isinstance(value, str) and not not_text((value,)):
            yield name, value


def is_text(values: list[str]) -> bool:
    """Whether a column holds running text: letters, and seldom the same twice."""
    filled = sorted((v for v in values if v.strip()), key=lambda v: len(LETTER.findall(v)))
    if not filled:
        return False
    letters = len(LETTER.findall(filled[len(filled) // 2]))
    return letters >= LEAST_LETTERS and len(set(filled)) > len(filled) / 2


@cache
def named_language(name: str) -> str | None:
    """ISO 639-3 of the language that a column or an ending is named after; null for none.

    >>> named_language("es"), named_language("text_nah"), named_language("Spanish")
    ('spa', 'nah', 'spa')
    """
    parts = [part for part in regex.split(r"[^\p{L}]+", name) if part]
    parts = [part for part in parts if part.lower() not in NO_LANGUAGES]
    return next((code for part in parts if (code := coded(part))), None)


def coded(word: str) -> str | None:
    """ISO 639-3 of a code or of a language's exact name; null for any other word."""
    if len(word) <= 3:
        return str(langcodes.get(word).to_alpha3()) if langcodes.tag_is_valid(word) else None
    try:
        found = langcodes.find(word)
    except LookupError:
        return None
    exact = word.lower() in (found.display_name().lower(), found.autonym().lower())
    return str(found.to_alpha3()) if exact else None


def trigrams(texts: list[str]) -> Counter[str]:
    """Character trigrams of texts, case folded, words set apart."""
    whole = " ".join(" ".join(texts).casefold().split())[:MOST_PROFILE]
    return Counter(whole[n : n + 3] for n in range(len(whole) - 2))


@cache
def profiles(declarations: Path) -> dict[str, Counter[str]]:
    """The trigrams of each declaration, after its ISO 639-3 code and a slash."""
    texts: dict[str, list[str]] = {}
    with lzma.open(declarations, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            texts.setdefault(f"{row['iso639_3']}/{row['declaration']}", []).append(row["text"])
    return {name: trigrams(some) for name, some in texts.items()}


def nearest(texts: list[str], declarations: Path) -> list[tuple[str, float]]:
    """Codes of languages, those first whose declarations are most like the texts, with cosines."""
    own = trigrams(texts)
    size = math.hypot(*own.values())
    found: dict[str, float] = {}
    for name, profile in profiles(declarations).items():
        product = sum(count * profile[gram] for gram, count in own.items() if gram in profile)
        code = name.partition("/")[0]
        like = product / (size * math.hypot(*profile.values())) if size else 0.0
        found[code] = max(found.get(code, 0.0), like)
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def way_to_cut(texts: list[str]) -> str | None:
    """How running text is to be cut into sentences: wrapped, sentences, or not (null).

    Wrapped: most lines inside a paragraph are nearly as long as the longest and end no sentence.
    """
    longest = min(max(map(text_width, texts), default=0), 100)
    inner = [line for part in "\n".join(texts).split("\n\n") for line in part.split("\n")[:-1]]
    full = [line for line in inner if text_width(line) >= WRAPPED * longest]
    broken = [line for line in full if not ENDED.search(line)]
    if longest >= LEAST_WRAPPED and len(broken) > max(len(texts) / 4, len(inner) / 2):
        return "wrapped"
    counts = [len(sentences(line)) for line in texts if line.strip()]
    return "sentences" if counts and sum(counts) > 1.2 * len(counts) else None


def scripts(texts: list[str]) -> Counter[str]:
    """How many texts are in which script."""
    return Counter(code for text in texts if (code := script(text)))
