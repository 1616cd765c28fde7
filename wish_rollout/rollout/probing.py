"""Asking the rows that are there whether the new schema will take them, before anything is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.demands import ROWS, demands
from wish_rollout.core.errors import RolloutError
from wish_rollout.core.hazard_errors import RowsDoNotFit
from wish_rollout.core.plan import Action
from wish_rollout.core.sql_words import bare, statements
from wish_rollout.postgres.planting import needed_columns, plant, sample
from wish_rollout.postgres.probes import probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.demands import Finding
    from wish_rollout.core.plan import EnvironmentPlan
    from wish_rollout.rollout.project import Project, Target

REHEARSED = 200
"""So many violating rows of each kind are taken to the scratch server, at most."""


def refuse_rows(
    project: Project, target: Target, connection: psycopg.Connection[Any], plan: EnvironmentPlan
) -> None:
    """Raise RowsDoNotFit where old rows break what the new schema demands, and the release does not mend them.

    A revision that knows better says so: ``allow_hazards = {"rows-do-not-fit": "reason"}``.
    """
    if plan.action is not Action.UPGRADE or not plan.pending or plan.resumes:
        return
    from wish_rollout.revisions.allowances import allowances

    if any(ROWS in allowances(project.scripts, one.id) for one in project.release.pending(plan.start)):
        return
    wanted = demands(project.history.at(plan.start), project.history.at(plan.end))
    if not wanted:
        return
    found = [finding for finding in probe(connection, target.name, wanted) if finding.rows]
    if not found:
        return
    failure = rehearse(project, connection, plan, found)
    if failure:
        raise RowsDoNotFit(target.name, "; ".join(finding.says for finding in found), failure, _see(found))


def _see(found: Sequence[Finding]) -> str:
    return "\n".join(f"{finding.sql};" for finding in found)


def rehearse(
    project: Project,
    connection: psycopg.Connection[Any],
    plan: EnvironmentPlan,
    found: Sequence[Finding],
) -> str:
    """Run the release on a scratch database that holds such rows; give why it failed, empty where it did not.

    Only keys, demanded columns, those that may not be NULL and those that the release's statements name are
    taken there, of a bounded number of rows; the scratch database is dropped with them.
    """
    from wish_rollout.postgres.connect import connect
    from wish_rollout.rollout.replay import SCRATCH, Replayer, scratch

    before = project.history.at(plan.start)
    named = frozenset(bare(word) for text in plan.statements for words in statements(text) for word in words)
    try:
        with scratch(project) as url:
            replayer = Replayer(project, url)
            for head in plan.start:
                replayer.up(head)
            with connect(url, SCRATCH) as there:
                for finding in found:
                    columns = needed_columns(before, finding.demand, named)
                    rows = sample(connection, finding.sql, columns, REHEARSED)
                    plant(there, finding.demand.table, columns, rows)
            for head in plan.end:
                replayer.up(head)
    except RolloutError as error:
        return error.say(error.what)
    except psycopg.Error as error:
        return f"such rows could not be taken to the scratch server ({error.diag.message_primary or error})"
    return ""
