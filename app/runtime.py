"""A published version as a callable: by LiteRT, by OpenVINO, or by TensorFlow as the reference. The only file that knows an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


AT_ONCE = 8
"""Images in one run of a graph: more are hardly faster each, and what they take stays taken, 49 MB for 256 in a small ResNet."""
CONVERTED = "model.tflite"
"""The published graph in the file format of LiteRT, which can't read a SavedModel."""


OPENVINO_SETTINGS = {
    "INFERENCE_PRECISION_HINT": "f32",  # the default drops to bfloat16 where the processor has it: logits move by 0.29
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
}


class Output(NamedTuple):
    """`probabilities` and `logits`, float32 `[n, classes]`."""

    probabilities: Floats
    logits: Floats


class Runtime(Protocol):
    """A loaded graph, for any number of threads."""

    def __call__(self, images: Images) -> Output:
        """Classify uint8 `[n, 28, 28, 1]` images, 0-255."""


class FixedBatch(Protocol):
    """A graph for `size` images at once, its tensors allocated beforehand; fewer leave the rest of its input as it was."""

    size: int

    def __call__(self, images: Images) -> Output:
        """Classify at most as many images."""


class Batched:
    """A graph for one image and for `AT_ONCE`, on one CPU thread.

    A fixed shape and tensors allocated beforehand halve the cost of a call. A single small image costs less than waking a second
    thread, and workers, not threads, use more cores.
    """

    def __init__(self, one: FixedBatch, many: FixedBatch) -> None:
        self._one, self._many = one, many

    def __call__(self, images: Images) -> Output:
        if len(images) == 1:
            return self._one(images)
        outputs = [self._many(images[start : start + AT_ONCE]) for start in range(0, len(images), AT_ONCE)]
        return Output(np.concatenate([each.probabilities for each in outputs]), np.concatenate([each.logits for each in outputs]))


class LiteRTBatch:
    """LiteRT with its XNNPACK kernels."""

    def __init__(self, graph: bytes, size: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.size = size
        self._lock = threading.Lock()
        self._interpreter = Interpreter(model_content=graph, num_threads=1)
        [image] = self._interpreter.get_input_details()
        self._interpreter.resize_tensor_input(image["index"], (size, *image["shape"][1:]))
        self._interpreter.allocate_tensors()
        outputs = self._interpreter.get_signature_runner().get_output_details()
        self._images, self._probabilities, self._logits = (
            self._interpreter.tensor(each["index"]) for each in (image, outputs["probabilities"], outputs["logits"])
        )

    def __call__(self, images: Images) -> Output:
        count = len(images)
        with self._lock:
            self._images()[:count] = images
            self._interpreter.invoke()
            return Output(self._probabilities()[:count].copy(), self._logits()[:count].copy())


class OpenVINOBatch:
    """OpenVINO, reading the SavedModel itself."""

    def __init__(self, folder: Path, size: int) -> None:
        import openvino  # optional, as it takes 180 MB

        self.size = size
        self._lock = threading.Lock()
        core = _openvino_core()
        graph = core.read_model(str(folder))
        graph.reshape([size, *graph.input().get_partial_shape()[1:]])
        self._request = core.compile_model(graph, "CPU", OPENVINO_SETTINGS).create_infer_request()
        self._images = np.zeros((size, 28, 28, 1), np.uint8)
        self._request.set_input_tensor(openvino.Tensor(self._images, shared_memory=True))
        self._probabilities, self._logits = (self._request.get_tensor(name).data for name in ("probabilities", "logits"))

    def __call__(self, images: Images) -> Output:
        count = len(images)
        with self._lock:
            self._images[:count] = images
            self._request.infer(share_outputs=True)
            return Output(self._probabilities[:count].copy(), self._logits[:count].copy())


def litert(folder: Path) -> Batched:
    """The version in `folder` by LiteRT.

    Raises:
        FileNotFoundError: It was published without its conversion.
    """
    if not (folder / CONVERTED).is_file():
        raise FileNotFoundError(f"published without {CONVERTED}: `python -m training evaluate {folder.parent.name}` adds it")
    graph = (folder / CONVERTED).read_bytes()  # not mapped by the engine: a file that is cut short while it serves would kill the process
    return Batched(LiteRTBatch(graph, 1), LiteRTBatch(graph, AT_ONCE))


def openvino(folder: Path) -> Batched:
    """The version in `folder` by OpenVINO."""
    return Batched(OpenVINOBatch(folder, 1), OpenVINOBatch(folder, AT_ONCE))


class TensorFlow:
    """`tf.saved_model.load`, the runtime that trained and evaluated the model."""

    def __init__(self, folder: Path) -> None:
        import tensorflow  # optional and slow to import: only where this runtime is chosen

        self._tensorflow = tensorflow
        self._loaded = tensorflow.saved_model.load(str(folder))  # the signature below does not keep it alive
        self._signature = self._loaded.signatures["serving_default"]

    def __call__(self, images: Images) -> Output:
        outputs = self._signature(image=self._tensorflow.constant(images))
        return Output(outputs["probabilities"].numpy(), outputs["logits"].numpy())


RUNTIMES: dict[str, Callable[[Path], Runtime]] = {"litert": litert, "openvino": openvino, "tensorflow": TensorFlow}


@cache
def _openvino_core() -> Any:
    import openvino

    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})  # see `litert`
    return core
