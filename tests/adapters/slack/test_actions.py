"""Buttons, the note window and `/handoff`: facts where they belong, private answers elsewhere."""

import json

import pytest

from adapters.slack.commands import QUEUE_LINES
from bridge.domain.facts import Declined, TeammateActed, Verb
from bridge.domain.handoff import State
from bridge.domain.ids import HandoffId, ThreadRef
from tests.adapters.slack.scene import HANDOFF, Scene, card, handoff
from tests.servers.slack import ROOM, TEAM, live_mentions
from tests.servers.slack_people import Outcome


def said(outcome: Outcome) -> str:
    """Return what a command's asker is told."""
    assert outcome.statuses == [200]
    answer = json.loads(outcome.body)
    assert answer["response_type"] == "ephemeral"
    return str(answer["text"])


@pytest.mark.parametrize("verb", [Verb.CLAIM, Verb.RESOLVE, Verb.RETURN])
async def test_a_button_acts(at_desk: Scene, verb: Verb) -> None:
    """The fact names verb, teammate, thread and handoff."""
    outcome = await at_desk.slack.people.teammate_clicks(at_desk.root, f"handoff_{verb}")
    fact = at_desk.only(TeammateActed)
    assert outcome.statuses == [200]
    assert (fact.verb, fact.author.name) == (verb, "Ann")
    assert (fact.thread, fact.handoff_id) == (at_desk.thread, HANDOFF)
    assert at_desk.slack.people.responses == []


async def test_the_menu_assigns(at_desk: Scene) -> None:
    """Whoever is chosen becomes the target; a guest cannot be."""
    people = at_desk.slack.people
    await people.teammate_clicks(at_desk.root, "handoff_assign", selected_user="U0BEN")
    await people.teammate_clicks(at_desk.root, "handoff_assign", selected_user="U0GUEST")
    assert at_desk.only(TeammateActed).target.name == "Ben"
    assert "guests" in people.responses[0]["text"]


async def test_a_click_delivered_twice_counts_once(at_desk: Scene) -> None:
    """The key is the click's own time."""
    people = at_desk.slack.people
    for _ in range(2):
        await people.teammate_clicks(at_desk.root, "handoff_claim", action_ts="1800000000.000009")
    key = at_desk.only(TeammateActed).key
    assert key == f"slack:{TEAM}:{ROOM}:{at_desk.root}:act:1800000000.000009:U0ANN"


async def test_a_declined_click_is_told_privately(at_desk: Scene) -> None:
    """The reason goes where the button was pressed, to the one who pressed it."""
    at_desk.inbox.decline = Declined("closed", "Ben has already resolved this.")
    await at_desk.slack.people.teammate_clicks(at_desk.root, "handoff_claim")
    [answer] = at_desk.slack.people.responses
    assert answer["text"] == "Ben has already resolved this."
    assert answer["response_type"] == "ephemeral"
    assert answer["replace_original"] is False


@pytest.mark.parametrize("user", ["U0GUEST", "U0OUT", "U0NOBODY"])
async def test_guests_cannot_press(at_desk: Scene, user: str) -> None:
    """Nor outsiders, nor people Slack does not know."""
    await at_desk.slack.people.teammate_clicks(at_desk.root, "handoff_claim", user=user)
    assert at_desk.facts == []
    assert len(at_desk.slack.people.responses) == 1


@pytest.mark.parametrize("value", ["h_2", "h_nowhere", ""])
async def test_a_button_of_another_handoff_does_nothing(at_desk: Scene, value: str) -> None:
    """The handoff in the button must be the one of the thread it stands in."""
    other = await at_desk.desk.open_thread(ROOM, card(), "d_2")
    at_desk.board.add(other, handoff("h_2"))
    people = at_desk.slack.people
    await people.teammate_clicks(at_desk.root, "handoff_claim", value=value, block_id="")
    assert at_desk.facts == []
    assert "another handoff" in people.responses[0]["text"]


async def test_a_button_works_before_its_thread_is_known(at_desk: Scene) -> None:
    """While the end of the root is uncertain, the handoff's id counts."""
    conversation = at_desk.board.threads.pop(at_desk.thread)
    object.__setattr__(conversation, "thread", None)
    at_desk.board.threads["pending"] = conversation
    await at_desk.slack.people.teammate_clicks(at_desk.root, "handoff_claim")
    fact = at_desk.only(TeammateActed)
    assert (fact.thread, fact.handoff_id) == (None, HANDOFF)


async def test_a_response_url_elsewhere_is_not_called(at_desk: Scene) -> None:
    """A private answer goes to Slack's own host, else by Slack's own call."""
    at_desk.inbox.decline = Declined("closed", "Too late.")
    people = at_desk.slack.people
    message = at_desk.slack.state.message(ROOM, at_desk.root)
    action = {"action_id": "handoff_claim", "value": HANDOFF, "action_ts": "1800000000.000001"}
    for url in ("http://evil.invalid/x", "https://hooks.slack.com.evil.invalid/x", "ftp://x", ""):
        click = people.click(message, ROOM, "U0ANN", action) | {"response_url": url}
        await people.deliver_form({"payload": json.dumps(click)})
    assert at_desk.whispers == ["Too late."] * 4
    assert people.responses == []


async def test_a_click_that_is_not_stored_is_not_acknowledged(at_desk: Scene) -> None:
    """503, and the person is told that nothing was changed."""
    at_desk.inbox.away = True
    outcome = await at_desk.slack.people.teammate_clicks(at_desk.root, "handoff_claim")
    assert outcome.statuses == [503]
    assert "Nothing was changed" in at_desk.slack.people.responses[0]["text"]


async def test_other_peoples_buttons_mean_nothing(at_desk: Scene) -> None:
    """An action that is not ours is taken and ignored."""
    for action_id in ("approve", "handoff_explode", "handoff_"):
        outcome = await at_desk.slack.people.teammate_clicks(at_desk.root, action_id, value="h_1")
        assert outcome.statuses == [200]
    assert at_desk.facts == []


async def test_a_note_is_written_in_a_window(at_desk: Scene) -> None:
    """The button opens it, and sending it in keeps the note once."""
    people = at_desk.slack.people
    await people.teammate_clicks(at_desk.root, "handoff_note")
    view = at_desk.slack.state.views[0]["view"]
    for _ in range(2):
        await people.teammate_submits({**view, "id": "V1"}, {"note": {"text": {"value": "vip"}}})
    fact = at_desk.only(TeammateActed)
    assert (fact.verb, fact.text, fact.handoff_id) == (Verb.NOTE, "vip", HANDOFF)


async def test_a_note_that_cannot_be_kept_says_why(at_desk: Scene) -> None:
    """Guests and empty notes are answered in the window itself."""
    people = at_desk.slack.people
    await people.teammate_clicks(at_desk.root, "handoff_note")
    view = at_desk.slack.state.views[0]["view"]
    empty = await people.teammate_submits(view, {"note": {"text": {"value": "  "}}})
    guest = await people.teammate_submits(view, {"note": {"text": {"value": "x"}}}, user="U0GUEST")
    for outcome in (empty, guest):
        assert json.loads(outcome.body)["response_action"] == "errors"
    assert at_desk.facts == []


async def test_the_queue_lists_who_waits(at_desk: Scene) -> None:
    """With state, id and a link to the thread; a customer's name pings nobody."""
    told = said(await at_desk.slack.people.teammate_commands("queue"))
    assert HANDOFF in told
    assert f"https://acme.slack.com/archives/{ROOM}/p{at_desk.root.replace('.', '')}" in told
    assert (
        live_mentions({"text": told.replace(f"<https://acme.slack.com/archives/{ROOM}", "")}) == []
    )
    at_desk.board.threads.clear()
    assert "Nobody" in said(await at_desk.slack.people.teammate_commands("queue"))


@pytest.mark.parametrize(("waiting", "more"), [(QUEUE_LINES, False), (QUEUE_LINES + 1, True)])
async def test_a_long_queue_says_that_there_are_more(
    at_desk: Scene, waiting: int, *, more: bool
) -> None:
    """So many lines are shown, and no more, but nobody takes them for all."""
    at_desk.board.threads.clear()
    for number in range(waiting):
        thread = ThreadRef(f"slack:{TEAM}:{ROOM}:1.{number:06}")
        at_desk.board.add(thread, handoff(f"h_{number}"))
    told = said(await at_desk.slack.people.teammate_commands("queue"))
    assert told.count("•") == QUEUE_LINES
    assert ("There are more" in told) is more


async def test_showing_a_handoff(at_desk: Scene) -> None:
    """Why, by which rule, and the customer's own words, escaped."""
    told = said(await at_desk.slack.people.teammate_commands(f"show `{HANDOFF}`"))
    assert "asked_for_person" in told
    assert "a human &lt;please&gt;" in told


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        (f"claim {HANDOFF}", Verb.CLAIM),
        (f"RELEASE {HANDOFF}", Verb.RELEASE),
        (f"resolve   {HANDOFF}", Verb.RESOLVE),
        (f"return {HANDOFF}", Verb.RETURN),
    ],
)
async def test_the_command_acts(at_desk: Scene, text: str, verb: Verb) -> None:
    """By the handoff's id, from anywhere in the room."""
    told = said(await at_desk.slack.people.teammate_commands(text))
    fact = at_desk.only(TeammateActed)
    assert (fact.verb, fact.handoff_id, fact.thread) == (verb, HANDOFF, None)
    assert HANDOFF in told


async def test_the_command_assigns(at_desk: Scene) -> None:
    """To the person named; without one it says what is missing."""
    people = at_desk.slack.people
    await people.teammate_commands(f"assign {HANDOFF} <@U0BEN|ben>")
    assert at_desk.only(TeammateActed).target.name == "Ben"
    refused = said(await people.teammate_commands(f"assign {HANDOFF}"))
    assert "`/handoff assign ID @person` or `/handoff assign ID me`" in refused
    assert "guests" in said(await people.teammate_commands(f"assign {HANDOFF} <@U0GUEST>"))
    assert len(at_desk.facts) == 1


@pytest.mark.parametrize("me", ["me", " Me "])
async def test_the_command_assigns_to_the_asker(at_desk: Scene, me: str) -> None:
    """`me` means whoever asks, as it does in a thread."""
    told = said(
        await at_desk.slack.people.teammate_commands(f"assign {HANDOFF} {me}", user="U0BEN")
    )
    assert at_desk.only(TeammateActed).target.name == "Ben"
    assert "Ben" in told


@pytest.mark.parametrize("word", ["queue", "hours", "policy", "dead", "assign ID @person` (or `me"])
async def test_the_help_names_every_word_that_works(at_desk: Scene, word: str) -> None:
    """Those that only read among them."""
    assert f"`/handoff {word}`" in said(await at_desk.slack.people.teammate_commands("help"))


@pytest.mark.parametrize("text", ["", "help", "HELP me"])
async def test_help_is_the_default(at_desk: Scene, text: str) -> None:
    """An empty command explains itself."""
    assert "/handoff queue" in said(await at_desk.slack.people.teammate_commands(text))


@pytest.mark.parametrize("text", ["show h_none", "claim", "resolve h_none"])
async def test_an_unknown_handoff_is_said_to_be_unknown(at_desk: Scene, text: str) -> None:
    """Nothing is reported."""
    assert "no handoff" in said(await at_desk.slack.people.teammate_commands(text))
    assert at_desk.facts == []


@pytest.mark.parametrize(
    "word", ["stats", "hours", "pause", "resume", "policy", "doctor", "dead", "dance"]
)
async def test_words_it_cannot_do_say_so(at_desk: Scene, word: str) -> None:
    """Honestly, and with the place where it is done."""
    told = said(await at_desk.slack.people.teammate_commands(word))
    assert "not available here" in told or "do not know" in told


async def test_the_command_is_for_the_support_room(at_desk: Scene) -> None:
    """Elsewhere, and for guests, nothing is shown and nothing done."""
    people = at_desk.slack.people
    for told in (
        said(await people.teammate_commands(f"claim {HANDOFF}", channel="D0DIRECT")),
        said(await people.teammate_commands("queue", channel="C0OTHER")),
        said(await people.teammate_commands("queue", user="U0GUEST")),
        said(await people.teammate_commands(f"resolve {HANDOFF}", user="U0OUT")),
    ):
        assert HANDOFF not in told
    assert at_desk.facts == []


async def test_a_declined_command_says_why(at_desk: Scene) -> None:
    """The asker is told the inbox's own reason."""
    at_desk.inbox.decline = Declined("closed", "It is closed.")
    told = said(await at_desk.slack.people.teammate_commands(f"claim {HANDOFF}"))
    assert told == "It is closed."


async def test_a_command_that_is_not_stored_says_so(at_desk: Scene) -> None:
    """Slack does not repeat commands, so the asker must know."""
    at_desk.inbox.away = True
    told = said(await at_desk.slack.people.teammate_commands(f"claim {HANDOFF}"))
    assert "Nothing was changed" in told


async def test_other_commands_are_not_ours(at_desk: Scene) -> None:
    """A command we did not register is taken and does nothing."""
    outcome = await at_desk.slack.people.teammate_commands("x", command="/other")
    assert outcome.statuses == [200]


async def test_closed_handoffs_can_be_shown(at_desk: Scene) -> None:
    """The state is told as people say it."""
    at_desk.board.add(ThreadRef("slack:T0TEAM:C0SUPPORT:1.000001"), handoff("h_9", State.RESOLVED))
    assert "Resolved" in said(await at_desk.slack.people.teammate_commands("show h_9"))


async def test_a_past_handoff_is_not_taken_for_the_newest(at_desk: Scene) -> None:
    """It is said to be over, and which one is the newest of that conversation."""
    at_desk.board.past[HandoffId("h_0")] = handoff().conversation_id
    told = said(await at_desk.slack.people.teammate_commands("show h_0")).splitlines()
    assert told[0] == "`h_0` is over. The same conversation's newest handoff:"
    assert HANDOFF in told[1]
    assert "over" not in said(await at_desk.slack.people.teammate_commands(f"show {HANDOFF}"))
