"""What a method means is the same in every task."""

from __future__ import annotations

from dataclasses import fields
from functools import partial

import pytest
from torch import nn

from networks import captured, noise
from snnfw import Registry, resolve
from snnfw.capture.graph import Graph
from snnfw.config.recipe import plain_preset
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place

OWN = {
    "adafire": None,  # the paper has 8, 16 and more; the task may choose
    "ann": 1,
    "burst": 32,
    "calibration": 32,
    "ibra": 1,
    "inflor": 4,
    "msat": 32,
    "qcfs": 8,
    "rate": 64,
    "sigmadelta": 1,
    "signed": 2,
    "spikingjelly": 64,
}
"""The number of timesteps that is a method's own."""

TASTE = {"classification": 8, "detection": 8, "events": 8, "pointcloud": 16, "segmentation": 8, "speech": 8, "text": 16}
"""The number that a task prefers where a method has none."""


DEFAULTS: dict[str, dict[str, object]] = {
    "adafire": {"phi": 4, "shift": True, "signed": False, "rho": 1.0},
    "ibra": {"n": 100, "d": 5.11, "leak": 0.25, "scale": 1.0},
    "if": {"percentile": 100.0, "channel_wise": False, "shift": False, "rho": 1.0},
    "ilif": {"d": 4, "leak": 0.25, "scale": 1.0, "gain": 1.0},
    "lif": {"tau": 2.0, "threshold": 1.0, "reset": "soft"},
    "msat": {"alpha": 0.03, "k_a": 1.0, "k_i": 1.0, "c": 5.0, "tau_mp": 1.0, "tau_rd": 1.0, "phi": 1}
    | {"terms": "both", "units": "normalised", "depolarisation": "input"},
    "qcfs": {},
    "sigmadelta": {"levels": 6, "digits": None, "form": "signed", "scale": "between"},
    "srif": {"leak": 1.0, "reset": "soft", "mpr": True, "scale": 1.0},
    "tracking": {"phi": 4},
}
"""What a neuron's parameters are where nobody says: a change of one changes every result that was got with it."""

PLACED: dict[str, tuple[str | None, str | None]] = {
    "adafire": ("AdaFire", "Tracking"),
    "ann": ("Keep", "Keep"),
    "burst": ("AdaFire", "Tracking"),
    "calibration": ("IntegrateAndFire", "Tracking"),
    "ibra": ("IntegerBinaryRangeAlignment", "Tracking"),
    "inflor": ("SoftResetIntegrateAndFire", None),
    "msat": ("MSAT", "Tracking"),
    "qcfs": (None, None),
    "rate": ("IntegrateAndFire", "Tracking"),
    "sigmadelta": ("SigmaDelta", "SigmaDelta"),
    "signed": ("AdaFire", "Tracking"),
    "spikingjelly": ("IFNode", None),
}
"""The neuron of a network that has ReLUs alone, and of one that has SiLUs alone; None where it is refused."""


@pytest.fixture(scope="module")
def graphs() -> tuple[Graph, Graph]:
    relu, silu = (
        captured(partial(nn.Sequential, nn.Linear(3, 4), activation(), nn.Linear(4, 2)), noise(2, 3))
        for activation in (nn.ReLU, nn.SiLU)
    )
    return relu, silu


@pytest.mark.parametrize("plugin", OWN)
def test_a_method_places_its_neuron_and_another_where_that_does_not_fit(
    registry: Registry, graphs: tuple[Graph, Graph], plugin: str
) -> None:
    layers = registry.presets[plugin].layers
    for graph, wanted in zip(graphs, PLACED[plugin], strict=True):
        if wanted is None:
            with pytest.raises(SnnfwError, match=r"places nothing|stands in for"):
                place(graph, layers)
        else:
            assert [type(placed.neuron).__name__ for placed in place(graph, layers).placements] == [wanted]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry()


def test_every_preset_and_every_task_is_in_the_table(registry: Registry) -> None:
    assert {name: preset.timesteps for name, preset in registry.presets.items()} == OWN
    assert set(registry.all("tasks")) == set(TASTE)


def test_parameters_that_nobody_gives_are_the_methods_own(registry: Registry) -> None:
    found = {
        name: {field.name: field.default for field in fields(neuron)}
        for name, neuron in registry.all("neurons").items()
        if not name.startswith("spikingjelly.")
    }
    assert found == DEFAULTS


@pytest.mark.parametrize("task", TASTE)
@pytest.mark.parametrize("plugin", OWN)
def test_a_methods_own_timesteps_and_stages_win_over_a_tasks_taste(registry: Registry, plugin: str, task: str) -> None:
    resolved = resolve([f"task={task}", f"plugin={plugin}"], registry).resolved
    assert resolved["timesteps"] == (OWN[plugin] or TASTE[task])
    preset = plain_preset(registry.presets[plugin])
    for key in ("neuron", "layers", "converter"):
        assert resolved.get(key) == preset.get(key)
    left_out = getattr(registry.all("tasks")[task], "defaults", {})
    for key in ("search", "exit"):
        assert resolved[key] == (None if key in left_out else preset[key])


@pytest.mark.parametrize("task", TASTE)
def test_where_no_method_says_it_the_task_chooses(registry: Registry, task: str) -> None:
    assert resolve([f"task={task}", "neuron=if"], registry).timesteps == TASTE[task]
    assert resolve([f"task={task}", "plugin=ibra", "timesteps=3"], registry).timesteps == 3
