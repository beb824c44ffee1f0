"""The embedded data set: scikit-learn's handwritten digits in a fixed, stratified split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from snnfw_tasks.labelled import LabelledData, Preprocess

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEST = 597
CALIBRATION = 256
"""Sizes of two splits; the remaining 944 of the 1797 images are for training."""

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
        from sklearn.datasets import load_digits

        from snnfw_tasks.augmentation import turned
        from snnfw_tasks.datasets.images import PixelSamples

        digits = load_digits()
        pixels = torch.from_numpy(digits.images.astype("uint8")).unsqueeze(1)
        order = stratified_order(digits.target)

        def split(chosen: NDArray[np.intp]) -> PixelSamples:
            return PixelSamples(pixels[chosen], digits.target[chosen].tolist(), 16.0, PREPARE.mean, PREPARE.std)

        return LabelledData(
            classes=tuple(str(digit) for digit in digits.target_names),
            shape=(1, 8, 8),
            training=split(order[TEST + CALIBRATION :]),
            calibration=split(order[TEST : TEST + CALIBRATION]),
            evaluation=split(order[:TEST]),
            augment=turned,
        )


def stratified_order(labels: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return a fixed shuffled order of which every stretch holds the classes in proportion.

    Each class is shuffled and spread evenly over 0..1, and all are sorted by that place. NumPy guarantees
    RandomState's stream for ever, so the split depends on no library's version.
    """
    import numpy as np

    shuffled = np.random.RandomState(0).permutation(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((labels, place))
