"""Off-the-shelf language identifiers as functions from texts to ISO 639-3 codes.

Each is in the extra `bench` and runs offline once installed; lid.176 is a file that `dvc repro
fetch` brings. All get the texts as they stand, on one line, and their most favourable settings:
heliport may abstain (0.002 better in macro F1 on the UDHR), and lingua runs in its accurate mode.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import fasttext
from langcodes import Language, standardize_tag
from langcodes.registry_parser import parse_registry

from corpus.classifier import LABEL
from corpus.proof import plain

Identifier = Callable[[Sequence[str]], list[str | None]]

LID176 = Path("data/fetch/models/lid176/lid.176.ftz")
WIKIPEDIA = {"als": "gsw", "eml": "egl", "bh": "bho"}  # its codes, where ISO 639-3 has others


def lid176(path: Path = LID176) -> Identifier:
    """Joulin et al. 2016, https://arxiv.org/abs/1612.03651 : fastText, quantised, 176 languages."""
    model = fasttext.load_model(str(path))

    def identify(texts: Sequence[str]) -> list[str | None]:
        labels, _ = model.predict([plain(text) for text in texts])
        return [alpha3(label[0].removeprefix(LABEL)) if len(label) else None for label in labels]

    return identify


def heliport() -> Identifier:
    """Jauhiainen et al. 2022, https://aclanthology.org/2022.lrec-1.416 : HeLI-OTS in Rust."""
    from heliport import Identifier as Heli

    model = Heli()
    return lambda texts: [alpha3(model.identify(plain(text))) for text in texts]


def py3langid() -> Identifier:
    """Lui and Baldwin 2012, https://aclanthology.org/P12-3005 : naive Bayes over byte n-grams."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE)
    return lambda texts: [alpha3(model.classify(plain(text))[0]) for text in texts]


def lingua() -> Identifier:
    """Stahl 2021, https://github.com/pemistahl/lingua-py : n-grams, all its languages, accurate."""
    from lingua import LanguageDetectorBuilder

    model = LanguageDetectorBuilder.from_all_languages().build()

    def identify(texts: Sequence[str]) -> list[str | None]:
        found = [model.detect_language_of(plain(text)) for text in texts]
        return [language and language.iso_code_639_3.name.lower() for language in found]

    return identify


PEERS: dict[str, Callable[[], Identifier]] = {
    "lid176": lid176,
    "heliport": heliport,
    "py3langid": py3langid,
    "lingua": lingua,
}


def lid176_labels(path: Path = LID176) -> list[str]:
    """The labels of lid.176."""
    return [label.removeprefix(LABEL) for label in fasttext.load_model(str(path)).get_labels()]


def heliport_labels() -> list[str]:
    """The labels of heliport: those that its wheel has a threshold for."""
    import heliport

    table = Path(heliport.__file__).with_name("confidenceThresholds").read_text("utf-8")
    return [line.split("\t")[0] for line in table.splitlines()]


def py3langid_labels() -> list[str]:
    """The labels of py3langid."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return list(LanguageIdentifier.from_model_file(MODEL_FILE).labels)


def lingua_labels() -> list[str]:
    """The labels of lingua."""
    from lingua import Language as Known

    return [language.iso_code_639_3.name.lower() for language in Known.all()]


LABELS: dict[str, Callable[[], list[str]]] = {
    "lid176": lid176_labels,
    "heliport": heliport_labels,
    "py3langid": py3langid_labels,
    "lingua": lingua_labels,
}


@cache
def claims(name: str) -> frozenset[str]:
    """The languages that a peer can answer, as ISO 639-3 codes, macrolanguages among them."""
    return frozenset(code for label in LABELS[name]() if (code := alpha3(label)))


@cache
def alpha3(tag: str) -> str | None:
    """The ISO 639-3 code of a label, null for no language; a macrolanguage's code stays its own.

    >>> [alpha3(tag) for tag in ("es", "hbs", "zxx")]
    ['spa', 'hbs', None]
    """
    tag = WIKIPEDIA.get(tag, tag)
    return None if tag in ("und", "zxx") else Language.get(tag, normalize=False).to_alpha3()


@cache
def macrolanguages() -> dict[str, str]:
    """The macrolanguage of each ISO 639-3 code that has one: arb and arz are ara."""
    return {
        Language.get(fact["Subtag"], normalize=False).to_alpha3(): Language.get(
            fact["Macrolanguage"], normalize=False
        ).to_alpha3()
        for fact in parse_registry()
        if fact["Type"] == "language" and "Macrolanguage" in fact
    }


def known_as(code: str | None, claimed: frozenset[str]) -> str | None:
    """The code under which a set of languages holds one: its own, or its macrolanguage's; or null.

    >>> [known_as(code, frozenset({"nno", "nor", "spa"})) for code in ("nno", "nob", "nci", None)]
    ['nno', 'nor', None, None]
    """
    if code is None or code in claimed:
        return code
    whole = macrolanguages().get(code)
    return whole if whole in claimed else None


def claimed_by(code: str, claimed: frozenset[str]) -> bool:
    """Whether a peer claims a language: itself, or a macrolanguage of which it is the usual member.

    A peer that knows Malay is not asked for Minangkabau, though ISO 639-3 puts it there.

    >>> [claimed_by(code, frozenset({"zho", "msa"})) for code in ("cmn", "hak", "min")]
    [True, False, False]
    """
    if known_as(code, claimed) is None:  # CLDR calls Montenegrin Serbian: ISO 639-3 does not
        return False
    return code in claimed or alpha3(standardize_tag(code, macro=True)) in claimed
