"""Asks a server by Triton's Python client, sync and asyncio, in every form: `python with_triton.py ADDRESS IMAGES ANSWERS`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tritonclient.http as sync
from tritonclient.http import aio
from tritonclient.utils import InferenceServerException

COUNTS = (1, 8, 1000, 10_000)
CODINGS = (None, "gzip", "deflate")


def refusal(ask: Callable[[], object]) -> str:
    """What the client's own exception says."""
    try:
        ask()
    except InferenceServerException as error:
        return f"{error.status()} {error.message()}"
    return "no error"


def main(address: str, path: str, written: str) -> None:
    """Ask, write the probabilities by what was asked, and print the rest."""
    images = np.load(path)
    answers: dict[str, Any] = {}
    client = sync.InferenceServerClient(address, connection_timeout=60, network_timeout=60)

    def tensor(module: Any, count: int, *, binary: bool) -> Any:
        given = module.InferInput("image", [count, 28, 28, 1], "UINT8")
        given.set_data_from_numpy(images[:count], binary_data=binary)
        return given

    for count in COUNTS:
        for binary in (True, False):
            form = "binary" if binary else "json"
            wanted = [sync.InferRequestedOutput("probabilities", binary_data=binary)]
            answer = client.infer("cnn", [tensor(sync, count, binary=binary)], outputs=wanted, request_id=form)
            answers[f"sync {form} {count}"] = answer.as_numpy("probabilities")
            assert answer.get_response()["id"] == form
    for coding in CODINGS:
        answer = client.infer(
            "cnn", [tensor(sync, 100, binary=True)], request_compression_algorithm=coding, response_compression_algorithm=coding
        )
        answers[f"sync {coding} 100"] = answer.as_numpy("probabilities")
    best = client.infer("cnn", [tensor(sync, 1, binary=True)], outputs=[sync.InferRequestedOutput("probabilities", class_count=2)])

    async def asynchronous() -> list[bool]:
        async with aio.InferenceServerClient(address) as client:
            for count in COUNTS:
                for binary in (True, False):
                    answer = await client.infer("cnn", [tensor(aio, count, binary=binary)])
                    answers[f"aio {'binary' if binary else 'json'} {count}"] = answer.as_numpy("probabilities")
            for coding in CODINGS:
                answer = await client.infer(
                    "cnn", [tensor(aio, 100, binary=True)], request_compression_algorithm=coding, response_compression_algorithm=coding
                )
                answers[f"aio {coding} 100"] = answer.as_numpy("probabilities")
            return [await client.is_server_live(), await client.is_server_ready(), await client.is_model_ready("cnn")]

    said = {
        "ready": [
            client.is_server_live(),
            client.is_server_ready(),
            client.is_model_ready("cnn"),
            client.is_model_ready("cnn", "1"),
            *asyncio.run(asynchronous()),
        ],
        "not ready": client.is_model_ready("vgg"),
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata("cnn"),
        "config": client.get_model_config("cnn", "1"),
        "statistics": client.get_inference_statistics("cnn", "2"),
        "all statistics": client.get_inference_statistics(),
        "index": client.get_model_repository_index(),
        "best": [each.decode() for each in best.as_numpy("probabilities")[0]],
        "version 1": client.infer("cnn", [tensor(sync, 1, binary=True)], model_version="1").get_response()["model_version"],
        "unknown model": refusal(lambda: client.infer("vgg", [tensor(sync, 1, binary=True)])),
        "unknown output": refusal(
            lambda: client.infer("cnn", [tensor(sync, 1, binary=True)], outputs=[sync.InferRequestedOutput("scores")])
        ),
        "load": refusal(lambda: client.load_model("cnn")),
    }
    np.savez(written, **answers)
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
