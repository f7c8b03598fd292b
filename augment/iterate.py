"""Iterative back-translation: the translators of both directions make pairs for each other.

In each round a direction is trained anew on its human pairs and on monolingual text of the language
it writes, read through the best model of the other direction so far. The model that validation
pairs score highest stays; where that is no new one, the other direction has nothing new to learn
from it, and when neither has, the rounds end. What is made is made by the newest best model alone:
pairs of earlier rounds are dropped.

Source: Hoang et al. 2018, https://aclanthology.org/W18-2703
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from augment.chrf import corpus_chrf
from augment.engines import phrases, thot
from augment.translation import Direction, Pair, best_texts
from corpus.shards import Shards, map_shards

OTHER = {"forward": "backward", "backward": "forward"}


class Job(NamedTuple):
    """The training of one direction."""

    pairs: list[Pair]  # human: what it reads, what it writes
    folder: Path  # of the model: <language>/<way>
    direction: Direction
    how: phrases.Training
    alone: Sequence[str] = ()  # text of the language it writes that has no other side
    validation: Sequence[Pair] = ()


class Turn(NamedTuple):
    """The training of one direction in one round."""

    job: Job  # its folder is the round's
    maker: Path  # the model of the other direction that reads the text alone


class Tried(NamedTuple):
    """What a turn came to."""

    made: int  # pairs that the other direction made
    left_out: int  # pairs with too many pieces
    said: list[str]  # translations of the validation pairs


def improve(
    jobs: Sequence[Job], most_rounds: int, work: Path, shards: Shards
) -> list[dict[str, Any]]:
    """What each round came to, a report for each job; the folders hold the best round's models.

    Args:
        jobs: both directions of each language, trained on the human pairs: that is round 0.
        work: a folder for the models of later rounds, <round>/<language>/<way>.
    """
    kept = {job.folder: job.folder for job in jobs}
    first = map_shards(said, jobs, shards, "translator, round 0")
    courses = {
        job.folder: [figures(0, job, Tried(0, 0, texts))]
        for job, texts in zip(jobs, first, strict=True)
    }
    new = set(kept)  # the directions whose best model has not made pairs yet
    for number in range(1, most_rounds + 1):
        due = [job for job in jobs if other(job) in new and not obstacle(job)]
        if not due:
            break
        turns = [
            Turn(job._replace(folder=later(job, work, number)), kept[other(job)]) for job in due
        ]
        new = set()
        tried = map_shards(attempt, turns, shards, f"translator, round {number}")
        for job, turn, found in zip(due, turns, tried, strict=True):
            course = courses[job.folder]
            course.append(figures(number, job, found))
            if best(course) == number:
                kept[job.folder] = turn.job.folder
                new.add(job.folder)
    for folder, chosen in kept.items():
        if chosen != folder:
            shutil.rmtree(folder)
            shutil.copytree(chosen, folder)
    return [report(job, courses[job.folder]) for job in jobs]


def attempt(turn: Turn) -> Tried:
    """Make the pairs, train the direction on them and the human ones, translate the validation."""
    job, maker = turn
    read = translations(maker, job.alone)
    made = [(one, text) for one, text in zip(read, job.alone, strict=True) if one]
    left_out = thot.train([*job.pairs, *made], job.folder, job.how)
    return Tried(len(made), left_out, said(job))


def said(job: Job) -> list[str]:
    """The model's translations of the validation pairs."""
    return translations(job.folder, [read for read, _ in job.validation])


def translations(folder: Path, texts: Sequence[str]) -> list[str]:
    """What the model of that folder makes of the texts; it is not kept in memory."""
    return best_texts(thot.load.__wrapped__(folder)(list(texts)))


def other(job: Job) -> Path:
    """The folder of the language's other direction."""
    return job.folder.with_name(OTHER[job.direction.way])


def later(job: Job, work: Path, number: int) -> Path:
    """Where a round's model lies."""
    return work / str(number) / job.folder.parent.name / job.folder.name


def obstacle(job: Job) -> str | None:
    """Why a direction cannot be improved."""
    if not job.validation:
        return "no validation pairs to choose a round by"
    if not job.alone:
        return f"no monolingual text of {job.direction.target}"
    return None


def figures(number: int, job: Job, tried: Tried) -> dict[str, Any]:
    """A round as the report gives it."""
    chrf = corpus_chrf(tried.said, [written for _, written in job.validation])
    return {"round": number, "made": tried.made, "too_many_pieces": tried.left_out, **chrf}


def best(course: Sequence[dict[str, Any]]) -> int:
    """The round of highest validation chrF++, the first of several."""
    number: int = max(course, key=lambda line: (line["chrf"] or 0.0, -line["round"]))["round"]
    return number


def report(job: Job, course: list[dict[str, Any]]) -> dict[str, Any]:
    """How a direction fared over the rounds."""
    why = obstacle(job)
    said = {"not_improved": why} if why else {}
    return {"monolingual": len(job.alone), "kept": best(course), "rounds": course, **said}
