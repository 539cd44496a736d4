"""How often something may be done: bursts, refills, bounded memory, and who counts as one."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.addresses import grouped
from adapters.http import HttpSettings
from adapters.web.limits import Buckets, Rate
from tests.adapters.web.site import serve
from tests.clocks import HandClock


@given(
    st.floats(1, 600),
    st.integers(1, 50),
    st.lists(st.floats(0, 30), min_size=1, max_size=80),
)
def test_no_stretch_of_time_sees_more_than_allowed(
    per_minute: float, burst: int, pauses: list[float]
) -> None:
    """However the calls come, any stretch takes at most its burst and what grew back meanwhile."""
    clock = HandClock()
    buckets, rate = Buckets(clock), Rate(per_minute, burst)
    taken: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        if not buckets.take(rate, "x", "y"):
            taken.append(clock.now())
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            allowed = burst + (taken[last] - taken[first]) * per_minute / 60 + 1e-6
            assert last - first + 1 <= allowed


def test_waiting_as_told_is_enough() -> None:
    """Who waits as long as the refusal says is let in."""
    clock = HandClock()
    buckets, rate = Buckets(clock), Rate(7, 3)
    while not (wait := buckets.take(rate, "x", "y")):
        pass
    clock.advance(wait)
    assert buckets.take(rate, "x", "y") == 0


def test_each_has_an_allowance_of_its_own() -> None:
    """One who is held up holds up nobody else, and nothing else of their own."""
    buckets, rate = Buckets(HandClock()), Rate(1, 1)
    assert buckets.take(rate, "x", "a") == 0
    assert buckets.take(rate, "x", "a") > 0
    assert buckets.take(rate, "x", "b") == 0
    assert buckets.take(rate, "y", "a") == 0


def test_the_memory_is_bounded() -> None:
    """However many addresses come, only so many are remembered, the latest among them."""
    buckets, rate = Buckets(HandClock(), most=100), Rate(1, 1)
    for number in range(1000):
        buckets.take(rate, "x", str(number))
        assert len(buckets) <= 100
    assert buckets.take(rate, "x", "999") > 0


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("not:an:address", "not:an:address"),
    ],
)
def test_one_line_counts_as_one(address: str, group: str) -> None:
    """All addresses of an IPv6 line are one; IPv4 in IPv6 is IPv4."""
    assert grouped(address) == group


async def statuses(forwarded: list[str], trusted: str = "") -> list[int]:
    """Open sessions, each claiming to come from one of these addresses; return the statuses."""
    networks = (ip_network(trusted),) if trusted else ()
    http = HttpSettings(trusted_proxies=networks, grace=0.5)
    async with serve(http=http, rate_limits=True, trusted_proxies=networks) as site:
        answers = [
            await site.ask("POST", "/v1/sessions", json={}, headers={"X-Forwarded-For": claimed})
            for claimed in forwarded
        ]
    return [status for status, _ in answers]


async def test_a_claimed_address_does_not_dodge_the_limit() -> None:
    """Without a trusted proxy, a forwarding header changes nothing."""
    assert 429 in await statuses([f"203.0.113.{n}" for n in range(120)])


async def test_a_header_that_is_not_believed_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever forgot to name the proxy reads so in the log, once and without an address."""
    await statuses(["203.0.113.1", "203.0.113.2"])
    told = [record for record in caplog.records if record.message == "forwarding_header_ignored"]
    assert len(told) == 1


async def test_a_proxy_of_ours_is_believed() -> None:
    """Behind a trusted proxy every customer has an own allowance."""
    assert 429 not in await statuses([f"203.0.113.{n}" for n in range(120)], "127.0.0.0/8")


async def test_only_the_end_of_the_header_is_believed() -> None:
    """What a client wrote before the proxy's own entry is not believed."""
    claimed = [f"198.51.100.{n}, 203.0.113.9" for n in range(120)]
    assert 429 in await statuses(claimed, "127.0.0.0/8")


async def test_guessing_is_held_up() -> None:
    """Many wrong tokens from one address get 429; a right one is still heard."""
    async with serve(rate_limits=True) as site:
        customer = await site.open()
        wrong = {"Authorization": "Bearer guess"}
        answers = [await site.ask("GET", "/v1/conversation", headers=wrong) for _ in range(40)]
        assert [answers[0][0], answers[-1][0]] == [401, 429]
        assert (await customer.ask("GET", "/v1/conversation"))[0] == 200
