"""No assistant of ours: an outside bot answers by the bot API, or people do."""

from bridge.domain.delivery import Answer
from bridge.ports.assistant import Draft, Question


class NoAssistant:
    """Leaves every answer to the bot API."""

    async def answer(self, question: Question, draft: Draft) -> Answer:  # noqa: ARG002 -- the port
        """Say that the answer comes later, if it comes."""
        return Answer(later=True)
