"""The rehearsal of pending revisions on a copy of the live schema, where that is not the schema of its revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.release.release import format_position
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.column_order import is_column_move
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.rollback_differences import unforeseen_after_rollback
from wish_rollout.rollout.project.environment_schema import without_baseline

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.statements.run_hooks import Sent
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema
    from wish_rollout.rollout.replay.replayer import Replayer


def rehearse_from_live(
    schema: EnvironmentSchema,
    drift: Delta,
    run: Callable[[Sent], None] | None = None,
    *,
    back_to: Position | None = None,
) -> str:
    """Return why the pending revisions do not lead from the live schema to exactly the head's; "" if they do.

    Another order of columns is left out: ``refuse_column_order`` decides about it. They run on a scratch database with a
    copy of the live schema, without rows. ``run`` executes each statement. A live schema that cannot be copied, or a
    missing scratch server, is a reason too. ``back_to``: rehearse the downgrades to this position instead.
    """
    from wish_rollout.postgres.sessions.connections import execute_statements
    from wish_rollout.rollout.release.base_schema import SCRATCH
    from wish_rollout.rollout.replay.replayer import Replayer
    from wish_rollout.rollout.servers.scratch import scratch

    project = schema.project
    live, promise = without_baseline(schema, drift), project.history.at(schema.position)
    found = remedy(promise, live, Roles("CURRENT_USER", {}, portable=True), schema.state.facts.major)
    if not found.covered:
        return "the live schema cannot be copied: " + "; ".join(map(str, found.gaps))
    try:
        with scratch(project) as url:
            replayer = Replayer(project, url)
            replayer.up_to(schema.position)
            execute_statements(url, SCRATCH, (statement.sql for statement in found.statements))
            if left := difference(live, replayer.snapshot()):
                return f"the live schema cannot be copied: {summarize_delta(left)}"
            left = _rehearse(replayer, schema, run, back_to)
            return summarize_delta(left) if left else ""
    except RolloutError as error:
        return error.fill(error.summary).rstrip(".")
    except psycopg.Error as error:
        return f"the live schema cannot be copied: {error.diag.message_primary or type(error).__name__}"


def _rehearse(
    replayer: Replayer,
    schema: EnvironmentSchema,
    run: Callable[[Sent], None] | None,
    back_to: Position | None,
) -> Delta:
    """Run the scripts up to the head, or down; return the difference from the promised schema."""
    from wish_rollout.revisions.statements.run_hooks import Hooks

    history, head = schema.project.history, schema.project.release.head
    if back_to is not None:
        replayer.down(schema.position[-1], format_position(back_to), Hooks(run=run))
        return unforeseen_after_rollback(difference(history.at(back_to), replayer.snapshot()))
    replayer.up_to(head, schema.position, Hooks(run=run))
    changes = difference(history.at(head), replayer.snapshot()).changes
    return Delta(tuple(each for each in changes if not is_column_move(each)))
