"""Beads of aligned sentences against beads that are known, beside nltk's Gale-Church.

    python -m benchmarks.align

Documents are pages of LibreOffice help and declarations of human rights, whose paragraphs are
aligned: in a paragraph with as many sentences on both sides each is a bead, else all are one. Where
a tenth is lost, so many paragraphs of each side are taken out by hash: text that one side lacks.
Exact beads count; those of one side alone do not. Intervals of 95 %: bootstrap over documents.
The costs of `align` were chosen on other pages and on the declarations spa, amh, khm and cmn_hans.
"""

import json
import lzma
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from nltk.translate.gale_church import align_blocks

from corpus.formats.align import Bead, align
from corpus.formats.segment import sentences
from corpus.table import place

RAW = Path("data/raw")
HELP = "languages/orm/data/raw/libreoffice-help.om.jsonl.xz"
DECLARATIONS = (
    "spa",
    "hun",
    "amh",
    "arb",
    "hin",
    "khm",
    "hye",
    "cmn_hans",
    "fin",
    "quz",
    "swh",
    "kat",
)
PAGES = slice(150, 350)  # of the help, by hash; the first 150 chose the costs
LEAST = 4  # sentences of a document's shorter side
DRAWS = 1000
Paragraphs = list[tuple[str, str]]
Align = Callable[[list[str], list[str]], list[Bead]]


def rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a file."""
    with lzma.open(name, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def help_pages(source: str, target: str) -> dict[str, Paragraphs]:
    """LibreOffice help: a page a document, an element a paragraph."""
    found: dict[str, Paragraphs] = {}
    for row in rows(HELP):
        found.setdefault(row["document"], []).append((row[source], row[target]))
    return {name: found[name] for name in sorted(found, key=partial(place, "pages"))[PAGES]}


def declarations(source: str, target: str) -> dict[str, Paragraphs]:
    """Declarations: an article a paragraph, ten in a document."""
    sides: dict[str, dict[tuple[str, int], str]] = {source: {}, target: {}}
    for row in rows("udhr.jsonl.xz"):
        if row["declaration"] in sides:
            sides[row["declaration"]][row["section"], row["paragraph"]] = row["text"]
    both = [(sides[source].get(key, ""), sides[target].get(key, "")) for key in sides[source]]
    return {str(n): both[n : n + 30] for n in range(0, len(both), 30)}


def document(
    name: str, paragraphs: Paragraphs, lost: float
) -> tuple[list[str], list[str], set[Bead]]:
    """The sentences of both sides, and the beads that are known."""
    texts: tuple[list[str], list[str]] = ([], [])
    beads: set[Bead] = set()
    for number, sides in enumerate(paragraphs):
        starts = [len(text) for text in texts]
        for side, (text, paragraph) in enumerate(zip(texts, sides, strict=True)):
            if place("lost", name, str(number), str(side)) >= lost:
                text += sentences(paragraph) if paragraph.strip() else []
        ends = [len(text) for text in texts]
        if starts[0] < ends[0] and starts[1] < ends[1]:
            counts = [end - start for start, end in zip(starts, ends, strict=True)]
            cuts = range(counts[0]) if counts[0] == counts[1] else ()
            beads |= {
                ((starts[0] + n, starts[0] + n + 1), (starts[1] + n, starts[1] + n + 1))
                for n in cuts
            } or {((starts[0], ends[0]), (starts[1], ends[1]))}
    return *texts, beads


def gale_church(source: list[str], target: list[str]) -> list[Bead]:
    """The alignment of nltk: links of sentences, put together to beads."""
    links = align_blocks([len(s.strip()) for s in source], [len(s.strip()) for s in target])
    beads: list[list[set[int]]] = []
    for link in links:
        bead = next((b for b in beads if link[0] in b[0] or link[1] in b[1]), None)
        if bead is None:
            beads.append([{link[0]}, {link[1]}])
        else:
            bead[0].add(link[0])
            bead[1].add(link[1])
    return [tuple((min(side), max(side) + 1) for side in bead) for bead in beads]  # type: ignore[misc]


def figures(documents: dict[str, Paragraphs], lost: float, by: Align) -> str:
    """Precision and recall of beads with intervals, and CPU seconds."""
    counts = []
    start = time.process_time()
    for name, paragraphs in documents.items():
        source, target, known = document(name, paragraphs, lost)
        if min(len(source), len(target)) < LEAST:
            continue
        found = {
            bead
            for bead in by(source, target)
            if bead[0][0] < bead[0][1] and bead[1][0] < bead[1][1]
        }
        counts.append((len(found & known), len(found), len(known)))
    spent = time.process_time() - start
    table = np.array(counts)
    drawn = np.random.default_rng(0).integers(0, len(table), (DRAWS, len(table)))
    sums = np.concatenate([table.sum(0)[None], table[drawn].sum(1)])
    shown = []
    for column in (1, 2):
        rate = sums[:, 0] / sums[:, column]
        low, high = np.quantile(rate[1:], (0.025, 0.975))
        shown.append(f"{rate[0]:.3f} [{low:.3f}, {high:.3f}]")
    size = f"{len(table)} documents, {table[:, 2].sum()} beads, {spent:.1f} s"
    return f"precision {shown[0]}  recall {shown[1]}  {size}"


def main() -> None:
    """Print the figures."""
    sets = {f"help eng-{t}": partial(help_pages, "eng", t) for t in ("orm", "spa")}
    sets |= {"help spa-orm": partial(help_pages, "spa", "orm")}
    sets |= {f"rights eng-{t}": partial(declarations, "eng", t) for t in DECLARATIONS}
    for name, read in sets.items():
        documents = read()
        for lost in (0.0, 0.1):
            for title, by in (("here", align), ("nltk", gale_church)):
                print(f"{name:<20} lost {lost:.0%}  {title}: {figures(documents, lost, by)}")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
