"""The text task: its options, its embedded networks and sentences, and the doors for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from snnfw import hookimpl, require_sources
from snnfw_tasks.text.data.folders import TextFolders
from snnfw_tasks.text.data.imdb import Imdb
from snnfw_tasks.text.data.sentences import Sentences
from snnfw_tasks.text.data.tables import TextTables
from snnfw_tasks.text.models.text import LstmModel, SentencesLstm, SentencesTransformer, TransformerModel
from snnfw_tasks.text.options import TextAmounts
from snnfw_tasks.text.sources import TextData, TextNetwork, Wanted

if TYPE_CHECKING:
    from snnfw import Bundle, DataSource, ModelSource, Resources, Task


@dataclass(frozen=True, slots=True)
class TextTask(TextAmounts):
    """One label per text."""

    name: ClassVar[str] = "text"
    default_model: ClassVar[str] = SentencesLstm.name
    default_data: ClassVar[str] = Sentences.name
    defaults: ClassVar[Mapping[str, Any]] = {"timesteps": 16, "search": None, "exit": None}
    model_source: ClassVar[type] = TextNetwork
    data_source: ClassVar[type] = TextData
    trains: ClassVar[bool] = True
    without_data: ClassVar[Wanted] = Wanted(2, 20_000, list)

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return the network on ``resources.device``, checked batches on the CPU and the scorer."""
        from snnfw_tasks.text.bundle import make_bundle

        require_sources(self, model, data)
        return make_bundle(self, model, data, resources)


@hookimpl
def snnfw_register_tasks() -> tuple[type[Task], ...]:
    """Offer the task."""
    return (TextTask,)


@hookimpl
def snnfw_register_models() -> tuple[type[ModelSource], ...]:
    """Offer the embedded networks, and those of any size."""
    return (SentencesLstm, SentencesTransformer, LstmModel, TransformerModel)


@hookimpl
def snnfw_register_data() -> tuple[type[DataSource], ...]:
    """Offer the embedded sentences and the data sets read from disk."""
    return (Sentences, Imdb, TextFolders, TextTables)
