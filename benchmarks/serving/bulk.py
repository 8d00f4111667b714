"""The same request again and again over one connection: `python -m benchmarks.serving.bulk URL HEADERS SECONDS < body`.

Prints requests per second, a line, and the last answer.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from urllib.parse import urlsplit


def main(url: str, headers: str, seconds: str) -> None:
    """Send and count."""
    body, parts = sys.stdin.buffer.read(), urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    began, count = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < float(seconds):
        connection.request("POST", f"{parts.path}?{parts.query}", body, json.loads(headers))
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            sys.exit(f"{answer.status}: {content[:200]!r}")
        count += 1
    sys.stdout.buffer.write(f"{count / took}\n".encode() + content)


if __name__ == "__main__":
    main(*sys.argv[1:])
