"""The nearest training text, against brute force; formulas are not taken for memory."""

import pytest

from train.memory import nearest, repeated
from train.translations import Way

TRAINED = ["in tlacatl yolqui ipan tepetl", "namoonni hundinuu bilisaa", "የሰው ልጅ ሁሉ ነፃ ሆኖ", "a"]


def jaccard(one: str, two: str) -> float:
    """Of five-character shingles."""
    left, right = ({t.ljust(5, "\0")[n : n + 5] for n in range(max(1, len(t) - 4))} if t else set()
                   for t in (one, two))  # fmt: skip
    return len(left & right) / len(left | right) if left | right else 0.0


@pytest.mark.parametrize(
    "said", [*TRAINED, "in tlacatl yolqui", "bilisaa hundinuu", "ሁሉ ነፃ ሆኖ", "xochitl", ""]
)
def test_nearest_is_the_nearest(said: str) -> None:
    place, likeness = nearest([said], TRAINED)
    best = max(jaccard(said, text) for text in TRAINED)
    assert likeness[0] == pytest.approx(best)
    assert jaccard(said, TRAINED[place[0]]) == pytest.approx(best)


def test_many_texts_are_looked_through_in_blocks() -> None:
    many = [f"{'calli ' * 50}{n}" for n in range(3000)] + TRAINED
    assert nearest(TRAINED[:2], many)[0].tolist() == [3000, 3001]


def test_a_parrot_is_told_from_formulas() -> None:
    trained = [f"ma yuhqui yez tlahtoani {n * 7919}" for n in range(50)]
    formula = [f"ma yuhqui yez tlahtoani {n * 104729}" for n in range(50)]  # as people write
    new = [f"{n * 15485863} cuicatl xochitl {n * 7919}" for n in range(50)]
    found = repeated(Way({"parrot": trained, "new": new}, formula, str), trained, 0.5, (200, 0))
    assert found["parrot"]["outputs"]["rate"] == found["parrot"]["references"]["rate"] == 1
    assert found["parrot"]["more"]["verdict"] == "cannot tell"
    assert found["new"]["more"]["verdict"] == "better"
    plain = repeated(Way({"parrot": trained}, new, str), trained, 0.5, (200, 0))
    assert plain["parrot"]["more"]["verdict"] == "worse"
    assert plain["parrot"]["references"]["high"] > 0  # none of fifty proves little


def test_nothing_said_is_nothing_measured() -> None:
    assert repeated(Way({"base": []}, [], str), TRAINED, 0.5, (100, 0)) == {}
    assert nearest(["atl"], [])[1].tolist() == [0]
