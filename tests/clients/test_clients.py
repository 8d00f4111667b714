from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.app.folders import LOADED
from tests.clients.conftest import Answers, Run

FORMS = {f"{kind} {form} {count}" for kind in ("sync", "aio") for form in ("binary", "json") for count in (1, 8, 1000, 10_000)}
CODINGS = {f"{kind} {coding} 100" for kind in ("sync", "aio") for coding in (None, "gzip", "deflate")}


def assert_same(answers: Answers, expected: npt.NDArray[np.float32]) -> None:
    for name, probabilities in answers.items():
        wanted = expected[: len(probabilities)]
        assert (probabilities.argmax(axis=1) == wanted.argmax(axis=1)).all(), name
        np.testing.assert_allclose(probabilities, wanted, atol=1e-6, err_msg=name)


def test_tritons(run: Run, expected: npt.NDArray[np.float32]) -> None:
    answers, said = run("with_triton")
    assert set(answers) == FORMS | CODINGS
    assert_same(answers, expected)
    assert said["ready"] == [True] * 7
    assert said["not ready"] is False
    assert said["server"]["name"] == "wardrobe"
    assert said["model"]["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 28, 28, 1]}]
    assert said["config"]["name"] == "cnn"
    [statistics] = said["statistics"]["model_stats"]
    assert statistics["inference_count"] >= sum(int(each.split()[2]) for each in FORMS | CODINGS)
    assert {(each["name"], int(each["version"])) for each in said["all statistics"]["model_stats"]} == set(LOADED)
    assert {(each["name"], int(each["version"])) for each in said["index"] if each["state"] == "READY"} == set(LOADED)
    assert said["best"][0].endswith(":9:Ankle boot")
    assert said["version 1"] == "1"
    assert said["unknown model"] == "404 There is no model 'vgg': choose one of ann, cnn, resnet."
    assert said["unknown output"] == "400 There is no output 'scores': choose from probabilities, logits."
    assert said["load"].startswith("400 Models are not loaded or unloaded over HTTP")


def test_kserves(run: Run, expected: npt.NDArray[np.float32]) -> None:
    answers, said = run("with_kserve")
    assert set(answers) == {"v1", "v2 binary", "v2 json"}
    assert {len(each) for each in answers.values()} == {50}
    assert_same(answers, expected)
    assert said["ready"] == [True] * 4
    assert said["model name"] == "cnn"
    assert "Servable not found for request: Latest(vgg)" in said["v1 unknown"]
    assert "There is no model 'vgg'" in said["v2 unknown"]
