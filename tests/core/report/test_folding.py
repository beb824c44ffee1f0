from __future__ import annotations

import pytest

from snnfw.report.folding import MOST_LINES, Line, fold


def lines(*named: str) -> list[Line]:
    """Return lines of operators written as ``path operator``."""
    return [Line(name.split()[0], name.split()[0], (name.split()[1],), 1) for name in named]


def shown(folded: list[Line]) -> list[str]:
    return [f"{line.where} {line.told[0]} {line.count}" for line in folded]


def block(path: str, shortcut: bool = False) -> list[str]:
    return [f"{path}.conv1 conv", f"{path}.relu relu", *[f"{path}.down conv"] * shortcut, f"{path}.relu#2 relu"]


FOLDS = {
    "blocks of one stage": (
        ["stem conv", *block("layer1.0"), *block("layer1.1"), *block("layer1.2"), "fc linear"],
        [
            "stem conv 1",
            "layer1.0..2.conv1 conv 3",
            "layer1.0..2.relu relu 3",
            "layer1.0..2.relu#2 relu 3",
            "fc linear 1",
        ],
    ),
    "the first block of a stage differs": (
        [*block("layer1.0", True), *block("layer1.1"), *block("layer1.2")],
        [
            *("layer1.0.conv1 conv 1", "layer1.0.relu relu 1", "layer1.0.down conv 1", "layer1.0.relu#2 relu 1"),
            *("layer1.1..2.conv1 conv 2", "layer1.1..2.relu relu 2", "layer1.1..2.relu#2 relu 2"),
        ],
    ),
    "layers in turn": (["0 conv", "1 relu", "2 conv", "3 relu"], ["0..2 conv 2", "1..3 relu 2"]),
    "no number": (["a conv", "b conv"], ["a conv 1", "b conv 1"]),
    "what becomes of them differs": (["0 conv", "1 relu", "2 conv"], ["0 conv 1", "1 relu 1", "2 conv 1"]),
    "calls of one module": ([f"lstm{'#' * (n > 0)}{n or ''} tanh" for n in range(1, 5)], ["lstm#1..4 tanh 4"]),
    "nothing": ([], []),
}


@pytest.mark.parametrize("name", FOLDS)
def test_repeats_are_one_line_for_each_operator(name: str) -> None:
    given, expected = FOLDS[name]
    assert shown(fold(lines(*given))) == expected


@pytest.mark.parametrize(
    "given",
    [
        [f"net.{n} {('conv', 'relu')[n % 2]}" for n in range(1000)],
        [f"net.{n} {('conv', 'relu', 'pool')[n * n % 7 % 3]}" for n in range(1000)],
        [f"{chr(97 + n % 26)}{chr(97 + n // 26)}.{n} {('conv', 'relu')[n * n % 7 % 2]}" for n in range(600)],
        [line for stage in range(40) for n in range(1 + stage % 5) for line in block(f"stage{stage}.{n}", n == 0)],
    ],
)
def test_a_thousand_layers_are_a_screen_or_two_and_lose_nothing(given: list[str]) -> None:
    folded = fold(lines(*given))
    assert len(folded) <= MOST_LINES
    assert sum(line.count for line in folded) == sum(line.macs for line in folded) == len(given)
