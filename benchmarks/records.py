"""What recording costs: CPU microseconds a call of one text, and seconds to look 100,000 up.

`python -m benchmarks.records`; writes below a temporary folder.
"""

import os
import tempfile
import time

from augment import cache

MAKER = ("translate", "engine@0", "1")
CALLS = 20_000
TEXTS = 100_000


def main() -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        texts = [f"In ātl in tepētl {number}" for number in range(TEXTS)]
        begun = time.process_time()
        cache.remembered(lambda asked: asked, MAKER, texts[:CALLS], 1)
        spent = time.process_time() - begun
        print(f"record: {spent / CALLS * 1e6:.0f} CPU-µs a call of one text")
        cache.record(MAKER, texts, texts)
        begun = time.process_time()
        found = cache.recall(MAKER, texts)
        print(f"recall: {time.process_time() - begun:.2f} CPU-s for {len(found)} texts")
        cache.connection.cache_clear()


if __name__ == "__main__":
    main()
