"""The script that a text is written in."""

from collections import Counter
from functools import cache

from fontTools.unicodedata import script as script_of

NO_SCRIPT = ("Zyyy", "Zinh", "Zzzz")  # common, inherited, unknown
SAMPLE = 300  # characters that tell the script


@cache
def letter_script(letter: str) -> str | None:
    """The ISO 15924 code of a letter's script; null for what any script uses."""
    code = script_of(letter)
    return None if code in NO_SCRIPT else code


def script(text: str | None) -> str | None:
    """The script of most of a text's letters.

    >>> script("Nican mopohua 1531")
    'Latn'
    """
    scripts = Counter(s for letter in (text or "")[:SAMPLE] if (s := letter_script(letter)))
    return min(scripts, key=lambda code: (-scripts[code], code), default=None)
