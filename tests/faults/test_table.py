"""The table of faults: what it counts, and what it refuses."""

from pathlib import Path

import pytest

from tests.faults.table import MatrixError, Row, fault_table, read_matrix, scan, table

ONE = Row("F01", "Inbound", "comes twice", "taken once")
EXCUSED = Row("F02", "Inbound", "comes from Mars", "is taken", "there is no one on Mars")

MARKED = """
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.fault("F01")]


@pytest.mark.fault("F02", "F03")
class TestMany:
    @pytest.mark.fault("F04")
    async def test_one(self): ...


@pytest.mark.parametrize("what", [pytest.param(1, marks=pytest.mark.fault("F05")), 2])
@pytest.mark.fault("F04")
def test_two(what): ...
"""


def written(folder: Path, text: str) -> Path:
    """Return a folder whose tests/ holds one file with this text."""
    (folder / "tests").mkdir()
    (folder / "tests" / "test_it.py").write_text(text, "utf-8")
    return folder


def test_markers_are_found_wherever_pytest_takes_them(tmp_path: Path) -> None:
    """On modules, classes, methods, functions and single parameters, one or several ids each."""
    assert scan(written(tmp_path, MARKED)) == {
        "F01": ["tests/test_it.py"],
        "F02": ["tests/test_it.py::TestMany"],
        "F03": ["tests/test_it.py::TestMany"],
        "F04": ["tests/test_it.py::TestMany::test_one", "tests/test_it.py::test_two"],
        "F05": ["tests/test_it.py::test_two"],
    }


@pytest.mark.parametrize(
    ("decorator", "function", "said"),
    [
        ("fault()", "test_it", "names no row"),
        ("fault(ROW)", "test_it", "written out"),
        ("fault(1)", "test_it", "written out"),
        ("fault('F01')", "a_fixture", "not on a test"),
    ],
)
def test_a_marker_that_says_nothing_is_refused(
    tmp_path: Path, decorator: str, function: str, said: str
) -> None:
    """No id, an id that cannot be read, or a function that is no test: an error with its place."""
    text = f"import pytest\n\n@pytest.mark.{decorator}\ndef {function}(): ...\n"

    with pytest.raises(MatrixError, match=f"test_it.py::{function}: .*{said}"):
        scan(written(tmp_path, text))


def test_the_count_and_the_reasons_are_in_the_table() -> None:
    """Rows with tests are counted; the others say why they have none."""
    made = table([ONE, EXCUSED], {"F01": ["tests/a.py::test_a"]})

    assert made.startswith("**1 of 2 rows are shown by tests.**")
    assert "| F01 | comes twice | taken once | `a.py::test_a` |" in made
    assert "| F02 | comes from Mars | is taken | *there is no one on Mars* |" in made


def test_many_tests_are_counted_not_listed() -> None:
    """After three tests the row says how many more there are."""
    made = table([ONE], {"F01": [f"tests/a.py::test_{n}" for n in range(5)]})

    assert "`a.py::test_2`<br>and 2 more |" in made
    assert "test_3" not in made


@pytest.mark.parametrize(
    ("rows", "shown", "said"),
    [
        ([ONE], {"F01": ["a"], "F99": ["tests/a.py::test_a"]}, "F99 does not exist: tests/a.py"),
        ([EXCUSED], {"F02": ["tests/a.py::test_a"]}, "F02 has tests and a reason why not: tests/a"),
        ([ONE, EXCUSED], {}, "F01 has neither a test nor a reason"),
    ],
)
def test_what_does_not_fit_is_named(
    rows: list[Row], shown: dict[str, list[str]], said: str
) -> None:
    """A row that is unknown, both shown and excused, or neither is an error that names it."""
    with pytest.raises(MatrixError, match=said):
        table(rows, shown)


def test_the_matrix_of_this_repository_is_whole() -> None:
    """Ninety-two rows, numbered without a gap, each with its tests or its reason."""
    rows = read_matrix()

    assert [row.id for row in rows] == [f"F{number:02}" for number in range(1, 93)]
    assert " of 92 rows are shown by tests" in fault_table()
