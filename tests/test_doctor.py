"""`handoff doctor` as somebody meets it who sets the bridge up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.harness import ROOT

MENDED = {"HANDOFF_DESKS": "sandbox", "HANDOFF_ASSISTANT": "faq"}


def doctor(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the doctor with a database in a folder."""
    clean = {name: value for name, value in os.environ.items() if "HANDOFF" not in name}
    database = {"HANDOFF_DATABASE_URL": f"sqlite:///{folder}/handoff.db"}
    return subprocess.run(
        [sys.executable, "-m", "bridge", "doctor"],
        env={**clean, **database, **MENDED},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.slow
def test_a_first_setup_is_healthy_before_the_first_start(tmp_path: Path) -> None:
    """A database that the first start will make is no problem, and is not made by asking."""
    done = doctor(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "handoff.db").exists()
