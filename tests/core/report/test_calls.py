from __future__ import annotations

from snnfw.report.calls import MANY, group_calls, merge_layers, merge_operators
from snnfw.report.report import Layer, Operator


def layer(site: str, rate: float = 1.0, activation: str = "sigmoid", neurons: int = 2) -> Layer:
    return Layer(site, activation, "if", "if", {}, "*", neurons, rate * neurons, rate, 1, rate * neurons, 0.5)


def operator(path: str, macs: int = 8, node: str = "linear", energy: float = 1.0) -> Operator:
    return Operator(node, "linear", path, "linear", macs, True, False, 3.0, energy, 0.5, 0.25)


def test_few_calls_stay_alone_and_many_share_a_line_at_the_place_of_the_first() -> None:
    few = [layer("relu"), layer("relu#2"), layer("out")]
    assert merge_layers(few) == few
    calls = [layer("gate" if not call else f"gate#{call + 1}", call) for call in range(MANY + 1)]
    first, merged, last = merge_layers([layer("in"), *calls, layer("out")])
    assert (first.site, last.site) == ("in", "out")
    assert (merged.site, merged.neurons, merged.spikes, merged.rate) == (f"gate, {MANY + 1} calls", 10, 20.0, 2.0)
    assert (merged.bits, merged.energy) == (20.0, 2.5)


def test_calls_that_differ_in_what_is_told_of_them_do_not_share_a_line() -> None:
    calls = [layer(f"gate#{call}", activation="tanh" if call % 2 else "sigmoid") for call in range(2 * MANY)]
    assert merge_layers(calls) == calls


def test_operators_of_a_module_that_cost_the_same_share_a_line() -> None:
    (merged,) = merge_operators([operator("lstm.l0", node=f"linear_{number}") for number in range(MANY + 2)])
    assert (merged.path, merged.macs, merged.accumulations, merged.energy) == ("lstm.l0, 6 calls", 48, 18.0, 6.0)
    assert (merged.event_rate, merged.break_even_rate) == (0.5, 0.25)
    top = [operator("", node=f"linear_{number}") for number in range(MANY + 2)]
    assert merge_operators(top) == top


def test_groups_keep_every_item() -> None:
    names = ["a", "b", *(f"a#{call}" for call in range(2, 9)), "b#2"]
    groups = group_calls(names, str, lambda _: None)
    assert groups == [["a", *(f"a#{call}" for call in range(2, 9))], ["b"], ["b#2"]]
