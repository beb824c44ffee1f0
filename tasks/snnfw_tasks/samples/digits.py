"""How scikit-learn's handwritten digits are split, alike in everything that is made of them."""

from __future__ import annotations

from importlib.metadata import distribution
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "sklearn/datasets/data/digits.csv.gz"

TEST = 597
CALIBRATION = 256
"""Sizes of two splits; the remaining 944 of the 1797 images are for training."""


def read_digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the images [1797, 8, 8] of scikit-learn's digits, from 0 to 16, and their labels.

    Its own ``load_digits`` reads the same file, once a second of imports is over that no other line here needs.
    """
    import numpy as np

    data = np.loadtxt(str(distribution("scikit-learn").locate_file(FILE)), delimiter=",")
    return data[:, :-1].reshape(-1, 8, 8), data[:, -1].astype(np.int64)


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
