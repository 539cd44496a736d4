"""The table in docs/guarantees.md: rows from matrix.toml, tests from their markers.

Markers are read from the sources, not from a run, so that the page is the same on every machine.
"""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MATRIX = Path(__file__).with_name("matrix.toml")
LISTED = 3


class MatrixError(ValueError):
    """Markers and matrix do not fit together."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, and what must hold; `not_covered` is the reason why no test shows it."""

    id: str
    group: str
    fault: str
    holds: str
    not_covered: str = ""
    limits: str = ""


def read_matrix(path: Path = MATRIX) -> list[Row]:
    """Return the rows of the matrix."""
    return [Row(**row) for row in tomllib.loads(path.read_text("utf-8"))["row"]]


def marked_rows(node: ast.expr, place: str) -> Iterator[str]:
    """Yield the row ids named by fault markers within a decorator or a `pytestmark`."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or ast.unparse(call.func) != "pytest.mark.fault":
            continue
        if not call.args:
            raise MatrixError(f"{place}: the marker names no row")
        for argument in call.args:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise MatrixError(f"{place}: a row id is written out, as in fault('F01')")
            yield argument.value


def markers(body: list[ast.stmt], place: str) -> Iterator[tuple[str, str]]:
    """Yield (row id, test) for each marker in a module's or a class's body."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{place}::{node.name}"
            for decorator in node.decorator_list:
                for row in marked_rows(decorator, inner):
                    if not node.name.startswith("test_") and not isinstance(node, ast.ClassDef):
                        raise MatrixError(f"{inner}: the marker is not on a test")
                    yield row, inner
            if isinstance(node, ast.ClassDef):
                yield from markers(node.body, inner)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            yield from ((row, place) for row in marked_rows(node.value, place))


def scan(root: Path = ROOT) -> dict[str, list[str]]:
    """Return the tests of every row that is named in tests/, in the order of their paths."""
    shown: dict[str, list[str]] = {}
    for path in sorted((root / "tests").rglob("*.py")):
        place = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text("utf-8"), place)
        for row, test in markers(tree.body, place):
            tests = shown.setdefault(row, [])
            if test not in tests:
                tests.append(test)
    return shown


def check(rows: list[Row], shown: Mapping[str, list[str]]) -> None:
    """Raise `MatrixError`, naming every row that is unknown, shown and excused, or neither."""
    wrong = [
        f"{id} does not exist: {', '.join(shown[id])}" for id in shown.keys() - {r.id for r in rows}
    ]
    for row in rows:
        if row.id in shown and row.not_covered:
            wrong.append(f"{row.id} has tests and a reason why not: {', '.join(shown[row.id])}")
        elif row.id not in shown and not row.not_covered:
            wrong.append(f"{row.id} has neither a test nor a reason why not")
    if wrong:
        raise MatrixError("\n".join(sorted(wrong)))


def evidence(row: Row, tests: list[str]) -> str:
    """Return the last cell of a row: the first tests that show it, or why none does."""
    if not tests:
        return f"*{row.not_covered}*"
    more = [f"and {len(tests) - LISTED} more"] if len(tests) > LISTED else []
    limits = [f"*{row.limits}*"] if row.limits else []
    listed = (f"`{test.removeprefix('tests/')}`" for test in tests[:LISTED])
    return "<br>".join([*listed, *more, *limits])


def table(rows: list[Row], shown: Mapping[str, list[str]]) -> str:
    """Return the count and, group by group, the rows as Markdown; raise when they do not fit."""
    check(rows, shown)
    lines = [f"**{sum(row.id in shown for row in rows)} of {len(rows)} rows are shown by tests.**"]
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            lines += ["", f"## {group}", "", "| | Fault | What should hold | Shown by |"]
            lines.append("|---|---|---|---|")
        cells = (row.id, row.fault, row.holds, evidence(row, shown.get(row.id, [])))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def fault_table() -> str:
    """Return the table of this repository."""
    return table(read_matrix(), scan())
