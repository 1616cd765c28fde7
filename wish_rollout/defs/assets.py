"""The road: one graph from the plan through every environment, as graph-backed assets.

``preflight_drift_check → migrate_<env> → verify_<env> → … → manual_gate → …``, built from rollout.toml. A gate
has an optional output: without an approval there is none, what is behind it is skipped, and the run succeeds.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.defs import ops
from wish_rollout.defs.resources import database_key
from wish_rollout.defs.runs.notifications import failure_hook

PLAN_KEY = dg.AssetKey(["release", "plan"])
PIPELINE = "rollout_road"


def schema_key(environment: str) -> dg.AssetKey:
    """Name the asset of an environment's schema."""
    return dg.AssetKey(["schema", environment])


def approval_key(environment: str) -> dg.AssetKey:
    """Name the asset whose materializations are the approvals of an environment."""
    return dg.AssetKey(["approval", environment])


def gate_name(config: Config, env: Environment) -> str:
    """Name a gate's op: ``manual_gate``, with the environment behind it where there are several."""
    gated = [each for each in config.environments if each.gated]
    return "manual_gate" if len(gated) == 1 else f"manual_gate_{env.name}"


def make_preflight_op(environments: tuple[Environment, ...]) -> dg.OpDefinition:
    """Make the op that looks at every environment before any is touched."""

    @dg.op(
        name="preflight_drift_check",
        out={"plan": dg.Out(dg.Nothing), "planned": dg.Out(dict, description="each environment's plan")},
        required_resource_keys={"project", "choices", *(database_key(env.name) for env in environments)},
        description="Looks at every environment before any is touched, and plans the release against each.",
    )
    def preflight(context: dg.OpExecutionContext) -> Iterator[dg.Output[Any]]:
        yield from ops.preflight(context, environments)

    return preflight


def migrate_op(env: Environment) -> dg.OpDefinition:
    """Make the op that migrates one environment, under its lock."""

    @dg.op(
        name=f"migrate_{env.name}",
        ins={"planned": dg.In(dict), "after": dg.In(dg.Nothing)},
        out=dg.Out(dict, description="what was done"),
        required_resource_keys={"project", "choices", database_key(env.name)},
        description=f"Takes {env.name} to the release's head, if that is still what was planned.",
    )
    def migrate(context: dg.OpExecutionContext, planned: dict[str, Any]) -> dict[str, Any]:
        return ops.migrate(context, env, planned)

    return migrate


def verify_op(env: Environment) -> dg.OpDefinition:
    """Make the op that looks again, checks, and materializes ``schema/<env>``."""

    @dg.op(
        name=f"verify_{env.name}",
        ins={"migrated": dg.In(dict)},
        out=dg.Out(dg.Nothing),
        required_resource_keys={"project", database_key(env.name)},
        description=f"Proves that {env.name} is exactly what was there before plus the promised delta.",
    )
    def verify(context: dg.OpExecutionContext, migrated: dict[str, Any]) -> Iterator[Any]:
        yield from ops.verify(context, env, migrated)

    return verify


def gate_op(config: Config, env: Environment) -> dg.OpDefinition:
    """Make the gate before an environment."""

    @dg.op(
        name=gate_name(config, env),
        ins={"after": dg.In(dg.Nothing), "approval": dg.In(dg.Nothing)},
        out=dg.Out(dg.Nothing, is_required=False),
        required_resource_keys={"project", "choices", database_key(env.name)},
        description=f"Lets the run through to {env.name} if a person has approved exactly its plan.",
    )
    def gate(context: dg.OpExecutionContext) -> Iterator[dg.Output[None]]:
        yield from ops.gate(context, env)

    return gate


def road(config: Config) -> dg.AssetsDefinition:
    """Lay the whole road as one graph whose outputs are the assets."""
    environments = config.environments
    preflight = make_preflight_op(environments)
    told = {
        failure_hook(config)
    }  # on the ops, since Dagster's own job for its Materialize button has no other
    outputs = {"plan": dg.GraphOut(), **{env.name: dg.GraphOut() for env in environments}}

    gates = {f"approval_{env.name}": approval_key(env.name) for env in environments if env.gated}

    @dg.graph(name=PIPELINE, out=outputs, ins={name: dg.GraphIn() for name in gates})
    def lay(**approvals: Any) -> dict[str, Any]:
        plan, planned = preflight.with_hooks(told)()
        done = {"plan": plan}
        after = plan
        for env in environments:
            if env.gated:
                after = gate_op(config, env).with_hooks(told)(
                    after=after, approval=approvals[f"approval_{env.name}"]
                )
            migrated = migrate_op(env).with_hooks(told)(planned=planned, after=after)
            after = verify_op(env).with_hooks(told)(migrated)
            done[env.name] = after
        return done

    keys = {"plan": PLAN_KEY, **{env.name: schema_key(env.name) for env in environments}}
    upstream = {name: {keys[before]} for before, name in pairwise(keys)}
    for env in environments:
        if env.gated:
            upstream[env.name].add(approval_key(env.name))
    return dg.AssetsDefinition.from_graph(
        lay,
        keys_by_input_name=gates,
        keys_by_output_name=keys,
        internal_asset_deps={"plan": set(), **upstream},
        group_name="rollout",
        descriptions_by_output_name=descriptions(config),
        code_versions_by_output_name=dict.fromkeys(keys, code_version(config)),
    )


def descriptions(config: Config) -> dict[str, str]:
    """Describe each asset."""
    schemas = {
        env.name: f"The schema of {env.name}, as it was when last verified. "
        f"{'Behind the gate. ' if env.gated else ''}Its data version is its fingerprint."
        for env in config.environments
    }
    return {"plan": "What the release will do to each environment, as they are now.", **schemas}


def code_version(config: Config) -> str:
    """Give the release's digest: an environment that was verified under another is shown as unsynced."""
    from wish_rollout.rollout.project.project import Project

    return Project(config).release_digest
