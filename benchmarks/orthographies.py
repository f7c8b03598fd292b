"""Figures of spelling: `python -m benchmarks.orthographies`, after `dvc repro dedup`; a minute.

- `meet`: the share of words of one UDHR text in two orthographies that have the same key.
- `told`: the share of rows of Axolotl documents whose orthography is evident (EVIDENT, read by eye)
  that `spelling` tells so, by score; and of rows written anew by `respell`'s rules, each alone in
  its document.
- `variants`: precision at k of the suspected spelling variants of Nahuatl, which no profile helps
  with: clusters are those of the plain key. What is known (KNOWN) is what grammars list.
"""

import json
import lzma
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from augment.respell import writers_of, written
from corpus import settings
from corpus.dedup import Dedup, dedup
from corpus.orthography import matching_key, profile
from corpus.rates import rate
from corpus.shards import Shards
from corpus.spelling import Spelling, classified
from corpus.table import place, read
from corpus.variants import variants

SCRIPTS = (
    ("uig", "uig_arab", "uig_latn"),
    ("uzn", "uzn_cyrl", "uzn_latn"),
    ("hau", "hau_NE", "hau_NG"),
)
EVIDENT = {  # how a document's name begins: its orthography
    "Diario": "colonial",
    "Anales de Tlatelolco": "colonial",
    "Primera relación": "colonial",
    "Tercera Rel": "colonial",
    "Cuarta Rel": "colonial",
    "Quinta Rel": "colonial",
    "Sexta Rel": "colonial",
    "Memorial Breve": "colonial",
    "Método": "ack",
    "Recetario": "ack",
    "De Porfirio": "ack",
    "Constitución": "ilv",
    "Adivinanzas": "inali",
    "Una tortillita": "sep",
    "Lo que relatan": "sep",
    "El nahuatl de Tetzcoco": "linguists",
}
KNOWN = {  # runs of letters that stand for one another, as `variants` gives them
    *(("c", "k"), ("k", "qu"), ("c", "q"), ("cu", "kw"), ("hu", "w"), ("u", "w"), ("hu", "v")),
    *(("s", "z"), ("z", "ç"), ("s", "ç"), ("c", "s"), ("c", "z"), ("ch", "č"), ("x", "š")),
    *(("h", "j"), ("", "h"), ("i", "y"), ("tz", "ts"), ("u", "v"), ("o", "u"), ("uh", "w")),
    *(("hu", "u"), ("uh", "u"), ("uj", "w")),
}
RESPELLED = 500  # rows written anew
Row = dict[str, Any]


def meet() -> Iterable[tuple[str, Row]]:
    """The share of words that meet, by language."""
    with lzma.open("data/raw/udhr.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = list(map(json.loads, lines))
    for language, *codes in SCRIPTS:
        key = matching_key(language)
        sides = [
            {(r["section"], r["paragraph"]): key(r["text"]) for r in rows if r["declaration"] == c}
            for c in codes
        ]
        both = sorted(sides[0].keys() & sides[1].keys())
        words = [[side[place].split() for side in sides] for place in both]
        same = sum(b.size for w in words for b in SequenceMatcher(None, *w).get_matching_blocks())
        yield language, rate(same, sum(max(map(len, pair)) for pair in words))


def told(rows: list[Row], slip: float) -> Row:
    """Right answers of evident documents by score, and of rows that rules wrote anew."""
    known = profile("nah")
    scores = {row["id"]: row for row in classified(rows, known, slip)}
    right: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        true = next((o for name, o in EVIDENT.items() if row["document"].startswith(name)), None)
        said = scores.get(row["id"], {})
        if true and said.get("orthography"):
            band = next(b for b in ("0.97", "0.9", "0.7", "0.5", "0") if said["score"] >= float(b))
            right[f"score {band} or more"].append(said["orthography"] == true)
            right["all"].append(said["orthography"] == true)
    chosen = sorted(rows, key=lambda row: place("respelled", row["id"]))[:RESPELLED]
    for name, write in writers_of("nah").items():
        made = [(row, *written(row["target"], write)) for row in chosen]
        anew = [{**r, "document": None, "target": text} for r, text, c in made if c >= 0.3]
        for row in classified(anew, known, slip):
            right[f"written anew in {name}, alone"].append(row["orthography"] == name)
    return {name: rate(sum(some), len(some)) for name, some in sorted(right.items())}


def found(rows: list[Row], tree: dict[str, Any]) -> Row:
    """The variants of Nahuatl without its profile, and how many of the first k are known."""
    _, languages = settings.languages(tree)
    plain = {k: replace(v, orthography=None) for k, v in languages.items()}
    params = settings.section(Spelling, "spelling", tree).variants
    kinds = (settings.section(k, k.__name__.lower(), tree) for k in (Dedup, Shards))
    with tempfile.TemporaryDirectory() as name:
        table = dedup(Path("data/clean/rows"), plain, *kinds, Path(name)).tables["clusters"]
    groups = dict(zip(*(table[n].to_pylist() for n in ("id", "group")), strict=True))
    pairs = [(row["one"], row["other"]) for row in variants(rows, groups, params)]
    hits = [tuple(sorted(pair)) in {tuple(sorted(k)) for k in KNOWN} for pair in pairs]
    names = [f"{one or 'nothing'} ~ {other}" for one, other in pairs]
    return {
        "precision": {f"at {k}": sum(hits[:k]) / k for k in (5, 10, 15, 20)},
        "first": [n if hit else f"({n})" for n, hit in zip(names, hits, strict=True)],
    }


def main() -> None:
    """Measure, print."""
    tree = settings.load()
    rows = [r for r in read(Path("data/clean/rows")).to_pylist() if r["origin"] == "axolotl"]
    rows = [row for row in rows if row["target"]]
    slip = tree["spelling"]["slip"]
    figures = {"meet": dict(meet()), "told": told(rows, slip), "variants": found(rows, tree)}
    print(json.dumps(figures, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
