"""Public files that are not part of the project: labelled messages, recorded dialogues, collections
of hostile strings, Slack's published schemas.

`HANDOFF_EVAL_DATA` names the folder they lie in; a test without its file is skipped, aloud.
"""

import os
from pathlib import Path

import pytest

VARIABLE = "HANDOFF_EVAL_DATA"


def outside(name: str) -> Path:
    """Return a file of that folder, or skip the test that wants it."""
    folder = os.environ.get(VARIABLE)
    path = Path(folder or ".") / name
    if not folder or not path.is_file():
        pytest.skip(f"no {name}: it is not part of the project, {VARIABLE} names no folder with it")
    return path
