from __future__ import annotations

from typing import Any

import pytest
from pydantic_core import to_json

from app.json_array import AT_ONCE, json_array


@pytest.mark.parametrize("count", [0, 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE - 1])
@pytest.mark.parametrize("item", [0.1, [1, 2], {"a": "ü"}])
def test_it_is_the_same_in_pieces(count: int, item: Any) -> None:
    items = [item] * count
    assert json_array(iter(items)) == to_json(items)
