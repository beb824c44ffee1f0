"""Values: what passes between stages whatever the method; what names no stage and imports no torch comes in here."""

from __future__ import annotations

from snnfw.values.bundle import Bundle, Data, Judgement, MergeableScorer, Scorer, Training
from snnfw.values.codings import CODINGS, DELTA, RATE
from snnfw.values.exits import ExitRule
from snnfw.values.measurements import Chart, Curve, Measurement
from snnfw.values.pictures import Drawing, Gallery, View
from snnfw.values.resources import Resources, Track, tell_nothing, track_nothing
from snnfw.values.samples import Batch, Batches, Inputs, Item, Output, count_batches
from snnfw.values.sites import Keep, Observer, Site, SiteStats
from snnfw.values.tracked import Setting, Tracked

__all__ = [
    "CODINGS",
    "DELTA",
    "RATE",
    "Batch",
    "Batches",
    "Bundle",
    "Chart",
    "Curve",
    "Data",
    "Drawing",
    "ExitRule",
    "Gallery",
    "Inputs",
    "Item",
    "Judgement",
    "Keep",
    "Measurement",
    "MergeableScorer",
    "Observer",
    "Output",
    "Resources",
    "Scorer",
    "Setting",
    "Site",
    "SiteStats",
    "Track",
    "Tracked",
    "Training",
    "View",
    "count_batches",
    "tell_nothing",
    "track_nothing",
]
