"""docs/policy.md names every field with its values and default, and nothing else."""

import json
import re
from pathlib import Path

from bridge.domain.policy.fields import FIELDS, TOPIC
from bridge.domain.policy.settings import TOPICS

PAGE = Path(__file__).parents[3] / "docs" / "policy.md"
HEADING = re.compile(r"^### `\[([^\]]+)\]`$")
FIELD = re.compile(r"^\| `(\w+)` \| (.*?) \| `(.*?)` \|")
TOPIC_ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|$")


def documented() -> dict[str, dict[str, tuple[str, object]]]:
    """Return what the page says of each field: what it may hold, and its default."""
    tables: dict[str, dict[str, tuple[str, object]]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := HEADING.match(line):
            tables[heading[1]] = {}
        elif (field := FIELD.match(line)) and not TOPIC_ROW.match(line):
            list(tables.values())[-1][field[1]] = (field[2], json.loads(field[3]))
    return tables


def test_every_field_is_documented_as_the_parser_reads_it() -> None:
    """Names, values and defaults on the page are those of the code."""
    known = {f"policy.{name}".rstrip("."): fields for name, fields in FIELDS.items()}
    known["policy.topics.<name>"] = TOPIC
    told = {
        table: {name: (field.holds, field.default) for name, field in fields.items()}
        for table, fields in known.items()
    }
    assert documented() == told


def test_the_topics_are_documented_with_their_modes() -> None:
    """The table of built-in topics is the one in the code."""
    rows = [TOPIC_ROW.match(line) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    told = {row[1]: (row[2], row[3]) for row in rows if row}
    assert told == {name: (str(t.mode), t.urgency) for name, t in TOPICS.items()}
