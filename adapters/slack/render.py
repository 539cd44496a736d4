"""From cards and posts to the bodies of Slack calls. Pure.

Every body turns off link previews and name linking, and carries the ids of its deliveries in its
metadata, where people do not see them. Metadata can be read by other apps: nothing but ids there.
https://docs.slack.dev/reference/methods/chat.postMessage
"""

from datetime import UTC, datetime

from adapters.slack.markdown import Item, read_spans
from adapters.slack.markup import (
    Element,
    clean,
    elements,
    escape,
    is_plain,
    name_of,
    plain,
    rich_text,
    section,
    unlinked,
)
from adapters.slack.spans import Span, Style
from bridge.domain.facts import Verb
from bridge.domain.handoff import State
from bridge.domain.messages import Role
from bridge.domain.posts import Card, Entry, Post, PostKind

Body = dict[str, object]

EVENT_TYPE = "handoff_delivery"

LONGEST_TEXT = 3500
"""Slack advises 4,000 characters and may cut or split what is longer; entities count too."""

EMPTY = "(empty)"

LONGEST_SECTION = 2900
"""A section may have 3,000 characters."""

LONGEST_LINE = 1500
LONGEST_TRIED = 600
"""Lines of the case card, so that all of it stays far below 12,000 characters."""

QUIET: Body = {
    "unfurl_links": False,
    "unfurl_media": False,
    "link_names": False,
    "parse": "none",
}

_SPEAKERS = {
    Role.CUSTOMER: (" · customer", ":bust_in_silhouette:"),
    Role.ASSISTANT: (" · AI", ":robot_face:"),
}
_NAMELESS = {
    Role.CUSTOMER: "Customer",
    Role.ASSISTANT: "Assistant",
    Role.TEAMMATE: "Teammate",
    Role.SYSTEM: "Note",
}

STATES = {
    State.REQUESTED: ":hourglass_flowing_sand: Waiting for a teammate",
    State.WAITING: ":hourglass_flowing_sand: Waiting for a teammate",
    State.ACTIVE: ":speech_balloon: A teammate has the conversation",
    State.RESOLVED: ":white_check_mark: Resolved",
    State.HANDED_BACK: ":robot_face: Back with the assistant",
    State.EXPIRED: ":alarm_clock: Nobody came in time",
    State.FAILED: ":warning: The desk could not be reached",
}

TITLES = {
    State.REQUESTED: "needs a person",
    State.WAITING: "needs a person",
    State.ACTIVE: "is with {owner}",
    State.RESOLVED: "· resolved",
    State.HANDED_BACK: "· back with the assistant",
    State.EXPIRED: "· nobody came in time",
    State.FAILED: "· the desk could not be reached",
}
"""What follows the customer's name in a card's title."""

OVER = "A reply in this thread still reaches the customer: it begins a new handoff."

_BUTTONS: dict[Verb, tuple[str, str | None]] = {
    Verb.CLAIM: ("Claim", "primary"),
    Verb.RELEASE: ("Release", None),
    Verb.RESOLVE: ("Resolve", None),
    Verb.RETURN: ("Return to assistant", None),
    Verb.NOTE: ("Add note", None),
}


def metadata(keys: tuple[str, ...]) -> Body:
    """Return the metadata that lets `find` recognise a post."""
    return {"event_type": EVENT_TYPE, "event_payload": {"k": ",".join(keys)}}


def keys_in(message: Body) -> tuple[str, ...]:
    """Return the delivery ids that a message read from Slack carries."""
    found = message.get("metadata")
    if not isinstance(found, dict) or found.get("event_type") != EVENT_TYPE:
        return ()
    payload = found.get("event_payload")
    carried = payload.get("k") if isinstance(payload, dict) else None
    if isinstance(carried, str):
        return tuple(carried.split(","))
    return tuple(map(str, carried)) if isinstance(carried, list) else ()


def root(room: str, card: Card, key: str) -> Body:
    """Return the body that posts a case card as the root of a thread."""
    return {"channel": room, **card_body(card), "metadata": metadata((key,)), **QUIET}


def reply(channel: str, ts: str, post: Post, keys: tuple[str, ...]) -> Body:
    """Return the body that posts in a thread."""
    body: Body = {"channel": channel, "thread_ts": ts, **words_of(post)}
    body.update(speaker(post.role, post.name) if post.kind is PostKind.MESSAGE else {})
    if post.loud:
        body["reply_broadcast"] = True
    return {**body, "metadata": metadata(keys), **QUIET}


def rewritten(text: str) -> Body:
    """Return the body that gives a post new words."""
    return {"text": plain(text, LONGEST_TEXT), "blocks": [block(rich_text(text))]}


def file_comment(post: Post) -> str:
    """Return the words that go with a file, which cannot be posted under a customer's name.

    Sharing a file knows no switch for previews: nothing in its words is a link.
    """
    who = speaker(post.role, post.name).get("username", _NAMELESS[post.role])
    return unlinked(f"{escape(str(who))}: {plain(post.text, LONGEST_TEXT)}".rstrip(": "))


def speaker(role: Role, name: str) -> Body:
    """Return the name and picture a relayed message is posted under; a mark shows who it is not."""
    if role not in _SPEAKERS:
        return {}
    suffix, icon = _SPEAKERS[role]
    shown = name_of(name, _NAMELESS[role], longest=60 - len(suffix))
    return {"username": shown + suffix, "icon_emoji": icon}


def words_of(post: Post) -> Body:
    """Return `text` and, where Slack would not show that as meant, `blocks`."""
    if post.kind is PostKind.TRANSCRIPT:
        return _transcript(post)
    if post.kind is PostKind.NOTICE:
        return _notice(post.text)
    text = post.text or (f"File: {post.file.name}" if post.file else EMPTY)
    if len(text) <= LONGEST_TEXT and is_plain(text):
        return {"text": escape(text) or EMPTY}
    return {"text": plain(text, LONGEST_TEXT), "blocks": [block(rich_text(text))]}


def _notice(text: str) -> Body:
    shown = plain(text, LONGEST_TEXT) or EMPTY
    if is_plain(text) and len(shown) <= LONGEST_SECTION:
        return {"text": shown, "blocks": [_context(shown)]}
    return {"text": shown, "blocks": [block(rich_text(text))]}


def _transcript(post: Post) -> Body:
    pages = f" ({post.page} of {post.pages})" if post.pages > 1 else ""
    title = f"Conversation so far{pages}"
    shown = [section((Span(title, Style.ITALIC),))]
    lines = [title]
    for entry in post.entries:
        name = _entry_name(entry)
        shown.append(_entry_head(name, entry.at))
        words = entry.text + "".join(f"\n📎 {clean(file)}" for file in entry.files)
        shown += rich_text(words)
        lines += [f"{name} ({_clock(entry.at)}):", words]
    return {"text": plain("\n".join(lines), LONGEST_TEXT), "blocks": [block(shown)]}


def _entry_name(entry: Entry) -> str:
    suffix, _ = _SPEAKERS.get(entry.role, ("", ""))
    return name_of(entry.name, _NAMELESS[entry.role]) + suffix


def _entry_head(name: str, at: float) -> Element:
    date: Element = {
        "type": "date",
        "timestamp": int(at),
        "format": "{date_short_pretty} {time}",
        "fallback": _clock(at),
    }
    bold = {"type": "text", "text": name, "style": {"bold": True}}
    return {
        "type": "rich_text_section",
        "elements": [{"type": "text", "text": "\n"}, bold, {"type": "text", "text": "  "}, date],
    }


def card_body(card: Card) -> Body:
    """Return `text` and `blocks` of a case card."""
    title = f"{name_of(card.customer, 'Customer')} {_title_end(card)}"
    state = STATES[card.state]
    owner = f" · {escape(name_of(card.owner, '?'))}" if card.owner else ""
    urgent = ":rotating_light: " if card.urgency not in {"normal", "low"} else ""
    blocks: list[Element] = [
        {"type": "header", "text": plain_text(title, 150)},
        _section(f"{urgent}{state}{owner} · since {date(card.changed_at)}"),
        _case(card),
        *_actions(card),
        *([] if card.is_open else [_context(OVER)]),
        _context(
            f"Handoff `{card.handoff_id}` · no. {card.number} · asked {date(card.requested_at)}"
        ),
    ]
    return {"text": f"{escape(title)} · {plain(card.reason, 500)}", "blocks": blocks}


def _title_end(card: Card) -> str:
    """Return what is true of the customer now: the title is all that a list of threads shows."""
    owner = name_of(card.owner, "a teammate") if card.owner else "a teammate"
    return TITLES[card.state].format(owner=owner)


def _case(card: Card) -> Element:
    lines = [("Why", card.reason), ("Their words", f"“{card.evidence}”" if card.evidence else "")]
    lines += [("Summary", card.summary), *card.facts]
    shown = [_labelled(label, value) for label, value in lines if value]
    if card.tried:
        shown += [_labelled("The assistant tried", "")]
        shown += elements(
            [Item(read_spans(clean(answer)[:LONGEST_TRIED])) for answer in card.tried]
        )
    return block(shown)


def _labelled(label: str, value: str) -> Element:
    words = read_spans(clean(value)[:LONGEST_LINE])
    return section((Span(name_of(label, "?") + ": ", Style.BOLD), *words, Span("\n")))


def _actions(card: Card) -> list[Element]:
    shown: list[Element] = [
        _button(verb, card) if verb in _BUTTONS else _chooser(verb) for verb in card.verbs
    ]
    if not shown:
        return []
    return [{"type": "actions", "block_id": card.handoff_id[:255], "elements": shown}]


def _button(verb: Verb, card: Card) -> Element:
    label, style = _BUTTONS[verb]
    button: Element = {
        "type": "button",
        "action_id": f"handoff_{verb}",
        "text": plain_text(label, 75),
        "value": card.handoff_id,
    }
    return button | ({"style": style} if style else {})


def _chooser(verb: Verb) -> Element:
    return {
        "type": "users_select",
        "action_id": f"handoff_{verb}",
        "placeholder": plain_text("Assign to …", 150),
    }


def block(shown: list[Element]) -> Element:
    """Return a block of rich text; what is empty says so."""
    return {"type": "rich_text", "elements": shown or [section((Span(EMPTY),))]}


def _section(mrkdwn: str) -> Element:
    return {
        "type": "section",
        "text": {"type": "mrkdwn", "text": mrkdwn[:LONGEST_SECTION], "verbatim": True},
    }


def _context(mrkdwn: str) -> Element:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn, "verbatim": True}]}


def plain_text(text: str, longest: int) -> Element:
    """Return a text object that is shown as it is."""
    return {"type": "plain_text", "text": text[:longest], "emoji": True}


def date(at: float) -> str:
    """Return a moment as markup that every reader sees in their own time."""
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{_clock(at)}>"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
