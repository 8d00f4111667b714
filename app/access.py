"""Who may come in: requests to a host of ours, from our own page or a program, with a key where keys are set.

A refusal needs nothing but the request's head, so the body of one that is refused is never read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from app import problems
from app.api_keys import ApiKeys
from app.cross_site import is_cross_site
from app.errors import CrossSiteError, KeyRequiredError, MalformedRequestError, RequestError, UnknownHostError, shown
from app.settings import Settings
from app.trusted_hosts import TrustedHosts

PROBES = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"})
"""Orchestrators ask there, without a key and by an address instead of a name."""
OPEN = PROBES | {"/", "/docs", "/openapi.json"}
"""What needs no key: the probes, and the pages, which ask for one where they need it."""
FILES = "/static/"
NO_KEY = "A key is needed here: send it as `Authorization: Bearer KEY` or as `X-API-Key: KEY`; whoever runs the service has keys."
UNKNOWN_KEY = "The key is not one that this service knows: ask whoever runs it for another."
CROSS_SITE = (
    "A page of another origin sent this request: use the service's own page, or a program. "
    "A proxy in front of it must pass the header Host on as it came."
)
UNKNOWN_HOST = "The host {} is not one of this service's names: use one of these, or add it to WARDROBE_TRUSTED_HOSTS."
ONCE = (b"host", b"origin", b"sec-fetch-site", b"authorization", b"x-api-key")
"""Headers that decide here: of two, another server might believe the other one."""


class Access:
    """Pure ASGI middleware, inside `RequestContext`, so that a refusal has an id, a log line and its count."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = TrustedHosts(settings.trusted_hosts)
        self._keys = ApiKeys(settings.api_keys) if settings.api_keys else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            try:
                if len(headers) < len(scope["headers"]):
                    _refuse_repeated(scope["headers"])
                self._admit(scope, headers)
            except RequestError as error:
                refusal = problems.problem_of(error, scope["state"]["request_id"])
                # of a connection that is kept, the rest of the body would be read after all, to find the next request
                closing = {"Connection": "close"} if _has_body(headers) else None
                await problems.response(scope["path"], refusal, closing)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Return if the request may come in.

        Raises:
            UnknownHostError, CrossSiteError, KeyRequiredError: It may not.
        """
        path: str = scope["path"]
        if not self._hosts.any and path not in PROBES:
            host = headers.get(b"host", b"").decode("latin-1")
            if not self._hosts.trusts(host):
                raise UnknownHostError(UNKNOWN_HOST.format(shown(host)))
        if is_cross_site(scope["method"], headers):
            raise CrossSiteError(CROSS_SITE)
        if self._keys and path not in OPEN and not path.startswith(FILES):
            scope["state"]["logged"]["key"] = self._key(self._keys, headers)

    def _key(self, keys: ApiKeys, headers: Mapping[bytes, bytes]) -> str:
        """The name of the key that the request has."""
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        given = [token.strip()] if scheme.lower() == b"bearer" else []
        given += [headers[b"x-api-key"].strip()] if b"x-api-key" in headers else []
        for each in given:
            if name := keys.name_of(each):
                return name
        raise KeyRequiredError(UNKNOWN_KEY if given else NO_KEY)


def _refuse_repeated(headers: Iterable[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in headers]
    if repeated := next((each for each in ONCE if names.count(each) > 1), None):
        raise MalformedRequestError(f"The header {repeated.decode()} is given more than once: send it once.")


def _has_body(headers: Mapping[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
