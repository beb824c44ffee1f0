"""Write a spiking network into one file, and open it: whole or not at all, and without running what somebody wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils import _pytree as pytree

from snnfw.archive.container import pack, unpack, unpack_header
from snnfw.archive.models import differing_tensors, model_to_plain, plain_to_model
from snnfw.capture.precision import full_float32
from snnfw.config.fields import as_plain
from snnfw.config.methods import build_method
from snnfw.energy.horowitz import Horowitz
from snnfw.energy.model import EnergyModel
from snnfw.errors import SnnfwError
from snnfw.files import write_file
from snnfw.registry import Registry
from snnfw.report.card import write_card
from snnfw.report.folder import as_json
from snnfw.spiking.model import SpikingModel

NAME = "net.snn"
"""The file of a network in a run's folder."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What a file holds: the model, the memory and the prices it was converted for, and its provenance."""

    model: SpikingModel
    memory: int
    costs: EnergyModel
    about: Mapping[str, Any]


def write_network(
    model: SpikingModel, path: Path, *, memory: int, costs: EnergyModel, about: Mapping[str, Any]
) -> None:
    """Write a network: the old file or the new one, never half.

    Raises:
        SnnfwError: something of it is not known how to write, or would not be the same when it is read.

    """
    write_file(path, dump_network(model, memory=memory, costs=costs, about=about))


def dump_network(model: SpikingModel, *, memory: int, costs: EnergyModel, about: Mapping[str, Any]) -> bytes:
    """Return the bytes of a network's file, once a network that was read from them has been held against it."""
    plain, tensors = model_to_plain(model)
    header = {"memory": memory, "costs": as_plain(costs), "about": _plain(about), "model": plain}
    header["card"] = write_card(model, header["about"])
    content = pack(header, tensors)
    _require_equal(model, read_network(content).model)
    return content


def read_network(source: Path | bytes, registry: Registry | None = None) -> Archived:
    """Return what a file holds, on the CPU.

    Raises:
        SnnfwError: it cannot be read, is damaged or was changed, is of another version, or needs a plugin that is not
            there.

    """
    with _told(source):
        header, tensors = unpack(source)
        registry = registry or Registry()
        model = plain_to_model(header["model"], tensors, registry)
        return Archived(model, int(header["memory"]), _read_prices(header["costs"], registry), dict(header["about"]))


def describe_file(path: Path) -> dict[str, Any]:
    """Return the header of a file: its provenance, its plan and its settings; no tensor is read."""
    with _told(path):
        return unpack_header(path)


def _read_prices(costs: Mapping[str, Any], registry: Registry) -> EnergyModel:
    """Return the energy model; one without a name is of the time when there was one alone."""
    given = {"name": Horowitz.name, **costs}
    if given["name"] not in registry.energy_models:
        raise SnnfwError(
            f"its energy model '{given['name']}' is of a plugin that is not here: install it, or hand "
            "snnfw.load(..., registry=Registry(plugins=[...])) one that registers it."
        )
    model: EnergyModel = build_method(registry, "energy_models", "costs", given)
    return model


@contextmanager
def _told(source: Path | bytes) -> Iterator[None]:
    """Turn whatever reading raises into one sentence with the file's name."""
    name = f"'{source}'" if isinstance(source, Path) else "the network"
    try:
        yield
    except SnnfwError as error:
        raise SnnfwError(f"{name} cannot be opened: {error}") from error
    except FileNotFoundError as error:
        raise SnnfwError(f"{name} is not there.") from error
    except IsADirectoryError as error:
        raise SnnfwError(f"{name} is a folder: name the file in it, such as net.snn of a run.") from error
    except OSError as error:
        raise SnnfwError(f"{name} cannot be read ({error.strerror or error}).") from error
    except Exception as error:  # whatever zipfile, json, safetensors, torch and sympy raise for what is no network
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise SnnfwError(
            f"{name} cannot be opened: it is damaged, was changed, or is no network of snnfw ({reason})."
        ) from error


def _plain(about: Mapping[str, Any]) -> Any:
    """Return provenance as JSON holds it: paths and such as text, what is not finite as null."""
    return json.loads(as_json(about))


@torch.no_grad()
def _require_equal(model: SpikingModel, read: SpikingModel) -> None:
    """Refuse to write a network that would be another one when it is read."""
    other = next(iter(differing_tensors(model, read)), None)
    if other is not None:
        raise SnnfwError(f"the network cannot be saved: '{other}' would be another tensor when it is read.")
    steps = min(2, model.timesteps)
    with full_float32():  # a spike that rounding moves is no difference between the two
        first, second = (_outputs(each, steps) for each in (model, read.to(device_of(model))))
    if len(first) != len(second) or not all(map(_is_equal, first, second)):
        raise SnnfwError(
            "the network cannot be saved: read back, it computes something else. A neuron keeps something that is "
            "neither a parameter of its method nor a buffer."
        )


def _outputs(model: SpikingModel, steps: int) -> list[Any]:
    """Return what a model computes on noise, leaving no run behind."""
    generator = torch.Generator().manual_seed(0)
    device, inputs = device_of(model), []
    for node in model.graph.inputs:
        like = node.meta["val"]
        shape = [2, *([steps] if model.plan.temporal else []), *map(int, like.shape[1:])]
        noise = torch.randn(shape, generator=generator) if like.is_floating_point() else torch.zeros(shape)
        inputs.append(noise.to(dtype=like.dtype, device=device))
    was = model.training
    model.train(False)
    model.begin(tuple(inputs))
    model.advance(steps)
    found = pytree.tree_leaves(model.read())
    model.forget()
    model.train(was)
    return found


def device_of(model: SpikingModel) -> torch.device:
    """Return where a model computes."""
    return next((tensor.device for tensor in model.state_dict().values()), torch.device("cpu"))


def _is_equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, torch.Tensor):
        return torch.allclose(ours.cpu().double(), theirs.cpu().double(), rtol=1e-3, atol=1e-5, equal_nan=True)
    return bool(ours == theirs)
