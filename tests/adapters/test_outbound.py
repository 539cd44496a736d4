"""Which addresses may be called, and how names are kept from meaning inner ones."""

import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientError, web
from aiohttp.abc import ResolveResult

from adapters.outbound import (
    AddressRefused,
    GuardedResolver,
    Patient,
    checked_url,
    is_allowed,
    open_session,
    retry_after,
    unreachable,
)
from bridge.domain.errors import ConfigurationError, Refused, TryAgain
from tests.clocks import START


class TestWritten:
    @pytest.mark.parametrize(
        "text",
        [
            "https://api.example.com/v1",
            "http://localhost:11434/v1",
            "http://127.0.0.1:8000",
            "http://[::1]:8000/",
            "http://10.0.0.7/bot",
            "http://bot:3000/hook",
            "https://bot.internal/hook?tenant=7",
        ],
    )
    def test_addresses_that_are_usable(self, text: str) -> None:
        """Public addresses, and inner ones that openly are, can be configured."""
        assert str(checked_url("X", text)).startswith("http")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "api.example.com",
            "//example.com",
            "file:///etc/passwd",
            "gopher://example.com",
            "ftp://example.com",
            "unix:///run/docker.sock",
            "http://",
            "https://user:pass@example.com/",
            "https://key@example.com/",
            "http://exa mple.com/",
            "http://example.com/a\r\nHost: evil",
            "http://example.com\\@evil.com/",
            "http://example.com/#part",
            "http://example.com:99999/",
            "http://2130706433/",
            "http://0x7f.0.0.0x1/",
            "http://127.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://0.0.0.0:8080/",
            "http://224.0.0.1/",
        ],
    )
    def test_addresses_that_are_refused(self, text: str) -> None:
        """Other schemes, credentials, disguised numbers and metadata addresses are refused."""
        with pytest.raises(ConfigurationError, match="HANDOFF_ASSISTANT_URL"):
            checked_url("HANDOFF_ASSISTANT_URL", text)


class TestResolved:
    @pytest.mark.parametrize(
        ("host", "address", "allowed"),
        [
            ("api.example.com", "93.184.215.14", True),
            ("api.example.com", "127.0.0.1", False),
            ("api.example.com", "10.1.2.3", False),
            ("api.example.com", "192.168.0.1", False),
            ("api.example.com", "100.64.0.1", False),
            ("api.example.com", "::1", False),
            ("api.example.com", "fd00:ec2::254", False),
            ("api.example.com", "::ffff:10.0.0.1", False),
            ("api.example.com", "64:ff9b::7f00:1", False),
            ("api.example.com", "64:ff9b::5db8:d70e", True),
            ("api.example.com", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
            ("localhost", "127.0.0.1", True),
            ("bot", "172.18.0.3", True),
            ("bot.svc", "10.96.0.1", True),
            ("bot", "169.254.169.254", False),
            ("localhost", "224.0.0.1", False),
        ],
    )
    def test_what_a_name_may_mean(self, host: str, address: str, allowed: bool) -> None:
        """A public name may not mean an inner address; no name means a metadata address."""
        assert is_allowed(host, ipaddress.ip_address(address)) is allowed

    async def test_a_public_name_for_an_inner_address_is_not_called(self) -> None:
        """The check happens where the connection is made, so no later answer can differ."""

        class Rebound:
            async def resolve(self, host: str, port: int, family: int) -> list[ResolveResult]:
                return [
                    ResolveResult(
                        hostname=host,
                        host=address,
                        port=port,
                        family=socket.AF_INET,
                        proto=0,
                        flags=0,
                    )
                    for address in ("93.184.215.14", "127.0.0.1")
                ]

            async def close(self) -> None:
                pass

        async with open_session() as session:
            connector = session.connector
            resolver = connector._resolver  # type: ignore[union-attr] # noqa: SLF001 -- stands in
            assert isinstance(resolver, GuardedResolver)
            resolver._inner = Rebound()  # type: ignore[assignment] # noqa: SLF001 -- for the network
            with pytest.raises(ClientError) as failure:
                await session.get("http://api.example.com/", timeout=Patient().timeout())
        assert isinstance(getattr(failure.value, "os_error", None), AddressRefused)
        assert isinstance(unreachable("it", failure.value), Refused)


class TestSession:
    @pytest.fixture
    async def server(self) -> AsyncIterator[str]:
        """A server that sets a cookie and tells which cookies came."""

        async def tell(request: web.Request) -> web.Response:
            response = web.json_response(dict(request.cookies))
            response.set_cookie("session", "sticky")
            return response

        app = web.Application()
        app.router.add_get("/", tell)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://localhost:{runner.addresses[0][1]}/"
        await runner.cleanup()

    async def test_it_keeps_no_cookies(self, server: str) -> None:
        """What one answer sets is not sent with the next request."""
        async with open_session() as session:
            for _ in range(2):
                async with session.get(server) as response:
                    assert await response.json() == {}


class TestFailures:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            (None, None),
            ("", None),
            ("12", 12.0),
            ("-5", None),
            ("soon", None),
            ("99999", 300.0),
            ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
            ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ],
    )
    def test_retry_after(self, value: str | None, seconds: float | None) -> None:
        """Seconds and dates are understood, nonsense is ignored, the wait is bounded."""
        assert retry_after(value, START) == seconds

    def test_what_failed_before_a_status_may_pass(self) -> None:
        """Time-outs and broken connections are tried again."""
        assert isinstance(unreachable("it", TimeoutError()), TryAgain)
        assert isinstance(unreachable("it", ConnectionResetError()), TryAgain)
