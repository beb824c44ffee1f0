"""From any trained network to a spiking one, without a task: ``snnfw.convert`` and its dry run, ``snnfw.plan``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import nn

from snnfw.archive.captures import capture_once
from snnfw.config.schema import MethodConfig
from snnfw.contracts import ExitPolicy, Search
from snnfw.conversion.converter import Converter
from snnfw.energy.model import EnergyModel
from snnfw.network.batches import ReadBatches, count_arguments, first_example, read_batches
from snnfw.network.conversion import Conversion
from snnfw.network.judging import is_classification, judge_nothing, read_metric
from snnfw.network.methods import read_method
from snnfw.network.network import SpikingNetwork
from snnfw.network.quiet import own_randomness, quiet_resources
from snnfw.network.subject import device_of, require_network, require_neurons
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.planning.strict import require_all_spiking
from snnfw.registry import Registry
from snnfw.search.fitting import InputsAlone
from snnfw.stages import Subject, convert_subject, provenance
from snnfw.store.batches import describe_batches
from snnfw.values import Batch, Bundle, Data, Judgement, Output, Resources

Named = str | Mapping[str, Any]
"""A method by its name, or a mapping with its name and its parameters."""


def convert(
    net: nn.Module,
    data: Any,
    *,
    method: Named | Neuron | Rule | Sequence[Rule] | None = None,
    timesteps: int | None = None,
    layers: Sequence[Rule | Mapping[str, Any]] | None = None,
    recipe: str | Path | Mapping[str, Any] | None = None,
    search: Named | Search | Literal[False] | None = None,
    converter: Named | Converter | None = None,
    exit: Named | ExitPolicy | Literal[False] | None = None,  # noqa: A002  # the name that it has everywhere
    metric: Any = None,
    frames: int | None = None,
    fitting: float | None = None,
    energy: Named | EnergyModel | None = None,
    device: str | None = None,
    backend: str | None = None,
    memory: int | str | None = None,
    seed: int | None = None,
    strict: bool | None = None,
    load: Sequence[str] | None = None,
    registry: Registry | None = None,
    verbose: bool = False,
) -> SpikingNetwork:
    """Return the spiking network of a trained network; ``net`` stays as it is, and shares nothing with it.

    Args:
        net: the network, in evaluation mode and in float32 or float64.
        data: calibration inputs as a tensor [N, ...], a tuple with one for each of the network's arguments, a list of
            such batches, or a DataLoader; labels may follow the inputs. The first two samples are the example that the
            network is captured with. A tensor is cut into batches of 128 samples.
        method: a preset (``"adafire"``), a neuron by name or as an instance, or rules that say which neuron goes where.
        timesteps: timesteps of a run; without it, those of the preset, or 8.
        layers: rules, as a recipe holds them, instead of the method's.
        recipe: the path of a recipe, or a mapping of the same keys.
        search: what looks for a better plan on the calibration data, by name, mapping or instance; False takes away
            the preset's.
        converter: how the plan becomes a model, likewise.
        exit: who may leave early when the network is evaluated, likewise.
        metric: what a search scores plans with: a torchmetrics metric, a function of (output, target), a Judgement;
            without it, accuracy where outputs are logits [N, K] and labels are whole numbers [N].
        frames: inputs hold so many frames, [N, frames, ...], and the network gets one of them at each timestep.
        fitting: share of the calibration samples that search and exit have to themselves.
        energy: prices of operations, likewise; a mapping without a name holds those of ``horowitz``.
        device: where to compute; it has to be where the network is, which is also what it is without it.
        backend: how the neurons' time loop is computed: auto, reference, native or cupy.
        memory: bytes for the activations of one chunk of timesteps, as a number or as ``"512MiB"``.
        seed: seed of everything random; the program's own generators stay as they are.
        strict: refuse a network of which a part stays analog, or multiplies at every timestep.
        load: Python files, each a plugin.
        registry: the plugins to choose from; without it, those that are installed.
        verbose: print what stages tell. Progress shows in terminals and notebooks.

    Returns:
        The network, called like ``net``.

    Raises:
        SnnfwError: something given is not allowed, the network cannot be captured, or no neuron was placed.

    """
    require_network(net, device)
    registry = registry or Registry()
    said = {
        "timesteps": timesteps, "layers": layers, "search": search, "converter": converter, "exit": exit,
        "fitting": fitting, "energy": energy, "device": device or device_of(net), "backend": backend,
        "memory": memory, "seed": seed, "strict": strict, "load": load,
    }  # fmt: skip
    config = read_method(method, recipe, said, registry)
    batches = read_batches(data, count_arguments(net), "the calibration data")
    with own_randomness(config.device):
        resources = quiet_resources(config, verbose)
        subject = make_subject(net, batches, frames, metric, resources)
        return convert_made(config, subject, batches)


def convert_made(config: MethodConfig, subject: Subject, batches: ReadBatches) -> SpikingNetwork:
    """Return the spiking network of a subject, whose calibration data are ``batches``."""
    converted = convert_subject(config, subject)
    require_neurons(converted.found.plan)
    graph = subject.graph
    bundle = converted.bundle
    about = {
        **provenance(config, bundle),
        **converted.fitting,
        "calibration": describe_batches(batches),
        **({"search": dict(converted.found.record)} if converted.found.record else {}),
    }
    conversion = Conversion(
        graph, config.converter, bundle.data.calibration, config.timesteps, subject.resources, config, bundle
    )
    return SpikingNetwork(
        converted.model, memory=config.memory, costs=config.energy, about=about, conversion=conversion
    )


def plan(
    net: nn.Module,
    example: Any,
    *,
    method: Named | Neuron | Rule | Sequence[Rule] | None = None,
    layers: Sequence[Rule | Mapping[str, Any]] | None = None,
    recipe: str | Path | Mapping[str, Any] | None = None,
    frames: int | None = None,
    strict: bool | None = None,
    load: Sequence[str] | None = None,
    registry: Registry | None = None,
) -> Plan:
    """Return what would become of every operator, and convert nothing.

    Args:
        net: the network, as for ``convert``.
        example: inputs of any kind that ``convert`` takes; the first two samples are what is captured with.
        method: as for ``convert``.
        layers: as for ``convert``.
        recipe: as for ``convert``.
        frames: as for ``convert``.
        strict: as for ``convert``.
        load: as for ``convert``.
        registry: as for ``convert``.

    Raises:
        SnnfwError: something given is not allowed, the network cannot be captured, or no neuron would be placed.

    """
    require_network(net, None)
    device = device_of(net)
    config = read_method(
        method, recipe, {"layers": layers, "strict": strict, "load": load, "device": device}, registry or Registry()
    )
    batches = read_batches(example, count_arguments(net), "the example")
    with own_randomness(device):
        graph = capture_once(net, first_example(batches, frames, device))
        placed = place(graph, config.layers, temporal=frames is not None)
    if config.strict:
        require_all_spiking(placed)
    require_neurons(placed)
    return placed


def make_subject(
    net: nn.Module,
    batches: ReadBatches,
    frames: int | None,
    metric: Any,
    resources: Resources,
    judging: ReadBatches | None = None,
) -> Subject:
    """Return the captured network, with the calibration data that methods are tried on.

    The metric is read for the samples of ``judging``, where these are others.
    """
    example = first_example(batches, frames, resources.device)
    graph = capture_once(net, example)
    output, first = graph(*example), next(iter(batches))
    with_targets = first.target is not None
    data = Data(InputsAlone(batches), (), batches if with_targets else None, frames)
    judged = _judgement(metric, next(iter(judging)) if judging else first, output)
    return Subject(Bundle(net, example, data, judged), graph, resources)


def _judgement(metric: Any, first: Batch, output: Output) -> Judgement:
    """Return how a search and exits judge outputs: not at all, where neither a metric nor labels are there."""
    named = metric is not None or is_classification(first, output)
    return read_metric(metric, first, output) if named else judge_nothing(output)
