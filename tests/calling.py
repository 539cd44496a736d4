"""The command `handoff`, called as a person calls it: a process of its own, in a folder, with
these settings and none of the machine's.
"""

import os
import subprocess
import sys
from pathlib import Path

PATIENCE = 50.0
OURS = ("HANDOFF_", "SLACK_", "OPENAI_")


def clean_environment(**settings: str) -> dict[str, str]:
    """Return the environment without settings of ours but these."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**others, **settings}


def called(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Call it in this folder and return how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "bridge", *arguments],
        env=clean_environment(**settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
