"""Clouds as tensors, every one checked on the way: points, finite places, category, parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from snnfw_tasks.pointcloud_sources import Cloud, Clouds, CloudSamples


@dataclass(frozen=True, slots=True)
class CheckedClouds:
    """Some of a split's clouds, each refused if it is not what the rest of the run relies on.

    ``split`` and ``data`` name the clouds in errors; ``clouds`` is what they must fit. ``parts`` says that points need
    parts.
    """

    samples: CloudSamples
    indices: Sequence[int]
    split: str
    data: str
    clouds: Clouds
    parts: bool

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        """Return points [3, P] and labels [1 + P]: the category, and the points' parts where they count."""
        index = self.indices[position]
        cloud = self.samples[index]
        self._check(cloud, f"cloud {index} of data '{self.data}' ({self.split})")
        category = torch.tensor([cloud.category])
        labels = torch.cat([category, cloud.parts]) if self.parts and cloud.parts is not None else category
        return cloud.points.T.contiguous(), labels

    def stacked(self, positions: Iterable[int]) -> tuple[Tensor, Tensor]:
        """Return some clouds as points [N, 3, P] and labels [N, 1 + P]."""
        points, labels = zip(*(self[position] for position in positions), strict=True)
        return torch.stack(points), torch.stack(labels)

    def _check(self, cloud: Cloud, where: str) -> None:
        expected = (self.clouds.points, 3)
        if tuple(cloud.points.shape) != expected:
            raise SnnfwError(f"{where} has the shape {list(cloud.points.shape)} instead of {list(expected)}.")
        if not cloud.points.isfinite().all():
            raise SnnfwError(f"{where} holds NaN or infinity: repair or remove it.")
        known = len(self.clouds.categories)
        if not 0 <= cloud.category < known:
            raise SnnfwError(f"{where} has the category {cloud.category}, outside the {known} of the data.")
        if self.parts:
            self._check_parts(cloud, where)

    def _check_parts(self, cloud: Cloud, where: str) -> None:
        if cloud.parts is None or len(cloud.parts) != self.clouds.points:
            count = 0 if cloud.parts is None else len(cloud.parts)
            raise SnnfwError(f"{where} has {count} labels of parts for {self.clouds.points} points: give one for each.")
        own = torch.tensor(self.clouds.belongs()) == cloud.category
        inside = (cloud.parts >= 0) & (cloud.parts < len(own))
        if not inside.all() or not own[cloud.parts].all():
            wrong = cloud.parts[~inside] if not inside.all() else cloud.parts[~own[cloud.parts]]
            raise SnnfwError(
                f"{where} has a point of part {int(wrong[0])}, which is none of "
                f"'{self.clouds.categories[cloud.category]}'."
            )
