"""Cards and posts as the plain JSON that the desk keeps and its page draws.

The page makes text nodes of every string here, so nothing needs escaping.
"""

from adapters.moments import rfc3339
from adapters.sandbox.refs import Spot
from adapters.sandbox.rows import Json, KeptPost, KeptThread, NewPost
from bridge.domain.messages import Attachment
from bridge.domain.posts import Card, Entry, Post


def card_json(card: Card) -> Json:
    """Return a case card for keeping."""
    return {
        "handoff_id": card.handoff_id,
        "number": card.number,
        "state": card.state.value,
        "is_open": card.is_open,
        "customer": card.customer,
        "reason": card.reason,
        "evidence": card.evidence,
        "summary": card.summary,
        "urgency": card.urgency,
        "owner": card.owner,
        "requested_at": rfc3339(card.requested_at),
        "changed_at": rfc3339(card.changed_at),
        "facts": [{"label": label, "value": value} for label, value in card.facts],
        "tried": list(card.tried),
        "verbs": [verb.value for verb in card.verbs],
    }


def new_post(post: Post) -> NewPost:
    """Return one of the bridge's posts for keeping."""
    body: Json = {
        "kind": post.kind.value,
        "role": post.role.value,
        "name": post.name,
        "files": [file_json(post.file)] if post.file else [],
        "entries": [_entry_json(entry) for entry in post.entries],
        "page": post.page,
        "pages": post.pages,
        "loud": post.loud,
    }
    return NewPost(body, post.text)


def file_json(file: Attachment) -> Json:
    """Return a file's description."""
    return {
        "id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
    }


def _entry_json(entry: Entry) -> Json:
    return {
        "role": entry.role.value,
        "name": entry.name,
        "at": rfc3339(entry.at),
        "text": entry.text,
        "files": list(entry.files),
    }


def thread_json(thread: KeptThread) -> Json:
    """Return a thread as the page is told of it. A number of a thread is when it was opened."""
    return {
        "id": str(thread.id),
        "ref": Spot(thread.room, thread.id).thread_ref,
        "room": thread.room,
        "opened_at": rfc3339(thread.id / 1_000_000),
        "change": thread.change,
        "card": thread.card,
    }


def post_json(post: KeptPost) -> Json:
    """Return a post as the page is told of it; nothing of a deleted post's words is left."""
    body = post.body if post.text is not None else {**post.body, "files": [], "entries": []}
    return {
        **body,
        "id": str(post.id),
        "thread": str(post.thread),
        "at": rfc3339(post.id / 1_000_000),
        "text": post.text or "",
        "teammate": post.teammate or None,
        "note": post.note,
        "mark": post.mark or None,
        "edited": post.edits > 0 and post.text is not None,
        "deleted": post.text is None,
        "change": post.change,
    }
