"""Which tests are a module's own, and which faults change nothing that a test could see."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mutants.draw import Mutant
from snnfw.errors import SnnfwError

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("own.toml")


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A fault that changes no behaviour, by the line before and after it, and why."""

    module: str
    line: str
    mutated: str
    reason: str


@dataclass(frozen=True, slots=True)
class Own:
    """What ``own.toml`` says: which modules are tried, tests beside those that mirror a module, equivalent faults."""

    modules: tuple[str, ...]
    tests: Mapping[str, Sequence[str]] = field(default_factory=dict)
    equivalent: tuple[Equivalent, ...] = ()

    def modules_in(self, root: Path) -> list[str]:
        """Return the modules."""
        found = {path.relative_to(root).as_posix() for pattern in self.modules for path in root.glob(pattern)}
        return sorted(found)

    def tests_of(self, root: Path, module: str) -> list[str]:
        """Return the tests of a module, those that mirror it first."""
        mirrored = mirror(module)
        found = [mirrored] if (root / mirrored).is_file() else []
        found += [name for name in self.tests.get(module, ()) if name not in found]
        missing = [name for name in found if not (root / name).exists()]
        if missing or not found:
            says = f"names tests of {module} that do not exist: {missing}" if missing else f"no test mirrors {module}"
            raise SnnfwError(f"{says}; name its tests in {FILE.relative_to(ROOT)}.")
        return found

    def reason(self, mutant: Mutant) -> str | None:
        """Return why a mutant is equivalent; None where it is not said to be."""
        known = {(each.module, _bare(each.line), _bare(each.mutated)): each.reason for each in self.equivalent}
        before, after = map(_bare, mutant.lines)
        return known.get((mutant.module, before, after))

    def stale(self, root: Path) -> list[Equivalent]:
        """Return the equivalent faults whose line is no longer in its module."""
        return [each for each in self.equivalent if _bare(each.line) not in _lines(root / each.module)]


def read(path: Path = FILE) -> Own:
    """Read ``own.toml``."""
    given = tomllib.loads(path.read_text(encoding="utf-8"))
    return Own(
        tuple(given["modules"]), given["tests"], tuple(Equivalent(**each) for each in given.get("equivalent", ()))
    )


def mirror(module: str) -> str:
    """Return where the test that mirrors a module belongs: a file for each of the core's, and for each plugin."""
    root, _, *inside = module.removesuffix(".py").split("/")
    folders, name = (inside[:-1], inside[-1]) if root == "core" else ([], inside[0])
    return "/".join(["tests", root, *folders, f"test_{name}.py"])


def _lines(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return {_bare(line) for line in text.splitlines()}


def _bare(code: str) -> str:
    """Return code without its spaces, which faults leave anywhere."""
    return "".join(code.split())
