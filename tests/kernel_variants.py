"""Every kernel of every registered neuron: each choice that it offers, and every activation that it stands in for by default."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from itertools import product
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from pydantic import TypeAdapter, ValidationError

from snnfw.checks.neurons import KNOWN
from snnfw.checks.trial import _site
from snnfw.kernels.body import KernelBody
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.rules import Neuron
from snnfw.registry import Registry
from snnfw.values import Site, SiteStats
from snnfw_plugins.msat import MSAT
from snnfw_plugins.sigmadelta import SigmaDelta

Make = Callable[[SiteStats], SpikingNeuron]

TIMESTEPS = 7

OTHERS = [activation for activation in KNOWN if activation != "relu"]


def filtered(depolarisation: Literal["input", "exact"]) -> Make:
    """Return what makes a neuron as a converter leaves it: with a filter for early spikes."""

    def make(stats: SiteStats) -> SpikingNeuron:
        neuron = MSAT(phi=2, depolarisation=depolarisation).build(_site(MSAT(), "relu"), stats, TIMESTEPS)
        neuron.filter_early(0.5, 3, torch.tensor(12345))
        return neuron

    return make


def limited(form: Literal["signed", "binary", "unary"]) -> Make:
    """Return what makes a sigma-delta neuron that sends a few events at once."""
    neuron = SigmaDelta(form=form, digits=2)
    return lambda stats: neuron.build(_site(neuron, "relu"), stats, TIMESTEPS)


BY_CONVERTERS: Mapping[str, Make] = {
    **{f"msat-{kind}-filtered": filtered(kind) for kind in ("input", "exact")},
    **{f"sigmadelta-{form}-two-digits": limited(form) for form in ("signed", "binary", "unary")},
}
"""Kernels that no choice among words brings about."""


def body_of(make: Make) -> KernelBody | None:
    kernel = make(SiteStats(torch.tensor(0.5))).kernel()
    return None if kernel is None else kernel.body


@functools.cache
def variants() -> Mapping[str, Make]:
    """Return what makes a neuron for each kernel that there is, once for each neuron and activation."""
    found: dict[str, Make] = {}
    for neuron in Registry().neurons.values():
        seen: set[tuple[str, KernelBody]] = set()
        for label, make, activation in _makes(neuron):
            body = body_of(make)
            if body is not None and (activation, body) not in seen:
                seen.add((activation, body))
                found[label] = make
    return {**found, **BY_CONVERTERS}


@functools.cache
def bodies() -> Mapping[str, KernelBody]:
    """Return the kernel of each."""
    return {name: body for name, make in variants().items() if (body := body_of(make))}


def _makes(neuron: type[Neuron]) -> Iterator[tuple[str, Make, str]]:
    """Yield each choice at ReLU and at a share of the others: a kernel computes the activation, then what is chosen."""
    methods = list(_methods(neuron))
    for number, (words, method) in enumerate(methods):
        for activation in method.activations or ("relu", *OTHERS[number :: len(methods)]):
            label = "-".join((neuron.name, *words, *(() if method.activations else (activation,))))
            yield label, functools.partial(_build, method, activation), activation


def _build(method: Neuron, activation: str, stats: SiteStats) -> SpikingNeuron:
    built = method.build(_site_of(type(method), activation), stats, TIMESTEPS)
    built.to(stats.threshold.dtype)  # which a network with parameters of its own has too
    return built


@functools.cache
def _site_of(neuron: type[Neuron], activation: str) -> Site:
    return _site(neuron(), activation)


def _methods(neuron: type[Neuron]) -> Iterator[tuple[tuple[str, ...], Neuron]]:
    """Yield every combination of choices, with numbers other than the defaults where those are allowed."""
    hints = get_type_hints(neuron, include_extras=True)
    declared = {field.name: field.default for field in fields(neuron)}  # type: ignore[arg-type]  # a dataclass
    choices = {name: _choices(hints[name]) for name in declared}
    moved = {name: _moved(hints[name], default) for name, default in declared.items() if not choices[name]}
    names = [name for name in declared if choices[name]]
    for chosen in product(*(choices[name] for name in names)):
        given = dict(zip(names, chosen, strict=True))
        words = tuple(name if value is True else value for name, value in given.items() if value)
        yield words, _allowed(neuron, given, moved)
        if moved:
            yield (*words, "default"), neuron(**given)  # a number may choose a kernel: a gain of 1 is none


def _allowed(neuron: type[Neuron], given: Mapping[str, Any], moved: Mapping[str, Any]) -> Neuron:
    try:
        return neuron(**given, **moved)
    except ValueError:  # numbers that have to fit each other
        return neuron(**given)


def _choices(hint: Any) -> tuple[Any, ...]:
    kind = get_args(hint)[0]
    if kind is bool:
        return (True, False)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _moved(hint: Any, default: Any) -> Any:
    """Return another number within the bounds: a power of two would hide a rounding."""
    if not isinstance(default, int | float):
        return default
    other = default + 2 if isinstance(default, int) else 0.85 * default
    try:
        return TypeAdapter(hint).validate_python(other)
    except ValidationError:
        return default


def rounded(body: KernelBody) -> bool:
    """Tell whether the output depends on a transcendental function, of which torch has another approximation."""
    return re.search(r"\b(EXP|TANH|ERF)\(", body.code) is not None
