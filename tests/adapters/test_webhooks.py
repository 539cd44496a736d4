"""Outgoing webhooks, received by a server that checks them with code of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from adapters.outbound import Patient, open_session
from adapters.webhooks import Keys, WebhookSender, signature, signed_headers, signing_keys
from bridge.domain.delivery import TellMessage
from bridge.domain.errors import ConfigurationError, Refused, TryAgain
from bridge.domain.ids import ConversationId, FileId, MessageId, PostRef
from bridge.domain.messages import Attachment, Author, Message, Role
from tests.adapters.assistants.test_examples import SHOWN
from tests.clocks import START, HandClock
from tests.servers.assistant_webhook import SECRET, FakeReceiver, dies, drips, hangs, replies, sends

OTHER = "whsec_b3RoZXIgc2VjcmV0IG9mIGEgZmV3IGJ5dGVz"


@pytest.fixture
async def receiver() -> AsyncIterator[FakeReceiver]:
    """A receiver that takes everything until told otherwise."""
    async with FakeReceiver() as receiver:
        receiver.next(sends(b"", 204))
        yield receiver


@pytest.fixture
async def sender(receiver: FakeReceiver) -> AsyncIterator[WebhookSender]:
    """A sender with short patience, in the middle of changing its secret."""
    keys = signing_keys("HANDOFF_WEBHOOK_SECRET", f"{SECRET} {OTHER}")
    async with open_session() as session:
        yield WebhookSender(URL(receiver.url), keys, session, HandClock(), Patient(1, 0.3, 0.6))


class TestSignature:
    def test_the_reference_vector(self) -> None:
        """The vector that the specification's own libraries test with comes out the same."""
        keys = signing_keys("X", SECRET)
        made = signature(
            keys.keys[0], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
        )
        assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    def test_a_secret_without_prefix_is_its_bytes(self) -> None:
        """Any other string signs as it is written."""
        assert signing_keys("X", "swordfish") == Keys((b"swordfish",))

    @pytest.mark.parametrize("secret", ["", "   ", "whsec_", "whsec_not base64!", "whsec_*"])
    def test_useless_secrets_are_named(self, secret: str) -> None:
        """A secret that cannot sign is refused with the setting's name, and is not repeated."""
        with pytest.raises(ConfigurationError, match="HANDOFF_WEBHOOK_SECRET") as failure:
            signing_keys("HANDOFF_WEBHOOK_SECRET", secret)
        assert "base64!" not in str(failure.value)

    def test_keys_are_in_no_log(self) -> None:
        """The picture of the keys shows how many there are."""
        assert repr(signing_keys("X", "swordfish")) == "Keys(1 hidden)"

    def test_without_keys_there_is_no_signature(self) -> None:
        """Id and time are sent all the same."""
        assert "webhook-signature" not in signed_headers(None, "d_1", START, b"{}")


class TestSend:
    async def test_what_arrives(self, receiver: FakeReceiver, sender: WebhookSender) -> None:
        """Type, time and data; the id of the delivery; a signature by each secret."""
        await sender.send("d_1", "handoff.claimed", {"conversation_id": "c_1"}, at=START - 60)
        came = receiver.received[0]
        assert came.body == {
            "type": "handoff.claimed",
            "timestamp": "2027-01-15T07:59:00.000Z",
            "data": {"conversation_id": "c_1"},
        }
        assert came.headers["webhook-id"] == "d_1"
        assert came.headers["Content-Type"] == "application/json"
        assert came.is_signed_with(SECRET)
        assert came.is_signed_with(OTHER)

    async def test_words_of_any_kind(self, receiver: FakeReceiver, sender: WebhookSender) -> None:
        """Accents arrive as they are; half a character cannot break the body."""
        await sender.send("d_1", "message.created", {"text": "café \ud800"})
        assert receiver.received[0].body["data"]["text"] == "café ?"

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
    async def test_what_may_pass_is_tried_again(
        self, receiver: FakeReceiver, sender: WebhookSender, status: int
    ) -> None:
        """A receiver may be in the middle of a deployment."""
        receiver.next(replies({}, status, {"Retry-After": "3"}))
        with pytest.raises(TryAgain) as failure:
            await sender.send("d_1", "message.created", {})
        assert failure.value.after == 3.0

    async def test_a_wait_of_no_time_is_none(
        self, receiver: FakeReceiver, sender: WebhookSender
    ) -> None:
        """Such an attempt counts like any other, and the next one is not made at once."""
        receiver.next(replies({}, 503, {"Retry-After": "0"}))
        with pytest.raises(TryAgain) as failure:
            await sender.send("d_1", "message.created", {})
        assert failure.value.after is None

    @pytest.mark.parametrize("status", [301, 307, 410, 413])
    async def test_what_cannot_pass_is_refused(
        self, receiver: FakeReceiver, sender: WebhookSender, status: int
    ) -> None:
        """Gone, too large, moved: repeating is of no use, and no redirect is followed."""
        receiver.next(sends(b"", status, {"Location": receiver.url}))
        with pytest.raises(Refused):
            await sender.send("d_1", "message.created", {})
        assert len(receiver.received) == 1

    @pytest.mark.parametrize("behaviour", [hangs, dies], ids=["hangs", "dies"])
    async def test_an_unknown_end_is_tried_again(
        self, receiver: FakeReceiver, sender: WebhookSender, behaviour: Any
    ) -> None:
        """It may have arrived; the receiver tells by the id that it is the same."""
        receiver.next(behaviour, sends(b"", 204))
        async with asyncio.timeout(3):
            with pytest.raises(TryAgain):
                await sender.send("d_1", "message.created", {})
            await sender.send("d_1", "message.created", {})
        assert {came.headers["webhook-id"] for came in receiver.received} == {"d_1"}

    async def test_an_endless_answer_is_not_read(
        self, receiver: FakeReceiver, sender: WebhookSender
    ) -> None:
        """The status is all that counts: what follows is not waited for, nor sent for again."""
        receiver.next(drips)
        await sender.send("d_1", "message.created", {})
        assert len(receiver.received) == 1

    async def test_so_many_calls_are_made_at_once(self, receiver: FakeReceiver) -> None:
        """A receiver that is slow is called twice at a time where two are allowed, by all five."""
        now, most = 0, 0

        async def takes_its_time(_: FakeReceiver, request: web.Request) -> web.StreamResponse:
            nonlocal now, most
            now, most = now + 1, max(most, now + 1)
            await asyncio.sleep(0.05)
            now -= 1
            return web.Response()

        receiver.next(takes_its_time)
        async with open_session() as session:
            sender = WebhookSender(URL(receiver.url), None, session, HandClock(), most=2)
            await asyncio.gather(*(sender.send(f"d_{n}", "message.created", {}) for n in range(5)))
        assert most == 2
        assert len(receiver.received) == 5

    async def test_what_finds_no_place_in_time_is_tried_again(self, receiver: FakeReceiver) -> None:
        """It was never sent, does not wait without an end, and is no attempt that is counted."""
        async with open_session() as session:
            patient = Patient(0.1, 0.1, 0.1)
            sender = WebhookSender(URL(receiver.url), None, session, HandClock(), patient, most=0)
            with pytest.raises(TryAgain) as failure:
                await sender.send("d_1", "message.created", {})
        assert failure.value.after == 1.0
        assert receiver.received == []

    async def test_what_waited_has_its_whole_time(self, receiver: FakeReceiver) -> None:
        """The wait for a place takes nothing from the call: three in a row take 0.4 s of 1 each."""

        async def takes_its_time(_: FakeReceiver, request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(0.4)
            return web.Response()

        receiver.next(takes_its_time)
        async with open_session() as session:
            patient = Patient(1, 1, 1)
            sender = WebhookSender(URL(receiver.url), None, session, HandClock(), patient, most=1)
            await asyncio.gather(*(sender.send(f"d_{n}", "message.created", {}) for n in range(3)))
        assert [came.headers["webhook-id"] for came in receiver.received] == ["d_0", "d_1", "d_2"]


REPLY = Message(
    MessageId("m_c_1_7"),
    ConversationId("c_1"),
    7,
    9,
    Role.TEAMMATE,
    Author("Ann", "https://pictures.example/ann.png", "slack:U1"),
    "Your new parcel is on its way.",
    START - 60,
    (Attachment(FileId("f_1"), "label.pdf", "application/pdf", 48213),),
    edited_at=START - 30,
    post=PostRef("slack:C1:7"),
)


class TestTell:
    async def test_a_message_in_its_public_form(
        self, receiver: FakeReceiver, sender: WebhookSender
    ) -> None:
        """What is documented is what is sent: what the customer sees, nothing of the desk."""
        await sender.tell("d_1", TellMessage("message.updated", 7), REPLY, START - 30)
        assert receiver.received[0].body == json.loads(SHOWN["event"])
        assert receiver.received[0].is_signed_with(SECRET)

    async def test_what_a_bot_put_in(self, receiver: FakeReceiver, sender: WebhookSender) -> None:
        """It comes with the id that the bot gave."""
        await sender.tell("d_1", TellMessage("message.created", 7, "b1"), REPLY, START)
        assert receiver.received[0].body["data"]["client_id"] == "b1"
