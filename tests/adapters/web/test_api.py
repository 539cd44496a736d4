"""What a customer says and does: taken once, answered the same, shown in order."""

import pytest

from bridge.domain.facts import CustomerRated, CustomerSaw, CustomerWrote, PersonAsked
from bridge.ports.core import Typing
from tests.adapters.web.site import Customer, Site, serve


async def test_a_message_is_taken_once(site: Site, customer: Customer) -> None:
    """The same client id with the same words gets the same answer and no second message."""
    assert (await customer.say("Hello", "one"))[0] == 202
    status, again = await customer.say("Hello", "one")
    _, page = await customer.ask("GET", "/v1/messages")
    assert (status, again["seq"]) == (200, 1)
    assert [message["id"] for message in page["messages"]] == [again["id"]]
    assert sum(isinstance(fact, CustomerWrote) for fact in site.core.facts) == 1


async def test_other_words_under_a_used_id_are_refused(customer: Customer) -> None:
    """A client id that was used with another body gets 409, and the first words stay."""
    await customer.say("Hello", "one")
    status, problem = await customer.say("Goodbye", "one")
    assert (status, problem["field"]) == (409, "client_id")
    _, page = await customer.ask("GET", "/v1/messages")
    assert [message["text"] for message in page["messages"]] == ["Hello"]


async def test_words_keep_every_character(customer: Customer) -> None:
    """Emoji, other scripts, quotes, line breaks and bidirectional marks come back unchanged."""
    text = 'A "quoted"\nline \\ with 🧑‍🚒, العربية, \u202e, \u2028 and <b>no</b> HTML'
    await customer.say(text)
    _, page = await customer.ask("GET", "/v1/messages")
    assert page["messages"][0]["text"] == text


async def test_the_longest_message_is_taken(customer: Customer) -> None:
    """A message of exactly the greatest length is taken, however it is escaped on the way."""
    text = "🧯" * 10_000
    assert (await customer.say(text))[0] == 202
    _, page = await customer.ask("GET", "/v1/messages")
    assert page["messages"][0]["text"] == text


async def test_pages_follow_on_each_other(customer: Customer) -> None:
    """Pages of the log, read by their cursors, are the whole log without gap or double."""
    for number in range(7):
        await customer.say(f"line {number}")
    seen, cursor, more = [], 0, True
    while more:
        _, page = await customer.ask("GET", f"/v1/messages?after={cursor}&limit=3")
        seen += [message["text"] for message in page["messages"]]
        cursor, more = page["cursor"], page["more"]
    assert seen == [f"line {number}" for number in range(7)]
    _, page = await customer.ask("GET", f"/v1/messages?after={cursor}")
    assert page == {"messages": [], "cursor": cursor, "more": False}


async def test_a_cursor_beyond_the_log_begins_anew(customer: Customer) -> None:
    """Whoever knows more than the log does, as after a restored backup, is told all, as streams do.

    A cursor at the end of the log is answered with nothing.
    """
    _, page = await customer.ask("GET", "/v1/messages?after=900")
    assert page == {"messages": [], "cursor": 0, "more": False}
    await customer.say("Hello")
    await customer.say("Again")
    _, page = await customer.ask("GET", "/v1/messages?after=900&limit=1")
    assert [message["text"] for message in page["messages"]] == ["Hello"]
    assert (page["cursor"], page["more"]) == (1, True)
    _, page = await customer.ask("GET", "/v1/messages?after=2")
    assert page == {"messages": [], "cursor": 2, "more": False}
    async with await customer.listen(900) as stream:
        assert await stream.texts(2) == ["Hello", "Again"]


async def test_edits_and_deletions_come_again(site: Site, customer: Customer) -> None:
    """A changed message keeps its place and takes a new cursor; a deleted one says nothing."""
    post = await site.core.teammate_says(customer.id, "Helo")
    await site.core.teammate_edits(customer.id, post, "Hello")
    _, page = await customer.ask("GET", "/v1/messages?after=1")
    [edited] = page["messages"]
    assert (edited["seq"], edited["cursor"], edited["text"]) == (1, 2, "Hello")
    assert edited["edited_at"] is not None
    await site.core.teammate_edits(customer.id, post, None)
    _, page = await customer.ask("GET", "/v1/messages?after=2")
    [deleted] = page["messages"]
    assert (deleted["deleted"], deleted["text"]) == (True, "")


async def test_a_person_can_be_asked_for_before_any_word(site: Site, customer: Customer) -> None:
    """Escalating works at once, and repeating it changes nothing."""
    status, answer = await customer.ask("POST", "/v1/escalate", json={"reason": "Lost parcel"})
    assert (status, answer["handoff"]["state"], answer["handoff"]["position"]) == (
        202,
        "waiting",
        1,
    )
    _, again = await customer.ask("POST", "/v1/escalate")
    assert again["handoff"]["id"] == answer["handoff"]["id"]
    asked = [fact for fact in site.core.facts if isinstance(fact, PersonAsked)]
    assert (asked[0].source, asked[0].reason) == ("button", "Lost parcel")
    _, state = await customer.ask("GET", "/v1/conversation")
    assert (state["floor"], state["handoff"]) == ("waiting", again["handoff"])


async def test_the_place_in_the_queue_counts_those_before(site: Site) -> None:
    """The second customer who waits is told to be second."""
    first, second = await site.open(), await site.open()
    await first.ask("POST", "/v1/escalate")
    _, answer = await second.ask("POST", "/v1/escalate")
    assert answer["handoff"]["position"] == 2


async def test_nothing_of_the_inside_is_told(site: Site, customer: Customer) -> None:
    """The rule, its evidence and the teammate's id never reach the customer."""
    await customer.ask("POST", "/v1/escalate")
    await site.core.teammate_says(customer.id, "Hello")
    bodies = [await customer.ask("GET", path) for path in ("/v1/conversation", "/v1/messages")]
    assert "SECRET" not in str(bodies)
    assert "U1" not in str(bodies)
    assert bodies[0][1]["handoff"]["reason"] == "requested"


async def test_the_teammate_is_introduced(site: Site, customer: Customer) -> None:
    """Once somebody has the floor, the state says who; nobody waits any more."""
    await customer.ask("POST", "/v1/escalate")
    await site.core.teammate_says(customer.id, "Hello")
    _, state = await customer.ask("GET", "/v1/conversation")
    picture = "https://pictures.example/marie.png"
    assert state["handoff"]["teammate"] == {"name": "Marie", "avatar_url": picture}
    assert (state["floor"], state["handoff"]["waiting_since"]) == ("teammate", None)


async def test_nobody_having_the_floor_is_called_closed(site: Site, customer: Customer) -> None:
    """After a teammate resolved it the floor is `closed`, and the handoff says how it ended."""
    await customer.ask("POST", "/v1/escalate")
    site.core.resolve(customer.id)
    _, state = await customer.ask("GET", "/v1/conversation")
    assert (state["floor"], state["handoff"]["state"]) == ("closed", "resolved")


async def test_the_customer_can_go_back(customer: Customer) -> None:
    """Going back gives the floor to the assistant, and going back twice is no mistake."""
    await customer.ask("POST", "/v1/escalate")
    status, state = await customer.ask("POST", "/v1/return")
    assert (status, state["floor"]) == (202, "assistant")
    assert (await customer.ask("POST", "/v1/return"))[0] == 202


async def test_a_new_wish_after_the_end_is_a_new_handoff(customer: Customer) -> None:
    """Asking again once the first handoff is over opens another."""
    _, first = await customer.ask("POST", "/v1/escalate")
    await customer.ask("POST", "/v1/return")
    _, second = await customer.ask("POST", "/v1/escalate")
    assert first["handoff"]["id"] != second["handoff"]["id"]


async def test_typing_is_passed_on_now_and_then(site: Site, customer: Customer) -> None:
    """Typing reaches who watches at most every three seconds, and is stored nowhere."""
    for _ in range(3):
        assert (await customer.ask("POST", "/v1/typing"))[0] == 204
    site.clock.shift += 4
    await customer.ask("POST", "/v1/typing", json={})
    told = [event for _, event in site.core.presence.told if isinstance(event, Typing)]
    assert told == [Typing("customer"), Typing("customer")]
    assert len(site.core.facts) == 1


async def test_reading_is_told_once(site: Site, customer: Customer) -> None:
    """How far the customer has read is a fact once; a lower seq says nothing new."""
    await customer.say("one")
    await customer.say("two")
    for seq in (2, 2, 1):
        assert (await customer.ask("POST", "/v1/read", json={"seq": seq}))[0] == 204
    saw = [fact.read for fact in site.core.facts if isinstance(fact, CustomerSaw)]
    assert saw == [2]


async def test_a_rating_is_taken_once(site: Site, customer: Customer) -> None:
    """The same rating sent twice counts once; another one is another fact."""
    await customer.ask("POST", "/v1/escalate")
    await site.core.teammate_says(customer.id, "Hello")
    rating = {"about": "teammate", "score": 5, "comment": "Thank you"}
    for body in (rating, rating, {**rating, "score": 4}, {"about": "assistant", "score": 1}):
        assert (await customer.ask("POST", "/v1/rating", json=body))[0] == 204
    rated = [fact for fact in site.core.facts if isinstance(fact, CustomerRated)]
    assert [(fact.about, fact.score) for fact in rated] == [
        ("teammate", 5),
        ("teammate", 4),
        ("assistant", 1),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/messages", {"client_id": "x", "text": "Hello"}),
        ("POST", "/v1/escalate", {}),
        ("GET", "/v1/conversation", None),
        ("GET", "/v1/messages", None),
    ],
)
async def test_a_store_that_is_away_asks_for_patience(
    site: Site, customer: Customer, method: str, path: str, body: object
) -> None:
    """Without the store nothing is acknowledged: 503, and when to come again."""
    site.core.fail = True
    headers = customer.headers
    async with site.http.request(method, site.url + path, json=body, headers=headers) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) >= 1
    site.core.fail = False
    assert (await customer.ask(method, path, json=body))[0] < 300


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/conversation", None),
        ("GET", "/v1/messages", None),
        ("POST", "/v1/messages", {"client_id": "x", "text": "Hello"}),
        ("POST", "/v1/escalate", {}),
        ("POST", "/v1/read", {"seq": 0}),
    ],
)
async def test_the_token_of_an_erased_conversation_is_worth_nothing(
    site: Site, customer: Customer, method: str, path: str, body: object
) -> None:
    """After an erasure every call gets 401, as if the token had never been."""
    site.core.erase(customer.id)
    assert (await customer.ask(method, path, json=body))[0] == 401


async def test_one_customer_never_sees_another(site: Site) -> None:
    """Two sessions have two conversations, and no call takes a conversation id."""
    ada, ben = await site.open(), await site.open()
    await ada.say("mine")
    _, page = await ben.ask("GET", "/v1/messages")
    assert page["messages"] == []
    assert (await ben.ask("GET", f"/v1/messages?conversation_id={ada.id}"))[0] == 422


async def test_limits_are_off_only_when_they_are_switched_off() -> None:
    """With limits on, a flood of messages gets 429 with the time to wait."""
    async with serve(rate_limits=True) as site:
        customer = await site.open()
        statuses = [(await customer.say(f"{n}"))[0] for n in range(70)]
        assert set(statuses[:60]) == {202}
        assert statuses[-1] == 429
