"""The composition root: the only package that knows every concrete class."""

from bridge.app.check import examine
from bridge.app.dialogues import stored_dialogues
from bridge.app.notes import notes
from bridge.app.operator import operate
from bridge.app.policy import policy_in_force
from bridge.app.prepared import problems_at_rest
from bridge.app.run import Started, run

__all__ = [
    "Started",
    "examine",
    "notes",
    "operate",
    "policy_in_force",
    "problems_at_rest",
    "run",
    "stored_dialogues",
]
