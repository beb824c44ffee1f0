"""Which neurons a search may choose from at each site, the plan's own always among them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from snnfw import Keep, Neuron, Site, SnnfwError
from snnfw.config import as_plain, build_dataclass, format_value

if TYPE_CHECKING:
    from snnfw.planning import Placement, Plan

Value: TypeAlias = bool | int | float | str | None
"""What a field may be tried with."""

Space: TypeAlias = Mapping[str, tuple[Value, ...]]
"""The values to try of some fields."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of every site that is searched, by the site's name, in the order of execution.

    ``own`` is the index of the plan's own neuron at each of these sites. ``uniform`` holds choices that treat all sites
    alike, by a label: ``phi=4``, or a neuron's name. ``fields`` are those that vary.
    """

    by_site: Mapping[str, tuple[Neuron, ...]]
    own: tuple[int, ...]
    uniform: Mapping[str, tuple[int, ...]]
    fields: tuple[str, ...] = ()


def vary_fields(plan: Plan, space: Space | None, key: str) -> Candidates:
    """Let each site's neuron vary in some fields, every value of one with every value of the others.

    Without a space it is the neuron's own, see ``space_of``. Sites whose neuron has none of the fields are left out.
    ``key`` is where the user wrote the space.
    """
    by_site: dict[str, tuple[Neuron, ...]] = {}
    own, labelled = [], []
    searched = searched_placements(plan, space, key)
    for placement, fields_of_it in searched:
        neuron = cast("Neuron", placement.neuron)
        named = _combinations(neuron, fields_of_it, key)
        tried = _drop_repeats([*named.values(), neuron])
        by_site[placement.site.name] = tuple(tried)
        own.append(tried.index(neuron))
        labelled.append({label: tried.index(changed) for label, changed in named.items()})
    shared = [label for label in labelled[0] if all(label in row for row in labelled)]
    uniform = {label: tuple(row[label] for row in labelled) for label in shared}
    varied = tuple(dict.fromkeys(field for _, fields_of_it in searched for field in fields_of_it))
    return Candidates(by_site, tuple(own), uniform, varied)


def searched_placements(plan: Plan, space: Space | None, key: str) -> list[tuple[Placement, Space]]:
    """Return the placements that are searched, each with the values of the fields that its neuron has."""
    if space is None:
        own = [(placement, space_of(cast("Neuron", placement.neuron))) for placement in _spiking(plan)]
        if not any(fields_of_it for _, fields_of_it in own):
            names = sorted({name for placement, _ in own for name in _field_names(placement.neuron)})
            raise SnnfwError(
                f"no neuron of the plan says what may be searched: say {key}.FIELD=[...], with one of their fields: "
                f"{', '.join(names) or 'none'}."
            )
        return [(placement, fields_of_it) for placement, fields_of_it in own if fields_of_it]
    if not space:
        raise SnnfwError(f"{key} is empty: give at least one field with values, like {key}.phi=[1,2,4].")
    for field, values in space.items():
        if not values:
            raise SnnfwError(f"{key}.{field} is empty: give at least one value of '{field}' to try.")
        placements_with_field(plan, field)
    narrowed = [
        (placement, {field: space[field] for field in _field_names(placement.neuron) if field in space})
        for placement in _spiking(plan)
    ]
    return [(placement, fields_of_it) for placement, fields_of_it in narrowed if fields_of_it]


def space_of(neuron: Neuron) -> Space:
    """Return the values that a neuron says are worth a search, by field: its attribute ``space``.

    Where it says nothing and has a φ, these are 1 to 8.
    """
    phi: Space = {"phi": tuple(range(1, 9))} if "phi" in _field_names(neuron) else {}
    space: Space = getattr(neuron, "space", phi)
    return space


def _combinations(neuron: Neuron, space: Space, key: str) -> dict[str, Neuron]:
    """Return the neuron with every combination of values, by a label."""
    found = {}
    for values in itertools.product(*(_drop_repeats(values) for values in space.values())):
        chosen = dict(zip(space, values, strict=True))
        label = " ".join(f"{field}={format_value(value)}" for field, value in chosen.items())
        found[label] = with_values(neuron, chosen, key)
    return found


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


def with_initial(plan: Plan, space: Space | None, initial: Mapping[str, Value] | None, key: str) -> Plan:
    """Return the plan with initial values wherever a neuron has the fields.

    Of fields of which none is said it is the neuron's own initial value, its attribute ``space_initial``, or
    ``most_of`` the values.
    """
    for field in initial or {}:
        placements_with_field(plan, field)
    for placement, fields_of_it in searched_placements(plan, space, f"{key}.space"):
        neuron = cast("Neuron", placement.neuron)
        chosen = {field: most_of(values, getattr(neuron, field)) for field, values in fields_of_it.items()}
        own: Mapping[str, Value] = getattr(neuron, "space_initial", {})
        chosen |= {field: value for field, value in own.items() if field in fields_of_it}
        chosen |= {field: value for field, value in (initial or {}).items() if field in _field_names(neuron)}
        plan = plan.with_neuron(placement.site.name, with_values(neuron, chosen, f"{key}.initial"))
    return plan


def most_of(values: Sequence[Value], own: Value) -> Value:
    """Return the largest of numbers, of which null is without bound; of words the neuron's own."""
    if None in values:
        return None
    numbers = [value for value in values if isinstance(value, int | float)]
    return max(numbers) if len(numbers) == len(values) else own


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


def with_values(neuron: Neuron, chosen: Mapping[str, Value], key: str) -> Neuron:
    """Return the neuron with other values of some fields, or say why it refuses them."""
    plain = as_plain(neuron)
    plain.pop("name")
    try:
        return build_dataclass(type(neuron), {**plain, **chosen}, neuron.name, f"neuron '{neuron.name}'")
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
