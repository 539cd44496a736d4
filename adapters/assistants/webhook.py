"""An outside assistant asked over HTTP: a signed question out, the answer in the response.

The request follows Standard Webhooks; its id is the question's key, the same on every attempt. An
answer of 202 means that the real one comes later by the bot API.
"""

import json
from collections.abc import Mapping

import aiohttp
from yarl import URL

from adapters.assistants.answers import BrokenReply, answer_in, spoken
from adapters.assistants.failures import SecondChances
from adapters.assistants.settings import AssistantSettings
from adapters.moments import rfc3339
from adapters.outbound import (
    TooMuch,
    checked_url,
    read_at_most,
    retry_after,
    unreachable,
)
from adapters.webhooks import Keys, envelope, signed_headers, signing_keys
from bridge.domain.conversation import Customer
from bridge.domain.delivery import Answer
from bridge.domain.errors import ConfigurationError, DeliveryError, Refused, TryAgain, check_all
from bridge.domain.messages import Message, Role
from bridge.ports.assistant import Draft, Question
from bridge.ports.core import Clock

WHO = "the outside assistant"
EVENT = "message.created"

LATER = 202
TAKEN = frozenset({200, 201})
PASSING = frozenset({408, 409, 425, 429})


class WebhookAssistant:
    """Asks an outside assistant."""

    def __init__(
        self, settings: AssistantSettings, session: aiohttp.ClientSession, clock: Clock
    ) -> None:
        check_all(lambda: question_url(settings), lambda: question_keys(settings))
        self._url = question_url(settings)
        self._keys = question_keys(settings)
        self._patience = settings.patience
        self._bounds = settings.bounds
        self._session = session
        self._clock = clock
        self._chances = SecondChances()

    async def answer(self, question: Question, draft: Draft) -> Answer:  # noqa: ARG002 -- no stream
        """Return the outside assistant's answer, or that it comes later."""
        try:
            answer = await self._ask(question)
        except (BrokenReply, TooMuch) as error:
            raise self._chances.failure(question.key, f"{WHO}: {error}") from None
        self._chances.forget(question.key)
        return spoken(answer, question.customer.locale)

    async def _ask(self, question: Question) -> Answer:
        """Make one call."""
        now = self._clock.wall()
        body = envelope(EVENT, asked_at(question, now), data_of(question))
        arrived = False
        try:
            async with self._session.post(
                self._url,
                data=body,
                headers=signed_headers(self._keys, question.key, now, body),
                timeout=self._patience.timeout(),
                allow_redirects=False,
            ) as response:
                if response.status == LATER:
                    return Answer(later=True)
                if response.status not in TAKEN:
                    raise failure(response.status, response.headers.get("Retry-After"), now)
                arrived = True
                content = await read_at_most(response, self._bounds.body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if arrived:
                raise BrokenReply("it stopped within its reply") from None
            raise unreachable(WHO, error) from None
        return answer_in(_json(content), self._bounds.answer)


def question_url(settings: AssistantSettings) -> URL:
    """Return where questions are sent; raises `ConfigurationError`."""
    return checked_url("HANDOFF_ASSISTANT_URL", settings.url)


def question_keys(settings: AssistantSettings) -> Keys | None:
    """Return the signing keys; raises `ConfigurationError` when questions would go unsigned.

    Only an assistant on this very machine may be asked without a signature.
    """
    if settings.secret:
        return signing_keys("HANDOFF_WEBHOOK_SECRET", settings.secret)
    host = _host_in(settings.url)
    if not host:
        # Whether a signature is wanted is not known either: what is wrong with the address is.
        question_url(settings)
    if host in {"localhost", "127.0.0.1", "::1"}:
        return None
    raise ConfigurationError(
        ["HANDOFF_WEBHOOK_SECRET: it is missing; questions to another machine are signed with it"]
    )


def _host_in(address: str) -> str:
    """Return the host that an address names, be it one that may be called or not."""
    try:
        return URL(address.strip()).host or ""
    except ValueError:
        return ""


def failure(status: int, wait: str | None, now: float) -> DeliveryError:
    """Return what a status that brings no answer means."""
    if status in PASSING or status >= 500:  # noqa: PLR2004 -- the receiver's own failures
        return TryAgain(f"{WHO} answered {status}", retry_after(wait, now))
    if 300 <= status < 400:  # noqa: PLR2004 -- redirects
        return Refused(
            f"{WHO} redirects ({status}): set HANDOFF_ASSISTANT_URL to the final address"
        )
    if status == 204:  # noqa: PLR2004 -- taken, without an answer
        return Refused(f"{WHO} answered 204, no content: 202 says that the answer comes later")
    return Refused(f"{WHO} refused the question ({status}): check HANDOFF_ASSISTANT_URL")


def asked_at(question: Question, now: float) -> float:
    """Return when the customer wrote what is asked: the same on every attempt."""
    return question.turns[-1].sent_at if question.turns else now


def data_of(question: Question) -> dict[str, object]:
    """Return the question as plain JSON."""
    messages = [message_json(message) for message in question.turns if not message.deleted]
    newest = next((m for m in reversed(messages) if m["role"] == Role.CUSTOMER.value), None)
    return {
        "conversation_id": question.conversation_id,
        "epoch": question.epoch,
        "message": newest,
        "messages": messages,
        "customer": customer_json(question.customer),
    }


def message_json(message: Message) -> dict[str, object]:
    """Return one message as plain JSON."""
    files = [
        {"id": file.id, "name": file.name, "media_type": file.media_type, "size": file.size}
        for file in message.attachments
    ]
    return {
        "id": message.id,
        "seq": message.seq,
        "role": message.role.value,
        "author": {"name": message.author.name, "avatar_url": message.author.avatar_url},
        "text": message.text,
        "attachments": files,
        "sent_at": rfc3339(message.sent_at),
    }


def customer_json(customer: Customer) -> dict[str, object]:
    """Return what is known of the customer as plain JSON."""
    return {
        "name": customer.name,
        "email": customer.email,
        "locale": customer.locale,
        "page_url": customer.page_url,
        "external_id": customer.external_id,
        "attributes": dict(customer.attributes),
    }


def _json(content: bytes) -> Mapping[str, object]:
    """Return the JSON object in a response; raises `BrokenReply`."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise BrokenReply("its reply is not JSON") from None
    if not isinstance(found, dict):
        raise BrokenReply("its reply must be a JSON object")
    return found
