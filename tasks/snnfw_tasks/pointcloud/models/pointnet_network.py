"""PointNet (Qi et al., CVPR 2017): the same network for every point, a maximum over all of them, two heads."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

Pool: TypeAlias = Literal["max", "mean"]

ENCODER = (64, 64, 64, 128, 1024)
"""Channels of the classifier's encoder at width 1; the transform of features stands after the second."""
PART_ENCODER = (64, 128, 128, 512, 2048)
"""Channels of the encoder for parts; the transform of features stands after the third."""
TRANSFORM = (64, 128, 1024, 512, 256)
"""Channels of a transform's network: three layers for every point, two for all of them."""
HEAD = (512, 256)
PART_HEAD = (256, 256, 128)


class Transform(nn.Module):
    """Predict a matrix [N, k, k] from points [N, k, P]: the identity and what a small PointNet adds to it (a T-Net)."""

    def __init__(self, channels: int, widths: tuple[int, ...], pool: Pool) -> None:
        super().__init__()
        first, second, third, fourth, fifth = widths
        self.conv1, self.bn1, self.relu1 = shared_layer(channels, first)
        self.conv2, self.bn2, self.relu2 = shared_layer(first, second)
        self.conv3, self.bn3, self.relu3 = shared_layer(second, third)
        self.fc1, self.bn4, self.relu4 = dense_layer(third, fourth)
        self.fc2, self.bn5, self.relu5 = dense_layer(fourth, fifth)
        self.fc3 = nn.Linear(fifth, channels * channels)
        nn.init.zeros_(self.fc3.weight)
        nn.init.zeros_(self.fc3.bias)
        self.register_buffer("identity", torch.eye(channels), persistent=False)
        self.channels = channels
        self.pool: Pool = pool

    def forward(self, points: Tensor) -> Tensor:
        """Return a matrix for each cloud."""
        features = self.relu1(self.bn1(self.conv1(points)))
        features = self.relu2(self.bn2(self.conv2(features)))
        features = pool_points(self.relu3(self.bn3(self.conv3(features))), self.pool)
        features = self.relu4(self.bn4(self.fc1(features)))
        features = self.relu5(self.bn5(self.fc2(features)))
        matrix: Tensor = self.fc3(features).view(-1, self.channels, self.channels) + self.identity
        return matrix


class Encoder(nn.Module):
    """Turn points [N, 3, P] into features of every point, before and after each layer, and of the whole cloud."""

    def __init__(
        self, widths: tuple[int, ...], transform: tuple[int, ...], before: int, pool: Pool, transforms: bool
    ) -> None:
        super().__init__()
        self.stn = Transform(3, transform, pool) if transforms else None
        self.fstn = Transform(widths[before - 1], transform, pool) if transforms else None
        for number, (given, made) in enumerate(zip((3, *widths), widths, strict=False), start=1):
            conv, norm, relu = shared_layer(given, made)
            self.add_module(f"conv{number}", conv)
            self.add_module(f"bn{number}", norm)
            self.add_module(f"relu{number}", relu)
        self.before = before
        self.pool: Pool = pool

    def forward(self, points: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the features of the clouds [N, C] and of their points, [N, C, P] after every layer."""
        features, every = points, []
        if self.stn is not None:
            features = align(points, self.stn(points))
        for number in range(1, len(ENCODER) + 1):
            conv, norm, relu = (self.get_submodule(f"{kind}{number}") for kind in ("conv", "bn", "relu"))
            features = relu(norm(conv(features)))
            every.append(features)
            if number == self.before and self.fstn is not None:
                features = align(features, self.fstn(features))
                every[-1] = features
        return pool_points(features, self.pool), every


class PointNet(nn.Module):
    """Tell the category of a cloud of points: logits [N, K] from points [N, 3, P]."""

    def __init__(
        self,
        outputs: int,
        width: float = 1.0,
        features: int | None = None,
        pool: Pool = "max",
        transforms: bool = True,
    ) -> None:
        super().__init__()
        encoder, transform = widen_channels(ENCODER, width, features), widen_channels(TRANSFORM, width, features, at=2)
        self.feat = Encoder(encoder, transform, 2, pool, transforms)
        first, second = widen_channels(HEAD, width)
        self.fc1, self.bn1, self.relu1 = dense_layer(encoder[-1], first)
        self.fc2, self.bn2, self.relu2 = dense_layer(first, second)
        self.dropout = nn.Dropout(0.3)
        self.fc3 = nn.Linear(second, outputs)

    def forward(self, points: Tensor) -> Tensor:
        """Return the logits."""
        features, _ = self.feat(points)
        features = self.relu1(self.bn1(self.fc1(features)))
        features = self.relu2(self.bn2(self.fc2(features)))
        logits: Tensor = self.fc3(self.dropout(features))
        return logits


class PartPointNet(nn.Module):
    """Tell each point's part: logits [N, K, P] from points [N, 3, P] and the categories as one-hot vectors [N, C]."""

    def __init__(
        self,
        outputs: int,
        categories: int,
        width: float = 1.0,
        features: int | None = None,
        pool: Pool = "max",
        transforms: bool = True,
    ) -> None:
        super().__init__()
        encoder, transform = (
            widen_channels(PART_ENCODER, width, features),
            widen_channels(TRANSFORM, width, features, at=2),
        )
        self.feat = Encoder(encoder, transform, 3, pool, transforms)
        first, second, third = widen_channels(PART_HEAD, width)
        self.conv1, self.bn1, self.relu1 = shared_layer(encoder[-1] + categories + sum(encoder), first)
        self.conv2, self.bn2, self.relu2 = shared_layer(first, second)
        self.conv3, self.bn3, self.relu3 = shared_layer(second, third)
        self.conv4 = nn.Conv1d(third, outputs, 1)

    def forward(self, points: Tensor, category: Tensor) -> Tensor:
        """Return the logits."""
        cloud, every = self.feat(points)
        known = torch.cat([cloud, category], 1).unsqueeze(2).expand(-1, -1, points.shape[2])
        features = torch.cat([known, *every], 1)
        features = self.relu1(self.bn1(self.conv1(features)))
        features = self.relu2(self.bn2(self.conv2(features)))
        features = self.relu3(self.bn3(self.conv3(features)))
        logits: Tensor = self.conv4(features)
        return logits


def shared_layer(given: int, made: int) -> tuple[nn.Conv1d, nn.BatchNorm1d, nn.ReLU]:
    """Return a layer that every point goes through alike."""
    return nn.Conv1d(given, made, 1), nn.BatchNorm1d(made), nn.ReLU()


def dense_layer(given: int, made: int) -> tuple[nn.Linear, nn.BatchNorm1d, nn.ReLU]:
    """Return a layer for clouds' features."""
    return nn.Linear(given, made), nn.BatchNorm1d(made), nn.ReLU()


def align(points: Tensor, matrix: Tensor) -> Tensor:
    """Return points [N, k, P], each multiplied by its cloud's matrix [N, k, k] from the right."""
    return torch.bmm(matrix.transpose(1, 2), points)


def pool_points(features: Tensor, pool: Pool) -> Tensor:
    """Return the maximum, or the mean, of features [N, C, P] over the points."""
    return features.amax(2) if pool == "max" else features.mean(2)


def widen_channels(
    channels: tuple[int, ...], width: float, features: int | None = None, at: int = -1
) -> tuple[int, ...]:
    """Return the channels times ``width``, at least four each; ``features`` replaces those before the maximum."""
    scaled = [max(4, round(count * width)) for count in channels]
    if features is not None:
        scaled[at] = features
    return tuple(scaled)


def orthogonality_loss(matrix: Tensor) -> Tensor:
    """Return the mean over matrices A [N, k, k] of ‖I − A Aᵀ‖², which training adds to its loss with weight 0.001."""
    identity = torch.eye(matrix.shape[1], device=matrix.device)
    return (identity - torch.bmm(matrix, matrix.transpose(1, 2))).square().sum((1, 2)).mean()
