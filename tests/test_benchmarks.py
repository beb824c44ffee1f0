"""The benchmarks run, at sizes that say nothing about speed, and compare like with like."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from benchmarks import __main__ as command_line
from benchmarks import (
    capturing,
    conversions,
    converting,
    exports,
    gpu,
    gpu_tests,
    large,
    machine,
    memory,
    network,
    neurons,
    overhead,
    search,
    spreading,
    storing,
    sureness,
    timing,
    training,
    training_network,
    zoo,
    zoo_delta,
    zoo_networks,
    zoo_row,
)
from benchmarks.result import Result, Section, markdown, save, show
from benchmarks.timing import Measured, Spread, seconds
from benchmarks.zoo_row import Row
from benchmarks.zoo_table import content, converges, page
from rich.console import Console
from torch import nn

from backends import needs_native
from cupy_on_cpu import needs_host_compiler, on_any_device, stand_in
from networks import ConvNet
from snnfw import Registry
from snnfw.capture.export import capture
from snnfw.capture.graph import BatchDim
from snnfw.kernels.choice import choose_backend
from snnfw.simulate.accuracy import Accuracy
from snnfw.values import Bundle, Data, Judgement, Resources
from snnfw_plugins.lif import LeakyIntegrateAndFire
from snnfw_tasks.detection.library import require_ultralytics

SMALL = neurons.Settings(shape=(3, 2, 4, 3, 3), repetitions=1, calls=1, compiled=False)


def small(num_classes: int) -> nn.Module:
    """Return a network that is converted in no time."""
    del num_classes
    return ConvNet()


def again(num_classes: int) -> nn.Module:
    """Return another one."""
    return small(num_classes)


TRAINED = training_network.Settings(depth=8, width=2, pixels=8, samples=3, timesteps=2)
CONVERTED = conversions.Settings(samples=3, pixels=8, timesteps=2, network=small)


def in_this_process(question: memory.Question) -> float:
    return memory.peak(question, CONVERTED)


def check(section: Section) -> None:
    """Check that a table is whole and that every value behind it was measured."""
    assert section.rows
    assert all(len(row) == len(section.columns) for row in section.rows)
    assert all(value > 0 for values in section.measured.values.values() for value in values)


@pytest.mark.parametrize("option", ["calibration", "calibration, weights too"])
def test_conversions_are_timed_beside_an_evaluation(option: str) -> None:
    settings = replace(CONVERTED, backend="reference")
    preset, options = converting.METHODS[option]
    methods = {option: (preset, {**options, "iterations": 2})}
    sections = list(converting.measure(settings, timesteps=(1, 2), repetitions=1, methods=methods))
    check(sections[0])
    assert [row[:2] for row in sections[0].rows] == [(option, "1"), (option, "2")]


def test_conversions_leave_out_presets_without_a_neuron_for_an_activation() -> None:
    graph = capture(nn.Sequential(nn.Linear(3, 3), nn.ReLU6()).eval(), (torch.randn(2, 3),))
    presets = Registry().presets
    assert [name for name in ("spikingjelly", "signed") if converting.fits(graph, presets[name])] == ["signed"]


def test_every_preset_that_converts_any_network_is_timed() -> None:
    made_for_it = {name for name, preset in Registry().presets.items() if preset.trained}
    timed = {preset for preset, _ in converting.METHODS.values()}
    assert timed == set(Registry().presets) - made_for_it - {"ann"}


@needs_native
def test_large_images_are_timed_before_and_after_memory_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "NETWORKS", {small: large.RELU, again: large.RELU})
    kept: list[bool] = []

    def keep() -> bool:
        kept.append(True)
        return True

    sections = list(large.measure(CONVERTED, repetitions=1, keep=keep))
    for section in sections:
        check(section)
    assert [section.title.rpartition(", ")[2] for section in sections] == [
        "the allocator as it comes", "freed memory kept", "freed memory kept"
    ]  # fmt: skip
    assert kept == [True]


@needs_native
def test_neurons_are_measured_on_every_kind_of_tensor() -> None:
    sections = list(neurons.measure(SMALL))
    assert len(sections) == len(neurons.VARIANTS)
    for section in sections:
        check(section)


@needs_native
def test_training_steps_are_measured() -> None:
    sections = [*training.measure(SMALL), *training_network.measure(TRAINED, repetitions=1)]
    assert len(sections) == len(neurons.VARIANTS)
    for section in sections:
        check(section)


@needs_native
def test_a_network_is_measured() -> None:
    (section,) = network.measure(CONVERTED, repetitions=1)
    check(section)


def test_capture_is_measured() -> None:
    (section,) = capturing.measure(capturing.Settings({"toy": (ConvNet, (3, 8, 8))}), repetitions=1)
    check(section)


def test_opening_what_was_kept_is_measured() -> None:
    (section,) = storing.measure(capturing.Settings({"toy": (ConvNet, (3, 8, 8))}), repetitions=1)
    check(section)
    assert section.measured.median(storing.LOAD) < section.measured.median(storing.CONVERT)


@needs_native
def test_peak_memory_is_measured() -> None:
    (section,) = memory.measure((2, 4), repetitions=1, ask=in_this_process)
    assert [row[0] for row in section.rows] == ["2", "4"]


def digits_in_no_time(resources: Resources) -> Bundle:
    """Return a network that is searched in no time."""
    del resources
    x = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return Bundle(
        model=ConvNet().eval(),
        example=(x[:2],),
        data=Data(calibration=[(x,)], evaluation=()),
        judgement=Judgement(scorer=partial(Accuracy, 5), headline="accuracy", logits=lambda output: output),
    )


SEARCHED = search.Settings(timesteps=2, candidates=3, samples=5, bundle=digits_in_no_time)


@needs_native
def test_a_search_is_measured() -> None:
    section, levels = search.measure(SEARCHED, repetitions=1)
    check(section)
    assert "3 levels at each of 2 sites" in levels.title
    assert int(str(levels.rows[0][2])) > 1


def test_every_method_that_a_search_confirms_is_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    few = ("task.limit=40", "task.calibration=60", "methods=[signed,sigmadelta]", "timesteps=[1,2]", "rounds=0")
    table, counted = sureness.measure(sureness.Settings(tasks=("classification",), words=few))
    assert sum("the chosen one" in str(row[0]) for row in table.rows) == 1
    assert sum(int(str(row[2]).rpartition(" ")[2]) for row in counted.rows) == len(table.rows) > 1
    assert all(float(str(row[3])) * 0.4 == pytest.approx(round(float(str(row[3])) * 0.4)) for row in table.rows)


def test_a_search_on_workers_is_measured_by_its_parts() -> None:
    parts, computed = spreading.measure(SEARCHED)
    assert [row[0] for row in computed.rows] == ["1", "2", "8", "64"]
    assert "divided: 3 items together" in [row[0] for row in parts.rows]


@needs_native
def test_a_search_is_measured_against_runs_that_find_the_same() -> None:
    trials = SEARCHED.trials()
    plan = SEARCHED.plan(trials)
    reused, whole = search.reused(plan, SEARCHED, trials), search.whole(plan, SEARCHED, trials)
    assert len(whole) == 2 * SEARCHED.candidates
    assert torch.allclose(torch.tensor(reused), torch.tensor(whole), rtol=1e-6, atol=0.0)


@needs_native
def test_what_is_measured_computes_what_the_network_does() -> None:
    settings = replace(CONVERTED, timesteps=64)
    runs = network.candidates(settings)
    with torch.no_grad():
        expected = conversions.network(settings)(conversions.images(settings))
        outputs = {name: run() for name, run in runs.items()}
    for name, allowed in ((network.FLOOR, 1e-5), ("snnfw, adafire φ=4", 0.05)):
        output = outputs[name]
        assert isinstance(output, torch.Tensor)
        output = output.reshape(-1, *expected.shape).mean(0)
        assert (output - expected).norm() <= allowed * (expected - expected.mean(0)).norm(), name


def test_leaky_neurons_that_train_against_each_other_have_the_same_gradient() -> None:
    x = neurons.drive(SMALL, neurons.VARIANTS[0]).requires_grad_()
    ours = neurons.build(LeakyIntegrateAndFire(), neurons.VARIANTS[0], SMALL)
    for calibrated in (ours.initial, ours.offset):
        calibrated.zero_()
    first, second = (torch.autograd.grad(node(x).sum(), x)[0] for node in (training.theirs(), ours))
    assert torch.allclose(first, second)


def test_results_are_shown_and_saved(tmp_path: Path) -> None:
    section = Section(
        "title", ("", "ratio"), (("a", Spread(2.0, 1.5, 2.5)),), Measured({"a": (2.0, 3.0)}, (0.0, 0.01), 3)
    )
    result = Result("name", "command", {"cores": "2"}, (section,))
    console = Console(record=True, width=100)
    show(section, console)
    save(result, tmp_path, "name-default")
    assert "1.50-2.50" in console.export_text()
    assert "| a | 2.00 (1.50-2.50) |" in markdown(result)
    assert "2 of 3 repetitions" in (tmp_path / "name-default.md").read_text(encoding="utf-8")
    saved = json.loads((tmp_path / "name-default.json").read_text(encoding="utf-8"))
    assert saved["sections"][0]["measured"]["values"] == {"a": [2.0, 3.0]}


def test_a_ratio_is_taken_within_each_repetition() -> None:
    found = Measured({"a": (2.0, 9.0, 8.0), "b": (1.0, 3.0, 2.0)})
    assert found.ratio("a", "b") == Spread(3.0, 2.0, 4.0)


def test_disturbed_repetitions_are_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0])  # somebody else is at work during the first
    monkeypatch.setattr(timing, "others", lambda: next(clock))
    found = seconds({"a": lambda: None}, repetitions=2)
    assert (found.tried, found.disturbance) == (3, (0.0, 0.0))


OBSTACLES = {
    "torch for CPUs": (
        False, None, "torch finds no GPU here: run this on a machine with an NVIDIA GPU, and install torch for CUDA."
    ),
    "no GPU": (
        False, "13.0", "torch finds no GPU here: run this on a machine with an NVIDIA GPU, and see that its driver works."
    ),
    "no CuPy": (True, "12.8", "cupy-cuda12x must be installed here: pip install cupy-cuda12x, or give --install."),
}  # fmt: skip


@pytest.mark.parametrize("name", OBSTACLES)
def test_where_a_gpu_cannot_be_measured_its_benchmark_says_so(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    available, built_for, message = OBSTACLES[name]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    monkeypatch.setattr(gpu, "_installed", lambda package: package == "pytest")
    assert command_line.main(["gpu", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"benchmarks: {message}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("status", [0, 1])
def test_what_a_gpu_needs_is_installed_where_that_is_asked_for(
    status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[list[str]] = []

    def pip(command: list[str], **_: object) -> SimpleNamespace:
        asked.append(command[1:])
        return SimpleNamespace(returncode=status)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(gpu, "_installed", lambda package: package == "pytest")
    monkeypatch.setattr(subprocess, "run", pip)
    assert command_line.main(["gpu", "--install", "--out", str(tmp_path)]) == 2
    assert asked == [["-m", "pip", "install", "cupy-cuda12x"]]
    said = "pip cannot install cupy-cuda12x: what it says stands above." if status else OBSTACLES["no CuPy"][2]
    assert capsys.readouterr().err == f"benchmarks: {said}\n"


TOY_TESTS = """
import pytest

@pytest.mark.gpu
@pytest.mark.parametrize("number", [1, 2])
def test_small(number):
    assert number == {wanted}, "two lines\\nof words"

@pytest.mark.gpu
def test_left_out():
    pytest.skip("not here")

def test_elsewhere():
    assert False
"""


@needs_host_compiler
def test_the_whole_of_a_gpus_benchmark_runs_where_the_cpu_stands_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tests = tmp_path / "test_toy.py"
    tests.write_text(TOY_TESTS.format(wanted="number"))
    toy = gpu.Settings(
        shapes=((3, 2, 4, 3, 3),), batches=(3,), repetitions=1, calls=1, compiled=False, device="cpu", network=CONVERTED,
        learning=TRAINED, tests=tests,
    )  # fmt: skip
    cupy = stand_in(monkeypatch)
    on_any_device(monkeypatch)
    monkeypatch.setattr(gpu, "obstacle", lambda: None)
    monkeypatch.setattr(gpu, "Settings", lambda minutes: replace(toy, minutes=minutes))
    monkeypatch.setattr(machine, "accelerator", dict)
    try:
        status = command_line.main(
            ["gpu", "--threads", str(torch.get_num_threads()), "--out", str(tmp_path / "results")]
        )
    finally:
        choose_backend.cache_clear()
    assert status == 0
    saved = json.loads((tmp_path / "results" / "gpu.json").read_text(encoding="utf-8"))
    titles = [section["title"] for section in saved["sections"]]
    assert titles[0] == "Tests on the GPU"
    assert saved["sections"][0]["rows"][0][:3] == ["test_small", "2", "0"]
    assert len(titles) == 1 + 1 + 1 + len(neurons.VARIANTS) + len([v for v in neurons.VARIANTS if not v.per_channel])
    assert all("cupy" in title for title in titles[1:])
    assert len(cupy.launches) > 100
    assert "Tests on the GPU" in capsys.readouterr().out


def test_a_test_that_fails_on_a_gpu_is_a_row_and_a_status(tmp_path: Path) -> None:
    tests = tmp_path / "test_toy.py"
    tests.write_text(TOY_TESTS.format(wanted=1))
    section = gpu_tests.run_tests(tests, 60)
    assert [row[:3] for row in section.rows] == [
        ("test_small", "1", "1"), ("test_small[2]: AssertionError: two lines", "", "")
    ]  # fmt: skip
    assert gpu_tests.failed(section)


@pytest.mark.parametrize(
    ("text", "limit", "reason"),
    [
        ("", 60, "no test ran: pytest ended with 5"),
        ("import time\ntime.sleep(60)", 0.1, "not finished after 0.1 seconds"),
        ("import os\nos._exit(7)", 60, "pytest ended with 7 and without a report"),
    ],
)
def test_tests_that_do_not_run_have_failed(text: str, limit: float, reason: str, tmp_path: Path) -> None:
    tests = tmp_path / "test_toy.py"
    tests.write_text(text)
    section = gpu_tests.run_tests(tests, limit)
    assert section.rows == ((reason, "0", "1", ""),)
    assert gpu_tests.failed(section)


def test_what_there_is_no_time_for_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def never(title: str) -> Iterator[Section]:
        raise AssertionError(title)
        yield

    monkeypatch.setattr(
        gpu, "run_tests", lambda tests, limit: Section("Tests on the GPU", gpu_tests.COLUMNS, (), Measured({}))
    )
    monkeypatch.setattr(gpu, "parts", lambda settings: [(title, partial(never, title)) for title in ("a", "b")])
    sections = list(gpu.measure(gpu.Settings(minutes=0)))
    assert [section.title for section in sections[1:]] == [
        "Not measured, or not to the end, because 0 minutes were up"
    ]  # fmt: skip
    assert sections[1].rows == (("a",), ("b",))


QUIET = Console(quiet=True)
ALEXNET, RESNET = "torchvision/alexnet", "torchvision/resnet18"


def test_an_architecture_is_measured_from_its_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo_row, "build", lambda name: conversions.network(CONVERTED))
    monkeypatch.setattr(zoo_row, "side", lambda name: 8)
    monkeypatch.setattr(zoo_row, "LATER", ())
    row = zoo_row.measure(ALEXNET)
    assert (row.failure, row.reached, row.sites, row.analog) == ("", "converted", {"relu": 2}, {})
    assert row.spikingjelly == "yes"
    assert row.errors.keys() == {"tracking", "adafire"}
    assert converges(row, "tracking")
    assert converges(row, "adafire")


def test_what_goes_wrong_with_an_architecture_is_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sorts(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(torch.i0(torch.relu(x))).mean((2, 3))

    monkeypatch.setattr(zoo_row, "build", lambda name: Sorts().eval())
    monkeypatch.setattr(zoo_row, "side", lambda name: 8)
    row = zoo_row.measure(ALEXNET)
    assert row.reached == "captured"
    assert row.failure.startswith("SnnfwError: operator 'i0' at 'the top of the network' reads a stream of spikes")


def test_errors_are_relative_to_what_differs_between_samples() -> None:
    places, anchors = (BatchDim(0), BatchDim(0)), torch.full((2, 3), 100.0)
    network = (torch.tensor([[1.0], [3.0]]), anchors)
    assert zoo_row.error((torch.tensor([[1.5], [3.0]]), anchors), network, places) == pytest.approx(0.5 / 2**0.5)
    with pytest.raises(ValueError, match="does not depend on its input"):
        zoo_row.error((anchors,), (anchors,), places[:1])


def test_finished_architectures_are_kept_and_failures_tried_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(name: str, row: Row | None) -> Row:
        asked.append(name)
        return Row(name, 64, failure="" if len(asked) > 1 else "not finished after 900 s", accumulated=0.9)

    for _ in range(3):
        rows = zoo.run(f"{RESNET},*/alexnet", tmp_path, QUIET, ask)
    assert asked == [RESNET, ALEXNET, RESNET]
    assert zoo.load(tmp_path) == rows


def test_an_architecture_that_ends_its_process_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "measure", lambda name: os._exit(7))
    assert zoo.in_a_process(ALEXNET) == Row(ALEXNET, 64, failure="its process ended with 7")


def test_an_architecture_that_takes_too_long_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "measure", lambda name: time.sleep(60))
    monkeypatch.setattr(zoo, "LIMIT", 0.1)
    assert zoo.in_a_process(ALEXNET) == Row(ALEXNET, 64, failure="not finished after 0.1 s")


def test_a_row_without_delta_coding_gets_it_and_keeps_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zoo_delta, "build", lambda name: conversions.network(CONVERTED))
    before = Row(ALEXNET, 8, "converted", macs=10**4, errors={"tracking": {"4": 0.5, "64": 0.1}}, spikingjelly="yes")
    zoo.save({ALEXNET: before}, tmp_path)
    row = zoo.run(ALEXNET, tmp_path, QUIET, zoo.in_a_process)[ALEXNET]
    assert (row.errors["tracking"], row.spikingjelly, row.delta_failure) == (before.errors["tracking"], "yes", "")
    assert row.multiplied == {}
    assert row.accumulated is not None
    assert 0.5 < row.accumulated < 1
    assert list(row.errors["delta"]) == ["1", "2", "4"]
    assert row.settled == len(row.unsent)
    assert row.apart < 1e-5
    assert row.errors["quantised"]["12"] < 0.1 * row.errors["quantised"]["6"]
    assert zoo.is_finished(row)


def test_what_delta_coding_refuses_is_a_part_of_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo_delta, "build", lambda name: 1 / 0)
    row = zoo_delta.with_delta(Row(ALEXNET, 64, "converted", macs=1))
    assert (row.reached, row.delta_failure) == ("converted", "ZeroDivisionError: division by zero")
    assert not zoo.is_finished(row)
    monkeypatch.setattr(zoo, "with_delta", lambda row: os._exit(7))
    kept = zoo.in_a_process(ALEXNET, row)
    assert (kept.reached, kept.failure, kept.delta_failure) == ("converted", "", "its process ended with 7")


def test_the_page_holds_what_was_measured() -> None:
    rows = zoo.load(zoo.RESULTS)
    assert rows
    written = zoo.PAGE.read_text(encoding="utf-8")
    assert page(written, rows) == written


def test_the_page_counts_what_went_wrong() -> None:
    good = Row(ALEXNET, 64, "converted", macs=10**6, errors={"tracking": {"4": 0.5, "64": 0.1}}, spikingjelly="yes")
    text = content([good, Row(RESNET, 64, "captured", failure="SnnfwError: no")])
    assert (
        "| torchvision, classification | 2 | 2 | 1 | 1 of 1 | 0 of 0 | 0 of 0 | 0 of 0 | 0 of 0 | 0 of 0 | 1 |" in text
    )
    assert "| 0.500, 0.100 | - | - | - | - | - | - | - |" in text
    assert "| resnet18 | 0.0 M | 0 M | none | yes | no: SnnfwError: no |" in text


def test_the_page_names_what_multiplies_in_delta_coding_and_what_has_not_settled() -> None:
    errors = {"delta": {"1": 0.5, "2": 0.3, "4": 0.2}, "quantised": {"6": 0.2, "12": 0.003}}
    row = Row(ALEXNET, 64, "converted", macs=10**6, errors=errors, accumulated=0.9, settled=3, unsent=[0.2, 0.1, 0.0])
    late = replace(row, name=RESNET, multiplied={"layer1: matmul": 10**4}, settled=0, unsent=[0.2, 0.01])
    text = content([row, late])
    assert "| 90% | 0% | 0.500, 0.300, 0.200 | T = 3 | 0.200, 0.003 |" in text
    assert "| 90% | **1.0%** | 0.500, 0.300, 0.200 | 0.01 left at T = 2 | 0.200, 0.003 |" in text
    assert "| 2 of 2 | 2 of 2 | 1 of 2 | 0 |" in text


def test_every_packaged_family_of_detectors_is_in_the_zoo() -> None:
    pytest.importorskip("ultralytics")
    folder = Path(str(require_ultralytics().__file__)).parent / "cfg" / "models"
    names = [name.partition("/")[2] for name in zoo_networks.names() if name.startswith("ultralytics/")]
    found = {zoo_networks.packaged(name, folder).stem for name in names}
    left_out = re.compile("pose|obb|depth|world|yoloe|rtdetr-x|yolov10[mlx]")
    assert {path.stem for path in folder.rglob("*.yaml") if not left_out.search(path.stem)} == found


def test_exports_of_an_embedded_network_are_counted() -> None:
    cells = exports.row("task=classification model=digits-vgg plugin=adafire", samples=1).split(" | ")
    assert cells[1:4] == ["0.1 M", "0 (0.00%)", "0 (0.00%)"]


def test_python_is_measured_on_a_network_of_one_channel() -> None:
    (section,) = overhead.measure(calls=1)
    assert "17 neurons" in section.title
    assert len(section.rows) == 6
    assert all(layer.out_channels == 1 for layer in overhead.thin_resnet18().modules() if isinstance(layer, nn.Conv2d))
