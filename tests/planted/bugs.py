"""Bugs that people make, each as one small change to the program, and the tests that catch it.

A bug is planted by replacing `old`, which stands exactly once in its file, with `new`.
"""

from dataclasses import dataclass

WALKS = "tests/stories/test_walks.py"
INBOX = "tests/relay/test_inbox.py"
MACHINE = "tests/relay/test_machine.py"
CRASHES = "tests/relay/test_crashes.py"
THREADS = "tests/relay/test_threads.py"
RACES = "tests/reactions/test_races.py"
STORES = "tests/test_stores.py"
SQLITE = "tests/storage/test_sqlite_file.py"
SENDING = "tests/adapters/slack/test_sending.py"
POISON = "tests/faults/test_poison.py"
CANCELLING = "tests/relay/test_cancelling.py"
INGRESS = "tests/adapters/slack/test_ingress.py"


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug: what it does, which promise it breaks, where it is planted, and who must see it."""

    name: str
    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


STORED = "Stored before acknowledged"
ONCE_IN = "Taken once"
ONCE_OUT = "Sent once"
ORDER = "In order"
FLOOR = "Nobody talks over a person"
NOTES = "A note never reaches the customer"
ALIVE = "Nothing silently dead"
ALL = "The customer misses nothing"
CLOSED = "Closed to strangers"

BUGS: tuple[Bug, ...] = (
    Bug(
        "acknowledged before the commit",
        STORED,
        "bridge/relay/inbox.py",
        "                if batch.has_something:",
        "                self._answer(waiters, verdicts)\n                if batch.has_something:",
        (INBOX,),
    ),
    Bug(
        "the disk is not synced at each commit",
        STORED,
        "storage/sqlite_file.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = NORMAL",
        (SQLITE,),
    ),
    Bug(
        "the key of a fact is not stored",
        ONCE_IN,
        "bridge/relay/batch.py",
        "        self.write.facts.append(fact)\n",
        "",
        (MACHINE,),
    ),
    Bug(
        "a reply in Slack is known by its delivery, not by its message",
        ONCE_IN,
        "adapters/slack/events.py",
        'key=spot.key("said")',
        'key=__import__("uuid").uuid4().hex',
        (INGRESS,),
    ),
    Bug(
        "what Slack delivers again is dropped, though it is the first to arrive",
        ONCE_IN,
        "adapters/slack/ingress.py",
        "        body = await _body(request)\n",
        '        if "X-Slack-Retry-Num" in request.headers:\n'
        "            return _answer((200, None))\n"
        "        body = await _body(request)\n",
        (INGRESS,),
    ),
    Bug(
        "a conversation is written whatever its version is by now",
        ONCE_IN,
        "storage/statements.py",
        '" AND conversation.version = v.was"',
        '""',
        (STORES,),
    ),
    Bug(
        "a post is repeated when its reply was lost",
        ONCE_OUT,
        "adapters/slack/web.py",
        'raise Uncertain(f"the connection',
        'raise TryAgain(f"the connection',
        (SENDING,),
    ),
    Bug(
        "an internal error at Slack counts as a failure",
        ONCE_OUT,
        "adapters/slack/errors.py",
        '{"internal_error", "fatal_error", ',
        "{",
        (SENDING,),
    ),
    Bug(
        "what is not seen at once is sent again at once",
        ONCE_OUT,
        "bridge/relay/sending.py",
        "if self._clock.now() - since >= settle:",
        "if self._clock.now() >= since:",
        (CRASHES,),
    ),
    Bug(
        "an attempt is not stored before it leaves",
        ONCE_OUT,
        "bridge/relay/sending.py",
        "        if lane.marks(head):\n            stored",
        "        if not head.leg:\n            stored",
        (MACHINE,),
    ),
    Bug(
        "a root in doubt is posted again without looking",
        ONCE_OUT,
        "bridge/relay/sending.py",
        "if head.progress is not Progress.SENDING or",
        'if "Open" in str(head.payload) or head.progress is not Progress.SENDING or',
        (CRASHES,),
    ),
    Bug(
        "a second root for a handoff whose predecessor asked for one",
        ONCE_OUT,
        "bridge/relay/desk_carrier.py",
        "            if conversation.thread is not None:\n                return Carried(",
        "            if False:\n                return Carried(",
        (THREADS,),
    ),
    Bug(
        "two of one lane may be marked as being sent",
        ORDER,
        "storage/migrations/versions/0001_initial.py",
        "        unique=True,\n",
        "        unique=False,\n",
        (STORES,),
    ),
    Bug(
        "a lane has two tasks at once",
        ORDER,
        "bridge/relay/courier.py",
        "if lane.task is None and not lane.parked",
        "if not lane.parked",
        (MACHINE,),
    ),
    Bug(
        "what follows a dead line overtakes it",
        ORDER,
        "bridge/relay/sending.py",
        "lane.parked = parks(head)",
        "lane.parked = False",
        (WALKS,),
    ),
    Bug(
        "a lost lease does not stop a write",
        ORDER,
        "storage/sqlite.py",
        "        if lost:\n",
        "        if lost and not write.fences:\n",
        (STORES,),
    ),
    Bug(
        "the room's rate is ignored",
        ORDER,
        "adapters/pacing.py",
        "        if lane.delay(now) <= 0 and lane.best() is None:\n",
        "        if lane.best() is None:\n",
        ("tests/adapters/test_pacing.py",),
    ),
    Bug(
        "a late answer is stored whoever has the floor",
        FLOOR,
        "bridge/reactions/delivery.py",
        "return outcome.floor is not Floor.ASSISTANT or outcome.epoch != ask.epoch",
        "return ask.epoch < 0",
        (RACES,),
    ),
    Bug(
        "an answer of an earlier turn is stored in a later one",
        FLOOR,
        "bridge/reactions/delivery.py",
        "return outcome.floor is not Floor.ASSISTANT or outcome.epoch != ask.epoch",
        "return outcome.floor is not Floor.ASSISTANT",
        (WALKS,),
    ),
    Bug(
        "an outside bot may answer under an old epoch",
        FLOOR,
        "bridge/reactions/customer.py",
        "stale = fact.epoch is not None and fact.epoch != outcome.epoch",
        "stale = False",
        (THREADS,),
    ),
    Bug(
        "a note is also said to the customer",
        NOTES,
        "bridge/reactions/teammate.py",
        "        outcome.note(fact.author, fact.text, fact.post)\n        return\n",
        "        outcome.note(fact.author, fact.text, fact.post)\n",
        (MACHINE,),
    ),
    Bug(
        "an edit that makes a note of a reply is shown",
        NOTES,
        "bridge/reactions/teammate.py",
        "withdrawn = fact.text is None or fact.note",
        "withdrawn = fact.text is None",
        (WALKS,),
    ),
    Bug(
        "a reply deleted before it came is brought back by an older edit",
        NOTES,
        "bridge/reactions/teammate.py",
        "    if text is None or at > change[0]:",
        "    if at > change[0]:",
        (THREADS,),
    ),
    Bug(
        "what was retried by hand and died again is forgotten",
        ALIVE,
        "bridge/relay/sending.py",
        "{head.parts_done}:{at:.6f}",
        "{head.parts_done}",
        (THREADS,),
    ),
    Bug(
        "a question that ends the program is asked at every start",
        ALIVE,
        "bridge/relay/lanes.py",
        " or delivery.position <= self.inherited",
        "",
        (POISON,),
    ),
    Bug(
        "a death whose conversation cannot be read is reported for ever",
        ALIVE,
        "bridge/relay/inbox.py",
        "        if instead is not None:",
        "        if instead is None:",
        (POISON,),
    ),
    Bug(
        "a cancellation forgets what was held back",
        ONCE_OUT,
        "bridge/relay/courier.py",
        "if d.lane != key or not",
        "if d.lane == key or not",
        (CANCELLING,),
    ),
    Bug(
        "what is retried by hand gets before what is on its way",
        ALIVE,
        "bridge/relay/courier.py",
        "            lane.queue.append(delivery)\n        elif delivery",
        "            lane.queue.appendleft(delivery)\n        elif delivery",
        (THREADS,),
    ),
    Bug(
        "nobody is reminded of a customer who waits",
        ALIVE,
        "bridge/reactions/escalation.py",
        "    outcome.set_timer(Timer.NOBODY_CAME, outcome.at + rules.waits.deadline(0))\n",
        "",
        (RACES,),
    ),
    Bug(
        "the customer reads on by place instead of by cursor",
        ALL,
        "storage/reading.py",
        "cursor > ",
        "seq > ",
        (STORES,),
    ),
    Bug(
        "the stream skips a gap",
        ALL,
        "adapters/web/feed.py",
        "if message.cursor > self.cursor + 1:",
        "if message.cursor < 0:",
        ("tests/adapters/web/test_feed.py",),
    ),
    Bug(
        "a file can be read from another conversation",
        CLOSED,
        "storage/blobs.py",
        'conversation_id.encode(errors="surrogatepass"), digest_size=16',
        'b"everybody", digest_size=16',
        ("tests/storage/test_blobs.py",),
    ),
    Bug(
        "a foreign page may call",
        CLOSED,
        "adapters/web/origins.py",
        "        if headers is None:\n",
        '        if headers is None and origin == "":\n',
        ("tests/adapters/web/test_origins.py",),
    ),
    Bug(
        "a body is parsed before its signature is checked",
        CLOSED,
        "adapters/slack/ingress.py",
        "        if not self._is_slacks(request, body):\n",
        "        read(request.content_type, body)\n"
        "        if not self._is_slacks(request, body):\n",
        (INGRESS,),
    ),
    Bug(
        "links of customers are unfolded",
        CLOSED,
        "adapters/slack/render.py",
        '"unfurl_links": False',
        '"unfurl_links": True',
        (SENDING,),
    ),
    Bug(
        "what customers write can ping everybody",
        CLOSED,
        "adapters/slack/markup.py",
        "return clean(text).translate(_ESCAPES)",
        "return clean(text)",
        ("tests/adapters/slack/test_markup.py",),
    ),
    Bug(
        "the token is logged",
        CLOSED,
        "adapters/slack/web.py",
        "        head = self._heads.get(key)\n",
        '        __import__("logging").getLogger(__name__).warning("calling %s", headers)\n'
        "        head = self._heads.get(key)\n",
        ("tests/adapters/slack/test_check.py",),
    ),
)
