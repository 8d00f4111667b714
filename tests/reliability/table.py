"""`python -m tests.reliability.table`: the figures that the tests left in `build/` become `docs/reliability.json`, and that the page."""

from __future__ import annotations

import ast
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.reliability.conftest import CONTROL, FIGURES
from tests.server import ROOT

STORED = ROOT / "docs" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"
HEAD = """# Reliability

What threatens the service, what must hold all the same, and what was measured. Each test attacks a real server process over sockets.

- The long form: `make soak`, which makes this page; a figure of the short form says that it is one. It goes on after a failure;
  run again, it takes up the files that failed.
- The short form: `.venv/bin/python -m pytest --no-cov tests/reliability`, a part of `make test`.
- One row: the command behind it, after `.venv/bin/python -m` and with `--no-cov`; `WARDROBE_SOAK=1` before it makes it the long form.
- Those in `tests/docker` need a Docker engine.

Where a load runs meanwhile, a ledger compares each request, by its id, with the server's log: what was answered and logged alike, what was
refused before its head was read, what was in flight on a process that was killed. Anything else is unexplained, and there must be none.

For each defence a negative control makes the same attack with the defence switched off, and sees the check fail. Those of 5 seconds
and more are repeated by `make soak` alone, the others by every `make test`.
"""


def figures(before: Iterable[dict[str, Any]], lines: Iterable[str]) -> list[dict[str, Any]]:
    """Rows and outcomes of controls: those of `before`, but for tests that were run again since, in as long a form, and left `lines`."""
    new = [line for line in map(json.loads, lines) if exists(line["test"])]
    forms = {form: {_name(each) for each in new if each["form"] == form} for form in ("long", "short")}
    found = {}
    for each in before:
        again = forms["long"] if each["form"] == "long" else forms["long"] | forms["short"]
        if exists(each["test"]) and _name(each) not in again:
            found[_key(each)] = each
    for each in new:
        if each["form"] == "long" or (_name(each) not in forms["long"] and found.get(_key(each), each)["form"] == "short"):
            found[_key(each)] = each
    return [found[key] for key in sorted(found, key=_place)]


def _name(figure: dict[str, Any]) -> tuple[str, str]:
    return figure["test"].partition("::")[0], function(figure["test"])


def _key(figure: dict[str, Any]) -> tuple[str, str]:
    return figure["test"], figure.get("row", "")


def _place(key: tuple[str, str]) -> tuple[str, int, str]:
    """By file, there by test, and by row."""
    file = key[0].partition("::")[0]
    return file, list(functions(ROOT / file)).index(function(key[0])), key[1]


def files() -> list[str]:
    """Test files in which something is recorded, relative to the repository."""
    found = [*sorted((ROOT / "tests" / "reliability").glob("test_*.py")), *sorted((ROOT / "tests" / "docker").glob("test_*.py"))]
    return [each.relative_to(ROOT).as_posix() for each in found if any("record" in fixtures for fixtures in functions(each).values())]


def exists(test: str) -> bool:
    """Whether there is a test function of this node id."""
    return function(test) in functions(ROOT / test.partition("::")[0])


def function(test: str) -> str:
    """A node id without its parameters, only the function's name."""
    return test.partition("::")[2].partition("[")[0]


def functions(path: Path) -> dict[str, list[str]]:
    """The names of a file's tests, each with those of its fixtures."""
    if not path.is_file():
        return {}
    body = ast.parse(path.read_text(encoding="utf-8")).body
    tests = [each for each in body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")]
    return {each.name: [argument.arg for argument in each.args.args] for each in tests}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cpus = [line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = f"{platform.system()} {platform.release()}"
    return {
        "cpu": cpus[0] if cpus else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory, 1),
        "kernel": kernel,
        "python": platform.python_version(),
    }


def page(stored: dict[str, Any]) -> str:
    """The page as Markdown."""
    found = stored["figures"]
    failed = [each for each in found if not each["held"]]
    short = sum(each["form"] == "short" for each in found)
    revisions, dates = (", ".join(sorted({each[name] for each in found})) for name in ("revision", "date"))
    on = stored["machine"]
    where = f"{on['cpu']}, {on['cores']} cores, {on['memory_gb']:.0f} GB, {on['kernel']}, Python {on['python']}"
    counts = f"{sum('row' in each for each in found)} rows, {sum('row' not in each for each in found)} negative controls"
    outcome = f"{len(failed)} did not hold" if failed else "all held"
    form = f"{short} are of the short form" if short else "all are of the long form"
    parts = [HEAD, f"Measured {dates} at revision {revisions}, on {where}. {counts}: {outcome}; {form}."]
    if failed:
        parts.append("\n".join(["What did not hold:\n", *(f"- {each.get('row') or 'the control'}: `{each['test']}`" for each in failed)]))
    parts += ["\n".join(_section(file, found)) for file in sorted({each["test"].partition("::")[0] for each in found})]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _section(file: str, stored: list[dict[str, Any]]) -> Iterator[str]:
    """A file's title, its controls and its rows."""
    here = [each for each in stored if each["test"].partition("::")[0] == file]
    rows = [each for each in here if "row" in each]
    controls = list(dict.fromkeys(function(each["test"]) for each in here if function(each["test"]).startswith(CONTROL)))
    seconds = sum({each["test"]: each["seconds"] for each in here}.values())
    yield f"## {_title(ROOT / file)}\n"
    yield f"`{file}`, {seconds:.0f} s.{' Negative controls:' if controls else ''} {', '.join(f'`{each}`' for each in controls)}\n"
    if rows:
        yield "| threat or fault | what must hold | measured | held | `pytest` |"
        yield "| --- | --- | --- | --- | --- |"
    for each in rows:
        form = "" if each["form"] == "long" else " (short form)"
        cells = [each["row"], each["expected"], each["measured"] + form, "yes" if each["held"] else "**no**"]
        command = f"`{file}::{function(each['test'])}`"
        yield f"| {' | '.join([*(cell.replace('|', chr(92) + '|') for cell in cells), command])} |"


def _title(path: Path) -> str:
    """The first sentence of a test file's docstring, as far as its colon."""
    lines = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem).splitlines()
    return lines[0].split(": ")[0].rstrip(".:")


def main() -> int:
    """Write both files."""
    with FIGURES.open(encoding="utf-8") as lines:
        found = figures(json.loads(STORED.read_bytes())["figures"] if STORED.exists() else (), lines)
    stored = {"machine": machine(), "figures": found}
    STORED.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(stored), encoding="utf-8")
    failed = [each["test"] for each in found if not each["held"]]
    sys.stdout.write("".join(f"did not hold: {each}\n" for each in failed) + f"{PAGE.relative_to(ROOT)}: {len(found)} figures\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
