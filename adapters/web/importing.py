"""Past messages that come along with a conversation: looked through before the first is taken.

Each of them is a fact of its own, so a refusal in the middle would leave half of them behind.
"""

from collections.abc import Sequence
from typing import Any

from adapters.problems import Problem
from adapters.web.fields import refuse
from adapters.web.given import Core
from adapters.web.keys import bot_key, digest_of
from adapters.web.verdicts import reused
from bridge.domain.conversation import Conversation
from bridge.domain.handoff import Floor
from bridge.domain.ids import ConversationId
from bridge.domain.messages import Role

Messages = Sequence[dict[str, Any]]


def check_ids(messages: Messages) -> None:
    """Refuse two messages with one id and other words."""
    seen: dict[str, tuple[str, str]] = {}
    for index, message in enumerate(messages):
        said = message["role"], message["text"]
        if seen.setdefault(message["client_id"], said) != said:
            what = "stands twice in the list, with other words."
            raise refuse(f"messages[{index}].client_id", what)


async def check_conflicts(
    core: Core, known: Conversation, conversation_id: ConversationId, messages: Messages
) -> None:
    """Refuse what the core would: ids that were used for other words, answers without the floor.

    Between this look and the last message somebody may use one of the ids or take the floor. Then
    the import ends in the middle all the same, and sent again it is refused here.
    """
    keys = [bot_key(conversation_id, message["client_id"]) for message in messages]
    taken = await core.taken.digests_of(keys)
    floor = known.floor
    for index, (key, message) in enumerate(zip(keys, messages, strict=True)):
        if key in taken:
            if taken[key] != digest_of(message["role"], message["text"]):
                raise inside(index, reused())
        elif message["role"] == Role.ASSISTANT and floor is not Floor.ASSISTANT:
            why = "the assistant does not have the floor."
            raise Problem(409, f"messages[{index}]: {why}", floor=floor, epoch=known.epoch)
        elif floor is Floor.NOBODY:
            # The customer's next word gives a closed conversation back to the assistant.
            floor = Floor.ASSISTANT


def inside(index: int, problem: Problem) -> Problem:
    """Return the refusal of one message as the refusal of the whole list."""
    where = f"messages[{index}]"
    if "field" not in problem.extra:
        return Problem(problem.status, f"{where}: {problem.detail}", **problem.extra)
    extra = {**problem.extra, "field": f"{where}.{problem.extra['field']}"}
    return Problem(problem.status, f"{where}.{problem.detail}", **extra)
