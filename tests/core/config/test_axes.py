"""Words with several values are axes, lists are one value, and what cannot vary is refused."""

from __future__ import annotations

import pytest

from snnfw.config.axes import job_name, read_axes, split_values
from snnfw.errors import SnnfwError
from snnfw.registry import Registry

REGISTRY = Registry()


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("a, b", ["a", "b"]),
        ("[1,2]", ["[1,2]"]),
        ("[1,2],[1,[2,3]]", ["[1,2]", "[1,[2,3]]"]),
        ("{name: a, x: 1},b", ["{name: a, x: 1}", "b"]),
        ("'a,b',\"c,d\"", ["'a,b'", '"c,d"']),
        ("f(a,b)", ["f(a,b)"]),
        ("a,", ["a", ""]),
        ("a],b", ["a]", "b"]),
    ],
)
def test_values_are_split_outside_brackets_and_quotes(written: str, parts: list[str]) -> None:
    assert split_values(written) == parts


@pytest.mark.parametrize(
    ("words", "axes", "shared"),
    [
        (
            ["task=classification", "plugin=adafire,signed", "timesteps=1,2,4"],
            {"plugin": ("adafire", "signed"), "timesteps": ("1", "2", "4")},
            ("task=classification",),
        ),
        (["neuron=adafire", "neuron.phi=1,2"], {"neuron.phi": ("1", "2")}, ("neuron=adafire",)),
        (["plugin=a,b", "checkpoints=1,2,4"], {"plugin": ("a", "b")}, ("checkpoints=[1,2,4]",)),
        (["checkpoints=[1,2],[1,4]"], {"checkpoints": ("[1,2]", "[1,4]")}, ()),
        (["plugin=a,b", "load=./a.py,./b.py"], {"plugin": ("a", "b")}, ("load=[./a.py,./b.py]",)),
        (["exit=entropy,confidence", "seed=0,1"], {"exit": ("entropy", "confidence"), "seed": ("0", "1")}, ()),
        (["seed=0,1", "model=m5", "model.widths=8,8"], {"seed": ("0", "1")}, ("model=m5", "model.widths=[8,8]")),
        (["seed=0,1", "timesteps=1,2", "seed=3"], {"timesteps": ("1", "2")}, ("seed=3",)),
        (["seed=3", "seed=0,1"], {"seed": ("0", "1")}, ()),
    ],
)
def test_axes_are_the_keys_with_several_values(
    words: list[str], axes: dict[str, tuple[str, ...]], shared: tuple[str, ...]
) -> None:
    found = read_axes(words, REGISTRY)
    assert (dict(found.values), found.shared) == (axes, shared)


def test_combinations_are_all_of_them_the_last_axis_first() -> None:
    axes = read_axes(["plugin=a,b", "seed=0,1"], REGISTRY)
    assert [tuple(each.values()) for each in axes.combinations()] == [("a", "0"), ("a", "1"), ("b", "0"), ("b", "1")]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["plugin=a"], "nothing varies: give a key several values, like plugin=adafire,signed or timesteps=1,2,4;"),
        (["plugin=a,", "seed=1"], "plugin=a, has an empty value: leave a comma out, or write null for none."),
        (["seed=1,2,1"], "seed=1,2,1 has 1 twice: give each value once."),
        (["launcher=ray,local"], "launcher=ray,local names several, and a sweep has one launcher for all of its runs:"),
        (["launcher.workers=1,2"], "launcher.workers=1,2 names several, and a sweep has one launcher.workers for all"),
        (["out=a,b"], "out=a,b names several, and a sweep has one out for all of its runs: give one."),
    ],
)
def test_what_cannot_vary_is_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        read_axes(words, REGISTRY)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"plugin": "adafire", "timesteps": "4"}, "adafire_timesteps=4"),
        ({"model": "torchvision/resnet18"}, "torchvision-resnet18"),
        ({"experiment": "../a b.yaml"}, "experiment=..-a-b.yaml"),
        ({"plugin": ".."}, "job"),
        ({"exit": "{name: entropy, threshold: 0.5}"}, "name--entropy--threshold--0.5"),
        ({"model": "x" * 200}, "x" * 80),
    ],
)
def test_a_job_is_called_after_its_values(values: dict[str, str], name: str) -> None:
    assert job_name(values) == name
