"""Jobs that consist of one op: rollback, verify, drift_check, approve and reject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.defs.resources import database_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Set

    from wish_rollout.config import Config


@dataclass(frozen=True, slots=True)
class OpJob:
    """A job with one op. The description is shown for both."""

    name: str
    op_name: str
    description: str
    config_schema: Mapping[str, dg.Field]

    def define(
        self,
        config: Config,
        execute: Callable[[dg.OpExecutionContext], Any],
        hooks: Set[dg.HookDefinition] = frozenset(),
    ) -> dg.JobDefinition:
        """Return the job. ``execute``: the op's function, which may use the database of any environment."""
        op = dg.op(
            name=self.op_name,
            description=self.description,
            config_schema=dict(self.config_schema),
            required_resource_keys=required_resources(config),
            out=dg.Out(dg.Nothing),
        )(execute)

        @dg.job(name=self.name, description=self.description, hooks=set(hooks))
        def job() -> None:
            op()

        return job


def required_resources(config: Config) -> set[str]:
    """Return the resource keys of an op that may use the database of any environment."""
    return {"project", "choices", *(database_key(env.name) for env in config.environments)}
