"""The steps of a run: Alembic's plan of the revisions, with the hooks around each."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Literal

from wish_rollout.revisions.runs.module_values import keeping_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from alembic.runtime.migration import MigrationContext

    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.script_folder.scripts import Scripts
    from wish_rollout.revisions.statements.applied_revisions import Applied
    from wish_rollout.revisions.statements.run_hooks import Hooks

Direction = Literal["up", "down", "stamp"]


def steps_to(
    scripts: Scripts, destination: str | Position, direction: Direction, hooks: Hooks, applied: Applied
) -> Callable[[Any, MigrationContext], Iterator[Any]]:
    """Return what Alembic asks for its steps; each revision is noted just before it runs, and may be refused."""
    planner = planner_of(scripts, direction)
    if isinstance(destination, tuple) and len(destination) == 1:
        destination = destination[0]
    if direction == "down" and isinstance(destination, tuple) and destination:
        planner = partial(_steps_down, planner)

    def steps(rev: Any, context: MigrationContext) -> Iterator[Any]:  # noqa: ARG001
        for step in planner(destination, rev):
            if direction != "stamp":
                if hooks.step:
                    hooks.step(step.revision.revision)
                applied.revisions.append(step.revision.revision)
                run = keeping_values(step.revision.module, step.migration_fn)
                step.migration_fn = call_around(step.revision.revision, hooks, run)
            yield step

    return steps


def _steps_down(planner: Callable[[Any, Any], Iterable[Any]], position: Position, rev: Any) -> Iterable[Any]:
    """Return the steps down to a position of several heads: Alembic plans to take back what follows one revision.

    What one plan has already is left out of the next: revisions that follow both come first in each.
    """
    steps = [step for revision in position for step in planner(revision, rev)]
    return {step.revision.revision: step for step in steps}.values()


def call_around(revision: str, hooks: Hooks, run: Callable[..., Any]) -> Callable[..., Any]:
    """Call the hooks ``each`` and ``completed`` before and behind a step, in that step's own transaction."""

    @wraps(run)  # Alembic logs the name: "Running upgrade"
    def called(**arguments: Any) -> Any:
        if hooks.each:
            hooks.each()
        result = run(**arguments)
        if hooks.completed:
            hooks.completed(revision)
        return result

    return called


def planner_of(scripts: Scripts, direction: Direction) -> Callable[[Any, Any], Iterable[Any]]:
    """Return Alembic's own planner of steps for a direction, as its commands use it."""
    planners = {"up": "_upgrade_revs", "down": "_downgrade_revs", "stamp": "_stamp_revs"}
    planner: Callable[[Any, Any], Iterable[Any]] = getattr(scripts.directory, planners[direction])
    return planner
