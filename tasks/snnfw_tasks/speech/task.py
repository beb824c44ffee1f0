"""The speech task: its options, its embedded words and network, and the doors for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from snnfw import hookimpl, require_sources
from snnfw_tasks.samples.labelled import ClassifierData, ClassifierSource
from snnfw_tasks.samples.options import Amounts
from snnfw_tasks.speech.data.folders import Waves
from snnfw_tasks.speech.data.speech_commands import SpeechCommands
from snnfw_tasks.speech.data.words import SpokenWords
from snnfw_tasks.speech.models.m5 import M5Model, M5Words

if TYPE_CHECKING:
    from snnfw import Bundle, DataSource, ModelSource, Resources, Task


@dataclass(frozen=True, slots=True)
class Speech(Amounts):
    """One label per spoken word."""

    name: ClassVar[str] = "speech"
    default_model: ClassVar[str] = M5Words.name
    default_data: ClassVar[str] = SpokenWords.name
    defaults: ClassVar[Mapping[str, Any]] = {"timesteps": 8, "search": None, "exit": None}
    model_source: ClassVar[type] = ClassifierSource
    data_source: ClassVar[type] = ClassifierData
    trains: ClassVar[bool] = True
    without_data: ClassVar[int] = 35

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the network on ``resources.device``, checked batches on the CPU and the accuracy scorer."""
        from snnfw_tasks.samples.classifier import make_bundle
        from snnfw_tasks.speech.pictures import LOOK

        require_sources(self, model, data)
        return make_bundle(self, self.name, model, data, resources, LOOK)


@hookimpl
def snnfw_register_tasks() -> tuple[type[Task], ...]:
    """Offer the task."""
    return (Speech,)


@hookimpl
def snnfw_register_models() -> tuple[type[ModelSource], ...]:
    """Offer the embedded network, and M5 in any width."""
    return (M5Words, M5Model)


@hookimpl
def snnfw_register_data() -> tuple[type[DataSource], ...]:
    """Offer the embedded words and the data sets read from disk."""
    return (SpokenWords, SpeechCommands, Waves)
