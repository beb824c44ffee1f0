"""Any of torchvision's classifiers and networks for segmentation by name."""

from __future__ import annotations

from collections.abc import Mapping  # pydantic resolves the fields' types at run time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from snnfw.errors import unknown_name_error
from snnfw_tasks.networks.segmentation_zoo import build_segmenter, segmenter_names
from snnfw_tasks.networks.zoo import build_network, is_path, unknown_arch_error
from snnfw_tasks.samples.labelled import Preprocess

if TYPE_CHECKING:
    from torch import nn
    from torchvision.models import WeightsEnum

    from snnfw import Resources


@dataclass(frozen=True, slots=True)
class TorchvisionModel:
    """A classifier or segmentation network of torchvision's, with its weights, with yours, or with random ones."""

    name: ClassVar[str] = "torchvision"
    tasks: ClassVar[tuple[str, ...]] = ("classification", "events", "segmentation")
    foreign: ClassVar[bool] = True

    arch: Annotated[str, Field(description="torchvision's name for the network, such as resnet18")]
    weights: Annotated[
        str | None,
        Field(description="IMAGENET1K_V1, DEFAULT ... or a .safetensors or .pth file; without it random"),
    ] = None
    args: Annotated[Mapping[str, Any], Field(description="arguments for torchvision's builder")] = field(
        default_factory=dict
    )
    pool: Annotated[
        Literal["given", "average"],
        Field(description="the network's own pooling, or averages in place of every maximum, as for conversion"),
    ] = "given"
    inputs: Annotated[
        int | None,
        Field(ge=1, description="channels of the data, where a 3 by 3 convolution makes three of them in front"),
    ] = None

    @classmethod
    def words_for(cls, name: str) -> str | None:
        """Return how a network of torchvision's is written that goes by this name."""
        from torchvision import models

        return f"{cls.name}/{name}" if name in (*models.list_models(module=models), *segmenter_names()) else None

    def preprocess(self) -> Preprocess | None:
        """Return the preparation that torchvision prescribes for its own weights."""
        named = self._named_weights()
        if named is None:
            return None
        prescribed = named.transforms()
        return Preprocess(
            resize=prescribed.resize_size[0],
            crop=getattr(prescribed, "crop_size", prescribed.resize_size)[0],
            mean=tuple(prescribed.mean),
            std=tuple(prescribed.std),
            interpolation=prescribed.interpolation.value,
        )

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network; ``classes`` outputs unless torchvision's weights or ``args`` say otherwise."""
        from torchvision.models import get_model

        from snnfw_tasks.networks.adapted import adapt
        from snnfw_tasks.networks.checkpoint import load_weights

        named = self._named_weights()
        if self.arch in segmenter_names():
            return adapt(
                build_segmenter(self.arch, named, self.weights, classes, self.args, resources.seed),
                self.pool,
                self.inputs,
            )
        args = dict(self.args) if named else {"num_classes": classes, **self.args}

        def create() -> nn.Module:
            module: nn.Module = get_model(self.arch, weights=named, **args)
            return adapt(module, self.pool, self.inputs)

        module = build_network(create, self.name, self.arch, self.weights if named else None, args, resources.seed)
        if self.weights and not named:
            load_weights(module, Path(self.weights))
        return module

    def _named_weights(self) -> WeightsEnum | None:
        """Return torchvision's entry for the weights, or nothing where these are a file or random."""
        from torchvision import models

        archs = [*models.list_models(module=models), *segmenter_names()]
        if self.arch not in archs:
            raise unknown_arch_error(self.name, self.arch, archs, "network")
        if self.weights is None or is_path(self.weights):
            return None
        entries = models.get_model_weights(self.arch)
        if self.weights not in entries.__members__:
            raise unknown_name_error(
                f"{self.name} weights of '{self.arch}'", self.weights, entries.__members__, "Available"
            )
        found: WeightsEnum = entries[self.weights]
        return found
