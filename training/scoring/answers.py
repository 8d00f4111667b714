"""What is said of each row, as Arrow and as Parquet."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.scoring.source import Block
from training.scoring.version import Version

PARQUET: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": ["label", "index"],
    # the bytes of like weight together: floats hardly shrink otherwise
    "column_encoding": {"row": "DELTA_BINARY_PACKED", "confidence": "BYTE_STREAM_SPLIT", "probabilities.list.element": "BYTE_STREAM_SPLIT"},
    "write_page_checksum": True,
}
"""Half a microsecond and 40 bytes a row; Parquet's defaults take 1.8 and 52."""


def schema(version: Version) -> pa.Schema:
    """The columns, with the version in the file's metadata. Where `error` says why a row has no image, its answer is null."""
    return pa.schema(
        [
            pa.field("row", pa.int64(), nullable=False),
            pa.field("path", pa.string()),
            pa.field("label", pa.string()),
            pa.field("index", pa.int32()),
            pa.field("confidence", pa.float32()),
            pa.field("probabilities", pa.list_(pa.float32(), len(version.labels))),
            pa.field("error", pa.string()),
        ],
        metadata={
            "wardrobe.model": version.name,
            "wardrobe.version": str(version.number),
            "wardrobe.manifest_sha256": version.manifest_sha256,
            "wardrobe.labels": json.dumps(version.labels),
        },
    )


def table(first_row: int, block: Block, probabilities: npt.NDArray[np.float32], version: Version) -> pa.Table:
    """The rows of `block`, numbered from `first_row`, with their probabilities, float32 `[n, classes]`."""
    rows, classes = probabilities.shape
    missing = np.zeros(rows, bool)
    missing[list(block.errors)] = True
    mask = pa.array(missing)
    indices = pa.array(probabilities.argmax(axis=1).astype(np.int32), mask=missing)
    columns = [
        pa.array(np.arange(first_row, first_row + rows)),
        pa.nulls(rows, pa.string()) if block.paths is None else pa.array(block.paths, pa.string()),
        pa.array(version.labels).take(indices),
        indices,
        pa.array(probabilities.max(axis=1), mask=missing),
        pa.FixedSizeListArray.from_arrays(pa.array(probabilities.reshape(-1)), classes, mask=mask),
        pa.array([block.errors.get(row) for row in range(rows)] if block.errors else [None] * rows, pa.string()),
    ]
    return pa.table(columns, schema=schema(version))
