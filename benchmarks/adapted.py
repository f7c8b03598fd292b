"""A model after `adapt`'s phases, for the benchmarks that compare ways of training."""

import tempfile
from pathlib import Path

from train.adapt import Adapt
from train.adapters import add_adapter
from train.examples import Row
from train.fitting import learned, plan
from train.model import Speaker
from train.tasks import taught_by
from train.trainer import Plan, optimizer_of, train


def adapted(speaker: Speaker, params: Adapt, rows: list[Row]) -> Speaker:
    """The model with an adapter trained on the rows, phase by phase."""
    phases = plan(params, rows, taught_by(params.tasks, rows, {}), speaker)
    own = learned([phases])
    speaker = add_adapter(speaker, params.method, params.seed)
    optimizer = optimizer_of(speaker, params)
    with tempfile.TemporaryDirectory() as folder:
        for number, (phase, batches) in enumerate(zip(params.phases, phases, strict=True)):
            places = (Path(folder, str(number)), phase.objective)
            train(speaker, Plan(batches, own), params, phase, optimizer, places)
    return speaker
