"""The embedded data set: scikit-learn's handwritten digits in a fixed, stratified split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from snnfw_tasks.samples.digits import CALIBRATION, TEST, read_digits, stratified_order
from snnfw_tasks.samples.labelled import LabelledData, Preprocess

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREPARE = Preprocess(resize=8, crop=8, mean=(0.305,), std=(0.376,))
"""Normalisation with the training split's mean and standard deviation."""


@dataclass(frozen=True, slots=True)
class Digits:
    """scikit-learn's handwritten digits: 1797 grey images of 8×8 pixels, always at hand."""

    name: ClassVar[str] = "digits"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return 944 training, 256 calibration and 597 test images, the same ones everywhere."""
        del preprocess  # the images are what they are: 8×8 and normalised
        import torch

        from snnfw_tasks.classification.augment import turn
        from snnfw_tasks.samples.images import PixelSamples

        images, labels = read_digits()
        pixels = torch.from_numpy(images.astype("uint8")).unsqueeze(1)
        order = stratified_order(labels)

        def split(chosen: NDArray[np.intp]) -> PixelSamples:
            return PixelSamples(pixels[chosen], labels[chosen].tolist(), 16.0, PREPARE.mean, PREPARE.std)

        return LabelledData(
            classes=tuple(map(str, range(10))),
            shape=(1, 8, 8),
            training=split(order[TEST + CALIBRATION :]),
            calibration=split(order[TEST : TEST + CALIBRATION]),
            evaluation=split(order[:TEST]),
            augment=turn,
            prepared=PREPARE,
        )
