"""The container with models from a real S3 server, by the second Compose file."""

from __future__ import annotations

import os

import pytest

from tests.docker.conftest import MODELS, Project, docker, running
from tests.docker.test_compose import assert_answers, version_folder
from tests.object_store import S3

FILES = os.pathsep.join(["docker-compose.yml", "deploy/object-store.yml"])


@pytest.mark.usefixtures("images")
def test_it_serves_what_is_in_the_store() -> None:
    host = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    with S3("0.0.0.0") as s3:
        for model in ("ann", "cnn"):
            s3.upload(version_folder(MODELS, model), f"models/{model}/{version_folder(MODELS, model).name}")
        settings = {**s3.environment, "AWS_ENDPOINT_URL": f"http://{host}:{s3.port}", "WARDROBE_MODELS_DIR": s3.address("models")}
        Project(MODELS, COMPOSE_FILE=FILES, **settings)("build", "app")  # these files don't say that every start does
        with running(MODELS, COMPOSE_FILE=FILES, **settings) as app:
            assert_answers(app, version_folder(MODELS, "cnn"), "cnn", "Ankle boot")
            assert app.logs().count("a version is fetched") == 2
            assert app.inspect()["HostConfig"]["ReadonlyRootfs"]
