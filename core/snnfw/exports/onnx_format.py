"""Write a model's programs as ONNX, and run them in onnxruntime."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from snnfw.errors import SnnfwError
from snnfw.exports.exported import begin_name
from snnfw.exports.loop import Run
from snnfw.exports.packages import require_packages
from snnfw.exports.programs import Programs
from snnfw.exports.tracing import trace_programs, translate
from snnfw.values import Inputs

LIMIT = 2**31
"""Bytes that an ONNX file holds at most."""


def write_onnx(programs: Programs, inputs: Inputs, path: Path) -> None:
    """Write begin and step beside each other."""
    require_packages("onnx", "onnx", "onnxscript", "onnxruntime")
    begin, step = trace_programs(programs, inputs)
    _write(programs, begin, (programs.names_of_inputs, programs.names_begun), path.with_name(begin_name(path)))
    _write(programs, step, (programs.names_given, programs.names_returned), path)


def read_onnx(programs: Programs, path: Path) -> tuple[Run, Run]:
    """Return begin and step as onnxruntime runs them."""
    names = programs.names_of_inputs
    begin = _session(path.with_name(begin_name(path)))
    step = _session(path)
    return lambda given: _call(begin, names, given), lambda given: _call(step, programs.names_given, given)


def _write(programs: Programs, traced: ExportedProgram, names: tuple[list[str], list[str]], file: Path) -> None:
    size = sum(value.numel() * value.element_size() for value in traced.state_dict.values())
    if size >= LIMIT:
        raise SnnfwError(f"the weights take {size / 2**30:.1f} GiB and an ONNX file holds 2: use format=torch.")

    def export(program: ExportedProgram, given: Sequence[str] = (), returned: Sequence[str] = ()) -> Any:
        with _quiet():
            return torch.onnx.export(
                program, dynamo=True, input_names=list(given), output_names=list(returned), verbose=False
            )

    alone = {id(traced): names}
    made = translate(programs, traced, "ONNX", lambda program: export(program, *alone.get(id(program), ())))
    made.save(file, external_data=False)


def _session(file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise SnnfwError(
            f"onnxruntime cannot run the exported network ({reason}): if that is a matter of 64 bits, export it in 32, "
            "model.float(); or use format=torch."
        ) from error


def _call(session: Any, names: Sequence[str], given: Sequence[Tensor]) -> list[Tensor]:
    known = {each.name for each in session.get_inputs()}
    fed = {name: value.cpu().numpy() for name, value in zip(names, given, strict=True) if name in known}
    return [torch.from_numpy(value) for value in session.run(None, fed)]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter says of its own passes from the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
