"""The engines that were compared for Wardrobe, each tuned: fixed shapes, bound tensors, one thread, float32."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np

from app.runtime import AT_ONCE, Batched, Images, Output, litert, openvino

CONVERTED = Path(os.environ["BENCHMARK_CONVERTED"])
"""Folder of the ONNX file that the benchmark had converted from the SavedModel."""


class _ONNXBatch:
    """ONNX Runtime with bound inputs and outputs."""

    def __init__(self, size: int) -> None:
        from onnxruntime import ExecutionMode, InferenceSession, OrtValue, SessionOptions

        self.size = size
        self._lock = threading.Lock()
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = ExecutionMode.ORT_SEQUENTIAL
        session = InferenceSession(str(CONVERTED / "cnn.onnx"), options, providers=["CPUExecutionProvider"])
        self._images = np.zeros((size, 28, 28, 1), np.uint8)
        self._outputs = {name: np.zeros((size, 10), np.float32) for name in ("probabilities", "logits")}
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input("image", OrtValue.ortvalue_from_numpy(self._images))
        for name, array in self._outputs.items():
            self._binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        self._session = session

    def __call__(self, images: Images) -> Output:
        count = len(images)
        with self._lock:
            self._images[:count] = images
            self._session.run_with_iobinding(self._binding)
            return Output(self._outputs["probabilities"][:count].copy(), self._outputs["logits"][:count].copy())


def onnxruntime(folder: Path) -> Batched:
    """The CNN by ONNX Runtime."""
    return Batched(_ONNXBatch(1), _ONNXBatch(AT_ONCE))


ENGINES = {"litert": litert, "openvino": openvino, "onnxruntime": onnxruntime}
