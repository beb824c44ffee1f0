"""Say which coding neurons speak, and hold a plan to one of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from snnfw.errors import SnnfwError
from snnfw.values import Keep, Site
from snnfw.values.codings import CODINGS, RATE

if TYPE_CHECKING:
    from snnfw.planning.rules import Neuron


def coding_of(neuron: Any) -> str:
    """Return the coding that a neuron speaks: the one that it names, or rate coding.

    Raises:
        SnnfwError: it names one that is not known.

    """
    coding: str = getattr(neuron, "coding", RATE)
    if coding not in CODINGS:
        raise SnnfwError(
            f"neuron '{getattr(neuron, 'name', neuron)}' has coding = {coding!r}: give it one of "
            f"{', '.join(map(repr, CODINGS))}, or none, which is 'rate'."
        )
    return coding


def require_one_coding(placed: Iterable[tuple[Site, Neuron | Keep]]) -> str:
    """Return the coding that all neurons of a plan speak, refusing two: what one sends, the other cannot read."""
    first: dict[str, tuple[Site, Neuron]] = {}
    for site, neuron in placed:
        if not isinstance(neuron, Keep):
            first.setdefault(coding_of(neuron), (site, neuron))
    if len(first) > 1:
        told = " and ".join(
            f"'{neuron.name}' at '{site.name}' is {coding} coded" for coding, (site, neuron) in first.items()
        )
        raise SnnfwError(
            f"the recipe mixes two codings: {told}. One sends changes and the other whole values, so that neither "
            "reads what the other sends: choose neurons of one coding for all sites, or keep."
        )
    return next(iter(first), RATE)
