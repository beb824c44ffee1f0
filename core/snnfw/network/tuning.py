"""Find the cheapest spiking network within a drop, without a task: ``snnfw.tune``."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import nn

from snnfw.config.fields import build_dataclass
from snnfw.config.resolution import resolve_method
from snnfw.config.schema import MethodConfig
from snnfw.config.tuning import Aim, choose_methods, usual_exits
from snnfw.contracts import ExitPolicy
from snnfw.energy.model import EnergyModel
from snnfw.errors import SnnfwError
from snnfw.network.batches import count_arguments, read_batches
from snnfw.network.converting import Named, convert_made, make_subject
from snnfw.network.network import SpikingNetwork
from snnfw.network.quiet import own_randomness, quiet_resources
from snnfw.network.subject import device_of, require_network
from snnfw.registry import Registry
from snnfw.tuning.ground import halve, make_ground
from snnfw.tuning.halving import import_optuna
from snnfw.tuning.hunt import find_cheapest
from snnfw.tuning.measuring import Meter
from snnfw.tuning.proposals import plain_method
from snnfw.tuning.record import candidate_rows
from snnfw.tuning.space import Space, placeable, recipe_text
from snnfw.tuning.values import Choice
from snnfw.tuning.words import explain

JUDGED = "samples to validate on"


@dataclass(frozen=True, slots=True)
class Tuned:
    """The cheapest spiking network that was found, and how sure it is that it drops by no more than was allowed.

    ``met`` says that this is more likely than not, ``sure`` how sure it is, from 0 to 1, on the samples to validate on.
    ``candidates`` holds a row for each that was tried, those measured on all samples first, from cheap to dear; energy
    in millijoules. ``exit`` is the exit policy that was chosen with it, for ``snnfw.evaluate``, and ``recipe`` the
    method as a file that ``snnfw run recipe=FILE`` reads.
    """

    snn: SpikingNetwork
    met: bool
    sure: float
    name: str
    sentences: tuple[str, ...]
    candidates: tuple[Mapping[str, Any], ...]
    recipe: str
    exit: ExitPolicy | None = None
    choice: Choice | None = field(default=None, repr=False, compare=False)

    @property
    def frontier(self) -> tuple[Mapping[str, Any], ...]:
        """Return the rows of the candidates that no other one beats in cost and score, the cheapest first."""
        return tuple(row for row in self.candidates if row.get("frontier"))

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        return "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences) + self.snn._repr_html_()


def tune(
    net: nn.Module,
    calibration: Any,
    validate: Any,
    *,
    drop: float = 0.5,
    minimise: Literal["energy", "timesteps", "spikes"] = "energy",
    confidence: float = 0.75,
    methods: Sequence[str | Mapping[str, Any]] | None = None,
    timesteps: Sequence[int] = (1, 2, 4, 8, 16, 32),
    rounds: int = 4,
    trials: int = 240,
    metric: Any = None,
    frames: int | None = None,
    energy: Named | EnergyModel | None = None,
    device: str | None = None,
    backend: str | None = None,
    memory: int | str | None = None,
    seed: int | None = None,
    strict: bool | None = None,
    load: Sequence[str] | None = None,
    launcher: Any = None,
    registry: Registry | None = None,
    verbose: bool = False,
) -> Tuned:
    """Return the cheapest spiking network of ``net`` whose metric drops by no more than ``drop`` points.

    What was measured is kept in the user's cache: a search that was killed goes on where it was, and ends the same.

    Args:
        net: the network, as for ``convert``.
        calibration: inputs to convert with, as for ``convert``; with labels, candidates are picked by them too.
        validate: inputs with labels that confirm what was picked, as for ``evaluate``; where calibration inputs have no
            labels, the first half picks. They are held out: no conversion sees them. Data that the network is tested on
            in the end has no place here.
        drop: points of the metric (hundredths, where its best value is 1) that may be lost against the network.
        minimise: what is to be as small as possible: energy per sample, mean timesteps, or spikes per sample.
        confidence: how sure it has to be that no more is lost; with few samples as sure as they can tell.
        methods: plugins and neurons to choose from, as ``methods=`` of ``snnfw compare``; without it, all presets for
            trained networks.
        timesteps: timesteps to try; others near the best follow.
        rounds: most rounds of variants of the best methods.
        trials: most candidates in all.
        metric: as for ``evaluate``.
        frames: as for ``convert``.
        energy: as for ``convert``.
        device: as for ``convert``.
        backend: as for ``convert``.
        memory: as for ``convert``.
        seed: as for ``convert``.
        strict: as for ``convert``.
        load: as for ``convert``.
        launcher: who measures candidates: a launcher by name, mapping or instance; without it, this process.
        registry: the plugins to choose from; without it, those that are installed.
        verbose: as for ``convert``.

    Raises:
        SnnfwError: something given is not allowed, there are no labels to judge by, or no method fits the network.

    """
    import_optuna()
    require_network(net, device)
    registry = registry or Registry()
    asked = {
        "drop": drop, "minimise": minimise, "confidence": confidence, "timesteps": list(timesteps), "rounds": rounds,
        "trials": trials, **({"methods": list(methods)} if methods is not None else {}),
    }  # fmt: skip
    said = {
        "energy": energy, "device": device or device_of(net), "backend": backend, "memory": memory, "seed": seed,
        "strict": strict, "load": load, "launcher": launcher,
    }  # fmt: skip
    return _tune(_Request(net, calibration, validate, frames, metric, verbose), asked, said, registry)


@dataclass(frozen=True, slots=True)
class _Request:
    """The network and the data that somebody has."""

    net: nn.Module
    calibration: Any
    validate: Any
    frames: int | None
    metric: Any
    verbose: bool


def _tune(given: _Request, asked: Mapping[str, Any], said: Mapping[str, Any], registry: Registry) -> Tuned:
    """Search as ``asked``, with the settings that were ``said``, and convert with what was chosen."""
    aim = build_dataclass(Aim, asked, "", "the search")
    common = {key: value for key, value in said.items() if value is not None}

    def configure(own: Mapping[str, Any]) -> MethodConfig:
        return resolve_method({"search": None, "exit": None, **common, **own}, registry)

    chosen, left_out = choose_methods(registry, aim, configure)
    arguments = count_arguments(given.net)
    converting = read_batches(given.calibration, arguments, "the calibration data")
    judging = read_batches(given.validate, arguments, "the data to validate on")
    if next(iter(judging)).target is None:
        raise SnnfwError("the data to validate on has no labels: give batches of inputs and labels, such as (x, y).")
    base = chosen[0].config
    with own_randomness(base.device):
        resources = quiet_resources(base, given.verbose)
        subject = make_subject(given.net, converting, given.frames, given.metric, resources, judging)
        data = subject.bundle.data
        known, held = (data.tuning, judging) if data.tuning is not None else halve(subject, judging)
        ground = make_ground(subject, data.calibration, known, held)
        methods, left_out = placeable(chosen, left_out, aim, ground)
        space = Space(methods, {method.name: method.stages for method in chosen}, usual_exits(registry))
        choice = find_cheapest(Meter(ground, aim.drop, base), aim, space)
        config = configure({**plain_method(choice.chosen.candidate.config), "fitting": 0.0})
        # A search and an exit were fitted on what confirmed them.
        fitted = replace(subject, bundle=replace(subject.bundle, data=replace(data, tuning=held)))
        snn = convert_made(config, fitted, converting)
    return Tuned(
        snn,
        choice.met,
        choice.chosen.sure,
        choice.chosen.candidate.name,
        tuple(explain(choice, aim, subject.bundle.judgement.headline, JUDGED)),
        tuple(candidate_rows(choice, aim.minimise)),
        recipe_text(config),
        config.exit,
        choice,
    )
