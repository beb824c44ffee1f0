from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snnfw.energy.charges import Energy
from snnfw.report.leaderboard import Entry, Leaderboard, make_standing
from snnfw.report.report import Checkpoint, Layer, Network, Operator, Report


def made_energy(total: float) -> Energy:
    return Energy(total, {"accumulations": total}, 10.0, 0.0, 100.0, 50.0, 100.0, None, 5e-4, 6)


def made_report(count: int = 2, about: Mapping[str, Any] | None = None, **values: Any) -> Report:
    given: dict[str, Any] = {
        "schema": 1,
        "headline": "accuracy",
        "about": {
            "task": "classification",
            "plugin": "adafire",
            "command": "snnfw run task=classification",
            "versions": {"torch": "2.0"},
            "config": {"model": {"name": "digits-vgg"}, "seed": 7},
            **(about or {}),
        },
        "network": Network({"accuracy": 0.9}, 1000, 2e-3, 0.5, 1),
        "checkpoints": tuple(
            Checkpoint(t, float(min(t, 1.5)), 1.0, {"accuracy": 0.8 - 0.1 / t}, made_energy(t * 1e-3), t / 2)
            for t in (1, 2)
        ),
        "layers": tuple(
            Layer(f"act{i}", "relu", "adafire", "adafire(phi=2)", {}, "*", 100, 30.0, 0.15, 2, 60.0, 0.0)
            for i in range(count)
        ),
        "operators": tuple(
            Operator(
                f"conv_{i}",
                "conv2d",
                f"conv{i}",
                "linear",
                500,
                bool(i),
                not i,
                100.0,
                1e-3,
                0.2 if i else None,
                0.1 if i else None,
            )
            for i in range(count)
        ),
        "uncharged": (),
        "spiking_share": 0.9,
        "multiplied_share": 0.25,
        "energy_model": "horowitz",
        "event_rate": 0.2,
        "break_even_rate": 0.1,
        "exits": {},
        "samples": 10,
        "seconds": 1.0,
        "chunk": 2,
        "search": None,
        "exit": None,
        "pictures": {},
    }
    return Report(**{**given, **values})


def made_board() -> Leaderboard:
    """Return a leaderboard of two methods, one of which failed at its second timestep."""
    report = made_report()
    standings = tuple(make_standing(point, None) for point in report.checkpoints)
    told = ("* (relu): adafire",)
    good = Entry("good", "adafire", told, "direct", None, None, 10, standings, None)
    bad = Entry("bad", None, told, "direct", None, None, 10, standings[:1], "it overflowed")
    return Leaderboard(1, "accuracy", {"task": "classification"}, (1, 2), False, report.network, (good, bad))
