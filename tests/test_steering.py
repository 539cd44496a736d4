"""What the admin steers from the desk, over the real core and a real policy file."""

from contextlib import chdir
from pathlib import Path

import pytest

from bridge.app.policy import PolicyFile
from bridge.app.steering import MOST_SHOWN, steering
from bridge.cli.serve import demo_settings
from bridge.config import read_settings
from bridge.domain.errors import ConfigurationError, Refused
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


def test_a_file_that_was_not_there_at_the_start_is_read(tmp_path: Path) -> None:
    """Without a file a reload changes nothing; once there is one, it is taken."""
    with chdir(tmp_path):
        policy = PolicyFile(read_settings({"HANDOFF_DESKS": "sandbox"}))
        before = policy.current.version
        assert policy.reload() == before
        (tmp_path / "handoff.toml").write_text("[policy]\nmin_attempts = 3\n")
        assert policy.reload() != before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[policy]\nmin_atempts = 3\n", "min_atempts"),
        ("[polcy]\nmin_attempts = 3\n", "[polcy]: no such part of handoff.toml"),
        ("prot = 1\n", "prot: no such setting in handoff.toml; did you mean port?"),
        ("[policy\n", "cannot be read"),
    ],
)
def test_a_misspelt_file_that_comes_later_is_refused_as_at_the_start(
    tmp_path: Path, text: str, said: str
) -> None:
    """Its names are looked at as well, and the policy stays as it was."""
    with chdir(tmp_path):
        policy = PolicyFile(read_settings({"HANDOFF_DESKS": "sandbox"}))
        before = policy.current
        (tmp_path / "handoff.toml").write_text(text)
        with pytest.raises(ConfigurationError) as caught:
            policy.reload()
    assert said in caught.value.problems[0]
    assert policy.current is before


def test_a_file_that_was_read_and_is_gone_is_refused(tmp_path: Path) -> None:
    """It was taken away by mistake, or is being replaced: the policy stays as it was."""
    policy = policy_file(tmp_path, "[policy]\nmin_attempts = 1\n")
    before = policy.current
    (tmp_path / "handoff.toml").unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        policy.reload()
    assert policy.current is before


def test_the_demo_reads_no_file(tmp_path: Path) -> None:
    """What lies in the folder it is started in is not its own."""
    with chdir(tmp_path):
        policy = PolicyFile(demo_settings(tmp_path, 0))
        before = policy.current.version
        (tmp_path / "handoff.toml").write_text("[policy]\nmin_attempts = 3\n")
        assert policy.reload() == before


async def test_what_was_given_up_on_is_listed(world: World, tmp_path: Path) -> None:
    """The admin sees the reason and the id to retry."""
    customer = await world.escalated()
    world.desk.before = [Refused("message too odd")]
    await world.says(customer, "never arrives")
    await world.settle()
    said = await steering(world.relay, policy_file(tmp_path, ""), world.clock)["dead"]("")

    assert "message too odd" in said


async def test_a_long_list_of_what_was_given_up_on_says_so(world: World, tmp_path: Path) -> None:
    """The first lines are not taken for all."""
    dead = steering(world.relay, policy_file(tmp_path, ""), world.clock)["dead"]
    for number in range(MOST_SHOWN + 1):
        customer = await world.escalated()
        world.desk.before = [Refused("message too odd")]
        await world.says(customer, f"never arrives {number}")
        await world.settle()
        said = await dead("")
        assert said.count("message too odd") == min(number + 1, MOST_SHOWN)
        assert ("There are more" in said) is (number == MOST_SHOWN)


async def test_the_hours_are_told(world: World, tmp_path: Path) -> None:
    """Without hours somebody is taken to be there."""
    policy = policy_file(tmp_path, "")
    assert "at all times" in await steering(world.relay, policy, world.clock)["hours"]("")
