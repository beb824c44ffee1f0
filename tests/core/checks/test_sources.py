"""What is wrong with a model, a data set or a task is found, and said in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from snnfw.checks.faults import NotTriedError
from snnfw.checks.named import Verdict, check_named
from snnfw.checks.sources import check_data, check_model
from snnfw.checks.tasks import check_task
from snnfw.checks.toy import Accuracy
from snnfw.contracts import obtain, require_sources
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry
from snnfw.values import Batch, Bundle, Data, Gallery, Judgement, Resources

COUNTER = iter(range(1000))


class Drifting(nn.Linear):
    """Count its calls in a buffer."""

    def __init__(self) -> None:
        super().__init__(3, 2)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.get_buffer("calls").add_(1)
        return super().forward(x)


class Noisy(nn.Linear):
    """Add noise."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + torch.rand(())


def broken() -> nn.Module:
    made = nn.Linear(3, 2)
    made.weight.data.fill_(torch.nan)
    return made


def unseeded() -> nn.Module:
    torch.manual_seed(next(COUNTER))
    return nn.Linear(3, 2)


NETWORKS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "sound": (lambda: nn.Linear(3, 2), []),
    "junk": (lambda: 3, ["its network is an int: it must be a torch.nn.Module."]),
    "in training": (lambda: nn.Linear(3, 2), ["its network is in training mode."]),
    "NaN": (broken, ["the network's output holds NaN or infinite values."]),
    "random output": (lambda: Noisy(3, 2), ["called again with the same samples the network gives another output."]),
    "a buffer that changes": (Drifting, ["a call of the network changes its weights or buffers."]),
    "unseeded": (
        unseeded,
        ["built again under the same seed the network has other weights: draw them with resources.seed."],
    ),
    "another shape": (lambda: nn.Linear(4, 2), ["running it fails: RuntimeError"]),
}


@dataclass(frozen=True)
class Net:
    """A network by the name of its fault."""

    name: ClassVar[str] = "net"
    tasks: ClassVar[tuple[str, ...]] = ("rows",)
    how: str = "sound"

    def build(self, classes: int, resources: Resources, /) -> Any:
        if self.how == "raising":
            raise RuntimeError("no way")
        if self.how == "absent":
            raise SnnfwError("model.weights=mine.pth does not work: there is no such file.")
        return NETWORKS[self.how][0]()


class Fresh:
    """Draw other samples whenever it is gone through."""

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Tensor]:
        yield torch.rand(8, 3)


def rows(seed: int, count: int = 40) -> list[Tensor]:
    return list(torch.randn(count, 3, generator=torch.Generator().manual_seed(seed)).split(8))


DATA: dict[str, tuple[Callable[[], tuple[Any, Any]], list[str]]] = {
    "sound": (lambda: (rows(0), rows(1, 24)), []),
    "shared samples": (
        lambda: (rows(0), rows(0)[:1] + rows(1)[:2]),
        ["8 of 24 samples to evaluate on are also among those to calibrate with."],
    ),
    "another order": (
        lambda: (rows(0), Fresh()),
        ["gone through again it gives other samples, or gives them in another order."],
    ),
    "no limit": (lambda: (rows(0), rows(1)), ["the task asks for 24 samples to evaluate on, and it gives 40."]),
    "nothing to evaluate on": (lambda: (rows(0), []), ["its evaluation split holds no sample."]),
}


@dataclass(frozen=True)
class Rows:
    """Rows of numbers by the name of their fault."""

    name: ClassVar[str] = "rows"
    tasks: ClassVar[tuple[str, ...]] = ("rows",)
    how: str = "sound"

    def open(self) -> Any:
        return DATA[self.how][0]()


class Labelled:
    """Batches with labels, gone through as they are."""

    def __init__(self, batches: Any) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return (Batch((tensor,), (tensor[:, 0] > 0).long()) for tensor in self.batches)


class Counting(Accuracy):
    """Go on from where the last scorer was."""

    seen: ClassVar[list[int]] = []

    def compute(self) -> dict[str, float]:
        self.seen.append(1)
        return {"accuracy": float(len(self.seen))}


class Forgetful(Accuracy):
    """Merge nothing."""

    def merge(self, state: Mapping[str, Tensor]) -> None:
        pass


CHANGES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "sound": ({}, []),
    "a headline that is not computed": (
        {"headline": "IoU"},
        ["its headline is 'IoU', which its scorer does not compute: accuracy."],
    ),
    "scorers that share": (
        {"scorer": Counting},
        ["a second scorer gives other scores for the same batch: each must start from nothing."],
    ),
    "a scorer that merges nothing": (
        {"scorer": Forgetful},
        ["a scorer that merges another one's state computes other scores than that one."],
    ),
    "one number for all": (
        {"correct": lambda output, target: torch.ones(())},
        ["its correct gives no number for each of the 8 samples."],
    ),
    "a distance to itself": (
        {"distance": lambda of, to: torch.ones(len(of))},
        ["its distance of an output to itself is not 0."],
    ),
    "flat logits": (
        {"logits": lambda output: output.flatten()},
        ["its logits have the shape [16]: they must be [N, K, ...]."],
    ),
    "one example": ({"example": (torch.rand(1, 3),)}, ["its example holds 1 sample: give at least 2."]),
    "a description with a tensor": ({"description": {"mean": torch.ones(1)}}, ["its description is not plain data"]),
    "no batch to look at": (
        {"gallery": Gallery(lambda: 3, lambda view: [])},  # type: ignore[arg-type, return-value]  # that is the point
        ["its gallery shows an int: it must be a snnfw.Batch."],
    ),
    "targets that cannot be picked": (
        {"target_of": lambda target, keep: None},
        ["scoring what the network says fails: AttributeError"],
    ),
}


def evaluating(network: Any, model: Any) -> Any:
    return network.eval() if isinstance(network, nn.Module) and model.how != "in training" else network


@dataclass(frozen=True)
class Task:
    """Tell the sign of a row's first number."""

    name: ClassVar[str] = "rows"
    default_model: ClassVar[str] = "net"
    default_data: ClassVar[str] = "rows"
    how: str = "sound"
    limit: int | None = None

    def load(self, model: Any, data: Any, resources: Resources) -> Any:
        if self.how == "junk":
            return model
        if self.how == "picky":
            obtain(nn.Linear, self.name, data, "open")
        require_sources(self, model, data)
        calibration, evaluation = obtain(tuple, self.name, data, "open")
        made = Bundle(
            model=evaluating(obtain(object, self.name, model, "build", 2, resources), model),
            example=(calibration[0][:2],),
            data=Data(calibration=[(tensor,) for tensor in calibration], evaluation=Labelled(evaluation)),
            judgement=Judgement(scorer=Accuracy, headline="accuracy"),
        )
        changes = CHANGES[self.how][0]
        judgement = {name: value for name, value in changes.items() if hasattr(made.judgement, name)}
        rest = {name: value for name, value in changes.items() if name not in judgement}
        return replace(made, judgement=replace(made.judgement, **judgement), **rest)


def begins(found: list[str], wanted: list[str]) -> bool:
    return len(found) == len(wanted) and all(map(str.startswith, found, wanted))


@pytest.mark.parametrize("fault", NETWORKS)
def test_what_a_model_does_wrong_is_said(fault: str) -> None:
    found = check_model(Net(fault), Task(), Rows())
    assert begins(found, NETWORKS[fault][1]), found


@pytest.mark.parametrize("fault", DATA)
def test_what_a_data_set_does_wrong_is_said(fault: str) -> None:
    assert check_data(Rows(fault), Task(limit=99), Net()) == DATA[fault][1]


@pytest.mark.parametrize("fault", CHANGES)
def test_what_a_task_does_wrong_is_said(fault: str) -> None:
    found = check_task(Task(fault), Net(), Rows())
    assert begins(found, CHANGES[fault][1]), found


def test_a_task_that_brings_junk_is_said() -> None:
    assert check_task(Task("junk"), Net(), Rows()) == ["load() returns a Net: it must return a snnfw.Bundle."]


def test_what_cannot_be_loaded_by_its_own_fault_is_said() -> None:
    assert check_model(Net("raising"), Task(), Rows()) == ["loading it fails: RuntimeError: no way."]
    assert check_data(Rows(), Task("picky"), Net()) == [
        "loading it fails: open() of 'rows' returns a tuple, and task 'rows' needs a Linear: see "
        "torch.nn.modules.linear."
    ]
    assert check_task(Task(), Net(), Rows("nothing to evaluate on")) == ["it brings no batch to evaluate on."]


def test_what_is_not_there_is_not_tried() -> None:
    with pytest.raises(NotTriedError, match=r"^model\.weights=mine\.pth does not work: there is no such file\.$"):
        check_model(Net("absent"), Task(), Rows())


def registry() -> Registry:
    plugin = SimpleNamespace(
        __name__="mine",
        snnfw_register_tasks=hookimpl(lambda: [Task]),
        snnfw_register_models=hookimpl(lambda: [Net]),
        snnfw_register_data=hookimpl(lambda: [Rows]),
    )
    found = Registry(plugins=[plugin], entry_points=False)
    assert not found.quarantined
    return found


@pytest.mark.parametrize(
    ("kind", "name", "words", "lines"),
    [
        ("models", "net", [], ["model net (task rows): ok"]),
        ("data", "rows", ["data.how=sound"], ["data set rows (task rows): ok"]),
        ("tasks", "rows", [], ["task rows: ok"]),
        (
            "models",
            "net",
            ["model.how=absent"],
            ["model net (task rows): not tried: model.weights=mine.pth does not work: there is no such file."],
        ),
        (
            "models",
            "net",
            ["model.how=junk"],
            ["model net (task rows): its network is an int: it must be a torch.nn.Module."],
        ),
        (
            "models",
            "net",
            ["model.depth=3"],
            ["model net (task rows): not tried: model 'net' has no parameter 'depth'. Its parameters: how."],
        ),
        (
            "models",
            "net",
            ["task=columns"],
            [
                "model net (task columns): not tried: no task named 'columns'. Registered: rows. One of your own comes with load=[FILE.py]."
            ],
        ),
    ],
)
def test_words_say_what_is_tried_with_what(kind: str, name: str, words: list[str], lines: list[str]) -> None:
    assert [line for verdict in check_named(registry(), kind, name, words) for line in verdict.lines] == lines


def test_only_what_was_tried_and_is_in_order_has_passed() -> None:
    assert Verdict("model net").passed
    assert not Verdict("model net", untried="no file.").passed
    assert not Verdict("model net", ("a fault.",)).passed
