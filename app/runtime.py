"""A published SavedModel as a callable: by OpenVINO, or by TensorFlow as the reference. The only file that knows an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


AT_ONCE = 8
"""Images in one run of OpenVINO's graph: more are hardly faster each, and what they take stays taken, 49 MB for 256 in a small ResNet."""


@dataclass(frozen=True)
class Output:
    """`probabilities` and `logits`, float32 `[n, classes]`."""

    probabilities: Floats
    logits: Floats


class Runtime(Protocol):
    """A loaded graph. Not for two threads at once: an engine's request object holds one call's state."""

    def __call__(self, images: Images) -> Output:
        """Classify uint8 `[n, 28, 28, 1]` images, 0-255."""


class OpenVINO:
    """OpenVINO on one CPU thread, reading the SavedModel itself.

    A single small image costs less than waking a second thread, and workers, not threads, use more cores.
    """

    def __init__(self, folder: Path) -> None:
        compiled = _openvino_core().compile_model(
            str(folder),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32",  # the default drops to bfloat16 where the processor has it: logits move by 0.29
                "INFERENCE_NUM_THREADS": 1,
                "NUM_STREAMS": 1,
            },
        )
        self._request = compiled.create_infer_request()
        self._probabilities = compiled.output("probabilities")
        self._logits = compiled.output("logits")

    def __call__(self, images: Images) -> Output:
        parts = [self._infer(images[start : start + AT_ONCE]) for start in range(0, len(images), AT_ONCE)]
        return Output(np.concatenate([part.probabilities for part in parts]), np.concatenate([part.logits for part in parts]))

    def _infer(self, images: Images) -> Output:
        self._request.infer({0: images}, share_inputs=True)
        return Output(
            np.array(self._request.get_tensor(self._probabilities).data, dtype=np.float32),
            np.array(self._request.get_tensor(self._logits).data, dtype=np.float32),
        )


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


RUNTIMES: dict[str, Callable[[Path], Runtime]] = {"openvino": OpenVINO, "tensorflow": TensorFlow}


@cache
def _openvino_core() -> Any:
    import openvino

    return openvino.Core()
