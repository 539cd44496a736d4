"""What people do in a thread becomes the right facts, and nothing else does."""

import asyncio
from typing import Any

import pytest

from bridge.domain.facts import Declined, TeammateActed, TeammateAmended, TeammateWrote, Verb
from tests.adapters.slack.scene import Scene
from tests.servers.slack import APP_ID, BOT_ID, BOT_USER, ROOM, TEAM


async def test_a_plain_reply_is_relayed_with_its_author(at_desk: Scene) -> None:
    """Text, place, time and the name customers know arrive in one fact."""
    outcome = await at_desk.slack.people.teammate_says(at_desk.root, "Hello *Anna*")
    fact = at_desk.only(TeammateWrote)
    assert outcome.statuses == [200]
    assert (fact.text, fact.note, fact.thread) == ("Hello **Anna**", False, at_desk.thread)
    assert (fact.author.name, fact.author.ref) == ("Ann", f"slack:{TEAM}:U0ANN")
    assert fact.key == f"slack:{TEAM}:{ROOM}:{outcome.ts}:said"
    assert fact.sent_at == pytest.approx(float(outcome.ts))


@pytest.mark.parametrize(
    "text",
    [
        "!note x",
        "Note: x",
        "NOTE : x",
        "ｎｏｔｅ：x",
        "private: x",
        "\u200b  pri\u200bvate: x",
        "\N{LOCK} x",
        ":lock: x",
        "*Note:* x",
        "&gt; note: quoted\nand a reply",
        "first\n&gt; private: quoted",
        "！note x",
    ],
)
async def test_a_note_stays_inside(at_desk: Scene, text: str) -> None:
    """Every way to write a note makes a note."""
    await at_desk.slack.people.teammate_says(at_desk.root, text)
    assert at_desk.only(TeammateWrote).note


@pytest.mark.parametrize("text", ["Noted: x", "a note: x", "privately: x", "x :lock:", "I note"])
async def test_words_that_only_look_like_a_note_are_relayed(at_desk: Scene, text: str) -> None:
    """The marker has to stand first and whole."""
    await at_desk.slack.people.teammate_says(at_desk.root, text)
    assert not at_desk.only(TeammateWrote).note


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("!claim", Verb.CLAIM),
        ("!Release", Verb.RELEASE),
        ("！resolve", Verb.RESOLVE),
        ("! return", Verb.RETURN),
        (f"<@{BOT_USER}> resolve", Verb.RESOLVE),
        (f"<@{BOT_USER}>: Claim", Verb.CLAIM),
    ],
)
async def test_verbs_act(at_desk: Scene, text: str, verb: Verb) -> None:
    """A command, and the same word after a mention of the bot, act once."""
    await at_desk.slack.people.teammate_says(at_desk.root, text)
    fact = at_desk.only(TeammateActed)
    assert (fact.verb, fact.thread, fact.author.name) == (verb, at_desk.thread, "Ann")


async def test_assigning_names_the_teammate(at_desk: Scene) -> None:
    """`!assign @person` carries who it is; without a person, or to a guest, it is answered."""
    people = at_desk.slack.people
    await people.teammate_says(at_desk.root, "!assign <@U0BEN>")
    assert at_desk.only(TeammateActed).target.name == "Ben"
    await people.teammate_says(at_desk.root, "!assign")
    await people.teammate_says(at_desk.root, "!assign <@U0GUEST>")
    assert len(at_desk.facts) == 1
    assert "Say whom" in at_desk.whispers[0]
    assert "guests" in at_desk.whispers[1]


async def test_a_note_by_mention(at_desk: Scene) -> None:
    """`@Bot note TEXT` keeps the text."""
    await at_desk.slack.people.teammate_says(at_desk.root, f"<@{BOT_USER}> note call back *today*")
    fact = at_desk.only(TeammateActed)
    assert (fact.verb, fact.text) == (Verb.NOTE, "call back **today**")


@pytest.mark.parametrize("text", ["!clam", "!!!", f"<@{BOT_USER}> thanks!", "!help"])
async def test_what_is_no_verb_is_answered_privately(at_desk: Scene, text: str) -> None:
    """Nothing goes to the customer, and the author is told so."""
    await at_desk.slack.people.teammate_says(at_desk.root, text)
    assert at_desk.facts == []
    assert len(at_desk.whispers) == 1


async def test_help_is_given_in_the_room_too(at_desk: Scene) -> None:
    """A mention outside threads gets the help, any other talk there means nothing."""
    people = at_desk.slack.people
    await people.teammate_says(None, "good morning")
    await people.teammate_says(None, f"<@{BOT_USER}> help")
    assert at_desk.facts == []
    assert len(at_desk.whispers) == 1


async def test_other_threads_mean_nothing(at_desk: Scene) -> None:
    """A reply, a note, a command and a guest in a stranger's thread are taken and ignored."""
    people = at_desk.slack.people
    root = (await people.teammate_says(None, "lunch?")).ts
    for text in ("yes", "note: no", "!claim", "!nonsense"):
        outcome = await people.teammate_says(root, text)
        assert outcome.statuses == [200]
    await people.teammate_says(root, "me too", user="U0GUEST")
    assert at_desk.facts == []
    assert at_desk.whispers == []


@pytest.mark.parametrize("user", ["U0GUEST", "U0OUT"])
async def test_guests_and_outsiders_are_not_relayed(at_desk: Scene, user: str) -> None:
    """They are told so, once, and cannot use verbs either."""
    await at_desk.slack.people.teammate_says(at_desk.root, "hi", user=user)
    await at_desk.slack.people.teammate_says(at_desk.root, "!claim", user=user)
    assert at_desk.facts == []
    assert all("guests" in said for said in at_desk.whispers)
    assert len(at_desk.whispers) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"bot_id": "B0OTHER"},
        {"app_id": "A0OTHER"},
        {"subtype": "bot_message"},
        {"bot_id": BOT_ID, "app_id": APP_ID},
        {"bot_profile": {"name": "Ann"}},
        {"subtype": "channel_join"},
        {"subtype": "pinned_item"},
        {"subtype": ["file_share"]},
    ],
)
async def test_machines_and_system_messages_are_not_relayed(
    at_desk: Scene, more: dict[str, Any]
) -> None:
    """Other bots, our own echo, and lines Slack writes itself."""
    outcome = await at_desk.slack.people.teammate_says(at_desk.root, "beep", **more)
    assert outcome.statuses == [200]
    assert at_desk.facts == []


@pytest.mark.parametrize("subtype", ["thread_broadcast", "me_message", "file_share"])
async def test_kinds_of_messages_that_are_words(at_desk: Scene, subtype: str) -> None:
    """A broadcast reply, /me, and a share with a comment are relayed once."""
    await at_desk.slack.people.teammate_says(at_desk.root, "hello", subtype=subtype)
    assert at_desk.only(TeammateWrote).text == "hello"


@pytest.mark.fault("F03")
async def test_eleven_copies_under_other_ids_are_one(at_desk: Scene) -> None:
    """Copies of a message, with their own event ids and without retry headers, count once."""
    at_desk.slack.people.copies = 11
    await at_desk.slack.people.teammate_says(at_desk.root, "once")
    assert at_desk.only(TeammateWrote).text == "once"


async def test_one_message_with_two_timestamps_is_one(at_desk: Scene) -> None:
    """Slack has been seen to make two messages of one; the client's own id tells."""
    people = at_desk.slack.people
    for _ in range(2):
        await people.teammate_says(at_desk.root, "once", client_msg_id="c-1")
    assert at_desk.only(TeammateWrote).text == "once"


async def test_a_forwarded_message_is_not_passed_on(at_desk: Scene) -> None:
    """Only typed words are relayed; a bare forward is answered privately."""
    people = at_desk.slack.people
    shared = [{"is_share": True, "text": "an internal secret"}]
    await people.teammate_says(at_desk.root, "", attachments=shared)
    assert at_desk.facts == []
    assert "forwarded" in at_desk.whispers[0]
    await people.teammate_says(at_desk.root, "see", attachments=shared)
    assert at_desk.only(TeammateWrote).text == "see"


async def test_an_edit_is_carried(at_desk: Scene) -> None:
    """New words of the author arrive with the version in the key."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "teh")).ts
    await people.teammate_edits(ts, "the")
    edited = at_desk.facts[-1]
    assert isinstance(edited, TeammateAmended)
    assert (edited.text, edited.note) == ("the", False)
    assert ":edit:" in edited.key


@pytest.mark.fault("F87")
async def test_an_edit_into_a_note_withdraws(at_desk: Scene) -> None:
    """The fact says that the edit made it a note."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "he is wrong")).ts
    await people.teammate_edits(ts, "note: he is wrong")
    assert isinstance(at_desk.facts[-1], TeammateAmended)
    assert at_desk.facts[-1].note


@pytest.mark.fault("F87")
@pytest.mark.parametrize("first", ["note: secret", "!note secret", ":lock: secret", "!resolve"])
async def test_a_note_is_never_published_by_an_edit(at_desk: Scene, first: str) -> None:
    """Dropping the marker reports nothing; the author is told."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, first)).ts
    before = len(at_desk.facts)
    await people.teammate_edits(ts, "secret")
    assert len(at_desk.facts) == before
    assert "stays a note" in at_desk.whispers[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"attachments": [{"title": "a preview"}]},
        {"reply_count": 3},
        {"reactions": [{"name": "eyes"}]},
    ],
)
async def test_what_slack_changes_itself_is_no_edit(at_desk: Scene, change: dict[str, Any]) -> None:
    """Previews, counters and reactions fire the same event."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "words")).ts
    message = at_desk.slack.state.message(ROOM, ts)
    await people.deliver_event(people.changed(ROOM, {**message, **change}, message))
    assert len(at_desk.facts) == 1


async def test_an_edit_by_somebody_else_is_not_carried(at_desk: Scene) -> None:
    """Only the author's own edit counts."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "mine")).ts
    await people.teammate_edits(ts, "theirs", editor="U0BEN")
    assert len(at_desk.facts) == 1


async def test_our_own_update_is_no_edit(at_desk: Scene) -> None:
    """The echo of a card refresh, which has no author, means nothing."""
    people = at_desk.slack.people
    root = at_desk.slack.state.message(ROOM, at_desk.root)
    changed = {**root, "text": "new", "edited": {"user": BOT_USER, "ts": "1800000000.000001"}}
    await people.deliver_event(people.changed(ROOM, changed, root))
    assert at_desk.facts == []


async def test_an_older_edit_does_not_win(at_desk: Scene) -> None:
    """Two edits in the wrong order leave the newer text."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "one")).ts
    events = [people.edit(ts, "two"), people.edit(ts, "three")]
    for event in reversed(events):
        await people.deliver_event(event)
    amended = [f.text for f in at_desk.facts if isinstance(f, TeammateAmended)]
    assert amended == ["three"]


async def with_files(at_desk: Scene, *names: str) -> tuple[str, list[dict[str, Any]]]:
    """Let Ann send files with words; returns where they stand, and the files."""
    files = [at_desk.slack.files.add(name, b"content") for name in names]
    people = at_desk.slack.people
    outcome = await people.teammate_says(at_desk.root, "see", subtype="file_share", files=files)
    return outcome.ts, files


def tombstone(file: dict[str, Any]) -> dict[str, Any]:
    """Return what Slack leaves of a file that was deleted."""
    return {"id": file["id"], "mode": "tombstone"}


@pytest.mark.parametrize("is_edited", [False, True])
async def test_a_deleted_file_is_carried_once(at_desk: Scene, *, is_edited: bool) -> None:
    """Deleting a file is no edit of the message, whether the message was edited or not."""
    ts, files = await with_files(at_desk, "a.txt", "b.txt")
    wrote = at_desk.only(TeammateWrote)
    assert [file.ref for file in wrote.attachments] == [file["id"] for file in files]
    people = at_desk.slack.people
    if is_edited:
        await people.teammate_edits(ts, "seen")
    message = at_desk.slack.state.message(ROOM, ts)
    after = {**message, "files": [tombstone(files[0]), files[1]]}
    for _ in range(2):
        await people.deliver_event(people.changed(ROOM, after, message))
    *_, fact = at_desk.facts
    assert isinstance(fact, TeammateAmended)
    assert (fact.text, fact.files) == (message["text"], (files[1]["id"],))
    assert len(at_desk.facts) == 2 + is_edited


async def test_an_edit_tells_which_files_still_stand(at_desk: Scene) -> None:
    """An edited message without files takes them away with the words."""
    ts, _ = await with_files(at_desk, "a.txt")
    await at_desk.slack.people.teammate_edits(ts, "without", files=[])
    edited = at_desk.facts[1]
    assert isinstance(edited, TeammateAmended)
    assert (edited.text, edited.files) == ("without", ())


async def test_a_file_deleted_while_nobody_listened_is_found(at_desk: Scene) -> None:
    """The thread read after an outage shows the tombstone."""
    ts, files = await with_files(at_desk, "a.txt")
    message = at_desk.slack.state.message(ROOM, ts)
    message["files"] = [tombstone(files[0])]
    await at_desk.rooms.catch_up()
    fact = at_desk.facts[-1]
    assert isinstance(fact, TeammateAmended)
    assert (fact.text, fact.files) == ("see", ())


async def test_a_deletion_is_carried_and_overtakes(at_desk: Scene) -> None:
    """A deleted reply is withdrawn, also when its deletion comes first."""
    people = at_desk.slack.people
    message = people.write(at_desk.root, "oops")
    await people.teammate_deletes(message["ts"])
    await people.deliver_message(ROOM, message)
    first, second = at_desk.facts
    assert isinstance(first, TeammateAmended)
    assert isinstance(second, TeammateWrote)
    assert (first.text, first.post) == (None, second.post)


def bare_deletion(ts: str) -> dict[str, Any]:
    """Return a deletion as Slack documents it: without what was deleted."""
    event = {"type": "message", "subtype": "message_deleted", "hidden": True, "channel": ROOM}
    return {**event, "ts": "1800000000.000009", "deleted_ts": ts}


async def test_a_deletion_that_names_the_message_only_is_carried(at_desk: Scene) -> None:
    """Which thread it stood in is told by what is stored."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "oops")).ts
    assert (await people.deliver_event(bare_deletion(ts))).statuses == [200]
    wrote, gone = at_desk.facts
    assert isinstance(wrote, TeammateWrote)
    assert isinstance(gone, TeammateAmended)
    assert (gone.text, gone.post, gone.thread) == (None, wrote.post, at_desk.thread)


async def test_a_deletion_that_names_the_message_only_overtakes(at_desk: Scene) -> None:
    """It is reported before the words it overtook."""
    people = at_desk.slack.people
    message = people.write(at_desk.root, "oops")
    await people.deliver_event(bare_deletion(message["ts"]))
    await people.deliver_message(ROOM, message)
    gone, wrote = at_desk.facts
    assert isinstance(gone, TeammateAmended)
    assert isinstance(wrote, TeammateWrote)
    assert (gone.text, gone.post) == (None, wrote.post)


async def test_a_deletion_while_the_words_are_stored_is_carried(at_desk: Scene) -> None:
    """Neither is lost, whichever is done first."""
    people = at_desk.slack.people
    message = people.write(at_desk.root, "oops")
    at_desk.inbox.slow = 0.1
    await asyncio.gather(
        people.deliver_message(ROOM, message), people.deliver_event(bare_deletion(message["ts"]))
    )
    assert {type(fact) for fact in at_desk.facts} == {TeammateWrote, TeammateAmended}


@pytest.mark.parametrize("ts", ["1800000000.000001", "", None, "x", 7])
async def test_a_deletion_of_nothing_known_means_nothing(at_desk: Scene, ts: Any) -> None:
    """It is taken, whatever it names."""
    outcome = await at_desk.slack.people.deliver_event(bare_deletion(ts))
    assert outcome.statuses == [200]
    assert at_desk.facts == []


async def test_a_deletion_with_half_of_what_it_was_is_carried(at_desk: Scene) -> None:
    """The message before it may lack its author or its thread."""
    people = at_desk.slack.people
    for lost in ("user", "thread_ts"):
        ts = (await people.teammate_says(at_desk.root, "oops")).ts
        whole = at_desk.slack.state.message(ROOM, ts)
        half = {name: value for name, value in whole.items() if name != lost}
        await people.deliver_event({**bare_deletion(ts), "previous_message": half})
        gone = at_desk.facts[-1]
        assert isinstance(gone, TeammateAmended)
        assert gone.text is None


async def test_a_tombstone_is_a_deletion(at_desk: Scene) -> None:
    """An edit to a tombstone withdraws the reply."""
    people = at_desk.slack.people
    ts = (await people.teammate_says(at_desk.root, "oops")).ts
    message = at_desk.slack.state.message(ROOM, ts)
    tomb = {**message, "subtype": "tombstone", "text": "This message was deleted."}
    await people.deliver_event(people.changed(ROOM, tomb, message))
    assert isinstance(at_desk.facts[-1], TeammateAmended)
    assert at_desk.facts[-1].text is None


async def test_the_root_deleted_by_a_person_reports_nothing(at_desk: Scene) -> None:
    """Our card becoming a tombstone is not a reply withdrawn."""
    people = at_desk.slack.people
    await people.teammate_says(at_desk.root, "hello")
    await people.teammate_deletes(at_desk.root)
    assert len(at_desk.facts) == 1


async def test_names_of_the_inside_stay_inside(at_desk: Scene) -> None:
    """People appear under their public name; channels, groups and the bot not at all."""
    await at_desk.slack.people.teammate_says(
        at_desk.root, f"Ask <@U0BEN> <#C9|secret-room> <!subteam^S1|@leads> <!here> <@{BOT_USER}>"
    )
    assert at_desk.only(TeammateWrote).text == "Ask @Ben"


async def test_a_declined_reply_is_told_privately(at_desk: Scene) -> None:
    """The reason reaches its author, in the thread, once."""
    at_desk.inbox.decline = Declined("closed", "It is closed.")
    at_desk.slack.people.copies = 3
    await at_desk.slack.people.teammate_says(at_desk.root, "too late")
    [said] = at_desk.slack.state.ephemeral
    assert (said["text"], said["user"], said["thread_ts"]) == (
        "It is closed.",
        "U0ANN",
        at_desk.root,
    )


async def test_a_reply_in_a_thread_not_known_yet_is_asked_for_again(at_desk: Scene) -> None:
    """While the end of our own root is uncertain, a reply under it is not lost."""
    known = at_desk.board.threads.pop(at_desk.thread)
    message = at_desk.slack.people.write(at_desk.root, "quick")
    at_desk.slack.people.retry_after = ()
    first = await at_desk.slack.people.deliver_message(ROOM, message)
    assert first.statuses == [503]
    at_desk.board.threads[at_desk.thread] = known
    second = await at_desk.slack.people.deliver_message(ROOM, message)
    assert second.statuses == [200]
    assert at_desk.only(TeammateWrote).text == "quick"
