"""Choose what runs the neurons' time loop: a backend that this machine has, and why it is that one."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass

from snnfw.errors import SnnfwError
from snnfw.kernels.compiler import CompilerMissing, find_compiler, load

LOG = logging.getLogger("snnfw")

PROBE = "int run(void) { int n = 0;\n#pragma omp parallel for reduction(+:n)\nfor (int i = 0; i < 4; i++) n++;\nreturn n; }\n"


@dataclass(frozen=True, slots=True)
class Backend:
    """A chosen backend: ``reference``, ``native`` or ``cupy``.

    ``reason`` says in a few words why; ``automatic`` is true where the user left the choice, so that what turns out
    not to work may be replaced by the reference.
    """

    name: str
    reason: str
    automatic: bool


@functools.cache
def choose(wanted: str, device: str) -> Backend:
    """Return the backend for a wish (``auto``, ``reference``, ``native``, ``cupy``) on a device; logged once.

    Raises:
        SnnfwError: a backend was asked for by name and cannot run here; the message names the cure.
    """
    kind = device.partition(":")[0]
    if wanted == "auto":
        chosen = _automatic(kind)
        LOG.info("snnfw: neurons run on backend %s (%s)", chosen.name, chosen.reason)
        return chosen
    if wanted != "reference":
        fitting = "native" if kind == "cpu" else "cupy"
        if wanted != fitting:
            raise SnnfwError(
                f"backend={wanted} does not run on device={device}: choose backend={fitting}, or auto, which does."
            )
        (_check_native if wanted == "native" else _check_cupy)()
    return Backend(wanted, "as asked", automatic=False)


def _automatic(kind: str) -> Backend:
    name, check = ("native", _check_native) if kind == "cpu" else ("cupy", _check_cupy)
    try:
        reason = check()
    except SnnfwError as error:
        return Backend("reference", str(error), automatic=True)
    return Backend(name, reason, automatic=True)


def _check_native() -> str:
    """Compile and run a few lines, so that a compiler without OpenMP or a torch without its runtime is found here."""
    try:
        count = load(PROBE).run()
    except OSError as error:
        raise CompilerMissing(f"what the C compiler makes does not load: {error}. Choose backend=reference.") from error
    if count != 4:
        raise CompilerMissing("what the C compiler makes computes wrong numbers: choose backend=reference.")
    return f"compiled by {find_compiler()[1]}"


def _check_cupy() -> str:
    try:
        import cupy

        device = cupy.cuda.runtime.getDeviceCount()
    except ImportError as error:
        raise SnnfwError(
            f"backend=cupy needs CuPy ({error}): pip install 'snnfw[cuda]' for CUDA 12, 'snnfw[cuda13]' for CUDA 13."
        ) from error
    except Exception as error:  # CuPy's own errors, for a CUDA version that is not this driver's
        raise SnnfwError(
            f"CuPy does not find a GPU ({error}): install the extra that fits the driver, snnfw[cuda] or snnfw[cuda13]."
        ) from error
    return f"CuPy {cupy.__version__}, {device} GPU" + ("s" if device != 1 else "")
