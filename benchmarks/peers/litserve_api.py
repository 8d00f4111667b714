"""LitServe: `python -m benchmarks.peers.litserve_api PORT`."""

import sys
from typing import Any

import litserve
from fastapi import Request

from benchmarks.peers.classifier import Classifier


class Api(litserve.LitAPI):
    """One worker, as for one core."""

    def setup(self, device: str) -> None:
        self._classify = Classifier()

    def decode_request(self, request: Request) -> bytes:
        content: bytes = request["file"].file.read()  # type: ignore[index]
        return content

    def predict(self, x: bytes) -> dict[str, Any]:
        return self._classify(x)

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1, fast_queue="zmq" in sys.argv)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="warning")
