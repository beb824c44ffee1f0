"""What a diagnosis finds, as values: the error of each site, where it comes from, and what was tried against it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from snnfw.diagnosis.traces import SiteTrace

SCHEMA = 1
"""Version of diagnosis.json; a field may be added within a version, none changes its meaning."""

PARTS = ("before", "frames", "operators", "clipping", "quantisation", "timing")
"""Where an error comes from, in the order in which a value travels."""

OWN_PARTS = ("operators", "clipping", "quantisation", "timing")
"""The parts that arise at the site, behind the neurons before it."""

ROUNDING = 1e-4
"""Error up to which a part is not worth a column."""

BAD = 0.2
"""Error of its own from which a layer is bad: a fifth of its activation, a signal-to-noise ratio of 14 dB."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The firing thresholds of one site: how many different neurons have one, and their range."""

    count: int
    smallest: float
    mean: float
    largest: float


@dataclass(frozen=True, slots=True)
class SiteError:
    """The difference between what a site's neurons send and the network's own activation, relative to the latter.

    ``error`` is the root of the mean square of the difference, divided by that of the activation (``magnitude``), over
    samples and neurons. ``parts`` say where it comes from, and add up to it: each is the mean of the difference times
    that part of it, divided by both roots, so that a part which makes up for others is negative.

    ``own`` is the same of what arises at the site alone. ``clipped`` is the share of the neurons' values beyond what
    they can send, ``lost`` the share of the activations that are not zero of which nothing is sent, ``active`` the
    share of the network's activations that are not zero. ``events`` are a sample's.
    """

    site: str
    activation: str
    neuron: str
    error: float
    own: float
    parts: Mapping[str, float]
    magnitude: float
    largest: float
    active: float
    clipped: float
    lost: float
    threshold: Thresholds
    events: float
    points: tuple[tuple[float, float], ...] = ()

    @property
    def snr(self) -> float:
        """Return the signal-to-noise ratio in dB, 20 log10 of activation over error."""
        return decibels(self.error)

    @property
    def is_silent(self) -> bool:
        """Tell whether the network itself is silent here: there is nothing to send."""
        return self.active == 0

    @property
    def is_bad(self) -> bool:
        """Tell whether what arises at the site alone is too much, or no number."""
        return not self.own < BAD

    @property
    def cause(self) -> str:
        """Return the largest of the parts that arise at the site."""
        return max(OWN_PARTS, key=lambda part: self.parts[part])


@dataclass(frozen=True, slots=True)
class Trial:
    """A knob that was turned, in ``words``; ``how`` says how to ask for it, and the numbers what the network did then.

    ``error`` and ``own`` are the first bad site's, ``output`` that of the network's output, ``events`` all of a
    sample's. ``everywhere`` says that the knob is turned at every site.
    """

    words: str
    how: str
    error: float
    own: float
    output: float
    events: float
    everywhere: bool = False

    @property
    def mends(self) -> bool:
        """Tell whether the site is not bad any more."""
        return self.own < BAD


@dataclass(frozen=True, slots=True)
class Scale:
    """How the inputs of one batch norm compare with those of its training.

    ``shift`` is the distance of the channels' means, in standard deviations of the training (root of the mean square
    over channels), ``width`` the channels' standard deviation over the training's (geometric mean).
    """

    module: str
    shift: float
    width: float


@dataclass(frozen=True, slots=True)
class Normalisation:
    """How the data's normalisation compares with that of the training, as the first batch norm remembers it.

    ``better`` says in words which other normalisation was tried and brings it back, with what was found then.
    """

    found: Scale
    better: str | None = None
    then: Scale | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What separates a spiking network from the network itself, on some samples.

    ``sites`` are in the order of execution; ``output`` is the relative error of the output. ``tried`` are knobs turned
    at ``bad``, the first bad site; ``normalisation`` is there where the data does not fit the network's batch norms;
    ``trace`` are some neurons over time. ``print`` says in sentences what was found.
    """

    schema: int
    samples: int
    timesteps: int
    coding: str
    output: float
    events: float
    sites: tuple[SiteError, ...]
    normalisation: Normalisation | None = None
    tried: tuple[Trial, ...] = ()
    trace: SiteTrace | None = None
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def bad(self) -> SiteError | None:
        """Return the first site with too large an error of its own, if there is one."""
        return first_bad(self.sites)

    @property
    def worst(self) -> SiteError | None:
        """Return the site with the largest error of its own."""
        return worst_of(self.sites)

    @property
    def cure(self) -> Trial | None:
        """Return what mends the first bad site with the fewest events, else what leaves the smallest error there."""
        return best_of(self.tried, self.bad)

    @property
    def cure_everywhere(self) -> Trial | None:
        """Return what came of the same at every site of the kind, if that was tried."""
        return next((trial for trial in self.tried if trial.everywhere), None)

    def plain(self) -> dict[str, Any]:
        """Return the diagnosis as plain data, with the numbers that follow from others."""
        found = dataclasses.asdict(self)
        for site, written in zip(self.sites, found["sites"], strict=True):
            written |= {"snr": site.snr, "cause": site.cause, "bad": site.is_bad}
        return found | {"bad": self.bad.site if self.bad else None, "cure": self.cure.words if self.cure else None}

    def __str__(self) -> str:
        verdict = import_module("snnfw.diagnosis.verdict")  # what speaks of diagnoses, which cannot know it
        return "\n".join(verdict.explain(self))

    def save(self, folder: str | Path) -> Path:
        """Write diagnosis.html, diagnosis.json and diagnosis.csv into a folder that is made, and return it.

        Raises:
            SnnfwError: there is such a folder already.

        """
        page = import_module("snnfw.report.diagnosis_page")  # pages are made of diagnoses
        saved: Path = page.save_diagnosis(self, folder)
        return saved


def decibels(error: float) -> float:
    """Return the signal-to-noise ratio of a relative error in dB; that of none is infinite."""
    return -20 * math.log10(error) if error else math.inf


def telling_parts(sites: Iterable[SiteError]) -> list[str]:
    """Return the parts of errors that are more than rounding at any of some sites."""
    shown = list(sites)
    return [part for part in PARTS if any(abs(site.parts[part]) > ROUNDING for site in shown)]


def first_bad(sites: Iterable[SiteError]) -> SiteError | None:
    """Return the first site with too large an error of its own, if there is one."""
    return next((site for site in sites if site.is_bad and not site.is_silent), None)


def worst_of(sites: Iterable[SiteError]) -> SiteError | None:
    """Return the site with the largest error of its own."""
    return max((site for site in sites if not site.is_silent), key=lambda site: site.own, default=None)


def best_of(tried: Iterable[Trial], bad: SiteError | None) -> Trial | None:
    """Return the trial at one site that mends it with the fewest events, else the one with the smallest error."""
    better = [trial for trial in tried if bad and not trial.everywhere and trial.error < bad.error]
    mending = [trial for trial in better if trial.mends]
    if mending:
        return min(mending, key=lambda trial: (trial.events, trial.error))
    return min(better, key=lambda trial: trial.error, default=None)
