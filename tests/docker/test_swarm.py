"""`docker stack deploy`, on a real engine: rollouts under load, each request accounted for, and what is broken rolled back.

Long: four of each instead of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.conftest import IMAGE, docker
from tests.docker.stack import IMPATIENT, Stack, stack_file
from tests.reliability.conftest import Record
from tests.server import ROOT

NEXT_IMAGE = f"{IMAGE}:next"


@pytest.fixture(scope="module", autouse=True)
def swarm(images: None) -> Iterator[None]:
    """The engine as a Swarm of one node, unless it is one."""
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") == "active":
        yield
        return
    # with the log of every task that was replaced: they are what requests are accounted for by
    docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377", "--task-history-limit", "50")
    yield
    docker("swarm", "leave", "--force")


@pytest.fixture(scope="module")
def next_image(images: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image, changed."""
    folder = tmp_path_factory.mktemp("next")
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nLABEL next=true\n")
    docker("build", "--tag", NEXT_IMAGE, str(folder))
    return NEXT_IMAGE


def test_the_file_is_a_stack_as_it_is(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        said = stack.accept(ROOT / "docker-compose.yml")
        found = stack.specification()
    # the image is there already, tasks are replaced anyway, and nothing in the image could gain a privilege
    assert "Ignoring unsupported options: build, restart, security_opt" in said
    task = found["TaskTemplate"]
    container = task["ContainerSpec"]
    assert (container["ReadOnly"], container["CapabilityDrop"], container["StopGracePeriod"]) == (True, ["ALL"], 30_000_000_000)
    assert container["Healthcheck"]["Test"][-1].count("/readyz") == 1
    assert [(each["Type"], each["Target"], each.get("ReadOnly", False)) for each in container["Mounts"]] == [
        ("bind", "/models", True),
        ("tmpfs", "/tmp", False),  # noqa: S108  # in the container
    ]
    assert task["Resources"]["Limits"] == {"MemoryBytes": 2 * 2**30, "Pids": 256}
    [port] = found["EndpointSpec"]["Ports"]
    assert (port["TargetPort"], port["PublishedPort"], port["PublishMode"]) == (8000, 8000, "ingress")
    for rollout, failure in (("UpdateConfig", "rollback"), ("RollbackConfig", "pause")):
        assert (found[rollout]["Order"], found[rollout]["Parallelism"], found[rollout]["FailureAction"]) == ("start-first", 1, failure)


def test_rollouts_lose_no_request(next_image: str, tmp_path: Path, soak: bool, record: Record) -> None:
    rounds = 4 if soak else 1
    changed = {"WARDROBE_IMAGE": next_image, "WARDROBE_PINNED_VERSIONS": '{"ann": 1}'}
    with Stack(tmp_path) as stack:
        stack.deploy(stack_file(), 1)
        with stack.load() as sent:
            stack.deploy(stack_file(), 2)
            ends = []
            for each in range(rounds):
                good = {} if each % 2 else changed
                ends.append(stack.roll_out(stack_file(), 2, **good))
                ends.append(stack.roll_out(stack_file(check=IMPATIENT), 2, **good, WARDROBE_REQUIRED_MODELS='["vgg"]'))
        found = stack.account(sent)
        versions = {line["version"] for line in stack.logs() if "version" in line and line["message"] == "request"}
    row = "A Swarm scales out, rolls out another image and model, and rolls back what is never ready"
    record(row, "no request is lost", f"{rounds} x; {found}")
    assert ends == ["completed", "rollback_completed"] * rounds
    assert found.unexplained == []
    assert [each for each in sent if each.failure] == []
    assert found.answered.keys() == {200}
    assert versions == {1, 2}


@pytest.mark.long
def test_without_start_first(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.deploy(stack_file(order="stop-first"), 1)
        with stack.load() as sent:
            stack.roll_out(stack_file(order="stop-first"), 1, WARDROBE_PINNED_VERSIONS='{"ann": 1}')
        found = stack.account(sent)
    with pytest.raises(AssertionError):
        assert found.unread == 0
