from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import safe_open

from snnfw.values import Resources
from snnfw_tasks.networks.shipped import shipped_weights
from snnfw_tasks.speech.data.words_sounds import WORDS
from snnfw_tasks.speech.models.m5 import M5Model, M5Words, build_embedded
from snnfw_tasks.speech.models.m5_network import M5


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_tutorials_network_has_its_parameters_and_lengths() -> None:
    module = M5Model().build(35, Resources()).eval()
    assert count(module) == 26_915
    lengths = []
    wave = torch.randn(2, 1, 8000)
    for layer in module.features:  # type: ignore[union-attr]  # a Sequential
        wave = layer(wave)
        if isinstance(layer, torch.nn.Conv1d | torch.nn.MaxPool1d):
            lengths.append(wave.shape[2])
    assert lengths == [496, 124, 122, 30, 28, 7, 5, 1]


def test_the_papers_width_and_stride() -> None:
    """By hand: 80·128, 3·128·128, 3·128·256 and 3·256·512 weights, biases, two numbers per norm, and the last layer."""
    module = M5Model(widths=(128, 128, 256, 512), stride=4).build(10, Resources())
    weights = 80 * 128 + 3 * (128 * 128 + 128 * 256 + 256 * 512)
    assert count(module) == weights + 3 * (128 + 128 + 256 + 512) + 513 * 10
    assert module(torch.randn(2, 1, 8000)).shape == (2, 10)


def test_outputs_are_logits() -> None:
    logits = M5(classes=4).eval()(torch.randn(3, 1, 8000))
    assert not torch.allclose(logits.exp().sum(1), torch.ones(3))


def test_random_weights_are_the_seeds() -> None:
    one, again, other = (M5Model().build(3, Resources(seed=seed)).state_dict() for seed in (0, 0, 1))
    assert all(tensor.equal(again[name]) for name, tensor in one.items())
    assert not one["fc.weight"].equal(other["fc.weight"])


@pytest.mark.parametrize("widths", [(32, 32, 64), (32, 32, 64, 0), (1, 2, 3, 4, 5)])
def test_four_widths_are_needed(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(M5Model).validate_python({"widths": widths})


def test_the_shipped_weights_are_small_and_say_how_they_were_made() -> None:
    file = shipped_weights(M5Words.name)
    assert file.stat().st_size < 600_000
    with safe_open(file, "pt") as opened:
        facts = opened.metadata()
    assert set(facts) == {"accuracy", "command", "seed", "torch"}
    assert facts["command"] == "python -m tools.train_speech --epochs 40 --out m5-words.safetensors"
    assert 0.9 <= float(facts["accuracy"]) <= 0.99
    module = M5Words().build(len(WORDS), Resources())
    assert module.state_dict().keys() == build_embedded().state_dict().keys()
    assert count(module) == 100_234
