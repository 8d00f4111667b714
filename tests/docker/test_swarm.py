"""`docker stack deploy`, on a real engine: rollouts under load, each request accounted for, and what is broken rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.conftest import IMAGE, docker
from tests.docker.stack import Stack, stack_file
from tests.reliability.conftest import Record

NEXT_IMAGE = f"{IMAGE}:next"


@pytest.fixture(scope="module", autouse=True)
def swarm(images: None) -> Iterator[None]:
    """The engine as a Swarm of one node, unless it is one."""
    if docker("info", "--format", "{{.Swarm.LocalNodeState}}") == "active":
        yield
        return
    docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
    yield
    docker("swarm", "leave", "--force")


@pytest.fixture(scope="module")
def next_image(images: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image, changed."""
    folder = tmp_path_factory.mktemp("next")
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nLABEL next=true\n")
    docker("build", "--tag", NEXT_IMAGE, str(folder))
    return NEXT_IMAGE


def test_rollouts_lose_no_request(next_image: str, tmp_path: Path, record: Record) -> None:
    changed = {"WARDROBE_IMAGE": next_image, "WARDROBE_PINNED_VERSIONS": '{"ann": 1}'}
    with Stack(tmp_path) as stack:
        stack.deploy(stack_file(), 1)
        with stack.load() as sent:
            stack.deploy(stack_file(), 2)
            ends = [stack.roll_out(stack_file(), 2, **changed)]
            ends += [stack.roll_out(stack_file(start_period="1s"), 2, **changed, WARDROBE_REQUIRED_MODELS='["vgg"]')]
        found = stack.account(sent)
        versions = {line.get("request_id"): line.get("version") for line in stack.logs()}
    record("A Swarm scales out, rolls out another image and model, and rolls back what is never ready", "no request is lost", str(found))
    assert ends == ["completed", "rollback_completed"]
    assert found.unexplained == []
    assert found.unread == 0
    assert found.answered.keys() == {200}
    assert (versions[sent[0].request_id], versions[sent[-1].request_id]) == (2, 1)


def test_without_start_first(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.deploy(stack_file(order="stop-first"), 1)
        with stack.load() as sent:
            stack.roll_out(stack_file(order="stop-first"), 1, WARDROBE_PINNED_VERSIONS='{"ann": 1}')
        found = stack.account(sent)
    with pytest.raises(AssertionError):
        assert found.unread == 0
