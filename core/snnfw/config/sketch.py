"""What a plan without data is told: a network, the shapes of its inputs, and a method."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from snnfw.config.fields import format_value
from snnfw.config.gather import gather
from snnfw.config.given import given_words
from snnfw.config.hints import require_words
from snnfw.config.methods import choose, choose_optional
from snnfw.config.resolution import method_fields
from snnfw.config.schema import KEYS_WITHOUT_TASK, MethodConfig
from snnfw.config.sources import combine, interpolate, read_words
from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snnfw.contracts import ModelSource, Task
    from snnfw.registry import Registry

KEY = "input"
SKETCH_KEYS = (*KEYS_WITHOUT_TASK, "task", "model", KEY)
SHAPE = re.compile(r"[1-9]\d*(x[1-9]\d*)*(:int)?")


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of one sample of an input, and whether it holds whole numbers."""

    sizes: tuple[int, ...]
    whole: bool = False

    def __str__(self) -> str:
        return "x".join(map(str, self.sizes)) + ":int" * self.whole


@dataclass(frozen=True, slots=True)
class SketchConfig(MethodConfig):
    """A plan without data, completely; ``task`` says what the network is built for, where it serves several or any."""

    task: Task | None
    model: ModelSource
    shapes: tuple[Shape, ...]


def is_sketch(words: Sequence[str]) -> bool:
    """Tell whether words give the shapes of inputs in place of data."""
    return any(word.partition("=")[0] == KEY for word in words)


def require_subject(words: Sequence[str]) -> None:
    """Refuse a model of which nothing says what it is planned on."""
    said = {word.partition("=")[0] for word in words}
    if "model" in said and not said & {"task", "experiment", "checkpoint", "data"}:
        raise SnnfwError(
            f"nothing says what the model gets: give {KEY}=3x224x224, the shape of one sample, or task=NAME and the "
            "data that it is for."
        )


def resolve_sketch(words: Sequence[str], registry: Registry) -> SketchConfig:
    """Return the plan without data that ``key=value`` words ask for; files of ``load`` join the registry."""
    said = given_words(words, registry)
    if other := next((word for word in said if word.startswith(("data=", "data.", "checkpoint="))), None):
        raise SnnfwError(f"{KEY}= stands for the data, so {other} has no effect: leave one of them out.")
    require_words(said, SKETCH_KEYS, registry)
    given = read_words(said, SKETCH_KEYS)
    shapes = _shapes(given.pop(KEY))
    gathered = gather(given, registry)
    values = interpolate(reduce(combine, gathered.layers))
    task = choose_optional(registry, values, "task")
    model = choose(registry, values, "model")
    if task is None:
        served = next((name for name in model.tasks if hasattr(registry.tasks.get(name), "without_data")), None)
        task = registry.tasks[served]() if served else None
    elif model.tasks and task.name not in model.tasks:
        raise SnnfwError(f"model '{model.name}' does not serve task '{task.name}', but {', '.join(model.tasks)}.")
    method = method_fields(values, gathered, registry)
    return SketchConfig(**method, task=task, model=model, shapes=shapes)


def _shapes(given: Any) -> tuple[Shape, ...]:
    """Read ``3x224x224`` or ``3x224x224,10:int``: an input's shape without the batch, several with commas."""
    parts = str(given).split(",") if isinstance(given, str | int) and not isinstance(given, bool) else [""]
    if not all(SHAPE.fullmatch(part) for part in parts):
        raise SnnfwError(
            f"{KEY}={format_value(given)} is not allowed: give the shape of one sample, {KEY}=3x224x224, with commas "
            f"between several inputs and :int behind whole numbers, {KEY}=3x64x64,10:int."
        )
    return tuple(
        Shape(tuple(int(size) for size in part.removesuffix(":int").split("x")), part.endswith(":int"))
        for part in parts
    )
