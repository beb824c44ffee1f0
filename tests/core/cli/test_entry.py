from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import yaml

import snnfw
import toy_plugin
from snnfw import cli
from snnfw.cli import command as commands
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

RUN = ["task=naming", "plugin=bursting"]
BOTH = ["compare", "task=naming", "methods=[bursting,single]", "checkpoints=[1,4]"]
NAMES = "Registered plugins: ann, bursting, plain. Registered neurons: burst, following, single."


@dataclass(frozen=True)
class Twice(toy_plugin.Burst):
    """Take a name that is taken."""

    name: ClassVar[str] = "burst"


BROKEN = SimpleNamespace(__name__="broken", snnfw_register_neurons=hookimpl(lambda: [Twice]))


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the commands find the toys, and one broken plugin, instead of what is installed."""
    monkeypatch.setattr(commands, "Registry", lambda: Registry(plugins=[toy_plugin, BROKEN], entry_points=False))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Replace the pipeline by one that notes what it is asked for."""
    seen: list[tuple[str, Any]] = []
    pipeline = ModuleType("snnfw.pipeline")
    pipeline.run = lambda config, registry, console: seen.append(("run", config))  # type: ignore[attr-defined]  # a stand-in
    preview = ModuleType("snnfw.preview")
    preview.plan = lambda config, console, *form: seen.append(("plan", config))  # type: ignore[attr-defined]  # a stand-in
    for module in (pipeline, preview):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(snnfw, module.__name__.partition(".")[2], module, raising=False)
    return seen


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_command_hands_the_configuration_to_the_pipeline(command: str, calls: list[tuple[str, Any]]) -> None:
    assert cli.main([command, *RUN, "neuron.phi=2"]) == 0
    [(called, config)] = calls
    assert called == command
    assert config.layers[-1].neuron == toy_plugin.Burst(phi=2)


@pytest.mark.parametrize("words", [["run", "--config", *RUN], ["plan", *RUN, "--config"]])
def test_config_prints_what_would_run_and_runs_nothing(
    words: list[str], calls: list[tuple[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 0
    printed = tmp_path / "config.yaml"
    printed.write_text(capsys.readouterr().out)
    assert cli.main(["run", f"experiment={printed}"]) == 0
    [(_, config)] = calls
    assert config.plugin == "bursting"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", *RUN, "neuron.phi=0"], "neuron.phi=0 is not allowed: it must be at least 1."),
        (
            ["run", *RUN, "--confg"],
            "no option named '--confg'. Did you mean '--config'? Options: --config, --help, --quick.",
        ),
        (
            ["rnu"],
            "no command named 'rnu'. Did you mean 'run'? Commands: compare, diagnose, doctor, experiments, export, plan, plugins, report, reproduce, run, show, sweep, train, tune.",
        ),
        (["compare", "task=naming"], f"nothing says which methods to compare: give methods=[NAME, ...]. {NAMES}"),
        (
            [*BOTH, "--confg"],
            "no option named '--confg'. Did you mean '--config'? Options: --config, --help, --quick.",
        ),
        (["doctor", "now"], "'snnfw doctor' takes no arguments."),
        (
            ["plugins", "show"],
            "'snnfw plugins show' is not a command. Commands: plugins list, plugins info NAME, plugins check NAME KEY=VALUE ..., plugins new NAME kind=KIND.",
        ),
        (
            ["plugins", "check", "broken"],
            "plugin 'broken' is quarantined: neuron 'burst' is already registered by plugin 'toy_plugin'.",
        ),
        (
            ["plugins", "info", "broken"],
            "plugin 'broken' is quarantined: neuron 'burst' is already registered by plugin 'toy_plugin'.",
        ),
        (
            ["plugins", "info", "brst"],
            "no method or plugin named 'brst'. Did you mean 'burst'? Registered: ann, burst, bursting, calibrated, "
            "callable, confident, digits, direct, finding, flat, folder, following, greedy, horowitz, naming, plain, single, "
            "small, snnfw, toy_plugin, zoo.",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_status_two(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"snnfw: {sentence}\n")


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the comparison by one that notes what it is asked for; one that has no seed fails."""
    seen: list[Any] = []

    def compare(config: Any, console: object, registry: object) -> SimpleNamespace:
        seen.append(config)
        return SimpleNamespace(complete=config.shared.seed > 0)

    module = ModuleType("snnfw.comparing")
    module.compare_methods = compare  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "snnfw.comparing", module)
    return seen


@pytest.mark.parametrize(("seed", "status"), [(1, 0), (0, 1)])
def test_a_comparison_in_which_a_method_fails_has_status_one(seed: int, status: int, compared: list[Any]) -> None:
    assert cli.main([*BOTH, f"seed={seed}"]) == status
    [config] = compared
    assert [method.name for method in config.methods] == ["bursting", "single"]
    assert config.words == (*BOTH[1:], f"seed={seed}")


def test_config_of_a_comparison_can_be_given_back(
    compared: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*BOTH, "--config"]) == 0
    printed = tmp_path / "config.yaml"
    printed.write_text(capsys.readouterr().out)
    cli.main(BOTH)
    cli.main(["compare", f"experiment={printed}"])
    first, second = compared
    assert first == second


def raising(error: BaseException) -> Any:
    def run(config: object, registry: object, console: object) -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (SnnfwError("no such weights."), 2, "snnfw: no such weights.\n"),
        (KeyboardInterrupt(), 130, "snnfw: interrupted.\n"),
        (KeyboardInterrupt("go on so"), 130, "snnfw: interrupted: go on so.\n"),
    ],
)
def test_what_goes_wrong_on_the_way_shows_no_traceback(
    error: BaseException,
    status: int,
    said: str,
    calls: list[tuple[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.modules["snnfw.pipeline"], "run", raising(error))
    assert cli.main(["run", *RUN]) == status
    assert capsys.readouterr().err == said


def test_one_of_several_processes_says_that_it_was_interrupted(
    calls: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(sys.modules["snnfw.pipeline"], "run", raising(KeyboardInterrupt()))
    assert cli.main(["run", *RUN]) == 130  # by which Lightning ends the first one, should that wait for this one
    assert capsys.readouterr().err == ""


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    for words in ([], ["--help"], ["-h"]):
        assert cli.main(words) == 0
        assert "doctor Say what this machine can run, and how to mend the rest." in squeezed(capsys.readouterr().out)


@pytest.mark.parametrize("words", [["help", "neuron"], ["--help", "neuron"], ["-h", "neuron"]])
def test_help_on_a_topic_needs_no_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for asked in (words, ["run", "--help", "neuron"]):
        assert cli.main(asked) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != ""
    assert cli.main([words[0], "compare"]) == 0
    assert "Usage: snnfw compare" in capsys.readouterr().out
    assert cli.main([words[0], "neurn"]) == 2
    assert "there is no help on 'neurn'. Did you mean 'neuron'?" in capsys.readouterr().err


def test_help_of_run_lists_what_can_be_configured(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--help", "all"]) == 0
    assert "neuron.phi spikes per timestep, at most (int >= 1, default 4)" in squeezed(capsys.readouterr().out)


def test_help_of_compare_says_what_is_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["compare", "--help", "all"]) == 0
    lines = squeezed(capsys.readouterr().out)
    for line in (
        "Usage: snnfw compare KEY=VALUE ... [--config]",
        "snnfw compare task=classification methods=[calibration,adafire,if] checkpoints=[1,2,4,8]",
        "methods plugins and neurons by name, or mappings {name, plugin, recipe, layers, neuron, converter, search, exit, fitting} "
        "(list of text | mapping, required)",
        "checkpoints timesteps to compare at (list of int, default [1, 2, 4, 8, 16, 32])",
        "retarget convert anew for each of them; false: read all off one conversion for the last (bool, default true)",
        "neuron.phi spikes per timestep, at most (int >= 1, default 4)",
    ):
        assert line in lines
    assert [line for line in lines if line.startswith(("timesteps ", "checkpoints "))] == [
        "checkpoints timesteps to compare at (list of int, default [1, 2, 4, 8, 16, 32])"
    ]


COMMANDS = ("run", "plan", "compare", "train")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_a_screen(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "task=naming", "--help"]) == 0
    printed = capsys.readouterr().out
    assert 20 <= len(printed.splitlines()) <= 40
    assert max(map(len, printed.splitlines())) <= 80
    for deeper in ("--help neuron", "--help settings", "--help all"):
        assert deeper in printed


TOPICS = {
    "neuron": ["burst Fire up to phi spikes at once.", "single"],
    "burst": [
        "neuron burst (registered by toy_plugin)",
        "neuron.phi spikes per timestep, at most (int >= 1, default 4)",
    ],
    "neuron.burst": ["neuron burst (registered by toy_plugin)"],
    "data.folder": ["data set folder (registered by toy_plugin)"],
    "plugin": ["bursting Bursts where the network has ReLUs."],
    "settings": ["seed seed of everything random (int >= 0 < 4294967296, default 0)"],
    "timesteps": ["seed seed of everything random (int >= 0 < 4294967296, default 0)"],
}


@pytest.mark.parametrize("topic", TOPICS)
def test_help_goes_deeper_by_topic(
    topic: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["run", "--help", topic]) == 0
    lines = squeezed(capsys.readouterr().out)
    assert [line for line in TOPICS[topic] if not any(line in printed for printed in lines)] == []


def test_help_on_nothing_is_refused_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--help", "neurn"]) == 2
    assert capsys.readouterr().err.startswith(
        "snnfw: there is no help on 'neurn'. Did you mean 'neuron'? Topics: all, "
    )


QUICK = {
    "a run of a preset with its own timesteps": (["run", *RUN], []),
    "a run of a neuron": (["run", "task=naming", "neuron=burst"], ["timesteps=4", "checkpoints=[1,2,4]"]),
    "its own timesteps": (["run", "task=naming", "neuron=burst", "timesteps=6"], []),
    "a comparison": (["compare", "task=naming", "methods=[single]"], ["checkpoints=[1,2,4]"]),
    "a training": (
        ["train", "task=naming", "neuron=burst"],
        ["timesteps=4", "trainer.epochs=1"],
    ),
}


@pytest.mark.parametrize("what", QUICK)
def test_a_first_look_is_words_that_its_config_repeats(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (command, *words), short = QUICK[what]
    assert cli.main([command, *words, "--quick", "--config"]) == 0
    quick = capsys.readouterr().out
    assert cli.main([command, *short, *words, "--config"]) == 0
    assert capsys.readouterr().out == quick
    assert yaml.safe_load(quick)


def test_plugins_list_shows_what_is_offered_and_what_is_quarantined(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    assert cli.main(["plugins", "list"]) == 0
    lines = squeezed(capsys.readouterr().out)
    assert "snnfw converter direct; energy model horowitz; plugin ann" in lines
    assert (
        "toy_plugin neuron burst, single, following; converter calibrated; search greedy; "
        "exit policy confident; energy model flat; task naming, finding; model small, zoo, callable; data set digits, folder; "
        "plugin bursting, plain"
    ) in lines
    assert "broken neuron 'burst' is already registered by plugin 'toy_plugin'." in lines


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("burst", ["neuron burst (registered by toy_plugin)", "Fire up to phi spikes at once."]),
        ("burst", ["neuron.phi spikes per timestep, at most (int >= 1, default 4)"]),
        ("small", ["model small (registered by toy_plugin)", "no parameters"]),
        ("bursting", ["plugin bursting (registered by toy_plugin)", "phi: 3", "timesteps: 6"]),
        ("toy_plugin", ["package toy_plugin"]),
    ],
)
def test_plugins_info_describes_methods_presets_and_packages(
    name: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["plugins", "info", name]) == 0
    lines = squeezed(capsys.readouterr().out)
    assert [line for line in expected if line not in lines] == []


VERDICTS = {
    "burst": ("neuron burst: it emits NaN.",),
    "single": ("neuron single: ok",),
    "folder": ("data set folder: not tried: there is no such folder.",),
}


@dataclass(frozen=True)
class Verdict:
    """What a check said."""

    lines: tuple[str, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        return tuple(line for line in self.lines if "NaN" in line)

    @property
    def passed(self) -> bool:
        return all(line.endswith(": ok") for line in self.lines)


@pytest.mark.parametrize(
    ("words", "checked", "status"),
    [
        (["single"], ["neuron single: ok"], 0),
        (["burst"], ["neuron burst: it emits NaN."], 1),
        (["folder"], ["data set folder: not tried: there is no such folder."], 1),
        (["folder", "data.root=x"], ["data set folder: not tried: there is no such folder. data.root=x"], 1),
        (["naming"], ["tasks naming"], 0),
        (["snnfw"], ["converters direct", "energy_models horowitz", "presets ann"], 0),
        (
            ["toy_plugin"],
            [
                *("neuron burst: it emits NaN.", "neuron single: ok", "neurons following", "converters calibrated"),
                *(
                    "searches greedy",
                    "exit_policies confident",
                    "energy_models flat",
                    "tasks naming",
                    "tasks finding",
                    "models small",
                ),
                *(
                    "models zoo",
                    "models callable",
                    "data digits",
                    "data set folder: not tried: there is no such folder.",
                ),
                *("presets bursting", "presets plain"),
            ],
            1,
        ),
    ],
)
def test_plugins_check_holds_everything_of_a_name_against_its_contract(
    words: list[str],
    checked: list[str],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def check(registry: Any, kind: str, name: str, given: list[str]) -> list[Any]:
        lines = VERDICTS.get(name, (f"{kind} {name}: ok",))
        return [Verdict(tuple(" ".join((line, *given)) for line in lines))]

    named = ModuleType("snnfw.checks.named")
    named.check_named = check  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "snnfw.checks.named", named)
    assert cli.main(["plugins", "check", *words]) == status
    assert [line.removesuffix(": ok") for line in capsys.readouterr().out.splitlines()] == [
        line.removesuffix(": ok") for line in checked
    ]
    if words == ["toy_plugin"]:
        assert cli.main(["plugins", "check"]) == 1
        assert len(capsys.readouterr().out.splitlines()) == len(checked) + 3  # and the core's own


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "brst"], "no method or plugin named 'brst'. Did you mean 'burst'? Registered: "),
        (
            ["check", "burst", "phi=3"],
            "no key named 'phi'. Keys: converter, data, energy, exit, launcher, model, neuron, search, task, tracker.",
        ),
        (["new", "mine", "search"], "'snnfw plugins new' takes one name and one kind=KIND, and not search. Kinds: "),
        (["new", "mine", "kind=serch"], "no kind of plugin named 'serch'. Did you mean 'search'? Kinds: converter, "),
        (["new", "greedy", "kind=search"], "'greedy' is taken already, see 'snnfw plugins list': choose another name."),
    ],
)
def test_what_is_asked_of_plugins_by_mistake_is_refused(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["plugins", *words]) == 2
    assert capsys.readouterr().err.startswith(f"snnfw: {said}")
    assert list(tmp_path.iterdir()) == []


def test_a_file_can_be_described_before_it_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text('"""My own."""\nimport snnfw\n@snnfw.hookimpl\ndef snnfw_register_neurons():\n    return []\n')
    assert cli.main(["plugins", "info", str(file)]) == 0
    assert squeezed(capsys.readouterr().out)[:2] == ["package mine", "My own."]


@pytest.mark.parametrize("words", [["plugins", "list"], ["--help"], ["run", "--help"], ["compare", "--help"]])
def test_looking_around_imports_no_torch(words: list[str]) -> None:
    program = (
        f"import sys; from snnfw.cli import main; status = main({words!r}); sys.exit(status or 'torch' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_what_needs_torch_is_there_when_asked_for() -> None:
    from snnfw.neurons.spiking_neuron import SpikingNeuron

    assert snnfw.SpikingNeuron is SpikingNeuron
    with pytest.raises(AttributeError, match="module 'snnfw' has no attribute 'Spiking'"):
        snnfw.Spiking  # noqa: B018  # the look-up is the point
