"""The image and its Compose file, as far as they can be tried without Docker: their settings are
those of the program, and a process with the image's environment behaves as the documents say.
"""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bridge.settings import SETTINGS
from tests.calling import called, clean_environment
from tests.proof.harness import ROOT, Bridge

KNOWN = {setting.variable for setting in SETTINGS}
OF_COMPOSE = {"HANDOFF_PUBLISHED_PORT", "POSTGRES_PASSWORD"}
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def image_settings(data: Path) -> dict[str, str]:
    """Return the settings the image comes with, its volume in this folder."""
    found = dict(re.findall(r"\b(HANDOFF_\w+)=(\S+)", DOCKERFILE))
    return {name: value.replace("/data/", f"{data}/") for name, value in found.items()}


def examples() -> dict[str, str]:
    """Return every setting that .env.example names, those in comments too."""
    text = (ROOT / ".env.example").read_text("utf-8")
    return dict(re.findall(r"^(?:# )?([A-Z_]+)=(\S*)$", text, re.MULTILINE))


def test_every_setting_named_for_the_container_is_one() -> None:
    """A misspelt setting in Dockerfile, compose.yaml or .env.example would change nothing."""
    compose = (ROOT / "compose.yaml").read_text("utf-8")
    named = set(re.findall(r"\b(?:HANDOFF|SLACK)_[A-Z_]+\b", DOCKERFILE + compose))
    assert named | set(examples()) <= KNOWN | OF_COMPOSE
    assert {"SLACK_BOT_TOKEN", "HANDOFF_SLACK_ROOM", "HANDOFF_DESKS"} <= set(examples())


def test_compose_writes_only_where_the_image_keeps_its_data() -> None:
    """The one writable volume is the folder in which the image's database lies."""
    bridge = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["bridge"]
    (volume,) = bridge["volumes"]
    assert bridge["read_only"] is True
    assert bridge["env_file"] == ".env"
    folder = volume.partition(":")[2]
    assert f"HANDOFF_DATABASE_URL=sqlite:///{folder}/" in DOCKERFILE
    assert f"WORKDIR {folder}\nVOLUME {folder}\n" in DOCKERFILE


@pytest.mark.parametrize("given", ["nothing", "the example as it is"])
def test_without_settings_it_ends_and_names_them(tmp_path: Path, given: str) -> None:
    """As the image starts it, unconfigured: one line says what to set, and /data stays empty."""
    unset = dict.fromkeys(examples(), "") if given != "nothing" else {}
    done = called(tmp_path, "serve", **{**unset, **image_settings(tmp_path)})

    assert done.returncode == 2
    assert done.stderr.startswith("handoff: HANDOFF_DESKS: no desk is set up; set SLACK_BOT_TOKEN")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
async def test_with_a_desk_it_becomes_healthy(tmp_path: Path) -> None:
    """The image's own health check fails before the start, and passes after it."""
    found = re.search(r"^HEALTHCHECK .+?CMD (\[.+?\])$", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert found is not None
    _, *rest = json.loads(found[1])
    settings = {**image_settings(tmp_path), "HANDOFF_DESKS": "sandbox"}
    bridge = Bridge({**settings, "HANDOFF_HOST": "127.0.0.1"}, tmp_path / "log")
    environment = clean_environment(HANDOFF_PORT=str(bridge.port))

    def is_healthy() -> bool:
        done = subprocess.run(
            [sys.executable, *rest], env=environment, capture_output=True, timeout=20, check=False
        )
        return done.returncode == 0

    assert not is_healthy()
    try:
        await bridge.start()
        assert is_healthy()
    finally:
        await bridge.end(signal.SIGTERM)
