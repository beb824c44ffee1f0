"""The command line: ``python -m benchmarks.mutants --size 80 --seed 1 'core/snnfw/planning/*'``, from the root."""

from __future__ import annotations

import argparse
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

from rich.console import Console

from benchmarks.mutants import own, record
from benchmarks.mutants.draw import Mutant, draw, every
from benchmarks.mutants.trial import Bench, Fate, Tried
from snnfw.errors import SnnfwError


def main(arguments: list[str], root: Path = own.ROOT, file: Path = own.FILE) -> int:
    """Draw mutants and try them; return 1 where too many survive, 2 where they cannot be tried."""
    options = parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 140, soft_wrap=True)
    try:
        said = own.read(file)
        tried = _tried(chosen(said, root, options), said, root, console)
    except SnnfwError as error:
        sys.stderr.write(f"mutants: {error}\n")
        return 2
    record.show(tried, console)
    if options.out:
        record.save(tried, " ".join(["python -m benchmarks.mutants", *arguments]), options.out)
    return int(record.score(tried) < record.ENOUGH)


def parser() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    found = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description="Try whether the tests notice.")
    found.add_argument("where", nargs="*", metavar="GLOB|FILE:LINE", help="modules, default: all of own.toml")
    found.add_argument("--size", type=int, default=80, help="how many mutants to draw; of a FILE:LINE all are tried")
    found.add_argument("--seed", type=int, default=1, help="what draws them")
    found.add_argument("--out", type=Path, help="file for what became of each, as JSON")
    return found


def chosen(said: own.Own, root: Path, options: argparse.Namespace) -> list[Mutant]:
    """Return the mutants that are asked for."""
    if stale := said.stale(root):
        raise SnnfwError(f"{own.FILE.name}: {stale[0].module} has no line '{stale[0].line}' any more; mend its entry.")
    modules, mutants, patterns = said.modules_in(root), [], []
    for word in options.where or ["*"]:
        path, colon, line = word.partition(":")
        known = path in modules and line.isdecimal() if colon else any(fnmatch(module, path) for module in modules)
        if not known:
            allowed = ", ".join(modules)
            raise SnnfwError(f"'{word}' is no module, or line of one, among those of {own.FILE.name}: {allowed}.")
        if colon:
            mutants += every(root, path, int(line))
        else:
            patterns.append(path)
    matching = [module for module in modules if any(fnmatch(module, pattern) for pattern in patterns)]
    mutants += draw(root, matching, max(0, options.size), options.seed)
    if not mutants:
        where = " ".join(options.where) or "all modules"
        raise SnnfwError(f"there is nothing to change in {where} with --size {options.size}.")
    return mutants


def _tried(mutants: list[Mutant], said: own.Own, root: Path, console: Console) -> list[Tried]:
    found = []
    with tempfile.TemporaryDirectory(prefix="snnfw-mutants-") as folder:
        for each in Bench.copied(root, Path(folder)).trials(mutants, said):
            found.append(each)
            mark = "  <--" if each.fate is Fate.SURVIVED else f"  {each.why}"
            place = f"{each.mutant.module}:{each.mutant.line}"
            console.print(f"{len(found)}/{len(mutants)} {each.fate} {place} {each.seconds:.0f} s{mark}", markup=False)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
