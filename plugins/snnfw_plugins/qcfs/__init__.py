"""QCFS (Bu et al., 2022): networks trained with quantised activations, and the neuron that computes the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from snnfw import Neuron, Observer, Preset, Rule, Site, SiteStats, hookimpl
from snnfw.conversion import Direct
from snnfw_plugins.tracking import Tracking

if TYPE_CHECKING:
    from torch import nn

    from snnfw import SpikingNeuron


@dataclass(frozen=True, slots=True)
class Qcfs:
    """Integrate and fire with the threshold λ that the activation was trained with, from half of it on.

    V(0) = λ/2, u(t) = V(t-1) + x(t), n(t) = 1[u(t) >= λ], s(t) = n(t) · λ, V(t) = u(t) - s(t) (soft reset). For a
    constant input a the mean output over T steps is λ/T · clip(floor(a·T/λ + 1/2), 0, T), which for T = L is the
    activation itself, λ · clip(floor(a·L/λ + 1/2)/L, 0, 1); Bu et al. (2022).

    λ is the network's own parameter: calibration data have no say in it, whatever the converter.
    """

    name: ClassVar[str] = "qcfs"
    activations: ClassVar[tuple[str, ...]] = ("qcfs",)

    def example(self) -> nn.Module:
        """Return an activation that the neuron can be tried at."""
        from snnfw_plugins.qcfs.activation import QCFS

        return QCFS(levels=8, threshold=1.0)

    def observer(self, site: Site) -> Observer:
        """Return the observer that reads λ from the network and looks at no activation."""
        from snnfw_plugins.qcfs.conversion import TrainedThreshold

        return TrainedThreshold(site)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the neuron with the activation's threshold, whatever threshold ``stats`` hold."""
        del timesteps
        from snnfw_plugins.integrate_and_fire.node import SoftResetNeuron
        from snnfw_plugins.qcfs.conversion import TrainedThreshold

        trained = TrainedThreshold(site).stats()
        initial = trained.initial if stats.initial is None else stats.initial
        return SoftResetNeuron(SiteStats(trained.threshold, initial, stats.offset), timesteps=1)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=qcfs``."""
    return [Qcfs]


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=qcfs`` for networks trained with QCFS; activations of another kind get tracking neurons."""
    return [
        Preset(
            name="qcfs",
            layers=(Rule("*", Qcfs(), activation="qcfs"), Rule("*", Tracking(phi=1), optional=True)),
            converter=Direct(),
            timesteps=8,
            summary="QCFS: exact conversion of networks trained with quantised activations, without calibration data",
            trained=True,
        )
    ]
