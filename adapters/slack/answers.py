"""What `/handoff` shows of a handoff, and the window that asks for a note. Pure."""

from collections.abc import Mapping
from typing import Any

from adapters.slack.markup import clean, escape, name_of, plain
from adapters.slack.render import LONGEST_LINE, STATES, Body, date, plain_text
from bridge.domain.handoff import Handoff


def queue_line(handoff: Handoff, customer: str, link: str) -> str:
    """Return one line of the queue, as Slack markup."""
    state = STATES[handoff.state].partition(": ")[2]
    owner = f" ({escape(name_of(handoff.owner.name, '?'))})" if handoff.owner else ""
    name = escape(name_of(customer, "Customer"))
    shown = f"<{link}|{name}>" if link else name
    return f"• {shown} · {state}{owner} · since {date(handoff.changed_at)} · `{handoff.id}`"


def handoff_details(handoff: Handoff, customer: str, link: str) -> str:
    """Return what `/handoff show` answers, as Slack markup."""
    reason = handoff.reason
    lines = [
        queue_line(handoff, customer, link),
        f"Why: {plain(reason.explanation, LONGEST_LINE)} (rule `{escape(reason.rule)}`)",
        f"Their words: “{plain(reason.evidence, LONGEST_LINE)}”" if reason.evidence else "",
        f"Summary: {plain(reason.summary, LONGEST_LINE)}" if reason.summary else "",
    ]
    return "\n".join(line for line in lines if line)


def note_modal(callback_id: str, handoff_id: str) -> Body:
    """Return the window that asks for a note."""
    text = {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": 3000}
    return {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": handoff_id,
        "title": plain_text("Note for the team", 24),
        "submit": plain_text("Keep", 24),
        "close": plain_text("Cancel", 24),
        "blocks": [
            {
                "type": "input",
                "block_id": "note",
                "label": plain_text("The customer never sees it", 150),
                "element": text,
            }
        ],
    }


def note_in(view: Mapping[str, Any]) -> str:
    """Return the note in a modal that was sent in."""
    found: object = view
    for step in ("state", "values", "note", "text", "value"):
        found = found.get(step) if isinstance(found, dict) else None
    return clean(found).strip() if isinstance(found, str) else ""
