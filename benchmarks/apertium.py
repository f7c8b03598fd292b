"""How fast Apertium's pipe is: segments a second of the clock, and of all its programs' CPUs.

`python -m benchmarks.apertium data/split/train spa-cat spa-arg`: the Spanish sides of a table's
3,000 pairs of lowest hash, in calls as a stage makes them. `one by one`: each waits for the last.
"""

import resource
import sys
import time
from pathlib import Path

from augment.engines import apertium
from corpus.table import place, read

SEGMENTS = 3000
FOLDER = Path("/usr/share/apertium/modes")


def main() -> None:
    """Print a line a mode and size of call."""
    sides = read(Path(sys.argv[1]), ["source"])["source"].to_pylist()
    texts = sorted({side for side in sides if side}, key=lambda side: place(side))[:SEGMENTS]
    words = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts)} segments of {words:.1f} words")
    for mode in sys.argv[2:]:
        print(f"{mode}: {rates(mode, texts, apertium.CALL)}")
        print(f"{mode}, one by one: {rates(mode, texts, 1)}")


def rates(mode: str, texts: list[str], size: int) -> str:
    """Segments a second of both kinds, with the start of the programs."""
    pipe = apertium.Pipe(FOLDER / f"{mode}.mode", 60.0)
    begun, before = time.monotonic(), spent()
    for first in range(0, len(texts), size):
        list(pipe.ask(texts[first : first + size]))
    clock = time.monotonic() - begun
    if pipe.process:
        pipe.process.communicate()  # an end to read, so that their CPU seconds are counted
        pipe.process = None
    cpu = spent() - before
    return f"{len(texts) / clock:.0f} a second, {len(texts) / cpu:.0f} a CPU-second"


def spent() -> float:
    """CPU seconds of the children that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
