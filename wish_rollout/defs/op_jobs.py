"""Jobs that consist of one op: verify, drift_check, approve and reject."""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.defs.asset_keys import prefixed
from wish_rollout.defs.resources import files_key, required_resources
from wish_rollout.defs.run_config import scaffold
from wish_rollout.defs.runs.run_tags import clear_copied_tags


@dataclass(frozen=True, slots=True)
class OpJob:
    """A job with one op. The description is shown for both.

    ``example``: the values that the launchpad shows at first.
    """

    name: str
    op_name: str
    description: str
    config_schema: Mapping[str, dg.Field]
    example: Mapping[str, Any]

    def define(
        self,
        config: Config,
        execute: Callable[[dg.OpExecutionContext], Iterator[Any]],
        hooks: Set[dg.HookDefinition] = frozenset(),
    ) -> dg.JobDefinition:
        """Return the job. ``execute``: the op's function, which may use the database of any environment."""
        project = config.project.name
        op_name = prefixed(self.op_name, project)
        op = dg.op(
            name=op_name,
            description=self.description,
            config_schema=dict(self.config_schema),
            required_resource_keys=required_resources(config),
            out=dg.Out(dg.Nothing, io_manager_key=files_key(config)),
        )(_with_own_tags(execute))

        @dg.job(
            name=prefixed(self.name, project),
            description=self.description,
            hooks=set(hooks),
            config=scaffold(op_name, **self.example),
            executor_def=dg.in_process_executor,
        )
        def job() -> None:
            op()

        return job


def _with_own_tags(execute: Callable[[dg.OpExecutionContext], Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Return the function of an op that does not take the tags of another run for those of its own."""

    def start(context: dg.OpExecutionContext) -> Iterator[Any]:
        clear_copied_tags(context.instance, context.run)
        yield from execute(context)

    return start
