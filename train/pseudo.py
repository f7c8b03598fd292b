"""Pseudo-log-likelihood: what a masked language model makes of a text, a token at a time.

Each token is masked in turn, and with it the later tokens of its word: else a rare word's own
pieces give it away, and long words look likely. The sum is no log-likelihood, so it compares models
of one kind and tokenizer, and encoders with no decoder. The end of the text is not counted.

Sources: Salazar et al. 2020, https://aclanthology.org/2020.acl-main.240;
Kauf & Ivanova 2023, https://aclanthology.org/2023.acl-short.80
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from train.examples import IGNORED, Example

if TYPE_CHECKING:
    from train.model import Speaker


def masked_once(speaker: "Speaker", text: str) -> Iterator[Example]:
    """A text once for each of its tokens, that token and the rest of its word masked."""
    (code,) = speaker.encode([text])
    words = words_of(speaker, text, code)
    first, last = speaker.frame
    room = (speaker.most_tokens or len(code) + 2) - 2
    mask = speaker.tokenizer.mask_token_id
    for start in range(0, len(code), room):
        part, word = code[start : start + room], words[start : start + room]
        for at, token in enumerate(part):
            read = [mask if n >= at and word[n] == word[at] else one for n, one in enumerate(part)]
            labels = [IGNORED] * (len(part) + 2)
            labels[at + 1] = token
            yield Example([first, *read, last], labels)


def words_of(speaker: "Speaker", text: str, code: list[int]) -> list[int]:
    """The number of the word that each token is of, as the tokenizer cuts words.

    Where it does not say, or the text spells a control token, each token is a word. In a script
    without spaces a word may be a whole phrase: then what follows in the phrase is masked too.
    """
    read = speaker.tokenizer([text], add_special_tokens=False, split_special_tokens=True)
    if not read.encodings or list(read["input_ids"][0]) != code:
        return list(range(len(code)))
    return [-1 - at if word is None else word for at, word in enumerate(read.word_ids(0))]
