"""Sentences of many scripts by the boundaries of corpus/formats/segment.py, beside other libraries.

    python -m benchmarks.segment

Paragraphs of a declaration of human rights that end in a full stop of any script are joined, with a
space between where the script has spaces; a boundary is found where a sentence ends with a
paragraph. What else is cut is counted per paragraph beside that of English, for there is no truth
about it. The last lines are the speed. Peers are tried where they are installed.
"""

import json
import lzma
import time
from collections.abc import Callable
from importlib import import_module
from itertools import accumulate
from pathlib import Path

import regex

from corpus.formats.segment import sentences

RAW = Path("data/raw/udhr.jsonl.xz")
DECLARATIONS = {  # with the tag that a peer is told
    "eng": "en", "spa": "es", "nhn": "nah", "hun": "hu", "amh": "am", "tir": "ti", "khm": "km",
    "hin": "hi", "ben": "bn", "arb": "ar", "urd": "ur", "pes_1": "fa", "hye": "hy", "kat": "ka",
    "ell_monotonic": "el", "mya": "my", "bod": "bo", "dzo": "dz", "cmn_hans": "zh", "jpn": "ja",
    "tha": "th", "lao": "lo", "ike": "iu", "nio": "nio",
}  # fmt: skip
ENDS = regex.compile(r"[\p{STerm}།།]\P{L}*\Z")
SPACELESS = {"zh", "ja"}
Cut = Callable[[str, str], list[str]]


def peers() -> dict[str, Cut]:
    """Ways to cut a text in a language, by name."""
    found: dict[str, Cut] = {"here": lambda text, tag: sentences(text)}
    try:
        sentencex = import_module("sentencex")
        found["sentencex"] = lambda text, tag: list(sentencex.segment(tag, text))
    except ImportError:
        print("sentencex is not installed")
    try:
        pysbd = import_module("pysbd")
        cutters: dict[str, object] = {}

        def cut(text: str, tag: str) -> list[str]:
            known = tag if tag in pysbd.languages.LANGUAGE_CODES else "en"
            if known not in cutters:
                cutters[known] = pysbd.Segmenter(language=known, clean=False)
            return list(cutters[known].segment(text))  # type: ignore[attr-defined]

        found["pysbd"] = cut
    except ImportError:
        print("pysbd is not installed")
    return found


def declarations() -> dict[str, list[str]]:
    """The paragraphs of each declaration that end in a full stop."""
    found: dict[str, list[str]] = {name: [] for name in DECLARATIONS}
    with lzma.open(RAW, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["declaration"] in found:
                text = " ".join(row["text"].split())
                found[row["declaration"]] += [text] if ENDS.search(text) else []
    return found


def figures(paragraphs: list[str], joint: str, cut: Callable[[str], list[str]]) -> tuple[int, int]:
    """Paragraphs' ends that are found, and all parts."""
    whole = joint.join(paragraphs)
    ends = list(accumulate(len(p) + len(joint) for p in paragraphs))[:-1]
    parts = cut(whole)
    found = set(accumulate(map(len, parts))) if "".join(parts) == whole else set()
    near = {place + shift for place in found for shift in range(len(joint) + 1)}
    return sum(end in near for end in ends), len(parts)


def main() -> None:
    """Print the figures."""
    ways, spent, letters = peers(), dict.fromkeys(peers(), 0.0), 0
    for name, paragraphs in declarations().items():
        if len(paragraphs) < 2:
            print(f"{name:<14} {len(paragraphs)} paragraphs end in a full stop: not measured")
            continue
        tag, said = DECLARATIONS[name], []
        joint = "" if tag in SPACELESS else " "
        letters += sum(map(len, paragraphs))
        for title, cut in ways.items():
            start = time.process_time()
            found, parts = figures(paragraphs, joint, lambda text, cut=cut, tag=tag: cut(text, tag))
            spent[title] += time.process_time() - start
            rate = found / (len(paragraphs) - 1)
            said.append(f"{title} {rate:.3f}, {parts / len(paragraphs):.2f} parts")
        print(f"{name:<14} {len(paragraphs):>3} paragraphs: {'; '.join(said)}")
    for title, seconds in spent.items():
        print(f"{title}: {letters / max(seconds, 1e-9) / 1e6:.2f} million characters a CPU-second")


if __name__ == "__main__":
    main()
