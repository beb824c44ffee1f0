"""Which neurons a search may choose from at each site, the plan's own always among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from snnfw import Keep, Neuron, Site, SnnfwError
from snnfw.config import as_plain, build_dataclass, format_value

if TYPE_CHECKING:
    from snnfw.planning import Placement, Plan

Value: TypeAlias = bool | int | float
"""What a field may be tried with."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of every site that is searched, by the site's name, in the order of execution.

    ``own`` is the index of the plan's own neuron at each of these sites. ``uniform`` holds choices that treat all sites
    alike, by a label: ``phi=4``, or a neuron's name.
    """

    by_site: Mapping[str, tuple[Neuron, ...]]
    own: tuple[int, ...]
    uniform: Mapping[str, tuple[int, ...]]


def vary_field(plan: Plan, field: str, values: Sequence[Value], key: str) -> Candidates:
    """Let each site's neuron vary in one field; sites whose neuron lacks the field are left out.

    ``key`` is where the user wrote the values.
    """
    placements = placements_with_field(plan, field)
    if not values:
        raise SnnfwError(f"{key} is empty: give at least one value of '{field}' to try.")
    by_site, own = {}, []
    for placement in placements:
        neuron = cast("Neuron", placement.neuron)
        tried = _drop_repeats([*values, getattr(neuron, field)])
        by_site[placement.site.name] = tuple(with_value(neuron, field, value, key) for value in tried)
        own.append(tried.index(getattr(neuron, field)))
    uniform = {
        f"{field}={format_value(value)}": (number,) * len(own) for number, value in enumerate(_drop_repeats(values))
    }
    return Candidates(by_site, tuple(own), uniform)


def offer_neurons(plan: Plan, neurons: Sequence[Neuron | Keep], key: str) -> Candidates:
    """Let each site choose between its own neuron and those of ``neurons`` that stand in for its activation."""
    placements = _spiking(plan)
    listed = _drop_repeats([neuron for neuron in neurons if not isinstance(neuron, Keep)])
    if any(isinstance(neuron, Keep) for neuron in neurons):
        raise SnnfwError(f"{key} holds 'keep', which is no neuron: leave it out, and keep layers analog by a rule.")
    for neuron in listed:
        if not any(_accepts(neuron, placement.site) for placement in placements):
            kinds = ", ".join(sorted({placement.site.activation for placement in placements}))
            raise SnnfwError(
                f"{key}: no site takes neuron '{neuron.name}', which stands in for {', '.join(neuron.activations)}; "
                f"the sites are {kinds}. Leave it out."
            )
    by_site, own = {}, []
    for placement in placements:
        accepted = [neuron for neuron in listed if _accepts(neuron, placement.site)]
        tried = _drop_repeats([*accepted, cast("Neuron", placement.neuron)])
        by_site[placement.site.name] = tuple(tried)
        own.append(tried.index(cast("Neuron", placement.neuron)))
    rows = list(by_site.values())
    uniform = {
        _label(neuron, listed): tuple(row.index(neuron) for row in rows)
        for neuron in listed
        if all(neuron in row for row in rows)
    }
    return Candidates(by_site, tuple(own), uniform)


def with_initial(plan: Plan, field: str, value: Value, key: str) -> Plan:
    """Return the plan with one value of a field wherever a neuron has it."""
    for placement in placements_with_field(plan, field):
        plan = plan.with_neuron(placement.site.name, with_value(cast("Neuron", placement.neuron), field, value, key))
    return plan


def placements_with_field(plan: Plan, field: str) -> list[Placement]:
    """Return the placements whose neuron has a field, or say which fields there are."""
    placements = _spiking(plan)
    found = [placement for placement in placements if field in _field_names(placement.neuron)]
    if not found:
        names = sorted({name for placement in placements for name in _field_names(placement.neuron)})
        raise SnnfwError(
            f"no neuron of the plan has a field '{field}' to search over. Their fields: {', '.join(names) or 'none'}."
        )
    return found


def with_value(neuron: Neuron, field: str, value: Value, key: str) -> Neuron:
    """Return the neuron with another value of a field, or say why it refuses it."""
    plain = as_plain(neuron)
    plain.pop("name")
    try:
        return build_dataclass(type(neuron), {**plain, field: value}, neuron.name, f"neuron '{neuron.name}'")
    except SnnfwError as error:
        raise SnnfwError(f"{key} holds a value that a neuron refuses: {error}") from error


def _spiking(plan: Plan) -> list[Placement]:
    return [placement for placement in plan.placements if not isinstance(placement.neuron, Keep)]


def _accepts(neuron: Neuron, site: Site) -> bool:
    return not neuron.activations or site.activation in neuron.activations


def _field_names(neuron: object) -> list[str]:
    return [field.name for field in fields(cast("Any", neuron))]


def _label(neuron: Neuron, among: Sequence[Neuron]) -> str:
    """Return the neuron's name, with its parameters where another one has the same name."""
    if sum(other.name == neuron.name for other in among) == 1:
        return neuron.name
    plain = as_plain(neuron)
    return " ".join(f"{key}={format_value(value)}" if key != "name" else value for key, value in plain.items())


def _drop_repeats(items: Sequence[Item]) -> list[Item]:
    """Return the items, each once, in their order; they may be neurons that have no hash."""
    distinct: list[Item] = []
    distinct.extend(item for item in items if item not in distinct)
    return distinct
