"""The figures about filters: what they keep, what they catch, and the score of pairs."""

from typing import Any

from corpus.results import ALL_KINDS, Tree, bounds, estimate, kept_rates
from corpus.settings import Languages
from train.figures import Mark, dots
from train.panels import Facts, Panel, Rows

RATE_HEAD = ["variety", "origin", "rule", "rows", "kept", "share", "low", "high"]
LIMITS = {"untrusted": "limits of untrusted origins", "trusted": "limits of trusted origins"}
QUANTILES = ("1 in 100", "5 in 100", "quarter", "median", "three quarters")  # as bitext reports
ASKED = 0.95  # of planted junk to be caught, and of trusted text to be kept
Share = tuple[str, str, Tree]  # of what, under which limits, and the share


def trusted_rates(facts: Facts, whole: bool) -> list[dict[str, Any]]:
    """The rates on trusted text: of single rules that drop a row, or of all that select does."""
    rates = [row for row in facts.rates.to_pylist() if row["trusted"]]
    cut = {row["rule"] for row in rates if row["rate"] < 1 and row["rule"] != "select"}
    wanted = {"select"} if whole else cut
    return [row for row in rates if row["rule"] in wanted]


def rate_rows(rates: list[dict[str, Any]]) -> Rows:
    """Rates as a table."""
    names = ("language", "origin", "rule", "rows", "kept", "rate", "low", "high")
    return [[row[name] for name in names] for row in rates]


def keep_rates(key: str, facts: Facts) -> Panel | None:
    """The share of each variety's trusted rows that each rule keeps; None where all keep all."""
    rates = trusted_rates(facts, whole=False)
    panels: dict[str, list[Mark]] = {}
    for row in rates:
        label = row["rule"].replace("_", " ")
        mark = Mark(label, row["origin"], row["rate"], row["low"], row["high"])
        panels.setdefault(row["language"] or "none", []).append(mark)
    if not panels:
        return None
    least = min(rates, key=lambda row: (row["rate"], row["language"] or "", row["rule"]))
    return Panel(
        name=f"keep_rates_{key}",
        title="What each rule keeps of trusted text",
        note="Share of a variety's trusted rows that a rule by itself keeps, with Wilson's 95 % "
        "interval. Rules that keep every row are not shown. A filter that eats the language "
        "would show here as a point far to the left.",
        alt=f"Dots with intervals by rule, a panel for each of {len(panels)} varieties; the lowest "
        f"is {least['rule']} on {least['language']}, which keeps {least['rate']:.1%} of "
        f"{least['rows']:,} rows.",
        figure=dots(panels, "share kept"),
        head=RATE_HEAD,
        rows=rate_rows(rates),
    )


def kept(key: str, facts: Facts) -> Panel | None:
    """The share of each variety's trusted rows that is kept after all; None without such rows."""
    rates = trusted_rates(facts, whole=True)
    marks = [
        Mark(r["language"] or "none", r["origin"], r["rate"], r["low"], r["high"]) for r in rates
    ]
    if not marks:
        return None
    return Panel(
        name=f"kept_{key}",
        title="What is kept after all",
        note="Share of a variety's trusted rows left after all rules and without duplicates, with "
        "Wilson's 95 % interval.",
        alt="Dots with intervals: " + ", ".join(f"{m.label} {m.value:.1%}" for m in marks) + ".",
        figure=dots({"": marks}, "share kept"),
        head=RATE_HEAD,
        rows=rate_rows(rates),
    )


def both_sides(key: str, report: Tree, languages: Languages) -> Panel | None:
    """Planted junk caught by kind, over trusted text kept by variety, under either limits."""
    kinds = report["caught"].get(key, {})
    parts: dict[str, list[Share]] = {
        "planted junk caught": [
            (kind, limits, kinds[kind][limits]) for kind in hardest(kinds) for limits in LIMITS
        ],
        "trusted text kept": [
            (f"{code}, {origin}", limits, found)
            for limits in LIMITS
            for code, origin, found in kept_rates(report, key, languages, limits)
        ],
    }
    if not any(parts.values()):
        return None
    return Panel(
        name=f"both_sides_{key}",
        title="Both sides of the filters",
        note=f"{verdict(*parts.values())} Junk of each kind, made of trusted rows or taken from "
        "other languages, that at least one rule catches, and trusted text that all rules keep, "
        f"duplicates aside, with Wilson's 95 % intervals; dotted: the {100 * ASKED:g} % asked for. "
        f"Rules not measured on junk: {', '.join(report['left_out']) or 'none'}.",
        alt="Dots with intervals. " + " ".join(span(*part) for part in parts.items()),
        figure=dots(
            {
                title: [Mark(n, LIMITS[limits], *inside(found)) for n, limits, found in some]
                for title, some in parts.items()
                if some
            },
            "share",
            line=ASKED,
            own=True,
        ),
        head=["side", "of", "limits", "rows", "share", "low", "high"],
        rows=[
            [title, name, LIMITS[limits], found["rows"], *inside(found)]
            for title, some in parts.items()
            for name, limits, found in some
        ],
    )


def hardest(kinds: Tree) -> list[str]:
    """All kinds together, then the kinds that rules catch least of first."""
    return sorted(kinds, key=lambda kind: (kind != ALL_KINDS, kinds[kind]["untrusted"]["rate"]))


def inside(found: Tree) -> tuple[float, float, float]:
    """A share and its interval."""
    return found["rate"], found["low"], found["high"]


def span(title: str, shares: list[Share]) -> str:
    """The range of some shares under each kind of limits, in words."""
    said = []
    for limits in LIMITS:
        rates = [found["rate"] for _, of, found in shares if of == limits]
        if rates:
            said.append(f"{min(rates):.1%} to {max(rates):.1%} under {LIMITS[limits]}")
    return f"{title}: {', '.join(said) or 'not measured'}."


def verdict(caught: list[Share], kept: list[Share]) -> str:
    """Whether one set of limits catches the junk and spares every variety."""
    said, both = [], []
    for limits, name in LIMITS.items():
        junk = [found["rate"] for kind, of, found in caught if (kind, of) == (ALL_KINDS, limits)]
        least = min((found["rate"] for _, of, found in kept if of == limits), default=None)
        if not junk or least is None:
            return "Only one side was measured: without a model of the language no junk is planted."
        said.append(
            f"{name} catch {junk[0]:.1%} of the junk and keep {least:.1%} of trusted text in the "
            "variety that loses most"
        )
        both += [name] if min(junk[0], least) >= ASKED else []
    end = f"{' and '.join(both)} give both" if both else "no single set of limits gives both"
    return f"{'; '.join(said)}: {end}.".capitalize()


def pair_kinds(key: str, report: Tree) -> Panel | None:
    """How well the pair score tells each kind of false pair; None where there is no score."""
    found = {ALL_KINDS: report.get("auc"), **report.get("auc_by_kind", {})}
    told = {kind: tree for kind, tree in found.items() if tree and bounds(tree)}
    if not told:
        return None
    marks = [Mark(kind, "", t["value"], t["low"], t["high"]) for kind, t in told.items()]
    return Panel(
        name=f"pair_kinds_{key}",
        title="How well false pairs are told",
        note="Area under the ROC curve of the pair score (.5: chance, 1: all told) between trusted "
        "pairs and false ones made of them, in folds that did not teach it, with DeLong's 95 % "
        "interval.",
        alt="Dots with intervals: "
        + ", ".join(f"{kind} {tree['value']:.3f}" for kind, tree in told.items())
        + ".",
        figure=dots({"": marks}, "AUC"),
        head=["false pairs", "AUC", "true", "false"],
        rows=[
            [kind, estimate(tree, 3), tree["true"], tree["false"]] for kind, tree in told.items()
        ],
    )


def pair_scores(key: str, report: Tree) -> Panel | None:
    """The scores of each variety's pairs; None where there are none."""
    found = [
        (code, origin, tree)
        for code, origins in report.get("by_variety", {}).items()
        for origin, tree in origins.items()
    ]
    if not found:
        return None
    marks = []
    for code, origin, tree in found:
        *_, quarter, median, three_quarters = tree["quantiles"]
        marks.append(Mark(code, origin, median, quarter, three_quarters))
    return Panel(
        name=f"pair_scores_{key}",
        title="Scores of pairs",
        note="How likely a pair is true, were true and false ones equally many: the median of each "
        "variety and origin, and the middle half of its pairs (not an interval of the median). "
        "Low scores are wrong pairs, free translations, or a variety that the score knows "
        "little of.",
        alt="Dots: " + ", ".join(f"{m.label} ({m.group}) median {m.value:.2f}" for m in marks),
        figure=dots({"": marks}, "pair score"),
        head=["variety", "origin", "pairs", *QUANTILES, "likelier true"],
        rows=[
            [code, origin, tree["sure"]["of"], *tree["quantiles"], estimate(tree["sure"], 3)]
            for code, origin, tree in found
        ],
    )
