"""Settings for every test: how hypothesis searches, and what is skipped, aloud.

Fixtures live beside the tests that use them, in the conftest.py of their folder.
"""

import shutil

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.databases"]

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

# A shared machine stalls now and then: slowness is measured by benchmarks, not by examples.
settings.register_profile(
    "bridge", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("bridge")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what drives a browser where no Chromium is installed."""
    if any(shutil.which(name) for name in CHROMIUM_NAMES):
        return
    skip = pytest.mark.skip(reason="no Chromium on this machine: `make tools` installs it")
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(skip)
