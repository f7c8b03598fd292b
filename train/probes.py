"""What a model does that no configuration tells, found by asking it."""

from inspect import signature

import torch

from train.model import Speaker, device, features, head, scores

LARGE = 1000.0  # a score that no cap leaves as it is


@torch.no_grad()
def is_plain(speaker: Speaker) -> bool:
    """Whether the model scores tokens as `scores` does: some cap or scale them, or add to them."""
    ids = torch.tensor([[speaker.separator] * 2], device=device())
    inputs = {"input_ids": ids}
    if speaker.family == "encoder-decoder":
        inputs["decoder_input_ids"] = ids
    told = speaker.model(**inputs).logits.float()
    try:
        ours = scores(features(speaker, inputs), head(speaker))
    except RuntimeError:  # what is added has no place among the features
        return False
    large = torch.linspace(-LARGE, LARGE, told.numel(), device=device()).view_as(told)
    layer = speaker.model.get_output_embeddings()
    layer.forward = lambda _: large  # a cap shows at scores that random weights do not reach
    try:
        kept = speaker.model(**inputs).logits.float()
    finally:
        del layer.forward
    return torch.equal(kept, large) and torch.allclose(told, ours, rtol=0.05, atol=0.05)


@torch.no_grad()
def keeps_apart(speaker: Speaker) -> bool:
    """Whether positions that begin anew keep documents apart, so that they may share a row.

    A document's scores are then as those of the document alone, and to the bit the same whatever
    stands before it.
    """
    takes = signature(speaker.model.forward).parameters
    if speaker.family != "decoder" or "position_ids" not in takes:
        return False
    size = speaker.model.get_input_embeddings().num_embeddings
    one, two = torch.arange(6) % size, (torch.arange(8) * 7 + 1) % size
    positions = torch.cat([torch.arange(6), torch.arange(8)])[None].to(device())
    beside, other = (
        speaker.model(
            input_ids=torch.cat([before, two])[None].to(device()), position_ids=positions
        ).logits[0, 6:]
        for before in (one, (one * 5 + 3) % size)
    )
    alone = speaker.model(input_ids=two[None].to(device())).logits[0]
    near = torch.allclose(
        beside.float(), alone.float(), rtol=0.05, atol=0.05 * float(alone.float().std())
    )
    return torch.equal(beside, other) and near
