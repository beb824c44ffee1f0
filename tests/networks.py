"""Networks for tests: small, with random weights and statistics that keep their outputs alive."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.conversion.direct import Direct
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Build a network whose random weights are always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def estimated(model: nn.Module, example: Tensor) -> nn.Module:
    """Estimate batch-norm statistics on noise like the example, and return the network in evaluation mode."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None
            module.reset_running_stats()
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    model.train()
    noise = torch.randn((24, *example.shape[1:]), generator=torch.Generator().manual_seed(5))
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)  # stochastic depth draws
        model.to(torch.float32)(noise)
    model.eval()
    return model


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Return standard normal noise in float64."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small_vit() -> nn.Module:
    """Return a Vision Transformer of two layers whose head is not zero."""
    model: nn.Module = torchvision.models.VisionTransformer(32, 8, 2, 4, 32, 64, num_classes=10)
    nn.init.normal_(model.get_parameter("heads.head.weight"))
    return model


def small_swin() -> nn.Module:
    """Return a Swin Transformer of two stages for images [N, 3, 16, 16], of shifted windows, whose head is not zero."""
    model: nn.Module = torchvision.models.SwinTransformer([2, 2], 16, [2, 2], [2, 4], [4, 4], num_classes=10)
    nn.init.normal_(model.get_parameter("head.weight"))
    for name, weight in model.named_parameters():
        if name.endswith("qkv.weight"):  # so that some tokens are looked at more than others
            nn.init.normal_(weight, std=0.5)
    return model


def unlike(*shape: int, seed: int = 0) -> Tensor:
    """Return images [N, C, H, W] that differ a lot: in contrast, brightness, and gratings of other directions."""
    n, _, height, width = shape
    generator = torch.Generator().manual_seed(seed)
    each = torch.rand((6, n, 1, 1, 1), generator=generator, dtype=torch.float64)
    down = torch.arange(height, dtype=torch.float64).view(-1, 1) / height
    across = torch.arange(width, dtype=torch.float64) / width
    grating = torch.sin(2 * torch.pi * (6 * each[0] * down + 6 * each[1] * across + each[2]))
    return 4 * each[3] ** 2 * noise(*shape, seed=seed) + 3 * each[4] * grating + 2 * each[5] - 1


class ConvNet(nn.Module):
    """Two convolutions with batch norm, a residual sum, max pooling and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 5]."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)) + x)
        return self.head(self.pool(x).mean((2, 3)))  # type: ignore[no-any-return]  # Linear


class InPlaceReuse(nn.Module):
    """Use a tensor after an in-place ReLU has changed it: y means relu(y) everywhere after it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 4]."""
        y = self.conv1(x)
        r = torch.relu_(y)
        z = F.relu(self.conv2(r) + y)
        return self.head(z.mean((2, 3)))  # type: ignore[no-any-return]  # Linear


class InnerBatch(nn.Module):
    """Merge the batch as the inner factor of a dimension, [L, N, E] to [L · N, E], around an activation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 3] from sequences [N, L, 6]."""
        n, length, _ = x.shape
        tokens = F.relu(self.first(x)).transpose(0, 1).reshape(length * n, 8)
        tokens = F.relu(self.second(tokens)).softmax(-1).reshape(length, n, 8)
        return self.head(F.relu(tokens.mean(0) - 0.1))  # type: ignore[no-any-return]  # Linear


class MaskedAttention(nn.Module):
    """Attention whose heads share a key, with keys that a sample hides from all queries, and one that looks back."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.project, self.head = nn.Linear(6, 8), nn.Linear(8, 16), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, L, 3] from sequences [N, L, 6]."""
        n, length, _ = x.shape
        tokens = self.project(F.relu(self.first(x))).reshape(n, length, 4, 4).transpose(1, 2)
        shown = (x[..., 0] > 0)[:, None, None]
        shared = F.scaled_dot_product_attention(tokens, tokens[:, :2], tokens[:, 2:], shown, enable_gqa=True)
        back = F.scaled_dot_product_attention(shared[:, :2], tokens[:, 2:], shared[:, 2:], is_causal=True)
        return self.head(F.relu(back.transpose(1, 2).reshape(n, length, 8)))  # type: ignore[no-any-return]  # Linear


class MixesSamples(nn.Module):
    """Subtract the batch's mean: every sample's output depends on the others."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, 4]."""
        y = self.layer(x)
        return F.relu(y - y.mean(0, keepdim=True))


class SmallPointNet(nn.Module):
    """1-D convolutions, a predicted transform applied by bmm, and the maximum over points."""

    def __init__(self) -> None:
        super().__init__()
        self.transform = nn.Sequential(
            nn.Conv1d(3, 16, 1), nn.BatchNorm1d(16), nn.ReLU(), nn.Conv1d(16, 32, 1), nn.ReLU()
        )
        self.predict = nn.Linear(32, 9)
        self.mlp = nn.Sequential(nn.Conv1d(3, 16, 1), nn.BatchNorm1d(16), nn.ReLU(), nn.Conv1d(16, 32, 1), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 5))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 5] from points [N, 3, P]."""
        matrix = self.predict(torch.max(self.transform(x), 2)[0]).view(-1, 3, 3) + torch.eye(3).to(x)
        moved = torch.bmm(x.transpose(1, 2), matrix).transpose(1, 2)
        return F.log_softmax(self.head(torch.max(self.mlp(moved), 2)[0]), 1)


def converted(
    graph: Graph, neuron: Neuron, inputs: Tensor, timesteps: int, other: Neuron | None = None
) -> SpikingModel:
    """Convert directly, ``neuron`` for ReLU and ``other`` (default: the same) elsewhere, thresholds from ``inputs``."""
    rules = (Rule("*", neuron, activation="relu", optional=True), Rule("*", other or neuron, optional=True))
    return Direct().convert(graph, place(graph, rules), [(inputs,)], timesteps, Resources())


def captured(build: Callable[[], nn.Module], example: Tensor) -> Graph:
    """Capture a freshly built network in float64."""
    return capture(estimated(seeded(build), example).double(), (example,))


def contract_network() -> nn.Module:
    """Return a network for the embedded digits, as a user's function would."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
