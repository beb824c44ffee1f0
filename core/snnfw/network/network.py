"""The spiking network that a user owns: a module like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snnfw.archive.files import Archived, dump_network, read_network, write_network
from snnfw.diagnosis.findings import Diagnosis
from snnfw.diagnosis.splitting import SAMPLES
from snnfw.energy.charges import Energy, spiking_energy
from snnfw.energy.horowitz import Horowitz
from snnfw.energy.inventory import take_inventory
from snnfw.energy.model import EnergyModel
from snnfw.errors import SnnfwError
from snnfw.kernels.choice import choose_backend
from snnfw.network.casting import require_castable
from snnfw.network.changing import change_plan, convert_again, tell_change
from snnfw.network.conversion import Conversion
from snnfw.network.counting import LastRun, count_run
from snnfw.network.inputs import require_fitting
from snnfw.network.results import add_results
from snnfw.network.subject import require_neurons
from snnfw.planning.placement import Plan
from snnfw.planning.rules import Neuron, Rule
from snnfw.report.card import write_card
from snnfw.report.notebook import describe_network, network_table
from snnfw.report.report import Report
from snnfw.simulate.memory import advance_within
from snnfw.simulate.trace import Point
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs, Keep, Output, Resources

MEMORY = 2 * 2**30
"""Bytes for the activations of one chunk of timesteps, unless said otherwise."""


class SpikingNetwork(nn.Module):
    """A spiking network, called like the network that it was converted from.

    ``about`` is its provenance as plain data: versions, configuration, calibration, scores. ``conversion`` is what it
    was converted with, as long as it is in the same process.
    """

    def __init__(
        self,
        model: SpikingModel,
        *,
        memory: int = MEMORY,
        costs: EnergyModel | None = None,
        about: Mapping[str, Any] | None = None,
        conversion: Conversion | None = None,
    ) -> None:
        super().__init__()
        self.model, self.memory = model, memory
        self.costs, self.about = costs or Horowitz(), dict(about or {})
        self.conversion = conversion
        self._last: LastRun | None = None
        self.train(False)

    @property
    def plan(self) -> Plan:
        """Return every operator's fate and every site's neuron."""
        return self.model.plan

    @property
    def timesteps(self) -> int:
        """Return the timesteps of a call."""
        return self.model.timesteps

    def save(self, path: str | Path, report: Report | None = None) -> None:
        """Write the network into one file, which ``snnfw.load`` opens; the calibration data is not in it.

        Args:
            path: the file.
            report: what ``snnfw.evaluate`` returned for it; its scores and energies go into the file and its card.

        Raises:
            SnnfwError: something of it is not known how to write, or would not be the same when it is read.

        """
        about = add_results(self.about, report, self.model, self.costs)
        write_network(self.model, Path(path), memory=self.memory, costs=self.costs, about=about)

    def card(self, report: Report | None = None) -> str:
        """Return the network's card, as ``save`` writes it: Markdown for a model hub, with scores where some are known.

        ``report`` is what ``snnfw.evaluate`` returned for it.
        """
        return write_card(self.model, add_results(self.about, report, self.model, self.costs))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy as the bytes of the file: a pickle holds no code of a network."""
        content = dump_network(self.model, memory=self.memory, costs=self.costs, about=self.about)
        return _from_bytes, (content, str(self.device), self.training)

    @property
    def device(self) -> torch.device:
        """Return where the network is."""
        tensors = self.model.state_dict().values()
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    def forward(self, *inputs: Tensor) -> Output:
        """Return the output after all timesteps, from a fresh state, computed in chunks within ``memory``."""
        model, self._last = self.model, None
        require_fitting(model, inputs)
        model.begin(inputs)
        advance_within(model, self.timesteps, self.memory)
        output = model.read()
        model.detach()
        self._last = LastRun(model.run, reads=1, passes=self._passes(inputs))
        return output

    def steps(self, *inputs: Tensor) -> Iterator[Output]:
        """Return the outputs after each timestep, one after the other as they are asked for.

        Who leaves early leaves nothing behind but the counts of what ran.
        """
        require_fitting(self.model, inputs)
        return self._steps(inputs)

    def _steps(self, inputs: Inputs) -> Iterator[Output]:
        model, self._last = self.model, None
        model.begin(inputs)
        run, finished = model.run, False
        try:
            for timestep in range(1, self.timesteps + 1):
                if model.run is not run:
                    raise SnnfwError(
                        "the network has run on other inputs, or moved, while its steps were under way: finish the "
                        "loop over steps(x) first, or use a copy, copy.deepcopy(snn)."
                    )
                model.advance(1)
                self._last = LastRun(run, reads=timestep, passes=self._passes(inputs))
                yield model.read()
            finished = True
        except GeneratorExit:
            if model.run is run and self._last:
                self._last = replace(self._last, point=count_run(model, self._last.reads))
            raise
        finally:
            if model.run is run:
                model.detach() if finished else model.forget()

    def spikes(self) -> dict[str, float]:
        """Return the spikes of each site in what ran last, means over its samples.

        Raises:
            SnnfwError: nothing has run yet.

        """
        return dict(self._counted().spikes)

    def rates(self) -> dict[str, float]:
        """Return the firing rate of each site in what ran last: spikes for each neuron and timestep.

        Raises:
            SnnfwError: nothing has run yet.

        """
        point, elements = self._counted(), self.model.graph.elements
        nodes = {site.name: site.node for site, _ in self.model.site_neurons()}
        counted = {name: elements[nodes[name]] * point.steps for name in point.spikes}
        return {name: spikes / counted[name] if counted[name] else 0.0 for name, spikes in point.spikes.items()}

    def energy(self) -> Energy:
        """Return the energy of one sample in what ran last, as a report says it.

        Raises:
            SnnfwError: nothing has run yet.

        """
        point = self._counted()
        passes = self._last.passes if self._last else 1
        return spiking_energy(take_inventory(self.model.graph, self.plan), self.costs, point, passes)

    def diagnose(
        self,
        data: Any,
        *,
        site: str | None = None,
        neurons: Sequence[int] | None = None,
        samples: int = SAMPLES,
        tries: int = 24,
        seconds: float = 60.0,
    ) -> Diagnosis:
        """Return what separates the network from the one it was converted from, and what mends the first bad layer.

        Args:
            data: inputs as ``snnfw.convert`` takes them; labels may follow, and are not looked at.
            site: whose neurons are followed over time; without it, those of the first bad site, or of the worst.
            neurons: which of them, by number; without it, those that are furthest off.
            samples: most samples to look at.
            tries: most conversions to try at the first bad layer. A network from a file has nothing to be tried with.
            seconds: none of them begins later than this.

        Raises:
            SnnfwError: the data does not fit, or there is no such site or neuron.

        """
        from snnfw.network.diagnosing import diagnose_model

        resources = Resources(device=str(self.device), memory=self.memory)
        looked = {"site": site, "neurons": neurons, "samples": samples, "tries": tries, "seconds": seconds}
        self._last = None
        return diagnose_model(self.model, self.conversion, data, resources, self.about, **looked)  # type: ignore[arg-type]  # each as it is above

    def with_neuron(self, match: str, neuron: Neuron | Keep, activation: str | None = None) -> SpikingNetwork:
        """Return the network with another neuron at the sites that match; this one stays as it is.

        It is converted as with this rule before all others, from what was captured. Sites that keep their neuron keep
        what a search has found for them, and with the converter ``direct`` their statistics.

        Args:
            match: a glob on the sites' names, such as ``"layer1.*"``.
            neuron: the neuron to place there, such as ``AdaFire(phi=2)``, or ``Keep()``.
            activation: take the sites of this activation alone.

        Raises:
            SnnfwError: no site matches, the neuron does not fit there, none would be left, or the network comes from a
                file.

        """
        if self.conversion is None:
            raise SnnfwError(
                "the network comes from a file, without the calibration data that another neuron is fitted on: convert "
                "the original network again, snnfw.convert(net, data, layers=[...])."
            )
        plan = change_plan(self.conversion, self.plan, Rule(match, neuron, activation))
        require_neurons(plan)
        config = self.conversion.config
        conversion = replace(self.conversion, config=config and replace(config, layers=plan.layers))
        made = SpikingNetwork(
            convert_again(conversion, plan, self.model),
            memory=self.memory,
            costs=self.costs,
            about=tell_change(self.about, self.plan, plan),
            conversion=conversion,
        )
        return made.train(self.training)

    def _passes(self, inputs: Inputs) -> int:
        """Return how often the network itself runs for a sample: once, or once for each of its frames."""
        return int(inputs[0].shape[1]) if self.plan.temporal else 1

    def _counted(self) -> Point:
        """Return what the last run took, counted once."""
        if self._last is None:
            raise SnnfwError("nothing has run on the network yet: call it first, snn(x).")
        point = self._last.count(self.model)
        self._last = replace(self._last, point=point)
        return point

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> SpikingNetwork:
        """Move or cast the network, and forget what ran."""
        require_castable(self.model, fn)
        before = self.device
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch does not annotate it
        self._last = None
        if self.device.type != before.type:
            self._choose_backend()
        return self

    def _choose_backend(self) -> None:
        """Let neurons run on the fastest backend of the device that the network is on now."""
        chosen = choose_backend("auto", str(self.device))
        for _, neuron in self.model.site_neurons():
            neuron.backend, neuron.insists = chosen.name, False

    def _replicate_for_data_parallel(self) -> SpikingNetwork:
        raise SnnfwError(
            "a spiking network does not run in nn.DataParallel, whose copies share one graph and lose the counts of "
            "what they ran: give each GPU a copy of its own, copy.deepcopy(snn).to('cuda:1'), or a process of its own."
        )

    def extra_repr(self) -> str:
        """Say in a line what it is."""
        return describe_network(self.plan, self.timesteps)

    def _repr_html_(self) -> str:
        return network_table(self.plan, self.timesteps)


def _from_bytes(content: bytes, device: str, training: bool) -> SpikingNetwork:
    """Return the network of a pickle, where it was."""
    return from_archive(read_network(content)).to(device).train(training)


def from_archive(found: Archived) -> SpikingNetwork:
    """Return the network of what a file holds; its calibration data is not in it."""
    return SpikingNetwork(found.model, memory=found.memory, costs=found.costs, about=found.about)
