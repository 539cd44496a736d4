"""manifest.yml asks for what the code uses, no more and no less, in the shape Slack accepts."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from adapters.slack import limits
from adapters.slack.alarms import MENDS
from adapters.slack.check import SCOPES
from adapters.slack.commands import COMMAND
from adapters.slack.ingress import PATH
from adapters.slack.web import POST_MESSAGE
from tests.outside import outside

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted({*(ROOT / "adapters" / "slack").glob("*.py")} - {Path(limits.__file__)})

# What each method needs, from its page under https://docs.slack.dev/reference/methods.
NEEDS: dict[str, set[str]] = {
    "apps.connections.open": set(),  # connections:write of the app-level token
    "auth.test": set(),
    "chat.delete": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write", "chat:write.customize"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history"},
    "conversations.info": {"channels:read", "groups:read"},
    "conversations.replies": {"channels:history", "groups:history"},
    "files.completeUploadExternal": {"files:write"},
    "files.getUploadURLExternal": {"files:write"},
    "files.info": {"files:read"},
    "pins.add": {"pins:write"},
    "pins.remove": {"pins:write"},
    "reactions.add": {"reactions:write"},
    "reactions.remove": {"reactions:write"},
    "users.info": {"users:read"},
    "views.open": set(),
}
# What each event needs, from its page under https://docs.slack.dev/reference/events.
EVENTS: dict[str, set[str]] = {
    "app_mention": {"app_mentions:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "app_uninstalled": set(),
    "tokens_revoked": set(),
    **{f"channel_{what}": {"channels:read"} for what in ("archive", "deleted", "left")},
    **{f"group_{what}": {"groups:read"} for what in ("archive", "deleted", "left")},
}
METHOD = re.compile(
    r'"((?:apps\.connections|auth|chat|conversations|files|pins|reactions|users|views)\.[a-zA-Z]+)"'
)


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """The manifest, read."""
    loaded = yaml.safe_load((ROOT / "manifest.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def methods_called() -> set[str]:
    """Return the Web API methods that the sources name."""
    return {name for path in SOURCES for name in METHOD.findall(path.read_text())}


def test_every_method_called_is_known_here() -> None:
    """A new call must say what scope it needs; one that is gone takes its line with it."""
    assert methods_called() == set(NEEDS)


def test_the_scopes_are_those_the_code_needs(manifest: dict[str, Any]) -> None:
    """From the methods called, the events taken, the command and the files fetched."""
    needed = {"commands"}.union(*NEEDS.values(), *EVENTS.values())
    assert manifest["oauth_config"]["scopes"] == {"bot": sorted(needed)}
    assert sorted(SCOPES) == sorted(needed)


def test_the_events_are_those_the_code_takes(manifest: dict[str, Any]) -> None:
    """Messages of public and private rooms, mentions, and what cuts the desk off."""
    assert set(MENDS) == {name for name in EVENTS if "." not in name} - {"app_mention"}
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == sorted(EVENTS)


def test_every_address_leads_to_the_one_door(manifest: dict[str, Any]) -> None:
    """Events, buttons and the command arrive at the same path."""
    [command] = manifest["features"]["slash_commands"]
    settings = manifest["settings"]
    urls = {
        command["url"],
        settings["event_subscriptions"]["request_url"],
        settings["interactivity"]["request_url"],
    }
    assert urls == {f"https://handoff.example.com{PATH}"}
    assert command["command"] == COMMAND
    assert settings["interactivity"]["is_enabled"]


def test_nothing_irreversible_is_switched_on(manifest: dict[str, Any]) -> None:
    """Token rotation cannot be switched off again; names must come escaped."""
    settings = manifest["settings"]
    for switch in ("token_rotation_enabled", "org_deploy_enabled", "socket_mode_enabled"):
        assert settings[switch] is False
    assert manifest["features"]["slash_commands"][0]["should_escape"] is True


def test_the_limits_of_a_manifest_are_kept(manifest: dict[str, Any]) -> None:
    """Lengths and keys, as Slack publishes them."""
    shown, bot = manifest["display_information"], manifest["features"]["bot_user"]
    [command] = manifest["features"]["slash_commands"]
    assert set(manifest) <= {
        "_metadata",
        "display_information",
        "features",
        "oauth_config",
        "settings",
    }
    assert set(shown) <= {"name", "description", "background_color", "long_description"}
    assert set(command) <= {"command", "url", "description", "usage_hint", "should_escape"}
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert re.fullmatch("#[0-9a-fA-F]{6}", shown["background_color"])
    assert len(bot["display_name"]) <= 80
    assert len(command["command"]) <= 32
    assert len(command["usage_hint"]) <= 1000


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_slacks_own_schema_accepts_it(manifest: dict[str, Any], version: str) -> None:
    """Validated where Slack's published schema is at hand."""
    path = outside(f"schemas/slack-manifest.{version}.schema.json")
    validator = jsonschema.Draft7Validator(json.loads(path.read_text()))
    assert [error.message for error in validator.iter_errors(manifest)] == []
    broken = {**manifest, "display_information": {}}
    assert list(validator.iter_errors(broken))


def test_every_limited_method_is_one_we_call() -> None:
    """The table of limits has no dead rows, and posting is paced by room instead."""
    assert set(limits.METHODS) == set(NEEDS) - {"auth.test", POST_MESSAGE}
