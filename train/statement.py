"""The data statement of a language: what a team says of its text, and what it has not said yet.

A file `statements/<key>.md` has a section for each question. What stands between `<!--` and `-->`
is no answer; a section without any is a gap, and gaps are counted, not guarded against.

Source: Bender & Friedman 2018, https://aclanthology.org/Q18-1041
"""

import re
from pathlib import Path

from corpus.table import InputError

QUESTIONS = {
    "Curation rationale": "Which texts were included, and with what goals?",
    "Language variety": "Which varieties, as BCP 47 tags and in prose: region, spelling?",
    "Speaker demographic": "Who wrote or spoke: age, gender, community, first language, how many?",
    "Annotator demographic": "Who transcribed, translated, aligned or judged; trained how?",
    "Speech situation": "When and where; spoken or written; edited or spontaneous; for whom?",
    "Text characteristics": "Genre, topic and structure of the texts",
    "Recording quality": "Of what was recorded or scanned: equipment, condition; or: nothing was",
    "Other": "What else should users know: disagreements, payment, wishes of the community?",
    "Provenance appendix": "Statements of the data sets it was made from, or where they are",
}
Statement = dict[str, str | None]  # by section: the answer; null: a gap
OPTIONAL = ("Other",)  # there may be nothing more to say
COMMENT = re.compile("<!--.*?(-->|\\Z)", re.DOTALL)
HEADING = re.compile(r"^##\s+(.+?)\s*#*\s*$", re.MULTILINE)


def form(name: str) -> str:
    """The questions as a file to fill in."""
    parts = [f"## {title}\n\n<!-- {question} -->\n" for title, question in QUESTIONS.items()]
    return f"# Data statement: {name}\n\n" + "\n".join(parts)


def read_statement(folder: Path, key: str) -> Statement:
    """What the statement of a language says; all is a gap where there is no file.

    A section of the team's own is taken as it is.

    Raises:
        InputError: the file is no UTF-8, or answers a question twice.
    """
    path = folder / f"{key}.md"
    if not path.exists():
        return dict.fromkeys(QUESTIONS)
    try:
        text = COMMENT.sub("", path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{path} is not in UTF-8; save it as UTF-8") from None
    _, *parts = HEADING.split(text)
    known = {title.casefold(): title for title in QUESTIONS}
    found: Statement = {}
    for said, answer in zip(parts[::2], parts[1::2], strict=True):
        title = known.get(said.casefold(), said)
        if title in found:
            raise InputError(f"{path} has the section {title!r} twice; make one of them")
        found[title] = answer.strip() or None
    return {**dict.fromkeys(QUESTIONS), **found}


def gaps_of(statement: Statement) -> list[str]:
    """The questions that need an answer and have none.

    >>> gaps_of({"Language variety": "nci, azz", "Speech situation": None, "Other": None})
    ['Speech situation']
    """
    return [title for title, told in statement.items() if told is None and title not in OPTIONAL]
