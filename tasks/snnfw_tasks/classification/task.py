"""The classification task: its options, its embedded network and data, and the doors for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from snnfw import hookimpl, require_sources
from snnfw_tasks.classification.data.cifar import Cifar10, Cifar100
from snnfw_tasks.classification.data.digits import Digits
from snnfw_tasks.classification.data.folders import Folder, ImageNet
from snnfw_tasks.classification.models.digits import DigitsResNet20, DigitsVgg
from snnfw_tasks.networks.imported import CallableModel
from snnfw_tasks.networks.small_images import (
    CifarResNet18Model,
    CifarResNetModel,
    ResNet19Model,
    ResNet20Model,
    Vgg16Model,
)
from snnfw_tasks.networks.timm_zoo import TimmModel
from snnfw_tasks.networks.torchvision_zoo import TorchvisionModel
from snnfw_tasks.samples.labelled import ClassifierData, ClassifierSource
from snnfw_tasks.samples.options import Amounts

if TYPE_CHECKING:
    from snnfw import Bundle, DataSource, ModelSource, Resources, Task


@dataclass(frozen=True, slots=True)
class Classification(Amounts):
    """One label per image."""

    name: ClassVar[str] = "classification"
    default_model: ClassVar[str] = DigitsResNet20.name
    default_data: ClassVar[str] = Digits.name
    model_source: ClassVar[type] = ClassifierSource
    data_source: ClassVar[type] = ClassifierData
    trains: ClassVar[bool] = True
    without_data: ClassVar[int] = 1000

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the network on ``resources.device``, checked batches on the CPU and the accuracy scorer."""
        from snnfw_tasks.classification.pictures import LOOK
        from snnfw_tasks.samples.classifier import make_bundle

        require_sources(self, model, data)
        return make_bundle(self, self.name, model, data, resources, LOOK)


@hookimpl
def snnfw_register_tasks() -> tuple[type[Task], ...]:
    """Offer the task."""
    return (Classification,)


@hookimpl
def snnfw_register_models() -> tuple[type[ModelSource], ...]:
    """Offer the embedded networks, architectures for small images, and the ways to bring another network."""
    small = (CifarResNetModel, CifarResNet18Model, ResNet19Model, ResNet20Model, Vgg16Model)
    return (DigitsResNet20, DigitsVgg, *small, TorchvisionModel, TimmModel, CallableModel)


@hookimpl
def snnfw_register_data() -> tuple[type[DataSource], ...]:
    """Offer the embedded digits and the data sets read from disk."""
    return (Digits, Cifar10, Cifar100, ImageNet, Folder)
