"""The assistants: every AI that can answer customers, behind one port.

`make_assistant` chooses by the settings; `Turn` and `Escalate` are what a Python function sees.
"""

from adapters.assistants.answers import Escalate
from adapters.assistants.choose import make_assistant
from adapters.assistants.python import Turn
from adapters.assistants.settings import AssistantSettings, Bounds

__all__ = ["AssistantSettings", "Bounds", "Escalate", "Turn", "make_assistant"]
