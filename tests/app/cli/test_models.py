"""`wardrobe models` and `wardrobe metrics` are GET /models and GET /metrics."""

from __future__ import annotations

import json
from pathlib import Path

from tests.app.cli.command import run, run_on_terminal
from tests.app.cli.test_screen import plain
from tests.app.folders import NEWEST, damage, paper_models, publish, read, seal
from tests.conftest import MODELS
from tests.server import Server
from training.publish import write_json

How = tuple[str, ...]


def test_models_is_the_apis(server: Server, how: How) -> None:
    done = run("models", *how)
    assert json.loads(done.out) == server.http.get("/models").json()
    assert (done.status, done.err) == (0, "")


def test_metrics_is_the_apis(server: Server, how: How) -> None:
    done = run("metrics", "--json", *how)
    assert json.loads(done.out) == server.http.get("/metrics").json()
    assert json.loads(run("metrics", "--model", "ann", *how).out) == server.http.get("/metrics?model=ann").json()
    assert (done.status, done.err) == (0, "")


def test_models_as_a_table(tmp_path: Path) -> None:
    models = paper_models(tmp_path / "models")
    damage(publish(models / "cnn" / "1", models, "cnn", 2))
    (models / "ann" / "1" / "card.json").write_text("{}")
    seal(models / "ann" / "1")
    done = run("models", "--table", "--models-dir", models)
    assert done.err == ""
    rows = [line.split() for line in done.out.splitlines()]
    assert ["model", "state", "version", "versions", "default", "required"] in rows
    assert ["ann", "unavailable", "1", "broken", "yes"] in rows
    assert ["cnn", "ready", "1", "2", "broken,", "1", "served", "yes", "yes"] in rows
    reasons = [" ".join(row) for row in rows if row]
    assert any(each.startswith("cnn: version 2: variables/variables.data-00000-of-00001 differs from its SHA-256") for each in reasons)
    assert any(each.startswith("ann: version 1: its card, report or golden images can't be used: 4 validation errors") for each in reasons)
    assert any("[type=missing, " in each for each in reasons)
    assert len(rows) == 5


def test_a_comparison_that_is_not_of_these_versions_is_left_out_and_said_so(tmp_path: Path) -> None:
    models = paper_models(tmp_path / "models")
    publish(models / "cnn" / "1", models, "cnn", 2)
    done = run("metrics", "--models-dir", models)
    assert json.loads(done.out)["comparison"] is None
    assert "warning: the comparison is of other versions than those served (reason the stored one is of " in done.err
    assert "On the same" not in run("metrics", "--table", "--models-dir", models).out


def test_metrics_as_a_table(how: How) -> None:
    shown = plain(run_on_terminal("metrics", *how, columns=2000).out)
    rows = [line.split() for line in shown.splitlines()]
    heading, *figures = [row for row in rows if row[0] in ("model", *NEWEST)]
    assert " ".join(heading) == "model version parameters accuracy 95 % interval loss macro F1"
    assert [row[0] for row in figures] == ["resnet", "cnn", "ann"]
    for row in figures:
        report = read(MODELS / row[0] / row[1] / "report.json")
        test, interval = report["test"], report["test"]["intervals"]["accuracy"]
        values = (test["accuracy"], interval["low"], interval["high"], test["loss"], test["macro_avg"]["f1"])
        assert row[1:] == [
            str(NEWEST[row[0]]),
            f"{report['parameters']:,}",
            *"{:.4f} {:.4f} to {:.4f} {:.4f} {:.4f}".format(*values).split(),
        ]
    assert "On the 10,000 test images of Fashion-MNIST." in shown
    assert read(MODELS / "comparison.json")["summary"] in shown


def test_a_model_published_before_there_were_intervals(tmp_path: Path) -> None:
    models = paper_models(tmp_path / "models")
    report = read(models / "ann" / "1" / "report.json")
    del report["test"]["intervals"]
    write_json(models / "ann" / "1" / "report.json", report)
    seal(models / "ann" / "1")
    heading, row = run("metrics", "--table", "--models-dir", models, "--model", "ann").out.splitlines()[:2]
    assert heading.split()[3:5] == ["accuracy", "interval"]
    assert row.split() == ["ann", "1", "227,018", "0.8601", "0.3917", "0.8608"]
