"""The documentation agrees with the code."""

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from bridge.app.operator import operator_token
from bridge.cli import parser
from bridge.config import Settings
from bridge.settings import SETTINGS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def generator() -> ModuleType:
    """Return docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["handoff.md", "configuration.md", "guarantees.md"])
def test_generated_pages_are_up_to_date(page: str) -> None:
    """Running docs/generate.py would change nothing."""
    made = generator()
    text = (DOCS / page).read_text("utf-8")

    assert made.with_generated(page=text, generated=made.PAGES[page]()) == text


def test_every_setting_is_a_field_and_the_other_way_round() -> None:
    """A setting that nobody reads, or a field nobody can set, is a mistake."""
    named = {setting.name for setting in SETTINGS}
    assert named == set(Settings.__dataclass_fields__) - {"file", "policy"}


def test_links_between_pages_lead_somewhere() -> None:
    """A relative link in the documentation names a file that is there."""
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    broken = [
        f"{page.relative_to(ROOT)} → {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_lines_to_copy_name_the_command_where_a_clone_has_it() -> None:
    """In a block to be copied nothing begins with `handoff`, which only .venv/bin has."""
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    wrong = [
        f"{page.relative_to(ROOT)}: {line.strip()}"
        for page in pages
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        for line in block.splitlines()
        if re.match(r"\s*(?:[A-Z_]+=\S+ )*handoff\b", line)
    ]
    assert wrong == []


def test_the_token_of_the_steering_calls_is_made_as_documented(tmp_path: Path) -> None:
    """The lines of operations.md, run beside a key file, give the token the bridge wants."""
    page = (DOCS / "operations.md").read_text("utf-8")
    (lines,) = re.findall(r"```sh\n(T=.+?)curl [^\n]+/operator/policy/reload ", page, re.DOTALL)
    (tmp_path / "handoff.key").write_text("the-key-of-this-test\n")
    told = subprocess.run(
        ["sh", "-c", f"{lines}printf %s $T"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == operator_token("the-key-of-this-test")


def test_every_command_has_a_help_text() -> None:
    """`handoff --help` says what each command does."""
    text = parser().format_help()
    for command in ("serve", "demo", "doctor", "migrate", "policy", "dead"):
        assert re.search(rf"^\s+{command}\s+\S", text, re.MULTILINE), command
