"""The `[policy]` tables: defaults, versions, every kind of mistake with line, field and mend."""

import tomllib

import pytest

from bridge.domain.policy import Mode, Policy, Problem, default_policy, parse_policy
from bridge.domain.policy.fields import FIELDS, TOPIC
from bridge.domain.policy.hours import DAYS
from bridge.domain.policy.parsing import parse_settings
from bridge.domain.policy.settings import TOPICS, Settings


def problems(source: str) -> list[Problem]:
    """Return what is wrong with a file."""
    found = parse_settings(tomllib.loads(source).get("policy", {}), source)
    assert isinstance(found, tuple), "the file was taken"
    return list(found)


def settings(source: str) -> Settings:
    """Return the settings of a file."""
    found = parse_settings(tomllib.loads(source).get("policy", {}), source)
    assert isinstance(found, Settings), found
    return found


def test_an_empty_table_gives_the_defaults() -> None:
    """What is left out has its documented default."""
    assert settings("[policy]\n") == Settings()


def test_the_defaults_of_the_fields_are_those_of_the_settings() -> None:
    """Writing every default into the file changes nothing."""
    table: dict[str, object] = {name: field.default for name, field in FIELDS[""].items()}
    for name in ("ask", "signals", "counters", "model", "frustration", "judge"):
        table[name] = {key: field.default for key, field in FIELDS[name].items()}
    assert parse_settings(table) == Settings()


def test_the_topics_have_the_agreed_modes() -> None:
    """Security, complaints and legal matters at once, disputes by offer, cancelling later."""
    modes = {name: topic.mode for name, topic in TOPICS.items()}
    assert modes == {
        "security": Mode.IMMEDIATE,
        "payment_dispute": Mode.OFFER,
        "cancellation": Mode.AFTER_ATTEMPTS,
        "complaint": Mode.IMMEDIATE,
        "legal": Mode.IMMEDIATE,
    }


@pytest.mark.parametrize(
    ("source", "line", "field", "mend"),
    [
        ("[policy]\ndry_runn = true", 2, "policy.dry_runn", "did you mean dry_run?"),
        ("[policy]\nqqq = 1", 2, "policy.qqq", "the fields are: "),
        ('[policy]\ndry_run = "yes"', 2, "policy.dry_run", "true or false"),
        ("[policy]\nmin_attempts = 1.5", 2, "policy.min_attempts", "a whole number from 0 to 20"),
        ("[policy]\nmin_attempts = true", 2, "policy.min_attempts", "a whole number"),
        ("[policy]\nmax_bounces = 0", 2, "policy.max_bounces", "from 1 to 20"),
        ('[policy]\nlanguages = ["xx"]', 2, "policy.languages", "choose from: en, fr"),
        ("[policy]\nlanguages = []", 2, "policy.languages", "choose from"),
        ('[policy.ask]\nmode = "after_attempts"', 2, "policy.ask.mode", "write one of: immediate"),
        ('[policy.ask]\nurgency = "now"', 2, "policy.ask.urgency", "low, normal, high"),
        ("[policy.ask]\nroom = 5", 2, "policy.ask.room", "a text in quotes"),
        ("[policy.counters]\noverlap = 0.1", 2, "policy.counters.overlap", "from 0.3 to 1.0"),
        ("[policy.counters]\noverlap = nan", 2, "policy.counters.overlap", "from 0.3 to 1.0"),
        ("[policy.model]\nthreshold = true", 2, "policy.model.threshold", "a number from 0.5"),
        ('[policy.signals]\nmarkers = ["x"]', 2, "policy.signals.markers", "at least 3"),
        ("[policy]\nask = 5", 2, "policy.ask", "write it as a table: [policy.ask]"),
        ("[policy]\ntopics = 5", 2, "policy.topics", "write each topic as a table"),
        ("[policy.topics]\nvip = 5", 2, "policy.topics.vip", "write it as a table"),
        ("[policy.topics.vip]\n", 1, "policy.topics.vip.phrases", "needs phrases"),
        (
            '[policy.topics.Vip]\nphrases = ["gold card"]',
            1,
            "policy.topics.Vip",
            "small letters, digits and _",
        ),
        (
            '[policy.topics.human_request]\nphrases = ["gold card"]',
            1,
            "policy.topics.human_request",
            "not as a built-in trigger",
        ),
        (
            '[policy.topics.vip]\nphrases = ["(a+)+$"]',
            2,
            "policy.topics.vip.phrases",
            "not regular expressions",
        ),
        (
            '[policy.topics.vip]\nphrases = ["one, two"]',
            2,
            "policy.topics.vip.phrases",
            "without commas",
        ),
        ('[policy.topics.vip]\nphrases = ["ab*"]', 2, "policy.topics.vip.phrases", "3 letters"),
        ('[policy.topics.vip]\nphrases = ["...!"]', 2, "policy.topics.vip.phrases", "one word"),
        (
            '[policy.topics.vip]\nphrases = "gold"',
            2,
            "policy.topics.vip.phrases",
            "write a list",
        ),
        ('[policy.hours]\ntime_zone = "Mars/Base"', 2, "policy.hours.time_zone", "Europe/Paris"),
        ('[policy.hours]\nmonday = ["9-17"]', 2, "policy.hours.monday", "write times as 09:00"),
        ('[policy.hours]\nmonday = ["09:00"]', 2, "policy.hours.monday", "as 09:00-17:30"),
        ('[policy.hours]\nmonday = ["17:00-09:00"]', 2, "policy.hours.monday", "ends after"),
        ('[policy.hours]\nmonday = ["09:00-25:00"]', 2, "policy.hours.monday", "ends at 24:00"),
        ('[policy.hours]\nmonday = ["09:60-10:00"]', 2, "policy.hours.monday", "as 09:00"),
        (
            '[policy.hours]\nmonday = ["09:00-12:00", "11:00-13:00"]',
            2,
            "policy.hours.monday",
            "overlap",
        ),
        ('[policy.hours]\nholidays = ["25.12."]', 2, "policy.hours.holidays", "2026-12-25"),
        ("[policy.hours]\n", 1, "policy.hours", "at least one day"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_mend(
    source: str, line: int, field: str, mend: str
) -> None:
    """Every kind of mistake is refused, and the sentence says what to write instead."""
    found = problems(source)
    assert len(found) == 1
    assert (found[0].line, found[0].field) == (line, field)
    assert mend in found[0].mend
    assert str(found[0]).startswith(f"line {line}: {field}: ")


def test_all_mistakes_are_told_together() -> None:
    """One run shows the whole list."""
    source = '[policy]\ndry_run = 1\n[policy.ask]\nmode = "x"\n[policy.hours]\nmonday = ["9"]\n'
    assert [problem.line for problem in problems(source)] == [2, 4, 6]


def test_lines_are_found_in_other_spellings() -> None:
    """Dotted names, quoted names and inline tables lead to a line as well."""
    assert problems("policy.ask.mode = 5\n")[0].line == 1
    assert problems("# a comment\n[policy]\nask = { mode = 5 }\n")[0].line == 3
    assert problems('[policy.topics."vip"]\nmode = 5\nphrases = ["gold"]\n')[0].line == 2


def test_hours_and_dates_may_be_written_as_toml_dates() -> None:
    """A day off is a text or a date of TOML's own."""
    source = '[policy.hours]\nmonday = ["09:00-17:00"]\nholidays = [2026-12-25, "2027-01-01"]\n'
    hours = settings(source).hours
    assert hours is not None
    assert sorted(str(day) for day in hours.holidays) == ["2026-12-25", "2027-01-01"]


def test_a_known_topic_keeps_what_is_not_set() -> None:
    """Changing the room of security leaves its mode and urgency alone."""
    topic = settings('[policy.topics.security]\nroom = "C1"\n').topics["security"]
    assert (topic.mode, topic.urgency, topic.room) == (Mode.IMMEDIATE, "high", "C1")


def test_the_version_tells_policies_apart() -> None:
    """The same settings give the same version, any change another."""
    first = parse_policy({"min_attempts": 1})
    again = parse_policy({"min_attempts": 1})
    other = parse_policy({"min_attempts": 2})
    hours = parse_policy({"hours": {"monday": ["09:00-10:00"]}})
    made = [first, again, other, hours, default_policy()]
    versions = [policy.version for policy in made if isinstance(policy, Policy)]
    assert versions[0] == versions[1]
    assert len(set(versions)) == len(made) - 1


def test_fewer_languages_hear_less() -> None:
    """A pack that is left out is not looked into."""
    policy = parse_policy({"languages": ["en"], "model": {"enabled": False}})
    assert isinstance(policy, Policy)
    assert {group.language for group in policy.packs.of("ask")} == {"en"}


def test_every_table_is_covered() -> None:
    """The list of fields and the settings name the same things."""
    assert set(FIELDS) - {""} == {
        "ask",
        "signals",
        "counters",
        "model",
        "frustration",
        "judge",
        "hours",
    }
    assert set(FIELDS["hours"]) == {"time_zone", "holidays", *DAYS}
    assert set(TOPIC) == {"mode", "urgency", "room", "after", "phrases"}
