"""Builds the widget: `python -m adapters.web.widget`, or `make widget`. Needs Node and npm."""

import shutil
import subprocess
import sys

from adapters.web.widget import BUDGET, BUILT, SOURCES, digest, packed_size


def run(*command: str) -> None:
    """Run a tool beside the sources; a failure ends the build with its status."""
    done = subprocess.run(command, cwd=SOURCES, check=False)  # noqa: S603 - our own commands
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    """Install the two tools if they are missing, build, and hold the result to its budget."""
    if not (shutil.which("node") and shutil.which("npm")):
        sys.exit("building the widget needs node and npm on the path (https://nodejs.org)")
    if not (SOURCES / "node_modules").is_dir():
        run("npm", "ci", "--no-fund", "--no-audit", "--ignore-scripts")
    run("node", "build.mjs", digest(), str(BUILT))
    size = packed_size(BUILT.read_bytes())
    print(f"{BUILT.name}: {size} of {BUDGET} bytes, packed")  # noqa: T201 - its answer
    if size > BUDGET:
        sys.exit(f"the widget is {size - BUDGET} bytes over its budget")


main()
