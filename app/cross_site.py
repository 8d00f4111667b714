"""Whether another site's page made a browser send a request, which may not get in by the browser's place in the network.

A browser says so in headers that no page can forge, Fetch Metadata (W3C; OWASP's resource isolation policy), and older ones, or those that
came by plain HTTP, at least in `Origin`. Programs send neither and are left alone. A page of the same site, which is any port of this
host and every name of its domain, is another page too: nothing here is for others to read, so none of them loses anything.
"""

from __future__ import annotations

from collections.abc import Mapping

OURS = (b"same-origin", b"none")
"""Of `Sec-Fetch-Site`: from the service's own page, or by a person who typed the address or opened a bookmark."""


def is_cross_site(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the request comes from elsewhere, and is not a link that a person follows in a window of its own."""
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in OURS and not _follows_a_link(method, headers)
    origin = headers.get(b"origin")
    if origin is None:
        return False
    authority = origin.partition(b"://")[2].lower()  # none in `null`, as a sandboxed page has it
    return not authority or authority != headers.get(b"host", b"").lower()


def _follows_a_link(method: str, headers: Mapping[bytes, bytes]) -> bool:
    is_page = headers.get(b"sec-fetch-mode") == b"navigate" and headers.get(b"sec-fetch-dest") == b"document"
    return method in ("GET", "HEAD") and is_page
