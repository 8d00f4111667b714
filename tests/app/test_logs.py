from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from app.logs import JSONFormatter
from app.main import from_environment


def line(record: logging.LogRecord) -> dict[str, Any]:
    written = JSONFormatter().format(record)
    assert "\n" not in written
    content: dict[str, Any] = json.loads(written)
    return content


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("app.request").makeRecord("app.request", logging.INFO, __file__, 1, message, arguments, None, extra=extra)


def test_a_line_has_the_record_and_what_was_given_with_it() -> None:
    written = line(record("%d images", 3, model="cnn", duration_ms=0.3))
    assert written.pop("time").startswith("20")
    assert written == {"level": "INFO", "logger": "app.request", "message": "3 images", "model": "cnn", "duration_ms": 0.3}


@pytest.mark.parametrize("value", ["a\nb", '"', "\x00\x1b[31m", "é\u2028", "\ud800"], ids=ascii)
def test_whatever_a_client_sends_stays_on_its_line(value: str) -> None:
    assert line(record("request", path=value))["path"] == value


def test_what_json_has_no_word_for_is_written_all_the_same() -> None:
    assert line(record("x", path=sys))["path"] == str(sys)


def test_a_traceback_is_one_field_of_it() -> None:
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        failed = logging.makeLogRecord({"msg": "unexpected failure", "exc_info": sys.exc_info()})
    assert "ZeroDivisionError: by nothing" in line(failed)["exc_info"]


def test_uvicorns_lines_have_no_colours() -> None:
    assert "color_message" not in line(record("Started", color_message="\x1b[32mStarted"))


def test_no_line_is_searched_for_where_it_was_written(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Of what the served application logs."""
    for name in ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, name, getattr(logging, name))
    monkeypatch.setattr(logging, "captureWarnings", lambda **_: None)
    from_environment()
    logging.getLogger("app").warning("x")
    [record] = caplog.records
    assert (record.lineno, record.process, record.thread) == (0, None, None)
