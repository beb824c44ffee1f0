"""The command line: ``python -m benchmarks neurons network ... gpu zoo real``, from the repository's root."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

import torch
import torchvision
from rich.console import Console

from benchmarks import (
    capturing,
    conversions,
    converting,
    exits,
    gpu,
    gpu_tests,
    large,
    memory,
    network,
    neurons,
    overhead,
    real,
    scaling,
    search,
    spreading,
    storing,
    sureness,
    training,
    training_network,
    zoo,
)
from benchmarks.machine import ALLOCATOR, describe, tuned
from benchmarks.result import Result, Section, save, show
from snnfw.errors import SnnfwError

CPU: Mapping[str, Callable[[], Iterable[Section]]] = {
    "neurons": lambda: neurons.measure(neurons.Settings()),
    "training": lambda: chain(
        training.measure(neurons.Settings()), training_network.measure(training_network.Settings())
    ),
    "network": lambda: network.measure(conversions.Settings()),
    "overhead": overhead.measure,
    "capture": lambda: capturing.measure(capturing.Settings()),
    "store": lambda: storing.measure(capturing.Settings()),
    "memory": memory.measure,
    "large": lambda: large.measure(conversions.Settings(samples=24, pixels=224, timesteps=8)),
    "convert": lambda: chain(
        converting.measure(conversions.Settings(samples=64)),
        converting.measure(
            conversions.Settings(samples=16, pixels=224, network=torchvision.models.mobilenet_v2),
            methods=converting.BOUNDED,
        ),
    ),
    "search": lambda: search.measure(search.Settings()),
    "workers": lambda: spreading.measure(search.Settings()),
    "exits": lambda: exits.measure(exits.Settings()),
    "scaling": lambda: scaling.measure(scaling.Settings()),
    "sureness": lambda: sureness.measure(sureness.Settings()),
}


def main(arguments: list[str]) -> int:
    """Run the benchmarks that are asked for; return the exit status."""
    options = parser().parse_args(arguments)
    if options.allocator == "tuned" and not tuned():  # it reads its settings when a process starts
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *arguments], {**os.environ, **ALLOCATOR})  # noqa: S606  # this very command, again
    if "gpu" in options.names and (reason := _no_gpu(options.install)):
        sys.stderr.write(f"benchmarks: {reason}\n")
        return 2
    torch.set_num_threads(options.threads)
    status = 0
    console = Console(width=None if sys.stdout.isatty() else 140)
    for name in options.names or CPU:
        if name == "zoo":
            zoo.run(options.only, options.out, console, zoo.in_a_process)
            continue
        if name == "real":
            status = max(status, _real(options, console))
            continue
        stem = f"{name}-{options.allocator}" if name in CPU else name
        for result in run(name, " ".join(["python -m benchmarks", *arguments]), options.minutes):
            show(result.sections[-1], console)
            save(result, options.out, stem)
            if name == "scaling" and len(result.sections) > 1:
                (options.out / f"{stem}.svg").write_bytes(scaling.draw(result.sections))
            status = max(status, int(gpu_tests.failed(result.sections[-1])))
    return status


def _real(options: argparse.Namespace, console: Console) -> int:
    """Show the settings, or measure them; return the exit status."""
    if options.list:
        real.show_list(options.embedded, console)
        return 0
    networks, settings = tuple(options.network), tuple(options.setting)
    asked = real.Asked(
        options.root, options.embedded, networks, settings, options.limit, options.calibration, options.threads
    )
    return real.run(asked, options.out, console)


def _no_gpu(install: bool) -> str | None:
    """Return why the gpu benchmark cannot run, having installed what it needs where that is asked for."""
    try:
        if install:
            gpu.install()
    except SnnfwError as error:
        return str(error)
    return gpu.obstacle()


def parser() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    found = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure snnfw; default: all on the CPU.")
    names = [*CPU, "gpu", "zoo", "real"]
    found.add_argument("names", nargs="*", choices=names, metavar="|".join(names))
    found.add_argument("--allocator", choices=["default", "tuned"], default="default", help="glibc's settings")
    found.add_argument("--threads", type=int, default=os.cpu_count())
    found.add_argument("--only", default="*", metavar="PATTERNS", help="globs of the zoo's architectures")
    found.add_argument(
        "--install", action="store_true", help="gpu: let pip install CuPy and pytest where they are missing"
    )
    found.add_argument("--minutes", type=float, default=8.0, help="gpu: begin no new measurement after so many")
    add_options_of_real(found.add_argument_group("real", "networks as published, on the images of a folder"))
    found.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder for .json and .md")
    return found


def add_options_of_real(group: argparse._ArgumentGroup) -> None:
    """Add what real networks are chosen with."""
    group.add_argument("--root", type=Path, metavar="FOLDER", help="the folder, as benchmarks/README.md describes it")
    group.add_argument("--embedded", action="store_true", help="the networks of the embedded tasks instead")
    for name in ("network", "setting"):
        group.add_argument(f"--{name}", action="append", default=[], metavar="GLOB", help="those alone; repeatable")
    group.add_argument("--limit", type=int, metavar="N", help="test on so many samples")
    group.add_argument("--calibration", type=int, metavar="N", help="calibrate with so many samples")
    group.add_argument("--list", action="store_true", help="show networks and settings, and measure nothing")


def run(name: str, command: str, minutes: float) -> Iterator[Result]:
    """Yield one benchmark's result so far, after each of its tables; that of a GPU within so many minutes."""
    result = Result(name, command, describe("cuda" if name == "gpu" else "cpu"))
    for section in CPU[name]() if name in CPU else gpu.measure(gpu.Settings(minutes=minutes)):
        result = replace(result, sections=(*result.sections, section))
        yield result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
