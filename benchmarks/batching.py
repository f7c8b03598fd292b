"""What a batch changes of a segment: texts and scores beside those of segments alone.

    python -m benchmarks.batching [segments]

A model of benchmarks.throughput's shape base. Only CTranslate2 is asked with padding, which it adds
itself where the sources of a batch differ in length; the engine never does that.
"""

import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

from augment.engines import hub, search, seq2seq
from augment.engines.search import Decode, Hypothesis
from augment.engines.seq2seq import Tokens
from benchmarks import throughput

ENGINES: dict[str, Literal["float32", "int8"] | None] = {
    "transformers": None,
    "ctranslate2 float32": "float32",
    "ctranslate2 int8": "int8",
}
SIZE = 16  # segments of a batch


def asked(decode: Decode, sources: list[list[int]], batches: list[list[int]]) -> list[Hypothesis]:
    """The best hypothesis of each source, asked in these batches of places."""
    found: dict[int, Hypothesis] = {}
    for batch in batches:
        made = decode([sources[place] for place in batch], 1)
        found |= {place: best[0] for place, best in zip(batch, made, strict=True)}
    return [found[place] for place in range(len(sources))]


def compared(alone: list[Hypothesis], found: list[Hypothesis]) -> str:
    """How many differ and by how much."""
    pairs = list(zip(alone, found, strict=True))
    texts = sum(one.tokens != other.tokens for one, other in pairs)
    scores = [abs(one.score - other.score) for one, other in pairs]
    count = sum(score > 0 for score in scores)
    return f"{texts} texts, {count} scores differ, by at most {max(scores):.1e}"


def main(count: int) -> None:
    """One line for each engine, beam and way of batching."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = throughput.SHAPES["base"](Path(scratch, "base"))
        tokens = Tokens(hub.tokenizer("base", folder), "", "")
        sources = [tokens.read(text) for text in throughput.texts(count)]
        lengths = [len(source) for source in sources]
        mixed = random.Random(0).sample(range(len(sources)), len(sources))
        ways = {
            "one length": list(search.batches(lengths, 500)),
            "padded": [mixed[start : start + SIZE] for start in range(0, len(mixed), SIZE)],
        }
        for (name, quantisation), beam in [(e, b) for e in ENGINES.items() for b in (1, 4)]:
            spec = throughput.spec(folder, "base", beam)
            if quantisation:
                spec = replace(spec, fast="ctranslate2", quantisation=quantisation)
            decode = (seq2seq.quick if quantisation else seq2seq.plain)(folder, spec, tokens)
            alone = asked(decode, sources, [[place] for place in range(len(sources))])
            for way in ways if quantisation else ["one length"]:
                found = compared(alone, asked(decode, sources, ways[way]))
                print(f"{name}, beam {beam}, {way}: of {len(sources)} {found}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 48)
