"""Of many things the largest are shown, where they stand."""

from __future__ import annotations

import pytest

from snnfw.report.selecting import keep_largest


@pytest.mark.parametrize(
    ("most", "kept"),
    [(0, []), (1, ["cccc"]), (3, ["aa", "cccc", "dd"]), (4, ["aa", "b", "cccc", "dd"]), (9, ["aa", "b", "cccc", "dd"])],
)
def test_the_largest_are_kept_in_their_order(most: int, kept: list[str]) -> None:
    assert keep_largest(["aa", "b", "cccc", "dd"], len, most) == kept


def test_of_equal_ones_the_first_are_kept() -> None:
    assert keep_largest([("a", 1.0), ("b", 1.0), ("c", 1.0)], lambda each: each[1], 2) == [("a", 1.0), ("b", 1.0)]
