"""Search: plans tried on calibration data; what measures a candidate, and the data for it, comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.search.keys import Keys, open_store
    from snnfw.search.questions import Question
    from snnfw.search.results import Score, SearchResult
    from snnfw.search.sensitivity import Table, measure
    from snnfw.search.spreading import measure_all
    from snnfw.search.trials import Trials
    from snnfw.search.workers import Workers

__all__ = [
    "Keys",
    "Question",
    "Score",
    "SearchResult",
    "Table",
    "Trials",
    "Workers",
    "measure",
    "measure_all",
    "open_store",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "keys": "Keys open_store",
        "results": "SearchResult Score",
        "questions": "Question",
        "sensitivity": "Table measure",
        "spreading": "measure_all",
        "workers": "Workers",
        "trials": "Trials",
    },
)
