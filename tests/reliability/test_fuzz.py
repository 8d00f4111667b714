"""Damaged files that nobody thought of. Short form: 300, the same each time, in seconds; long form: 2,000 random ones, and ten minutes
of the coverage-guided fuzzer."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.reliability import fuzz, raw
from tests.reliability.attack import Process, target
from tests.reliability.conftest import SOAK, Record
from tests.reliability.corpus import pictures
from tests.server import ROOT, Server

LONG = os.environ.get(SOAK) == "1"
EXAMPLES = 2000 if LONG else 300
SECONDS = 600
ACCEPTED = {200, 415, 422}
"""Answered, no longer of an accepted type, or not decodable: what the OpenAPI document has for these requests."""
MEMORY_MB = 20
FILES = sorted(pictures().items())
UNCAUGHT = "import app.images; app.images.Exception = OSError"
"""What remains of `except Exception` if it is narrowed to what Pillow documents."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a folder of its own for temporary files."""
    with target(tmp_path_factory.mktemp("temporary")) as running:
        yield running


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file cut short, with flipped bits, or with a piece of it repeated."""
    content = bytearray(draw(st.sampled_from(FILES))[1])
    random = Random(draw(st.integers(0, 2**32 - 1)))  # noqa: S311  # Hypothesis's own choices are mostly about the first bytes
    match draw(st.sampled_from(["cut", "flip", "flip", "repeat"])):
        case "cut":
            del content[random.randrange(len(content)) :]
        case "flip":
            for _ in range(random.randint(1, 8)):
                content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        case "repeat":
            start, to = random.randrange(len(content)), random.randrange(len(content))
            content[to:to] = content[start : start + random.randint(1, 64)]
    return bytes(content)


def statuses_of(server: Server, examples: int) -> Counter[int]:
    """Send so many damaged files; each answer is one of those accepted, and an error is a problem with a sentence."""
    counted: Counter[int] = Counter()

    @settings(
        max_examples=examples,
        derandomize=not LONG,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=damaged(), fit=st.sampled_from(["strict", "garment"]))
    def send(content: bytes, fit: str) -> None:
        answer = server.http.post("/predict", params={"fit": fit}, content=content, headers={"Content-Type": "image/png"})
        counted[answer.status_code] += 1
        assert answer.status_code in ACCEPTED, answer.text
        assert "label" in answer.json() if answer.status_code == 200 else answer.json()["detail"]

    send()
    return counted


def test_damaged_files_are_answered_or_refused(server: Server, record: Record) -> None:
    process = Process(server)
    statuses_of(server, 50)  # what is loaded and allocated once
    descriptors, files, memory = raw.descriptors(server), process.files(), process.megabytes("VmRSS")
    counted = statuses_of(server, EXAMPLES)
    grown, opened, left = process.megabytes("VmRSS") - memory, raw.descriptors(server) - descriptors, process.files() - files
    record(
        "Undocumented exceptions: truncations and bit flips",
        f"{EXAMPLES:,} files: only 2xx and documented 4xx; no descriptor or file left, memory < +{MEMORY_MB} MB",
        f"{', '.join(f'{count} x {status}' for status, count in sorted(counted.items()))}; "
        f"descriptors {opened:+d}, files {left:+d}, memory {grown:+.1f} MB",
    )
    assert counted.total() >= EXAMPLES
    assert counted[200] > EXAMPLES / 20
    assert counted[422] > EXAMPLES / 20
    assert opened <= 0
    assert left <= 0
    assert grown < MEMORY_MB


def test_without_catching_all_that_pillow_raises(tmp_path: Path) -> None:
    with target(tmp_path, changed=UNCAUGHT) as server, pytest.raises(AssertionError, match="failed unexpectedly"):
        statuses_of(server, EXAMPLES)


@pytest.mark.skipif(not LONG, reason="ten minutes, and an environment of its own: the long form")
@pytest.mark.parametrize("name", fuzz.SHARES)
def test_the_coverage_guided_fuzzer_finds_nothing(record: Record, name: str) -> None:
    seconds = round(SECONDS * fuzz.SHARES[name])
    figures, finding = fuzz.fuzzed(name, seconds)
    record(f"Coverage-guided fuzzing: {name}", f"{seconds} s: no crash, no exception but a refusal", figures)
    assert finding is None


@pytest.mark.skipif(not LONG, reason="needs the fuzzer's environment: the long form")
def test_it_finds_an_exception_that_is_not_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(UNCAUGHT)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    figures, finding = fuzz.fuzzed("image", 60)
    assert finding is not None, figures
    finding.unlink()
