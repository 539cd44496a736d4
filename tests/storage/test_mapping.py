"""Rows of earlier versions: what they lack takes its place when they are read."""

from bridge.domain.conversation import Overtaking
from bridge.domain.ids import PostRef
from storage import mapping
from tests.storage.things import FILE, conversation, full_conversation, message


def test_overtaking_changes_of_earlier_versions_are_readable() -> None:
    """A time and a text, or only a text: nothing is said of files."""
    row = list(mapping.conversation_row(full_conversation()))
    row[18] = '{"p1": [5.5, null], "p2": [6.0, "new"], "p3": "old", "p4": null}'
    found = mapping.conversation_of([*row, None], ())
    assert found.overtaken == {
        PostRef("p1"): Overtaking(5.5, None),
        PostRef("p2"): Overtaking(6.0, "new"),
        PostRef("p3"): Overtaking(0.0, "old"),
        PostRef("p4"): Overtaking(0.0, None),
    }


def test_attachments_of_earlier_versions_are_readable() -> None:
    """A file without the desk's own id comes back without one."""
    row = list(mapping.message_row(message(conversation(), 1)))
    row[10] = (
        f'[{{"id":"{FILE.id}","name":"receipt.pdf","media_type":"application/pdf","size":1234}}]'
    )
    assert mapping.message_of(row).attachments == (FILE,)
