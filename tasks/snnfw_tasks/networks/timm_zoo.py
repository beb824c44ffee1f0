"""Any of timm's classifiers by name."""

from __future__ import annotations

import math
from collections.abc import Mapping  # pydantic resolves the fields' types at run time
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from snnfw import SnnfwError
from snnfw.errors import unknown_name_error
from snnfw_tasks.networks.zoo import build_network, is_path, unknown_arch_error
from snnfw_tasks.samples.labelled import Preprocess

if TYPE_CHECKING:
    from types import ModuleType

    from torch import nn

    from snnfw import Resources


DEFAULT = "DEFAULT"
"""Stands for the weights that timm itself prefers, as it does in torchvision."""

LOADING = ("checkpoint_path", "cache_dir", "pretrained")
"""How arguments begin by which timm would load weights of its own accord: unpickled, or not all of them."""


@dataclass(frozen=True, slots=True)
class TimmModel:
    """A classifier of timm's, with its weights, with yours, or with random ones."""

    name: ClassVar[str] = "timm"
    tasks: ClassVar[tuple[str, ...]] = ("classification", "events")
    foreign: ClassVar[bool] = True

    arch: Annotated[str, Field(description="timm's name for the network, such as resnet18")]
    weights: Annotated[
        str | None,
        Field(description="a1_in1k ..., DEFAULT, or a .safetensors or .pth file; without it random"),
    ] = None
    args: Annotated[Mapping[str, Any], Field(description="arguments for timm.create_model")] = field(
        default_factory=dict
    )

    @classmethod
    def words_for(cls, name: str) -> str | None:
        """Return how a network of timm's is written that goes by this name, with the weights that may follow it."""
        if util.find_spec("timm") is None:
            return None
        arch, dot, tag = name.partition(".")
        weights = f" model.weights={tag}" if dot else ""
        return f"{cls.name}/{arch}{weights}" if arch in require_timm().list_models() else None

    def preprocess(self) -> Preprocess | None:
        """Return the preparation that timm prescribes for its own weights."""
        tagged = self._tagged()
        if tagged is None:
            return None
        from timm.data import resolve_data_config

        return as_preprocess(self.arch, resolve_data_config(pretrained_cfg=pretrained_config(tagged)))

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network; ``classes`` outputs unless timm's weights or ``args`` say otherwise."""
        tagged = self._tagged()
        from timm import create_model

        from snnfw_tasks.networks.checkpoint import load_weights

        for name in self.args:
            if name.startswith(LOADING):
                raise SnnfwError(
                    f"model.args.{name} is not allowed: give weights by name or as a file, model.weights=..."
                )
        outputs = pretrained_config(tagged)["num_classes"] if tagged else classes
        args = {"num_classes": outputs, **self.args}
        if tagged and args["num_classes"] != outputs:
            raise SnnfwError(
                f"timm's weights '{self.weights}' of '{self.arch}' have {outputs} outputs, "
                f"and model.args.num_classes={args['num_classes']} would replace them with random ones."
            )

        def create() -> nn.Module:
            module: nn.Module = create_model(tagged or self.arch, pretrained=tagged is not None, **args)
            return module

        module = build_network(create, self.name, self.arch, self.weights if tagged else None, args, resources.seed)
        if self.weights and not tagged:
            load_weights(module, Path(self.weights))
        return module

    def _tagged(self) -> str | None:
        """Return timm's name for architecture and weights, or nothing where these are a file or random."""
        timm = require_timm()
        archs = timm.list_models()
        if self.arch not in archs:
            arch, _, tag = self.arch.partition(".")
            if tag and arch in archs:
                raise SnnfwError(
                    f"model.arch={self.arch} names weights too: write model.arch={arch} model.weights={tag}."
                )
            raise unknown_arch_error(self.name, self.arch, archs)
        if self.weights is None or is_path(self.weights):
            return None
        tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{self.arch}.*")]
        if not tags:
            raise SnnfwError(f"timm has no weights for '{self.arch}': give a file, or leave model.weights out.")
        if self.weights not in (DEFAULT, *tags):
            raise unknown_name_error(f"timm weights of '{self.arch}'", self.weights, (DEFAULT, *tags), "Available")
        return self.arch if self.weights == DEFAULT else f"{self.arch}.{self.weights}"


def require_timm() -> ModuleType:
    """Return timm, or say how to get it."""
    try:
        import timm
    except ImportError as error:
        raise SnnfwError("model 'timm' needs the package timm: pip install 'snnfw[timm]'.") from error
    module: ModuleType = timm
    return module


def pretrained_config(tagged: str) -> dict[str, Any]:
    """Return timm's configuration of the weights."""
    from timm.models import get_pretrained_cfg

    config: dict[str, Any] = get_pretrained_cfg(tagged).to_dict()
    return config


def as_preprocess(arch: str, config: Mapping[str, Any]) -> Preprocess:
    """Translate timm's data configuration, which gives the crop as a fraction of the resized image."""
    height, width = config["input_size"][1:]
    if height != width or config["crop_mode"] not in ("center", "squash"):
        raise SnnfwError(
            f"timm's '{arch}' wants images of {height} by {width} pixels with crop mode "
            f"'{config['crop_mode']}': only square images, cropped in the middle or squashed, are supported."
        )
    return Preprocess(
        resize=math.floor(height / config["crop_pct"]),
        crop=height,
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=config["interpolation"],
        squash=config["crop_mode"] == "squash",
    )
