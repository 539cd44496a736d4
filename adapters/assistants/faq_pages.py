"""Reads a folder of Markdown files as questions and answers.

`# Topic`, then `## Question` and below it the answer; a file without `##` is one answer.
`<!-- also: … ; … -->` in an answer lists other ways to ask. `name.fr.md` or `fr/name.md` is for
customers who read French; a file without a language is for everybody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from bridge.domain.errors import ConfigurationError

SETTING = "HANDOFF_FAQ_DIR"
LONGEST = 8_000

_HEADING = re.compile(r"(#{1,2})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_ALSO = re.compile(r"\s*also\s*:(.*)", re.DOTALL | re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2}")


@dataclass(frozen=True, slots=True)
class Section:
    """One answer: its question, the topic above it, other ways to ask, and where it stands."""

    language: str
    topic: str
    question: str
    text: str
    aliases: tuple[str, ...]
    place: str


@dataclass(slots=True)
class _Open:
    """The section being read: its heading, the number of its line, and its lines."""

    level: int
    heading: str
    number: int
    lines: list[str] = field(default_factory=list)


def load_sections(folder: Path) -> tuple[Section, ...]:
    """Return every section under `folder`; raises `ConfigurationError` with all problems."""
    if not folder.is_dir():
        raise ConfigurationError([f"{SETTING}: {folder} is not a folder"])
    paths = sorted(folder.rglob("*.md"))
    if not paths:
        raise ConfigurationError([f"{SETTING}: there are no Markdown files (*.md) in {folder}"])
    sections: list[Section] = []
    problems: list[str] = []
    for path in paths:
        try:
            sections.extend(read_page(path, folder))
        except ConfigurationError as error:
            problems.extend(f"{SETTING}: {problem}" for problem in error.problems)
    if problems:
        raise ConfigurationError(problems)
    return tuple(sections)


def read_page(path: Path, folder: Path) -> list[Section]:
    """Return the sections of one file; raises `ConfigurationError`."""
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise ConfigurationError([f"{path} is not UTF-8 text: save it as UTF-8"]) from None
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}"]) from None
    sections = list(_sections(lines, language_of(path, folder), path))
    if not sections:
        raise ConfigurationError([f"{path} has no answers: write `## Question` and text below it"])
    problems = [
        f"{section.place}: the answer is longer than {LONGEST} characters; split it"
        for section in sections
        if len(section.text) > LONGEST
    ]
    if problems:
        raise ConfigurationError(problems)
    return sections


def language_of(path: Path, folder: Path) -> str:
    """Return the language that a file's name or folder says, or nothing."""
    named = path.stem.rpartition(".")[2] if "." in path.stem else ""
    for part in (named, *path.relative_to(folder).parts[:-1]):
        language = part.lower().partition("-")[0]
        if _LANGUAGE.fullmatch(language):
            return language
    return ""


def _sections(lines: list[str], language: str, path: Path) -> Iterator[Section]:
    """Yield the sections of a file's lines."""
    topic = ""
    for part in _parts(lines):
        section = _section(part, topic, language, path)
        if part.level == 1:
            topic = part.heading
            if section.text:
                yield section
        elif not section.text:
            raise ConfigurationError([f"{section.place}: “{part.heading}” has no answer below it"])
        else:
            yield section


def _parts(lines: list[str]) -> Iterator[_Open]:
    """Cut a file at its headings of the first two levels; what fences hold is text."""
    part: _Open | None = None
    fence = ""
    for number, line in enumerate(lines, start=1):
        mark = _FENCE.match(line)
        if mark and fence in {"", mark[1]}:
            fence = "" if fence else mark[1]
        heading = None if fence else _HEADING.match(line)
        if heading:
            if part is not None:
                yield part
            part = _Open(len(heading[1]), heading[2], number)
        elif part is not None:
            part.lines.append(line)
    if part is not None:
        yield part


def _section(part: _Open, topic: str, language: str, path: Path) -> Section:
    """Return one section; its comments are other ways to ask, or nothing."""
    text = "\n".join(part.lines)
    also = [_ALSO.match(comment) for comment in _COMMENT.findall(text)]
    asked = [way.strip() for match in also if match for way in re.split(r"[;\n]", match[1])]
    section = Section(
        language=language,
        topic=topic,
        question=part.heading,
        text=_COMMENT.sub("", text).strip(),
        aliases=tuple(way for way in asked if way),
        place=f"{path}, line {part.number}",
    )
    return replace(section, topic=section.question) if part.level == 1 else section
