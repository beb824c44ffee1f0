from __future__ import annotations

from tools.paper_tables import PAGE, PLUGINS, format_number, page

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


def test_a_row_of_another_method_says_what_is_uncertain() -> None:
    assert "| 74.94 (T = 256) | 75.16 | - | - | other networks of another paper" in PAGE.read_text(encoding="utf-8")
    assert "| 75.44 (T = 2048) | 75.66 | - | - | at T > 2048, says the paper; another" in PAGE.read_text(
        encoding="utf-8"
    )


def test_a_published_number_is_not_rounded() -> None:
    assert [format_number(value) for value in (2.343, 96.5, 0.006, 0.11, None)] == [
        "2.343",
        "96.50",
        "0.006",
        "0.11",
        "-",
    ]
