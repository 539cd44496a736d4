"""Settings that cannot be used, what the doctor finds, and alarms."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from adapters.outbound import GuardedResolver
from adapters.slack.alarms import raise_alarm
from adapters.slack.check import SCOPES
from adapters.slack.desk import SlackDesk
from adapters.slack.refs import Place, is_id, is_ts, place_of, ts_order, user_of
from adapters.slack.settings import SLACK_API, SlackSettings
from adapters.wire import Wire
from bridge.domain.errors import ConfigurationError
from tests.adapters.slack.scene import Scene
from tests.proof.harness import free_port
from tests.servers.slack import ROOM

GOOD: dict[str, Any] = {
    "bot_token": "xoxb-1-2-3",
    "room": "C0123456789",
    "signing_secret": "0123456789abcdef0123456789abcdef",
}


def test_good_settings_have_no_problems() -> None:
    """Over HTTP, and over sockets without a signing secret."""
    assert SlackSettings(**GOOD).problems() == []
    assert SlackSettings(**{**GOOD, "signing_secret": "", "app_token": "xapp-1"}).problems() == []
    assert SlackSettings(**GOOD, posts_per_second=0.0).problems() == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"bot_token": ""}, "SLACK_BOT_TOKEN"),
        ({"bot_token": "xoxp-a-persons-token"}, "SLACK_BOT_TOKEN"),
        ({"bot_token": "xoxb with spaces"}, "SLACK_BOT_TOKEN"),
        ({"room": "#support"}, "HANDOFF_SLACK_ROOM"),
        ({"room": ""}, "HANDOFF_SLACK_ROOM"),
        ({"signing_secret": ""}, "SLACK_SIGNING_SECRET"),
        ({"signing_secret": "   "}, "SLACK_SIGNING_SECRET"),
        ({"signing_secret": "changeme"}, "SLACK_SIGNING_SECRET"),
        ({"app_token": "xoxb-wrong-kind"}, "SLACK_APP_TOKEN"),
        ({"api_url": "slack.com"}, "SLACK_API_URL"),
        ({"api_url": "ftp://slack.com/api/"}, "SLACK_API_URL"),
        ({"posts_per_second": -1.0}, "HANDOFF_SLACK_POSTS_PER_SECOND"),
    ],
)
def test_a_problem_names_its_setting(change: dict[str, Any], name: str) -> None:
    """One sentence, with the name first and the mend after."""
    [problem] = SlackSettings(**{**GOOD, **change}).problems()
    assert problem.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ("bot_token", "SLACK_BOT_TOKEN"),
        ("room", "HANDOFF_SLACK_ROOM"),
        ("signing_secret", "SLACK_SIGNING_SECRET"),
    ],
)
def test_what_is_missing_is_called_missing(missing: str, name: str) -> None:
    """It is told from what is there and wrong."""
    [problem] = SlackSettings(**{**GOOD, missing: ""}).problems()
    assert problem.startswith(f"{name}: it is missing; ")
    [problem] = SlackSettings(**{**GOOD, missing: "change me"}).problems()
    assert "missing" not in problem


def test_an_address_that_cannot_be_taken_apart_is_a_problem() -> None:
    """One whose bracket is not closed, for example."""
    [problem] = SlackSettings(**GOOD, api_url="http://[/api/").problems()
    assert problem.startswith("SLACK_API_URL: ")


def test_all_problems_are_told_at_once(at_desk: Scene) -> None:
    """The desk is not even made."""
    given = at_desk.desk.office.given
    bad = SlackSettings(bot_token="", room="")
    with pytest.raises(ConfigurationError) as caught:
        SlackDesk(type(given)(bad, given.session, given.files, given.clock))
    assert len(caught.value.problems) == 3


def test_private_answers_go_to_slack_unless_told_otherwise() -> None:
    """A Web API base set by hand adds its host."""
    assert SlackSettings(**GOOD).response_hosts == {"hooks.slack.com"}
    gov = SlackSettings(**GOOD, api_url="https://slack-gov.com/api/")
    assert gov.response_hosts == {"hooks.slack.com", "slack-gov.com"}
    assert SLACK_API.endswith("/api/")


async def test_a_sound_workspace_has_no_problems(at_desk: Scene) -> None:
    """Token, scopes and room are fine."""
    assert await at_desk.desk.check() == []


async def test_missing_scopes_are_named(at_desk: Scene) -> None:
    """All of them, with the mend."""
    at_desk.slack.scopes = ",".join(s for s in SCOPES if s not in {"pins:write", "files:read"})
    [problem] = await at_desk.desk.check()
    assert "files:read, pins:write" in problem
    assert "manifest.yml" in problem


@pytest.mark.parametrize(
    ("change", "mend"),
    [("archived", "unarchive"), ("member", "/invite"), ("gone", "HANDOFF_SLACK_ROOM")],
)
async def test_a_room_out_of_reach_is_named(at_desk: Scene, change: str, mend: str) -> None:
    """Archived, without the bot, or not there at all."""
    rooms = at_desk.slack.state.rooms
    if change == "gone":
        rooms["C0ELSE"] = rooms.pop(ROOM)
    else:
        setattr(rooms[ROOM], change, change == "archived")
    [problem] = await at_desk.desk.check()
    assert problem.startswith(f"HANDOFF_SLACK_ROOM: {ROOM}")
    assert mend in problem


async def test_a_token_refused_is_the_first_thing_to_mend(at_desk: Scene) -> None:
    """Nothing else can be checked then."""
    at_desk.slack.fail("auth.test", "error", code="token_revoked")
    [problem] = await at_desk.desk.check()
    assert problem.startswith("SLACK_BOT_TOKEN")
    assert "reinstall" in problem


@pytest.mark.parametrize("api_url", [SLACK_API, "http://slack.example.test/api/"])
async def test_slack_out_of_reach_is_not_blamed_on_the_token(at_desk: Scene, api_url: str) -> None:
    """The network is told of in words; SLACK_API_URL only where somebody has set it."""
    given = at_desk.desk.office.given
    nowhere = Wire(URL(f"http://127.0.0.1:{free_port()}"), GuardedResolver())
    settings = SlackSettings(**GOOD, api_url=api_url)
    async with SlackDesk(replace(given, settings=settings, wire=nowhere)) as desk:
        [problem] = await desk.check()
    assert "Slack cannot be reached: the connection was refused; " in problem
    assert "TOKEN" not in problem
    assert problem.startswith("SLACK_API_URL: ") == (api_url != SLACK_API)
    assert ("SLACK_API_URL" in problem) == (api_url != SLACK_API)


async def test_being_cut_off_raises_an_alarm(
    at_desk: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what happened to our room and what to do; other rooms are no affair of ours."""
    with caplog.at_level(logging.ERROR):
        await at_desk.slack.people.deliver_event({"type": "channel_archive", "channel": ROOM})
        await at_desk.slack.people.deliver_event({"type": "channel_archive", "channel": "C0X"})
        await at_desk.slack.people.deliver_event({"type": "tokens_revoked", "tokens": {}})
    assert [record.message for record in caplog.records] == ["slack.cut_off"] * 2
    assert not raise_alarm({"type": ["odd"]}, frozenset())


async def test_words_and_secrets_stay_out_of_the_log(
    at_desk: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong: no message text, no token, no secret, no signed body."""
    canary = "canary-7f3a"
    with caplog.at_level(logging.DEBUG):
        people = at_desk.slack.people
        await people.teammate_says(at_desk.root, canary)
        await people.teammate_says(at_desk.root, f"!{canary}")
        people.secret = "wrong" * 8
        people.retry_after = ()
        await people.teammate_says(at_desk.root, canary)
        people.secret = "0123456789abcdef0123456789abcdef"
        at_desk.inbox.away = True
        await people.teammate_says(at_desk.root, canary)
        await people.teammate_commands(f"claim {canary}")
        await people.teammate_clicks(at_desk.root, "handoff_claim", value=canary)
    told = " ".join(f"{r.getMessage()} {r.__dict__} {r.exc_text}" for r in caplog.records)
    for secret in (canary, "xoxb-fake-bot-token", people.secret):
        assert secret not in told
    assert "slack.signature_refused" in told


@pytest.mark.parametrize(
    "ref",
    ["", "slack", "slack:T:C", "slack:T:C:x", "slack:T:C:1.2:3", "teams:T:C:1.2", "slack::C:1.2"],
)
def test_foreign_references_are_not_read(ref: str) -> None:
    """Only what this desk made."""
    with pytest.raises(ValueError, match="slack:TEAM:CHANNEL:TS"):
        place_of(ref)


def test_references_go_round() -> None:
    """And times sort as numbers, not as text or floats."""
    place = Place("T1", "C1", "1700000000.000001")
    assert place_of(place.thread) == place_of(place.post) == place
    assert ts_order("999.9") < ts_order("1000.000001")
    assert ts_order("1700000000.000001") < ts_order("1700000000.000002")
    assert (user_of("slack:T1:U1"), user_of("sandbox:x"), user_of(None)) == ("U1", None, None)
    assert not is_ts("1.2\n")
    assert not is_id("C1:2")
