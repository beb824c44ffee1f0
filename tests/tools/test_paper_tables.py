from __future__ import annotations

from tools.paper_tables import PAGE, PLUGINS, page

from snnfw.config import list_experiments
from snnfw.registry import Registry

EXPERIMENTS = list_experiments(Registry())


def test_the_page_holds_what_the_files_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(EXPERIMENTS), "run python -m tools.paper_tables"


def test_every_experiment_of_a_paper_stands_on_the_page() -> None:
    written = PAGE.read_text(encoding="utf-8")
    ours = [experiment for experiment in EXPERIMENTS if experiment.name.partition("/")[0] in PLUGINS]
    assert ours
    assert all(f"`snnfw reproduce {experiment.name}" in written for experiment in ours)
