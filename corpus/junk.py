"""Junk to plant: what crawls, scans and scripts make of good text, to see what the rules catch.

Each kind is a function from a real row and a seeded generator to a junk row's two sides. Kinds of
noise that identification learns (corpus/noise.py) are among them, drawn anew. Junk of one side has
no other side, so that no rule for pairs helps to catch it.
"""

from collections.abc import Callable

import numpy as np

from corpus import noise

Sides = tuple[str | None, str]  # source and target
Plant = Callable[[str, str, np.random.Generator], Sides]  # of source and target

MENUS = (  # what stands around the text of a page, in the languages of most of the Web
    "Home | About us | Products | News | Contact",
    "Inicio | Quiénes somos | Servicios | Noticias | Contacto",
    "Accueil > Actualités > Plan du site > Mentions légales",
    "Início » Sobre nós » Blog » Fale conosco",
    "We use cookies to improve your experience. By continuing you accept our privacy policy.",
    "Este sitio utiliza cookies. Si continúa navegando, acepta su uso. Más información",
    "Ce site utilise des cookies. Accepter tout | Refuser | Paramétrer",
    "Este site usa cookies para melhorar a sua experiência. Aceitar",
    "Share on Facebook Tweet Pin it Email Print Read more »",
    "Compartir en Facebook Twitter WhatsApp Imprimir Leer más »",
    "Copyright © 2014-2025. All rights reserved. Terms of use | Sitemap",
    "Todos los derechos reservados. Aviso legal | Mapa del sitio",
    "Log in / Register / Forgot your password? / Search …",
    "Iniciar sesión · Registrarse · Buscar … · Suscríbete a nuestro boletín",
    "Previous post Next post Leave a reply Your email address will not be published.",
    "Entrada anterior Entrada siguiente Deja un comentario Tu dirección no será publicada.",
)
LETTERS_A_SLIP = 7  # one letter in so many is misread


def alone(make: Callable[[str, np.random.Generator], str]) -> Plant:
    """A kind that needs the target only, as a row without a source."""
    return lambda source, target, chance: (None, make(target, chance))


def menu(text: str, chance: np.random.Generator) -> str:
    """A menu, notice or footer."""
    return str(chance.choice(MENUS))


def repetition(text: str, chance: np.random.Generator) -> str:
    """One to four words of the text, again and again."""
    words = text.split()
    size = int(chance.integers(1, 5))
    start = int(chance.integers(0, max(1, len(words) - size + 1)))
    return " ".join(words[start : start + size] * int(chance.integers(6, 30)))


def shuffled_words(text: str, chance: np.random.Generator) -> str:
    """The text's words with their marks in another order; a text of equal words stays."""
    words = text.split()
    for _ in range(20):
        other = [words[place] for place in chance.permutation(len(words))]
        if other != words:
            return " ".join(other)
    return text


def glued(text: str, chance: np.random.Generator) -> str:
    """The text without most of its white space."""
    words = text.split()
    gaps = chance.choice(["", "", "", " "], len(words))
    return "".join(f"{word}{gap}" for word, gap in zip(words, gaps, strict=True)).strip()


def truncated(text: str, chance: np.random.Generator) -> str:
    """Every word without its second half, as a narrow column cuts it."""
    return " ".join(word[: -(-len(word) // 2)] for word in text.split())


def misread(text: str, chance: np.random.Generator) -> str:
    """The text with one letter in seven taken for another one of the text, lost or doubled."""
    letters = [letter for letter in text if letter.isalpha()] or ["l"]
    slips = chance.integers(0, LETTERS_A_SLIP, len(text))
    kinds = chance.integers(0, 4, len(text))
    others = chance.choice(letters, len(text))
    forms = [
        letter if slip or not letter.isalpha() else (str(other), str(other), "", letter * 2)[kind]
        for letter, slip, kind, other in zip(text, slips, kinds, others, strict=True)
    ]
    return "".join(forms)


def index_page(text: str, chance: np.random.Generator) -> str:
    """Words of the text in alphabetical order, each with page numbers."""
    words = sorted({word.strip(".,;:!?") for word in text.split()} - {""})
    pages = [sorted(chance.integers(1, 400, chance.integers(1, 5)).tolist()) for _ in words]
    return "; ".join(f"{w}, {', '.join(map(str, p))}" for w, p in zip(words, pages, strict=True))


def catalogue(text: str, chance: np.random.Generator) -> str:
    """Article numbers and prices, each with a word of the text."""
    words = text.split() or ["x"]
    lines = []
    for _ in range(int(chance.integers(2, 12))):
        letters = "".join(chance.choice(list("ABCDEFGHKLMNPRSTX"), 3))
        number, price = chance.integers(100, 99999), chance.integers(100, 99999) / 100
        lines.append(f"{letters}-{number} {chance.choice(words)} ${price:.2f}")
    return " ".join(lines)


def untranslated(source: str, target: str, chance: np.random.Generator) -> Sides:
    """The source on both sides."""
    return source, source


def swapped(source: str, target: str, chance: np.random.Generator) -> Sides:
    """Each side in the other's place."""
    return target, source


def pivot(source: str, target: str, chance: np.random.Generator) -> Sides:
    """The source where the target should be."""
    return None, source


ALONE: dict[str, Plant] = {
    name: alone(make)
    for name, make in {
        **{f"noise: {kind}": make for kind, make in noise.KINDS.items()},
        "boilerplate": menu,
        "repetition": repetition,
        "shuffled words": shuffled_words,
        "glued words": glued,
        "truncated words": truncated,
        "misread letters": misread,
        "index page": index_page,
        "catalogue": catalogue,
    }.items()
}
PAIRS: dict[str, Plant] = {"untranslated": untranslated, "swapped sides": swapped}
