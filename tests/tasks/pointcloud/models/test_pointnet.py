from __future__ import annotations

import pytest
import torch

from snnfw.contracts import ModelSource
from snnfw.values import Resources
from snnfw_tasks.networks.shipped import shipped_weights
from snnfw_tasks.pointcloud.models.pointnet import PointNetModel, PointNetShapes, build_embedded
from snnfw_tasks.pointcloud.models.pointnet_network import (
    PartPointNet,
    PointNet,
    Transform,
    align,
    orthogonality_loss,
    widen_channels,
)
from snnfw_tasks.pointcloud.sources import Head

CLS, PARTS = Head("cls", 5, 5), Head("parts", 7, 5)


def test_the_classifier_has_the_papers_number_of_parameters() -> None:
    """3.5 million in Qi et al., table 6."""
    count = sum(parameter.numel() for parameter in PointNet(40).parameters())
    assert count == pytest.approx(3.5e6, rel=0.02)


def test_names_follow_the_layers() -> None:
    names = {name.rpartition(".")[0] for name, _ in PointNet(40).named_parameters()}
    shared = {f"feat.{kind}{number}" for kind in ("conv", "bn") for number in range(1, 6)}
    transforms = {
        f"feat.{net}.{layer}"
        for net in ("stn", "fstn")
        for layer in ("conv1", "conv2", "conv3", "fc1", "fc2", "fc3", "bn1", "bn2", "bn3", "bn4", "bn5")
    }
    assert names == shared | transforms | {"fc1", "fc2", "fc3", "bn1", "bn2"}


@pytest.mark.parametrize("pool", ["max", "mean"])
@pytest.mark.parametrize("transforms", [True, False])
def test_the_order_of_points_does_not_matter(pool: str, transforms: bool) -> None:
    model = PointNetModel(width=0.1, pool=pool, transforms=transforms)  # type: ignore[arg-type]
    cls = model.build_head(CLS, Resources()).double().eval()
    parts = model.build_head(PARTS, Resources()).double().eval()
    points, category = torch.randn(3, 3, 20).double(), torch.eye(5)[:3].double()
    order = torch.randperm(20)
    assert torch.allclose(cls(points[:, :, order]), cls(points))
    assert torch.allclose(parts(points[:, :, order], category), parts(points, category)[:, :, order])
    assert not torch.allclose(cls(2 * points), cls(points))


def test_points_that_come_twice_change_nothing() -> None:
    cls = PointNetModel(width=0.1).build_head(CLS, Resources()).eval()
    points = torch.randn(2, 3, 12)
    assert torch.allclose(cls(torch.cat([points, points[:, :, :5]], 2)), cls(points), atol=1e-6)


def test_the_category_counts_for_parts() -> None:
    parts = PartPointNet(7, 5, width=0.1).eval()
    points = torch.randn(2, 3, 12)
    assert parts(points, torch.eye(5)[:2]).shape == (2, 7, 12)
    assert not torch.allclose(parts(points, torch.eye(5)[:2]), parts(points, torch.eye(5)[2:4]))


def test_a_transform_begins_as_the_identity() -> None:
    transform = Transform(4, widen_channels((64, 128, 1024, 512, 256), 0.1), "max").eval()
    points = torch.randn(2, 4, 9)
    assert transform(points).equal(torch.eye(4).expand(2, 4, 4))
    assert torch.allclose(align(points, transform(points)), points)
    matrix = torch.randn(2, 4, 4)
    assert torch.allclose(align(points, matrix).transpose(1, 2), points.transpose(1, 2) @ matrix, atol=1e-6)


def test_rotations_are_orthogonal_and_others_are_not() -> None:
    rotation, _ = torch.linalg.qr(torch.randn(3, 4, 4))
    assert orthogonality_loss(rotation).item() == pytest.approx(0, abs=1e-5)
    assert orthogonality_loss(2 * torch.eye(4)[None]).item() == pytest.approx(4 * 9)


def test_widths_scale_and_the_maximums_can_be_set() -> None:
    assert widen_channels((64, 128, 1024), 0.25) == (16, 32, 256)
    assert widen_channels((64, 128, 1024), 0.01) == (4, 4, 10)
    assert widen_channels((64, 128, 1024, 512), 0.25, features=50, at=2) == (16, 32, 50, 128)


def test_random_weights_follow_the_seed() -> None:
    model = PointNetModel(width=0.1)
    first, same, other = (model.build_head(CLS, Resources(seed=seed)).state_dict()["fc1.weight"] for seed in (0, 0, 1))
    assert first.equal(same)
    assert not first.equal(other)


@pytest.mark.parametrize("head", ["cls", "parts"])
def test_the_shipped_weights_are_small_and_fit(head: str) -> None:
    assert shipped_weights(f"pointnet-{head}").stat().st_size < 4 * 2**20
    source = PointNetShapes()
    assert isinstance(source, ModelSource)
    built = source.build_head(Head(head, 0, 0), Resources())  # type: ignore[arg-type]
    fresh = build_embedded(head)  # type: ignore[arg-type]
    assert built.state_dict().keys() == fresh.state_dict().keys()
    assert all(parameter.isfinite().all() for parameter in built.parameters())
