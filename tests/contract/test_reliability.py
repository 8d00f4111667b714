"""The page of threats and faults is what the tests found, and leaves none out."""

from __future__ import annotations

import json

import pytest

from tests.app.folders import read
from tests.reliability import table
from tests.reliability.conftest import CONTROL
from tests.server import ROOT

STORED = read(table.STORED)
TESTED = {(each["test"].partition("::")[0], table.function(each["test"])) for each in STORED["figures"]}


def test_the_page_is_made_of_the_figures() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.page(STORED), "`python -m tests.reliability.table` writes it"


@pytest.mark.parametrize("file", table.files())
def test_each_test_that_records_has_a_row_and_each_control_an_outcome(file: str) -> None:
    expected = {name for name, fixtures in table.functions(ROOT / file).items() if "record" in fixtures or name.startswith(CONTROL)}
    assert {name for each, name in TESTED if each == file} == expected


def test_each_file_records() -> None:
    """Whatever lies in the folder of threats and faults is one, and so has a row."""
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "reliability").glob("test_*.py")} <= set(table.files())


def test_each_row_names_a_test_that_there_is() -> None:
    assert [each["test"] for each in STORED["figures"] if not table.exists(each["test"])] == []


def test_each_row_that_did_not_hold_is_named_first() -> None:
    """The figures of the last run are what they are; a reader is not to search for what failed."""
    top = table.PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    for each in STORED["figures"]:
        assert each["held"] or each["test"] in top


def figure(measured: str, form: str, test: str = "test_the_newest_figure_of_the_longest_form_counts", row: str = "x") -> dict[str, str]:
    return {"row": row, "test": f"tests/contract/test_reliability.py::{test}", "form": form, "measured": measured}


@pytest.mark.parametrize(
    ("before", "lines", "expected"),
    [
        ([], [figure("1", "short"), figure("2", "short")], ["2"]),
        ([], [figure("1", "short"), figure("2", "long"), figure("3", "long"), figure("4", "short")], ["3"]),
        ([], [figure("1", "short", row="y"), figure("2", "long")], ["2"]),
        ([figure("1", "long")], [], ["1"]),
        ([figure("1", "long")], [figure("2", "short")], ["1"]),
        ([figure("1", "long")], [figure("2", "long", row="renamed")], ["2"]),
        ([figure("1", "short"), figure("2", "short", row="y")], [figure("3", "short")], ["3"]),
        ([figure("1", "long", "test_that_went")], [figure("2", "long", "test_that_went")], []),
    ],
)
def test_the_newest_figure_of_the_longest_form_counts(
    before: list[dict[str, str]], lines: list[dict[str, str]], expected: list[str]
) -> None:
    assert [each["measured"] for each in table.figures(before, map(json.dumps, lines))] == expected
