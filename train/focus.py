"""What the row of a new token begins as: how much of which base tokens' rows.

`mean`: the mean of the tokens that it stands for. `focus`: a sparse mixture of the base tokens that
are used like it in the language's own text, by an auxiliary embedding trained on that text.

Source: Dobler & de Melo 2023, https://arxiv.org/abs/2305.14481 (FOCUS)
"""

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np

Method = Literal["mean", "focus"]
Weights = dict[str, dict[int, float]]  # of each new token, the share of each base token's row
DIMENSIONS, NEGATIVES, LEAST_COUNT = 100, 10, 10  # as the authors' program has them
LEAST_EPOCHS, MOST_EPOCHS = 3, 100  # the authors' three are for gigabytes
LEARNED_TOKENS = 30_000_000  # of all epochs together, between those bounds
BUCKETS = 200_000  # of character n-grams; fastText's two million would fill 800 MB
DIGITS = 6  # of a weight


def weights(
    method: Method,
    pieces: dict[str, list[int]],
    extended: Any,  # noqa: ANN401
    texts: list[str],
) -> Weights:
    """The share that each base token's row has in each new token's first row.

    Args:
        pieces: the base tokens that each new token stands for.
        extended: the extended tokenizer.
        texts: of the training split.
    """
    found = {token: mean(ids) for token, ids in pieces.items()}
    return found | focus(pieces, extended, texts) if method == "focus" and pieces else found


def mean(ids: list[int]) -> dict[int, float]:
    """The mean of the pieces.

    >>> mean([7, 5, 7, 9])
    {7: 0.5, 5: 0.25, 9: 0.25}
    """
    return {i: count / len(ids) for i, count in Counter(ids).items()}


def focus(pieces: dict[str, list[int]], extended: Any, texts: list[str]) -> Weights:  # noqa: ANN401
    """The mixtures by FOCUS, of the new tokens that the text has often enough for a vector.

    The authors draw the other new tokens' rows at random; here they stay as they are.
    """
    vectors = embed(
        [code.tokens for code in extended.encode_batch(texts, add_special_tokens=False)]
    )
    special = {token.content for token in extended.get_added_tokens_decoder().values()}
    vocabulary = extended.get_vocab()
    known = [t for t in vectors if t not in pieces and t not in special and t in vocabulary]
    shared = sorted(known, key=vocabulary.__getitem__)
    new = [token for token in pieces if token in vectors]
    if not (shared and new):
        return {}
    nearness = unit(vectors, new) @ unit(vectors, shared).T
    shares = sparsemax(nearness).round(DIGITS)
    ids = np.array([vocabulary[token] for token in shared])
    return {
        token: dict(zip(ids[row > 0].tolist(), row[row > 0].tolist(), strict=True))
        for token, row in zip(new, shares, strict=True)
    }


def embed(lines: list[list[str]]) -> dict[str, np.ndarray]:
    """A vector of each token that occurs often enough, by fastText on one thread.

    A token that holds white space is left out: fastText parts words there.
    """
    import fasttext

    epochs = LEARNED_TOKENS // max(1, sum(map(len, lines)))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "tokens.txt")
        kept = (" ".join(t for t in line if t.split() == [t]) for line in lines)
        path.write_text("".join(f"{line}\n" for line in kept), "utf-8")
        try:
            model = fasttext.train_unsupervised(
                str(path),
                model="cbow",
                dim=DIMENSIONS,
                epoch=min(MOST_EPOCHS, max(LEAST_EPOCHS, epochs)),
                neg=NEGATIVES,
                minCount=LEAST_COUNT,
                bucket=BUCKETS,
                thread=1,
                verbose=0,
            )
        except ValueError:  # no token occurs so often
            return {}
    return {token: model.get_word_vector(token) for token in model.words}


def unit(vectors: dict[str, np.ndarray], tokens: list[str]) -> np.ndarray:
    """(tokens, D): their vectors at length one."""
    rows = np.stack([vectors[token] for token in tokens]).astype(np.float64)
    unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def sparsemax(scores: np.ndarray) -> np.ndarray:
    """Each row's nearest point among distributions: most of its values are zero.

    >>> sparsemax(np.array([[0.9, 0.7, -0.5]])).round(3).tolist()
    [[0.6, 0.4, 0.0]]

    Source: Martins & Astudillo 2016, https://arxiv.org/abs/1602.02068
    """
    ordered = -np.sort(-scores, axis=1)
    sums = ordered.cumsum(axis=1) - 1
    support = (ordered * np.arange(1, scores.shape[1] + 1) > sums).sum(axis=1)
    threshold = sums[np.arange(len(scores)), support - 1] / support
    shares: np.ndarray = np.maximum(scores - threshold[:, None], 0)
    return shares


def write(found: Weights, path: Path) -> None:
    """A line of JSON for each token."""
    lines = (f"{json.dumps(t, ensure_ascii=False)}: {json.dumps(w)}" for t, w in found.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
