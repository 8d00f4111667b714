"""Holds InferenceServices, a JSON list on standard input, against KServe's own generated types; runs in `build/clients`.

Prints for each, as JSON, a list of what is wrong: unknown fields, missing ones, values of another type. These types and KServe's own
definition of the resource are made from the same source.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import kserve.models
import kubernetes.client.models
from pydantic import ValidationError

PLAIN: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def wrong(kind: str, value: Any, where: str) -> Iterator[str]:
    """What is wrong with a value that should be of a kind, by the generator's name of it."""
    if found := re.fullmatch(r"list\[(.+)\]", kind):
        yield from _entries(list, enumerate(value) if isinstance(value, list) else None, found[1], where)
    elif found := re.fullmatch(r"dict\(str, (.+)\)", kind):
        yield from _entries(dict, value.items() if isinstance(value, dict) else None, found[1], where)
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind != "bool"):
            yield f"{where} is {value!r}, not a {kind}"
    elif hasattr(kserve.models, kind):
        yield from _fields(getattr(kserve.models, kind), value, where)
    else:  # Kubernetes' own, whose types forbid what they don't know; by_name would allow Python's names too
        try:
            getattr(kubernetes.client.models, kind).model_validate(value, strict=True, by_alias=True, by_name=False)
        except ValidationError as error:
            yield from (f"{where}.{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


def _entries(container: type, entries: Any, kind: str, where: str) -> Iterator[str]:
    if entries is None:
        yield f"{where} is not a {container.__name__}"
        return
    for key, value in entries:
        yield from wrong(kind, value, f"{where}.{key}")


def _fields(model: Any, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is {value!r}, not an object"
        return
    names = {written: name for name, written in model.attribute_map.items()}
    yield from (f"{where}.{each} is unknown" for each in value.keys() - names.keys())
    known = {each: names[each] for each in value if each in names}
    for written, name in known.items():
        yield from wrong(model.openapi_types[name], value[written], f"{where}.{written}")
    try:
        model(**{name: value[written] for written, name in known.items()})
    except ValueError as error:  # of a field that must be there
        yield f"{where}: {error}"


if __name__ == "__main__":
    json.dump([list(wrong("V1beta1InferenceService", each, "")) for each in json.load(sys.stdin)], sys.stdout)
