"""A network's export from Python and from its file: which samples it is compared on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from snnfw.archive.files import read_network
from snnfw.conversion.activations import first_samples, to_device
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.exports.exported import Exported
from snnfw.exports.exporting import SAMPLES, SUFFIXES, export_model, format_of
from snnfw.exports.loop import real_type
from snnfw.network.batches import read_batches
from snnfw.network.network import SpikingNetwork
from snnfw.registry import Registry
from snnfw.search.fitting import InputsAlone
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs


def export(
    snn: SpikingNetwork,
    path: str | Path,
    format: str | None = None,  # noqa: A002  # the word that the command line has too
    *,
    data: Any = None,
) -> Exported:
    """Write a spiking network to a file of another format, once what it holds gave the network's spikes.

    Args:
        snn: the network, on the CPU and in float32 or float64.
        path: the file: ``net.onnx``, ``net.pt2`` or ``net.nir``.
        format: ``"onnx"``, ``"torch"`` (a program of torch.export) or ``"nir"``; without it, by the end of the path.
        data: samples to compare on, as ``snnfw.convert`` takes them, of which the first four are taken; without any,
            those that the network was calibrated on, or noise where it was loaded.

    Returns:
        The files, how many values of neurons were compared, and how many of them differed.

    Raises:
        SnnfwError: the format has no word for something in the network, whose layer is named, a package is missing, or
            what was written does something else. Nothing is written then.

    """
    if not isinstance(snn, SpikingNetwork):
        raise wrong_kind_error("what is to be exported", snn, "a spiking network, as snnfw.convert returns it")
    return export_model(snn.model, Path(path), format, _samples(snn, data))


def export_file(source: Path, out: Path | None, format: str | None) -> Exported:  # noqa: A002  # as above
    """Write the network of a file in another format, beside it where no other place is given.

    Raises:
        SnnfwError: neither a format nor a file is named, or the network cannot be exported.

    """
    if out is None:
        if format is None:
            raise SnnfwError(f"nothing says what to export '{source}' to: give out=FILE, or format=NAME.")
        out = source.with_suffix(SUFFIXES.get(format, ""))
    format_of(out, format)
    return export_model(read_network(source, Registry()).model, out, format)


def _samples(snn: SpikingNetwork, data: Any) -> Inputs | None:
    """Return the first samples of what was given, or of what the network was calibrated on."""
    if data is not None:
        given: Any = InputsAlone(read_batches(data, len(snn.model.graph.inputs), "data"))
    elif snn.conversion is not None:
        given = snn.conversion.calibration
    else:
        return None
    inputs = to_device(first_samples(given, SAMPLES), "cpu")
    return tuple(_as_computed(tensor, snn.model) for tensor in inputs)


def _as_computed(tensor: Tensor, model: SpikingModel) -> Tensor:
    return tensor.to(real_type(model)) if tensor.is_floating_point() else tensor
