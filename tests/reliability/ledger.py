"""Load in which every request is accounted for: what its client saw is compared with what the server's log says of it.

`with Load(server.port) as load: …the fault…`, then `load.account(server)`, whose `unexplained` must be empty.
"""

from __future__ import annotations

import http.client
import itertools
import os
import secrets
import signal
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from tests.data import BOOT
from tests.reliability.processes import held, state

REFUSED = "refused"
"""No connection."""
UNRESOLVED = "unresolved"
"""No address for the host's name."""
UNANSWERED = "unanswered"
"""Closed or reset before the first byte of an answer."""
CUT = "cut"
"""Closed or reset in the middle of the answer."""
TIMED_OUT = "timed out"
GARBLED = "garbled"
"""Not an HTTP answer."""
MIXED_UP = "mixed up"
"""An answer with another request's id."""
WRONG = "wrong"
"""An answer that is not the right one."""

LINE_S = 0.1
"""Seconds within which a log line follows its answer."""
LOST = 0.02
"""Seconds until a client that got no answer tries again."""


class Log(Protocol):
    """A server that logs, as `tests.server.Server` does."""

    def logs(self) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class Request:
    """What is sent, each time with an id of its own."""

    method: str = "POST"
    path: str = "/predict?model=ann"
    body: bytes = field(default_factory=BOOT.read_bytes, repr=False)
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "image/png"),)


@dataclass(frozen=True)
class Sent:
    """A request, and what its client saw; times are seconds of the monotonic clock."""

    request_id: str
    connection: int
    began: float
    ended: float
    status: int | None
    failure: str | None

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True)
class Killed:
    """A process that was killed, and the clients' ports of the connections that it held."""

    at: float
    ports: frozenset[int]


@dataclass
class Account:
    """Requests by what became of them."""

    answered: Counter[int] = field(default_factory=Counter)
    """By status: the client has the answer, and the log says the same."""
    unread: int = 0
    """Refused, or closed before the head was read: no answer and no log line. Safe to send again."""
    killed: int = 0
    """In flight on a process that was killed."""
    unexplained: list[str] = field(default_factory=list)
    strangers: int = 0
    """Log lines of requests that were not this load's."""

    @property
    def sent(self) -> int:
        return self.answered.total() + self.unread + self.killed + len(self.unexplained)

    def __str__(self) -> str:
        by_status = ", ".join(f"{count:,} x {status}" for status, count in sorted(self.answered.items()))
        unread, killed = f"{self.unread} refused before their head was read", f"{self.killed} in flight on what was killed"
        return f"{self.sent:,} requests: {by_status or 'none answered'}; {unread}; {killed}; {len(self.unexplained)} unexplained"


class Load:
    """Clients that send one request after the other: `kept` of them on kept-alive connections, `fresh` each time on a new one.

    `pause` is the seconds between an answer and the next request; `right` tells whether the body of a 200 is what it should be.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        kept: int = 4,
        fresh: int = 2,
        pause: float = 0.0,
        request: Request | None = None,
        right: Callable[[bytes], bool] = lambda body: True,
        timeout: float = 30,
    ) -> None:
        self.sent: list[Sent] = []
        self.killed: list[Killed] = []
        self.lost: list[tuple[float, float]] = []
        self._host, self._port = host, port
        self._pause = pause
        self._request = request or Request()
        self._right = right
        self._timeout = timeout
        self._run = f"ledger-{secrets.token_hex(4)}-"
        self._numbers = itertools.count()
        self._opened: dict[int, tuple[int, float]] = {}  # by connection: the client's port, and when it was begun
        self._connections = itertools.count()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(each < kept,), daemon=True) for each in range(kept + fresh)]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        for each in self._threads:
            each.join(self._timeout + 10)

    def kill(self, *processes: int) -> None:
        """SIGKILL, after a look at the connections that the processes hold."""
        for each in processes:
            self.halt(each)
        for each in processes:
            os.kill(each, signal.SIGKILL)

    def halt(self, process: int) -> None:
        """SIGSTOP of a process that will be killed: it neither accepts nor ends a connection between the look at them and its end."""
        os.kill(process, signal.SIGSTOP)
        while state(process) not in "TZX":
            time.sleep(0.001)
        self.killed.append(Killed(time.monotonic(), held(process, self._port)))

    def lose(self, kill: Callable[[], None]) -> None:
        """Kill what stands behind a proxy, whose connections are no clients': what was in flight meanwhile may have been on it.

        `kill` returns when it is gone.
        """
        began = time.monotonic()
        kill()
        self.lost.append((began, time.monotonic()))

    def all_killed(self) -> None:
        """Say that whatever process held a connection until now has been killed."""
        self.killed.append(Killed(time.monotonic(), frozenset(port for port, _ in list(self._opened.values()))))

    def since(self, moment: float) -> list[Sent]:
        """What was sent after a moment of the monotonic clock."""
        return [each for each in self.sent if each.began >= moment]

    def account(self, *servers: Log, wait: float = 5) -> Account:
        """Compare with the log of the server, or of several that followed each other; its last lines may take a moment to come."""
        for _ in range(max(1, int(wait / 0.1))):
            found = account(self.sent, [line for server in servers for line in server.logs()], self._run, self._victims(), self.lost)
            if not found.unexplained:
                break
            time.sleep(0.1)
        return found

    def _victims(self) -> frozenset[int]:
        """Connections that a process held when it was killed: of each of its ports the last one begun before."""
        found = set()
        for killed in self.killed:
            last = {port: connection for connection, (port, began) in sorted(self._opened.items()) if began <= killed.at}
            found |= {last[port] for port in killed.ports & last.keys()}
        return frozenset(found)

    def _send(self, keep: bool) -> None:
        connection, number = None, 0
        while not self._end.is_set():
            request_id = f"{self._run}{next(self._numbers)}"
            status, failure = None, None
            began = time.monotonic()
            try:
                if connection is None:
                    number = next(self._connections)
                    connection = self._connect(number, began)
                status, failure = self._exchange(connection, request_id, keep)
            except TimeoutError:
                failure = TIMED_OUT
            except ConnectionRefusedError:
                failure = REFUSED
            except socket.gaierror:
                failure = UNRESOLVED
            except http.client.IncompleteRead:
                failure = CUT
            except ConnectionError:  # http.client.RemoteDisconnected is one too
                failure = UNANSWERED
            except http.client.HTTPException:
                failure = GARBLED
            self.sent.append(Sent(request_id, number, began, time.monotonic(), status, failure))
            if connection and (failure or not keep or connection.sock is None):
                connection.close()
                connection = None
            self._end.wait(LOST if failure else self._pause)
        if connection:
            connection.close()

    def _connect(self, number: int, began: float) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        connection.connect()
        port: int = connection.sock.getsockname()[1]
        if port == self._port:  # nobody listens, and the kernel gave this end the very port: it is connected to itself
            connection.close()
            raise ConnectionRefusedError
        self._opened[number] = port, began
        return connection

    def _exchange(self, connection: http.client.HTTPConnection, request_id: str, keep: bool) -> tuple[int, str | None]:
        headers = {**dict(self._request.headers), "X-Request-ID": request_id, **({} if keep else {"Connection": "close"})}
        connection.request(self._request.method, self._request.path, self._request.body, headers)
        answer = connection.getresponse()
        try:
            body = answer.read()
        except ConnectionError:
            return answer.status, CUT
        if answer.headers["X-Request-ID"] != request_id:
            return answer.status, MIXED_UP
        return answer.status, None if answer.status != 200 or self._right(body) else WRONG


def account(
    sent: Sequence[Sent],
    lines: Iterable[dict[str, Any]],
    run: str,
    victims: frozenset[int] = frozenset(),
    lost: Sequence[tuple[float, float]] = (),
) -> Account:
    """Match requests whose ids begin with `run` with the server's log lines.

    `victims` are connections whose process was killed; `lost` is from when to when processes were that stood behind a proxy.
    """
    found = Account()
    logged: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        if line["message"] != "request":
            continue
        if line["request_id"].startswith(run):
            logged[line["request_id"]].append(line["status"])
        else:
            found.strangers += 1
    excused = _last(sent, victims)
    maybe = {each.request_id for each in sent for began, ended in lost if _perhaps(each, began, ended)}
    for each in sent:
        statuses = logged.pop(each.request_id, [])
        if each.failure is None and each.status is not None and statuses == [each.status]:
            found.answered[each.status] += 1
        elif (each.request_id in excused and len(statuses) <= 1) or (each.request_id in maybe and len(statuses) <= 2):
            found.killed += 1
        elif each.failure in (REFUSED, UNRESOLVED, UNANSWERED) and not statuses:
            found.unread += 1
        else:
            found.unexplained.append(f"{each} is logged with {statuses or 'nothing'}")
    found.unexplained += [f"{request_id} was never sent and is logged with {statuses}" for request_id, statuses in logged.items()]
    return found


def _perhaps(sent: Sent, began: float, ended: float) -> bool:
    """Whether it may have been on what was killed meanwhile; of one that was answered just before, the line may be lost."""
    return sent.began <= ended and sent.ended >= (began if sent.failure else began - LINE_S)


def _last(sent: Iterable[Sent], connections: frozenset[int]) -> frozenset[str]:
    """Of each connection the request that got no answer and the last that got one: its log line is written after the answer."""
    found: dict[tuple[int, bool], str] = {}
    for each in sent:
        if each.connection in connections:
            found[each.connection, each.failure is None] = each.request_id
    return frozenset(found.values())
