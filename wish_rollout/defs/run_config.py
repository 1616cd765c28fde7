"""Configuration schemas of the ops and resources that a run's configuration can set.

The fields are plain types and enumerations. Dagster's StringSource also accepts ``{env: NAME}`` and inserts that
variable's value, and an error message that quotes the value would show a secret of the worker to anyone who can launch
a run. Environments are enumerations, which Dagster's launchpad completes and checks.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.defs.asset_keys import prefixed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.config import Config, Environment

Schema = dict[str, dg.Field]
TO = dg.Field(
    dg.Noneable(str),
    default_value=None,
    description="Revision to downgrade to, or base. Default: the revision before the current one.",
)
BY_REMEDY = dg.Field(
    bool,
    default_value=False,
    description=(
        "Execute the SQL that leads from the one schema to the other, instead of the downgrades of the scripts."
    ),
)
APPROVAL = dg.Field(
    str,
    description=(
        "The approval text and its signature. Replace this whole configuration with the content of the file "
        "that `wish-rollout approve ENV --run-config FILE` writes."
    ),
)


def environment_enum(config: Config, name: str, environments: Iterable[Environment]) -> dg.Enum:
    """Return the enumeration of some environments, with what each is as its description.

    Dagster caches configuration types by name for a process, which may build the definitions of several configurations.
    So the name contains a digest of the values.
    """
    described = {env.name: describe_environment(env) for env in environments}
    digest = hashlib.sha256(repr(described).encode()).hexdigest()[:8]
    values = [dg.EnumValue(value, description=text) for value, text in described.items()]
    return dg.Enum(f"{prefixed(name, config.project.name)}_{digest}", values)


def describe_environment(env: Environment) -> str:
    """Return the policy of an environment in a few words."""
    policies = {"gated": env.gated, "optional": env.optional, "disposable": env.disposable}
    return ", ".join(name for name, is_set in policies.items() if is_set) or "not gated"


def _environment(config: Config) -> dg.Field:
    return dg.Field(_any_environment(config), description="Environment of rollout.toml.")


def _any_environment(config: Config) -> dg.Enum:
    return environment_enum(config, "Environment", selectable_environments(config))


def _gated_environment(config: Config) -> dg.Field:
    gated = selectable_environments(config, gated=True)
    enum = environment_enum(config, "GatedEnvironment", gated)
    return dg.Field(enum, description="Gated environment of rollout.toml.")


def environment(config: Config) -> Schema:
    """Return the configuration of the job ``verify``."""
    return {"environment": _environment(config)}


def rollback(config: Config) -> Schema:
    """Return the configuration of the job ``rollback``."""
    return {**environment(config), "to": TO, "by_remedy": BY_REMEDY}


def drift(config: Config) -> Schema:
    """Return the configuration of the job ``drift_check``."""
    text = "Environments of rollout.toml. Default: all."
    return {"environments": dg.Field([_any_environment(config)], default_value=[], description=text)}


def approve(config: Config) -> Schema:
    """Return the configuration of the job ``approve``."""
    return {"environment": _gated_environment(config), "approval": APPROVAL}


def reject(config: Config) -> Schema:
    """Return the configuration of the job ``reject``."""
    return {
        "environment": _gated_environment(config),
        "nonce": dg.Field(str, description="Nonce of the request, as `wish-rollout requests` shows it."),
        "who": dg.Field(str, description="Name or e-mail address of the person who rejects the request."),
        "reason": dg.Field(str, description="Reason for the rejection."),
    }


def choices_config() -> Schema:
    """Return the configuration of the resource ``choices``."""
    return {
        "adopt": dg.Field(
            [str],
            default_value=[],
            description=(
                "Environments to adopt: their schema is already that of the release, "
                "so the release is recorded and no script is run."
            ),
        ),
        "clean": dg.Field(
            [str],
            default_value=[],
            description=(
                "Disposable environments to clean: conflicting objects are dropped with their rows "
                "before the migration."
            ),
        ),
        "replan": dg.Field(
            [str],
            default_value=[],
            description=(
                "Environments in which a release that was interrupted half done is continued, although its scripts "
                "were changed since then."
            ),
        ),
    }


def first_environment(config: Config, *, gated: bool = False) -> str:
    """Return the environment that the launchpad shows at first."""
    return selectable_environments(config, gated=gated)[0].name


def selectable_environments(config: Config, *, gated: bool = False) -> tuple[Environment, ...]:
    """Return the environments that a run can select: enabled ones, or all declared ones if none is enabled; no fleets.

    ``gated``: only gated ones, if there are any, with gated fleets.
    """
    enabled = config.environments or config.environment
    single = tuple(env for env in enabled if not env.is_fleet) or enabled
    return tuple(env for env in enabled if env.gated) or single if gated else single


def approval_yaml(op: str, environment: str, document: str) -> str:
    """Return the run configuration of the job ``approve`` as YAML. ``op``: the name of its op.

    The lines of an approval contain no control characters, so that a literal block holds them as they are.
    """
    head = f"ops:\n  {op}:\n    config:\n      environment: {json.dumps(environment)}\n      approval: |\n"
    return head + "".join(f"        {line}\n" if line else "\n" for line in document.strip("\n").split("\n"))


def scaffold(op: str, **values: Any) -> dict[str, Any]:
    """Return the run configuration that Dagster's launchpad shows at first for a job with one op."""
    return {"ops": {op: {"config": values}}}
