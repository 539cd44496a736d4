"""Bugs in what the outgoing webhooks are told."""

from tests.planted.bug import ALL, CLOSED, ORDER, Bug

TELLING = "tests/relay/test_telling.py"
WEBHOOKS = "tests/adapters/test_webhooks.py"

TOLD: tuple[Bug, ...] = (
    Bug(
        "webhooks: a deletion is told to nobody",
        ALL,
        "bridge/reactions/outcome.py",
        '            self.deliver(TellMessage("message.updated", message.seq))',
        "            pass",
        ("tests/reactions/test_telling.py",),
    ),
    Bug(
        "webhooks: another message is told",
        ALL,
        "bridge/relay/carriers.py",
        "head.conversation_id, told.seq, told.seq)",
        "head.conversation_id, told.seq + 1, told.seq + 1)",
        (TELLING,),
    ),
    Bug(
        "webhooks: an event that was given up on is overtaken",
        ORDER,
        "bridge/relay/lanes.py",
        "PARKING = frozenset({Leg.DESK, Leg.WEBHOOK})",
        "PARKING = frozenset({Leg.DESK})",
        (TELLING,),
    ),
    Bug(
        "webhooks: the id is not signed",
        CLOSED,
        "adapters/webhooks.py",
        "(webhook_id.encode(), timestamp, body)",
        '(b"", timestamp, body)',
        (WEBHOOKS,),
    ),
    Bug(
        "webhooks: where a reply stands at the desk is told",
        CLOSED,
        "adapters/webhooks.py",
        '        "client_id": told.client_id or None,',
        '        "client_id": told.client_id or message.post,',
        (WEBHOOKS,),
    ),
)
