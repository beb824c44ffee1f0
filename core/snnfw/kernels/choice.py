"""Choose what runs the neurons' time loop: a backend that this machine has, and why it is that one."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass

from snnfw.errors import SnnfwError
from snnfw.kernels.compiler import CompilerMissing, find_compiler, first_error, load_library

LOG = logging.getLogger("snnfw")

PROBE = """
int run(void) {
    int n = 0;
    #pragma omp parallel for reduction(+:n)
    for (int i = 0; i < 4; i++) n++;
    return n;
}
"""
CUDA_PROBE = 'extern "C" __global__ void run() {}'


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
def choose_backend(wanted: str, device: str) -> Backend:
    """Return the backend for a wish (``auto``, ``reference``, ``native``, ``cupy``) on a device; logged once.

    Raises:
        SnnfwError: a backend was asked for by name and cannot run here; the message names the cure.

    """
    fitting, check = CHECKS.get(device.partition(":")[0], ("reference", None))
    if wanted == "auto":
        chosen = _automatic(fitting, check, device)
        LOG.info("snnfw: neurons run on backend %s (%s)", chosen.name, chosen.reason)
        return chosen
    if wanted not in ("reference", fitting):
        raise SnnfwError(
            f"backend={wanted} does not run on device={device}: choose backend={fitting}, or auto, which does."
        )
    if check and wanted == fitting:
        check(device)
    return Backend(wanted, "as asked", automatic=False)


def _automatic(fitting: str, check: Callable[[str], str] | None, device: str) -> Backend:
    if check is None:
        return Backend("reference", f"there are no kernels for device={device}", automatic=True)
    try:
        return Backend(fitting, check(device), automatic=True)
    except SnnfwError as error:
        return Backend("reference", str(error), automatic=True)


def _check_native(device: str) -> str:
    """Compile and run a few lines, so that a compiler without OpenMP or a torch without its runtime is found here."""
    del device
    if load_library(PROBE).run() != 4:
        raise CompilerMissing("what the C compiler makes computes wrong numbers: choose backend=reference.")
    return f"compiled by {find_compiler()[1]}"


def _check_cupy(device: str) -> str:
    """Compile and load an empty kernel, so that libraries of another CUDA version are found here."""
    try:
        import cupy

        count = cupy.cuda.runtime.getDeviceCount()
        with cupy.cuda.Device(int(device.partition(":")[2] or 0)):
            cupy.RawKernel(CUDA_PROBE, "run").compile()
    except ModuleNotFoundError as error:
        raise SnnfwError(
            f"backend=cupy needs CuPy ({error}): pip install 'snnfw[cuda]' for CUDA 12, 'snnfw[cuda13]' for CUDA 13, "
            "or choose backend=reference."
        ) from error
    except Exception as error:  # whatever CuPy raises where its libraries, the driver and the GPU don't fit together
        raise SnnfwError(
            f"CuPy does not work here ({first_error(str(error))}): install the extra that fits the driver, snnfw[cuda] "
            "or snnfw[cuda13], or choose backend=reference."
        ) from error
    return f"CuPy {cupy.__version__}, {count} GPU" + ("s" if count != 1 else "")


CHECKS: dict[str, tuple[str, Callable[[str], str]]] = {"cpu": ("native", _check_native), "cuda": ("cupy", _check_cupy)}
"""Which backend has kernels for a kind of device, and what tells whether it works here."""
