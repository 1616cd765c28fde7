"""Asking the rows that are there whether the new schema will take them, before anything is touched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.hazards import RowsDoNotFit
from wish_rollout.core.hazards.rename_tracking import all_renames
from wish_rollout.core.plan.plan import Action, EnvironmentPlan
from wish_rollout.core.rows.derived_requirements import demands
from wish_rollout.core.rows.requirements import ROWS, source
from wish_rollout.core.text.sql_tokens import bare, statements
from wish_rollout.postgres.rows.row_probes import probe
from wish_rollout.postgres.rows.row_sampling import select_sample_columns, insert_sample_rows, sample
from wish_rollout.rollout.planning.hazard_assessment import pending_revisions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.rows.requirements import Finding
    from wish_rollout.rollout.project.project import Project

SAMPLED_ROWS = 200
"""So many violating rows of each kind are taken to the scratch server, at most."""


def add_row_findings(
    project: Project, connection: psycopg.Connection[Any], plan: EnvironmentPlan
) -> EnvironmentPlan:
    """Give the plan with the rows that the new schema would refuse; the session is only read from.

    Those that the release mends itself, as a rehearsal shows, are none. A revision that knows better says so:
    ``allow_hazards = {"rows-do-not-fit": "reason"}``; then they are told with that reason. Raises BadAllowance.
    """
    if plan.action not in (Action.UPGRADE, Action.CLEAN) or not plan.pending or plan.resumes:
        return plan
    before, after = project.history.at(plan.start), project.history.at(plan.end)
    wanted = demands(before, after, all_renames(before, pending_revisions(project, plan)))
    found = probe(connection, plan.environment, wanted) if wanted else []
    counted = [finding for finding in found if finding.rows]
    if not counted:
        return replace(plan, findings=tuple(found))
    reason = _reason(project, plan)
    failure = "" if reason else rehearse_on_sampled_rows(project, connection, plan, counted)
    if not reason and not failure:
        found = [finding for finding in found if not finding.rows]
    told = [
        replace(each, allowed=reason, rehearsed=failure) if each.rows else each for each in found
    ]  # what could not be counted is neither
    return replace(plan, findings=tuple(told))


def _reason(project: Project, plan: EnvironmentPlan) -> str:
    """Say why the pending revisions let such rows be; empty where none does."""
    from wish_rollout.revisions.hazard_allowances import allowances

    pending = project.release.pending(plan.start)
    reasons = (allowances(project.scripts, one.id).get(ROWS, "") for one in pending)
    return "; ".join(dict.fromkeys(reason for reason in reasons if reason))


def refuse_violating_rows(plan: EnvironmentPlan) -> None:
    """Raise RowsDoNotFit where old rows break what the new schema demands, and nothing lets them be."""
    left = [finding for finding in plan.findings if finding.rows and not finding.allowed]
    if left:
        says, shown = (finding.says for finding in left), (f"{finding.sql};" for finding in left)
        raise RowsDoNotFit(plan.environment, "; ".join(says), left[0].rehearsed, "\n".join(shown))


def rehearse_on_sampled_rows(
    project: Project,
    connection: psycopg.Connection[Any],
    plan: EnvironmentPlan,
    found: Sequence[Finding],
) -> str:
    """Run the release on a scratch database that holds such rows; give why it failed, empty where it did not.

    Only keys, demanded columns, those that may not be NULL and those that the release's statements name are
    taken there, of a bounded number of rows; the scratch database is dropped with them.
    """
    from wish_rollout.postgres.sessions.connections import connect
    from wish_rollout.rollout.project.replay import SCRATCH, Replayer, scratch

    before = project.history.at(plan.start)
    named = frozenset(bare(word) for text in plan.statements for words in statements(text) for word in words)
    try:
        with scratch(project) as url:
            replayer = Replayer(project, url)
            for head in plan.start:
                replayer.up(head)
            with connect(url, SCRATCH) as there:
                for finding in found:
                    columns = select_sample_columns(before, finding.demand, named)
                    rows = sample(connection, finding.sql, columns, SAMPLED_ROWS)
                    insert_sample_rows(there, source(finding.demand).table, columns, rows)
            for head in plan.end:
                replayer.up(head)
    except RolloutError as error:
        return error.fill(error.summary)
    except psycopg.Error as error:
        return f"such rows could not be taken to the scratch server ({error.diag.message_primary or error})"
    return ""
