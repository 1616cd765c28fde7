"""Runs of Dagster jobs from a command, with their progress on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.cli import output

if TYPE_CHECKING:
    from wish_rollout.rollout.project.project import Project


def op_config(op: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the run config that configures one op."""
    return {"ops": {op: {"config": config}}}


def run_with_progress(
    project: Project, job: str, config: dict[str, Any], *, until: str | None = None, only: str | None = None
) -> Any:
    """Run a Dagster job in this process, show its steps, and return its Outcome.

    ``until``: the last environment that takes part. ``only``: the only environment that takes part.
    """
    with output.progress(job) as report_step:
        from wish_rollout.defs.launch import run_job
        from wish_rollout.defs.release_version import read_project

        selected = project.config.truncate_after(until) if until else project.config
        with read_project(project):
            return run_job(
                selected.select_environment(only) if only else selected, job, config, report_step=report_step
            )
