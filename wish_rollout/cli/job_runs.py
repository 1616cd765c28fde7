"""Running one of Dagster's jobs from a command, with its progress on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.cli import output

if TYPE_CHECKING:
    from wish_rollout.rollout.project.project import Project


def op_config(op: str, config: dict[str, Any]) -> dict[str, Any]:
    """Wrap an op's configuration as a run's."""
    return {"ops": {op: {"config": config}}}


def run_job(
    project: Project, job: str, config: dict[str, Any], *, until: str | None = None, only: str | None = None
) -> Any:
    """Run a job through Dagster, showing its steps; give the Outcome.

    ``until`` leaves out the environments behind that one, ``only`` all but that one.
    """
    with output.progress(job) as tell:
        from wish_rollout.defs.launch import run

        part = project.config.until(until) if until else project.config
        return run(part.only(only) if only else part, job, config, tell=tell)
