"""Knobs are turned at the first bad layer, and the one that mends it is found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
from torch import nn

from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.contracts import Preset
from snnfw.conversion.direct import Direct
from snnfw.cures import Patient, preset_neurons, try_cures
from snnfw.diagnosis.splitting import split_errors
from snnfw.neurons.observers import FixedThreshold
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.values import Keep, Resources, Site, SiteStats
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.sigmadelta import SigmaDelta
from snnfw_plugins.tracking import Tracking

X = noise(16, 6)


def three_layers() -> nn.Module:
    layers = [layer for size in (6, 12, 12) for layer in (nn.Linear(size, 12), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(12, 3))


def patient_of(*rules: Rule, timesteps: int = 16) -> Patient:
    """Return three layers, converted by some rules."""
    graph = capture(seeded(three_layers).double().eval(), (X[:2],))
    return Patient(
        place(graph, rules),
        Direct(),
        timesteps,
        lambda plan, converter, steps: converter.convert(graph, plan, [(X,)], steps, Resources()),
        [(X,)],
        16,
        Resources(),
    )


def diagnosed(patient: Patient, tries: int = 40) -> Any:  # whose bad site and cure the tests know to be there
    model = patient.convert(patient.plan, patient.converter, patient.timesteps)
    return try_cures(patient, split_errors(model, patient.batches), tries, 60.0)


def test_a_threshold_that_is_too_low_is_named_and_mended() -> None:
    found = diagnosed(patient_of(Rule("3", IntegrateAndFire(percentile=60.0)), Rule("*", IntegrateAndFire())))
    assert found.bad is not None
    assert (found.bad.site, found.bad.cause) == ("3", "clipping")
    assert found.bad.clipped > 0.1
    assert found.cure is not None
    assert found.cure.mends
    assert found.cure.error < found.bad.error / 2
    assert '{match: "3", neuron: {name: if' in found.cure.how
    assert found.cure.words in str(found)


def test_what_a_search_has_placed_is_no_rule_to_be_repeated() -> None:
    patient = patient_of(Rule("*", IntegrateAndFire(percentile=60.0)))
    found = diagnosed(replace(patient, plan=patient.plan.with_neuron("3", IntegrateAndFire())), tries=3)
    assert any(trial.how.startswith("As the first rule of what the search has found") for trial in found.tried)


def test_a_dead_layer_is_named_and_mended() -> None:
    found = diagnosed(patient_of(Rule("3", IntegrateAndFire(rho=1000.0)), Rule("*", IntegrateAndFire())))
    assert found.bad is not None
    assert (found.bad.site, found.bad.cause, found.bad.lost) == ("3", "quantisation", 1.0)
    nearer = diagnosed(patient_of(Rule("3", IntegrateAndFire(rho=32.0)), Rule("*", IntegrateAndFire())))
    assert nearer.bad.lost == 1.0
    assert nearer.cure.mends
    assert nearer.cure.words.startswith("rho=")


def test_a_network_that_was_changed_by_hand_is_converted_again_and_nothing_else_is_tried() -> None:
    patient = patient_of(Rule("*", IntegrateAndFire(shift=True)))
    model = patient.convert(patient.plan, patient.converter, patient.timesteps)
    next(neuron for site, neuron in model.site_neurons() if site.name == "1").threshold.mul_(0.05)
    found: Any = try_cures(patient, split_errors(model, patient.batches), 40, 60.0)
    assert found.bad.site == "1"
    assert [trial.words for trial in found.tried] == ["converting again as it is"]
    assert found.cure is found.tried[0]


def test_levels_are_raised_until_a_layer_is_good_and_then_everywhere() -> None:
    found = diagnosed(patient_of(Rule("*", SigmaDelta(levels=1), optional=True), timesteps=1))
    assert found.bad.site == "1"
    assert found.cure.words == "levels=2 of sigmadelta at 1"
    assert found.cure_everywhere.words == "levels=2 of every sigmadelta"
    assert found.cure_everywhere.output < found.output / 2
    assert not any(trial.words.startswith("levels=16") for trial in found.tried)


@dataclass(frozen=True, slots=True)
class Stubborn:
    """An integrate-and-fire neuron whose threshold is always too low, without a knob."""

    name: ClassVar[str] = "stubborn"
    activations: ClassVar[tuple[str, ...]] = ("relu",)

    def observer(self, site: Site) -> FixedThreshold:
        return FixedThreshold(site, 0.05)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        return IntegrateAndFire().build(site, stats, timesteps)


def test_another_neuron_is_tried_where_no_knob_of_its_own_mends_and_then_everywhere() -> None:
    placed = (Rule("*", Tracking(phi=2)), Rule("*", Keep()), Rule("*", SigmaDelta()), Rule("a", Tracking(phi=2)))
    others = preset_neurons([Preset("mine", placed, Direct(), summary="")])
    assert others == (Tracking(phi=2), SigmaDelta())
    found = diagnosed(replace(patient_of(Rule("*", Stubborn())), others=others))
    assert found.cure.words == "tracking(phi=2) at 1"
    assert found.cure.mends
    assert found.cure_everywhere.words == "tracking(phi=2) in place of every stubborn"
    assert found.cure_everywhere.output < found.output / 2
    assert not any("sigmadelta" in trial.words for trial in found.tried)  # another coding
    by_itself = replace(patient_of(Rule("*", IntegrateAndFire(rho=0.2))), others=others)
    assert not any("tracking" in trial.words for trial in diagnosed(by_itself).tried)


def test_nothing_is_tried_where_nothing_is_bad_or_nothing_may_be() -> None:
    fine = diagnosed(patient_of(Rule("*", IntegrateAndFire(shift=True)), timesteps=64))
    assert fine.bad is None
    assert fine.tried == ()
    assert "No layer is bad by itself" in str(fine)
    coarse = patient_of(Rule("*", IntegrateAndFire()), timesteps=2)
    assert diagnosed(coarse, tries=0).tried == ()
    few = diagnosed(coarse, tries=3)
    assert len([trial for trial in few.tried if not trial.everywhere]) == 3
    assert "Not every knob was turned: it stopped after" in str(few)


def test_data_made_of_frames_has_no_more_timesteps_than_these() -> None:
    patient = patient_of(Rule("*", IntegrateAndFire()), timesteps=2)
    longer = [trial.words for trial in diagnosed(patient).tried if trial.words.startswith("timesteps")]
    assert longer
    framed = diagnosed(replace(patient, most_timesteps=2))
    assert not [trial.words for trial in framed.tried if trial.words.startswith("timesteps")]


@pytest.mark.parametrize("neuron", [IntegrateAndFire(), SigmaDelta()])
def test_no_value_that_a_method_refuses_is_tried(neuron: Neuron) -> None:
    patient = patient_of(Rule("*", neuron, optional=True), timesteps=1)
    for trial in diagnosed(patient).tried:
        assert "levels=32" not in trial.words
        assert "percentile=0" not in trial.words
