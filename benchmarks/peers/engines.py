"""Wardrobe's CNN by the other engines, each tuned as OpenVINO is in `app.runtime`: fixed shapes, one thread, float32."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np

from app.runtime import AT_ONCE, Images, OpenVINO, Output, Runtime

CONVERTED = Path(os.environ["BENCHMARK_CONVERTED"])
"""Folder of the files that the benchmark had converted from the SavedModel."""


class LiteRT:
    """TensorFlow Lite's successor with its XNNPACK kernels."""

    def __init__(self, folder: Path) -> None:
        self._batches = {size: _LiteRTBatch(size) for size in (1, AT_ONCE)}

    def __call__(self, images: Images) -> Output:
        return _in_batches(self._batches[1], self._batches[AT_ONCE], images)


class _LiteRTBatch:
    def __init__(self, size: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._lock = threading.Lock()
        self._interpreter = Interpreter(str(CONVERTED / "cnn.tflite"), num_threads=1)
        [image] = self._interpreter.get_input_details()
        self._interpreter.resize_tensor_input(image["index"], (size, 28, 28, 1))
        self._interpreter.allocate_tensors()
        self._interpreter.invoke()
        self._image = self._interpreter.tensor(image["index"])
        first, second = (self._interpreter.tensor(each["index"]) for each in self._interpreter.get_output_details())
        first_is_probabilities = abs(float(first().sum()) - size) < 1e-3
        self._probabilities, self._logits = (first, second) if first_is_probabilities else (second, first)

    def __call__(self, images: Images) -> Output:
        with self._lock:
            self._image()[: len(images)] = images
            self._interpreter.invoke()
            return Output(self._probabilities()[: len(images)].copy(), self._logits()[: len(images)].copy())


class ONNXRuntime:
    """ONNX Runtime with bound inputs and outputs."""

    def __init__(self, folder: Path) -> None:
        self._batches = {size: _ONNXBatch(size) for size in (1, AT_ONCE)}

    def __call__(self, images: Images) -> Output:
        return _in_batches(self._batches[1], self._batches[AT_ONCE], images)


class _ONNXBatch:
    def __init__(self, size: int) -> None:
        import onnxruntime

        self._lock = threading.Lock()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        session = onnxruntime.InferenceSession(str(CONVERTED / "cnn.onnx"), options, providers=["CPUExecutionProvider"])
        self._images = np.zeros((size, 28, 28, 1), np.uint8)
        self._outputs = {name: np.zeros((size, 10), np.float32) for name in ("probabilities", "logits")}
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input("image", onnxruntime.OrtValue.ortvalue_from_numpy(self._images))
        for name, array in self._outputs.items():
            self._binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        self._session = session

    def __call__(self, images: Images) -> Output:
        count = len(images)
        with self._lock:
            self._images[:count] = images
            self._session.run_with_iobinding(self._binding)
            return Output(self._outputs["probabilities"][:count].copy(), self._outputs["logits"][:count].copy())


def _in_batches(one: Runtime, many: Runtime, images: Images) -> Output:
    if len(images) == 1:
        return one(images)
    outputs = [many(images[start : start + AT_ONCE]) for start in range(0, len(images), AT_ONCE)]
    return Output(np.concatenate([each.probabilities for each in outputs]), np.concatenate([each.logits for each in outputs]))


ENGINES = {"openvino": OpenVINO, "litert": LiteRT, "onnxruntime": ONNXRuntime}
