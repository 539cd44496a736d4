"""The whole core under everything at once: a state machine of people, faults, time and crashes.

Hypothesis chooses what happens next; after every step, and at the end when all is mended, what the
people were told is compared with what both sides see. `make test` takes the same 2,000 steps
each time; with HANDOFF_EXAMPLES set, so many random talks of up to fifty steps are tried.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bridge.domain.conversation import Conversation
from bridge.domain.delivery import OpenThread, PostMessage, PostTranscript, Progress
from bridge.domain.errors import StoreUnavailable
from bridge.domain.facts import (
    AssistantWanted,
    BotWrote,
    CustomerSaw,
    CustomerWrote,
    Declined,
    Duplicate,
    Fact,
    PersonAsked,
    Taken,
    TeammateActed,
    TeammateAmended,
    TeammateWrote,
    Timer,
    Verb,
    Verdict,
)
from bridge.domain.handoff import Floor
from bridge.domain.ids import ConversationId, PostRef, ThreadRef
from bridge.domain.messages import Role
from bridge.domain.shards import SHARDS
from bridge.ports.core import Event
from bridge.ports.store import TimerSetting, Wanted
from tests.relay.ledger import SECRET, Ledger
from tests.relay.unruly import UnrulyWorld
from tests.world import ANN, BOB, Kept

EXAMPLES = int(os.environ.get("HANDOFF_EXAMPLES", "0"))
TALKS = 2
A_LONG_TIME = 1e12
IDLE = object()
DEEDS = frozenset(
    {
        *("writes", "writes again", "dies", "asks", "goes back", "sees"),
        *("replies", "notes", "amends", "acts", "thread deleted", "mends"),
        *("bot writes", "slow answer", "late answer", "time", "killed"),
    }
)
"""Every kind of step that changes something."""

who = st.integers(0, TALKS - 1)
author = st.sampled_from([ANN, BOB])
troubles = st.lists(
    st.sampled_from(["again", "told", "lost", "made", "made", "refused"]), min_size=1, max_size=4
)


class Talks(RuleBasedStateMachine):
    """Two conversations on one core, and all that can happen to them."""

    steps: ClassVar[int] = 0
    deeds: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="handoff-machine-")
        self.runner = asyncio.Runner()
        self.world = UnrulyWorld(Path(self.folder.name))
        self.talks: list[Ledger] = []
        self.hurried = False
        self.number = 0

    def teardown(self) -> None:
        """Mend everything, let it settle, compare, and leave nothing behind."""
        try:
            if self.talks:
                self.run(self.ends_well())
        finally:
            self.run(self.world.crash())
            self.runner.close()
            self.folder.cleanup()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do asynchronous work."""
        return self.runner.run(work)

    def step(self, deed: str, work: Coroutine[Any, Any, Any]) -> None:
        """Take one step, and let it settle unless everybody is in a hurry.

        Work that found nothing to do says so by returning `IDLE`, and is not counted as a deed.
        """
        Talks.steps += 1
        if self.run(work) is not IDLE:
            Talks.deeds[deed] += 1
        if not self.hurried:
            self.run(self.world.settle())

    def next(self) -> int:
        """Return a number never used before in this run."""
        self.number += 1
        return self.number

    # How facts are handed in: again and again, until they are taken

    async def told(self, fact: Fact) -> Verdict:
        """Hand a fact in as everybody does: again, until it is acknowledged."""
        why = ""
        for _ in range(40):
            try:
                return await self.world.report(fact)
            except StoreUnavailable as problem:
                why = str(problem)
                await self.world.pass_time(1.0)
        message = f"never taken: {fact}: {why}"
        raise AssertionError(message)

    async def all_told(self, talk: Ledger, facts: Sequence[Fact], steps: int | None) -> None:
        """Hand facts in at the same moment; the bridge dies after so many calls of the outside.

        Whoever was not answered hands in the same again.
        """
        if steps is not None:
            fuse = self.world.light(steps)
            work = asyncio.gather(*map(self.told, facts), return_exceptions=True)
            rest = asyncio.ensure_future(self._rest(work))
            blown = asyncio.ensure_future(fuse.blown.wait())
            await asyncio.wait((rest, blown), return_when=asyncio.FIRST_COMPLETED)
            for task in (work, rest, blown):
                task.cancel()
            await asyncio.gather(work, rest, blown, return_exceptions=True)
            await self.world.restart()
            verdicts = [await self.told(fact) for fact in facts]
        else:
            verdicts = await asyncio.gather(*map(self.told, facts))
        # Who was refused comes again after those that were not: the bridge says in which order.
        said = sorted(
            zip(facts, verdicts, strict=True), key=lambda both: getattr(both[1], "seq", 0)
        )
        for fact, verdict in said:
            self.enter(talk, fact, verdict)

    async def _rest(self, work: "asyncio.Future[Any]") -> None:
        await work
        await self.world.settle()

    def enter(self, talk: Ledger, fact: Fact, verdict: Verdict) -> None:
        """Write down what was acknowledged."""
        assert not isinstance(verdict, Declined), f"{fact}: {verdict}"
        match fact:
            case CustomerWrote():
                if fact.key not in talk.client_ids:
                    talk.client_ids.append(fact.key)
                    talk.lines.append(fact.text)
            case TeammateWrote(note=True):
                talk.notes.append(fact.post)
            case TeammateWrote():
                talk.replied(fact.post, fact.text)
            case TeammateAmended():
                talk.amended(fact.post, None if fact.note else fact.text)
            case _:
                pass
        if isinstance(verdict, Taken) and verdict.floor:
            talk.epochs.append((verdict.seq, verdict.epoch))

    async def state(self, talk: Ledger) -> Conversation:
        """Return a conversation as it is stored now."""
        loaded = await self.world.store.truth.load(Wanted(conversations=frozenset({talk.id})))
        return loaded.conversations[talk.id]

    def base(self, talk: Ledger, kind: str) -> dict[str, Any]:
        """Return what every fact has."""
        now = self.world.clock.now()
        return {"key": f"{kind}:{self.next()}", "at": now, "conversation_id": talk.id}

    def line(self, talk: Ledger) -> CustomerWrote:
        """Return a new line of the customer's."""
        base = self.base(talk, f"web:{talk.id}")
        return CustomerWrote(**base, text=f"line {self.number} of {talk.id}")

    async def thread(self, talk: Ledger) -> ThreadRef | None:
        """Return the thread of a conversation; without one its customer asks for a person first.

        None while the desk's troubles keep it from being opened.
        """
        if (await self.state(talk)).thread is None:
            fact = PersonAsked(**self.base(talk, "ask"), source="button")
            self.enter(talk, fact, await self.told(fact))
            await self.world.settle()
        return (await self.state(talk)).thread

    # What happens

    @initialize()
    def begin(self) -> None:
        """Start, and let the customers come, each watched by a live stream."""

        async def begin() -> None:
            await self.world.start()
            self.talks = [Ledger(await self.world.arrives(f"C{n}")) for n in range(TALKS)]
            self.world.started = self.watch
            self.watch()

        self.run(begin())

    def watch(self) -> None:
        """Open the live streams."""
        for talk in self.talks:
            self.world.relay.presence.watch(talk.id, partial(self.heard, talk))

    def heard(self, talk: Ledger, event: Event) -> None:
        """A live stream was told something."""
        talk.heard(event, self.remembered(talk.id))

    def remembered(self, conversation_id: ConversationId) -> Conversation | None:
        """Return what the core believes of a conversation."""
        return self.world.relay.board.remembered(conversation_id)

    @rule(who=who, lines=st.integers(1, 3), dies=st.none() | st.integers(1, 14))
    def writes(self, who: int, lines: int, dies: int | None) -> None:
        """The customer writes one or more lines at once; the bridge may die of it."""
        talk = self.talks[who]
        facts = [self.line(talk) for _ in range(lines)]
        self.step("dies" if dies else "writes", self.all_told(talk, facts, dies))

    @rule(who=who, at=st.integers(0, 30), other=st.booleans())
    def writes_again(self, who: int, at: int, other: bool) -> None:
        """A line comes a second time under its client id, with the same words or with others."""
        talk = self.talks[who]

        async def again() -> None:
            if not talk.lines:
                await self.all_told(talk, [self.line(talk)], None)
            nth = at % len(talk.lines)
            fact = CustomerWrote(
                key=talk.client_ids[nth],
                at=self.world.clock.now(),
                conversation_id=talk.id,
                text="other words" if other else talk.lines[nth],
            )
            assert isinstance(await self.told(fact), Duplicate)

        self.step("writes again", again())

    @rule(who=who, dies=st.none() | st.integers(1, 20))
    def asks(self, who: int, dies: int | None) -> None:
        """The customer asks for a person."""
        talk = self.talks[who]
        fact = PersonAsked(**self.base(talk, "ask"), source="button")
        self.step("asks", self.all_told(talk, [fact], dies))

    @rule(who=who)
    def goes_back(self, who: int) -> None:
        """The customer goes back to the assistant."""
        talk = self.talks[who]
        fact = AssistantWanted(**self.base(talk, "back"))
        self.step("goes back", self.all_told(talk, [fact], None))

    @rule(who=who, by=author, note=st.booleans(), dies=st.none() | st.integers(1, 14))
    def replies(self, who: int, by: Any, note: bool, dies: int | None) -> None:
        """A teammate replies, or writes a note; it is delivered twice."""
        talk = self.talks[who]

        async def reply() -> object:
            thread = await self.thread(talk)
            if thread is None:
                return IDLE
            known = [] if note else [p for p in talk.ahead if p not in talk.notes]
            post = known[0] if known else PostRef(f"memory:p{self.next()}")
            fact = self.said(talk, thread, post, by, note=note)
            await self.all_told(talk, [fact], dies)
            assert isinstance(await self.told(fact), Duplicate)
            return None

        self.step("notes" if note else "replies", reply())

    def said(
        self, talk: Ledger, thread: ThreadRef, post: PostRef, by: Any, *, note: bool
    ) -> TeammateWrote:
        """Return what a teammate writes."""
        text = f"{SECRET} {post}" if note else f"reply {post}"
        return TeammateWrote(
            key=f"wrote:{post}",
            at=self.world.clock.now(),
            thread=thread,
            post=post,
            author=by,
            text=text,
            note=note,
        )

    async def has_written(self, talk: Ledger, thread: ThreadRef, *, note: bool) -> None:
        """See that a teammate has written something that can be amended."""
        if not (talk.notes if note else talk.replies):
            post = PostRef(f"memory:p{self.next()}")
            fact = self.said(talk, thread, post, ANN, note=note)
            self.enter(talk, fact, await self.told(fact))

    @rule(
        who=who,
        which=st.integers(0, 30),
        how=st.sampled_from(["edit", "edit", "delete", "to note"]),
        of=st.sampled_from(["reply", "reply", "note", "not yet here"]),
    )
    def amends(self, who: int, which: int, how: str, of: str) -> None:
        """A teammate edits or deletes a reply or a note, maybe before it came; delivered twice."""
        talk = self.talks[who]

        async def amend() -> object:
            thread = await self.thread(talk)
            if thread is not None and of in ("reply", "note"):
                await self.has_written(talk, thread, note=of == "note")
            posts = {"reply": list(talk.replies), "note": talk.notes}.get(of, [*talk.ahead][:1])
            if thread is None or (not posts and of != "not yet here"):
                return IDLE
            post = posts[which % len(posts)] if posts else PostRef(f"memory:p{self.next()}")
            # What was a note may say nothing new to the customer, whatever is made of it.
            secret = post in talk.notes or how == "to note"
            text = f"{SECRET} edited {self.next()}" if secret else f"edited {self.next()}"
            fact = TeammateAmended(
                key=f"amended:{self.next()}",
                at=self.world.clock.now(),
                thread=thread,
                post=post,
                text=None if how == "delete" else text,
                note=how == "to note",
            )
            await self.all_told(talk, [fact], None)
            await self.told(fact)
            return None

        self.step("amends", amend())

    @rule(
        who=who,
        by=author,
        verb=st.sampled_from([Verb.CLAIM, Verb.RELEASE, Verb.RESOLVE, Verb.RETURN]),
    )
    def acts(self, who: int, by: Any, verb: Verb) -> None:
        """A teammate claims, releases, resolves or returns; the click is delivered twice."""
        talk = self.talks[who]

        async def act() -> object:
            thread = await self.thread(talk)
            handoff = (await self.state(talk)).handoff
            if thread is None or handoff is None:
                return IDLE
            fact = TeammateActed(
                key=f"act:{self.next()}",
                at=self.world.clock.now(),
                verb=verb,
                author=by,
                handoff_id=handoff.id,
                thread=thread,
            )
            for _ in range(2):
                verdict = await self.told(fact)
                if not isinstance(verdict, Declined):
                    self.enter(talk, fact, verdict)
            return None

        self.step("acts", act())

    @rule(who=who, back=st.integers(0, 3))
    def bot_writes(self, who: int, back: int) -> None:
        """An outside bot answers under the epoch of now, or one of long ago."""
        talk = self.talks[who]

        async def write() -> None:
            now = await self.state(talk)
            epoch = max(now.epoch - back, 0)
            base = self.base(talk, "bot")
            fact = BotWrote(**base, role="assistant", text=f"bot e{epoch}.", epoch=epoch)
            verdict = await self.told(fact)
            if isinstance(verdict, Taken):
                self.enter(talk, fact, verdict)

        self.step("bot writes", write())

    @rule(who=who, read=st.booleans())
    def sees(self, who: int, read: bool) -> None:
        """The customer's page shows everything, and the customer may have read it."""
        talk = self.talks[who]
        seq = len(talk.log)
        fact = CustomerSaw(**self.base(talk, "saw"), shown=seq, read=seq if read else 0)
        self.step("sees", self.all_told(talk, [fact], None))

    @rule(
        slow=st.booleans(),
        plan=st.lists(st.sampled_from(["again", "refused", "failed", "escalate"]), max_size=2),
    )
    def assistant(self, slow: bool, plan: list[str]) -> None:
        """The assistant becomes slow or quick, and will fail at the next questions."""
        self.world.assistant.slow = slow
        self.world.assistant.troubles += plan

    @rule(who=who, every=st.booleans())
    def assistant_answers(self, who: int, every: bool) -> None:
        """Answers that were held back come out, late; without one, one is asked for."""
        assistant = self.world.assistant
        held = bool(assistant.held)

        async def answer() -> None:
            if not held:
                await self.asked_slowly(self.talks[who])
            elif every:
                assistant.let_all()
            else:
                assistant.let_one()

        self.step("late answer" if held else "slow answer", answer())

    async def asked_slowly(self, talk: Ledger) -> None:
        """Ask the assistant, which holds its answer back."""
        self.world.assistant.slow = True
        for fact in (AssistantWanted(**self.base(talk, "back")), self.line(talk)):
            self.enter(talk, fact, await self.told(fact))

    @rule(troubles=troubles, blind=st.lists(st.sampled_from(["again", "lost"]), max_size=2))
    def desk_fails(self, troubles: list[str], blind: list[str]) -> None:
        """The next calls at the desk, and the next look-ups, will end in trouble."""
        self.world.desk.troubles = troubles
        self.world.desk.blind = blind

    @rule(lag=st.sampled_from([0.0, 0.5, 4.5]), stalled=st.booleans())
    def desk_changes(self, lag: float, stalled: bool) -> None:
        """The desk shows posts later, or stalls with the calls it has, or goes on."""
        desk = self.world.desk
        desk.lag = lag
        desk.gate.clear() if stalled else desk.gate.set()

    @rule(who=who)
    def thread_is_deleted(self, who: int) -> None:
        """Somebody deletes the whole thread at the desk."""

        async def delete() -> object:
            thread = await self.thread(self.talks[who])
            if thread is None or thread in self.world.desk.lost:
                return IDLE
            self.world.desk.lost.add(thread)
            return None

        self.step("thread deleted", delete())

    @rule(times=st.integers(1, 3))
    def database_refuses(self, times: int) -> None:
        """The next calls of the database are refused."""
        self.world.store.refusals = times

    @rule(seconds=st.sampled_from([0.4, 1.0, 3.0, 7.0, 40.0, 130.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        """Time passes."""
        self.step("time", self.world.pass_time(seconds, step=max(seconds / 8, 0.4)))

    @rule(hurried=st.booleans())
    def hurry(self, hurried: bool) -> None:
        """From now on steps follow each other before the last has settled, or do not."""
        self.hurried = hurried

    @rule(turns=st.integers(0, 30), down=st.sampled_from([0.0, 2.0, 10.0]), lag=st.booleans())
    def is_killed(self, turns: int, down: float, lag: bool) -> None:
        """The process dies with whatever is under way, and starts again after a while."""

        async def die() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await self.world.crash()
            self.world.desk.lag = 4.0 if lag else 0.0
            self.world.clock.advance(down)
            await self.world.start()

        self.step("killed", die())

    @rule(who=who, retry=st.booleans())
    def dead_is_mended(self, who: int, retry: bool) -> None:
        """The oldest delivery given up on is tried again, or skipped; without one, one is made."""

        async def mend() -> object:
            dead = await self.world.store.truth.dead()
            if not dead:
                await self.refused(self.talks[who])
                dead = await self.world.store.truth.dead()
            if not dead:
                return IDLE
            await (self.mended(dead[0].id) if retry else self.skipped(dead[0]))
            return None

        self.step("mends", mend())

    async def refused(self, talk: Ledger) -> None:
        """Have the desk refuse a line."""
        await self.thread(talk)
        await self.world.settle()
        self.world.desk.troubles = ["refused"]
        await self.all_told(talk, [self.line(talk)], None)
        await self.world.settle()

    async def mended(self, delivery_id: Any) -> None:
        """Retry a dead delivery until the database takes that."""
        self.world.clock.advance(0.1)
        for _ in range(5):
            try:
                await self.world.relay.reviver.retry(delivery_id)
            except StoreUnavailable:
                continue
            return

    async def skipped(self, delivery: Any) -> None:
        """Skip a dead delivery; its lines are lost to the team, knowingly."""
        talk = next(t for t in self.talks if t.id == delivery.conversation_id)
        try:
            if not await self.world.relay.reviver.skip(delivery.id):
                return
        except StoreUnavailable:
            return
        match delivery.payload:
            case PostMessage():
                talk.skipped.add(delivery.payload.text)
            case PostTranscript(from_seq=first, to_seq=last):
                talk.skipped |= {m.text for m in talk.log.values() if first <= m.seq <= last}
            case _:
                pass

    # What must hold

    @invariant()
    def promises_hold(self) -> None:
        """Hold everything that must be true at every moment."""
        if self.talks:
            found = self.run(self.look())
            assert not found, "\n".join(found)

    async def look(self) -> list[str]:
        """Return every promise broken by now."""
        found = [*self.world.desk.crowded, *self.world.failed]
        for talk in self.talks:
            await self.read_on(talk)
            found += talk.check_log()
            found += self.check_threads(talk)
            found += await self.check_waits(talk)
        return found + await self.check_lanes()

    async def read_on(self, talk: Ledger) -> None:
        """Let the customer read from the cursor."""
        more = True
        while more:
            page, more = await self.world.store.truth.messages(talk.id, talk.cursor, 5)
            talk.read(page)

    def posts_of(self, root: Kept) -> list[Kept]:
        """Return what stands under a root."""
        return [kept for kept in self.world.desk.posts if kept.thread == root.ref]

    def living(self, talk: Ledger) -> list[Kept]:
        """Return the roots of a conversation that were not deleted."""
        desk = self.world.desk
        mine = [kept for kept in desk.roots if f"_{talk.id}_" in kept.keys[0]]
        return [root for root in mine if root.ref not in desk.lost]

    def check_threads(self, talk: Ledger) -> list[str]:
        """Return whether there is one living thread, with the words once and in order."""
        roots = self.living(talk)
        if len(roots) > 1:
            return [f"{talk.id}: {len(roots)} threads"]
        return talk.check_thread(self.posts_of(roots[0])) if roots else []

    async def check_waits(self, talk: Ledger) -> list[str]:
        """Return whether somebody waits with no timer set that will end it."""
        for _ in range(50):
            now = await self.state(talk)
            timers = {t.timer for t in await self.timers() if t.conversation_id == talk.id}
            if (await self.state(talk)).version == now.version:
                break
        else:
            return []
        last = next((m for m in reversed(now.recent) if m.role is not Role.SYSTEM), None)
        unanswered = last is not None and last.role is Role.CUSTOMER
        if now.floor is Floor.WAITING and Timer.NOBODY_CAME not in timers:
            return [f"{talk.id} waits, and nothing will ever happen"]
        if now.floor is Floor.TEAMMATE and unanswered and Timer.NOBODY_SPOKE not in timers:
            return [f"{talk.id} is unanswered, and nobody will be told"]
        return []

    async def timers(self) -> tuple[TimerSetting, ...]:
        """Return all timers that are set."""
        return await self.world.store.truth.due_timers(A_LONG_TIME, range(SHARDS))

    async def check_lanes(self) -> list[str]:
        """Return the lanes that have two deliveries on their way in the database."""
        unsettled = await self.world.store.truth.deliveries(None)
        sending = Counter(d.lane for d in unsettled if d.progress is Progress.SENDING)
        return [f"{lane} has {n} on their way" for lane, n in sending.items() if n > 1]

    async def ends_well(self) -> None:
        """Mend all faults, let time pass, and compare what is there with what was promised."""
        world = self.world
        world.desk.troubles, world.desk.blind = [], []
        world.desk.gate.set()
        world.assistant.troubles, world.store.refusals = [], 0
        world.assistant.let_all()
        await world.pass_time(300.0, step=15.0)
        await self.mend_all()
        for talk in self.talks:
            await self.last_call(talk)
        await self.mend_all()
        found = await self.look()
        for talk in self.talks:
            roots = self.living(talk)
            found += talk.check_end(self.posts_of(roots[0]) if roots else [])
        found += [f"overdue: {t}" for t in await self.timers() if self.overdue(t)]
        assert not found, "\n".join(found)

    async def last_call(self, talk: Ledger) -> None:
        """Ask for a person until people have the conversation: all that was said is shown to them.

        That a thread is gone is noticed only by the next line for it.
        """
        for _ in range(5):
            base = self.base(talk, "ask")
            for fact in (PersonAsked(**base, source="button"), self.line(talk)):
                self.enter(talk, fact, await self.told(fact))
                await self.world.pass_time(20.0, step=4.0)
            if (await self.state(talk)).open_handoff is not None:
                return

    async def mend_all(self) -> None:
        """Retry all that was given up on; a root nobody waits for any more stays dead."""
        for _ in range(10):
            dead = [
                d
                for d in await self.world.store.truth.dead()
                if not isinstance(d.payload, OpenThread)
            ]
            for delivery in dead:
                await self.mended(delivery.id)
            await self.world.pass_time(20.0, step=4.0)
            if not dead:
                return

    def overdue(self, timer: TimerSetting) -> bool:
        """Return whether a timer should have rung long ago."""
        return timer.due_at is not None and timer.due_at < self.world.clock.now() - 30.0


def profile(examples: int) -> settings:
    """Return how long to search; the same talks every time unless asked for more."""
    return settings(
        max_examples=EXAMPLES or examples,
        stateful_step_count=50,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        # A failure is enough for whoever only asks whether there is one.
        phases=[Phase.generate] if os.environ.get("HANDOFF_SHRINK") == "off" else list(Phase),
        suppress_health_check=list(HealthCheck),
    )


def test_a_few_random_talks_keep_every_promise() -> None:
    """A hundred or so steps of people, faults, time and crashes break nothing."""
    run_state_machine_as_test(Talks, settings=profile(3))


@pytest.mark.slow
@pytest.mark.timeout(0 if EXAMPLES else 600)
def test_two_thousand_random_steps_keep_every_promise() -> None:
    """At least 2,000 steps break nothing, and every kind of deed was among them."""
    Talks.steps = 0
    Talks.deeds.clear()
    run_state_machine_as_test(Talks, settings=profile(100))

    assert Talks.steps >= 2_000
    assert set(Talks.deeds) == DEEDS
    assert min(Talks.deeds.values()) > 10, Talks.deeds
