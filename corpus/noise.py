"""Text of no language: what a crawl or a bad scan puts where language is expected.

Each kind is a function from a real segment and a seeded generator to noise. Models learn from it,
and are tested on noise made from other segments, under one label. A piece of a segment repeated
over and over is none of them: its language is that of the piece, and `assess` sees the repetition.
A list of names is none either: to a model that sees no capitals it is its language, and learning it
as noise cost more than it caught (docs/log.md).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from fontTools.unicodedata import script

TAGS = """
div span class href img src alt td tr table tbody ul li br nbsp amp lt gt quot style width height
px script https http www com org php html htm index id name value input type text css body head
meta content charset utf rel link nofollow target blank onclick button form label svg path
""".split()  # noqa: SIM905
WORDS_OF_CODE = """
def return import from self class function var let const if else elif for while null none true
false int float void string printf print include public static new try except catch throw await
async lambda len range end begin do then fi echo select where insert into values
""".split()  # noqa: SIM905
SIGNS = ("<", ">", "=", '"', "/", ";", "{", "}", "(", ")", "_", ".", "&", "#", ":")
CODECS = ("cp500", "utf-16-le", "utf-16-be")  # what bytes of UTF-8 are taken for
BLOCKS = (0x16A0, 0x1401, 0xA500, 0x13A0, 0x2C00, 0x4E00, 0xAC00)  # letters without meaning
LETTERS_A_BLOCK = 75
SAMPLE = 300  # characters that tell a text's scripts
LISTED = (8, 25)  # entries of a list


def tokens(vocabulary: Sequence[str], text: str, chance: np.random.Generator) -> str:
    """Words of a vocabulary between signs, with one word of the text among them."""
    words = [str(word) for word in chance.choice(vocabulary, chance.integers(4, 25))]
    words[chance.integers(len(words))] = str(chance.choice(text.split() or [""]))
    signs = chance.choice(SIGNS, len(words))
    spaces = chance.choice(["", " "], len(words))
    return "".join(
        f"{word}{sign}{gap}" for word, sign, gap in zip(words, signs, spaces, strict=True)
    )


def markup(text: str, chance: np.random.Generator) -> str:
    """Tags, attributes and addresses."""
    return tokens(TAGS, text, chance)


def code(text: str, chance: np.random.Generator) -> str:
    """Keywords and signs of programs."""
    return tokens(WORDS_OF_CODE, text, chance)


def numbers(text: str, chance: np.random.Generator) -> str:
    """A list of numbers, dates or prices with signs and single letters between them."""
    size = int(chance.integers(2, 20))
    values = chance.integers(0, 10 ** chance.integers(1, 6, size))
    signs = chance.choice([" ", ", ", "-", "/", ".", ") ", " | ", " a ", " x ", ":", "% "], size)
    return "".join(f"{value}{sign}" for value, sign in zip(values, signs, strict=True))


def mojibake(text: str, chance: np.random.Generator) -> str:
    """The text's bytes decoded with the wrong code page."""
    codec = str(chance.choice(CODECS))
    return text.encode().decode(codec, "ignore")


def twice_encoded(text: str, chance: np.random.Generator) -> str:
    """Words whose every letter left ASCII and was then encoded twice."""
    shifted = "".join(chr(ord(c) % 64 + 0xC0) if c.isalpha() else c for c in text)
    return shifted.encode().decode("latin-1")


def shuffled(text: str, chance: np.random.Generator) -> str:
    """The text's own characters in random order."""
    return "".join(chance.permutation(list(text or " ")))


def backward(text: str, chance: np.random.Generator) -> str:
    """The text from its end to its start."""
    return text[::-1]


def other_script(text: str, chance: np.random.Generator) -> str:
    """The text's letters put one for one into a script that it has no letter of."""
    own = {script(letter) for letter in text[:SAMPLE]}
    first = int(chance.choice([block for block in BLOCKS if script(chr(block)) not in own]))
    return "".join(chr(first + ord(c) % LETTERS_A_BLOCK) if c.isalpha() else c for c in text)


def lists(text: str, chance: np.random.Generator) -> str:
    """Abbreviated words with numbers, as an index, a table or a price list has them."""
    words = chance.choice(text.split() or [""], chance.integers(*LISTED))
    cut = [str(word)[: int(chance.integers(1, 4))] for word in words]
    sign = str(chance.choice([", ", "; ", " | ", " / ", ". ", " - "]))
    pages = chance.integers(1, 400, len(cut))
    return sign.join(f"{word}. {page}" for word, page in zip(cut, pages, strict=True))


KINDS: dict[str, Callable[[str, np.random.Generator], str]] = {
    "markup": markup,
    "code": code,
    "numbers": numbers,
    "mojibake": mojibake,
    "twice encoded": twice_encoded,
    "shuffled": shuffled,
    "backward": backward,
    "other script": other_script,
    "lists": lists,
}


def noise(texts: Sequence[str], amount: int, seed: int) -> Iterator[tuple[str, str]]:
    """Pairs of kind and noise, `amount` of each kind, made from texts drawn with the seed.

    >>> from itertools import islice
    >>> [kind for kind, _ in noise(["Nican mopohua"], 1, seed=3)][:3]
    ['markup', 'code', 'numbers']
    """
    chance = np.random.default_rng(seed)
    for kind, make in KINDS.items():
        for number in chance.integers(len(texts), size=amount if texts else 0):
            yield kind, make(texts[number], chance)
