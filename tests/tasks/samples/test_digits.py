from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from snnfw_tasks.samples.digits import read_digits


def test_digits_are_those_that_scikit_learn_loads() -> None:
    images, labels = read_digits()
    theirs = load_digits()
    np.testing.assert_array_equal(images, theirs.images)
    np.testing.assert_array_equal(labels, theirs.target)
