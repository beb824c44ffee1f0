"""The most promising third goes on, whoever reports first; what cannot save anything never does."""

from __future__ import annotations

import itertools
import math
import sys

import pytest

from snnfw.errors import SnnfwError
from snnfw.tuning.halving import FACTOR, LEAST, Study, import_optuna, promise, rungs
from snnfw.tuning.values import Candidate, Evidence, Finding


@pytest.mark.parametrize("samples", [10, 48, 49, 432, 433, 5000])
def test_rungs_grow_and_end_with_all(samples: int) -> None:
    found = rungs(samples, 48)
    assert found[-1] == samples
    assert all(b == a * FACTOR**2 for a, b in itertools.pairwise(found[:-1]))
    assert list(found) == sorted(set(found))


@pytest.mark.parametrize("count", [1, 2, 5, 9, 10])
def test_the_most_promising_third_goes_on_in_any_order(count: int) -> None:
    promises = {f"method {n}": (n * 7 % count + 1) / 10 for n in range(count)}
    wanted = set(sorted(promises, key=lambda name: -promises[name])[: max(LEAST, math.ceil(count / FACTOR))])
    for order in (list(promises), list(reversed(promises))):
        kept = Study(order).narrow({name: promises[name] for name in order}, 48)
        assert set(kept) == wanted


def test_a_second_rung_is_judged_by_itself() -> None:
    study = Study(list("abcdefghi"))
    kept = study.narrow({name: 1 + n / 10 for n, name in enumerate("abcdefghi")}, 10)
    assert kept == ["g", "h", "i"]
    assert study.narrow({"g": 3.0, "h": 2.0, "i": 1.0}, 90) == ["g", "h"]


def test_what_promises_nothing_does_not_go_on() -> None:
    assert Study(["a", "b"]).narrow({"a": 0.0, "b": 0.1}, 10) == ["b"]


def finding(energy: float, sure: float) -> Finding:
    seen = Evidence(10, 1.0, 1.0, energy, 5.0, 2.0, (0.0,), True)
    return Finding(Candidate("a", "a", None), seen, sure)  # type: ignore[arg-type]  # nothing is configured here


def test_a_promise_is_the_saving_that_can_be_expected() -> None:
    assert promise(finding(3.0, 0.5), "energy", 4.0) == pytest.approx(0.5 * 0.25)
    assert promise(finding(4.0, 1.0), "energy", 4.0) == 0
    assert promise(finding(5.0, 1.0), "energy", 4.0) == 0
    assert promise(finding(5.0, 0.8), "timesteps", 4.0) == pytest.approx(0.8 * 0.5)
    failed = Finding(Candidate("a", "a", None), None, error="no")  # type: ignore[arg-type]
    assert promise(failed, "energy", 4.0) == 0


def test_without_optuna_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SnnfwError, match=r"pip install snnfw\[search\]"):
        import_optuna()
