"""How far training is, in tokens."""

from collections.abc import Sequence
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from train.batches import Batch


class Bar(TrainerCallback):
    """Progress in tokens: how many a second, and the time left."""

    def __init__(self, name: str, batches: Sequence[Batch], accumulate: int) -> None:
        self.name = name
        self.sizes = [batch.labels.size for batch in batches]
        self.accumulate = accumulate  # batches in a step
        self.bar: Any = None

    def until(self, step: int) -> int:
        """Tokens before the end of a step."""
        return sum(self.sizes[: step * self.accumulate])

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Begin where the run goes on."""
        total, done = self.until(state.max_steps), self.until(state.global_step)
        self.bar = tqdm(total=total, initial=done, desc=self.name, unit=" tokens", unit_scale=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """One step more."""
        self.bar.set_postfix_str(f"step {state.global_step}/{state.max_steps}", refresh=False)
        self.bar.update(self.until(state.global_step) - self.bar.n)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Close the bar."""
        self.bar.close()
