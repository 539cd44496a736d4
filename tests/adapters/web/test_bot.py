"""An outside bot: its conversations, its answers while it has the floor, and calling a person."""

import pytest

from bridge.domain.facts import BotWrote, PersonAsked
from bridge.domain.ids import ConversationId
from tests.adapters.web.site import Site, serve


async def begin(site: Site, **body: object) -> ConversationId:
    """Return the id of a new conversation."""
    status, made = await site.bot("POST", "", json={"customer": {}, **body})
    assert (status, made["epoch"]) == (201, 0)
    return ConversationId(made["id"])


async def test_the_same_external_id_is_the_same_conversation(site: Site) -> None:
    """A bot finds its conversation again by its own name for it; without one each is new."""
    first = await begin(site, external_id="chat 7", customer={"name": "Ada", "external_id": "a1"})
    assert await begin(site, external_id="chat 7") == first
    assert len({first, await begin(site), await begin(site)}) == 3
    customer = site.core.conversations[first].customer
    assert (customer.name, customer.external_id) == ("Ada", "a1")


async def test_both_sides_words_are_taken_once(site: Site) -> None:
    """Words of the customer and the bot stand in order; a repeated client id adds nothing."""
    talk = f"/{await begin(site)}/messages"
    question = {"client_id": "1", "role": "customer", "text": "Where is it?"}
    answer = {"client_id": "2", "role": "assistant", "text": "On its way.", "epoch": 0}
    assert (await site.bot("POST", talk, json=question))[0] == 202
    status, placed = await site.bot("POST", talk, json=answer)
    assert (status, placed["seq"], placed["floor"], placed["epoch"]) == (202, 2, "assistant", 0)
    status, again = await site.bot("POST", talk, json=answer)
    assert (status, again) == (200, placed)
    status, problem = await site.bot("POST", talk, json={**answer, "text": "Lost."})
    assert (status, problem["field"]) == (409, "client_id")
    _, page = await site.bot("GET", talk)
    said = [(message["role"], message["text"]) for message in page["messages"]]
    assert said == [("customer", "Where is it?"), ("assistant", "On its way.")]


async def test_an_answer_under_an_old_epoch_is_shown_to_nobody(site: Site) -> None:
    """Once a person was called, the bot's late answer gets 409 with the floor and the epoch."""
    conversation_id = await begin(site)
    await site.bot("POST", f"/{conversation_id}/escalate", json={"reason": "stuck"})
    late = {"client_id": "late", "role": "assistant", "text": "I can help!"}
    for body in ({**late, "epoch": 0}, {**late, "epoch": 1}, late):
        status, problem = await site.bot("POST", f"/{conversation_id}/messages", json=body)
        assert (status, problem["floor"], problem["epoch"]) == (409, "waiting", 1)
    _, page = await site.bot("GET", f"/{conversation_id}/messages")
    assert page["messages"] == []


async def test_what_was_said_before_comes_along(site: Site) -> None:
    """A conversation can begin with what was said so far; sending it again adds nothing."""
    said = [
        {"client_id": "1", "role": "customer", "text": "Hello", "sent_at": "2026-01-31T12:00:00Z"},
        {"client_id": "2", "role": "assistant", "text": "Hi"},
    ]
    first = await begin(site, external_id="chat 8", messages=said)
    await begin(site, external_id="chat 8", messages=said)
    assert sum(isinstance(fact, BotWrote) for fact in site.core.facts) == 2
    _, page = await site.bot("GET", f"/{first}/messages")
    assert [message["text"] for message in page["messages"]] == ["Hello", "Hi"]
    assert page["messages"][0]["sent_at"] == "2026-01-31T12:00:00.000Z"


def words(client_id: str, text: str, role: str = "customer") -> dict[str, str]:
    """Return one message of an import."""
    return {"client_id": client_id, "role": role, "text": text}


async def test_a_refused_import_leaves_nothing_behind(site: Site) -> None:
    """An id used for other words is found before the customer is renamed or a word is taken."""
    first = await begin(
        site, external_id="chat 9", customer={"name": "First"}, messages=[words("2", "b")]
    )
    before = list(site.core.facts)
    said = [words("3", "c"), words("2", "DIFF"), words("4", "d")]
    body = {"external_id": "chat 9", "customer": {"name": "Second"}, "messages": said}
    status, problem = await site.bot("POST", "", json=body)
    assert (status, problem["field"]) == (409, "messages[1].client_id")
    assert problem["detail"].startswith("messages[1].client_id: was used before")
    assert site.core.facts == before
    assert site.core.conversations[first].customer.name == "First"


async def test_an_import_that_contradicts_itself_makes_nothing(site: Site) -> None:
    """One id for two different messages of a request is refused at once; for the same twice not."""
    said = [words("1", "a"), words("2", "b"), words("1", "other")]
    body = {"external_id": "chat 10", "customer": {}, "messages": said}
    status, problem = await site.bot("POST", "", json=body)
    assert (status, problem["field"]) == (422, "messages[2].client_id")
    assert site.core.conversations == {}
    await begin(site, messages=[words("1", "a"), words("1", "a")])


async def test_an_import_under_a_person_is_refused_whole(site: Site) -> None:
    """While a person has the floor no answer of the bot's comes in, nor what stands before it."""
    first = await begin(site, external_id="chat 11", messages=[words("1", "a", "assistant")])
    await site.bot("POST", f"/{first}/escalate", json={"reason": "stuck"})
    before = list(site.core.facts)
    said = [words("1", "a", "assistant"), words("2", "b"), words("3", "c", "assistant")]
    body = {"external_id": "chat 11", "customer": {"name": "Second"}, "messages": said}
    status, problem = await site.bot("POST", "", json=body)
    assert (status, problem["floor"], problem["epoch"]) == (409, "waiting", 1)
    assert problem["detail"].startswith("messages[2]: ")
    assert site.core.facts == before
    await begin_again(site, "chat 11", said[:2], first)


async def begin_again(
    site: Site, external_id: str, said: list[dict[str, str]], first: ConversationId
) -> None:
    """Send an import that is taken."""
    body = {"external_id": external_id, "customer": {}, "messages": said}
    status, made = await site.bot("POST", "", json=body)
    assert (status, made["id"]) == (201, first)


async def test_attributes_of_a_bots_customer_are_bounded(site: Site) -> None:
    """What is told again and again cannot gather more than a conversation may have."""
    named = {f"a{number}": "x" for number in range(50)}
    first = await begin(site, external_id="chat 12", customer={"attributes": named})
    more = {f"b{number}": "x" for number in range(50)}
    await begin(site, external_id="chat 12", customer={"attributes": more})
    body = {"external_id": "chat 12", "customer": {"attributes": {"more": "x"}}}
    status, problem = await site.bot("POST", "", json=body)
    assert (status, problem["field"]) == (422, "customer.attributes")
    assert len(site.core.conversations[first].customer.attributes) == 100
    await begin(site, external_id="chat 12", customer={"attributes": {"a0": "y"}})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31t12:00:00.25z", "2026-01-31T12:00:00.250Z"),
        ("2026-01-31T13:30:00+01:30", "2026-01-31T12:00:00.000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999Z"),
        ("2026-01-31T12:00:00.1234567891Z", "2026-01-31T12:00:00.123Z"),
    ],
)
async def test_when_it_was_said_may_be_any_time_of_the_standard(
    site: Site, given: str, told: str
) -> None:
    """Small letters, fractions, zones and leap seconds of RFC 3339 are read."""
    said = {**words("1", "a"), "sent_at": given}
    first = await begin(site, messages=[said])
    _, page = await site.bot("GET", f"/{first}/messages")
    assert page["messages"][0]["sent_at"] == told


@pytest.mark.parametrize(
    "given",
    [
        "2026-W05-1T12:00Z",
        "2026-W05-1T12:00:00Z",
        "20260131T120000Z",
        "2026-01-31T12:00Z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+01",
        "2026-01-31T12:00:00+01:60",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:61Z",
        "2026-01-31T24:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T12:00:00,5Z",
        "２026-01-31T12:00:00Z",
    ],
)
async def test_a_time_of_another_standard_is_refused(site: Site, given: str) -> None:
    """What only ISO 8601 knows, or nobody, is named."""
    body = {"customer": {}, "messages": [{**words("1", "a"), "sent_at": given}]}
    status, problem = await site.bot("POST", "", json=body)
    assert (status, problem["field"]) == (422, "messages[0].sent_at")


async def test_a_person_is_called_with_everything_the_bot_knows(site: Site) -> None:
    """Reason, summary, evidence, urgency and place arrive; asking again changes nothing."""
    conversation_id = await begin(site)
    body = {
        "reason": "The refund failed twice",
        "summary": "Order 12 arrived broken.",
        "evidence": "I want my money back",
        "urgency": "high",
        "desk": "sandbox",
        "room": "returns",
    }
    status, answer = await site.bot("POST", f"/{conversation_id}/escalate", json=body)
    assert (status, answer["handoff"]["state"]) == (202, "waiting")
    _, again = await site.bot("POST", f"/{conversation_id}/escalate", json=body)
    assert again["handoff"]["id"] == answer["handoff"]["id"]
    fact = next(fact for fact in site.core.facts if isinstance(fact, PersonAsked))
    assert {name: getattr(fact, name) for name in body} == body
    assert fact.source == "bot"


async def test_the_bot_sees_the_inside(site: Site) -> None:
    """Unlike the customer, the bot is told the customer's data and the handoff's reason."""
    conversation_id = await begin(site, customer={"name": "Ada", "attributes": {"plan": "pro"}})
    await site.bot("POST", f"/{conversation_id}/escalate", json={"reason": "x", "summary": "s"})
    status, view = await site.bot("GET", f"/{conversation_id}")
    assert (status, view["floor"], view["handoff"]["position"]) == (200, "waiting", 1)
    assert view["customer"]["attributes"] == {"plan": "pro"}
    assert (view["case"]["trigger"], view["case"]["summary"]) == ("human_request", "s")


async def test_the_bot_gets_the_floor_back(site: Site) -> None:
    """After a return the bot may answer under the new epoch."""
    conversation_id = await begin(site)
    await site.bot("POST", f"/{conversation_id}/escalate", json={"reason": "x"})
    status, state = await site.bot("POST", f"/{conversation_id}/return")
    assert (status, state["floor"], state["epoch"]) == (202, "assistant", 2)
    body = {"client_id": "1", "role": "assistant", "text": "Me again", "epoch": 2}
    assert (await site.bot("POST", f"/{conversation_id}/messages", json=body))[0] == 202


@pytest.mark.parametrize("keys", [(), ("",), ("other",)])
async def test_without_its_key_nobody_is_let_in(keys: tuple[str, ...]) -> None:
    """With no key configured, or another, every call gets 401; an empty key opens nothing."""
    async with serve(api_keys=keys) as site:
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer key"}):
            path = "/v1/bot/conversations"
            assert (await site.ask("POST", path, json={"customer": {}}, headers=headers))[0] == 401


async def test_a_store_that_is_away_is_told_to_the_bot(site: Site) -> None:
    """Nothing is acknowledged that was not stored."""
    conversation_id = await begin(site)
    site.core.fail = True
    body = {"client_id": "1", "role": "customer", "text": "Hello"}
    assert (await site.bot("POST", f"/{conversation_id}/messages", json=body))[0] == 503
    site.core.fail = False
    assert (await site.bot("POST", f"/{conversation_id}/messages", json=body))[0] == 202


async def test_a_bot_fetches_what_was_attached(site: Site) -> None:
    """The address in a message is one that the key opens, for this conversation's files alone."""
    customer, other = await site.open(), await site.open()
    _, kept = await customer.upload("a.txt", b"hello")
    await customer.ask(
        "POST", "/v1/messages", json={"client_id": "1", "text": "", "attachments": [kept["id"]]}
    )
    _, page = await site.bot("GET", f"/{customer.id}/messages")
    address = page["messages"][0]["attachments"][0]["url"]
    assert address == f"/v1/bot/conversations/{customer.id}/files/{kept['id']}"
    assert await site.bot("GET", address.removeprefix("/v1/bot/conversations")) == (200, b"hello")
    assert (await site.bot("GET", f"/{other.id}/files/{kept['id']}"))[0] == 404
    assert (await customer.ask("GET", address))[0] == 401
    _, page = await customer.ask("GET", "/v1/messages")
    assert page["messages"][0]["attachments"][0]["url"] == f"/v1/files/{kept['id']}"


async def test_a_bot_begins_anew_after_a_restored_backup(site: Site) -> None:
    """A cursor of a log that was longer leads to the beginning, not past what will be said."""
    first = await begin(site, messages=[words("1", "a"), words("2", "b")])
    _, page = await site.bot("GET", f"/{first}/messages?after=500&limit=1")
    assert ([m["text"] for m in page["messages"]], page["cursor"], page["more"]) == (["a"], 1, True)
    _, page = await site.bot("GET", f"/{first}/messages?after=2")
    assert (page["messages"], page["cursor"]) == ([], 2)
    assert (await site.bot("GET", "/c_unknown/messages?after=9"))[0] == 404
