"""Bugs in what one instance may do with a shard that another has by now, and with second copies."""

from tests.planted.bug import ALIVE, ONCE_OUT, ORDER, SHARED, Bug

STORES = "tests/test_stores.py"
BETWEEN = "tests/storage/test_instances.py"
INSTANCES = "tests/faults/test_instances.py"
COPIES = "tests/faults/test_second_copies.py"
ECHOES = "tests/adapters/slack/test_echoes.py"

PASSED_ON: tuple[Bug, ...] = (
    Bug(
        "lease: PostgreSQL stores what was decided under any epoch",
        ORDER,
        "storage/postgres.py",
        "{row[0]: row[1] for row in held}",
        "{row[0]: write.fences[row[0]] for row in held}",
        (STORES,),
        SHARED,
    ),
    Bug(
        "lease: PostgreSQL stores what a former owner decided",
        ORDER,
        "storage/postgres.py",
        "        if not write.fences:\n",
        "        if write.fences:\n",
        (BETWEEN,),
        SHARED,
    ),
    Bug(
        "lease: one passes on between the look at it and the commit",
        ORDER,
        "storage/postgres.py",
        " ORDER BY id FOR SHARE",
        " ORDER BY id",
        (BETWEEN,),
        SHARED,
    ),
    Bug(
        "lease: an attempt that was refused for it leaves all the same",
        ORDER,
        "bridge/relay/sending.py",
        "            if late or isinstance(stored, Declined):\n",
        "            if late:\n",
        (f"{INSTANCES}::test_an_attempt_that_is_refused_for_its_lease_does_not_leave",),
        SHARED,
    ),
    Bug(
        "lease: an attempt leaves that took longer to store than it lasts",
        ORDER,
        "bridge/relay/sending.py",
        "            if late or isinstance(stored, Declined):\n",
        "            if isinstance(stored, Declined):\n",
        (f"{INSTANCES}::test_an_attempt_that_outlasts_its_lease_does_not_leave",),
        SHARED,
    ),
    Bug(
        "lease: a call begins though the lease may end before it does",
        ORDER,
        "bridge/relay/sending.py",
        "        if self._clock.monotonic() > self._inbox.owned_until:\n",
        "        if self.stopping:\n",
        (INSTANCES,),
        SHARED,
    ),
    Bug(
        "lease: nobody looks at it again after reading for a call",
        ONCE_OUT,
        "bridge/relay/desk_carrier.py",
        "        if not self._is_lease_sure():\n            raise LaneLost\n",
        "        self._is_lease_sure()\n",
        (f"{INSTANCES}::test_a_call_does_not_leave_when_reading_for_it_outlasted_the_lease",),
        SHARED,
    ),
    Bug(
        "lease: a lane that was lost and is still ours is not read again",
        ALIVE,
        "bridge/relay/sending.py",
        "            self._inbox.owned.pop(shard_of(head), None)\n",
        "",
        (f"{INSTANCES}::test_an_attempt_that_outlasts_its_lease_does_not_leave",),
        SHARED,
    ),
    Bug(
        "copies: a second copy stays",
        ONCE_OUT,
        "adapters/slack/echoes.py",
        "                await posts.remove(echo.place)\n",
        "                pass\n",
        (ECHOES,),
    ),
    Bug(
        "copies: the first goes instead of the second",
        ONCE_OUT,
        "adapters/slack/echoes.py",
        "                await posts.remove(echo.place)\n",
        "                await posts.remove(self._confirmed.get(echo.keys[0]) or echo.place)\n",
        (COPIES,),
    ),
    Bug(
        "copies: which one goes is decided by what is remembered",
        ONCE_OUT,
        "adapters/slack/echoes.py",
        "        place = echo.place.thread if echo.is_root else echo.place.post\n",
        "        if any(self._confirmed.get(key) for key in echo.keys):\n"
        "            return True\n"
        "        place = echo.place.thread if echo.is_root else echo.place.post\n",
        (ECHOES,),
    ),
    Bug(
        "copies: the post whose call named it is taken for one",
        ONCE_OUT,
        "bridge/relay/receipts.py",
        "        if place in known or made_at",
        "        if made_at",
        (ECHOES,),
    ),
    Bug(
        "copies: somebody else's post goes, because it has our key in it",
        ONCE_OUT,
        "adapters/slack/events.py",
        '        if event.get("bot_id") == identity.bot_id and is_id(channel)',
        "        if is_id(channel)",
        (COPIES,),
    ),
    Bug(
        "copies: a post goes that is older than its delivery",
        ONCE_OUT,
        "bridge/relay/receipts.py",
        " or made_at < first.delivery.created_at - SKEW",
        "",
        (ECHOES,),
    ),
    Bug(
        "copies: one that could not be removed at once stays",
        ONCE_OUT,
        "adapters/slack/echoes.py",
        "        elif is_second is None:\n            self._ask_again(waiting)\n",
        "",
        (COPIES,),
    ),
)
