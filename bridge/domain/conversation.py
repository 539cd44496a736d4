"""A conversation: the customer, who has the floor, the handoff, and the counters of its log.

The value holds what a reaction needs to decide and nothing else; the whole history stays in the
store and is read only for the transcript.
"""

from dataclasses import dataclass, field

from bridge.domain.handoff import Floor, Handoff
from bridge.domain.ids import ConversationId, PostRef, ThreadRef
from bridge.domain.messages import Message

RECENT = 20
"""How many of the last messages a conversation carries for the policy and the assistant."""


@dataclass(frozen=True, slots=True)
class Customer:
    """The person in the widget, as far as known. `external_id` is verified by the site."""

    name: str | None = None
    email: str | None = None
    locale: str = "en"
    page_url: str | None = None
    external_id: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Overtaking:
    """An edit or deletion that came before the reply it speaks of.

    `text` is None when the reply was deleted; `files` are the desk's ids of those that still stand
    on it, None where that was not told.
    """

    at: float
    text: str | None
    files: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """The state of one conversation.

    `version` grows with every stored change and guards against two writers. `epoch` grows
    whenever the floor changes. `position` counts deliveries, so that a lane has an order.
    `memory` is the policy's own (plain JSON). `overtaken` keeps edits and deletions that arrived
    before the reply they speak of.
    `shown` and `read` are the last seq the customer's page displayed and the customer read,
    `marked` the (shown, read) pair the desk was last told of.
    """

    id: ConversationId
    customer: Customer
    created_at: float
    version: int = 0
    floor: Floor = Floor.ASSISTANT
    epoch: int = 0
    seq: int = 0
    cursor: int = 0
    position: int = 0
    handoff: Handoff | None = None
    thread: ThreadRef | None = None
    mirrored_seq: int = 0
    memory: dict[str, object] = field(default_factory=dict)
    recent: tuple[Message, ...] = ()
    overtaken: dict[PostRef, Overtaking] = field(default_factory=dict)
    shown: int = 0
    read: int = 0
    marked: tuple[int, int] = (0, 0)
    marking: bool = False

    @property
    def open_handoff(self) -> Handoff | None:
        """The handoff that is open now, if any."""
        return self.handoff if self.handoff is not None and self.handoff.is_open else None
