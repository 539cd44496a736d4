"""What the admin steers from the desk: the words of `/handoff` that the program itself answers."""

from bridge.app.desks import Steering
from bridge.app.policy import PolicyFile
from bridge.domain.errors import ConfigurationError
from bridge.ports.core import Clock
from bridge.reactions.escalation import local_time
from bridge.relay.relay import Relay

MOST_SHOWN = 20


def steering(relay: Relay, policy: PolicyFile, clock: Clock) -> Steering:
    """Return the answers by word; each takes the rest of the command."""

    async def about_policy(rest: str) -> str:
        if rest.strip().casefold() == "reload":
            return _reloaded(policy)
        return (
            f"Policy `{policy.current.version}` is in force. `policy reload` reads `handoff.toml` "
            "again; `handoff policy backtest` shows what a change would do."
        )

    async def dead(rest: str) -> str:
        del rest
        found = await relay.store.dead(MOST_SHOWN + 1)
        if not found:
            return "Nothing was given up on."
        lines = [f"`{one.id}` {one.leg}: {one.error}" for one in found[:MOST_SHOWN]]
        if len(found) > MOST_SHOWN:
            lines.append("There are more: `handoff dead list` shows all of them.")
        return "\n".join([*lines, "Mend with `handoff dead retry ID` where the bridge runs."])

    async def hours(rest: str) -> str:
        del rest
        return _open_now(policy, clock.now())

    return {"policy": about_policy, "dead": dead, "hours": hours}


def _reloaded(policy: PolicyFile) -> str:
    try:
        return f"Policy `{policy.reload()}` is in force now."
    except ConfigurationError as error:
        problems = "\n".join(f"• {problem}" for problem in error.problems)
        return f"Refused; the policy in force stays.\n{problems}"


def _open_now(policy: PolicyFile, now: float) -> str:
    hours = policy.current.hours
    if hours is None:
        return "No hours are set: somebody is taken to be here at all times."
    if hours.is_open(now):
        return "Open now."
    opening = hours.next_opening(now)
    when = local_time(opening, hours.zone) if opening is not None else "no day within a year"
    return f"Closed now; open again: {when}."
