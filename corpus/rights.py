"""What a team knows of an origin's rights: whom to name, what was agreed, the community's labels.

The labels are those of Local Contexts, by name. A Label is a community's own word on how its
knowledge is to be used, and only the community sets one; a Notice is what others put where the
community has not spoken yet. Neither is a licence.

Source: https://localcontexts.org/labels/about-the-labels/
"""

from collections.abc import Iterable, Mapping
from typing import Any

from corpus.settings import settings

TK_LABELS = (
    *("TK Attribution", "TK Clan", "TK Family", "TK Multiple Communities"),
    *("TK Community Voice", "TK Creative", "TK Verified", "TK Non-Verified", "TK Seasonal"),
    *("TK Women General", "TK Men General", "TK Men Restricted", "TK Women Restricted"),
    *("TK Culturally Sensitive", "TK Secret / Sacred", "TK Open to Commercialization"),
    *("TK Non-Commercial", "TK Community Use Only", "TK Outreach", "TK Open to Collaboration"),
)
BC_LABELS = (
    *("BC Provenance", "BC Multiple Communities", "BC Clan", "BC Consent Verified"),
    *("BC Consent Non-Verified", "BC Research Use", "BC Open to Collaboration"),
    *("BC Open to Commercialization", "BC Outreach", "BC Non-Commercial"),
)
NOTICES = (
    *("TK Notice", "BC Notice", "Attribution Incomplete Notice", "Open to Collaborate Notice"),
)
LABELS = (*TK_LABELS, *BC_LABELS, *NOTICES)
CLOSED = {  # what bears one is not for people outside
    *("TK Community Use Only", "TK Secret / Sacred", "TK Men Restricted", "TK Women Restricted"),
}
NON_COMMERCIAL = {"TK Non-Commercial", "BC Non-Commercial"}
ATTRIBUTION = {"TK Attribution", "BC Provenance"}
ASKED = (("commercial_use", "no", NON_COMMERCIAL), ("attribution", "yes", ATTRIBUTION))


@settings
class Rights:
    """Whom to name for the text of an origin, and what its community said; null: nobody knows."""

    holder: str | None  # who holds the rights
    cite: str | None  # the work, as its authors want it to be cited
    url: str | None
    consent: str | None  # what was asked and agreed, with whom and when
    labels: tuple[str, ...]  # of Local Contexts, by name

    def __post_init__(self) -> None:
        if strange := [name for name in self.labels if name not in LABELS]:
            raise ValueError(f"labels has unknown {strange}; Local Contexts have {list(LABELS)}")
        for name, told in vars(self).items():
            if told is not None and name != "labels" and not told.strip():
                raise ValueError(f"{name} must be null or say something, got {told!r}")


def told_of(rights: Rights | None) -> dict[str, Any]:
    """What is known by name; where nothing is, nulls and no label."""
    if rights is None:
        return {"holder": None, "cite": None, "url": None, "consent": None, "labels": ()}
    return vars(rights)


def closed(rights: Rights | None) -> list[str]:
    """The labels for which the text is not to be passed on.

    >>> closed(Rights(None, None, None, None, ("TK Attribution", "TK Secret / Sacred")))
    ['TK Secret / Sacred']
    """
    return [name for name in told_of(rights)["labels"] if name in CLOSED]


def heeded(found: Mapping[str, Any], labels: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Combined terms with what communities ask for by their labels, whatever licences permit.

    Args:
        found: see `train.terms.combined`.
        labels: of each origin.
    """
    terms = dict(found["terms"])
    for use, answer, asking in ASKED:
        by = {name: n for name, n in found["sources"].items() if asking & set(labels.get(name, ()))}
        if by:
            earlier = terms[use]["by"] if terms[use]["answer"] == answer else {}
            terms[use] = {"answer": answer, "by": dict(sorted({**earlier, **by}.items()))}
    return {**found, "terms": terms}
