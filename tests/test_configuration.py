"""What is said of settings that cannot be used: which one, what is expected, and never a secret."""

from pathlib import Path

import pytest

from bridge.config import Settings, misspelt, read_settings
from bridge.domain.errors import ConfigurationError
from bridge.settings import SETTINGS


def problems(folder: Path, text: str = "", **environment: str) -> list[str]:
    """Return what is wrong with these settings, of which some may stand in a file."""
    path = folder / "handoff.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_settings({"HANDOFF_CONFIG": str(path), **environment})
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def read(folder: Path, text: str) -> Settings:
    """Return the settings of a file."""
    path = folder / "handoff.toml"
    path.write_text(text)
    return read_settings({"HANDOFF_CONFIG": str(path)})


@pytest.mark.parametrize("nothing", ["", " "])
def test_an_empty_variable_is_not_set(tmp_path: Path, nothing: str) -> None:
    """What the file says holds, and so does a default, also where white space was left."""
    path = tmp_path / "handoff.toml"
    path.write_text('faq_dir = "pages"\n')
    environment = {"HANDOFF_FAQ_DIR": nothing, "HANDOFF_PORT": nothing}

    settings = read_settings({"HANDOFF_CONFIG": str(path), **environment})

    assert (settings.faq_dir, settings.port) == ("pages", 8080)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HANDOFF_PORT", "abc", "a whole number is expected, not 'abc'"),
        ("HANDOFF_PORT", "70000", "a whole number from 0 to 65535 is expected, not '70000'"),
        ("HANDOFF_SETTLE_SECONDS", "x", "a number of seconds is expected, 0 or more, not 'x'"),
        ("HANDOFF_SETTLE_SECONDS", "-1", "a number of seconds is expected, 0 or more, not '-1'"),
        ("HANDOFF_SETTLE_SECONDS", "nan", "a number of seconds is expected, 0 or more, not 'nan'"),
        (
            "HANDOFF_SLACK_POSTS_PER_SECOND",
            "fast",
            "posts per second are expected, or 0 for no pacing, not 'fast'",
        ),
        ("HANDOFF_RATE_LIMITS", "maybe", "on or off is expected, not 'maybe'"),
        ("HANDOFF_LOG_FORMAT", "xml", "json or text is expected, not 'xml'"),
        (
            "HANDOFF_LOG_LEVEL",
            "loud",
            "debug, info, warning or error is expected, not 'loud'",
        ),
        ("HANDOFF_DESKS", "teams", "slack or sandbox is expected, not 'teams'"),
        (
            "HANDOFF_TRUSTED_PROXIES",
            "10.0.0.0/8,shop",
            "networks such as 10.0.0.0/8 are expected, not 'shop'",
        ),
        (
            "HANDOFF_TRUSTED_PROXIES",
            "10.0.0.1/8",
            "'10.0.0.1/8' is an address within a network; write 10.0.0.0/8",
        ),
        ("HANDOFF_DATABASE_URL", "mysql://x", "expected sqlite:///path or postgresql://…"),
        ("HANDOFF_DATABASE_URL", "postgresql://[", "expected sqlite:///path or postgresql://…"),
    ],
)
def test_what_is_expected_is_said_in_words(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    """Each kind of setting has a sentence of its own, and none is a text of Python's."""
    assert problems(tmp_path, **{name: value}) == [f"{name}: {said}"]


@pytest.mark.parametrize("name", ["HANDOFF_PUBLIC_URL", "HANDOFF_ALLOWED_ORIGINS"])
def test_an_origin_that_is_no_address_is_named(tmp_path: Path, name: str) -> None:
    """An address whose bracket is not closed is refused like any other."""
    [said] = problems(tmp_path, **{name: "http://["})
    assert said == f"{name}: 'http://[' is not an origin such as https://shop.example"


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("https://shop.example/path", "is more than an origin; write https://shop.example"),
        (
            "https://shop.example:8443/?a=b",
            "is more than an origin; write https://shop.example:8443",
        ),
        ("https://shop.example#top", "is more than an origin; write https://shop.example"),
        ("*", "is not an origin such as https://shop.example"),
        ("https://*.shop.example", "is not an origin such as https://shop.example"),
        ("shop.example", "is not an origin such as https://shop.example"),
        ("https://shop.example:99999", "is not an origin such as https://shop.example"),
        ("https://sho p.example", "is not an origin such as https://shop.example"),
        ("https://sho\tp.example", "is not an origin such as https://shop.example"),
        ("https://:443", "is not an origin such as https://shop.example"),
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(tmp_path: Path, origin: str, said: str) -> None:
    """It would shut the site out without a word."""
    given = {"HANDOFF_ALLOWED_ORIGINS": f"https://good.example, {origin}"}
    assert problems(tmp_path, **given) == [f"HANDOFF_ALLOWED_ORIGINS: {origin!r} {said}"]


@pytest.mark.parametrize("name", ["HANDOFF_PUBLIC_URL", "HANDOFF_ALLOWED_ORIGINS"])
@pytest.mark.parametrize(
    "written",
    [
        "https://ada:hunter2@shop.example",
        "https://ada:hunter2@[::1",
        "ada:hunter2@shop.example",
        "https://ada:hunter2,4@shop.example",
        "https://:hunter2 @shop.example",
    ],
)
def test_a_password_in_an_origin_is_not_repeated(tmp_path: Path, name: str, written: str) -> None:
    """What may be a secret does not go to the log, wherever it stands and however it is written."""
    [said] = problems(tmp_path, **{name: written})
    assert said.startswith(f"{name}: a name or password has no place")
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "https://shop.example/",
        "https://Shop.example",
        "https://shop.example:443",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "https://müller.example",
    ],
)
def test_an_origin_may_be_written_as_people_do(origin: str) -> None:
    """A closing slash, capitals and the usual port mean the same site."""
    settings = read_settings({"HANDOFF_ALLOWED_ORIGINS": origin}, look_for_file=False)
    assert settings.allowed_origins == (origin,)


def test_every_setting_is_known_in_the_file_by_its_short_name(tmp_path: Path) -> None:
    """Also those of the desk whose variables do not begin with its name."""
    for setting in SETTINGS:
        assert setting.variable.lower().removeprefix("handoff_") == setting.name
    assert read(tmp_path, 'slack_room = "C1"\nport = 9000\n[policy]\n[waits]\n').slack_room == "C1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "prot: no such setting in handoff.toml; did you mean port?"),
        ("xyz = 1", "xyz: no such setting in handoff.toml; see docs/configuration.md"),
        ("[polcy]", "[polcy]: no such part of handoff.toml; did you mean [policy]?"),
        ("[zz]", "[zz]: no such part of handoff.toml; there are [policy] and [waits]"),
        ("[port]", "[port]: no such part of handoff.toml; there are [policy] and [waits]"),
    ],
)
def test_a_name_that_the_file_does_not_know_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    """Settings and parts alike, with the name that was probably meant."""
    assert problems(tmp_path, text) == [said]


@pytest.mark.parametrize("text", ["port = 3", "HANDOFF_PORT = 3", "handoff_port = 3", "Port = 3"])
def test_a_name_may_stand_in_the_file_as_in_the_environment(tmp_path: Path, text: str) -> None:
    """Whoever copies a line from one to the other is understood."""
    assert read(tmp_path, text).port == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HANDOFF_PRT", "HANDOFF_PRT is not a setting; did you mean HANDOFF_PORT?"),
        ("HANDOFF_CONFG", "HANDOFF_CONFG is not a setting; did you mean HANDOFF_CONFIG?"),
        ("HANDOF_PORT", "HANDOF_PORT is not a setting; did you mean HANDOFF_PORT?"),
        ("SLACK_TOKEN", "SLACK_TOKEN is not a setting; did you mean SLACK_BOT_TOKEN?"),
        ("SLACK_ROOM", "SLACK_ROOM is not a setting; did you mean HANDOFF_SLACK_ROOM?"),
        (
            "HANDOFF_SLACK_BOT_TOKEN",
            "HANDOFF_SLACK_BOT_TOKEN is not a setting; did you mean SLACK_BOT_TOKEN?",
        ),
        ("HANDOFF_ZZZZZ", "HANDOFF_ZZZZZ is not a setting; see docs/configuration.md"),
    ],
)
def test_a_misspelt_variable_is_noticed(name: str, said: str) -> None:
    """The name that was probably meant is told; the value is not."""
    [told] = misspelt({name: "a-value", "HANDOFF_PORT": "1", "PATH": "/bin"})
    assert told == said


def test_what_belongs_to_others_is_no_misspelt_setting() -> None:
    """Variables of Compose, of the platforms' own tools and of the machine."""
    others = ("HANDOFF_PUBLISHED_PORT", "OPENAI_ORG_ID", "SLACK_WEBHOOK_URL")
    known = ("HANDOFF_CONFIG", *(setting.variable for setting in SETTINGS))
    assert misspelt(dict.fromkeys((*others, *known, "PORT", "HOST", "HOME"), "1")) == []
