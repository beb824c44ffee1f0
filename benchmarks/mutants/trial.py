"""Try mutants in a copy of the repository, one at a time, until the first of their own tests fails."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cosmic_ray.testing import run_tests
from cosmic_ray.work_item import TestOutcome

from benchmarks.mutants.draw import Mutant
from benchmarks.mutants.own import Own
from snnfw.errors import SnnfwError

NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "dist", "build", "runs")
PYTEST = ["-m", "pytest", "-x", "-q", "--no-header", "--tb=line", "-rfE", "-p", "no:cacheprovider"]


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    EQUIVALENT = "equivalent"


@dataclass(frozen=True, slots=True)
class Tried:
    """A mutant, what became of it, why (the test that failed, or why nothing can), and after how many seconds."""

    mutant: Mutant
    fate: Fate
    why: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Bench:
    """A copy of the repository.

    A trial may take ``patience`` times as long as its tests without a fault, and ``grace`` seconds more.
    """

    folder: Path
    patience: float
    grace: float

    @staticmethod
    def copied(root: Path, folder: Path, patience: float = 3.0, grace: float = 30.0) -> Bench:
        """Copy a repository, so that the faults are never in anybody's own."""
        shutil.copytree(root, folder, ignore=NOT_COPIED, dirs_exist_ok=True)
        return Bench(folder, patience, grace)

    def run(self, tests: Sequence[str], limit: float) -> tuple[Fate, str, float]:
        """Run tests on the copy as it is: what became of it, what was printed, and after how many seconds."""
        paths = ":".join(str(self.folder / name) for name in ("core", "plugins", "tasks"))
        settings = [f"PYTHONPATH={paths}", f"XDG_CACHE_HOME={self.folder / '.cache'}", "OMP_NUM_THREADS=1"]
        command = shlex.join(["env", *settings, "MPLBACKEND=Agg", sys.executable, *PYTEST, *tests])
        start = time.monotonic()
        outcome, output = run_tests(shlex.join(["sh", "-c", f"cd {shlex.quote(str(self.folder))} && {command}"]), limit)
        took = time.monotonic() - start
        if outcome is TestOutcome.INCOMPETENT:
            raise SnnfwError(f"the tests cannot be started: {output.splitlines()[-1]}")
        fates = {TestOutcome.SURVIVED: Fate.SURVIVED, TestOutcome.KILLED: Fate.KILLED}
        return Fate.TIMEOUT if output == "timeout" else fates[outcome], output, took

    def trials(self, mutants: Sequence[Mutant], own: Own) -> Iterator[Tried]:
        """Yield what becomes of each mutant; tests that fail without a fault say nothing, and are an error."""
        usual: dict[str, float] = {}
        for mutant in mutants:
            if reason := own.reason(mutant):
                yield Tried(mutant, Fate.EQUIVALENT, reason, 0.0)
                continue
            tests = own.tests_of(self.folder, mutant.module)
            usual |= {each: self._without_a_fault(each) for each in tests if each not in usual}
            yield self._with(mutant, tests, self.grace + self.patience * sum(usual[each] for each in tests))

    def _without_a_fault(self, tests: str) -> float:
        fate, output, took = self.run([tests], 3600)
        if fate is not Fate.SURVIVED:
            raise SnnfwError(f"the tests fail without any fault, mend them first: {_failed(output) or output}")
        return took

    def _with(self, mutant: Mutant, tests: Sequence[str], limit: float) -> Tried:
        path = self.folder / mutant.module
        path.write_text(mutant.after, encoding="utf-8")
        try:
            fate, output, took = self.run(tests, limit)
        finally:
            path.write_text(mutant.before, encoding="utf-8")
        return Tried(mutant, fate, _failed(output) if fate is Fate.KILLED else "", took)


def _failed(output: str) -> str:
    """Return the test that failed."""
    named = [line.split()[1] for line in output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return named[-1] if named else ""
