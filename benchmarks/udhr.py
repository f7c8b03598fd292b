"""One model for all languages of the UDHR against off-the-shelf ones: `python -m benchmarks.udhr`.

`python -m benchmarks.udhr tune` scores our models by cross-validation inside the articles that are
learned, whole sentences and their first words: settings were chosen by it, not by held-out ones.

A sentence is a paragraph that is no heading; an article is a document: a third of them, the same in
every language, is held out, tested on and bootstrapped over. A peer is compared on the languages
that it claims, on the same sentences; both sides may answer any language that they know. Where a
peer has a macrolanguage only, that language's members count as one, in our answers too.
"""

import csv
import json
import lzma
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import regex

from benchmarks import bayes
from benchmarks.macro_f1 import interval, macro_f1, resamples, tally
from benchmarks.peers import PEERS, Identifier, claimed_by, claims, known_as
from corpus.classifier import FastText, probabilities, train, windows
from corpus.crossfit import cuts, told_apart
from corpus.detection import share
from corpus.orthography import matching_key
from corpus.table import digest

UDHR = Path("data/raw/udhr.jsonl.xz")
HELP = Path("languages/orm/data/raw/libreoffice-help.om.jsonl.xz")
AXOLOTL = Path("data/fetch/corpora/elotl/axolotl.csv")
FASTTEXT = FastText(
    dimensions=32,
    epochs=20,
    rate=0.5,
    least_letters=1,
    most_letters=4,
    least_count=5,
    buckets=200_000,
)
BAYES = bayes.Bayes(most_letters=5, bucket_bits=20, smoothing=0.01)
EXAMPLES = 150  # of a language to learn: fewer are filled up with cuts, more are left out
TESTED = 30  # sentences of a language, those of lowest hash
LEAST_SENTENCES, LEAST_LETTERS = 40, 10
HELD_OUT = 10  # of 32 articles, preamble and title among them, those of lowest hash
OUTSIDE = 1000  # sentences of a language from another domain
FOLDS, FEW_WORDS = 3, 5  # of tuning
WORST, SEED = 12, 1

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


def examples(learned: Sequence[Sentence]) -> list[tuple[str, str]]:
    """As many examples (code, folded text) of each language, by hash."""
    pieces: dict[str, list[str]] = defaultdict(list)
    for sentence in learned:
        pieces[sentence.code] += [KEY(window) for window in windows(sentence.text)]
    chance = np.random.default_rng(SEED)
    made = []
    for code, mine in sorted(pieces.items()):
        chosen = sorted(mine, key=digest)[:EXAMPLES]
        made += [(code, piece) for piece in (*chosen, *cuts(chosen, EXAMPLES, chance))]
    return sorted(made, key=lambda example: digest(*example))


def by_fasttext(learned: Sequence[Sentence]) -> Identifier:
    """A fastText model, as identify trains them."""
    model = train(examples(learned), FASTTEXT, SEED)
    return lambda texts: [*probabilities(model, KEY, [], texts)[1]]


def by_bayes(learned: Sequence[Sentence]) -> Identifier:
    """A naive Bayes model of the same examples."""
    model = bayes.learn(examples(learned), BAYES)

    def identify(texts: Sequence[str]) -> list[str | None]:
        best = bayes.probabilities(model, [KEY(text) for text in texts]).argmax(axis=1)
        return [model.labels[place] for place in best]

    return identify


OURS: dict[str, Callable[[Sequence[Sentence]], Identifier]] = {
    "fasttext": by_fasttext,
    "bayes": by_bayes,
}


def trained(learned: Sequence[Sentence]) -> dict[str, Identifier]:
    """Our models; prints what they took."""
    made = {}
    for name, make in OURS.items():
        start = time.process_time()
        made[name] = make(learned)
        print(f"{name}: trained in {time.process_time() - start:.1f} CPU-s")
    return made


def timed(name: str, identify: Identifier, texts: Sequence[str]) -> list[str | None]:
    """The answers; prints what they took."""
    start = time.process_time()
    answers = identify(texts)
    taken = time.process_time() - start
    print(f"{name}: {len(texts)} sentences in {taken:.2f} CPU-s, {len(texts) / taken:,.0f} a CPU-s")
    return answers


def compared(name: str, tested: Sequence[Sentence], answers: dict[str, list[str | None]]) -> str:
    """Macro F1 of a peer and of ours on the languages that it claims, and paired differences."""
    claimed = claims(name)
    places = [n for n, sentence in enumerate(tested) if claimed_by(sentence.code, claimed)]
    some = [tested[n] for n in places]
    truth = [known_as(sentence.code, claimed) or "" for sentence in some]
    weights = resamples(len({sentence.article for sentence in some}))
    f1 = {
        who: macro_f1(
            tally([s.article for s in some], truth, [known_as(said[n], claimed) for n in places]),
            weights,
        )
        for who, said in answers.items()
    }
    cells = [interval(f1[name])]
    for ours in OURS:
        cells += [interval(f1[ours]), interval(f1[ours] - f1[name])]
    return f"| {name} | {len(set(truth))} | {len(some)} | {' | '.join(cells)} |"


def confused(name: str, tested: Sequence[Sentence], answers: Sequence[str | None]) -> None:
    """Print the pairs of languages that are most often taken for each other."""
    pairs: Counter[tuple[str, ...]] = Counter()
    total = Counter(sentence.code for sentence in tested)
    for sentence, answer in zip(tested, answers, strict=True):
        if answer != sentence.code:
            pairs[tuple(sorted((sentence.code, str(answer))))] += 1
    print(f"\n{name}: the {WORST} worst pairs, of {sum(pairs.values())} mistakes:")
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


def tune(learned: Sequence[Sentence]) -> None:
    """Print macro F1 of our models by cross-validation inside the articles to learn from."""
    articles = sorted({sentence.article for sentence in learned}, key=digest)
    for fold in range(FOLDS):
        held = set(articles[fold::FOLDS])
        tested = [sentence for sentence in learned if sentence.article in held]
        truth, places = [s.code for s in tested], [s.article for s in tested]
        models = trained([sentence for sentence in learned if sentence.article not in held])
        for name, identify in models.items():
            for words in (None, FEW_WORDS):
                texts = [" ".join(sentence.text.split()[:words]) for sentence in tested]
                f1 = macro_f1(tally(places, truth, identify(texts)), resamples(len(held)))
                print(f"fold {fold}, {words or 'all'} words, {name}: {interval(f1)}", flush=True)


def main(tuning: bool) -> None:
    """Print all figures."""
    learned, tested = parted(sentences(UDHR))
    print(f"{len(learned)} sentences to learn, {len(tested)} tested: {HELD_OUT} held-out articles")
    if tuning:
        tune(learned)
        return
    identifiers = trained(learned) | {name: load() for name, load in PEERS.items()}
    for identify in identifiers.values():
        identify([tested[0].text])  # some load their models at the first text
    texts = [sentence.text for sentence in tested]
    answers = {name: timed(name, identify, texts) for name, identify in identifiers.items()}
    print(f"\nmacro F1 over all {len({s.code for s in tested})} languages:")
    for name in OURS:
        whole = tally([s.article for s in tested], [s.code for s in tested], answers[name])
        print(f"  {name}: {interval(macro_f1(whole, resamples(len(whole.true))))}")
    ours = " | ".join(f"{name} | {name} - peer" for name in OURS)
    print(f"\n| peer | languages | sentences | its F1 | {ours} |\n|{'---|' * 8}")
    for name in PEERS:
        print(compared(name, tested, answers))
    for name in OURS:
        confused(name, tested, answers[name])
    out_of_domain(identifiers)


if __name__ == "__main__":
    main(sys.argv[1:] == ["tune"])
