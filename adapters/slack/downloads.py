"""Files from Slack: fetched with the token from known hosts only, and kept on our side.

The token goes to no other host and along no redirect. A web page where a file should be is a
sign-in page, which is what Slack sends without the right to read files.
"""

import ipaddress
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from adapters.slack.errors import BROKEN_OFF
from adapters.slack.office import Office
from bridge.domain.errors import DeliveryError
from bridge.domain.ids import ConversationId
from bridge.domain.messages import Attachment
from bridge.ports.files import TooLarge

SECONDS = 60.0
PAUSES = (0.0, 0.5, 2.0)
PIECE = 64 * 1024
OK = 200
GONE_MODES = {
    "tombstone": "it was deleted in Slack",
    "hidden_by_limit": "Slack hides it, the workspace is over its limit",
}
PAGE_STARTS = (b"<!doctype html", b"<html")


class Unfetchable(Exception):
    """The file cannot be had; the text is for people."""


class _Again(Exception):
    """It did not come this time; fetching again may help."""


class Downloads:
    """Fetches files that teammates attach."""

    def __init__(self, office: Office) -> None:
        self._settings = office.settings
        self._headers = {"Authorization": f"Bearer {office.settings.bot_token}"}
        self._web = office.web
        self._session = office.given.session
        self._files = office.given.files
        self._clock = office.clock

    async def fetch(self, conversation_id: ConversationId, file: Mapping[str, Any]) -> Attachment:
        """Fetch a file of a message and keep it; raises `Unfetchable`."""
        file = await self._described(file)
        url = self._address(file)
        why = "Slack did not send it"
        for pause in PAUSES:
            await self._clock.sleep(pause)
            try:
                return await self._attempt(conversation_id, file, url)
            except TooLarge as error:
                most = self._settings.max_file_bytes // (1024 * 1024)
                raise Unfetchable(f"it is larger than {most} MB") from error
            except _Again as error:
                why = str(error)
        raise Unfetchable(why)

    async def _described(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        if file.get("file_access") == "check_file_info":
            try:
                answer = await self._web.ask("files.info", file=str(file.get("id", "")))
            except DeliveryError as error:
                raise Unfetchable("Slack does not let us see it") from error
            file = answer.get("file") or {}
        if file.get("mode") in GONE_MODES:
            raise Unfetchable(GONE_MODES[file["mode"]])
        if file.get("is_external"):
            raise Unfetchable("it is kept outside Slack; send its link instead")
        if _size(file) > self._settings.max_file_bytes:
            most = self._settings.max_file_bytes // (1024 * 1024)
            raise Unfetchable(f"it is larger than {most} MB")
        return file

    def _address(self, file: Mapping[str, Any]) -> str:
        url = str(file.get("url_private_download") or file.get("url_private") or "")
        if not is_allowed(url, self._settings.file_hosts):
            raise Unfetchable("its address is not one of Slack's")
        return url

    async def _attempt(
        self, conversation_id: ConversationId, file: Mapping[str, Any], url: str
    ) -> Attachment:
        try:
            async with self._session.get(
                url,
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                allow_redirects=False,
            ) as response:
                _check(response)
                chunks = _whole(response, file)
                name = str(file.get("name") or file.get("title") or "file")
                return await self._files.put(
                    conversation_id, name, chunks, self._settings.max_file_bytes
                )
        except BROKEN_OFF as error:
            raise _Again("the connection to Slack broke off") from error


def is_allowed(url: str, hosts: frozenset[str]) -> bool:
    """Return whether the token may be sent there: https, or plain http to a loopback listed."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if "@" in parts.netloc:
        return False
    if parts.scheme == "https":
        return parts.netloc in hosts or (host in hosts and port in {None, 443})
    return parts.scheme == "http" and _is_loopback(host) and bool(hosts & {host, parts.netloc})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check(response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status >= 500 or status == 429:  # noqa: PLR2004 - server errors, Too Many Requests
        raise _Again(f"Slack answered HTTP {status}")
    if status != OK:
        raise Unfetchable(f"Slack answered HTTP {status}")


async def _whole(response: aiohttp.ClientResponse, file: Mapping[str, Any]) -> AsyncIterator[bytes]:
    """Yield the file's bytes; fails at the end when some are missing."""
    got = 0
    async for chunk in response.content.iter_chunked(PIECE):
        if not got and _is_page(chunk) and "html" not in str(file.get("mimetype", "")):
            raise Unfetchable(
                "Slack sent a sign-in page instead; the app lacks the scope files:read"
            )
        got += len(chunk)
        yield chunk
    if _size(file) and got != _size(file):
        raise _Again("only a part of it arrived")


def _is_page(chunk: bytes) -> bool:
    return chunk.lstrip()[:20].lower().startswith(PAGE_STARTS)


def _size(file: Mapping[str, Any]) -> int:
    size = file.get("size")
    return size if isinstance(size, int) else 0
