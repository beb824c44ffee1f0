from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2

from snnfw_tasks.classification.augment import auto_augment, crop_and_flip, crop_flip_and_auto_augment, cut_out

MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.5)


def pictures(count: int = 6, side: int = 8) -> Tensor:
    """Return images [N, 3, side, side] whose values all differ and none of which is zero."""
    return torch.arange(1.0, count * 3 * side * side + 1).view(count, 3, side, side)


def places(image: Tensor, crop: Tensor, padding: int) -> list[tuple[int, int, bool]]:
    """Return where in the padded image a crop lies, and whether it is mirrored."""
    padded, side = F.pad(image, (padding,) * 4), image.shape[-1]
    return [
        (top, left, mirrored)
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
        for mirrored in (False, True)
        if torch.equal(crop.flip(-1) if mirrored else crop, padded[:, top : top + side, left : left + side])
    ]


def test_every_crop_is_a_part_of_the_padded_image_or_its_mirror_image() -> None:
    torch.manual_seed(0)
    images = pictures(48)
    found = [places(image, crop, 3) for image, crop in zip(images, crop_and_flip(images, 3), strict=True)]
    assert all(len(place) == 1 for place in found)
    tops, lefts, mirrored = (set(values) for values in zip(*(place[0] for place in found), strict=True))
    assert tops == lefts == set(range(7))
    assert mirrored == {False, True}


@pytest.mark.parametrize("distort", [crop_and_flip, cut_out, partial(crop_flip_and_auto_augment, mean=MEAN, std=STD)])
def test_the_generator_alone_decides(distort: Callable[[Tensor], Tensor]) -> None:
    images = (pictures(6, 32) % 7 + 1) / 8
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(distort(images))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_one_square_of_every_image_is_cut_out() -> None:
    torch.manual_seed(0)
    images = pictures(64, 12)
    sizes = set()
    for image, cut in zip(images, cut_out(images, side=4), strict=True):
        gone = (cut == 0).all(0)
        assert torch.equal(cut != 0, (~gone).expand_as(cut))
        assert torch.equal(cut[:, ~gone], image[:, ~gone])
        rows, columns = gone.any(1), gone.any(0)
        assert torch.equal(gone, rows[:, None] & columns)
        sizes.add((int(rows.sum()), int(columns.sum())))
    assert (4, 4) in sizes
    assert all(2 <= side <= 4 for size in sizes for side in size)  # at a border a part of it lies outside


@pytest.mark.parametrize("policy", ["cifar10", "imagenet", "svhn"])
@pytest.mark.parametrize("channels", [1, 3])
def test_auto_is_torchvisions_policy_filled_with_the_mean(policy: str, channels: int) -> None:
    image = torch.randint(256, (channels, 10, 10), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    reference = v2.AutoAugment(v2.AutoAugmentPolicy(policy), fill=[51.0] * channels)
    for seed in range(5):
        torch.manual_seed(seed)
        expected = reference(image)
        torch.manual_seed(seed)
        distorted = auto_augment(image, policy, (0.2,) * channels)
        assert distorted.dtype == torch.uint8
        assert torch.equal(distorted, expected)


def test_images_come_back_normalised_where_auto_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnfw_tasks.classification.augment.auto_augment", lambda pixels, policy, mean: pixels)
    monkeypatch.setattr("snnfw_tasks.classification.augment.cut_out", lambda images: images)
    pixels = torch.randint(256, (4, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    images = (pixels / 255 - mean) / std
    torch.manual_seed(3)
    expected = crop_and_flip(images)
    torch.manual_seed(3)
    # A border of zeros is the mean colour, which bytes hold to half a step.
    assert torch.allclose(crop_flip_and_auto_augment(images, MEAN, STD), expected, atol=0.51 / 255 / min(STD))
    inside = expected != 0
    torch.manual_seed(3)
    assert torch.allclose(crop_flip_and_auto_augment(images, MEAN, STD)[inside], expected[inside], atol=1e-5)
