"""Repairs a text's Unicode, markup and spacing, never its orthography; what is unreadable goes.

A repair changes what no writer meant: undecoded bytes, control characters, tags, an editor's signs.
Quotes, apostrophes, ligatures, full-width letters and zero-width characters stay as they are: an
apostrophe may be a letter, and U+200B is all that parts Khmer words. So ftfy's single fixes are
used, not its `fix_text`. Footnote marks stay too: in the corpora seen, an asterisk stands as often
for a letter that could not be read, and raised digits are tones. The signs of an edition (page and
folio marks, sic, supplied letters) are taken from the origins alone that params.yaml names:
elsewhere they may be text.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable

import ftfy
import pyarrow as pa
import regex
from ftfy import fixes

from corpus.settings import settings
from corpus.stage import Output, run
from corpus.table import ledger

Repair = Callable[[str], str]
Verdict = tuple[str, object, object]  # reason, value, limit

EMPTY = regex.compile(r"[\s\p{Cf}]*")
UNREADABLE = "\ufffd"  # what a decoder puts for bytes that it cannot read


def replaced(pattern: str, instead: str = "") -> Repair:
    """The repair that puts `instead` for each match of a pattern."""
    found = regex.compile(pattern)
    return lambda text: found.sub(instead, text)


def bytes_decoded(text: str) -> str:
    r"""C1 controls as the cp1252 quotes and dashes that they were.

    >>> bytes_decoded("quimolhuili: \x93Nopiltzin\x94")
    'quimolhuili: “Nopiltzin”'
    """
    return text if text.isascii() else fixes.fix_c1_controls(text)


def encoding_mended(text: str) -> str:
    """UTF-8 that was read as another encoding, read again, where ftfy is sure of it.

    >>> encoding_mended("sacarÃ¡n")
    'sacarán'
    """
    return text if text.isascii() else ftfy.fix_encoding(text)


def composed(text: str) -> str:
    """The text in NFC."""
    return unicodedata.normalize("NFC", text)


def control_free(text: str) -> str:
    """The text without control characters and terminal colours; joiners and directions stay."""
    if text.isprintable():
        return text
    return C1(fixes.remove_control_chars(fixes.remove_terminal_escapes(text)))


C1 = replaced(r"[\x80-\x9f]")
# but U+202F, which joins Mongolian endings, and U+1680, the stroke between Ogham words
SPACES = replaced(r"[^\S\u202f\u1680]+", " ")
# a number is the page's in brackets, with r or v, between hyphens or at the end, else the text's
PARTED = replaced(r"-\s*\|\|\s*(?:\[?\d+[rv]?\b\]?)?\s*-(?=\p{L})")
PAGE = replaced(r"\|\|(?:\s*(?:\[\d+[rv]?\]|\d+[rv]?\b))?", " ")
CASED = r"[\p{Lu}\p{Ll}\p{Lt}\p{Lm}\p{M}]"
RULES: dict[str, Repair] = {  # in the order in which they apply
    "undecoded bytes": bytes_decoded,
    "wrong encoding": encoding_mended,
    # formatting only: a text about HTML may name <OPTION> and <META> as its subject
    "inline tags": replaced(
        r"(?i)</?(?:b|i|u|em|strong|span|font|a|su[bp]|small|tt)(?:\s[^<>]*)?>"
    ),
    "block tags": replaced(
        r"(?i)</?(?:br|p|div|li|[uo]l|table|t[rdh]|h[1-6])(?:\s[^<>]*)?/?>", " "
    ),
    "entities": lambda text: (
        fixes.unescape_html(text) if "&" in text else text
    ),  # after tags: &lt;b&gt; is meant
    "byte-order marks": replaced(r"\ufeff"),
    "control characters": control_free,
    "soft hyphens": replaced(r"\u00ad"),
    # || 22r, || [13r]; hyphens on both sides belong to the word that the page parts
    "page marks": lambda text: PAGE(PARTED(text)) if "||" in text else text,
    "folio marks": replaced(r"\[[Ff](?:ol)?[.,]\s*\w{1,3}?[ .]*[rv]\b[^\[\]()]{0,9}[\])]"),
    "sic": replaced(r"(?i)[\[({]\s*sic\b(?:\s+pro:[^\[\](){}]*)?\s*[\])}]"),
    # d[on], qui{n}: letters that an editor supplied inside a word; a bracketed word stays, and so
    # do the brackets of scripts without capitals, where words often stand without spaces
    "supplied letters": replaced(
        rf"(?<={CASED})[\[{{]({CASED}+)[\]}}]|[\[{{]({CASED}+)[\]}}](?={CASED})", r"\1\2"
    ),
    "composition": composed,
    "white space": lambda text: SPACES(text).strip(" "),
}


@settings
class Clean:
    """Which repairs apply, and what counts as unreadable."""

    rules: dict[str, tuple[str, ...]]  # names in RULES: default for all, by origin what it adds
    most_unreadable: float  # share of U+FFFD among a side's characters

    def __post_init__(self) -> None:
        if "default" not in self.rules:
            raise ValueError(f"rules needs the key 'default', it has {sorted(self.rules)}")
        for origin, names in self.rules.items():
            if unknown := sorted(set(names) - RULES.keys()):
                raise ValueError(f"rules.{origin} names {unknown}; known are {list(RULES)}")
        if not 0 <= self.most_unreadable <= 1:
            raise ValueError(f"most_unreadable must be in 0..1, got {self.most_unreadable}")

    def of(self, origin: str | None) -> dict[str, Repair]:
        """The repairs of an origin's rows, in the order of RULES."""
        names = {*self.rules["default"], *self.rules.get(origin or "default", ())}
        return {name: repair for name, repair in RULES.items() if name in names}


def repaired(text: str, rules: dict[str, Repair]) -> tuple[str, list[str]]:
    r"""The text after each repair in turn, and the names of those that changed it.

    >>> repaired("onquiz\tin || 22r altepetl", RULES)
    ('onquiz in altepetl', ['page marks', 'white space'])
    """
    kinds = []
    for name, repair in rules.items():
        if (mended := repair(text)) != text:
            kinds.append(name)
            text = mended
    return text, kinds


def verdict(name: str, raw: str | None, mended: str | None, most: float) -> Verdict | None:
    """Why a row goes because of one side, or None where it stays; a null side says nothing."""
    if mended is None:
        return None
    if EMPTY.fullmatch(mended):
        return f"{name} empty", ascii(raw), None
    share = mended.count(UNREADABLE) / len(mended)
    if share > most:
        return f"{name} unreadable", share, f"at most {most}"
    return None


def repaired_side(
    rows: pa.Table, side: str, rules: dict[str | None, dict[str, Repair]]
) -> tuple[pa.Table, Counter[tuple[str, str]]]:
    """The rows with one side repaired, and the repaired texts by kind and language.

    Args:
        rules: by origin.
    """
    found: Counter[tuple[str, str]] = Counter()
    texts: list[str | None] = []
    columns = (rows[name].to_pylist() for name in (side, "language", "origin"))
    for text, language, origin in zip(*columns, strict=True):
        mended, kinds = (None, []) if text is None else repaired(text, rules[origin])
        texts.append(mended)
        found.update((kind, language or "none") for kind in kinds)
    place = rows.schema.get_field_index(side)
    column = pa.chunked_array([pa.array(texts, pa.string())])
    return rows.set_column(place, rows.schema.field(side), column), found


def clean(rows: pa.Table, params: Clean) -> Output:
    """Both sides of every row repaired; rows with a side left empty or unreadable are dropped."""
    rules = {origin: params.of(origin) for origin in rows["origin"].unique().to_pylist()}
    mended, sources = repaired_side(rows, "source", rules)
    mended, targets = repaired_side(mended, "target", rules)
    verdicts: dict[str, Verdict] = {}
    for side in ("source", "target"):
        for name, raw, text in zip(
            *(column.to_pylist() for column in (rows["id"], rows[side], mended[side])), strict=True
        ):
            if (why := verdict(side, raw, text, params.most_unreadable)) is not None:
                verdicts.setdefault(name, why)
    judged = ledger(rows["id"].to_pylist(), "clean", verdicts)
    tree: dict[str, dict[str, int]] = {}
    for (kind, language), texts in sorted((sources + targets).items()):
        tree.setdefault(kind, {})[language] = texts
    return Output(
        tables={"rows": mended.filter(judged["kept"]), "ledger": judged},
        report={"repaired_texts": tree},  # kind -> language -> texts, both sides
    )


if __name__ == "__main__":
    run(clean, Clean, by="rows", enters="rows")
