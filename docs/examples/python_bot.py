"""A bot as a Python function, for HANDOFF_ASSISTANT=python:docs.examples.python_bot:reply."""

from collections.abc import Iterator

from adapters.assistants import Escalate, Turn

OPENING = {"monday": "nine to six", "saturday": "ten to four"}


def reply(turn: Turn) -> Iterator[str | Escalate]:
    """Answer piece by piece (the customer sees it grow), or ask for a person."""
    day = next((day for day in OPENING if day in turn.text.lower()), None)
    if day is None:
        yield Escalate("asked something other than the opening hours", summary=turn.text)
        return
    yield f"On {day.capitalize()} we are open "
    yield f"from {OPENING[day]}."
