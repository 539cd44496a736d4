"""The built widget: from these sources, within its budget, without what could run text."""

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adapters.web.widget import BUDGET, BUILT, SOURCES, digest, packed_size, sources

LANGUAGES = {"en", "fr", "de", "es", "it", "pt", "nl", "ar"}

# What takes a string for markup or for code, or makes an inline style of it.
SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document[.]write|srcdoc"
    r"|DOMParser|setHTMLUnsafe|\beval\b|new Function|import\(|javascript:"
    r"|setAttribute\(\s*[\"'`](?:style|on)|set(?:Timeout|Interval)\(\s*[\"'`]|[.]cookie\b"
)


def words(language: str) -> dict[str, str]:
    """Return the words of one language."""
    path = SOURCES / "texts" / f"{language}.json"
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_what_is_served_was_built_from_these_sources() -> None:
    """The digest in the first line is that of the sources: `make widget` was not forgotten."""
    first = BUILT.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"/*! handoff-bridge {digest()} */"


def test_building_again_gives_the_same_file(tmp_path: Path) -> None:
    """Nobody has touched the built file: the sources give exactly these bytes."""
    if not shutil.which("node"):
        pytest.skip("no Node on this machine: `make tools` installs it")
    if not (SOURCES / "node_modules").is_dir():
        pytest.skip("the widget's two build tools are not installed: `make widget` installs them")
    again = tmp_path / "widget.js"
    subprocess.run(["node", "build.mjs", digest(), str(again)], cwd=SOURCES, check=True)
    assert again.read_bytes() == BUILT.read_bytes()


def test_the_widget_keeps_to_its_budget() -> None:
    """Script, styles and eight languages together are at most 15 KB, packed."""
    script = BUILT.read_bytes()
    assert packed_size(script) <= BUDGET == 15_000
    assert gzip.decompress(gzip.compress(script, 9)) == script


def test_no_text_can_become_code() -> None:
    """Neither the sources nor the built file hold any way from a string to markup or code."""
    for path in [*sources(), BUILT]:
        if path.suffix == ".js":
            assert SINKS.findall(path.read_text(encoding="utf-8")) == [], path.name


@pytest.mark.parametrize("line", ["x.innerHTML = y", "eval(x)", 'n.setAttribute("style", x)'])
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    """The pattern above does match what is forbidden."""
    assert SINKS.search(line)


def test_every_language_says_everything() -> None:
    """All languages have the same keys, none empty, with the same place for a value."""
    english = words("en")
    assert {path.stem for path in (SOURCES / "texts").iterdir()} == LANGUAGES
    for language in LANGUAGES:
        found = words(language)
        assert list(found) == list(english), language
        for key, text in found.items():
            assert text.strip() == text != "", (language, key)
            assert text.count("{}") == english[key].count("{}"), (language, key)
            assert "|" not in text, (language, key)


def test_every_word_is_used() -> None:
    """No key of the texts is carried without being said."""
    script = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.js"))
    said = set(re.findall(r'"([a-z]+)"', script))
    assert set(words("en")) <= said


def test_sources_have_one_subject_each() -> None:
    """Every file says in its first lines what it is about, and is at most 300 lines long."""
    assert len(sources()) > 10
    for path in sources():
        lines = path.read_text(encoding="utf-8").splitlines()
        if path.suffix in {".js", ".mjs", ".css"}:
            assert len(lines) <= 300, path.name
            assert lines[0].startswith(("//", "/*")), path.name
