"""Numbers in the digits of any script: found, read, and drawn anew in the same shape and range.

A number is cut into its runs of digits, so that a date stays a date and a time a time: each run is
drawn from its own rung (months and hours, days of a month, minutes, years of a century …). Runs of
0, 1, 2 and 100 stay as they are: many languages bend the noun after small numbers.
"""

import unicodedata
from collections.abc import Mapping
from random import Random

import regex

ETHIOPIC = r"[\u1369-\u137c]"
RUN = regex.compile(rf"\p{{Nd}}+|{ETHIOPIC}+")
INSIDE = r"[.,:/٫٬-]"
# never against a letter: 3rd and 4º bend with the number, and A5 is a name
NUMBER = regex.compile(
    rf"(?<![\p{{L}}\p{{M}}\p{{N}}]|\p{{N}}{INSIDE})"
    rf"(?:{RUN.pattern})(?:{INSIDE}(?:{RUN.pattern}))*+(?![\p{{L}}\p{{M}}\p{{N}}])"
)
STAY = (0, 1, 2, 100)
# what is in the first range is drawn from the second; a day of any month is at most 28
RUNGS = (
    (range(3, 10), range(3, 10)),
    (range(10, 13), range(10, 13)),
    (range(13, 24), range(13, 24)),
    (range(24, 32), range(24, 29)),
    (range(32, 60), range(32, 60)),
    (range(60, 100), range(60, 100)),
)
YEARS = range(1000, 2100)  # each is drawn from its century
HUNDRED, MYRIAD = "\u137b", "\u137c"


def plain_digits(number: str) -> str:
    """The number in the digits of ASCII, its marks as they are.

    >>> [plain_digits(number) for number in ("१२/०५/१९८५", "٣٫٥", "፲፱፻፹፭")]
    ['12/05/1985', '3٫5', '1985']
    """
    plain: str = RUN.sub(lambda found: ascii_run(found[0]), number)
    return plain


def ascii_run(run: str) -> str:
    """A run of digits of one script in those of ASCII."""
    if regex.match(ETHIOPIC, run):
        return str(ethiopic_value(run))
    return "".join(str(unicodedata.decimal(digit)) for digit in run)


def rewritten(number: str, news: Mapping[str, str]) -> str:
    """The number with other runs, each named by its digits in ASCII, in its own script."""

    def rewrite(found: regex.Match[str]) -> str:
        new = news.get(ascii_run(found[0]), ascii_run(found[0]))
        first = found[0][0]
        if regex.match(ETHIOPIC, first):
            return ethiopic(int(new))
        zero = ord(first) - unicodedata.decimal(first)
        return "".join(chr(zero + int(digit)) for digit in new)

    whole: str = RUN.sub(rewrite, number)
    return whole


def drawn(run: str, random: Random, taken: set[str]) -> str:
    """Another run of as many digits in the same range, not among those taken; itself for want."""
    value = int(run)
    if value in STAY:
        return run
    able = peers(value)
    few = random.sample(able, min(len(able), len(taken) + 2))
    fitting = (text for new in few if (text := str(new).zfill(len(run))) not in {run, *taken})
    return next(fitting, run)


def peers(value: int) -> range:
    """The numbers of which any may stand for this one.

    >>> peers(30), peers(1519), peers(350)
    (range(24, 29), range(1500, 1600), range(100, 1000))
    """
    for rung, others in RUNGS:
        if value in rung:
            return others
    if value in YEARS:
        return range(value // 100 * 100, value // 100 * 100 + 100)
    return range(10 ** (len(str(value)) - 1), 10 ** len(str(value)))


def ethiopic_value(run: str) -> int:
    """What an Ethiopic number says.

    >>> ethiopic_value("፳፻፲፰")
    2018
    """
    whole = hundreds = part = 0
    for sign in run:
        if sign == MYRIAD:
            whole, hundreds, part = (whole + (hundreds + part or not whole)) * 10000, 0, 0
        elif sign == HUNDRED:
            hundreds, part = hundreds + 100 * (part or 1), 0
        else:
            part += int(unicodedata.numeric(sign))
    return whole + hundreds + part


def ethiopic(value: int) -> str:
    """An Ethiopic number: pairs of digits, ፻ and ፼ by turns after them, no ፩ before ፻.

    >>> ethiopic(1985)
    '፲፱፻፹፭'
    """
    pairs = []
    while value:
        value, pair = divmod(value, 100)
        pairs.append(pair)
    text = ""
    for place in reversed(range(len(pairs))):
        ten, one = divmod(pairs[place], 10)
        digits = "".join(chr(0x1371 + ten) * bool(ten) + chr(0x1368 + one) * bool(one))
        hundred, first = place % 2 == 1, place == len(pairs) - 1
        if pairs[place] == 1 and (hundred or (place and first)):
            digits = ""
        if pairs[place] or (place and not hundred):
            text += digits + (HUNDRED if hundred else MYRIAD if place else "")
    return text
