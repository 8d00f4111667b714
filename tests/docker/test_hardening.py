"""What the service's process may do, asked inside the running container; and that the same questions find a container without all that."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from supply_chain.locks import SERVE, read
from tests.docker.conftest import BASE, IMAGE, MODELS, App, Project, docker

Facts = dict[str, Any]

ASKED = r"""
import json, os, socket, stat

def tried(work):
    try:
        work()
    except OSError:
        return False
    return True

def limit(name, old):
    for path in ("/sys/fs/cgroup/" + name, "/sys/fs/cgroup/" + old):
        if os.path.exists(path):
            value = open(path).read().strip()
            return None if value == "max" or int(value) > 2**60 else int(value)

def files(root):
    for folder, _, names in os.walk(root):
        if not folder.startswith(("/proc", "/sys", "/dev")):
            yield from (os.path.join(folder, name) for name in names)

def processes():
    children = []
    try:
        while len(children) < 600:
            child = os.fork()
            if child == 0:
                os.close(gate[1])
                os.read(gate[0], 1)  # until all others are there
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    os.close(gate[1])
    for child in children:
        os.waitpid(child, 0)
    return len(children)

status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines())
found = {
    "capabilities": [status[key].strip() for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "no new privileges": status["NoNewPrivs"].strip(),
    "seccomp": status["Seccomp"].strip(),
    "users": status["Uid"].split() + status["Gid"].split(),
    "setuid": [path for path in files("/") if os.lstat(path).st_mode & (stat.S_ISUID | stat.S_ISGID) and os.path.isfile(path)],
    "writes": [folder for folder in ("/", "/srv", "/opt/venv", "/models", "/etc", "/usr/bin") if tried(lambda: os.mkdir(folder + "/new"))],
    "temporary": next((line.split()[3] for line in open("/proc/self/mounts") if line.split()[1] == "/tmp"), ""),
    "raw socket": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)),
    "engine": os.path.exists("/var/run/docker.sock"),
    "memory": limit("memory.max", "memory/memory.limit_in_bytes"),
    "pids": limit("pids.max", "pids/pids.max"),
}
gate = os.pipe()
found["processes"] = processes()
print(json.dumps(found))
"""


def no_capabilities(found: Facts) -> None:
    assert set(found["capabilities"]) == {"0" * 16}


def no_new_privileges(found: Facts) -> None:
    assert found["no new privileges"] == "1"


def not_root(found: Facts) -> None:
    assert found["users"] == ["10001"] * 8


def nothing_setuid(found: Facts) -> None:
    assert found["setuid"] == []


def nothing_to_write_to(found: Facts) -> None:
    assert found["writes"] == []


def temporary_files_are_few_and_no_programs(found: Facts) -> None:
    assert {"noexec", "nosuid", "nodev", "size=16384k"} <= set(found["temporary"].split(","))


def no_raw_socket(found: Facts) -> None:
    assert not found["raw socket"]


def bounded_memory(found: Facts) -> None:
    assert found["memory"] == 2 * 2**30


def bounded_processes(found: Facts) -> None:
    assert found["pids"] == 256
    assert found["processes"] < 256


CHECKS: list[Callable[[Facts], None]] = [
    no_capabilities,
    no_new_privileges,
    not_root,
    nothing_setuid,
    nothing_to_write_to,
    temporary_files_are_few_and_no_programs,
    no_raw_socket,
    bounded_memory,
    bounded_processes,
]


@pytest.fixture(scope="module")
def hardened(app: App) -> Facts:
    found: Facts = app.python(ASKED)
    return found


@pytest.fixture(scope="module")
def bare(images: None) -> Facts:
    """Of the base image's root, with what an engine gives to whoever asks for nothing."""
    found: Facts = json.loads(docker("run", "--rm", "--user", "0", "--entrypoint", "python3", BASE, "-c", ASKED))
    return found


@pytest.mark.parametrize("check", CHECKS, ids=lambda each: each.__name__)
def test_the_container_has(hardened: Facts, check: Callable[[Facts], None]) -> None:
    check(hardened)


@pytest.mark.parametrize("check", CHECKS, ids=lambda each: each.__name__)
def test_without_hardening_it_has_not(bare: Facts, check: Callable[[Facts], None]) -> None:
    with pytest.raises(AssertionError):
        check(bare)


def test_system_calls_are_filtered_where_the_engine_can(hardened: Facts) -> None:
    """By the engine's default profile; an engine without seccomp says so, and then nothing is."""
    filters = "seccomp" in docker("info", "--format", "{{.SecurityOptions}}")
    assert hardened["seccomp"] == ("2" if filters else "0")


def test_no_engine_is_within_reach(hardened: Facts) -> None:
    assert not hardened["engine"]


def test_the_image_has_what_is_locked_and_nothing_else(app: App) -> None:
    code = "import json; from importlib.metadata import distributions; print(json.dumps([[d.name, d.version] for d in distributions()]))"
    locked = {(pin.name, pin.version) for pin in read(SERVE) if "win32" not in pin.marker or "!=" in pin.marker}
    assert {(name.lower().replace("_", "-"), number) for name, number in app.python(code)} <= locked
    assert ("pillow", version("pillow")) in locked


@pytest.mark.usefixtures("images")
def test_the_image_names_its_base() -> None:
    assert docker("image", "inspect", "--format", '{{index .Config.Labels "org.opencontainers.image.base.name"}}', IMAGE) == BASE


@pytest.mark.usefixtures("engine")
def test_the_base_may_be_given_by_digest() -> None:
    digest = f"{BASE}@sha256:{'0' * 64}"
    services = json.loads(Project(MODELS, WARDROBE_BASE=digest)("--profile", "train", "config", "--format", "json"))["services"]
    assert {each["build"]["args"]["BASE"] for each in services.values()} == {digest}
