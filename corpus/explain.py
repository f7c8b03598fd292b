"""Why identification takes a text for what it does: likeliest labels, and what each word adds."""

import json
from pathlib import Path

import fasttext
import numpy as np
from scipy.special import logit

from corpus.classifier import BEST, LABEL, load, probabilities
from corpus.orthography import matching_key
from corpus.settings import Languages
from corpus.table import InputError

MOST_WORDS = 40  # that are left out in turn


def explain(models: Path, text: str, active: tuple[str, ...], languages: Languages) -> list[str]:
    """What the model of each active language says of a text, a few lines each.

    A word adds the log-odds of the language that the text loses without it: fastText sees no order
    of words, so that what a word adds does not depend on its neighbours but by their number.

    Args:
        models: data/identify/models.

    Raises:
        InputError: no active language has a model, or the text has no word.
    """
    words = text.split()[:MOST_WORDS]
    if not words:
        raise InputError("the text has no word")
    known = [key for key in active if (models / key / "about.json").exists()]
    if not known:
        raise InputError(f"{models} holds no model of {list(active)}; run 'dvc repro' first")
    return [line for key in known for line in said(models / key, text, words, languages[key].name)]


def said(folder: Path, text: str, words: list[str], name: str) -> list[str]:
    """What one model says: score and limit, labels, words."""
    about = json.loads((folder / "about.json").read_text("utf-8"))
    model = fasttext.load_model(str(folder / "model.bin"))
    fold = matching_key(about["orthography"])
    labels = sorted(label.removeprefix(LABEL) for label in model.get_labels())
    shares = probabilities(model, fold, labels, [text]).chances[0]
    likeliest = sorted(zip(-shares, labels, strict=True))[:BEST]
    parts = [", ".join(f"{label} {-share:.3f}" for share, label in likeliest)]
    target = about.get("target")
    if target is None:
        return [f"{name}: too little of it to score", f"  labels  {parts[0]}"]
    score, least = load(folder)["target"]([text])[0], target["least"]
    limit = "no limit" if least is None else f"the limit for untrusted text is {least:.3f}"
    without = [" ".join([*words[:n], *words[n + 1 :]]) for n in range(len(words))]
    odds = logit(probabilities(model, fold, [target["label"]], [" ".join(words), *without]).chances)
    adds = (odds[0] - odds[1:])[:, 0]
    order = np.argsort(-adds, kind="stable")
    return [
        f"{name}: {score:.3f} that it is; {limit}",
        f"  labels  {parts[0]}",
        f"  words   {', '.join(f'{words[n]} {adds[n]:+.1f}' for n in order)}",
    ]
