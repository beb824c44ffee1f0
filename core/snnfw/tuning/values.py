"""What is tried and what it showed: candidates, the evidence on held-out samples, and what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from snnfw.config.schema import MethodConfig
from snnfw.report.answers import point_of

Minimised: TypeAlias = Literal["energy", "timesteps", "spikes"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One complete method that may be chosen; ``family`` names the method that it is a variant of."""

    name: str
    family: str
    config: MethodConfig


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a candidate showed on so many held-out samples, beside the network itself on the same ones.

    ``score`` and ``own`` are the headline of both, ``energy`` (mJ), ``spikes`` and ``steps`` means over samples.
    ``lost`` is what the network has and the spiking network has not: of each sample, as the network itself expects it
    where outputs are logits, if the headline is a mean over samples, and otherwise of each of some groups of them
    (pseudo-values of the jackknife).
    """

    samples: int
    score: float
    own: float
    energy: float
    spikes: float
    steps: float
    lost: tuple[float, ...]
    by_sample: bool

    @property
    def point(self) -> float:
        """Return what a point is: a hundredth, or that of the network's own metric where that is no share."""
        return point_of(self.own)

    @property
    def drop(self) -> float:
        """Return how many points of the headline are lost."""
        return (self.own - self.score) / self.point

    def cost(self, minimise: Minimised) -> tuple[float, float, float]:
        """Return what is to be small, and what decides between equals: timesteps, then energy.

        Four digits are told apart: the fifth one of an energy is what rounding made of a network that sends the same.
        """
        cost = {"energy": self.energy, "timesteps": self.steps, "spikes": self.spikes}[minimise]
        return float(f"{cost:.4g}"), self.steps, self.energy


@dataclass(frozen=True, slots=True)
class Finding:
    """A candidate with the evidence of the most samples that it was measured on, and how sure its drop is small enough.

    ``confirmed`` says that they were held out, and nothing was picked by them. ``error`` says why it could not be
    measured, where it could not.
    """

    candidate: Candidate
    evidence: Evidence | None
    sure: float = 0.0
    error: str | None = None
    confirmed: bool = False

    def cost(self, minimise: Minimised) -> tuple[float, ...]:
        """Return what is to be small, and what decides between equals; infinite where nothing was measured."""
        return self.evidence.cost(minimise) if self.evidence else (float("inf"),)


@dataclass(frozen=True, slots=True)
class Choice:
    """The end of a search: every finding in the order in which candidates were proposed, and the one to keep.

    ``met`` says that the chosen one's drop is more likely small enough than not; ``sure`` that it is so with the
    confidence that was asked for. ``full`` is the number of held-out samples that finalists were confirmed on,
    ``attainable`` how sure one had to be at them: as asked for, or as sure as so many can tell.
    """

    findings: tuple[Finding, ...]
    chosen: Finding
    met: bool
    sure: bool
    full: int
    attainable: float

    @property
    def finalists(self) -> tuple[Finding, ...]:
        """Return what was confirmed on the held-out samples."""
        return tuple(each for each in self.findings if each.evidence and each.confirmed)
