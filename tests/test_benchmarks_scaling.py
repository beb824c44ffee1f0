"""The simulation of a schedule is Amdahl's law where that holds, and the page's parts can be measured."""

from __future__ import annotations

import itertools

import pytest
from benchmarks import parts, scaling
from benchmarks.schedule import Work, closed_form, lost, simulate

from networks import ConvNet

WORKERS = (1, 2, 3, 4, 7, 10, 64)


@pytest.mark.parametrize("workers", WORKERS)
def test_equal_jobs_take_what_the_closed_form_says(workers: int) -> None:
    work = Work((2.0,) * 10, before=1.0, start=3.0, again=0.75, merge=0.5, after=0.25)
    assert simulate(work, workers) == pytest.approx(closed_form(work, workers), rel=1e-12)
    rounds = {1: 10, 2: 5, 3: 4, 4: 3, 7: 2, 10: 1, 64: 1}[workers]
    assert closed_form(work, workers) == 5.0 + 2.0 * rounds + 0.5 * min(workers, 10)


def test_unequal_jobs_are_taken_by_who_is_free_first() -> None:
    work = Work((4.0, 1.0, 1.0, 3.0))
    assert [simulate(work, workers) for workers in (1, 2, 3, 4)] == [9.0, 5.0, 4.0, 4.0]


def test_a_caller_that_hands_out_one_job_at_a_time_is_the_limit() -> None:
    work = Work((1.0,) * 1000, hand=0.1)
    assert simulate(work, 1) == pytest.approx(1100.0)
    assert simulate(work, 64) == pytest.approx(101.0, abs=0.2)
    reasons = lost(work, 64)
    assert max(reasons, key=lambda reason: reasons[reason]) == "handing out jobs"


@pytest.mark.parametrize("workers", WORKERS)
def test_what_is_lost_is_all_that_is_not_the_work(workers: int) -> None:
    work = Work((5.0, 1.0, 2.5, 2.5), 1.0, 2.0, 0.5, 0.01, 0.1, 0.7)
    whole = sum(lost(work, workers).values()) + sum(work.jobs) / workers
    assert simulate(work, workers) == pytest.approx(whole, rel=1e-12)


def test_scaling_is_put_together_from_measured_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "end_workers", lambda: None)
    toy = parts.Settings(ConvNet, pixels=8, timesteps=2, samples=2, calibration=4, sites=2, launcher=None)
    first, *questions = scaling.measure(scaling.Settings(toy, workers=(1, 4)), repetitions=1)
    assert len(first.rows) == 11
    assert first.measured.median("an image and timestep") > 0
    assert len(questions) == 3
    for section in questions:
        assert [row[0] for row in section.rows] == ["1", "4"]
        assert section.measured.median("1") >= section.measured.median("4")
    assert scaling.draw([first, *questions]).startswith(b"<?xml")


def test_a_search_s_cells_cost_less_the_later_they_are() -> None:
    found = dict.fromkeys(MEASURED, 1.0)
    settings = scaling.Settings(sites=4, candidates=2, search_images=3)
    evaluation, search, sweep = scaling.questions(settings, found).values()
    assert len(evaluation.jobs) * settings.batch == settings.images
    assert sum(search.jobs) == pytest.approx(4 * 2 * 3)  # the mean cell is the one that was measured
    assert all(before >= after for before, after in itertools.pairwise(search.jobs))
    assert len(sweep.jobs) == settings.runs


def test_durations_have_a_unit() -> None:
    told = [scaling.duration(seconds) for seconds in (0.4242, 12.3, 570, 7100, 9000, 50_000)]
    assert told == ["0.42 s", "12 s", "9.5 min", "118 min", "2.5 h", "14 h"]


MEASURED = (
    "capture and conversion",
    "an image's decoding",
    "an image and timestep",
    "an image of the folded network",
    "a cell of a search, each image",
    "a search's conversion and own pass",
    "the start of a worker",
    "handing out a job",
    "packing and unpacking the network",
    "merging a worker's scores",
    "the report",
)
