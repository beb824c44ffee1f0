"""Clouds as tensors, every one checked on the way: points, finite places, category, parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snnfw import SnnfwError

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw_tasks.pointcloud.sources import Cloud, Clouds


def check_cloud(clouds: Clouds, parts: bool, cloud: Cloud, place: str, split: str) -> tuple[Tensor, Tensor]:
    """Return points [3, P] and labels [1 + P]: the category, and the points' parts where ``parts`` says they count.

    Raise an SnnfwError unless they fit ``clouds``.
    """
    where = f"{place} ({split})"
    expected = (clouds.points, 3)
    if tuple(cloud.points.shape) != expected:
        raise SnnfwError(f"{where} has the shape {list(cloud.points.shape)} instead of {list(expected)}.")
    if not cloud.points.isfinite().all():
        raise SnnfwError(f"{where} holds NaN or infinity: repair or remove it.")
    known = len(clouds.categories)
    if not 0 <= cloud.category < known:
        raise SnnfwError(f"{where} has the category {cloud.category}, outside the {known} of the data.")
    labels = torch.tensor([cloud.category])
    if parts:
        labels = torch.cat([labels, _check_parts(clouds, cloud, where)])
    return cloud.points.T.contiguous(), labels


def _check_parts(clouds: Clouds, cloud: Cloud, where: str) -> Tensor:
    """Return the points' parts, which are all of the cloud's category."""
    if cloud.parts is None or len(cloud.parts) != clouds.points:
        count = 0 if cloud.parts is None else len(cloud.parts)
        raise SnnfwError(f"{where} has {count} labels of parts for {clouds.points} points: give one for each.")
    own = torch.tensor(clouds.belongs()) == cloud.category
    inside = (cloud.parts >= 0) & (cloud.parts < len(own))
    if not inside.all() or not own[cloud.parts].all():
        wrong = cloud.parts[~inside] if not inside.all() else cloud.parts[~own[cloud.parts]]
        raise SnnfwError(
            f"{where} has a point of part {int(wrong[0])}, which is none of '{clouds.categories[cloud.category]}'."
        )
    return cloud.parts
