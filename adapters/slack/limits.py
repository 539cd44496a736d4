"""Slack's rate limits as data: per method, per workspace and app.

Slack gives each method a tier ("20+", "50+", "100+ per minute") and does not publish bursts; the
bursts here are ours, and small. https://docs.slack.dev/apis/web-api/rate-limits
Posting is not among them: it has a queue of its own per room.
"""

from adapters.pacing import Limit, per_minute

TIER_2 = per_minute(20, burst=4)
TIER_3 = per_minute(50, burst=10)
TIER_4 = per_minute(100, burst=20)

METHODS: dict[str, Limit] = {
    "apps.connections.open": TIER_3,
    "chat.delete": TIER_3,
    "chat.postEphemeral": TIER_4,
    "chat.update": TIER_3,
    "conversations.history": TIER_3,
    "conversations.info": TIER_3,
    "conversations.replies": TIER_3,
    "files.completeUploadExternal": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "files.info": TIER_4,
    "pins.add": TIER_2,
    "pins.remove": TIER_2,
    "reactions.add": TIER_3,
    "reactions.remove": TIER_2,
    "users.info": TIER_4,
    "views.open": TIER_4,
}

MARKS = Limit(per_second=100.0, burst=100)
"""Marks on replies, also where nothing is paced: a courtesy takes no more than this from words."""
