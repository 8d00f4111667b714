"""The page of threats and faults is what the tests found, and leaves none out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.folders import read
from tests.reliability import table
from tests.reliability.conftest import CONTROL
from tests.reliability.soak import IN_DOCKER
from tests.server import ROOT

STORED = read(table.STORED)
TESTED = {(each["test"].partition("::")[0], table.function(each["test"])) for each in STORED["figures"]}
FILES = [*sorted((ROOT / "tests" / "reliability").glob("test_*.py")), ROOT / IN_DOCKER]


def test_the_page_is_made_of_the_figures() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.page(STORED), "`python -m tests.reliability.table` writes it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_test_that_records_has_a_row_and_each_control_an_outcome(path: Path) -> None:
    file = path.relative_to(ROOT).as_posix()
    expected = {name for name, fixtures in table.functions(path).items() if "record" in fixtures or name.startswith(CONTROL)}
    assert expected
    assert {name for each, name in TESTED if each == file} == expected


def test_each_row_names_a_test_that_there_is() -> None:
    assert [each["test"] for each in STORED["figures"] if not table.exists(each["test"])] == []


def test_each_row_that_did_not_hold_is_named_first() -> None:
    """The figures of the last run are what they are; a reader is not to search for what failed."""
    top = table.PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    for each in STORED["figures"]:
        assert each["held"] or each["test"] in top


def test_the_last_line_of_the_long_form_counts() -> None:
    test = "tests/contract/test_reliability.py::test_the_last_line_of_the_long_form_counts"
    lines = [
        f'{{"row": "x", "test": "{test}", "form": "{form}", "measured": "{measured}", "expected": "", "held": true}}'
        for form, measured in (("short", "1"), ("long", "2"), ("long", "3"), ("short", "4"))
    ]
    gone = '{"row": "y", "test": "tests/contract/test_reliability.py::test_gone", "form": "long"}'
    assert [each["measured"] for each in table.figures([*lines, gone])] == ["3"]
    assert [each["measured"] for each in table.figures([lines[0], lines[3]])] == ["4"]
