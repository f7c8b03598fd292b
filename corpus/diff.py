"""`milpa diff`: what changed between two versions, by stage, origin and reason, and why."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpus.aspects import ASPECTS
from corpus.causes import Difference, as_json, differences, engines, libraries, likely
from corpus.changes import Comparison, ancestors, compared
from corpus.differing import Counts
from corpus.listing import fill_labels
from corpus.settings import Languages
from corpus.table import InputError
from corpus.versions import Version, versions

KINDS = ("added", "removed", "changed")
BY = ("variety", "origin", "decision", "split")  # what changes are counted by
STEPS = ("decision", "split")  # what rows pass from and to
ARROW = " → "
DIGITS = 12  # of a commit
MOST_NAMED = 6  # values of a count, or causes, in a line of text
Row = dict[str, Any]


@dataclass(frozen=True)
class Diff:
    """A comparison with its counts and causes."""

    found: Comparison
    shown: list[str]  # stages that were asked for
    groups: dict[str, list[Row]]  # by stage: changes that agree in all that they are counted by
    causes: dict[str, list[Difference]]  # by stage: what it was made of that differs


@contextmanager
def diff(root: Path, names: tuple[str, str], stage: str | None, known: Languages) -> Iterator[Diff]:
    """Compare two versions of the project in a folder, in one stage or in all.

    Raises:
        InputError: a version or the stage is unknown, or its data cannot be had.
    """
    with versions(root, *names) as (old, new):
        stages = list(dict.fromkeys([*old.lock, *new.lock]))
        if stage is not None:
            check(stage, old, new)
            stages = [*before(old, new, stage), stage]
        with compared(old, new, stages, known, stage) as found:
            shown = [name for name in found.counts if stage in (None, name)]
            if stage is not None and not shown:
                raise InputError(f"{stage} makes no table of rows; those that do: {made(found)}")
            fill_labels(found)
            causes = {name: differences(old, new, name) for name in stages}
            for name, counts in found.counts.items():
                if not counts.same:
                    causes[name] = engines_of(found, name) + causes[name]
            yield Diff(found, shown, {name: groups(found, name) for name in shown}, causes)


def check(stage: str, old: Version, new: Version) -> None:
    """Check that both versions have a stage.

    Raises:
        InputError: one has not.
    """
    lacking = [version.name for version in (old, new) if stage not in version.lock]
    if len(lacking) == 2:
        raise InputError(f"no version has a stage {stage!r}; they have {', '.join(new.lock)}")
    if lacking:
        raise InputError(f"{lacking[0]} has no stage {stage!r}, so its rows cannot be compared")


def before(old: Version, new: Version, stage: str) -> list[str]:
    """The stages that a stage depends on, in the order of the graph."""
    every = list(dict.fromkeys([*old.lock, *new.lock]))
    return ancestors(old, new, every, stage)


def made(found: Comparison) -> str:
    """The stages that make tables of rows."""
    return ", ".join(found.counts)


def engines_of(found: Comparison, stage: str) -> list[Difference]:
    """The engines that made rows of a stage in one version alone."""
    tables = [version.tables(stage).get("rows", []) for version in (found.old, found.new)]
    return engines(found.db, tables)


def groups(found: Comparison, stage: str) -> list[Row]:
    """The changes of a stage, counted by all that can be said of them, most first."""
    decided = [
        f"case when {side}_kept is null then null when {side}_kept then 'kept' "
        f"else {side}_reason end"
        for side in ("old", "new")
    ]
    query = f"""
        select case when old_id is null then 'added' when new_id is null then 'removed'
            else 'changed' end as kind,
        bits, how, first, coalesce(new_variety, old_variety) as variety,
        coalesce(new_origin, old_origin) as origin, {decided[0]} as old_decision,
        {decided[1]} as new_decision, old_split, new_split, note, count(*) as rows
        from changes where stage = $1 group by all
    """
    relation = found.db.execute(query, [found.stages.index(stage)])
    names = [name for name, *_ in relation.description]
    lines = [named(found, dict(zip(names, line, strict=True))) for line in relation.fetchall()]
    return sorted(lines, key=lambda line: (KINDS.index(line["kind"]), -line["rows"], str(line)))


def named(found: Comparison, line: Row) -> Row:
    """A line of counts with words for its numbers."""
    decision = step(line["old_decision"], line["new_decision"]) or line["note"]
    return {
        "kind": line["kind"],
        "aspects": [name for place, name in enumerate(ASPECTS) if line["bits"] >> place & 1],
        "how": line["how"],
        "first": None if line["first"] is None else found.stages[line["first"]],
        "variety": line["variety"],
        "origin": line["origin"],
        "decision": decision,
        "split": step(line["old_split"], line["new_split"]),
        "rows": line["rows"],
    }


def step(old: str | None, new: str | None) -> str | None:
    """What became of what; null where there is neither.

    >>> step("train", "test"), step(None, "kept"), step("kept", "kept")
    ('train → test', 'kept', 'kept')
    """
    return old or new if None in (old, new) or old == new else f"{old}{ARROW}{new}"


def causes(made: Diff, stage: str, first: str | None, reason: str | None) -> list[Difference]:
    """What may have caused changes that first show at a stage; `first` null: at this one."""
    found = likely(made.causes[first or stage], reason)
    return found or libraries(made.found.old, made.found.new)


def lines(made: Diff) -> Iterator[str]:
    """The diff as text."""
    found = made.found
    width = max([len(v.name) for v in (found.old, found.new)])
    for side, version in (("old", found.old), ("new", found.new)):
        commit = version.commit[:DIGITS] if version.commit else "as it lies there"
        yield f"{side}  {version.name:{width}}  {commit}"
    yield ""
    yield from table(made)
    same = [name for name in made.shown if found.counts[name].same]
    if same:
        yield f"unchanged, by DVC's hash: {', '.join(same)}"
    for version, other in ((found.old, found.new), (found.new, found.old)):
        alone = [n for n in version.lock if n not in other.lock and n in found.stages]
        if alone:
            yield f"only in {version.name}: {', '.join(alone)}"
    for stage, reason in found.missing.items():
        yield f"not compared: {stage} ({reason})"
    for stage in made.shown:
        yield from section(made, stage)


def table(made: Diff) -> Iterator[str]:
    """The counts of each stage that is not the same."""
    head = ("stage", "old rows", "added", "removed", "new rows", "changed", "values", "kept")
    body: list[tuple[str, ...]] = [head]
    for stage in made.shown:
        counts = made.found.counts[stage]
        if not counts.same:
            body.append(cells(stage, counts))
    if len(body) == 1:
        yield "no stage that was compared came out otherwise"
        return
    widths = [max(len(line[place]) for line in body) for place in range(len(head))]
    for first, *rest in body:
        shown = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *shown]).rstrip()
    yield "(old + added − removed = new; values: rows that differ in nothing but what was measured)"


def cells(stage: str, counts: Counts) -> tuple[str, ...]:
    """A line of the table of counts.

    >>> cells("split", Counts(1000, 1001, None, None, 2, 1, 0, 0))
    ('split', '1,000', '+2', '−1', '1,001', '0', '0', '')
    """
    kept = ""
    if counts.old_kept is not None or counts.new_kept is not None:
        kept = f"{counts.old_kept or 0:,} → {counts.new_kept or 0:,}"
    return (
        stage,
        f"{counts.old or 0:,}",
        f"+{counts.added:,}" if counts.added else "0",
        f"−{counts.removed:,}" if counts.removed else "0",
        f"{counts.new or 0:,}",
        f"{counts.changed:,}",
        f"{counts.values:,}",
        kept,
    )


def section(made: Diff, stage: str) -> Iterator[str]:
    """What changed at a stage and what may have caused it; nothing where nothing did."""
    found, counts = made.groups[stage], made.found.counts[stage]
    if not found and not counts.values:
        return
    yield f"\n{stage}"
    for kind in KINDS:
        some = [line for line in found if line["kind"] == kind]
        if some:
            yield from said(kind, some)
    for first, reasons in sources(found).items():
        rows = sum(reasons.values())
        top = max(reasons, key=lambda reason: (reasons[reason], str(reason)))
        if first is not None:
            yield f"  why       {rows:,} with {first}, where they differ first"
        else:
            yield from proposed(f"{rows:,} here", causes(made, stage, None, top))
    if not found:
        yield from proposed("values", causes(made, stage, None, None))


def sources(found: list[Row]) -> dict[str | None, Counter[str | None]]:
    """By the stage where they first differ, how many rows changed, by decision."""
    counted: dict[str | None, Counter[str | None]] = {}
    for line in found:
        counted.setdefault(line["first"], Counter())[line["decision"]] += line["rows"]
    return dict(sorted(counted.items(), key=lambda pair: -sum(pair[1].values())))


def said(kind: str, some: list[Row]) -> Iterator[str]:
    """How many rows changed, and by what they are counted."""
    total = sum(line["rows"] for line in some)
    yield f"  {kind:8}  {total:,}"
    if kind == "changed":
        aspects = Counter[str]()
        for line in some:
            aspects.update(dict.fromkeys(line["aspects"], line["rows"]))
        yield f"            in {shares(aspects)}"
        paired = tally((line for line in some if line["how"] != "id"), "how")
        if paired:
            yield f"            with another id, taken for one row by {shares(paired)}"
    for name in BY:
        if counted := tally(some, name, only_steps=kind == "changed"):
            yield f"            by {name}: {shares(counted)}"


def tally(some: Iterable[Row], name: str, only_steps: bool = False) -> Counter[str]:
    """Rows by the values of a column, those without one left out.

    Args:
        only_steps: of decisions and splits, those alone that became another.
    """
    counted = Counter[str]()
    for line in some:
        value = line[name]
        if value is not None and not (only_steps and name in STEPS and ARROW not in value):
            counted[value] += line["rows"]
    return counted


def shares(counted: Counter[str]) -> str:
    """Counts in a line, most first.

    >>> shares(Counter({"nci_Latn": 1200, "azz_Latn": 3}))
    'nci_Latn 1,200, azz_Latn 3'
    """
    order = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    words = [f"{name} {count:,}" for name, count in order[:MOST_NAMED]]
    rest = len(order) - MOST_NAMED
    return ", ".join(words) + (f" and {rest} more" if rest > 0 else "")


def proposed(what: str, found: list[Difference]) -> Iterator[str]:
    """Lines for the likely causes."""
    if not found:
        yield f"  why       {what}: nothing that dvc.lock or the constraints record differs"
    for number, difference in enumerate(found[:MOST_NAMED]):
        start = f"  why       {what}: " if not number else " " * 14
        yield start + difference.line()
    if len(found) > MOST_NAMED:
        yield f"              and {len(found) - MOST_NAMED} more; --json has all"


def tree(made: Diff) -> Row:
    """The diff for programs, without its rows."""
    found = made.found
    return {
        "old": {"name": found.old.name, "commit": found.old.commit},
        "new": {"name": found.new.name, "commit": found.new.commit},
        "stages": {
            stage: {
                **asdict(found.counts[stage]),
                "groups": made.groups[stage],
                "differences": [as_json(d) for d in made.causes[stage]],
            }
            for stage in made.shown
        },
        "not_compared": found.missing,
        "libraries": [as_json(d) for d in libraries(found.old, found.new)],
    }
