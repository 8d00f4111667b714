"""Machines of their own on this one: each a network namespace with its address, all on one switch, whose cables tests can pull."""

from __future__ import annotations

import os
import subprocess
from types import TracebackType
from typing import Self

from benchmarks.ray_serve.cluster import Machine


class Network:
    """`with Network() as network: network.machine("head")`: root on Linux makes them by iproute2, and at the end they are gone.

    This machine is on the switch, too. The switch is a namespace of its own, as this one's firewall may drop what a bridge passes on:
    Docker's does.
    """

    def __init__(self) -> None:
        self._name = f"w{os.getpid()}"
        self._subnet = f"10.213.{os.getpid() % 256}"
        self._switch = f"{self._name}-switch"
        self._machines: dict[str, str] = {}

    def __enter__(self) -> Self:
        _ip("netns", "add", self._switch)
        try:
            _ip("-n", self._switch, "link", "add", "switch", "type", "bridge")
            _ip("-n", self._switch, "link", "set", "switch", "up")
            self.address = self._plug_in(self._name, "1")
        except subprocess.CalledProcessError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for namespace in (*self._machines.values(), self._switch):  # with the last, this machine's cable goes
            _ip("netns", "delete", namespace)

    def machine(self, node: str) -> Machine:
        """A new one."""
        place = str(len(self._machines) + 2)
        namespace = self._machines[node] = f"{self._name}-{place}"
        _ip("netns", "add", namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
        return Machine(self._plug_in("eth0", place, "-n", namespace), ("ip", "netns", "exec", namespace))

    def cut(self, node: str) -> None:
        """As when its cable is pulled: what is sent to it is lost, and nobody is told."""
        _ip("-n", self._machines[node], "link", "set", "eth0", "down")

    def _plug_in(self, device: str, place: str, *where: str) -> str:
        """A cable from the switch to a machine, and the address of that end."""
        address = f"{self._subnet}.{place}"
        _ip(*where, "link", "add", device, "type", "veth", "peer", "name", f"to-{place}", "netns", self._switch)
        _ip("-n", self._switch, "link", "set", f"to-{place}", "master", "switch", "up")
        _ip(*where, "address", "add", f"{address}/24", "dev", device)
        _ip(*where, "link", "set", device, "up")
        return address


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
