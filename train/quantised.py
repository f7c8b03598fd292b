"""A base in four bits (QLoRA): its linear layers as NF4 blocks, dequantised where they are used.

Source: Dettmers et al. 2023, https://arxiv.org/abs/2305.14314
"""

from importlib.util import find_spec
from typing import Any

import torch

from corpus.table import InputError


def four_bits() -> dict[str, Any]:
    """What transformers is told to load a model in four bits.

    Raises:
        InputError: bitsandbytes is not installed.
    """
    from transformers import BitsAndBytesConfig

    if find_spec("bitsandbytes") is None:
        raise InputError("adapt.method.bits needs bitsandbytes: pip install 'milpa[qlora]'")
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": config}


def keep_gradients(model: Any) -> None:  # noqa: ANN401
    """Keep bitsandbytes from packing weights anew for inference on a CPU.

    It does so at the first call in evaluation mode, for good, and its product with such weights has
    no gradient: training after that goes on without a word, and learns from wrong gradients.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
