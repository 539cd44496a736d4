"""One batch of facts on its way into one transaction: look up, decide, collect the `Write`.

Nothing here awaits, or changes what the inbox remembers: it takes over `current` after the commit.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from bridge.domain.conversation import Conversation
from bridge.domain.delivery import Delivery, Progress
from bridge.domain.facts import (
    ENDS,
    Declined,
    Delivered,
    Duplicate,
    End,
    Fact,
    SessionOpened,
    Taken,
    TeammateActed,
    TeammateAmended,
    Verdict,
)
from bridge.domain.ids import ConversationId, HandoffId, PostRef, ThreadRef
from bridge.domain.messages import Message
from bridge.domain.rules import Rules
from bridge.domain.shards import shard_of
from bridge.ports.store import (
    Cancellation,
    Loaded,
    Record,
    Settlement,
    TakenFact,
    TimerSetting,
    Wanted,
    Write,
)
from bridge.reactions import react
from bridge.reactions.delivery import needs_conversation
from bridge.reactions.outcome import Outcome
from bridge.relay.known import Known, Wanting
from bridge.relay.lanes import Step

log = logging.getLogger(__name__)

UNKNOWN = Declined("unknown", "There is no such conversation.")
LOST = Declined("lost", "Another instance has this shard now.")
BROKEN = Declined("internal", "This could not be processed; the problem was recorded.")


Starter = Callable[[Delivery], Delivery]
"""Says how a new delivery is stored: already as sending when it may leave at once."""


class Batch:
    """What a list of facts turns into."""

    def __init__(
        self,
        memory: Mapping[ConversationId, Conversation],
        known: Known,
        rules: Rules,
        owned: Mapping[int, int],
        start: "Starter",
    ) -> None:
        self._memory = memory
        self._known = known
        self._rules = rules
        self._owned = owned
        self._start = start
        self._base: dict[ConversationId, Conversation | None] = {}
        # What was known when the batch was begun stays known to it: while it waits for a read,
        # news of another instance may make the inbox forget.
        self._resolved: dict[ThreadRef | HandoffId, ConversationId] = {}
        self._taken: dict[str, TakenFact] = {}
        self._posts: dict[PostRef, Message] = {}
        self.current: dict[ConversationId, Conversation] = {}
        self.states: set[ConversationId] = set()
        self.touched: set[ConversationId] = set()
        self.loaded: set[ConversationId] = set()
        self.write = Write()

    @property
    def has_something(self) -> bool:
        """Whether there is anything to store."""
        write = self.write
        return bool(write.conversations or write.facts or write.settled)

    def wants(self, items: Sequence[Fact | Step], *, check_keys: bool) -> Wanted | None:
        """Return what must be read before deciding, or None when all is remembered."""
        wanted = Wanting()
        for item in items:
            if isinstance(item, Step) or not _needs_conversation(item):
                continue
            if check_keys and item.key:
                wanted.keys.add(item.key)
            self._want(item, wanted)
        self.touched.update(wanted.conversations)
        return wanted.frozen()

    def _want(self, fact: Fact, wanted: "Wanting") -> None:
        if isinstance(fact, TeammateAmended):
            wanted.posts.add(fact.post)
        found = self._conversation_id(fact)
        thread, handoff_id = _address(fact)
        if found:
            if not self._recall(found):
                wanted.conversations.add(found)
        elif thread is not None:
            wanted.threads.add(thread)
        elif handoff_id is not None:
            wanted.handoffs.add(handoff_id)

    def _recall(self, conversation_id: ConversationId) -> bool:
        """Take a conversation over from memory; returns whether it was there."""
        if conversation_id not in self.current:
            found = self._memory.get(conversation_id)
            if found is None:
                return False
            self._base[conversation_id] = found
            self.current[conversation_id] = found
        return True

    def learn(self, loaded: Loaded, *, shared: bool) -> None:
        """Take in what was read; `shared` when other instances may have written it."""
        if shared:
            self.loaded.update(loaded.conversations)
        for conversation_id, conversation in loaded.conversations.items():
            self._base[conversation_id] = conversation
            self.current[conversation_id] = conversation
        self._known.threads.update(loaded.threads)
        self._known.handoffs.update(loaded.handoffs)
        for thread, conversation_id in loaded.threads.items():
            self._resolved[thread] = conversation_id
        for handoff_id, conversation_id in loaded.handoffs.items():
            self._resolved[handoff_id] = conversation_id
        self._posts.update(loaded.posts)
        self._taken.update(loaded.facts)

    def _conversation_id(self, fact: Fact) -> ConversationId:
        if fact.conversation_id:
            return fact.conversation_id
        thread, handoff_id = _address(fact)
        name = thread or handoff_id
        if name is None:
            return ConversationId("")
        if name not in self._resolved:
            found = self._known.of(thread, handoff_id)
            if found is None:
                return ConversationId("")
            self._resolved[name] = found
        return self._resolved[name]

    def decide(self, items: Sequence[Fact | Step]) -> list[Verdict]:
        """Decide on everything in order and collect what is to be stored."""
        return [self._decide_one(item) for item in items]

    def _decide_one(self, item: Fact | Step) -> Verdict:
        if isinstance(item, Step):
            return Taken() if self._move(item.settlements, item.epoch) else LOST
        taken = self._taken.get(item.key) if item.key else None
        if taken is not None:
            return Duplicate(taken.ref, taken.seq, taken.digest)
        if isinstance(item, ENDS):
            if not self._ends(item):
                return LOST
            if not _needs_conversation(item):
                return Taken()
        conversation = self._find(item)
        return UNKNOWN if conversation is None else self._react(conversation, item)

    def _react(self, conversation: Conversation, item: Fact) -> Verdict:
        try:
            outcome = react(conversation, item, self._rules, self._about(item))
        except Exception:
            log.exception(
                "reaction failed",
                extra={"action": "reaction_failed", "conversation": conversation.id},
            )
            return BROKEN
        self._collect(conversation, outcome)
        return outcome.verdict

    def _about(self, fact: Fact) -> Message | None:
        if not isinstance(fact, TeammateAmended):
            return None
        for message in reversed(self.write.messages + self.write.amended):
            if message.post == fact.post:
                return message
        return self._posts.get(fact.post)

    def _find(self, fact: Fact) -> Conversation | None:
        conversation_id = self._conversation_id(fact)
        self._recall(conversation_id)
        found = self.current.get(conversation_id)
        if found is None and isinstance(fact, SessionOpened):
            found = Conversation(fact.conversation_id, fact.customer, fact.at)
            self._base[conversation_id] = None
        self.touched.add(conversation_id)
        return found

    def _ends(self, fact: End) -> bool:
        """Settle the delivery a fact is about; returns False when its lease is gone."""
        if isinstance(fact, Delivered):
            done = tuple(
                Settlement(
                    d.moved(Progress.DELIVERED), fact.receipt if d is fact.delivery else None
                )
                for d in (fact.delivery, *fact.merged)
            )
        else:
            dead = fact.delivery.moved(Progress.DEAD, error=fact.why)
            done = (Settlement(dead),)
        return self._move(done)

    def _move(self, settlements: Sequence[Settlement], epoch: int | None = None) -> bool:
        shards, owned = {shard_of(s.delivery) for s in settlements}, self._owned
        if any(shard not in owned for shard in shards):
            return False
        if epoch is not None and any(owned[shard] != epoch for shard in shards):
            return False
        for shard in shards:
            self.write.fences[shard] = self._owned[shard]
        self.write.settled.extend(settlements)
        return True

    def _collect(self, before: Conversation, outcome: Outcome) -> None:
        if outcome.is_empty and before.version:
            return
        after = outcome.conversation()
        conversation_id = after.id
        self.current[conversation_id] = after
        base = self._base[conversation_id]
        write = self.write
        write.conversations[conversation_id] = (base.version if base else None, after)
        write.messages.extend(outcome.messages)
        write.amended.extend(outcome.amended)
        write.notes.extend(outcome.notes)
        for delivery in outcome.deliveries:
            may_start = conversation_id not in self.loaded
            kept = self._start(delivery) if may_start else delivery
            if kept.progress is Progress.SENDING:
                # Only the owner may send: a lease that ran out meanwhile undoes the batch.
                write.fences[shard_of(kept)] = self._owned[shard_of(kept)]
            write.deliveries.append(kept)
        self._keep_fact(outcome)
        if outcome.handoff is not before.handoff and outcome.handoff is not None:
            write.handoffs.append(outcome.handoff)
            self._known.handoffs[outcome.handoff.id] = conversation_id
            self.states.add(conversation_id)
        if after.epoch != before.epoch:
            self.states.add(conversation_id)
        if outcome.threads or outcome.timers or outcome.records or outcome.cancelled:
            self._collect_rarer(outcome)

    def _keep_fact(self, outcome: Outcome) -> None:
        if not outcome.key or isinstance(outcome.verdict, Declined):
            return
        taken = outcome.verdict if isinstance(outcome.verdict, Taken) else Taken()
        fact = TakenFact(
            outcome.key,
            outcome.conversation_id,
            outcome.at,
            taken.ref,
            taken.seq,
            outcome.digest,
        )
        self.write.facts.append(fact)
        self._taken[outcome.key] = fact

    def _collect_rarer(self, outcome: Outcome) -> None:
        conversation_id, write = outcome.conversation_id, self.write
        for thread in outcome.threads:
            write.threads.append((thread, conversation_id))
            self._known.threads[thread] = conversation_id
        write.timers.extend(
            TimerSetting(conversation_id, timer, due) for timer, due in outcome.timers.items()
        )
        write.records.extend(
            Record(conversation_id, outcome.at, kind, body) for kind, body in outcome.records
        )
        if outcome.cancelled:
            write.cancelled.append(
                Cancellation(conversation_id, outcome.cancelled, outcome.before.position)
            )


def _needs_conversation(fact: Fact) -> bool:
    return not isinstance(fact, Delivered) or needs_conversation(fact.delivery)


def _address(fact: Fact) -> tuple[ThreadRef | None, HandoffId | None]:
    handoff_id = fact.handoff_id if isinstance(fact, TeammateActed) else None
    return getattr(fact, "thread", None), handoff_id
