"""One key for every search: whatever changes the answer makes another one, and what changes nothing keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from backends import needs_native
from networks import ConvNet, captured, noise
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.search import keys
from snnfw.search.keys import Keys
from snnfw.search.trials import Trials
from snnfw.simulate.accuracy import Accuracy
from snnfw.store import sources
from snnfw.values import Batch, Data, Judgement, Keep, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration

X = noise(4, 3, 8, 8)
BATCHES = [Batch((X,), torch.arange(4))]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return captured(ConvNet, X)


def trials_of(graph: Graph, **changes: Any) -> Trials:
    """Return trials, those fields of the bundle or of the resources changed that are named."""
    data = Data(calibration=[(X,)], evaluation=BATCHES, tuning=BATCHES)
    judgement = Judgement(scorer=partial(Accuracy, 5), headline="accuracy", logits=as_it_is)
    of_data = {name: value for name, value in changes.items() if hasattr(data, name)}
    of_judgement = {name: value for name, value in changes.items() if hasattr(judgement, name)}
    rest = {name: value for name, value in changes.items() if name not in (*of_data, *of_judgement)}
    changed = replace(data, **of_data), replace(judgement, **of_judgement)
    return Trials(graph, *changed, Direct(), 4, Horowitz(), replace(Resources(), **rest))


def as_it_is(output: Any) -> Tensor:
    return output  # type: ignore[no-any-return]  # a tensor


def another(output: Any) -> Tensor:
    return output * 2  # type: ignore[no-any-return]  # a tensor


def key(trials: Trials) -> str:
    return Keys(trials).of("the test")


CHANGED: dict[str, Callable[[Trials], Trials]] = {
    "calibration data": lambda t: trials_of(t.graph, calibration=[(X + 2.0**-40,)]),
    "its order": lambda t: trials_of(t.graph, calibration=[(X.flip(0),)]),
    "its batches": lambda t: trials_of(t.graph, calibration=[(X[:2],), (X[2:],)]),
    "targets": lambda t: trials_of(t.graph, tuning=[Batch((X,), torch.arange(4) % 2)]),
    "scorer": lambda t: trials_of(t.graph, scorer=partial(Accuracy, 6)),
    "headline": lambda t: trials_of(t.graph, headline="top5"),
    "logits": lambda t: trials_of(t.graph, logits=another),
    "correct": lambda t: trials_of(t.graph, correct=lambda output, target: output.argmax(1) == target),
    "distance": lambda t: trials_of(t.graph, distance=lambda one, other: (one - other).abs().sum(1)),
    "selection of targets": lambda t: trials_of(t.graph, target_of=lambda target, keep: target),
    "data to fit on": lambda t: trials_of(t.graph, fitting=[(X,)]),
    "frames": lambda t: trials_of(t.graph, frames=3),
    "seed": lambda t: trials_of(t.graph, seed=1),
    "memory": lambda t: trials_of(t.graph, memory=2**20),
    "backend": lambda t: trials_of(t.graph, backend="reference"),
    "converter": lambda t: replace(t, converter=Calibration()),
    "converter's option": lambda t: replace(t, converter=Calibration(bias=False)),
    "timesteps": lambda t: replace(t, timesteps=5),
    "energy model": lambda t: replace(t, costs=Horowitz(mac_pj=1.0)),
    "trials": lambda t: type("Others", (Trials,), {"score": lambda self, plan: 1})(*vars_of(t)),
}


def vars_of(trials: Trials) -> list[Any]:
    return [getattr(trials, name) for name in trials.__dataclass_fields__]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs_native) if name == "backend" else name for name in CHANGED]
)
def test_anything_that_changes_the_answer_makes_another_key(graph: Graph, name: str) -> None:
    trials = trials_of(graph)
    assert key(CHANGED[name](trials)) != key(trials)


def test_measurements_are_kept_where_that_is_asked_for_or_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert keys.open_store().folder == tmp_path / "snnfw" / "search"
    assert keys.open_store(tmp_path / "mine").folder == tmp_path / "mine"


def test_every_kind_of_trials_has_a_key_of_its_own(graph: Graph) -> None:
    given, scores = vars_of(trials_of(graph)), (lambda self, plan: 1, lambda self, plan: 2)
    assert len({key(type("Others", (Trials,), {"score": score})(*given)) for score in scores}) == 2


def test_a_weight_makes_another_key(graph: Graph) -> None:
    other = captured(ConvNet, X)
    before = key(trials_of(other))
    assert before == key(trials_of(graph))
    with torch.no_grad():
        next(iter(other.module.state_dict().values())).add_(2.0**-40)
    assert key(trials_of(other)) != before


def test_nothing_but_how_progress_is_shown_keeps_the_key(graph: Graph) -> None:
    trials = trials_of(graph)
    assert key(trials_of(graph, track=lambda items, description, total=None: items)) == key(trials)


@pytest.mark.parametrize("package", ["snnfw", "snnfw_plugins"])
def test_the_source_of_the_framework_and_of_plugins_makes_another_key(
    graph: Graph, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = replace(trials_of(graph), converter=Calibration())
    before, real = key(trials), sources.files_of
    (tmp_path / "more.py").write_text("")

    def with_one_more(top: str) -> list[tuple[str, Path]]:
        more = [("more", tmp_path / "more.py")] if top == package else []
        return [*real(top), *more]

    monkeypatch.setattr(sources, "files_of", with_one_more)
    assert key(trials) != before


@pytest.mark.parametrize("library", ["snnfw", "torch", "spikingjelly"])
def test_a_version_makes_another_key(graph: Graph, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(trials_of(graph))
    monkeypatch.setattr(keys, "version", lambda name: "9" if name == library else "1")
    one = key(trials_of(graph))
    monkeypatch.setattr(keys, "version", lambda name: "8" if name == library else "1")
    assert len({before, one, key(trials_of(graph))}) == 3


def test_an_operator_written_in_python_makes_another_key() -> None:
    def graph_of(sign: int) -> Graph:
        @torch.library.custom_op("test_keys::signed", mutates_args=())
        def signed(x: Tensor) -> Tensor:
            return x * sign

        @signed.register_fake
        def _(x: Tensor) -> Tensor:
            return torch.empty_like(x)

        class Net(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return torch.relu(signed(x))

        graphs.append(signed)  # torch forgets operators that nobody holds
        return capture(Net().eval(), (torch.ones(2, 3),))

    graphs: list[Any] = []
    one, other = (key(trials_of(graph_of(sign))) for sign in (1, 2))
    assert one != other


@dataclass(frozen=True, slots=True)
class Odd(AdaFire):
    extra: object = None


def test_a_plan_is_told_by_its_neurons(graph: Graph) -> None:
    made = Keys(trials_of(graph))
    rules = [(Rule("*", AdaFire(phi=2)),), (Rule("*", AdaFire(phi=3)),), (Rule("*", Keep()),)]
    found = [made.plan(place(graph, rule, temporal)) for rule in rules for temporal in (False, True)]
    assert len(set(found)) == 6
    assert made.plan(place(graph, rules[0])) == found[0]


def test_what_has_no_key_is_an_error_that_names_it(graph: Graph) -> None:
    with pytest.raises(SnnfwError) as caught:
        Keys(trials_of(graph, correct=partial(as_it_is, object())))
    assert str(caught.value) == (
        "the search cannot tell how the task reads outputs from others (a object has no fields to tell it by), and might "
        "take what it measured before for what it has to measure now: let it hold plain data, functions and objects with "
        "fields alone."
    )
    with pytest.raises(SnnfwError, match=r"cannot tell the neuron at 'relu' from others"):
        Keys(trials_of(graph)).plan(place(graph, (Rule("*", Odd(extra=object())),)))
