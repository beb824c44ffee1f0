"""Every mistake at the command line: one sentence, exit status 2, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import snnfw_tasks
from snnfw.cli import main
from snnfw.errors import list_names
from snnfw.registry import Registry

WEIGHTS = Path(snnfw_tasks.__file__).parent / "weights"
KEYS = (
    "Keys: backend, checkpoint, checkpoints, converter, data, device, devices, energy, exit, experiment, fitting,"
    " launcher, layers, load, memory, model, neuron, nodes, out, plugin, recipe, resume, save, search, seed, settled, "
    "strict, task, timesteps, tracker."
)
FILES = {
    "mistaken_nets.py": (
        "import torch\n\n\n"
        "class FixedBatch(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.layer = torch.nn.Linear(64, 10)\n\n"
        "    def forward(self, x):\n"
        "        return torch.relu(self.layer(x.view(2, 64)))\n\n\n"
        "def with_nan():\n"
        "    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10), torch.nn.ReLU())\n"
        "    net[1].weight.data[0, 0] = float('nan')\n"
        "    return net\n\n\n"
        "def frozen():\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10), torch.nn.ReLU()).requires_grad_(False)\n\n\n"
        "def mixing():\n"
        "    class Mixing(torch.nn.Module):\n"
        "        def __init__(self):\n"
        "            super().__init__()\n"
        "            self.layer = torch.nn.Linear(64, 10)\n\n"
        "        def forward(self, x):\n"
        "            y = self.layer(x.flatten(1))\n"
        "            return torch.relu(y - y.mean(0, keepdim=True))\n\n"
        "    return Mixing()\n"
    ),
    "not_a_recipe.yaml": "just text\n",
    "no_match.yaml": 'layers:\n  - {match: "nothing.*", neuron: if}\n  - {match: "*", neuron: if}\n',
    "uncovered.yaml": 'layers:\n  - {match: "layer1.*", neuron: if}\n',
    "named.yaml": 'layers:\n  - {match: "*", neuron: if}\n',
    "kept.yaml": 'layers:\n  - {match: "relu", neuron: keep}\n  - {match: "*", neuron: if}\n',
}

MISTAKES = {
    "plugin=adafir": "no plugin named 'adafir'. Did you mean 'adafire'? Registered: {plugins}.",
    "neuron=adafir": "no neuron named 'adafir'. Did you mean 'adafire'? Registered: {neurons}.",
    "plugin=adafire neuron.fi=2": "neuron 'adafire' has no parameter 'fi'. Did you mean 'phi'? Its parameters: phi, shift, signed, rho.",
    "plugin=adafire task=clasification": (
        "no task named 'clasification'. Did you mean 'classification'? Registered: {tasks}."
    ),
    "plugin=adafire model=digits-resnet2": (
        "no model named 'digits-resnet2'. Did you mean 'digits-resnet20'? Registered: {models}."
    ),
    "plugin=adafire timestep=3": f"no key named 'timestep'. Did you mean 'timesteps'? {KEYS}",
    "plugin=adafire timesteps=0": "timesteps=0 is not allowed: it must be at least 1.",
    "plugin=adafire neuron.phi=0": "neuron.phi=0 is not allowed: it must be at least 1.",
    "plugin=adafire neuron.phi=2.5": "neuron.phi=2.5 is not allowed: it must be a whole number.",
    "plugin=adafire checkpoints=[1,99]": (
        "checkpoints=[1, 99] is not allowed: it must be a list of timesteps from 1 to 8."
    ),
    "plugin=adafire backend=abacus": "backend=abacus is not allowed: it must be 'auto', 'reference', 'native' or 'cupy'.",
    "plugin=adafire device=cuda:99": "device 'cuda:99' is not there: this machine has {devices}.",
    "plugin=adafire out=.": "out=. exists already: name a folder that does not, nothing is ever overwritten.",
    "recipe=no_match.yaml": (
        "rule 'nothing.*' places nothing: it matches none of the 19 sites (relu, layer1.0.relu1, layer1.0.relu2 ...). "
        "Correct it, remove it, or say optional: true."
    ),
    "recipe=uncovered.yaml": (
        "no rule covers site 'relu' (relu): add a rule that matches it, such as {match: \"relu\", neuron: keep}."
    ),
    "recipe=not_a_recipe.yaml": (
        "not_a_recipe.yaml is not a recipe: no key named 'just text'. Keys: checkpoints, converter, energy, exit, fitting, layers, "
        "load, neuron, search, settled, timesteps."
    ),
    "recipe=missing.yaml": "recipe=missing.yaml does not work: there is no such file.",
    "recipe=named.yaml neuron.phi=2": (
        "neuron.phi=2 has no effect: every rule of the layers names its own neuron. Leave the neuron out of the rules that "
        "it is meant for."
    ),
    "recipe=kept.yaml strict=true": (
        "strict=true and 1 operator stays analog: relu at 'relu'. Give kept sites a neuron, and let a layer read a "
        "neuron's spikes instead of another layer's output, or leave strict out to run and charge them as they are."
    ),
    f"plugin=adafire model=digits-vgg model.weights={WEIGHTS / 'digits-resnet20.safetensors'}": (
        f"weights '{WEIGHTS / 'digits-resnet20.safetensors'}' are of another architecture: 32 missing (first "
        "'features.0.weight'), 128 unexpected (first 'bn1.num_batches_tracked')."
    ),
    "plugin=adafire data=folder data.root=nowhere": (
        "data 'folder' finds no folder 'nowhere': expected there are train/CLASS/*.png, test/CLASS/*.png (or val/) and, "
        "optionally, calibration/CLASS/*.png."
    ),
    "plugin=adafire model=digits-vgg model.weights=numbers.pth": (
        "weights 'numbers.pth' hold tensors under numbers, not names: save model.state_dict() instead."
    ),
    "train plugin=ann model=mistaken_nets:frozen": (
        "no parameter of the network may change, so there is nothing to train: it has none, or all are frozen "
        "(requires_grad=False)."
    ),
    "train plugin=inflor model=mistaken_nets:FixedBatch": (
        "the network's batch cannot be dynamic: its forward fixes the number of samples to 2. Derive sizes from "
        "x.shape[0] (or use -1 in view and reshape), so that it runs on any number of samples."
    ),
    "train plugin=inflor model.weights=numbers.pth": (
        "weights 'numbers.pth' hold tensors under numbers, not names: save model.state_dict() instead."
    ),
    "plugin=adafire model=mistaken_nets:FixedBatch": (
        "the network's batch cannot be dynamic: its forward fixes the number of samples to 2. Derive sizes from "
        "x.shape[0] (or use -1 in view and reshape), so that it runs on any number of samples."
    ),
    "plugin=adafire model=mistaken_nets:with_nan": (
        "parameter '1.weight' of model 'callable' holds NaN or infinity: use other weights."
    ),
    "plugin=adafire model=mistaken_nets:mixing": (
        "operator 'mean' at 'the top of the network' mixes the samples of a batch: its result has no batch dimension and "
        "yet depends on the samples. A spiking network needs every sample computed alone."
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    torch.save({0: torch.zeros(1)}, tmp_path / "numbers.pth")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    return tmp_path


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_one_sentence_with_status_two_and_leaves_nothing(
    words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = [] if "task=" in words else ["task=classification"]
    command = [] if words.startswith("train") else ["run"]
    assert main([*command, *words.split(), *task]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"snnfw: {filled(MISTAKES[words])}\n"
    assert {path.name for path in folder.iterdir()} == {*FILES, "numbers.pth"}


def filled(sentence: str) -> str:
    """Return a sentence with what this machine has and what is registered here."""
    registry = Registry()
    names = {
        "devices": ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))],
        "plugins": sorted(registry.presets),
        "neurons": sorted(registry.neurons),
        "tasks": sorted(registry.tasks),
        "models": sorted(registry.models),
    }
    for name, values in names.items():
        sentence = sentence.replace("{" + name + "}", list_names(values))
    return sentence
