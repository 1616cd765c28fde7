"""The choice of some targets of a fleet, by their names or by a wave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.fleets.rollouts import NoTargetSelected, UnknownFleetTarget
from wish_rollout.rollout.fleet.wave_rollout import waves_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.config import Environment
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget


def select_targets(
    env: Environment, targets: Sequence[FleetTarget], names: Sequence[str], wave: str = ""
) -> tuple[FleetTarget, ...]:
    """Return the named targets and those of a wave, in the order of the list.

    Raises NoTargetSelected if neither are given, and UnknownFleetTarget.
    """
    if not names and not wave:
        raise NoTargetSelected(env.name)
    known = {target.name for target in targets}
    for name in names:
        if name not in known:
            raise UnknownFleetTarget(env.name, "target", name)
    chosen = set(names)
    if wave:
        waves = {each.wave.name: each for each in waves_of(env, targets)}
        if wave not in waves:
            raise UnknownFleetTarget(env.name, "wave", wave)
        chosen |= {target.name for target in waves[wave].targets}
    return tuple(target for target in targets if target.name in chosen)
