"""What the first process has found the others run too."""

from __future__ import annotations

from typing import Any

import pytest

from networks import ConvNet, captured, converted, noise
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.ranks.group import ALONE, Alone
from snnfw.search.results import SearchResult
from snnfw.search.sharing import agree_on_model, search_once
from snnfw.values import Keep
from snnfw_plugins.adafire import AdaFire


class Sending(Alone):
    """A process that gets what the first one sends."""

    sent: Any = None

    def gather(self, value: Any) -> list[Any]:
        if self.rank == 0:
            type(self).sent = value
        return [type(self).sent, *[None] * (self.count - 1)]


def test_the_first_process_searches_and_the_others_get_its_plan() -> None:
    graph = captured(ConvNet, noise(2, 3, 8, 8))
    placed = place(graph, (Rule("*relu2*", Keep(), optional=True), Rule("*", AdaFire(phi=2))))
    found = placed
    for number, placement in enumerate(placed.placements):
        if not isinstance(placement.neuron, Keep):
            found = found.with_neuron(placement.site.name, AdaFire(phi=number + 1))
    result = SearchResult(found, {"said": "here"}, {"file": "content"})
    assert search_once(ALONE, lambda: result, graph) is result
    assert search_once(Sending(0, 2), lambda: result, graph) is result
    other = search_once(Sending(1, 2), lambda: pytest.fail("searches"), graph)
    assert other == SearchResult(found)


class Other(Alone):
    """A process beside one that has made something else."""

    def gather(self, value: Any) -> list[Any]:
        return [value, f"not {value}"]


def test_processes_with_different_networks_do_not_go_on() -> None:
    model = converted(captured(ConvNet, noise(2, 3, 8, 8)), AdaFire(phi=2), noise(4, 3, 8, 8), 2)
    agree_on_model(ALONE, model, None)
    with pytest.raises(SnnfwError, match="the spiking network of process 1 is another one than that of process 0"):
        agree_on_model(Other(0, 2), model, None)
