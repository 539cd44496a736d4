"""What the admin steers from the desk, over the real core and a real policy file."""

from pathlib import Path

from bridge.app.policy import PolicyFile
from bridge.app.steering import steering
from bridge.config import read_settings
from bridge.domain.errors import Refused
from tests.relay.conftest import world
from tests.world import World

__all__ = ["world"]


def policy_file(folder: Path, text: str) -> PolicyFile:
    """Return a policy read from a file with this text."""
    path = folder / "handoff.toml"
    path.write_text(text)
    return PolicyFile(
        read_settings(
            {
                "HANDOFF_CONFIG": str(path),
                "HANDOFF_DATABASE_URL": f"sqlite:///{folder}/s.db",
                "HANDOFF_DESKS": "sandbox",
            }
        )
    )


async def test_a_reload_takes_the_new_file(world: World, tmp_path: Path) -> None:
    """Another version is in force, and says which."""
    policy = policy_file(tmp_path, "[policy]\nmin_attempts = 0\n")
    before = policy.current.version
    (tmp_path / "handoff.toml").write_text("[policy]\nmin_attempts = 3\n")
    said = await steering(world.relay, policy, world.clock)["policy"]("reload")

    assert policy.current.version != before
    assert policy.current.version in said


async def test_a_bad_file_is_refused_with_its_line_and_the_old_policy_stays(
    world: World, tmp_path: Path
) -> None:
    """The running policy is never half replaced."""
    policy = policy_file(tmp_path, "[policy]\nmin_attempts = 1\n")
    before = policy.current
    (tmp_path / "handoff.toml").write_text('[policy]\nmin_attempts = "many"\n')
    said = await steering(world.relay, policy, world.clock)["policy"]("reload")

    assert policy.current is before
    assert "min_attempts" in said
    assert "2" in said


async def test_what_was_given_up_on_is_listed(world: World, tmp_path: Path) -> None:
    """The admin sees the reason and the id to retry."""
    customer = await world.escalated()
    world.desk.before = [Refused("message too odd")]
    await world.says(customer, "never arrives")
    await world.settle()
    said = await steering(world.relay, policy_file(tmp_path, ""), world.clock)["dead"]("")

    assert "message too odd" in said


async def test_the_hours_are_told(world: World, tmp_path: Path) -> None:
    """Without hours somebody is taken to be there."""
    policy = policy_file(tmp_path, "")
    assert "at all times" in await steering(world.relay, policy, world.clock)["hours"]("")
