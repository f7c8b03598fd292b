"""How encoder-decoder models write the code of a language, and where it stands."""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from corpus.table import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CODES = {  # model type: how its vocabulary may write a code
    "m2m_100": ("{}", "__{}__"),  # NLLB, M2M-100
    "nllb-moe": ("{}",),
    "mbart": ("{}",),  # mBART-50; an mBART-25 begins a translation otherwise
    "t5": ("<2{}>",),  # MADLAD
    "marian": (">>{}<<",),
}
BEFORE = ("t5", "marian")  # the code stands before the source; else the translation begins with it


def known(tokenizer: "PreTrainedTokenizerBase", family: str, code: str | None, model: str) -> str:
    """The token of a code, as the model's vocabulary writes it; empty for none.

    Raises:
        InputError: the vocabulary lacks it.
    """
    if code is None:
        return ""
    written = [form.format(code) for form in CODES.get(family, ())]
    for token in written:
        if tokenizer.convert_tokens_to_ids(token) not in (None, tokenizer.unk_token_id):
            return token
    near = get_close_matches((written or [code])[0], tokenizer.get_vocab(), 5) if written else []
    raise InputError(
        f"model {model!r} ({family}) has no language code {code!r}; "
        f"near to it are {near}; null: it takes none"
    )
