"""The one fixture: a table of the graph from a few target segments."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from corpus.table import SCHEMA


def table(
    *targets: str | None, sources: tuple[str | None, ...] = (), **columns: object
) -> pa.Table:
    """A table whose ids are '0', '1', … and whose sides are given or null."""
    rows = [
        {
            "id": str(number),
            "document": "book",
            "position": number,
            "source": sources[number] if sources else None,
            "target": target,
            "source_language": "spa_Latn",
            "language": "nci_Latn",
            "origin": "test",
            "licence": "CC0-1.0",
            "parent": None,
            **columns,
        }
        for number, target in enumerate(targets)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@pytest.fixture
def corpus() -> Callable[..., pa.Table]:
    """What builds a table."""
    return table
