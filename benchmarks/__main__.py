"""The command line: ``python -m benchmarks neurons network ... gpu zoo``, from the repository's root."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console

from benchmarks import conversions, exits, gpu, memory, network, neurons, search, training, zoo
from benchmarks.machine import ALLOCATOR, describe, tuned
from benchmarks.result import Result, Section, save, show

CPU: Mapping[str, Callable[[], Iterable[Section]]] = {
    "neurons": lambda: neurons.measure(neurons.Settings()),
    "training": lambda: training.measure(neurons.Settings()),
    "network": lambda: network.measure(conversions.Settings()),
    "memory": memory.measure,
    "search": lambda: search.measure(search.Settings()),
    "exits": lambda: exits.measure(exits.Settings()),
}


def main(arguments: list[str]) -> int:
    """Run the benchmarks that are asked for; return the exit status."""
    options = parser().parse_args(arguments)
    if options.allocator == "tuned" and not tuned():  # it reads its settings when a process starts
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *arguments], {**os.environ, **ALLOCATOR})  # noqa: S606  # this very command, again
    torch.set_num_threads(options.threads)
    console = Console(width=None if sys.stdout.isatty() else 140)
    for name in options.names or CPU:
        if name == "zoo":
            zoo.run(options.only, options.out, console, zoo.in_a_process)
            continue
        if name == "gpu" and not torch.cuda.is_available():
            console.print("There is no GPU here: the gpu benchmark has nothing to measure.")
            continue
        stem = f"{name}-{options.allocator}" if name in CPU else name
        for result in run(name, " ".join(["python -m benchmarks", *arguments])):
            show(result.sections[-1], console)
            save(result, options.out, stem)
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    found = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure snnfw; default: all on the CPU.")
    names = [*CPU, "gpu", "zoo"]
    found.add_argument("names", nargs="*", choices=names, metavar="|".join(names))
    found.add_argument("--allocator", choices=["default", "tuned"], default="default", help="glibc's settings")
    found.add_argument("--threads", type=int, default=os.cpu_count())
    found.add_argument("--only", default="*", metavar="PATTERNS", help="globs of the zoo's architectures")
    found.add_argument("--out", type=Path, default=Path(__file__).parent / "results", help="folder for .json and .md")
    return found


def run(name: str, command: str) -> Iterator[Result]:
    """Yield one benchmark's result so far, after each of its tables."""
    result = Result(name, command, describe("cuda" if name == "gpu" else "cpu"))
    for section in CPU[name]() if name in CPU else gpu.measure():
        result = replace(result, sections=(*result.sections, section))
        yield result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
