"""The benchmark itself works: its smallest run ends well and finds numbers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.harness import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.timeout(120)
def test_the_quick_benchmark_measures_both_bridges(tmp_path: Path) -> None:
    """Both directions of both bridges are measured, and no text is lost, doubled or disordered."""
    told = tmp_path / "found.json"
    order = [sys.executable, "-m", "tests.bench", "--quick", "--json", str(told)]

    done = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(told.read_text())["results"]
    assert {result["kind"] for result in found} == {"naive", "sqlite"}
    for result in found:
        for numbers in result["rounds"]:
            assert numbers["in per s"] > 1
            assert numbers["out per s"] > 1
            assert numbers["faults"] == 0
