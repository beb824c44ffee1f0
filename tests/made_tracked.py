"""Something to track: a run whose results are written, and two methods that belong to a comparison."""

from __future__ import annotations

from pathlib import Path

from snnfw.values import Setting, Tracked

POINTS = {1: {"accuracy": 0.25, "energy_mj": 0.5, "IoU/chair": 0.5}, 4: {"accuracy": 0.75, "energy_mj": 2.0}}


def made_tracked(root: Path, name: str = "first") -> Tracked:
    folder = root / name
    (folder / "pictures").mkdir(parents=True)
    (folder / "report.html").write_text("<p>results</p>", encoding="utf-8")
    (folder / "pictures" / "one.png").write_bytes(b"no picture")
    settings: dict[str, Setting] = {
        "task": "classification",
        "neuron.phi": 4,
        "layers.0.match": "*",
        "search": None,
        "save": True,
    }
    tags = {"plugin": "signed", "version.torch": "2.0"}
    return Tracked(name, "run", settings, {"seconds": 0.5}, POINTS, tags, folder=folder)


def made_methods() -> tuple[Tracked, Tracked]:
    good = Tracked("good", "method", {"neuron": "if"}, {}, POINTS, {"method": "good"})
    return good, Tracked("bad/one", "method", {"neuron": "lif"}, {}, {}, {"method": "bad"}, error="it <overflowed>")
