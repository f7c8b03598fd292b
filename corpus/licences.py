"""What a licence permits and asks for: read from kept lists by its SPDX name, never guessed.

A licence is an SPDX expression, or the terms by name where nobody has published them as one; of
those nothing is known. The facts come from choosealicense.com where it has the licence, from the
name where Creative Commons spell them in it, and from ScanCode's category else.
"""

import re
from collections.abc import Iterable
from functools import cache
from itertools import combinations

import pychoosealicense
from license_expression import ExpressionError, get_license_index, get_spdx_licensing

USES = ("redistribution", "commercial_use", "derivatives")  # what a licence may permit
DUTIES = ("share_alike", "attribution")  # what it may ask for
FACTS = (*USES, *DUTIES)
UNKNOWN = "unknown"
Facts = dict[str, bool | None]  # by FACTS; null: nobody has said it
Clause = tuple[str, ...]  # licences of which one is to be chosen

TAGS = ("distribution", "commercial-use", "modifications")  # of choosealicense, as USES
CREATIVE = re.compile(r"CC-BY(-NC)?(-ND|-SA)?-\d")
CATEGORIES: dict[str, tuple[bool | None, ...]] = {  # of ScanCode's index, as FACTS
    "Public Domain": (True, True, True, False, False),
    "Permissive": (True, True, True, False, None),
    "Copyleft Limited": (True, True, True, True, None),
    "Copyleft": (True, True, True, True, None),
}
# a share-alike licence: the others that what is made from its text may stand under
ONWARD = {
    # https://creativecommons.org/share-your-work/licensing-considerations/compatible-licenses
    "CC-BY-SA-2.0": {"CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-4.0"},
    "CC-BY-SA-2.5": {"CC-BY-SA-3.0", "CC-BY-SA-4.0"},
    "CC-BY-SA-3.0": {"CC-BY-SA-4.0"},
    "CC-BY-SA-4.0": {"GPL-3.0-only", "GPL-3.0-or-later", "LAL-1.3"},
    # https://www.mozilla.org/MPL/2.0/ 1.12: its secondary licences
    "MPL-2.0": {
        *("GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"),
        *("LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"),
        *("AGPL-3.0-only", "AGPL-3.0-or-later"),
    },
    "GPL-2.0-or-later": {"GPL-3.0-only", "GPL-3.0-or-later", "GPL-2.0-only"},
    "GPL-3.0-or-later": {"GPL-3.0-only", "AGPL-3.0-only", "AGPL-3.0-or-later"},
}


spdx_names = cache(get_spdx_licensing)  # building it takes 20 ms


@cache
def clauses(licence: str | None) -> tuple[Clause, ...]:
    """The licences that all bind, each with its alternatives; terms by name stay as they are.

    >>> clauses("mpl-2.0"), clauses("MIT OR Apache-2.0")
    ((('MPL-2.0',),), (('Apache-2.0', 'MIT'),))
    >>> clauses("the books' own AND CC-BY-4.0"), clauses(None)
    ((('CC-BY-4.0',), ("the books' own",)), (('unknown',),))
    """
    named = " ".join((licence or "").split()) or UNKNOWN
    spdx = spdx_names()
    try:
        parsed = spdx.cnf(spdx.parse(named, validate=True))
    except (ExpressionError, TypeError):
        parts = named.split(" AND ")
        if len(parts) == 1:
            return ((named,),)
        return absorbed(clause for part in parts for clause in clauses(part))
    every = parsed.args if isinstance(parsed, spdx.AND) else (parsed,)
    return absorbed(
        tuple(sorted(map(str, one.args if isinstance(one, spdx.OR) else (one,)))) for one in every
    )


def absorbed(some: Iterable[Clause]) -> tuple[Clause, ...]:
    """The clauses without those that another already meets, sorted.

    >>> absorbed([("MIT", "MPL-2.0"), ("MIT",)])
    (('MIT',),)
    """
    found = set(some)
    return tuple(sorted(c for c in found if not any(set(other) < set(c) for other in found)))


def joined(licences: Iterable[str | None]) -> str:
    """All of the licences as one expression.

    >>> joined(["MPL-2.0", "CC-BY-4.0 AND MPL-2.0", "MIT OR Apache-2.0"])
    '(Apache-2.0 OR MIT) AND CC-BY-4.0 AND MPL-2.0'
    """
    found = absorbed(clause for one in licences for clause in clauses(one))
    if len(found) == 1:
        return " OR ".join(found[0])
    return " AND ".join(f"({' OR '.join(c)})" if len(c) > 1 else c[0] for c in found)


@cache
def identified(name: str) -> str | None:
    """The SPDX name without its suffix, or null where it is none.

    >>> identified("GPL-3.0-or-later"), identified("the books' own")
    ('GPL-3.0', None)
    """
    known = spdx_names().known_symbols
    bare = name.split(" WITH ")[0].strip("()")  # an exception only permits more
    if bare not in known:
        return None
    return re.sub("-(only|or-later)$", "", bare)


@cache
def categories() -> dict[str, str]:
    """ScanCode's category of each SPDX licence."""
    return {
        name: entry["category"]
        for entry in get_license_index()
        for name in (entry.get("spdx_license_key"), *entry.get("other_spdx_license_keys", ()))
        if name
    }


@cache
def of_one(name: str) -> tuple[bool | None, ...]:
    """The facts of one licence, as FACTS."""
    spdx = identified(name)
    if spdx is None:
        return (None,) * len(FACTS)
    if creative := CREATIVE.match(spdx):
        held, kind = creative.groups()
        return (True, held is None, kind != "-ND", kind == "-SA", True)
    try:
        told = pychoosealicense.get_license(spdx.lower())
    except (FileNotFoundError, ValueError, KeyError):
        bare = name.split(" WITH ")[0].strip("()")
        return CATEGORIES.get(categories().get(bare, ""), (None,) * len(FACTS))
    permitted = {rule.tag for rule in told.permissions}
    asked = {rule.tag for rule in told.conditions}
    alike = any(tag.startswith("same-license") for tag in asked)
    notice = any(tag.startswith("include-copyright") for tag in asked)
    return (*(tag in permitted for tag in TAGS), alike, notice)


@cache
def values(licence: str | None) -> tuple[bool | None, ...]:
    """The facts of an expression, as FACTS: the mildest alternative of each clause, all clauses."""
    every = [
        [mildest(use, [of_one(name)[n] for name in clause]) for clause in clauses(licence)]
        for n, use in enumerate(FACTS)
    ]
    return tuple(strictest(use, found) for use, found in zip(FACTS, every, strict=True))


def facts(licence: str | None) -> Facts:
    """What a licence permits and asks for.

    >>> facts("CC-BY-NC-SA-4.0") == {"redistribution": True, "commercial_use": False,
    ...     "derivatives": True, "share_alike": True, "attribution": True}
    True
    >>> set(facts("unclear (books' own terms)").values())
    {None}
    """
    return dict(zip(FACTS, values(licence), strict=True))


def order(use: str) -> tuple[bool | None, ...]:
    """The answers to a fact, the strictest first; what is unknown is in between."""
    return (False, None, True) if use in USES else (True, None, False)


def strictest(use: str, answers: Iterable[bool | None]) -> bool | None:
    """The answer that binds where all hold; of nothing, the mildest.

    >>> strictest("commercial_use", [True, None]), strictest("attribution", [True, None])
    (None, True)
    """
    return min(answers, key=order(use).index, default=order(use)[-1])


def mildest(use: str, answers: Iterable[bool | None]) -> bool | None:
    """The answer of the licence that one would choose."""
    return max(answers, key=order(use).index)


def passes(licence: str | None, allow: tuple[str, ...] | None, refuse: tuple[str, ...]) -> bool:
    """Whether each clause offers a licence that is allowed and not refused.

    Args:
        allow: null: all that are not refused.

    >>> passes("MIT OR CC-BY-NC-4.0", None, ("CC-BY-NC-4.0",))
    True
    >>> passes("MPL-2.0 AND CC-BY-NC-4.0", ("MPL-2.0",), ())
    False
    """
    wanted = None if allow is None else names(allow)
    unwanted = names(refuse)
    return all(
        any(
            one.casefold() not in unwanted and (wanted is None or one.casefold() in wanted)
            for one in clause
        )
        for clause in clauses(licence)
    )


def names(licences: Iterable[str]) -> set[str]:
    """Each licence that is named, for comparison."""
    return {one.casefold() for name in licences for clause in clauses(name) for one in clause}


def conflicts(licences: Iterable[str | None]) -> list[list[str]]:
    """Pairs of share-alike licences that nothing made from both can satisfy.

    >>> conflicts(["CC-BY-SA-3.0", "CC-BY-SA-4.0", "MIT"]), conflicts(["ODbL-1.0", "MPL-2.0"])
    ([], [['MPL-2.0', 'ODbL-1.0']])
    """
    alone = {clause[0] for one in licences for clause in clauses(one) if len(clause) == 1}
    alike = sorted(name for name in alone if of_one(name)[FACTS.index("share_alike")])
    ways = {name: {name, *ONWARD.get(name, ())} for name in alike}
    return [[a, b] for a, b in combinations(alike, 2) if not ways[a] & ways[b]]


def page(name: str) -> str | None:
    """Where SPDX keeps the text of a licence; null where it is none of theirs."""
    return f"https://spdx.org/licenses/{name}.html" if identified(name) else None
