"""What every contestant is sent, and what it has to answer."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

ROOT = Path(__file__).parent.parent.parent
MODEL = ROOT / "models" / "cnn" / "2"
BOUNDARY = "----wardrobe7d9f1c3b5a80"
TOLERANCE = 1e-4

Body = Literal["multipart", "raw", "empty"]


@dataclass(frozen=True)
class Upload:
    """A PNG of one of the model's golden images, with the probabilities that TensorFlow gave."""

    label: str
    png: bytes
    expected: dict[str, float]

    def body(self, kind: Body) -> bytes:
        """The body of a request: a form with the field `file`, as curl and browsers send it, or the PNG itself."""
        if kind == "multipart":
            head = 'Content-Disposition: form-data; name="file"; filename="image.png"\r\nContent-Type: image/png'
            return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + self.png + f"\r\n--{BOUNDARY}--\r\n".encode()
        return self.png if kind == "raw" else b""

    def is_answered_by(self, content: bytes) -> bool:
        """Whether the answer has this label, and all probabilities to within the tolerance."""
        try:
            answer = json.loads(content)
            given = answer["probabilities"]
            differences = [abs(given[label] - probability) for label, probability in self.expected.items()]
        except (ValueError, KeyError, TypeError):
            return False
        return bool(answer.get("label") == self.label and max(differences) <= TOLERANCE)


def content_type(kind: Body) -> str:
    """The content type of a body."""
    return {"multipart": f"multipart/form-data; boundary={BOUNDARY}", "raw": "image/png", "empty": "application/json"}[kind]


def uploads() -> list[Upload]:
    """One of each class, the ankle boot first."""
    golden = json.loads((MODEL / "golden.json").read_text())["images"]
    labels = json.loads((MODEL / "card.json").read_text())["labels"]
    found = []
    for image in golden:
        buffer = io.BytesIO()
        Image.fromarray(np.frombuffer(base64.b64decode(image["pixels"]), np.uint8).reshape(28, 28)).save(buffer, "PNG")
        most_probable = labels[int(np.argmax(image["probabilities"]))]
        found.append(Upload(most_probable, buffer.getvalue(), dict(zip(labels, image["probabilities"], strict=True))))
    return sorted(found, key=lambda each: each.label != "Ankle boot")
