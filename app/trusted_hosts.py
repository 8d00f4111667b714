"""Which host names are the service's own, so that another name that was made to lead here, DNS rebinding, gets nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

ANY = "*"
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[^:\[\]]+))(?::[0-9]*)?")


class TrustedHosts:
    """Names, addresses and patterns as `*.example.org`, which stands for every name below it but not for itself; `*` is any host."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self.any = ANY in hosts
        self._names = frozenset(each for each in hosts if not each.startswith(ANY))
        self._below = tuple(each[1:] for each in hosts if each.startswith("*."))

    def trusts(self, host: str) -> bool:
        """Whether a `Host` header names one of them, whatever its port."""
        if self.any:
            return True
        found = _HOST.fullmatch(host.lower())
        if found is None:
            return False
        name = found["ipv6"] or found["name"].removesuffix(".")
        return name in self._names or name.endswith(self._below)
