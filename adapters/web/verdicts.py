"""What the core said to a fact, as an HTTP answer; shared by both APIs."""

from typing import assert_never

from adapters.messages import Json
from adapters.problems import Problem
from adapters.web.fields import refuse
from adapters.web.shapes import handoff_json, is_waiting, state_json
from bridge.domain.conversation import Conversation
from bridge.domain.facts import Declined, Duplicate, Taken, Verdict
from bridge.ports.core import Board

STATUS_OF = {"unknown": 404, "stale": 409, "closed": 409, "not_allowed": 403}
"""The status of each reason for declining; any other is a request that makes no sense: 422."""


def declined(verdict: Declined) -> Problem:
    """Return the refusal of a fact that the core declined."""
    return Problem(STATUS_OF.get(verdict.code, 422), verdict.why, **verdict.detail)


def placed(verdict: Verdict, digest: str) -> tuple[int, Json]:
    """Return the status and the place of a message; raises 409 when its id was used before."""
    match verdict:
        case Taken():
            return 202, {"id": verdict.ref, "seq": verdict.seq}
        case Duplicate():
            if verdict.digest != digest:
                raise reused()
            return 200, {"id": verdict.ref, "seq": verdict.seq}
        case Declined():
            raise declined(verdict)
        case _:
            assert_never(verdict)


def reused() -> Problem:
    """Return the answer to another message under an id that was taken."""
    what = "was used before with other words; give every message an id of its own."
    problem = refuse("client_id", what)
    problem.status = 409
    return problem


def unless_declined(verdict: Verdict) -> None:
    """Raise when the core declined; a repetition is as good as the first time."""
    if isinstance(verdict, Declined):
        raise declined(verdict)


async def place_of(board: Board, conversation: Conversation) -> int | None:
    """Return the place of a waiting handoff in the queue, else None."""
    handoff = conversation.handoff
    if handoff is None or not is_waiting(handoff):
        return None
    return await board.place_in_queue(handoff)


async def state_of(board: Board, conversation: Conversation) -> Json:
    """Return the state of a conversation with the place in the queue."""
    return state_json(conversation, await place_of(board, conversation))


async def handoff_of(board: Board, conversation: Conversation) -> Json:
    """Return the answer to a call for a person: the handoff, if one is open."""
    position = await place_of(board, conversation)
    return {"handoff": handoff_json(conversation.open_handoff, position)}
