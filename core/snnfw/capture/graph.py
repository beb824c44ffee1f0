"""The captured network as a value: operators in order, sites for neurons, batch dimensions and MACs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from snnfw.errors import SnnfwError
from snnfw.values import Output, Site


@dataclass(frozen=True, slots=True)
class BatchDim:
    """Where a tensor holds its samples.

    Dimension ``dim`` has ``outer · N · inner`` elements; sample n of group (o, i) is at (o · N + n) · inner + i. Mostly
    ``outer`` and ``inner`` are 1; windows of an image merge inner, ``[L, N, E].reshape(L · N, E)`` merges outer.
    """

    dim: int
    outer: int = 1
    inner: int = 1


Where = Any
"""A tree, shaped like an operator's result, of a BatchDim for every tensor that holds samples and None for others."""

Size = Callable[[int], Any]
"""A size as a function of the number of samples."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A network as torch.export captured it, functionalised, its batch norms folded, checked against the network.

    ``where`` gives each node's batch dimensions; ``sizes`` the nodes that are sizes derived from the batch;
    ``paths`` the user's module path of each call; ``macs`` the multiply-accumulates of each node for one sample;
    ``elements`` the elements of each node's result for one sample. ``gates`` are sites that only a rule which names
    their function takes. A ``trainable`` graph computes with the network's own parameters, any other with copies.
    ``nodes`` is every node, in the order of execution.
    """

    module: fx.GraphModule
    where: Mapping[str, Where]
    sizes: Mapping[str, Size]
    sites: tuple[Site, ...]
    paths: Mapping[str, str]
    macs: Mapping[str, int]
    elements: Mapping[str, int]
    gates: tuple[Site, ...] = ()
    trainable: bool = False
    nodes: tuple[fx.Node, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Store the nodes, which fx keeps in a linked list."""
        object.__setattr__(self, "nodes", tuple(self.module.graph.nodes))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy without the nodes: those of the copy are the copied module's."""
        return type(self), tuple(getattr(self, each.name) for each in fields(self) if each.init)

    @property
    def inputs(self) -> tuple[fx.Node, ...]:
        """Return the nodes that stand for the network's arguments."""
        return tuple(node for node in self.nodes if node.op == "placeholder")

    @property
    def output(self) -> fx.Node:
        """Return the node that collects the results."""
        return self.nodes[-1]

    def __call__(self, *inputs: Tensor) -> Output:
        """Run the network itself, on any number of samples.

        Raises:
            SnnfwError: the inputs are not as many, or not of the shape, that the network was captured with.

        """
        require_shapes(self, inputs)
        with torch.no_grad():
            return self.module(*inputs)

    def tree(self, results: Any) -> Output:
        """Return flat results in the shape that the network returns them in."""
        return self.module.graph.process_outputs(results)


def require_shapes(graph: Graph, inputs: Sequence[Tensor], frames: bool = False) -> None:
    """Refuse inputs that the graph was not captured for: the sizes of its reshapes and pools are those of its samples.

    With ``frames`` every input holds that many more in dimension 1.
    """
    lead = ["N", "frames"] if frames else ["N"]
    wanted = [[*lead, *node.meta["val"].shape[1:]] for node in graph.inputs]
    given = [list(getattr(tensor, "shape", ())) for tensor in inputs]
    fits = len(given) == len(wanted) and all(
        len(has) == len(wants) and has[len(lead) :] == wants[len(lead) :]
        for has, wants in zip(given, wanted, strict=True)
    )
    if not fits or len({sizes[0] for sizes in given}) > 1:
        shown = " and ".join(f"[{', '.join(map(str, sizes))}]" for sizes in wanted)
        shapes = " and ".join(map(str, given)) or "none"
        raise SnnfwError(
            f"the network was captured for inputs of shape {shown} and is given {shapes}: "
            "give what fits, or capture it with an example of the new shape."
        )


Change = Callable[[fx.Node, Any, Any], tuple[Any, Any]]
"""From a node, its arguments and its keywords to other ones."""


def in_turn(first: Change | None, then: Change) -> Change:
    """Return the change that makes one after the other."""
    if first is None:
        return then

    def change(node: fx.Node, args: Any, kwargs: Any) -> tuple[Any, Any]:
        return then(node, *first(node, args, kwargs))

    return change


def evaluate(
    module: torch.nn.Module,
    node: fx.Node,
    value_of: Callable[[fx.Node], Any],
    changed: Change | None = None,
) -> Any:
    """Return the result of one node, given the values of those it reads.

    ``changed`` replaces arguments, such as the device that it names.
    """
    if node.op == "get_attr":
        return get_attribute(module, str(node.target))
    args = fx.map_arg(node.args, value_of)
    if node.op == "output":
        return args[0]
    kwargs = fx.map_arg(node.kwargs, value_of) if node.kwargs else {}
    if changed is not None:
        args, kwargs = changed(node, args, kwargs)
    function: Any = node.target
    result = function(*args, **kwargs)
    return tuple(result) if isinstance(result, tuple) else result  # torch.return_types.max is a tuple of its own kind


def get_attribute(module: torch.nn.Module, name: str) -> Any:
    """Return the parameter, buffer or constant at a dotted path."""
    found: Any = functools.reduce(getattr, name.split("."), module)
    return found


def read_weights(graph: Graph) -> dict[str, Tensor]:
    """Return the tensors that a graph computes with by their paths, without those that its module only holds."""
    names = dict.fromkeys(str(node.target) for node in graph.nodes if node.op == "get_attr")
    held = {name: get_attribute(graph.module, name) for name in names}
    return {name: value for name, value in held.items() if isinstance(value, Tensor)}


def find_attribute(module: torch.nn.Module, name: str) -> Any:
    """Return what ``get_attribute`` does, and None where there is nothing."""
    try:
        return get_attribute(module, name)
    except AttributeError:
        return None


def last_uses(nodes: tuple[fx.Node, ...]) -> Mapping[fx.Node, tuple[fx.Node, ...]]:
    """Return for each node the values that nobody reads after it, so that they can be let go."""
    last: dict[fx.Node, fx.Node] = {}
    for node in nodes:
        last.setdefault(node, node)
        for read in node.all_input_nodes:
            last[read] = node
    freed: dict[fx.Node, list[fx.Node]] = {node: [] for node in nodes}
    for value, user in last.items():
        freed[user].append(value)
    return {node: tuple(values) for node, values in freed.items()}


def split_batch(value: Tensor, place: BatchDim) -> Tensor:
    """Return a view in which the batch is a dimension of its own: [..., outer, N, inner, ...] at ``place.dim``."""
    split: Tensor = value.unflatten(place.dim, (place.outer, -1, place.inner))
    return split


def leaves(value: Any, where: Where) -> Iterator[tuple[Tensor, BatchDim]]:
    """Yield every tensor of a result that holds samples, with its batch dimension."""
    for leaf, place in zip(pytree.tree_leaves(value), pytree.tree_leaves(where, is_leaf=_is_place), strict=True):
        if isinstance(place, BatchDim) and isinstance(leaf, Tensor):
            yield leaf, place


def map_leaves(function: Callable[..., Any], where: Where, *values: Any) -> Any:
    """Apply ``function(place, *leaves)`` to every leaf of equally shaped results; ``place`` may be None."""
    if _is_place(where):
        return function(where, *values)
    return pytree.tree_map(function, where, *values, is_leaf=_is_place)


def _is_place(value: Any) -> bool:
    return value is None or isinstance(value, BatchDim)


def is_summable(tensor: Tensor) -> bool:
    """Tell whether values have a sum over time: numbers have one, complex ones too, indices and masks have none."""
    return tensor.is_floating_point() or tensor.is_complex()
