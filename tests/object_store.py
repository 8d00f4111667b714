"""A real S3 server for tests: moto's, in the environment of other systems' programs."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError

from obstore.store import S3Store

from tests.server import ROOT, free_port

PROGRAM = ROOT / "build" / "clients" / "bin" / "moto_server"


class S3:
    """`with S3() as s3:` a server with one empty bucket; `environment` is what its clients need."""

    BUCKET = "wardrobe"

    def __init__(self, address: str = "127.0.0.1") -> None:
        """`address` is the one to listen on."""
        if not PROGRAM.exists():
            raise AssertionError(f"{PROGRAM} is missing: `make clients` installs it")
        self.port = free_port()
        self._listen = address
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Also again, after `stop`, with nothing in the bucket."""
        command: list[str | Path] = [PROGRAM, "-H", self._listen, "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                self._request("PUT", f"/{self.BUCKET}")
                return
            except URLError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.05)
        raise AssertionError("moto_server did not start")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def address(self, prefix: str) -> str:
        return f"s3://{self.BUCKET}/{prefix}"

    def store(self, prefix: str = "") -> S3Store:
        """The bucket, or a folder in it, to write to."""
        return S3Store(
            self.BUCKET,
            prefix=prefix,
            endpoint=self.endpoint,
            access_key_id="key",
            secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def upload(self, folder: Path, prefix: str, *, but: str = "") -> None:
        """Every file of a folder, without those named `but`."""
        store = self.store(prefix)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != but:
                store.put(path.relative_to(folder).as_posix(), path.read_bytes())

    def put_raw(self, path: str) -> None:
        """An empty object with a name that no decent client would send."""
        self._request("PUT", f"/{self.BUCKET}/{path}")

    def remove(self, prefix: str) -> None:
        """Every object below a folder."""
        store = self.store(prefix)
        store.delete([each["path"] for some in store.list() for each in some])

    def _request(self, method: str, path: str) -> None:
        with urllib.request.urlopen(urllib.request.Request(self.endpoint + path, method=method), timeout=10):
            pass
