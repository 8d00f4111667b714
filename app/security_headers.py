"""What every answer tells a browser: to guess no type, to show it to no other site, to run and frame nothing, to keep nothing.

After OWASP's REST Security and HTTP Headers cheat sheets. `frame-ancestors` has taken the place of `X-Frame-Options`;
`Strict-Transport-Security` is for the proxy that ends TLS.
"""

from __future__ import annotations

from collections.abc import Iterable

Raw = tuple[bytes, bytes]

_ALWAYS: tuple[Raw, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
# a page says what it may load, and a file how long it is good for; the rest is data, of a person's picture or behind a key
_UNLESS_SAID: tuple[Raw, ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)


def secured(headers: Iterable[Raw]) -> list[Raw]:
    """An answer's headers, names in lower case, and those that every answer has."""
    headers = list(headers)
    said = {name for name, _ in headers}
    return [*headers, *_ALWAYS, *(each for each in _UNLESS_SAID if each[0] not in said)]
