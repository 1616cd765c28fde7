"""The pipeline: one graph with an op for each step, whose outputs are the assets.

The graph is built from rollout.toml: ``preflight_drift_check → migrate_<env> → verify_<env> → … → manual_gate → …``.
A gate's output is optional. Without an approval the gate yields no output, Dagster skips the later steps, and the run
succeeds.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.defs import ops
from wish_rollout.defs.asset_keys import approval_key, plan_key, prefixed, stage_key
from wish_rollout.defs.fleet import rollout_step
from wish_rollout.defs.fleet.op import make_fleet_op
from wish_rollout.defs.release_version import code_version
from wish_rollout.defs.resources import files_key, required_resources
from wish_rollout.defs.runs.notifications import failure_hook

PIPELINE = "rollout_pipeline"
SCHEMA_KINDS = {"dagster/kind/postgresql": "", "dagster/kind/schema": ""}
PLAN_KINDS = {"dagster/kind/alembic": "", "dagster/kind/plan": ""}
APPROVAL_KINDS = {"dagster/kind/ssh": "", "dagster/kind/approval": ""}


def gate_op_name(config: Config, env: Environment) -> str:
    """Return the name of a gate's op: ``manual_gate``, or ``manual_gate_<env>`` if there are several gates."""
    gated = [each for each in config.single_environments if each.gated]
    name = "manual_gate" if len(gated) == 1 else f"manual_gate_{env.name}"
    return prefixed(name, config.project.name)


def make_preflight_op(config: Config) -> dg.OpDefinition:
    """Return the op that plans the release for all environments before any of them is changed."""

    @dg.op(
        name=prefixed("preflight_drift_check", config.project.name),
        out={
            "plan": dg.Out(dg.Nothing, description="The plan is complete.", io_manager_key=files_key(config)),
            "planned": dg.Out(
                dict,
                is_required=bool(config.single_environments),
                description="The plan of each environment.",
                io_manager_key=files_key(config),
            ),
        },
        required_resource_keys=required_resources(config),
        description=(
            "Reads all environments, checks them for drift, and plans the release for each. Changes nothing."
        ),
    )
    def preflight(context: dg.OpExecutionContext) -> Iterator[Any]:
        yield from ops.preflight(context, config.single_environments, config.fleets)

    return preflight


def make_migrate_op(config: Config, env: Environment) -> dg.OpDefinition:
    """Return the op that migrates one environment while it holds the environment's rollout lock."""

    @dg.op(
        name=prefixed(f"migrate_{env.name}", config.project.name),
        ins={
            "planned": dg.In(dict, description="The plan of each environment."),
            "after": dg.In(dg.Nothing, description="The previous step has succeeded."),
        },
        out=dg.Out(
            dict,
            description="The performed migration: revisions, action and duration.",
            io_manager_key=files_key(config),
        ),
        required_resource_keys=required_resources(config),
        description=f"Migrates {env.name} to the head of the release. Fails if its plan has changed since preflight.",
    )
    def migrate(context: dg.OpExecutionContext, planned: dict[str, Any]) -> dict[str, Any]:
        return ops.migrate(context, env, planned)

    return migrate


def make_verify_op(config: Config, env: Environment) -> dg.OpDefinition:
    """Return the op that verifies one environment and materializes ``schema/<env>``."""

    @dg.op(
        name=prefixed(f"verify_{env.name}", config.project.name),
        ins={"migrated": dg.In(dict, description="The performed migration.")},
        out=dg.Out(dg.Nothing, description="The verified schema.", io_manager_key=files_key(config)),
        required_resource_keys=required_resources(config),
        description=(
            f"Verifies that the schema of {env.name} is the schema before the migration plus the promised delta."
        ),
    )
    def verify(context: dg.OpExecutionContext, migrated: dict[str, Any]) -> Iterator[Any]:
        yield from ops.verify(context, env, migrated)

    return verify


def make_gate_op(config: Config, env: Environment) -> dg.OpDefinition:
    """Return the gate's op of one environment."""

    @dg.op(
        name=gate_op_name(config, env),
        ins={
            "after": dg.In(dg.Nothing, description="The previous step has succeeded."),
            "approval": dg.In(dg.Nothing, description="The approvals of the environment."),
        },
        out=dg.Out(
            dg.Nothing,
            is_required=False,
            description="The plan is approved, or there is nothing to do.",
            io_manager_key=files_key(config),
        ),
        required_resource_keys=required_resources(config),
        description=(
            f"Continues to {env.name} if its current plan is approved. Otherwise records a request for approval, "
            "and the later steps are skipped."
        ),
    )
    def gate(context: dg.OpExecutionContext) -> Iterator[Any]:
        yield from ops.gate(context, env)

    return gate


def make_pipeline(config: Config) -> dg.AssetsDefinition:
    """Return the graph of all steps, with ``release/plan`` and each ``schema/<env>`` as its asset outputs."""
    environments, project = config.environments, config.project.name
    gates = {f"approval_{env.name}": approval_key(env.name, project) for env in environments if env.gated}
    keys = {"plan": plan_key(project), **{env.name: stage_key(config, env) for env in environments}}
    upstream = {name: {keys[before]} for before, name in pairwise(keys)}
    for env in environments:
        if env.gated:
            upstream[env.name].add(approval_key(env.name, project))
    return dg.AssetsDefinition.from_graph(
        make_graph(config),
        keys_by_input_name=gates,
        keys_by_output_name=keys,
        internal_asset_deps={"plan": set(), **upstream},
        group_name=prefixed("rollout", project),
        descriptions_by_output_name=asset_descriptions(config),
        tags_by_output_name={**dict.fromkeys(keys, SCHEMA_KINDS), "plan": PLAN_KINDS},
        metadata_by_output_name={name: asset_metadata(config) for name in keys},
        owners_by_output_name={name: list(config.dagster.owners) for name in keys},
        code_versions_by_output_name=dict.fromkeys(keys, code_version(config)),
    )


def make_graph(config: Config) -> dg.GraphDefinition:
    """Return the graph of the ops, in the order of the environments."""
    environments = config.environments
    preflight = make_preflight_op(config)
    # on the ops, because the job behind Dagster's Materialize button has no other hooks
    hooks = {failure_hook(config)}
    outputs = {"plan": dg.GraphOut(), **{env.name: dg.GraphOut() for env in environments}}
    inputs = {f"approval_{env.name}": dg.GraphIn() for env in environments if env.gated}

    @dg.graph(
        name=prefixed(PIPELINE, config.project.name),
        out=outputs,
        ins=inputs,
        description="Plans the release, then migrates and verifies each environment in promotion order.",
    )
    def pipeline(**approvals: Any) -> dict[str, Any]:
        plan, planned = preflight.with_hooks(hooks)()
        results = {"plan": plan}
        after = plan
        for env in environments:
            approval = {"approval": approvals[f"approval_{env.name}"]} if env.gated else {}
            if env.is_fleet:  # its gates are before its waves, inside of the step
                after = make_fleet_op(config, env).with_hooks(hooks)(after=after, **approval)
            else:
                if env.gated:
                    after = make_gate_op(config, env).with_hooks(hooks)(after=after, **approval)
                migrated = make_migrate_op(config, env).with_hooks(hooks)(planned=planned, after=after)
                after = make_verify_op(config, env).with_hooks(hooks)(migrated)
            results[env.name] = after
        return results

    return pipeline


def asset_descriptions(config: Config) -> dict[str, str]:
    """Return the description of each asset by the graph's output name."""
    schemas = {
        env.name: f"The schema of {env.name} at its last verification. "
        f"{'Changed only with an approval. ' if env.gated else ''}The data version is the schema's fingerprint."
        for env in config.single_environments
    }
    schemas |= {env.name: rollout_step.description(env) for env in config.fleets}
    return {"plan": "What the release will do in each environment, in its current state.", **schemas}


def asset_metadata(config: Config) -> dict[str, Any]:
    """Return the metadata of the definition of each asset: the link to the report, if rollout.toml names it."""
    return {"report": dg.MetadataValue.url(config.dagster.report)} if config.dagster.report else {}
