"""How often what `snnfw tune` is sure of is so: every method that it confirms, on the test data as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rich.console import Console

from benchmarks.result import Section
from benchmarks.timing import Measured
from snnfw import Registry
from snnfw.cheapest import final_config, search_methods
from snnfw.config.tuning import resolve_tuning
from snnfw.simulate.run import evaluate_network
from snnfw.stages import acquire_resources, convert_and_simulate
from snnfw.tuning.values import Finding

TASKS = ("classification", "speech", "events", "pointcloud", "text")
"""Those that take minutes; segmentation and detection take half an hour."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Which tasks are searched, and words for each of them."""

    tasks: tuple[str, ...] = TASKS
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A method that a search has confirmed: how sure it was that the drop is met, and what it drops by on test data."""

    name: str
    sure: float
    held_out: float
    test: float
    energy: float
    chosen: bool


def measure(settings: Settings) -> Iterator[Section]:
    """Yield a table for each task, and one that counts over all of them."""
    registry, everything, drop = Registry(), list[Confirmed](), 0.0
    for task in settings.tasks:
        found, drop = confirm(task, settings.words, registry)
        everything += found
        rows = tuple(
            (
                f"{each.name}{', the chosen one' if each.chosen else ''}",
                f"{each.sure:.0%}",
                f"{each.held_out:.2f}",
                f"{each.test:.2f}",
                f"{each.energy:.4g}",
            )
            for each in sorted(found, key=lambda each: each.energy)
        )
        columns = ("", "sure", "drop, held out", "drop, test", "energy on held-out samples, mJ")
        measured = Measured({each.name: (each.test,) for each in found})
        yield Section(f"{task}: what was confirmed, and at most {drop:g} points were allowed", columns, rows, measured)
    yield count(everything, drop)


def confirm(task: str, words: Sequence[str], registry: Registry) -> tuple[list[Confirmed], float]:
    """Search as `snnfw tune task=TASK` does, and return what each of the confirmed methods does on the test data."""
    config = resolve_tuning([f"task={task}", *words], registry)
    resources = acquire_resources(config.shared, Console(quiet=True))
    searched = search_methods(config, resources)
    subject = searched.ground.subject
    bundle = subject.bundle
    scores, _ = evaluate_network(subject.graph, bundle.data, bundle.judgement.scorer, resources)
    own = scores[bundle.judgement.headline]
    found = []
    for finding in searched.choice.finalists:
        final = final_config(config, finding, searched.ground, Path())
        score = convert_and_simulate(final, subject).trace.final.scores[bundle.judgement.headline]
        found.append(_confirmed(finding, own - score, finding is searched.choice.chosen))
    return found, config.aim.drop


def _confirmed(finding: Finding, lost: float, chosen: bool) -> Confirmed:
    evidence = finding.evidence
    if evidence is None:
        raise ValueError(f"{finding.candidate.name} was confirmed without evidence")
    name, energy = finding.candidate.name, evidence.energy
    return Confirmed(name, finding.sure, evidence.drop, lost / evidence.point, energy, chosen)


def count(found: Sequence[Confirmed], drop: float) -> Section:
    """Return how many methods meet the drop on the test data, by how sure the search was of them."""
    edges = (0.0, 0.5, 0.75, 1.01)
    rows = []
    for low, high in pairwise(edges):
        those = [each for each in found if low <= each.sure < high]
        met = sum(each.test <= drop for each in those)
        mean = f"{sum(each.sure for each in those) / len(those):.0%}" if those else ""
        rows.append((f"{low:.0%} to {min(high, 1):.0%}", mean, f"{met} of {len(those)}"))
    columns = ("how sure the search was", "on average", "meet the drop on the test data")
    return Section("All tasks", columns, tuple(rows), Measured({each.name: (each.test,) for each in found}))
