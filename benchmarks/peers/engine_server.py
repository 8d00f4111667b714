"""Wardrobe with another engine: `python -m benchmarks.peers.engine_server ENGINE PORT`."""

from __future__ import annotations

import logging.config
import sys

import uvicorn

from app import logs, runtime
from app.main import from_environment
from benchmarks.peers.engines import ENGINES

if __name__ == "__main__":
    runtime.RUNTIMES["litert"] = ENGINES[sys.argv[1]]
    logging.config.dictConfig(logs.config("info"))
    uvicorn.run(
        from_environment, factory=True, port=int(sys.argv[2]), access_log=False, server_header=False, log_config=logs.config("info")
    )
