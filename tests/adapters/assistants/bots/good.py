"""Bots that can be loaded, and things that cannot be bots."""

from collections.abc import Iterator

from adapters.assistants import Escalate, Turn

GREETING = "not a function"


def reply(turn: Turn) -> str:
    """Answer with what was asked."""
    return f"You said: {turn.text}"


def in_pieces(turn: Turn) -> Iterator[str | Escalate]:
    """Answer piece by piece, then ask for a person."""
    yield "Let me "
    yield "see."
    yield Escalate("cannot see", urgency="low")


def too_few() -> str:
    """Take nothing."""
    return "nothing"


def too_many(turn: Turn, more: str) -> str:
    """Want more than there is."""
    return more


class Bot:
    """A bot with a memory."""

    async def __call__(self, turn: Turn) -> dict[str, object]:
        """Answer as an outside assistant would."""
        return {"messages": [{"text": turn.locale}], "confidence": 0.5}


bot = Bot()
