"""One model for all languages of the UDHR against off-the-shelf ones: `python -m benchmarks.udhr`.

A sentence is a paragraph that is no heading; an article is a document: a third of them, the same in
every language, is held out, tested on and bootstrapped over. A peer is compared on the languages
that it claims, on the same sentences; both sides may answer any language that they know. Where a
peer has a macrolanguage only, that language's members count as one, in our answers too.
"""

import csv
import json
import lzma
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import regex

from benchmarks.peers import PEERS, Identifier, claims, known_as
from corpus.classifier import FastText, probabilities, train, windows
from corpus.crossfit import cuts, told_apart
from corpus.detection import Floats, share
from corpus.orthography import matching_key
from corpus.table import digest

UDHR = Path("data/raw/udhr.jsonl.xz")
HELP = Path("data/raw/libreoffice-help.om.jsonl.xz")
AXOLOTL = Path("data/fetch/corpora/elotl/axolotl.csv")
HOW = FastText(
    dimensions=32,
    epochs=20,
    rate=0.5,
    least_letters=1,
    most_letters=4,
    least_count=5,
    buckets=200_000,
)
EXAMPLES = 150  # of a language to learn: fewer are filled up with cuts, more are left out
TESTED = 30  # sentences of a language, those of lowest hash
LEAST_SENTENCES, LEAST_LETTERS = 40, 10
HELD_OUT = 10  # of 32 articles, preamble and title among them, those of lowest hash
OUTSIDE = 1000  # sentences of a language from another domain
RESAMPLES, WORST, SEED = 1000, 15, 1

KEY = matching_key(None)


class Sentence(NamedTuple):
    """A text, its language and the article that it is from."""

    code: str
    article: str
    text: str


def sentences(path: Path) -> list[Sentence]:
    """The sentences of all languages that have enough; each text once a language.

    A heading is the first of an article's paragraphs. Left out are also texts of few letters and
    texts that stand under several languages, which nobody could tell apart.
    """
    with lzma.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    paragraphs = Counter((row["declaration"], row["section"]) for row in rows)
    own = told_apart((row["iso639_3"], KEY(row["text"])) for row in rows)
    left_out: Counter[str] = Counter()
    found: dict[str, dict[str, Sentence]] = defaultdict(dict)
    for row in rows:
        key, code = KEY(row["text"]), row["iso639_3"]
        if code == "und":
            left_out["of no known language"] += 1
        elif row["paragraph"] == 0 and paragraphs[row["declaration"], row["section"]] > 1:
            left_out["headings"] += 1
        elif len(regex.findall(r"\p{L}", key)) < LEAST_LETTERS:
            left_out[f"of fewer than {LEAST_LETTERS} letters"] += 1
        elif key not in own:
            left_out["in several languages"] += 1
        elif key in found[code]:
            left_out["again in the same language"] += 1
        else:
            found[code][key] = Sentence(code, row["section"], row["text"])
    kept = [list(mine.values()) for mine in found.values() if len(mine) >= LEAST_SENTENCES]
    few = sorted(code for code, mine in found.items() if len(mine) < LEAST_SENTENCES)
    print(f"{len(rows)} paragraphs; left out: {dict(left_out)}")
    print(f"{len(kept)} languages of {LEAST_SENTENCES} sentences or more; fewer: {' '.join(few)}")
    return [sentence for mine in kept for sentence in mine]


def parted(every: Sequence[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """Sentences to learn from, and those held out, classes balanced; articles stay whole."""
    articles = sorted({sentence.article for sentence in every}, key=digest)
    held = set(articles[:HELD_OUT])
    of_code: dict[str, list[Sentence]] = defaultdict(list)
    for sentence in sorted(every, key=lambda s: digest(*s)):
        if sentence.article in held:
            of_code[sentence.code].append(sentence)
    tested = [sentence for mine in of_code.values() for sentence in mine[:TESTED]]
    return [sentence for sentence in every if sentence.article not in held], tested


def trained(learned: Iterable[Sentence]) -> Identifier:
    """A model of sentences, as many examples of each language, as an identifier."""
    pieces: dict[str, list[str]] = defaultdict(list)
    for sentence in learned:
        pieces[sentence.code] += [KEY(window) for window in windows(sentence.text)]
    chance = np.random.default_rng(SEED)
    examples = []
    for code, mine in sorted(pieces.items()):
        chosen = sorted(mine, key=digest)[:EXAMPLES]
        examples += [(code, piece) for piece in (*chosen, *cuts(chosen, EXAMPLES, chance))]
    model = train(sorted(examples, key=lambda example: digest(*example)), HOW, SEED)
    return lambda texts: [*probabilities(model, KEY, [], texts)[1]]


class Tally(NamedTuple):
    """What is needed of each article for the F1 of each language: (articles, languages) counts."""

    right: Floats
    said: Floats
    true: Floats


def tally(tested: Sequence[Sentence], truth: Sequence[str], answers: Sequence[str | None]) -> Tally:
    """The counts of all languages in `truth`; an answer that is none of them is only not right."""
    articles = sorted({sentence.article for sentence in tested})
    codes = sorted(set(truth))
    made = Tally(*(np.zeros((len(articles), len(codes))) for _ in Tally._fields))
    column = {code: number for number, code in enumerate(codes)}
    for sentence, code, answer in zip(tested, truth, answers, strict=True):
        row = articles.index(sentence.article)
        made.true[row, column[code]] += 1
        made.right[row, column[code]] += code == answer
        if answer in column:
            made.said[row, column[answer]] += 1
    return made


def macro_f1(counts: Tally, weights: Floats) -> Floats:
    """Mean F1 over languages, for each row of the weights of articles (resamples, articles)."""
    right, said, true = (weights @ field for field in counts)
    f1 = 2 * right / np.maximum(said + true, 1)
    return np.asarray(f1.sum(axis=1) / (true > 0).sum(axis=1))


def resamples(articles: int) -> Floats:
    """How often each article is drawn; the first row has every article once."""
    drawn = np.random.default_rng(SEED).multinomial(articles, [1 / articles] * articles, RESAMPLES)
    return np.concatenate([np.ones((1, articles)), drawn])


def interval(values: Floats) -> str:
    """The first value with the interval of 95 % of the others."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return f"{values[0]:.3f} [{low:.3f}, {high:.3f}]"


def timed(name: str, identify: Identifier, texts: Sequence[str]) -> list[str | None]:
    """The answers; prints what they took."""
    start = time.process_time()
    answers = identify(texts)
    taken = time.process_time() - start
    print(f"{name}: {len(texts)} sentences in {taken:.2f} CPU-s, {len(texts) / taken:,.0f} a CPU-s")
    return answers


def compared(
    name: str, tested: Sequence[Sentence], ours: Sequence[str | None], theirs: Sequence[str | None]
) -> str:
    """Macro F1 of us and a peer on the languages that it claims, and the paired difference."""
    claimed = claims(name)
    places = [n for n, sentence in enumerate(tested) if known_as(sentence.code, claimed)]
    some = [tested[n] for n in places]
    truth = [known_as(sentence.code, claimed) or "" for sentence in some]
    weights = resamples(len({sentence.article for sentence in some}))
    mine, other = (
        macro_f1(tally(some, truth, [known_as(answers[n], claimed) for n in places]), weights)
        for answers in (ours, theirs)
    )
    return (
        f"| {name} | {len(set(truth))} | {len(some)} | {interval(mine)} | {interval(other)} "
        f"| {interval(mine - other)} |"
    )


def confused(tested: Sequence[Sentence], answers: Sequence[str | None]) -> None:
    """Print the pairs of languages that are most often taken for each other."""
    pairs: Counter[tuple[str, ...]] = Counter()
    total = Counter(sentence.code for sentence in tested)
    for sentence, answer in zip(tested, answers, strict=True):
        if answer != sentence.code:
            pairs[tuple(sorted((sentence.code, str(answer))))] += 1
    print(f"\nthe {WORST} worst pairs, of {sum(pairs.values())} mistakes:")
    for pair, count in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:WORST]:
        print(f"  {' '.join(pair)}: {count} of {sum(total[code] for code in pair)}")


def outside() -> dict[str, list[str]]:
    """Real text of another domain, by a name and language; what is not here is left out."""
    found: dict[str, list[str]] = defaultdict(list)
    with lzma.open(HELP, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            for code in ("eng", "spa", "orm"):
                found[f"LibreOffice help {code}"].append(row[code])
    if AXOLOTL.exists():
        with AXOLOTL.open(encoding="utf-8-sig", newline="") as file:
            found["Axolotl spa"] = [row[0] for row in csv.reader(file) if row]
    enough = {
        name: {text for text in texts if len(regex.findall(r"\p{L}", text)) >= LEAST_LETTERS}
        for name, texts in found.items()
    }
    return {name: sorted(texts, key=digest)[:OUTSIDE] for name, texts in enough.items()}


def out_of_domain(identifiers: dict[str, Identifier]) -> None:
    """Print how much of other real text each names rightly."""
    print(
        "\nUDHR alone misleads: held-out articles share the register of the learned ones. On other"
    )
    print("text, share of sentences named rightly ('-': a language that the peer does not claim):")
    for name, texts in outside().items():
        code = name.split()[-1]
        print(f"  {name}, {len(texts)} sentences")
        for who, identify in identifiers.items():
            claimed = claims(who) if who in PEERS else frozenset({code})
            if code not in claimed:
                print(f"    {who}: -")
                continue
            right = share(sum(known_as(a, claimed) == code for a in identify(texts)), len(texts))
            print(f"    {who}: {right['rate']:.3f} [{right['low']:.3f}, {right['high']:.3f}]")


def main() -> None:
    """Print all figures."""
    learned, tested = parted(sentences(UDHR))
    print(f"{len(learned)} sentences to learn, {len(tested)} tested: {HELD_OUT} held-out articles")
    start = time.process_time()
    identifiers = {"ours": trained(learned)}
    print(f"ours: trained in {time.process_time() - start:.1f} CPU-s")
    identifiers |= {name: load() for name, load in PEERS.items()}
    for identify in identifiers.values():
        identify([tested[0].text])  # some load their models at the first text
    texts = [sentence.text for sentence in tested]
    answers = {name: timed(name, identify, texts) for name, identify in identifiers.items()}
    whole = tally(tested, [sentence.code for sentence in tested], answers["ours"])
    print(f"\nours, macro F1 over all: {interval(macro_f1(whole, resamples(len(whole.true))))}")
    print(
        "\n| peer | languages | sentences | ours | peer | difference |\n|---|---|---|---|---|---|"
    )
    for name in PEERS:
        print(compared(name, tested, answers["ours"], answers[name]))
    confused(tested, answers["ours"])
    out_of_domain(identifiers)


if __name__ == "__main__":
    main()
