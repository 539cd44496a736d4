"""What stands in the place of a file that Slack will not show, and why it will not.

A file that is refused for good must not hold back the words behind it, so a line tells of it. What
Slack refuses because of the room or the token is no matter of the file and stays a refusal.
https://docs.slack.dev/reference/methods/files.completeUploadExternal#errors
"""

from adapters.slack.errors import LOST_THREAD, TOKEN, SlackRefused
from adapters.slack.markup import escape, name_of, rich_text, section
from adapters.slack.render import QUIET, Body, block, metadata, speaker
from adapters.slack.spans import Span, Style
from bridge.domain.errors import Refused
from bridge.domain.messages import Attachment
from bridge.domain.posts import Post

_ELSEWHERE = frozenset(
    {
        *TOKEN,
        *LOST_THREAD,
        "access_denied",
        "channel_not_found",
        "invalid_channel",
        "is_archived",
        "method_deprecated",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_in_channel",
        "team_access_not_granted",
        "thread_locked",
    }
)
"""Refusals that words would meet as well, or that a mend at the app undoes."""

_ROOM_CLOSED = ("restricted_action", "posting_to_")

_RULES = "the rules for shared channels forbid it"
_WHY = {
    "file_uploads_disabled": "uploads are switched off in this workspace",
    "file_uploads_except_images_disabled": "only images may be uploaded in this workspace",
    "file_type_not_allowed": "this kind of file is not allowed in this workspace",
    "file_upload_size_restricted": "it is larger than this workspace allows",
    "storage_limit_reached": "the storage of this workspace is full",
    "slack_connect_file_upload_sharing_blocked": _RULES,
    "slack_connect_file_link_sharing_blocked": _RULES,
    "slack_connect_clip_sharing_blocked": _RULES,
}

THOUSAND = 1000
LONGEST_NAME = 200


class NotKept(Refused):
    """The file is not kept on our side any more."""


def why_never(error: Refused) -> str | None:
    """Return why a file itself can never be shown, for people; None when it is not to blame."""
    if isinstance(error, NotKept):
        return "it is not kept any more"
    if not isinstance(error, SlackRefused) or error.code in _ELSEWHERE:
        return None
    if error.code.startswith(_ROOM_CLOSED):
        return None
    return _WHY.get(error.code) or f"Slack refuses it ({error.code})"


def in_its_place(
    where: tuple[str, str], post: Post, file: Attachment, why: str, keys: tuple[str, ...]
) -> Body:
    """Return the body that posts the words of a file's post and says why there is no file.

    `where` is the room and the root of the thread.
    """
    named = f"{name_of(file.name, '?', LONGEST_NAME)} ({size_of(file.size)})"
    said = f"File: {named} could not be shown here: {why}."
    shown = rich_text(post.text) if post.text else []
    channel, root = where
    return {
        "channel": channel,
        "thread_ts": root,
        **speaker(post.role, post.name),
        "text": escape(f"{post.text}\n{said}".strip()),
        "blocks": [block([*shown, section((Span(said, Style.ITALIC),))])],
        "metadata": metadata(keys),
        **QUIET,
    }


def size_of(size: int) -> str:
    """Return a number of bytes as people say it: `2.1 MB`."""
    shown, units = float(size), iter(("kB", "MB", "GB"))
    unit = "B"
    while shown >= THOUSAND and unit != "GB":
        shown, unit = shown / THOUSAND, next(units)
    return f"{size} B" if unit == "B" else f"{shown:.1f} {unit}"
