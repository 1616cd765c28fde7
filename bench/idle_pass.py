"""A pass over all targets of the fleet in the current folder, as the ticks of the drift sensor do it, without Dagster."""

from __future__ import annotations

import sys
from pathlib import Path

from wish_rollout.rollout.fleet.drift_pass import DriftPass
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.servers.fleet_targets import read_fleet


def main() -> int:
    """Examine all targets; return 1 if the last pass knew of none, so that it was no idle pass."""
    project = Project.load(Path("rollout.toml"))
    (env,) = project.config.fleets
    found, targets = DriftPass(project, env), read_fleet(project.config, env)
    before = {name: state.token for name, state in found.states.items()}
    found.read(targets, 3600)
    found.save([target.name for target in targets], sys.stderr.write)
    return int({name: state.token for name, state in found.states.items()} != before)


if __name__ == "__main__":
    sys.exit(main())
