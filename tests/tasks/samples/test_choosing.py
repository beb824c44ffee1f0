from __future__ import annotations

import pytest

from snnfw.errors import SnnfwError
from snnfw_tasks.samples.choosing import choose_tested, require_samples, shuffle


def test_an_order_holds_every_number_once_and_depends_on_the_seed_alone() -> None:
    assert sorted(shuffle(9, 3)) == list(range(9))
    assert shuffle(9, 3) == shuffle(9, 3) != shuffle(9, 4)


def test_a_limit_takes_the_same_mixed_samples_always_and_without_one_all_come_in_order() -> None:
    assert list(choose_tested(9, None)) == list(range(9))
    assert choose_tested(9, 4) == shuffle(9, 0)[:4]
    assert sorted(choose_tested(3, 20)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("calibration", "evaluation", "said"),
    [
        (1, 5, "data 'given' has 1 calibration clouds, 2 or more are needed."),
        (2, 0, "data 'given' has 0 evaluation clouds, 1 or more are needed."),
    ],
)
def test_too_few_samples_are_told(calibration: int, evaluation: int, said: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        require_samples("given", "clouds", calibration, evaluation)
    assert str(caught.value) == said
    require_samples("given", "clouds", 2, 1)
