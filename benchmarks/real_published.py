"""Convert a published network with each setting, from Python as a user does, and evaluate it on real images."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import snnfw
from benchmarks.real_images import Images
from benchmarks.real_networks import Network
from benchmarks.real_rows import AGREEMENT, Row, rows_of
from benchmarks.real_settings import Setting
from snnfw import Judgement, Output, Report
from snnfw.config.schema import KEYS_WITHOUT_TASK, RECIPE_KEYS
from snnfw.config.sources import read_words
from snnfw.simulate import Accuracy, is_correct, join_states, part_of_state, require_logits


class Answers:
    """Count right answers, and answers that are the network's own: targets [N, 2] hold labels and what it answers."""

    def __init__(self, classes: int) -> None:
        self.right, self.same = Accuracy(classes), Accuracy(classes)

    def update(self, output: Output, target: Tensor) -> None:
        """Take one batch."""
        self.right.update(output, target[:, 0])
        self.same.update(output, target[:, 1])

    def compute(self) -> dict[str, float]:
        """Return both as fractions from 0 to 1."""
        return {"accuracy": self.right.compute()["accuracy"], AGREEMENT: self.same.compute()["accuracy"]}

    def state(self) -> dict[str, Tensor]:
        """Return both counts."""
        return join_states(right=self.right.state(), same=self.same.state())

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Add what another one counted."""
        self.right.merge(part_of_state(state, "right"))
        self.same.merge(part_of_state(state, "same"))


class Published:
    """A published network with its images and its own answers, on which settings are tried."""

    def __init__(self, name: str, network: Network, root: Path, limit: int | None, calibration: int | None) -> None:
        self.name, self.net = name, network.build(root)
        self.calibration = network.images(network.calibration(root, calibration))
        test = network.images(network.test(root, limit))
        own, self.classes = answers(self.net, test)
        network.require_accuracy(float((own == test.targets).float().mean()), len(own), name)
        self.test = replace(test, targets=torch.stack([test.targets, own], 1))

    def measure(self, setting: Setting, timesteps: Sequence[int], command: str) -> list[Row]:
        """Return a row for each of the timesteps, all of one conversion for the last of them."""
        return rows_of(self.report(setting.words, timesteps), self.name, setting, command)

    def report(self, words: str, timesteps: Sequence[int]) -> Report:
        """Return what ``snnfw.evaluate`` says of the network that ``snnfw.convert`` makes of words."""
        snn = snnfw.convert(self.net, self.calibration, **arguments(words), timesteps=max(timesteps))
        config = snn.conversion.config if snn.conversion else None
        judged = Judgement(partial(Answers, self.classes), "accuracy", logits=require_logits, correct=is_correct)
        return snnfw.evaluate(snn, self.test, judged, checkpoints=timesteps, exit=config.exit if config else None)


def arguments(words: str) -> dict[str, Any]:
    """Return what ``snnfw.convert`` is given for the words of ``snnfw run``: what recipes hold goes into one."""
    read = read_words(shlex.split(words), KEYS_WITHOUT_TASK)
    method = read.pop("plugin", None)
    recipe = {key: read.pop(key) for key in RECIPE_KEYS if key in read}
    return {"method": method, "recipe": recipe, **read}


@torch.inference_mode()
def answers(net: nn.Module, images: Images) -> tuple[Tensor, int]:
    """Return the network's own answers, [N], and how many there are to choose from."""
    logits = torch.cat([net(*batch.inputs) for batch in images])
    return logits.argmax(1), logits.shape[1]
