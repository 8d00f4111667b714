"""Rounding: six digits, three of what would vanish, and nothing but Python's own numbers."""

from __future__ import annotations

import json

import numpy as np

from training.rounding import rounded


def test_every_float_is_rounded_however_deep() -> None:
    content = {"a": 0.12345678, "b": [1.0000004, {"c": (0.1 + 0.2, -1234.5678)}]}
    assert rounded(content) == {"a": 0.123457, "b": [1.0, {"c": [0.3, -1234.5678]}]}


def test_a_small_number_keeps_three_digits_and_its_sign() -> None:
    assert rounded([0.00123456, 0.000987654, 2.5e-7, -1.23456e-30, 0.0]) == [0.001235, 0.000988, 2.5e-07, -1.23e-30, 0.0]


def test_numpys_numbers_become_pythons() -> None:
    result = rounded({"float": np.float32(0.1), "exact": np.float64(2 / 3), "count": np.int64(3), "is": np.bool_(True)})
    assert result == {"float": 0.1, "exact": 0.666667, "count": 3, "is": True}
    assert json.dumps(result) == '{"float": 0.1, "exact": 0.666667, "count": 3, "is": true}'


def test_everything_else_stays() -> None:
    content = {"whole": 7, "large": 10**20, "text": "0.12345678", "none": None, "flag": False, "empty": [], "nothing": {}}
    assert rounded(content) == content
    assert [type(value) for value in rounded(content).values()] == [type(value) for value in content.values()]
