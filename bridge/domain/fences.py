"""Fenced code in a Markdown text: where it begins, what its first line says, where it ends.

A fence is three or more backticks or tildes on a line of their own, behind which one word may name
the language. People also write their first line of code there: that is no language, it is code.
https://spec.commonmark.org/0.31.2/#fenced-code-blocks
"""

import re
from dataclasses import dataclass

_FENCE = re.compile(r" {0,3}(?:(?P<ticks>`{3,})(?P<after>[^`\n]*)|(?P<tildes>~{3,})(?P<rest>.*))")
_LANGUAGE = re.compile(r"[\w+#.-]{0,30}")


@dataclass(frozen=True, slots=True)
class Fence:
    """An opening fence: its marks, the language, or the code that stands behind the marks."""

    marks: str
    language: str = ""
    code: str = ""

    def ends_at(self, line: str) -> bool:
        """Return whether a line closes the block."""
        found = line.strip()
        return len(found) >= len(self.marks) and not found.strip(self.marks[0])


def fence_of(line: str) -> Fence | None:
    """Return the fence that a line opens, or None."""
    found = _FENCE.fullmatch(line)
    if found is None:
        return None
    marks = found["ticks"] or found["tildes"]
    behind = (found["after"] or found["rest"] or "").strip()
    if _LANGUAGE.fullmatch(behind):
        return Fence(marks, language=behind)
    return Fence(marks, code=behind)


def left_open(text: str) -> tuple[Fence, int] | None:
    """Return the fence that is still open at the end of a text, and where its line begins."""
    opened: tuple[Fence, int] | None = None
    at = 0
    for line in text.split("\n"):
        if opened is None:
            fence = fence_of(line)
            opened = (fence, at) if fence else None
        elif opened[0].ends_at(line):
            opened = None
        at += len(line) + 1
    return opened
