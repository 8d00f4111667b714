"""Ray Serve behind its HAProxy ingress: `python -m benchmarks.peers.ray_serve PORT`."""

import signal
import sys
from typing import Any

import ray
from fastapi import FastAPI, UploadFile
from ray import serve

from benchmarks.peers.classifier import Classifier

app = FastAPI()


@serve.deployment(num_replicas=1, ray_actor_options={"num_cpus": 1}, max_ongoing_requests=100)
@serve.ingress(app)
class Cnn:
    """One replica, as for one core."""

    def __init__(self) -> None:
        self._classify = Classifier()

    @app.post("/predict")
    async def predict(self, file: UploadFile) -> dict[str, Any]:
        """Classify one image."""
        return self._classify(await file.read())


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Cnn.bind(), blocking=False)
    signal.pause()
