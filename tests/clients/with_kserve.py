"""Asks a server by KServe's Python client, V1 and V2: `python with_kserve.py ADDRESS IMAGES ANSWERS`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

COUNT = 50


async def main(address: str, path: str, written: str) -> None:
    """Ask, write the probabilities by what was asked, and print the rest."""
    images, url = np.load(path)[:COUNT], f"http://{address}"
    answers: dict[str, Any] = {}
    v1, v2 = (InferenceRESTClient(RESTConfig(protocol=each, timeout=60)) for each in ("v1", "v2"))
    rows = await v1.infer(url, {"instances": images.tolist()}, model_name="cnn")
    answers["v1"] = np.array([each["probabilities"] for each in rows["predictions"]], np.float32)
    for binary in (True, False):
        given = InferInput("image", list(images.shape), "UINT8")
        given.set_data_from_numpy(images, binary_data=binary)
        answer = await v2.infer(url, InferRequest("cnn", [given]), model_name="cnn")
        answers[f"v2 {'binary' if binary else 'json'}"] = next(each for each in answer.outputs if each.name == "probabilities").as_numpy()
    said = {
        "ready": [
            await v1.is_model_ready(url, "cnn"),
            await v2.is_server_live(url),
            await v2.is_server_ready(url),
            await v2.is_model_ready(url, "cnn"),
        ],
        "model name": answer.model_name,
    }
    for protocol, client in (("v1", v1), ("v2", v2)):
        try:
            await client.infer(url, {"instances": []} if protocol == "v1" else InferRequest("vgg", [given]), model_name="vgg")
        except httpx.HTTPStatusError as error:
            said[f"{protocol} unknown"] = str(error)
    np.savez(written, **answers)
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
