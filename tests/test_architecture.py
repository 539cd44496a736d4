"""The shape of the code, kept by reading the code: sizes, names, words, who starts tasks.

Imports between packages are kept by import-linter (pyproject.toml); style by ruff and mypy.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE_PACKAGES = ("bridge", "adapters", "storage")

STARTERS = ("bridge/app/", "adapters/short.py")
"""What may start tasks: the composition root, and a connection, which waits for its answer."""

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
MAX_PARAMETERS = 6
MAX_MEDIAN_FUNCTION_LINES = 7
MAX_P95_FUNCTION_LINES = 30

EMPTY_NAMES = {"helpers", "helper", "utils", "util", "common", "misc", "base"}
EMPTY_NAMES |= {"manager", "managers", "service", "services"}

# The glossary's "never": the person at the desk is a teammate, the AI an assistant.
BANNED_WORDS = {"agent", "agents", "operator", "operators", "user", "users"}
# Where the word is not ours, or means somebody else, it may stand.
WORDS_SPOKEN_IN = {
    "adapters/slack/": {"user", "users"},  # the platform's own field names
    "adapters/teams/": {"user", "users"},
    "tests/adapters/": {"user", "users"},
    "tests/servers/": {"user", "users"},
    "bridge/app/": {"operator"},  # who runs the bridge, and never answers a customer
    "bridge/cli/": {"operator"},
    "tests/stories/": {"operator"},
}
# A browser's name for itself is one word of HTTP.
HTTP_WORD = re.compile("user_?agent", re.IGNORECASE)

MOCK_WORDS = re.compile(
    r"\b(?:Magic|Async|NonCallable)?Mock\b|\bmonkeypatch\b|\bmocker\b|\bpretend\.|\bpatch\("
)
# Written with character classes, so that this file does not hold what it looks for.
INDEX_WORDS = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|yarnpkg[.]com"
    r"|index[-]url|find[-]links|/simple[/]|\"resolved\"[:]\s*\"http"
)


@cache
def tracked_files() -> tuple[str, ...]:
    """Return the paths under version control that are present, relative to the root."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listing.returncode != 0:
        pytest.skip("not a git work tree: what belongs to the project cannot be told")
    return tuple(path for path in listing.stdout.split("\0") if path and (ROOT / path).is_file())


def python_files(*folders: str) -> list[str]:
    """Return the tracked Python files in these top-level folders."""
    return [
        path
        for path in tracked_files()
        if path.endswith(".py") and path.split("/", 1)[0] in folders
    ]


def source_files() -> list[str]:
    """Return the Python files of the program itself."""
    return python_files(*SOURCE_PACKAGES)


def program_files() -> list[str]:
    """Return the same without the migrations, which are as long as the schema makes them."""
    return [path for path in source_files() if not path.startswith("storage/migrations/")]


@cache
def parse(path: str) -> ast.Module:
    """Return the syntax tree of one file."""
    return ast.parse((ROOT / path).read_text(), path)


def functions(path: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of one file."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def span(node: ast.stmt) -> int:
    """Return how many lines a statement takes."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the length of a function's body, its docstring left out."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the names a caller may give, the instance or class left out."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [argument.arg for argument in named if argument.arg not in {"self", "cls"}]


def introduced_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield, with their lines, the names a file brings into being; those it only uses are free."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case _:
                pass


def words(name: str) -> set[str]:
    """Split an identifier into its words, in lower case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", HTTP_WORD.sub("", name))
    return {word.lower() for word in spaced.split("_") if word}


def banned_words(path: str) -> set[str]:
    """Return the words no identifier of this file may hold."""
    spoken = (free for folder, free in WORDS_SPOKEN_IN.items() if path.startswith(folder))
    return BANNED_WORDS.difference(*spoken)


def starts_a_task(node: ast.AST) -> bool:
    """Tell whether this names a way to start a task that no group waits for."""
    if not isinstance(node, ast.Attribute):
        return False
    owner = ast.unparse(node.value)
    loose = owner == "asyncio" or owner.endswith(("loop", "loop()"))
    return loose and node.attr in {"create_task", "ensure_future", "run_coroutine_threadsafe"}


def imported_roots(path: str) -> Iterator[str]:
    """Yield the dotted names a file imports."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def pins(lock: str) -> dict[str, str]:
    """Return what a lock pins: the name, and the version with its conditions."""
    lines = (ROOT / lock).read_text().splitlines()
    pinned = [re.match(r"([A-Za-z0-9._-]+)==(\S+)", line) for line in lines]
    return {match[1]: match[2] for match in pinned if match}


def canonical(requirement: str) -> str:
    """Return the name in a requirement, as a lock spells it."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def test_files_have_one_subject_and_room_for_it() -> None:
    """A file of the program is at most 300 lines long."""
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in program_files()}
    long = [f"{n} lines: {path}" for path, n in lengths.items() if n > MAX_FILE_LINES]
    assert not long, "\n".join(long)


def test_functions_fit_on_a_screen() -> None:
    """No function of the program takes more than 50 lines, its docstring included."""
    long = [
        f"{span(node)} lines: {path}:{node.lineno} {node.name}"
        for path in program_files()
        for node in functions(path)
        if span(node) > MAX_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_functions_are_short_as_a_habit() -> None:
    """Half of the functions have bodies of at most 7 lines, and 95 of 100 at most 30."""
    lengths = sorted(body_lines(node) for path in source_files() for node in functions(path))
    assert median(lengths) <= MAX_MEDIAN_FUNCTION_LINES
    assert lengths[int(len(lengths) * 0.95)] <= MAX_P95_FUNCTION_LINES


def test_functions_take_few_parameters() -> None:
    """A caller gives at most six values, by position or by name."""
    wide = [
        f"{len(parameters(node))} parameters: {path}:{node.lineno} {node.name}"
        for path in source_files()
        for node in functions(path)
        if len(parameters(node)) > MAX_PARAMETERS
    ]
    assert not wide, "\n".join(wide)


def test_modules_are_named_after_their_subject() -> None:
    """No module or folder has a name that fits everything."""
    vague = [
        path
        for path in python_files(*SOURCE_PACKAGES, "tests")
        if EMPTY_NAMES & {part.removesuffix(".py") for part in path.split("/")}
    ]
    assert not vague, "\n".join(vague)


def test_identifiers_keep_to_the_glossary() -> None:
    """The words that mean two people are in no identifier of ours."""
    strayed = [
        f"{path}:{line} {name}"
        for path in python_files(*SOURCE_PACKAGES, "tests")
        for line, name in introduced_names(parse(path))
        if words(name) & banned_words(path)
    ]
    assert not strayed, "\n".join(strayed)


def test_tests_use_fakes_not_mocks() -> None:
    """No test replaces a part of the program behind its back."""
    mocked = [
        f"{path}:{number}"
        for path in python_files("tests")
        if path != "tests/test_architecture.py"
        for number, line in enumerate((ROOT / path).read_text().splitlines(), start=1)
        if MOCK_WORDS.search(line)
    ]
    assert not mocked, "\n".join(mocked)


def test_every_test_says_what_it_shows() -> None:
    """Each test function has a docstring."""
    silent = [
        f"{path}:{node.name}"
        for path in python_files("tests")
        for node in functions(path)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent, "\n".join(silent)


def test_only_the_composition_root_starts_tasks() -> None:
    """Elsewhere no task is started that nothing waits for."""
    loose = [
        f"{path}:{node.lineno}"
        for path in source_files()
        if not path.startswith(STARTERS)
        for node in ast.walk(parse(path))
        if starts_a_task(node) and isinstance(node, ast.expr)
    ]
    assert not loose, "\n".join(loose)


def test_the_rules_need_only_the_standard_library() -> None:
    """The domain and the reactions import the standard library and themselves."""
    pure = ("bridge/domain/", "bridge/reactions/")
    foreign = [
        f"{path}: {name}"
        for path in source_files()
        if path.startswith(pure)
        for name in imported_roots(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith(("bridge.domain", "bridge.reactions"))
    ]
    assert not foreign, "\n".join(foreign)


def test_no_file_names_a_package_index() -> None:
    """Where packages come from is the machine's affair: no tracked file holds an index address."""
    telling = []
    for path in tracked_files():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if INDEX_WORDS.search(text):
            telling.append(path)
    assert not telling, "\n".join(telling)


def test_every_exception_from_the_lint_rules_is_explained() -> None:
    """Each rule left out in pyproject.toml carries its reason, beside it or above its folder."""
    text = (ROOT / "pyproject.toml").read_text()
    section = text.split("[tool.ruff.lint]", 1)[1].split("[tool.ruff.lint.flake8-builtins]", 1)[0]
    lines = section.splitlines()
    unexplained = [
        line
        for before, line in pairwise(lines)
        if (re.match(r'    "[A-Z]+\d*",', line) and "# " not in line)
        or (re.match(r'".*" = \[".*\]', line) and not before.startswith(("#", '"')))
    ]
    assert not unexplained, "\n".join(unexplained)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    """Every dependency of pyproject.toml is pinned, and both locks agree on what they share."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = project["project"]["dependencies"] + project["dependency-groups"]["build"]
    runtime += project["project"]["optional-dependencies"]["speed"]
    locked, locked_dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {canonical(name) for name in runtime} <= locked.keys()
    assert {canonical(name) for name in project["dependency-groups"]["dev"]} <= locked_dev.keys()
    assert {name: locked_dev.get(name) for name in locked} == locked


def test_every_pin_is_hashed() -> None:
    """No line of a lock can be satisfied by a file with another content."""
    for lock in ("requirements.lock", "requirements-dev.lock"):
        entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text())
        bare = [entry.split()[0] for entry in entries if "==" in entry and "sha256:" not in entry]
        assert bare == [], lock
