"""The outside assistant, asked over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.assistants import AssistantSettings, Bounds
from adapters.assistants.phrases import phrase
from adapters.assistants.webhook import WebhookAssistant
from adapters.outbound import Patient, open_session
from bridge.domain.delivery import Answer
from bridge.domain.errors import ConfigurationError, Refused, TryAgain
from bridge.domain.messages import Role
from tests.adapters.assistants.asking import no_draft, question
from tests.clocks import START, HandClock
from tests.servers.assistant_webhook import (
    SECRET,
    FakeReceiver,
    dies,
    dies_within,
    drips,
    hangs,
    replies,
    sends,
)


@pytest.fixture
async def receiver() -> AsyncIterator[FakeReceiver]:
    """An outside assistant that answers until told otherwise."""
    async with FakeReceiver() as receiver:
        receiver.next(replies({"text": "On its way."}))
        yield receiver


@pytest.fixture
def clock() -> HandClock:
    """A clock that the test moves."""
    return HandClock()


@pytest.fixture
async def assistant(receiver: FakeReceiver, clock: HandClock) -> AsyncIterator[WebhookAssistant]:
    """An assistant with short patience and small bounds."""
    settings = AssistantSettings(
        url=receiver.url,
        secret=SECRET,
        patience=Patient(connect=1.0, first_byte=0.3, total=0.8),
        bounds=Bounds(answer=400, body=50_000),
    )
    async with open_session() as session:
        yield WebhookAssistant(settings, session, clock)


async def ask(assistant: WebhookAssistant, key: str = "q1") -> Answer:
    """Ask one question."""
    return await assistant.answer(question("Where is my parcel?", key=key), no_draft)


class TestQuestion:
    async def test_it_is_signed(self, receiver: FakeReceiver, assistant: WebhookAssistant) -> None:
        """Whoever knows the secret can check id, time and body."""
        await ask(assistant)
        came = receiver.received[0]
        assert came.headers["webhook-id"] == "q1"
        assert came.headers["webhook-timestamp"] == str(int(START))
        assert came.is_signed_with(SECRET)

    async def test_what_it_tells(self, receiver: FakeReceiver, assistant: WebhookAssistant) -> None:
        """The event, the talk with the people in it, the customer, the epoch to answer under."""
        asked = question("Late!", (Role.TEAMMATE, "I have asked."), "And?", locale="fr")
        await assistant.answer(asked, no_draft)
        body = receiver.received[0].body
        assert body["type"] == "message.created"
        assert body["timestamp"] == "2027-01-15T08:00:03.000Z"
        data = body["data"]
        assert data["conversation_id"] == "c_1"
        assert data["epoch"] == 3
        assert data["message"]["text"] == "And?"
        assert [(m["role"], m["author"]["name"]) for m in data["messages"]] == [
            ("customer", "Mia"),
            ("teammate", "Zoë Ann"),
            ("customer", "Mia"),
        ]
        assert data["customer"]["locale"] == "fr"

    async def test_every_attempt_is_the_same_question(
        self, receiver: FakeReceiver, assistant: WebhookAssistant, clock: HandClock
    ) -> None:
        """A second attempt has the same id and body under a new time and signature."""
        receiver.next(replies({}, 503), replies({"text": "On its way."}))
        with pytest.raises(TryAgain):
            await ask(assistant)
        clock.advance(30)
        await ask(assistant)
        first, second = receiver.received
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.content == second.content
        assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
        assert second.is_signed_with(SECRET)


class TestAnswers:
    @pytest.mark.parametrize(
        ("reply", "answer"),
        [
            ({"text": "Yes."}, Answer(text="Yes.")),
            ({"messages": [{"text": "Yes."}, {"text": "Soon."}]}, Answer(text="Yes.\n\nSoon.")),
            (
                {"text": "No idea.", "failed": True, "confidence": 0.1, "name": "Robo"},
                Answer(text="No idea.", failed=True, confidence=0.1, name="Robo"),
            ),
            ({"failed": True}, Answer(text=phrase("unknown", "en"), failed=True)),
            (
                {"escalate": {"reason": "refund", "summary": "s", "urgency": "high"}},
                Answer(escalate="refund", summary="s", urgency="high"),
            ),
            (
                {"text": "One moment.", "escalate": {"reason": "refund"}},
                Answer(text="One moment.", escalate="refund"),
            ),
            ({"escalate": "refund"}, Answer(escalate="refund")),
            ({"escalate": True}, Answer(escalate="the assistant asked for a person")),
            ({"text": "Yes.", "escalate": None, "extra": [1]}, Answer(text="Yes.")),
            ({"text": "a\x00b\r\nc\ud800"}, Answer(text="ab\nc")),
        ],
    )
    async def test_shapes(
        self, receiver: FakeReceiver, assistant: WebhookAssistant, reply: Any, answer: Answer
    ) -> None:
        """Each documented shape of a reply is understood."""
        receiver.next(replies(reply))
        assert await ask(assistant) == answer

    async def test_later(self, receiver: FakeReceiver, assistant: WebhookAssistant) -> None:
        """202 means that the answer comes by the bot API."""
        receiver.next(sends(b"", 202))
        assert await ask(assistant) == Answer(later=True)

    @pytest.mark.parametrize(
        ("reply", "field"),
        [
            ({}, "neither"),
            ([], "object"),
            ("text", "object"),
            ({"text": 7}, "`text`"),
            ({"messages": {}}, "`messages`"),
            ({"messages": [{"text": "a"}, {"txt": "b"}]}, r"`messages\[1\].text`"),
            ({"messages": []}, "neither"),
            ({"escalate": [1]}, "`escalate`"),
            ({"escalate": {"reason": 7}}, "`escalate.reason`"),
            ({"text": "a", "failed": "no"}, "`failed`"),
            ({"text": "a", "confidence": 7}, "`confidence`"),
            ({"text": "a" * 401}, "longer than 400"),
        ],
    )
    async def test_a_wrong_reply_names_its_field(
        self, receiver: FakeReceiver, assistant: WebhookAssistant, reply: Any, field: str
    ) -> None:
        """A reply that is no answer is asked for once more, then refused, naming the field."""
        receiver.next(replies(reply))
        with pytest.raises(TryAgain, match=field):
            await ask(assistant)
        with pytest.raises(Refused, match=field):
            await ask(assistant)


class TestEndings:
    @pytest.mark.parametrize(
        "behaviour",
        [
            sends(b"<html>"),
            sends(b"[" * 40_000),
            sends(b"x" * 10_000_000),
            dies_within,
            drips,
        ],
        ids=["not JSON", "deep JSON", "10 MB", "dies within", "drips"],
    )
    async def test_a_broken_reply_is_asked_for_once_more(
        self, receiver: FakeReceiver, assistant: WebhookAssistant, behaviour: Any
    ) -> None:
        """Whatever breaks within a reply ends in time: once more, then refused."""
        receiver.next(behaviour)
        async with asyncio.timeout(4):
            with pytest.raises(TryAgain):
                await ask(assistant)
            with pytest.raises(Refused):
                await ask(assistant)

    @pytest.mark.parametrize("behaviour", [hangs, dies], ids=["hangs", "dies at once"])
    async def test_nothing_came(
        self, receiver: FakeReceiver, assistant: WebhookAssistant, behaviour: Any
    ) -> None:
        """Before any reply has begun, later may help, however often."""
        receiver.next(behaviour)
        for _ in range(3):
            with pytest.raises(TryAgain):
                await ask(assistant)

    async def test_too_many_requests(
        self, receiver: FakeReceiver, assistant: WebhookAssistant
    ) -> None:
        """The receiver may say when to come again."""
        receiver.next(replies({}, 429, {"Retry-After": "9"}))
        with pytest.raises(TryAgain) as failure:
            await ask(assistant)
        assert failure.value.after == 9.0

    @pytest.mark.parametrize("status", [204, 302, 400, 401, 404, 410])
    async def test_lasting_trouble(
        self, receiver: FakeReceiver, assistant: WebhookAssistant, status: int
    ) -> None:
        """What will not change by itself is refused at once, and no redirect is followed."""
        receiver.next(sends(b"", status, {"Location": receiver.url}))
        with pytest.raises(Refused):
            await ask(assistant)
        assert len(receiver.received) == 1


class TestSettings:
    async def test_only_this_machine_is_asked_unsigned(self, receiver: FakeReceiver) -> None:
        """Without a secret, an assistant on this machine is asked, and no other."""
        receiver.next(replies({"text": "Hi."}))
        async with open_session() as session:
            near = WebhookAssistant(AssistantSettings(url=receiver.url), session, HandClock())
            assert (await ask(near)).text == "Hi."
            assert "webhook-signature" not in receiver.received[0].headers
            with pytest.raises(ConfigurationError, match="HANDOFF_WEBHOOK_SECRET"):
                WebhookAssistant(
                    AssistantSettings(url="https://bot.example.com/"), session, HandClock()
                )
