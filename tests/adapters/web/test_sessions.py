"""Whose conversation it is: tokens, verified customers, and what is told of them."""

import time
from typing import Any

import pytest

from adapters.web.visitors import Pass, Visitors
from bridge.domain.ids import ConversationId
from tests.adapters.web.fakes import ShiftedClock
from tests.adapters.web.site import IDENTITY_SECRET, Site, identity, serve


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a good identity, changed."""
    return {"sub": "ada-1", "exp": int(time.time()) + 600, **changes}


async def test_a_token_resumes_its_conversation(site: Site) -> None:
    """A known token goes on with its conversation, under a new token, on any device."""
    first = await site.open(name="Ada")
    await first.say("Hello")
    site.clock.shift += 5
    second = await site.open(token=first.session["token"])
    assert (second.id, second.session["resumed"]) == (first.id, True)
    assert second.session["token"] != first.session["token"]
    _, page = await second.ask("GET", "/v1/messages")
    assert [message["text"] for message in page["messages"]] == ["Hello"]


@pytest.mark.parametrize("token", ["made-up", "a.b", "", "é", "x" * 1000, "ey.ey.ey"])
async def test_a_made_up_token_begins_anew(site: Site, token: str) -> None:
    """A token that is not ours is not taken over: another conversation, another token."""
    customer = await site.open(token=token)
    assert customer.session["resumed"] is False
    assert customer.session["token"] != token


async def test_an_old_token_begins_anew(site: Site) -> None:
    """After thirty days without a visit a token is over, for every call."""
    customer = await site.open()
    site.clock.shift += 30 * 86_400 + 1
    assert (await customer.ask("GET", "/v1/conversation"))[0] == 401
    again = await site.open(token=customer.session["token"])
    assert again.id != customer.id


async def test_an_erased_conversation_is_not_brought_back(site: Site) -> None:
    """The token of an erased conversation opens another one, under another id."""
    customer = await site.open()
    site.core.erase(customer.id)
    again = await site.open(token=customer.session["token"])
    assert again.session["resumed"] is False
    assert again.id != customer.id


async def test_a_verified_customer_is_the_same_everywhere(site: Site) -> None:
    """The same verified customer gets the same conversation without any token."""
    first = await site.open(identity=identity(claims(name="Ada", email="ada@example.org")))
    second = await site.open(identity=identity(claims()))
    assert (second.id, second.session["resumed"]) == (first.id, True)
    known = site.core.conversations[first.id].customer
    assert (known.external_id, known.name, known.email) == ("ada-1", "Ada", "ada@example.org")


async def test_two_verified_customers_are_two(site: Site) -> None:
    """Another subject is another conversation."""
    first = await site.open(identity=identity(claims()))
    assert (await site.open(identity=identity(claims(sub="ben-2")))).id != first.id


async def test_an_anonymous_talk_never_becomes_a_verified_one(site: Site) -> None:
    """A token with an identity opens the identity's conversation; the anonymous one stays apart."""
    anonymous = await site.open(name="Eve")
    await anonymous.say("whose words are these?")
    verified = await site.open(token=anonymous.session["token"], identity=identity(claims()))
    assert verified.id != anonymous.id
    _, page = await verified.ask("GET", "/v1/messages")
    assert page["messages"] == []
    assert site.core.conversations[verified.id].customer.name is None
    assert site.core.conversations[anonymous.id].customer.external_id is None


async def test_a_page_cannot_rename_a_verified_customer(site: Site) -> None:
    """Name and address of a verified customer come from the site's signature alone."""
    verified = await site.open(identity=identity(claims(name="Ada")), name="Mallory")
    await site.open(token=verified.session["token"], name="Mallory", email="m@example.org")
    known = site.core.conversations[verified.id].customer
    assert (known.name, known.email) == ("Ada", None)


async def test_what_is_told_is_learned(site: Site) -> None:
    """Name, address, language, page and attributes reach the conversation; silence forgets none."""
    page = "https://shop.example/cart?x=1"
    first = await site.open(
        name="Ada",
        email="ada@example.org",
        locale="fr-CA",
        page_url=page,
        attributes={"plan": "pro"},
    )
    await site.open(token=first.session["token"], attributes={"cart": "2"})
    known = site.core.conversations[first.id].customer
    assert (known.name, known.email, known.locale) == ("Ada", "ada@example.org", "fr-CA")
    assert (known.page_url, known.attributes) == (page, {"plan": "pro", "cart": "2"})


async def test_opening_again_without_news_stores_nothing(site: Site) -> None:
    """Reloading a page does not fill the database."""
    first = await site.open(name="Ada", locale="en")
    before = len(site.core.facts)
    await site.open(token=first.session["token"], name="Ada", locale="en")
    assert len(site.core.facts) == before


async def test_attributes_cannot_pile_up(site: Site) -> None:
    """A conversation takes a bounded number of attributes over all its sessions."""
    first = await site.open(attributes={f"a{n}": "x" for n in range(50)})
    token = first.session["token"]
    await site.open(token=token, attributes={f"b{n}": "x" for n in range(50)})
    status, problem = await site.ask(
        "POST", "/v1/sessions", json={"token": token, "attributes": {"c": "x"}}
    )
    assert (status, problem["field"]) == (422, "attributes")


async def test_the_widget_is_told_what_it_needs(site: Site) -> None:
    """The configuration names the limits and whether somebody is at the desk."""
    customer = await site.open()
    assert customer.session["config"] == {
        "name": "Support",
        "accent": None,
        "max_text": 10_000,
        "max_attachments": 10,
        "max_file_bytes": 200_000,
        "human_available": True,
    }


NOW = int(time.time())
GOOD = claims()
HS256 = {"alg": "HS256", "typ": "JWT"}

FORGED = {
    "alg none": identity(GOOD, {"alg": "none"}),
    "alg None": identity(GOOD, {"alg": "None"}),
    "alg NONE": identity(GOOD, {"alg": "NONE"}),
    "alg nOnE": identity(GOOD, {"alg": "nOnE"}),
    "no alg": identity(GOOD, {"typ": "JWT"}),
    "alg hs256": identity(GOOD, {"alg": "hs256"}),
    "alg RS256": identity(GOOD, {"alg": "RS256"}),
    "alg HS512": identity(GOOD, {"alg": "HS512"}),
    "other type": identity(GOOD, {"alg": "HS256", "typ": "at+jwt"}),
    "kid": identity(GOOD, {**HS256, "kid": "../../etc/passwd"}),
    "jku": identity(GOOD, {**HS256, "jku": "https://evil.example/keys"}),
    "jwk": identity(GOOD, {**HS256, "jwk": {"kty": "oct", "k": "AA"}}),
    "x5u": identity(GOOD, {**HS256, "x5u": "https://evil.example/cert"}),
    "crit": identity(GOOD, {**HS256, "crit": ["exp"]}),
    "other secret": identity(GOOD, secret="another-secret"),
    "empty secret": identity(GOOD, secret=""),
    "no signature": identity(GOOD).rpartition(".")[0] + ".",
    "two parts": identity(GOOD).rpartition(".")[0],
    "four parts": identity(GOOD) + ".x",
    "padded": identity(GOOD) + "=",
    "space": identity(GOOD) + " ",
    "no exp": identity({"sub": "ada-1"}),
    "exp null": identity(claims(exp=None)),
    "exp text": identity(claims(exp=str(NOW + 600))),
    "exp float": identity(claims(exp=NOW + 600.5)),
    "exp true": identity(claims(exp=True)),
    "exp huge": identity(claims(exp=10**20)),
    "expired": identity(claims(exp=NOW - 1)),
    "too far": identity(claims(exp=NOW + 2 * 3600)),
    "not yet": identity(claims(nbf=NOW + 600)),
    "issued in the future": identity(claims(iat=NOW + 600)),
    "no sub": identity({"exp": NOW + 600}),
    "empty sub": identity(claims(sub="")),
    "sub number": identity(claims(sub=7)),
    "sub with newline": identity(claims(sub="ada\nsession")),
    "sub long": identity(claims(sub="x" * 201)),
    "name object": identity(claims(name={"first": "Ada"})),
    "surrogate": identity(claims(name="\ud800")),
    "claims list": identity([]),  # type: ignore[arg-type]
    "claims text": identity("x"),  # type: ignore[arg-type]
    "not json": "e30.e30x.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "not base64": "ab!d.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_doubtful_identity_is_refused(site: Site, name: str) -> None:
    """Whatever is wrong with an identity: 401 naming the field, and nothing is stored."""
    status, problem = await site.ask("POST", "/v1/sessions", json={"identity": FORGED[name]})
    assert (status, problem["field"]) == (401, "identity")
    assert site.core.facts == []


async def test_a_good_identity_is_the_control(site: Site) -> None:
    """The identity all the doubtful ones were made from is accepted."""
    assert (await site.open(identity=identity(GOOD))).session["resumed"] is False


async def test_an_expired_identity_was_once_good(site: Site) -> None:
    """An identity is refused as soon as its time is over."""
    signed = identity(claims(exp=int(time.time()) + 60))
    await site.open(identity=signed)
    site.clock.shift += 61
    status, problem = await site.ask("POST", "/v1/sessions", json={"identity": signed})
    assert (status, "expired" in problem["detail"]) == (401, True)


async def test_without_a_secret_nobody_is_vouched_for() -> None:
    """Where identities are not set up, even one signed with nothing is refused."""
    async with serve(identity_secret="") as site:
        for signed in (identity(GOOD, secret=""), identity(GOOD, secret=IDENTITY_SECRET)):
            status, problem = await site.ask("POST", "/v1/sessions", json={"identity": signed})
            assert (status, "HANDOFF_IDENTITY_SECRET" in problem["detail"]) == (401, True)


async def test_a_flood_of_new_conversations_is_held_up() -> None:
    """One address can open many conversations, but not without end; resuming goes on."""
    async with serve(rate_limits=True) as site:
        first = await site.open()
        statuses = [(await site.ask("POST", "/v1/sessions", json={}))[0] for _ in range(120)]
        assert (statuses[0], statuses[-1]) == (201, 429)
        assert (await site.open(token=first.session["token"])).session["resumed"] is True


def visitors() -> Visitors:
    """Return an issuer of tokens that remembers two."""
    return Visitors(b"secret", ShiftedClock(), remembered=2)


def test_a_token_is_good_for_one_thing() -> None:
    """A ticket for a stream opens no session, and the other way round."""
    issuer = visitors()
    ticket = issuer.issue(ConversationId("c_1"), good_for=Pass.STREAM)
    assert issuer.verify(ticket, Pass.STREAM).conversation_id == "c_1"
    with pytest.raises(Exception, match="not valid"):
        issuer.verify(ticket, Pass.SESSION)


def test_no_letter_of_a_token_can_be_changed() -> None:
    """Every token that differs in one letter, or is spelled differently, is refused."""
    issuer = visitors()
    token = issuer.issue(ConversationId("c_1"), "ada")
    altered = [
        token[:i] + ("B" if letter == "A" else "A") + token[i + 1 :]
        for i, letter in enumerate(token)
        if letter != "."
    ]
    for wrong in (*altered, token + "=", token + "A", f" {token}", token.replace(".", "..")):
        with pytest.raises(Exception, match="not valid"):
            issuer.verify(wrong, Pass.SESSION)


def test_another_secret_makes_other_tokens() -> None:
    """What another installation signed is nothing here."""
    other = Visitors(b"other", ShiftedClock())
    with pytest.raises(Exception, match="not valid"):
        visitors().verify(other.issue(ConversationId("c_1")), Pass.SESSION)


def test_what_is_remembered_is_bounded_and_still_expires() -> None:
    """Many tokens do not fill the memory, and remembering one does not make it immortal."""
    clock = ShiftedClock()
    issuer = Visitors(b"secret", clock, remembered=2)
    tokens = [issuer.issue(ConversationId(f"c_{n}")) for n in range(5)]
    for token in tokens:
        issuer.verify(token, Pass.SESSION)
    assert len(issuer) == 2
    assert issuer.verify(tokens[0], Pass.SESSION).conversation_id == "c_0"
    clock.shift = 31 * 86_400
    with pytest.raises(Exception, match="not valid"):
        issuer.verify(tokens[0], Pass.SESSION)


@pytest.mark.parametrize(
    "name",
    [
        "   ",
        "\ufe0f\U000e0100",
        "\u180b\u180f",
        "\u202e",
        "\u200b\u200b",
        "\u3164",
        "\u00a0\ufeff",
        "",
    ],
)
async def test_a_name_with_nothing_to_see_is_none(site: Site, name: str) -> None:
    """Of the page's own and of a signed one; what was known before stays."""
    customer = await site.open(name=name)
    assert site.core.conversations[customer.id].customer.name is None
    await site.open(name="Ada", token=customer.session["token"])
    await site.open(name=name, token=customer.session["token"])
    assert site.core.conversations[customer.id].customer.name == "Ada"
    signed = identity(claims(name=name))
    known = await site.open(identity=signed)
    assert site.core.conversations[known.id].customer.name is None


@pytest.mark.parametrize("name", ["\u202eada", "👩\u200d🚀", "é", "ไ", "."])
async def test_a_name_with_something_to_see_stays(site: Site, name: str) -> None:
    """Letter by letter, with what turns or joins it."""
    customer = await site.open(name=name)
    assert site.core.conversations[customer.id].customer.name == name
