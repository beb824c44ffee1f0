"""What a witness keeps is what the difference of two scores is made of, in whatever batches samples come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from snnfw.capture.graph import BatchDim
from snnfw.simulate.outputs import Outputs
from snnfw.tuning.witness import Seen, Witness, be_as_sure, summarise, what_is_lost
from snnfw.values import Judgement


class Share:
    """The share of right samples, in float64."""

    def __init__(self) -> None:
        self.right: list[float] = []

    def update(self, output: Tensor, target: Any) -> None:
        self.right += (output == target).double().tolist()

    def compute(self) -> Mapping[str, float]:
        return {"share": sum(self.right) / len(self.right)}


class Square(Share):
    """A metric that is no mean over samples."""

    def compute(self) -> Mapping[str, float]:
        return {"share": super().compute()["share"] ** 2}


def judged(scorer: type[Share] = Share, right: bool = True) -> Judgement:
    return Judgement(scorer, "share", correct=(lambda output, target: (output == target).double()) if right else None)


def seen(judgement: Judgement, groups: int, size: int, wrong: tuple[int, ...] = ()) -> Witness:
    target = torch.arange(40)
    output = target.clone()
    output[list(wrong)] = -1
    witness = Witness(judgement, Outputs([BatchDim(0)]), groups)
    for some, known in zip(output.split(size), target.split(size), strict=True):
        witness.update(some, known)
    return witness


@pytest.mark.parametrize("size", [40, 7, 1])
def test_of_a_mean_a_pseudo_value_is_the_mean_of_its_group(size: int) -> None:
    witness = seen(judged(), 10, size, (0, 10, 3))
    wanted = [0.5, 1, 1, 0.75, 1, 1, 1, 1, 1, 1]
    assert witness.pseudo_values() == pytest.approx(wanted)


def test_samples_are_kept_one_by_one_where_the_headline_is_their_mean() -> None:
    own, spiking = (summarise(seen(judged(), 0, 9, wrong)) for wrong in ((5,), (5, 6)))
    assert own.is_mean
    assert what_is_lost(own, spiking) == tuple(float(n == 6) for n in range(40))
    assert own.headline - spiking.headline == pytest.approx(sum(what_is_lost(own, spiking)) / 40)


def test_a_metric_that_is_no_mean_is_told_from_one_that_is() -> None:
    assert not summarise(seen(judged(Square), 0, 40, (1, 2, 3))).is_mean
    assert not summarise(seen(judged(right=False), 0, 40)).is_mean


def test_pseudo_values_of_a_smooth_metric_add_up_to_it_nearly() -> None:
    own, spiking = (summarise(seen(judged(Square), 10, 40, wrong)) for wrong in ((), (0, 11, 22)))
    lost = what_is_lost(own, spiking)
    assert sum(lost) / 10 == pytest.approx(own.headline - spiking.headline, abs=2e-3)


def test_of_logits_it_is_what_the_network_itself_expects_to_lose() -> None:
    generator = torch.Generator().manual_seed(0)
    own = 3 * torch.randn(400, 4, generator=generator)
    spiking = own + torch.randn(400, 4, generator=generator)
    shares = own.double().softmax(1)
    accuracy = float(shares.max(1).values.mean())  # of labels that are drawn as the network expects them
    lost = what_is_lost(Seen(accuracy, (1.0,) * 400, True, own), Seen(0.5, (0.0,) * 400, True, spiking))
    drawn = torch.multinomial(shares, 2000, replacement=True, generator=generator)
    wanted = (drawn == own.argmax(1, keepdim=True)).double() - (drawn == spiking.argmax(1, keepdim=True)).double()
    assert lost == pytest.approx(wanted.mean(1).tolist(), abs=0.06)
    assert sum(lost) / 400 == pytest.approx(float(wanted.mean()), abs=2e-3)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_how_sure_a_network_says_it_is_does_not_matter(scale: float) -> None:
    logits = torch.randn(200, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = be_as_sure(scale * logits, 0.9)
    assert float(found.max(1).values.mean()) == pytest.approx(0.9, abs=1e-9)
    assert torch.allclose(found, be_as_sure(logits, 0.9), atol=1e-9)
    assert float(be_as_sure(logits, 1.0).max(1).values.mean()) == pytest.approx(1 - 0.5 / 200, abs=1e-9)


def test_groups_and_samples_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="zip"):
        what_is_lost(Seen(1.0, (1.0,), True), Seen(1.0, (1.0, 1.0), True))
