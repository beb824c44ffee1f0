"""How scikit-learn's handwritten digits are split, alike in everything that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEST = 597
CALIBRATION = 256
"""Sizes of two splits; the remaining 944 of the 1797 images are for training."""


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
