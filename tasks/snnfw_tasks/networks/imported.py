"""Any torch module that Python can import."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping  # pydantic resolves the fields' types at run time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from snnfw import SnnfwError
from snnfw.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from snnfw import Resources


@dataclass(frozen=True, slots=True)
class CallableModel:
    """Your own network: anything that Python can import, from the current folder too, and call to get one."""

    name: ClassVar[str] = "callable"
    tasks: ClassVar[tuple[str, ...]] = ()
    runs: ClassVar[tuple[str, ...]] = ("target", "args")

    target: Annotated[str, Field(description="package.module:callable, which returns a torch.nn.Module")]
    weights: Annotated[Path | None, Field(description="a file of weights, as safetensors or by torch.save")] = None
    args: Annotated[Mapping[str, Any], Field(description="what to call it with")] = field(default_factory=dict)

    @classmethod
    def words_for(cls, name: str) -> str | None:
        """Return how a file of weights, a file of Python and a dotted path are written."""
        path = Path(name)
        own = path.suffix == ".pt" and not path.name.startswith("yolo")  # those are of the detectors' library
        if own or path.suffix in (".pth", ".ckpt", ".safetensors"):
            return f"NAME model.weights={name}"
        if path.suffix == ".py":
            return f"{path.stem}:FUNCTION"
        module, _, attribute = name.rpartition(".")
        if not module or not all(part.isidentifier() for part in name.split(".")):
            return None
        top = name.partition(".")[0]
        there = Path(top).is_dir() or Path(f"{top}.py").is_file() or importlib.util.find_spec(top) is not None
        return f"{module}:{attribute}" if there else None

    def preprocess(self) -> None:
        """Return nothing: only the network's owner knows how its images were prepared."""

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the callable's result; it gets ``args`` alone, so the number of outputs is its own."""
        del classes
        from torch import nn

        from snnfw_tasks.networks.checkpoint import build_seeded, load_weights

        def call() -> nn.Module:
            with current_folder_importable():
                made = call_target(find_target(self.target), self.target, self.args)
            if not isinstance(made, nn.Module):
                raise SnnfwError(f"'{self.target}' returns a {type(made).__name__}, not a torch.nn.Module.")
            return unwrap(made)

        module = build_seeded(call, resources.seed)
        if self.weights:
            load_weights(module, self.weights)
        return module


def unwrap(module: nn.Module) -> nn.Module:
    """Return the network itself, of one that is spread over devices, or compiled."""
    from torch._dynamo.eval_frame import OptimizedModule
    from torch.nn.parallel import DataParallel, DistributedDataParallel

    while isinstance(module, DataParallel | DistributedDataParallel | OptimizedModule):
        module = module._orig_mod if isinstance(module, OptimizedModule) else module.module
    return module


@contextmanager
def current_folder_importable() -> Iterator[None]:
    """Put the current folder first on the import path for as long as the context lasts."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def find_target(target: str) -> Callable[..., object]:
    """Import what package.module:callable names."""
    module_name, _, attribute = target.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), attribute]):
        raise SnnfwError(f"model target '{target}' is not of the form package.module:callable.")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # importing runs a stranger's code, which may raise anything
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}."):
            raise SnnfwError(
                f"no module named '{error.name}' in '{Path.cwd()}' or among the installed packages "
                f"(model target '{target}')."
            ) from error
        raise SnnfwError(f"module '{module_name}' cannot be imported: {type(error).__name__}: {error}.") from error
    found = getattr(module, attribute, None)
    if not callable(found):
        names = [name for name, value in vars(module).items() if callable(value)]
        raise SnnfwError(f"module '{module_name}' has no callable named '{attribute}'.{did_you_mean(attribute, names)}")
    called: Callable[..., object] = found
    return called


def call_target(found: Callable[..., object], target: str, args: Mapping[str, Any]) -> object:
    """Call it and say in one sentence what went wrong, if something did."""
    try:
        return found(**args)
    except Exception as error:  # a stranger's code may raise anything
        raise SnnfwError(f"'{target}' failed with model.args={dict(args)}: {type(error).__name__}: {error}.") from error
