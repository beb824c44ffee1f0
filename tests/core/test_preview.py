from __future__ import annotations

import io
import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from rich.console import Console
from torch import Tensor, nn

import snnfw_plugins.adafire
import toy_plugin
from snnfw import preview
from snnfw.config.sketch import resolve_sketch
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry
from snnfw_tasks.networks.checkpoint import build_seeded

if TYPE_CHECKING:
    from snnfw.values import Resources


class TwoInputs(nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.first, self.words = nn.Linear(4, 8), nn.Embedding(10, 8)
        self.relu, self.last = nn.ReLU(), nn.Linear(8, outputs)

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        out: Tensor = self.last(self.relu(self.first(x) + self.words(words).mean(1)))
        return out


@dataclass(frozen=True)
class Sketched:
    """A network of two inputs."""

    name: ClassVar[str] = "sketched"
    tasks: ClassVar[tuple[str, ...]] = ()

    weights: str | None = None

    def build(self, wanted: Any, resources: Resources) -> nn.Module:
        return build_seeded(lambda: TwoInputs(wanted), resources.seed)


MODELS = SimpleNamespace(__name__="sketches", snnfw_register_models=hookimpl(lambda: [Sketched]))
WORDS = ["model=sketched", "neuron=adafire"]


def planned(*words: str, form: str = "folded") -> str:
    registry = Registry(plugins=[toy_plugin, MODELS, snnfw_plugins.adafire], entry_points=False)
    console = Console(file=io.StringIO(), width=80)
    preview.plan(resolve_sketch([*WORDS, *words], registry), console, form)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]  # the StringIO above


def test_a_network_is_planned_without_data_on_inputs_of_given_shapes() -> None:
    first, *lines = planned("input=4,6:int").split("\n")
    assert first == "sketched with weights drawn at random (seed=0), on an input of 4,6:int; no data was read."
    assert any(line.split() == ["relu", "relu", "adafire"] for line in lines)
    assert "  99.6% become accumulations of events (1 operator)" in lines  # 8 x 1000 of 8032


def test_json_is_all_that_stands_on_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads(planned("input=4,6:int", form="json"))
    assert record["schema"] == 1
    assert record["macs"] == 8032
    assert sum(record["shares"].values()) == pytest.approx(1)
    [site] = [operator for operator in record["operators"] if operator["neuron"]]
    assert (site["module"], site["neuron"], site["rule"]) == ("relu", "adafire", "*")
    assert "drawn at random" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("4", "model 'sketched' fails on input=4: "),
        ("5,6:int", "model 'sketched' fails on input=5,6:int: "),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(shape: str, said: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        planned(f"input={shape}")
    assert str(caught.value).startswith(said)
    assert str(caught.value).endswith("without the batch, as 3x224x224, with a comma between several inputs.")
