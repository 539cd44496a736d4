"""Events that mean the desk is about to fall silent: told to whoever runs the bridge, in the log.

Deliveries find out by themselves and wait; this says so before the first one does.
"""

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

_ARCHIVED = "unarchive the room, or set another HANDOFF_SLACK_ROOM"
_LEFT = "invite the bot again: /invite in the room"
_DELETED = "set another HANDOFF_SLACK_ROOM"
_GONE = "reinstall the app and set the new SLACK_BOT_TOKEN"

MENDS = {
    "channel_archive": _ARCHIVED,
    "group_archive": _ARCHIVED,
    "channel_left": _LEFT,
    "group_left": _LEFT,
    "channel_deleted": _DELETED,
    "group_deleted": _DELETED,
    "app_uninstalled": _GONE,
    "tokens_revoked": _GONE,
}


def raise_alarm(event: Mapping[str, Any], rooms: frozenset[str]) -> bool:
    """Log an event that cuts us off from one of our rooms; returns whether it was one."""
    kind = event.get("type")
    mend = MENDS.get(kind) if isinstance(kind, str) else None
    channel = event.get("channel")
    if mend is None or (isinstance(channel, str) and channel not in rooms):
        return False
    log.error("slack.cut_off", extra={"action": "events", "event": kind, "mend": mend})
    return True
