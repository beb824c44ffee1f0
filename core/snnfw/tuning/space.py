"""What is searched: methods that the network has places for, the stages beside them, and how variants are resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omegaconf import OmegaConf

from snnfw.config.schema import MethodConfig
from snnfw.config.tuning import Aim, NamedConfig
from snnfw.contracts import ExitPolicy, Search
from snnfw.errors import SnnfwError
from snnfw.stages import place_neurons
from snnfw.tuning.ground import Ground
from snnfw.tuning.proposals import plain_method
from snnfw.tuning.values import Candidate


@dataclass(frozen=True, slots=True)
class Space:
    """What is searched: methods, the search and the exit that each one's paper combines it with, and other exits."""

    methods: Sequence[Candidate]
    combined: Mapping[str, Mapping[str, Search | ExitPolicy]]
    exits: Sequence[ExitPolicy]


def placeable(
    methods: Sequence[NamedConfig], left_out: Mapping[str, str], aim: Aim, ground: Ground
) -> tuple[list[Candidate], dict[str, str]]:
    """Return the methods that this network has places for, and why the others are left out.

    Raises:
        SnnfwError: one that was asked for by name has none, or no method has.

    """
    timesteps = aim.timesteps[0]
    found, reasons = [], dict(left_out)
    for method in methods:
        try:
            place_neurons(method.config, ground.subject)
        except SnnfwError as error:
            if aim.methods is not None:
                raise SnnfwError(f"method '{method.name}': {error}") from error
            reasons[method.name] = str(error)
            continue
        found.append(Candidate(f"{method.name}, T={timesteps}", method.name, method.config))
    if not found:
        raise SnnfwError(f"no method fits this network: {'; '.join(f'{name}: {why}' for name, why in reasons.items())}")
    return found, reasons


def recipe_text(config: MethodConfig) -> str:
    """Return the method as a recipe, which ``recipe=FILE`` reads."""
    kept = {key: value for key, value in plain_method(config).items() if key not in ("plugin", "checkpoints")}
    return OmegaConf.to_yaml(OmegaConf.create(kept))
