"""Write a spiking model as a graph of NIR, where NIR's words mean what the model does, and refuse it elsewhere."""

from __future__ import annotations

from pathlib import Path

from snnfw.exports.exported import Exported, tell
from snnfw.exports.loop import compare_runs
from snnfw.exports.nir_graph import build_graph
from snnfw.exports.nir_run import run_graph
from snnfw.exports.packages import require_packages
from snnfw.files import replace_file
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs


def export_nir(model: SpikingModel, path: Path, inputs: Inputs) -> Exported:
    """Write a model as NIR once the file, read back and run, gave the model's spikes.

    Raises:
        SnnfwError: something in the network has no word in NIR, or what was written does something else.

    """
    require_packages("nir", "nir")
    import nir

    graph = build_graph(model)
    sites = [site.name for site, _ in model.site_neurons()]
    with replace_file(path) as scratch:
        nir.write(scratch, graph)
        read = nir.read(scratch)
        seen = compare_runs(model, lambda samples: run_graph(read, samples, sites, model), inputs)
    return tell((path,), "nir", len(inputs[0]), model, seen)
