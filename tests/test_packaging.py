"""What is installed from a wheel is all that a running bridge needs, and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bridge", "adapters", "storage")
# The widget's sources: what is served was built from them, and only that is shipped.
WIDGET = "adapters/web/widget/"


def tracked(*paths: str) -> list[str]:
    """Return the files under version control below these paths."""
    command = ["git", "ls-files", "-z", *paths]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git work tree: what belongs to the project cannot be told")
    return [path for path in listing.stdout.split("\0") if path and (ROOT / path).is_file()]


def build_wheel(tree: Path, target: Path) -> list[str]:
    """Build a wheel offline from a tree and return the names of the files in it."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(target), str(tree)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (wheel,) = target.glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_program(tmp_path: Path) -> None:
    """Code, texts, pages and migrations are in the wheel; the widget's sources are not."""
    program = tracked(*PACKAGES)
    for path in [*program, "pyproject.toml", "LICENSE", *tracked("README.md")]:
        copy = tmp_path / "tree" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, copy)
    shipped = set(build_wheel(tmp_path / "tree", tmp_path / "wheels"))
    wanted = {path for path in program if path.endswith(".py") or not path.startswith(WIDGET)}
    assert {name for name in shipped if name.startswith(PACKAGES)} == wanted
