"""Write a model's programs as torch.export's own files, and run them from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from snnfw.exports.exported import begin_name
from snnfw.exports.loop import Run
from snnfw.exports.programs import Programs
from snnfw.exports.tracing import trace_programs
from snnfw.values import Inputs


def write_torch(programs: Programs, inputs: Inputs, path: Path) -> None:
    """Write begin and step beside each other."""
    begin, step = trace_programs(programs, inputs)
    for program, file in ((begin, path.with_name(begin_name(path))), (step, path)):
        torch.export.save(program, file)


def read_torch(programs: Programs, path: Path) -> tuple[Run, Run]:
    """Return begin and step as they run when loaded again."""
    del programs
    begin, step = (_load(file) for file in (path.with_name(begin_name(path)), path))
    return lambda given: begin(*given), lambda given: step(*given)


def _load(file: Path) -> Any:
    loaded: ExportedProgram = torch.export.load(file)
    return loaded.module()
