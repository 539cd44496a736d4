"""Where a demo keeps what it is told: nothing stays behind, not even after a kill."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from bridge.cli import demo_folder
from tests.calling import PATIENCE, clean_environment


def test_a_folder_goes_with_its_demo(tmp_path: Path) -> None:
    """While the demo runs it has a folder that only it may read; afterwards none is left."""
    with demo_folder.fresh_folder(tmp_path) as folder:
        (folder / "demo.db").write_text("words")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert [folder] == list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_a_stale_folder_is_removed_and_one_in_use_is_not(tmp_path: Path) -> None:
    """Of three folders only that of a demo that lives no more goes."""
    stale, foreign = tmp_path / "handoff-demo-old", tmp_path / "handoff-other"
    for folder in (stale, foreign):
        folder.mkdir()
        (folder / "demo.db").write_text("words")
    with demo_folder.fresh_folder(tmp_path) as used:
        demo_folder.remove_stale(tmp_path)
        assert set(tmp_path.iterdir()) == {used, foreign}


def test_what_a_link_leads_to_is_left_alone(tmp_path: Path) -> None:
    """A link that looks like a demo's folder is not followed."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "photo").write_text("me")
    (tmp_path / "handoff-demo-link").symlink_to(precious)
    demo_folder.remove_stale(tmp_path)
    assert (precious / "photo").read_text() == "me"


async def demo(tmp_path: Path) -> asyncio.subprocess.Process:
    """Start a demo and wait until it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "demo", "--no-open", "--port", "0"),
        env=clean_environment(TMPDIR=str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert b"ready" in await process.stdout.readline()
    return process


def folders(tmp_path: Path) -> set[Path]:
    """Return the folders of demos."""
    return set(tmp_path.glob("handoff-demo-*"))


@pytest.mark.slow
async def test_the_next_demo_sweeps_up_after_a_killed_one(tmp_path: Path) -> None:
    """A killed demo leaves its folder; the next one removes it, and a third disturbs neither."""
    running = [await demo(tmp_path)]
    try:
        (killed,) = folders(tmp_path)
        running[0].kill()
        await running[0].wait()
        assert folders(tmp_path) == {killed}
        running = [await demo(tmp_path)]
        (second,) = folders(tmp_path)
        assert second != killed
        running.append(await demo(tmp_path))
        assert len(folders(tmp_path)) == 2
        assert second in folders(tmp_path)
        for process in running:
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        assert folders(tmp_path) == set()
    finally:
        for process in running:
            if process.returncode is None:
                process.kill()
                await process.wait()
