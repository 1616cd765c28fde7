"""Names of a project's definitions: keys of the assets, and names of jobs, sensors, ops and resources.

A project with a name (``[project] name``) prefixes all of them, so that several projects can share one Dagster.
"""

import dagster as dg

from wish_rollout.config import Config, Environment


def plan_key(project: str = "") -> dg.AssetKey:
    """Return the key of the release's plan."""
    return _key(project, "release", "plan")


def schema_key(environment: str, project: str = "") -> dg.AssetKey:
    """Return the key of an environment's schema."""
    return _key(project, "schema", environment)


def fleet_key(environment: str, project: str = "") -> dg.AssetKey:
    """Return the key of the rollout to a fleet. Its targets are the partitions of ``schema/<env>``."""
    return _key(project, "fleet", environment)


def stage_key(config: Config, env: Environment) -> dg.AssetKey:
    """Return the key of the asset that the pipeline materializes when an environment is done."""
    make_key = fleet_key if env.is_fleet else schema_key
    return make_key(env.name, config.project.name)


def approval_key(environment: str, project: str = "") -> dg.AssetKey:
    """Return the key of an environment's approvals. Each materialization is one signed approval.

    Dagster shows an asset by the last part of its key, so it differs from that of ``schema/<env>``.
    """
    return _key(project, "approval", f"{environment}_approval")


def prefixed(name: str, project: str = "") -> str:
    """Return the name of a job, a sensor, an op, a resource or a group of a project."""
    return f"{project}_{name}" if project else name


def parent_keys(config: Config, environment: str) -> list[dg.AssetKey]:
    """Return the upstream assets of ``schema/<env>``: the environment before it, or the plan; and its approvals."""
    project, names = config.project.name, [env.name for env in config.environments]
    env: Environment = config.find_environment(environment)
    position = names.index(environment) if environment in names else 0
    before = stage_key(config, config.environments[position - 1]) if position else plan_key(project)
    return [before, approval_key(environment, project)] if env.gated else [before]


def _key(project: str, *parts: str) -> dg.AssetKey:
    return dg.AssetKey([*([project] if project else []), *parts])
