"""Rows near a text that somebody asked to be taken down: its parts, and what is most like it."""

from collections.abc import Iterator

from corpus.taken import words_of

NEAREST = 3  # rows
SHINGLE = 5  # letters
PART = 12  # letters; a shorter row is part of a text by chance
Row = dict[str, str | None]


def place(row: Row) -> str:
    """Where a row stands."""
    return f"{row['id']} {row['origin']}, document {row['document']!r}, {row['value']}"


def near(text: str, under: list[Row], rows: list[Row]) -> Iterator[str]:
    """Rows that are part of the text, and where nothing is the text, those most like it.

    Args:
        under: the rows that are the text or hold it.
        rows: all of the corpus.
    """
    whole = "".join(words_of(text, None))
    gone = {row["id"] for row in under}
    parts, mine, alike = [], shingles(whole), []
    for row in rows:
        sides = ["".join(words_of(row[side] or "", None)) for side in ("source", "target")]
        if row["id"] not in gone and any(len(s) >= PART and s in whole for s in sides):
            parts.append(row)
        if not under:
            likeness = max(len(mine & (t := shingles(s))) / len(mine | t or {""}) for s in sides)
            alike.append((-likeness, row["id"] or "", row))
    if parts:
        yield f"  {len(parts)} rows are part of it and stay; to take them down, name them:"
        yield from (f"    row {place(row)}" for row in parts)
    if not under:
        yield "  no row is it or holds it: it is kept out from now on; most like it are"
        nearest = [one for one in sorted(alike, key=lambda one: one[:2])[:NEAREST] if one[0] < 0]
        yield from (f"    {place(row)}: {-less:.2f} alike" for less, _, row in nearest)


def shingles(letters: str) -> set[str]:
    """The runs of five letters of a key, or the key itself where it is shorter."""
    return {letters[n : n + SHINGLE] for n in range(max(1, len(letters) - SHINGLE + 1))} - {""}
