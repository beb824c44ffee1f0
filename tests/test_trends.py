"""What the papers claim, and what we claim, as trends on the embedded data; what does not hold is in the docs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
import torch

from snnfw import Registry, resolve
from snnfw.config.schema import RunConfig
from snnfw.energy.charges import network_energy, spiking_energy
from snnfw.energy.inventory import take_inventory
from snnfw.simulate.run import evaluate_network
from snnfw.stages import Subject, convert_and_simulate, load_subject
from snnfw.values import Resources

MODELS = ["digits-resnet20", "digits-vgg"]
HALF_A_POINT = 0.005


@dataclass(frozen=True)
class Result:
    accuracy: float
    energy: float  # share of the network's
    spikes: float
    error: float  # of the logits, against their spread over the images


@dataclass(frozen=True)
class Ground:
    name: str
    subject: Subject
    accuracy: float
    registry: Registry
    results: dict[str, Result] = field(default_factory=dict)

    def result(self, words: str) -> Result:
        """Return what ``snnfw run task=classification WORDS`` measures at its last timestep, and the logits' error."""
        if words not in self.results:
            self.results[words] = self.measured(words)
        return self.results[words]

    def measured(self, words: str) -> Result:
        config = self.resolved(words)
        torch.manual_seed(config.seed)
        simulation = convert_and_simulate(replace(config, checkpoints=(config.timesteps,)), self.subject)
        found, model, trace = simulation.found, simulation.model, simulation.trace
        inventory = take_inventory(self.subject.graph, found.plan)
        energy = spiking_energy(inventory, config.energy, trace.final)
        share = energy.total / network_energy(inventory, config.energy, passes=1)
        (x,) = next(iter(self.subject.bundle.data.evaluation)).inputs
        with torch.no_grad():
            spiking, own = model(x), self.subject.graph(x)
        error = float((spiking - own).norm() / (own - own.mean(0)).norm())
        return Result(trace.final.scores["accuracy"], share, energy.spikes, error)

    def resolved(self, words: str) -> RunConfig:
        return resolve(["task=classification", f"model={self.name}", *words.split()], self.registry)


@pytest.fixture(scope="module", params=MODELS)
def ground(request: pytest.FixtureRequest) -> Ground:
    registry = Registry()
    config = resolve(["task=classification", f"model={request.param}", "plugin=ann"], registry)
    subject = load_subject(config, Resources())
    scores, _ = evaluate_network(subject.graph, subject.bundle.data, subject.bundle.judgement.scorer, Resources())
    return Ground(request.param, subject, scores["accuracy"], registry)


BURSTS = "plugin=adafire search=null exit=null"


def test_bursts_lead_calibration_and_calibration_leads_rate_coding_at_four_timesteps(ground: Ground) -> None:
    bursts, calibration, rate = (
        ground.result(f"{words} timesteps=4").accuracy for words in (BURSTS, "plugin=calibration", "plugin=rate")
    )
    assert bursts > calibration + 0.01
    assert calibration > rate + 0.5
    assert bursts >= ground.accuracy - HALF_A_POINT


@pytest.mark.parametrize("timesteps", [1, 2, 4])
def test_spikes_that_can_be_taken_back_come_nearer_to_the_network_for_less_energy(
    ground: Ground, timesteps: int
) -> None:
    signed = ground.result(f"plugin=signed neuron.rho=2 timesteps={timesteps}")
    bursts = ground.result(f"{BURSTS} timesteps={timesteps}")
    assert signed.error < 0.9 * bursts.error
    assert signed.energy < 1.1 * bursts.energy
    assert ground.result(f"plugin=signed timesteps={timesteps}").accuracy >= ground.accuracy - HALF_A_POINT


def test_the_fewest_timesteps_are_enough_for_signed_bursts_alone(ground: Ground) -> None:
    signed = ground.result("plugin=signed timesteps=2").accuracy
    assert signed >= ground.result("plugin=calibration timesteps=8").accuracy
    assert signed > ground.result("plugin=msat timesteps=8").accuracy + 0.05


@pytest.fixture
def vgg(ground: Ground) -> Ground:
    if ground.name != "digits-vgg":
        pytest.skip("does not hold there, see the page of the method")
    return ground


def test_compression_saves_a_third_of_the_spikes_for_half_a_point(vgg: Ground) -> None:
    whole = vgg.result(f"{BURSTS} timesteps=4")
    saved = vgg.result("plugin=adafire search=ssc search.budget=1.5 exit=null timesteps=4")
    assert saved.spikes < 0.7 * whole.spikes
    assert saved.accuracy >= whole.accuracy - HALF_A_POINT


def test_search_compression_and_exit_together_save_most_of_calibration_s_energy(vgg: Ground) -> None:
    calibration = vgg.result("plugin=calibration")
    together = vgg.result("plugin=adafire timesteps=4")
    assert together.accuracy >= calibration.accuracy - HALF_A_POINT
    assert together.energy < 0.4 * calibration.energy


def test_signed_bursts_leave_early_without_loss(ground: Ground) -> None:
    leaving = ground.result("plugin=signed timesteps=8 exit=confidence")
    assert leaving.accuracy >= ground.accuracy - HALF_A_POINT
    assert leaving.energy < 0.4 * ground.result("plugin=signed timesteps=8").energy
