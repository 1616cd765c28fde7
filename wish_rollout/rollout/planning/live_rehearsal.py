"""The rehearsal of pending revisions on a copy of the live schema, where that is not the schema of its revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.rollout.project.environment_schema import without_baseline

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.revisions.statements.run_hooks import Sent
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema


def rehearse_from_live(
    schema: EnvironmentSchema, drift: Delta, run: Callable[[Sent], None] | None = None
) -> str:
    """Return why the pending revisions do not lead from the live schema to exactly the head's; "" if they do.

    They run on a scratch database with a copy of the live schema, without rows. ``run`` executes each statement. A live
    schema that cannot be copied, or a missing scratch server, is a reason too.
    """
    from wish_rollout.postgres.sessions.connections import execute_statements
    from wish_rollout.revisions.statements.run_hooks import Hooks
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
            replayer.up_to(project.release.head, schema.position, Hooks(run=run))
            left = difference(project.history.at(project.release.head), replayer.snapshot())
            return summarize_delta(left) if left else ""
    except RolloutError as error:
        return error.fill(error.summary).rstrip(".")
    except psycopg.Error as error:
        return f"the live schema cannot be copied: {error.diag.message_primary or type(error).__name__}"
