"""Kills adapt at random steps and starts it again until it ends: the same bytes every time.

    PYTHONPATH=tests python -m benchmarks.resume [KILLS]

A tiny model with checks and patience, both phases, one adapter after the other; the kill comes once
a step drawn by chance is under way, as its checkpoints tell, and a moment of chance after that.
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from conftest import table
from test_adapt import finish, project, start, tiny

KILLS = 10
SEED = 20261125
STEPS = 30
PHASES = [
    {"objective": name, "steps": STEPS, "learning_rate": 0.01, "warmup_steps": 1}
    for name in ("clm", "sft")
]
CHECKED = {"texts": 3, "every_steps": 3, "patience": 9}


def killed(folder: Path, models: Path, after: tuple[str, int, int], seconds: float) -> bool:
    """Start the stage and kill it so long after a checkpoint; False: it ended by itself before."""
    adapter, phase, step = after
    place = folder / "scratch/adapt/nah"
    stage = start(folder, models)
    while stage.poll() is None:
        made = place.glob(f"{adapter}-*/{phase}/checkpoint-*/trainer_state.json")
        if any(int(path.parent.name.split("-")[1]) >= step for path in made):
            time.sleep(seconds)
            break
        time.sleep(0.005)
    if stage.poll() is not None:
        return False
    os.kill(stage.pid, signal.SIGKILL)
    stage.communicate()
    return True


def main(kills: int = KILLS) -> None:
    """Print how many kills there were, and whether the bytes are those of two runs without any."""
    chance, done = Random(SEED), 0
    with tempfile.TemporaryDirectory() as scratch:
        models = Path(scratch)
        tiny(models)
        for name in ("whole", "again", "killed"):
            project(table, models / name, phases=PHASES, validation=CHECKED, compile=True)
        whole = finish(models / "whole", models)
        print("two runs equal:", finish(models / "again", models) == whole, flush=True)
        equal = True
        while done < kills:
            after = (
                chance.choice(("human", "mixed")),
                chance.randrange(2),
                3 * chance.randrange(9),
            )
            if killed(models / "killed", models, after, chance.uniform(0, 0.3)):
                done += 1
                print("killed in", *after, flush=True)
            if chance.random() < 0.3 or done == kills:  # else it goes on, and is killed again
                equal &= finish(models / "killed", models) == whole
    print(f"{done} kills; bytes equal: {equal}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
